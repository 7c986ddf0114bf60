"""Writes questions as a package of QTI 2.1, which Canvas, Blackboard and others import.

Sources: IMS Global, Question and Test Interoperability 2.1, 2012, XML binding, and Content
Packaging 1.1. The conditions have the form in which Canvas's importer looks for the reason of each
choice: gems/plugins/qti_exporter/lib/qti/choice_interaction.rb.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from html import escape

from .bank import Choice, Item, form
from .pictures import Drawn, drawn
from .texts import as_mathml, blocks, line

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
QTI = "http://www.imsglobal.org/xsd/imsqti_v2p1"
PACKAGE = "http://www.imsglobal.org/xsd/imscp_v1p1"
SCHEMAS = {
    QTI: "http://www.imsglobal.org/xsd/qti/qtiv2p1/imsqti_v2p1.xsd",
    PACKAGE: "http://www.imsglobal.org/xsd/qti/qtiv2p1/qtiv2p1_imscpv1p2_v1p0.xsd",
}
#: The time of every file in a package, so that the same questions give the same bytes.
TIME = (1980, 1, 1, 0, 0, 0)


def _root(tag: str, space: str, **attributes: str) -> str:
    """Returns the first tag of a file, with its namespace and where the schema stands."""
    given = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
    return (
        f'{HEAD}<{tag} xmlns="{space}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="{space} {SCHEMAS[space]}"{given}>\n'
    )


def _condition(choice: Choice, tag: str) -> str:
    """Returns what follows from one choice: its score, and which reason is shown."""
    return f"""<{tag}>
<match><variable identifier="RESPONSE"/>\
<baseValue baseType="identifier">{choice.letter}</baseValue></match>
<setOutcomeValue identifier="SCORE">\
<baseValue baseType="float">{int(choice.right)}</baseValue></setOutcomeValue>
<setOutcomeValue identifier="FEEDBACK"><multiple><variable identifier="FEEDBACK"/>\
<baseValue baseType="identifier">reason{choice.letter}</baseValue></multiple></setOutcomeValue>
</{tag}>
"""


def _processing(item: Item) -> str:
    tags = ["responseIf", *["responseElseIf"] * (len(item.choices) - 1)]
    conditions = "".join(map(_condition, item.choices, tags))
    body = f"<responseCondition>\n{conditions}</responseCondition>"
    return f"<responseProcessing>\n{body}\n</responseProcessing>\n"


DECLARATIONS = """<responseDeclaration identifier="RESPONSE" cardinality="single" \
baseType="identifier"><correctResponse><value>{right}</value></correctResponse>\
</responseDeclaration>
<outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float">\
<defaultValue><value>0</value></defaultValue></outcomeDeclaration>
<outcomeDeclaration identifier="FEEDBACK" cardinality="multiple" baseType="identifier"/>
"""


def item_file(item: Item, picture: Drawn | None) -> str:
    """Returns one question as an assessment item; its picture stands in `images/` beside it."""
    title = f"{item.kind.title} ({form(item.seed)})"
    body = blocks(item.question.text, as_mathml)
    shown = f"\n<p>{picture.tag(f'images/{picture.name}')}</p>" if picture else ""
    choices = "".join(
        f'<simpleChoice identifier="{c.letter}">{line(c.text, as_mathml)}</simpleChoice>\n'
        for c in item.choices
    )
    reasons = "".join(
        f'<modalFeedback outcomeIdentifier="FEEDBACK" identifier="reason{c.letter}" '
        f'showHide="show"><p>{line(c.reason, as_mathml)}</p></modalFeedback>\n'
        for c in item.choices
    )
    attributes = {"adaptive": "false", "timeDependent": "false", "xml:lang": "en"}
    return (
        _root("assessmentItem", QTI, identifier=item.identifier, title=title, **attributes)
        + DECLARATIONS.format(right=item.right.letter)
        + f"<itemBody>\n<div>{body}{shown}</div>\n"
        + '<choiceInteraction responseIdentifier="RESPONSE" shuffle="true" maxChoices="1">\n'
        + f"{choices}</choiceInteraction>\n</itemBody>\n"
        + f"{_processing(item)}{reasons}</assessmentItem>\n"
    )


def assessment_file(items: Sequence[Item], title: str) -> str:
    """Returns the test that holds all items, in their order."""
    references = "".join(
        f'<assessmentItemRef identifier="{item.identifier}" href="items/{item.identifier}.xml"/>\n'
        for item in items
    )
    return (
        _root("assessmentTest", QTI, identifier="test", title=title)
        + '<testPart identifier="part" navigationMode="nonlinear" submissionMode="individual">\n'
        + f'<assessmentSection identifier="section" title="{escape(title)}" visible="true">\n'
        + f"{references}</assessmentSection>\n</testPart>\n</assessmentTest>\n"
    )


def manifest(items: Sequence[Item], pictures: Sequence[Drawn | None]) -> str:
    """Returns the list of what is in the package."""
    needed = "".join(f'<dependency identifierref="{item.identifier}"/>\n' for item in items)
    resources = (
        '<resource identifier="test" type="imsqti_test_xmlv2p1" href="test.xml">\n'
        f'<file href="test.xml"/>\n{needed}</resource>\n'
    )
    for item, picture in zip(items, pictures, strict=True):
        path = f"items/{item.identifier}.xml"
        files = f'<file href="{path}"/>\n'
        files += f'<file href="items/images/{picture.name}"/>\n' if picture else ""
        resources += (
            f'<resource identifier="{item.identifier}" type="imsqti_item_xmlv2p1" href="{path}">\n'
            f"{files}</resource>\n"
        )
    return (
        _root("manifest", PACKAGE, identifier="package")
        + "<metadata><schema>QTIv2.1 Package</schema><schemaversion>1.0.0</schemaversion>"
        + f"</metadata>\n<organizations/>\n<resources>\n{resources}</resources>\n</manifest>\n"
    )


def package(items: Sequence[Item], title: str) -> bytes:
    """Returns the package as a ZIP file.

    Raises:
        ValueError: the book's libraries, which set formulas, are not installed.
    """
    pictures = [drawn(item) for item in items]
    files: dict[str, str | bytes] = {
        "imsmanifest.xml": manifest(items, pictures),
        "test.xml": assessment_file(items, title),
    }
    for item, picture in zip(items, pictures, strict=True):
        files[f"items/{item.identifier}.xml"] = item_file(item, picture)
        if picture:
            files[f"items/images/{picture.name}"] = picture.png
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, TIME), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
