"""Writes questions as Moodle XML, which Moodle's question bank imports.

Source: Moodle, question/format/xml/format.php, and docs.moodle.org, Moodle XML format.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from .bank import Item, form
from .pictures import drawn
from .texts import as_tex, blocks, line


def _with_text(parent: ET.Element, tag: str, text: str, **attributes: str) -> ET.Element:
    """Adds an element that holds a text in the way that Moodle asks for, and returns it."""
    element = ET.SubElement(parent, tag, attributes)
    ET.SubElement(element, "text").text = text
    return element


def _category(quiz: ET.Element, chapter: str) -> None:
    question = ET.SubElement(quiz, "question", type="category")
    _with_text(question, "category", f"$course$/top/Foundations of AIGC/{chapter}")


def _question_text(question: ET.Element, item: Item) -> None:
    text, picture = blocks(item.question.text, as_tex), drawn(item)
    if picture is None:
        _with_text(question, "questiontext", text, format="html")
        return
    text += f"\n<p>{picture.tag(f'@@PLUGINFILE@@/{picture.name}')}</p>"
    element = _with_text(question, "questiontext", text, format="html")
    file = ET.SubElement(element, "file", name=picture.name, path="/", encoding="base64")
    file.text = base64.b64encode(picture.png).decode()


def _question(quiz: ET.Element, item: Item) -> None:
    question = ET.SubElement(quiz, "question", type="multichoice")
    _with_text(question, "name", f"{item.kind.title} ({form(item.seed)})")
    _question_text(question, item)
    _with_text(question, "generalfeedback", "", format="html")
    settings = {
        "defaultgrade": "1",
        "penalty": "0.3333333",
        "hidden": "0",
        "idnumber": item.identifier,
        "single": "true",
        "shuffleanswers": "true",
        "answernumbering": "ABCD",
    }
    for tag, value in settings.items():
        ET.SubElement(question, tag).text = value
    for choice in item.choices:
        share = "100" if choice.right else "0"
        answer = _with_text(
            question, "answer", line(choice.text, as_tex), fraction=share, format="html"
        )
        _with_text(answer, "feedback", line(choice.reason, as_tex), format="html")
    tags = ET.SubElement(question, "tags")
    for tag in (item.kind.objective, *item.kind.misconceptions):
        _with_text(tags, "tag", tag)


def document(items: Sequence[Item]) -> bytes:
    """Returns the file: a category for each chapter, and its questions."""
    quiz = ET.Element("quiz")
    chapter = ""
    for item in items:
        if item.chapter != chapter:
            chapter = item.chapter
            _category(quiz, chapter)
        _question(quiz, item)
    ET.indent(quiz)
    text: bytes = ET.tostring(quiz, encoding="utf-8", xml_declaration=True)
    return text + b"\n"
