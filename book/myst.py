"""Turns the chapters' plain Markdown into the book's.

A chapter is read in JupyterLab and Colab too, where MyST's roles would show as raw text. So its
source is plain Markdown, with three conventions that read well anywhere and become more here:

- `*term*` stands where a term is first used, and becomes a link into the glossary;
- `[(LeCun et al., 1998)](#lecun1998gradient)` names a source, and becomes a citation;
- `### Exercise: title`, with its solution in `<details>`, becomes a numbered exercise.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

# Formulas and code are no prose: what looks like a mark in them is none.
PROTECTED = re.compile(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$\n]*\$", re.DOTALL)
TERM = re.compile(r"(?<![*\w\\])\*([^\s*](?:[^*\n]*[^\s*])?)\*(?![*\w])")
CITATION = re.compile(r"\[([^\]]+)\]\(#(\w+)\)")
EXERCISE = re.compile(
    r"^### Exercise: (?P<title>.+?)\n(?P<task>.*?)"
    r"<details><summary>Solution</summary>\n(?P<solution>.*?)</details>[ ]*\n?",
    re.MULTILINE | re.DOTALL,
)
# Plurals and other forms that a sentence needs, where dropping an s is not enough.
FORMS = {
    "gradient descent": "stochastic gradient descent",
}


class MarkError(ValueError):
    """A mark in a chapter that the book can't resolve; the message says which."""


def glossary_terms(path: Path) -> set[str]:
    """Returns the terms that a glossary page defines, as they are written there."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^:{3,}\{glossary\}.*?\n(.*?)^:{3,}|^`{3,}\{glossary\}.*?\n(.*?)^`{3,}",
                        text, re.MULTILINE | re.DOTALL)  # fmt: skip
    lines = "\n".join("".join(block) for block in blocks).splitlines()
    return {line.strip() for line in lines if line.strip() and not line[0].isspace()} - {":sorted:"}


def bibliography_keys(path: Path) -> set[str]:
    """Returns the keys of a BibTeX file."""
    return set(re.findall(r"^@\w+\{([^,\s]+),", path.read_text(encoding="utf-8"), re.MULTILINE))


def to_myst(text: str, terms: Collection[str], keys: Collection[str], prefix: str) -> str:
    """Returns a Markdown cell of a chapter as the book's Markdown.

    Args:
        text: one cell.
        terms: the glossary's terms.
        keys: the bibliography's keys.
        prefix: begins the labels of the chapter's exercises, such as "01_cnn".

    Raises:
        MarkError: a term that the glossary does not define, or a source that is not listed.
    """
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match.group())
        return f"\x00{len(kept) - 1}\x00"

    text = PROTECTED.sub(keep, text)
    lowered = {term.lower(): term for term in terms}
    text = TERM.sub(lambda m: _term(m.group(1), lowered), text)
    text = CITATION.sub(lambda m: _citation(m.group(1), m.group(2), keys), text)
    text = re.sub("\x00(\\d+)\x00", lambda m: kept[int(m.group(1))], text)
    return EXERCISE.sub(lambda m: _exercise(m, prefix), text)


def _term(words: str, terms: dict[str, str]) -> str:
    plain = words.lower()
    for form in (plain, plain.removesuffix("s"), FORMS.get(plain, "")):
        if form in terms:
            return f"{{term}}`{words} <{terms[form]}>`"
    raise MarkError(f"*{words}* is no term of the glossary: define it there, or use **bold**.")


def _citation(words: str, key: str, keys: Collection[str]) -> str:
    if key not in keys:
        raise MarkError(f"[{words}](#{key}) names a source that references.bib does not have.")
    return f"{{cite:p}}`{key}`"


def _exercise(match: re.Match[str], prefix: str) -> str:
    title, task, solution = (match[name].strip() for name in ("title", "task", "solution"))
    label = f"{prefix}-{re.sub(r'[^a-z]+', '-', title.lower()).strip('-')}"
    return (
        f"````{{exercise}} {title}\n:label: {label}\n\n{task}\n````\n\n"
        f"````{{solution}} {label}\n:class: dropdown\n\n{solution}\n````\n"
    )
