"""A small grammar for XML: which attributes an element must and may have, and which children.

No schema of IMS Global comes in a package, and its licence keeps it out of this repository; Moodle
publishes none. So the parts of both formats that the course writes are put down here, element by
element, from the information model of QTI 2.1 (2012), from Content Packaging 1.1 and from Moodle's
own reader. Children are a regular expression over their names, each followed by a space.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

QTI = "http://www.imsglobal.org/xsd/imsqti_v2p1"
PACKAGE = "http://www.imsglobal.org/xsd/imscp_v1p1"
MATHML = "http://www.w3.org/1998/Math/MathML"
LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True)
class Rule:
    """What an element may hold."""

    children: str = ""
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    text: str = r"\s*"  # what may stand beside the children
    values: Mapping[str, str] = field(default_factory=dict)  # the form of some attributes


IDENTIFIER = r"[A-Za-z_][\w.-]*"
ANY_TEXT = r"(?s:.*)"
INLINE = "(span |em |strong |code |math |img |br )*"
BLOCKS = "(p |pre |table |div )+"


MARKED = Rule(INLINE, text=ANY_TEXT)

XHTML = {
    "p": MARKED,
    "span": Rule(INLINE, optional=("class",), text=ANY_TEXT),
    "em": MARKED,
    "strong": MARKED,
    "code": MARKED,
    "pre": Rule("code ", text=ANY_TEXT),
    "div": Rule(BLOCKS),
    "img": Rule(required=("src", "alt"), optional=("width", "height")),
    "table": Rule("thead tbody "),
    "thead": Rule("tr "),
    "tbody": Rule("(tr )+"),
    "tr": Rule("((th )+|(td )+)"),
    "th": MARKED,
    "td": MARKED,
}

VARIABLE = ("identifier", "cardinality", "baseType")
EXPRESSION = "(variable |baseValue |multiple |match )"

ITEM = {
    **XHTML,
    "assessmentItem": Rule(
        "(responseDeclaration )*(outcomeDeclaration )*(itemBody )?(responseProcessing )?"
        "(modalFeedback )*",
        required=("identifier", "title", "adaptive", "timeDependent"),
        optional=(LOCATION, LANGUAGE, "label", "toolName", "toolVersion"),
        values={"identifier": IDENTIFIER, "adaptive": "true|false", "timeDependent": "true|false"},
    ),
    "responseDeclaration": Rule("(correctResponse )?", required=VARIABLE),
    "outcomeDeclaration": Rule("(defaultValue )?", required=VARIABLE),
    "correctResponse": Rule("(value )+"),
    "defaultValue": Rule("(value )+"),
    "value": Rule(text=r"\S+"),
    "itemBody": Rule("(p |pre |table |div |choiceInteraction )+"),
    "choiceInteraction": Rule(
        "(prompt )?(simpleChoice )+",
        required=("responseIdentifier", "shuffle", "maxChoices"),
        values={"shuffle": "true|false", "maxChoices": r"\d+"},
    ),
    "simpleChoice": Rule(
        INLINE, required=("identifier",), text=ANY_TEXT, values={"identifier": IDENTIFIER}
    ),
    "responseProcessing": Rule("(responseCondition )+"),
    "responseCondition": Rule("responseIf (responseElseIf )*(responseElse )?"),
    "responseIf": Rule(f"{EXPRESSION}(setOutcomeValue )*"),
    "responseElseIf": Rule(f"{EXPRESSION}(setOutcomeValue )*"),
    "match": Rule(EXPRESSION * 2),
    "multiple": Rule(f"{EXPRESSION}*"),
    "variable": Rule(required=("identifier",)),
    "baseValue": Rule(required=("baseType",), text=r"\S+"),
    "setOutcomeValue": Rule(EXPRESSION, required=("identifier",)),
    "modalFeedback": Rule(
        "(p )+",
        required=("outcomeIdentifier", "identifier", "showHide"),
        optional=("title",),
        values={"identifier": IDENTIFIER, "showHide": "show|hide"},
    ),
}

TEST = {
    "assessmentTest": Rule(
        "(testPart )+", required=("identifier", "title"), optional=(LOCATION, "toolName")
    ),
    "testPart": Rule(
        "(assessmentSection )+",
        required=("identifier", "navigationMode", "submissionMode"),
        values={"navigationMode": "linear|nonlinear", "submissionMode": "individual|simultaneous"},
    ),
    "assessmentSection": Rule(
        "(assessmentItemRef )*",
        required=("identifier", "title", "visible"),
        values={"visible": "true|false"},
    ),
    "assessmentItemRef": Rule(required=("identifier", "href"), values={"identifier": IDENTIFIER}),
}

MANIFEST = {
    "manifest": Rule(
        "metadata organizations resources ", required=("identifier",), optional=(LOCATION,)
    ),
    "metadata": Rule("schema schemaversion "),
    "schema": Rule(text=r"QTIv2\.1 Package"),
    "schemaversion": Rule(text=r"1\.0\.0"),
    "organizations": Rule(),
    "resources": Rule("(resource )+"),
    "resource": Rule(
        "(file )+(dependency )*",
        required=("identifier", "type", "href"),
        values={"identifier": IDENTIFIER, "type": "imsqti_(item|test)_xmlv2p1"},
    ),
    "file": Rule(required=("href",)),
    "dependency": Rule(required=("identifierref",)),
}

FORMATTED = ("format",)
MOODLE = {
    "quiz": Rule("(question )+"),
    "question": Rule(
        "(category |name questiontext generalfeedback defaultgrade penalty hidden idnumber single "
        "shuffleanswers answernumbering (answer ){2,}tags )",
        required=("type",),
        values={"type": "category|multichoice"},
    ),
    "category": Rule("text "),
    "name": Rule("text "),
    "text": Rule(text=ANY_TEXT),
    "questiontext": Rule("text (file )*", required=FORMATTED, values={"format": "html"}),
    "generalfeedback": Rule("text ", required=FORMATTED, values={"format": "html"}),
    "feedback": Rule("text ", required=FORMATTED, values={"format": "html"}),
    "file": Rule(
        required=("name", "path", "encoding"), text=r"[A-Za-z0-9+/=]+",
        values={"encoding": "base64"},
    ),
    "defaultgrade": Rule(text=r"\d+(\.\d+)?"),
    "penalty": Rule(text=r"0(\.\d+)?|1"),
    "hidden": Rule(text="0|1"),
    "idnumber": Rule(text=".{1,100}"),
    "single": Rule(text="true|false"),
    "shuffleanswers": Rule(text="true|false|0|1"),
    "answernumbering": Rule(text="abc|ABCD|123|iii|IIII|none"),
    "answer": Rule(
        "text feedback ", required=("fraction", "format"),
        values={"fraction": "0|100", "format": "html"},
    ),
    "tags": Rule("(tag )*"),
    "tag": Rule("text "),
}  # fmt: skip


def local(name: str) -> str:
    """Returns an element's name without its namespace."""
    return name.rpartition("}")[2]


def faults(element: ET.Element, rules: Mapping[str, Rule], space: str = "") -> list[str]:
    """Returns what is wrong with an element and all below it.

    Formulas in MathML are left out: what writes them is tested with the book.
    """
    name = local(element.tag)
    if element.tag.startswith(f"{{{MATHML}}}"):
        return [] if name == "math" else [f"{name} stands outside of math"]
    expected = f"{{{space}}}{name}" if space else name
    if element.tag != expected or name not in rules:
        return [f"{element.tag} is no element of this file"]
    rule, found = rules[name], []
    children = "".join(f"{local(child.tag)} " for child in element)
    if not re.fullmatch(rule.children, children):
        found.append(f"{name} holds {children or 'nothing'!r}")
    beside = "".join([element.text or "", *(child.tail or "" for child in element)])
    if not re.fullmatch(rule.text, beside):
        found.append(f"{name} holds the text {beside[:60]!r}")
    missing = set(rule.required) - set(element.attrib)
    unknown = set(element.attrib) - {*rule.required, *rule.optional}
    found += [f"{name} lacks {attribute}" for attribute in sorted(missing)]
    found += [f"{name} has no {attribute}" for attribute in sorted(unknown)]
    for attribute, form in rule.values.items():
        if not re.fullmatch(form, element.get(attribute, "")):
            found.append(f"{name} has {attribute} = {element.get(attribute)!r}")
    for child in element:
        found += faults(child, rules, space)
    return found
