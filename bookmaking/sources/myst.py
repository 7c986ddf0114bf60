"""Turns the chapters' plain Markdown into the book's.

A chapter is read in JupyterLab and Colab too, where MyST's roles would show as raw text. So its
source is plain Markdown, with three conventions that read well anywhere and become more here:

- `*term*` stands where a term is first used, and becomes a link into the glossary;
- `[(LeCun et al., 1998)](#lecun1998gradient)` names a source, and becomes a citation;
- `### Exercise: title`, with its solution in `<details>`, becomes a numbered exercise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path

from pybtex.database.input.bibtex import LowLevelParser  # type: ignore[import-untyped]
from pybtex.scanner import PybtexSyntaxError  # type: ignore[import-untyped]

# Formulas and code are no prose: what looks like a mark in them is none.
PROTECTED = re.compile(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$\n]*\$", re.DOTALL)
MARK = re.compile(
    r"\[(?P<source>[^\]]+)\]\(#(?P<key>\w+)\)"
    r"|(?<![*\w\\])\*(?P<term>[^\s*](?:[^*\n]*[^\s*])?)\*(?![*\w])"
)
GLOSSARY = re.compile(r"^([:`]{3,})\{glossary\}.*?\n(.*?)^\1", re.MULTILINE | re.DOTALL)
EXERCISE = re.compile(
    r"^### Exercise: (?P<title>.+?)\n(?P<task>.*?)"
    r"<details><summary>Solution</summary>\n(?P<solution>.*?)</details>[ ]*\n?",
    re.MULTILINE | re.DOTALL,
)
# Plurals and other forms that a sentence needs, where dropping an s is not enough.
FORMS = {
    "gradient descent": "stochastic gradient descent",
}


def glossary_lines(text: str) -> list[tuple[str, int]]:
    """Returns the terms that a glossary page defines, as written there, each with its line."""
    found = []
    for block in GLOSSARY.finditer(text):
        first = text.count("\n", 0, block.start(2)) + 1
        for number, line in enumerate(block[2].splitlines(), start=first):
            if line.strip() and not line[0].isspace() and line[0] != ":":
                found.append((line.strip(), number))
    return found


def glossary_terms(path: Path) -> set[str]:
    """Returns the terms that a glossary page defines, as they are written there."""
    return {term for term, _ in glossary_lines(path.read_text(encoding="utf-8"))}


def bibliography_lines(
    text: str, on_error: Callable[[PybtexSyntaxError], None] | None = None
) -> list[tuple[str, int]]:
    """Returns the keys of a BibTeX file, each with its line.

    Raises:
        PybtexSyntaxError: the text is no BibTeX; `on_error` gets it instead, if given.
    """
    parser = LowLevelParser(text, handle_error=on_error)
    found = []
    for command, (key, *_) in parser:
        if key and command.lower() not in ("string", "preamble"):
            found.append((key, text.count("\n", 0, parser.command_start) + 1))
    return found


def bibliography_keys(path: Path) -> set[str]:
    """Returns the keys of a BibTeX file."""
    return {key for key, _ in bibliography_lines(path.read_text(encoding="utf-8"))}


def marks(text: str) -> list[re.Match[str]]:
    """Returns the marks of a cell: matches with the group `term`, or with `source` and `key`.

    What they match has code and formulas blanked out; their positions are those of the text.
    """
    return list(MARK.finditer(PROTECTED.sub(_blank, text)))


def convert(
    text: str, terms: Collection[str], keys: Collection[str], prefix: str
) -> tuple[str, list[tuple[int, str]]]:
    """Returns a Markdown cell of a chapter as the book's Markdown, and its marks' faults.

    A mark that leads nowhere stays as it is. A fault is a line of the cell, from 0, and what is
    wrong there: a term that the glossary does not define, or a source that is not listed.

    Args:
        text: one cell.
        terms: the glossary's terms.
        keys: the bibliography's keys.
        prefix: begins the labels of the chapter's exercises, such as "01_cnn".
    """
    lowered = {term.lower(): term for term in terms}
    faults: list[tuple[int, str]] = []
    parts, end = [], 0
    for mark in marks(text):
        written = text[mark.start() : mark.end()]
        if mark["key"]:
            role = f"{{cite:p}}`{mark['key']}`" if mark["key"] in keys else ""
            fault = "names a source that references.bib does not have."
        else:
            role = _term(written[1:-1], lowered)
            fault = "is no term of the glossary: define it there, or use **bold**."
        if not role:
            faults.append((_line(mark), f"{' '.join(written.split())} {fault}"))
        parts += [text[end : mark.start()], role or written]
        end = mark.end()
    page = "".join([*parts, text[end:]])
    return EXERCISE.sub(lambda m: _exercise(m, prefix), page), faults


def exercises(text: str, prefix: str) -> list[tuple[str, int]]:
    """Returns the labels of a cell's exercises, each with its line in the cell, from 0."""
    return [(_label(m, prefix), _line(m)) for m in EXERCISE.finditer(text)]


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", "\x00", match.group())


def _line(match: re.Match[str]) -> int:
    return match.string.count("\n", 0, match.start())


def _term(words: str, terms: dict[str, str]) -> str:
    """Returns the role that links words to their term; an empty text if there is no such term."""
    plain = words.lower()
    for form in (plain, plain.removesuffix("s"), FORMS.get(plain, "")):
        if form in terms:
            return f"{{term}}`{words} <{terms[form]}>`"
    return ""


def _label(match: re.Match[str], prefix: str) -> str:
    title = re.sub(r"\{term\}`([^`<]*) <[^`]*`", r"\1", match["title"])
    return f"{prefix}-{re.sub(r'[^a-z]+', '-', title.strip().lower()).strip('-')}"


def _exercise(match: re.Match[str], prefix: str) -> str:
    title, task, solution = (match[name].strip() for name in ("title", "task", "solution"))
    label = _label(match, prefix)
    return (
        f"````{{exercise}} {title}\n:label: {label}\n\n{task}\n````\n\n"
        f"````{{solution}} {label}\n:class: dropdown\n\n{solution}\n````\n"
    )
