"""Reads the book's sources into the pieces that can be wrong, each with its exact line.

A chapter is split into cells here and not by jupytext, whose import alone takes three seconds;
a test holds the two together. Markdown goes through the parser and the plugins that MyST uses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from html.parser import HTMLParser
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.front_matter import front_matter_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin
from mdit_py_plugins.myst_role import myst_role_plugin
from mdit_py_plugins.substitution import substitution_plugin

CELL = re.compile(r"^# %%(?!%)\s*(?P<options>.*)$")
TAGS = re.compile(r"\btags\b\"?\s*[=:]\s*(\[[^\]]*\])")
DIRECTIVE = re.compile(r"^\{([\w:+-]+)\}\s*(.*)$")
OPTION = re.compile(r"^\s*:([\w-]+):\s*(.*?)\s*$")
# What stands in these is no Markdown.
CODE_DIRECTIVES = {
    "bibliography", "code", "code-block", "code-cell", "eval-rst", "image", "include",
    "literalinclude", "math", "raw", "sourcecode", "toctree",
}  # fmt: skip
IMAGES = {"image", "figure"}
FORMULAS = {"amsmath", "math_block", "math_block_label", "math_inline", "math_inline_double"}
LABELS = {"label", "name"}


@dataclass(frozen=True, order=True)
class Finding:
    """Something wrong with the book, and where: the page's source and the line in it, from 1."""

    page: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Cell:
    """A cell of a chapter: its text as a notebook has it, and where it stands in the source."""

    kind: str
    text: str
    line: int  # of the mark `# %%`; the text begins one line below
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Piece:
    """One thing on a page that may lead nowhere.

    `kind` is directive, formula, heading, image, label, link, role or substitution. `name` is
    that of the directive or the role, a heading's level, or how the piece is written. An option
    of a directive has a line of its own.
    """

    kind: str
    text: str
    line: int
    name: str = ""
    options: dict[str, tuple[str, int]] = field(default_factory=dict)


def cells(source: str) -> list[Cell]:
    """Returns the cells of a notebook in jupytext's percent format."""
    lines = source.splitlines()
    starts = [number for number, line in enumerate(lines) if CELL.match(line)]
    return [
        _cell(lines[start:end], start + 1)
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)
    ]


def _cell(lines: list[str], line: int) -> Cell:
    match = CELL.match(lines[0])
    options = match["options"] if match else ""
    prose = re.search(r"\[(markdown|md|raw)\]", options)
    body = [re.sub("^# ?", "", text) for text in lines[1:]] if prose else lines[1:]
    tags = TAGS.search(options)
    return Cell(
        kind={"md": "markdown"}.get(prose[1], prose[1]) if prose else "code",
        text="\n".join(body).rstrip("\n"),
        line=line,
        tags=tuple(json.loads(tags[1].replace("'", '"'))) if tags else (),
    )


@cache
def _parser() -> MarkdownIt:
    """Returns MyST's parser with the extensions of book/_config.yml; its tokens know their line."""
    markdown = MarkdownIt("commonmark").enable("table")
    for plugin in (
        front_matter_plugin, myst_block_plugin, myst_role_plugin, footnote_plugin, amsmath_plugin,
        colon_fence_plugin, deflist_plugin, dollarmath_plugin, substitution_plugin,
    ):  # fmt: skip
        markdown.use(plugin)
    markdown.disable(["footnote_inline", "footnote_tail"])
    rules = markdown.inline.ruler
    for name, rule in zip(rules.get_active_rules(), rules.getRules(""), strict=True):
        rules.at(name, partial(_numbered, rule))
    return markdown


def _numbered(rule: Any, state: StateInline, silent: bool) -> bool:
    """Runs a rule of the parser and notes on which line of its paragraph a token begins."""
    position, before = state.pos, len(state.tokens)
    found: bool = rule(state, silent)
    for token in state.tokens[before:]:
        token.meta.setdefault("line", state.src.count("\n", 0, position))
    return found


def pieces(text: str, first: int = 1) -> list[Piece]:
    """Returns the pieces of a Markdown text whose first line is line `first` of its page."""
    return list(_pieces(text, first, {}, nested=False))


def _pieces(text: str, first: int, env: dict[str, Any], nested: bool) -> Iterator[Piece]:
    tokens = _parser().parse(text, env)
    for number, token in enumerate(tokens):
        line = first + (token.map[0] if token.map else 0)
        if token.type == "heading_open" and token.level == 0 and not nested:
            yield Piece("heading", _title(tokens[number + 1]), line, token.tag[1:])
        elif token.type in ("fence", "colon_fence"):
            yield from _directive(token, line, env)
        elif token.type in FORMULAS:
            yield Piece("formula", token.content, line)
            if token.type == "math_block_label":
                yield Piece("label", token.info, line)
        elif token.type == "myst_target":
            yield Piece("label", token.content, line)
        elif token.type == "html_block":
            yield from html_pieces(token.content, line)
        elif token.type == "substitution_block":
            yield Piece("substitution", token.content, line)
        elif token.type == "inline":
            for child in token.children or []:
                yield from _inline(child, line + child.meta.get("line", 0))


def _title(token: Token) -> str:
    # MyST makes a heading's anchor out of these two alone.
    parts = [c.content for c in token.children or [] if c.type in ("text", "code_inline")]
    return "".join(parts)


def _inline(token: Token, line: int) -> Iterator[Piece]:
    if token.type == "link_open" and token.info != "auto":
        yield Piece("link", str(token.attrs["href"]), line, "markdown")
    elif token.type == "image":
        alt = {"alt": (token.content.strip(), line)}
        yield Piece("image", str(token.attrs["src"]), line, "markdown", alt)
    elif token.type == "myst_role":
        yield Piece("role", token.content, line, token.meta["name"])
    elif token.type == "substitution_inline":
        yield Piece("substitution", token.content, line)
    elif token.type == "html_inline":
        yield from html_pieces(token.content, line)
    elif token.type in FORMULAS:
        yield Piece("formula", token.content, line)


def _directive(token: Token, line: int, env: dict[str, Any]) -> Iterator[Piece]:
    match = DIRECTIVE.match(token.info.strip())
    if not match:
        return
    name, argument = match.groups()
    lines = token.content.splitlines()
    options, used = _options(lines, line + 1)
    if name in IMAGES:
        yield Piece("image", argument, line, name, options)
    else:
        yield Piece("directive", argument, line, name, options)
        if name == "math":
            yield Piece("formula", "\n".join([argument, *lines[used:]]), line)
        if name not in CODE_DIRECTIVES:
            yield from _pieces(argument, line, env, nested=True)
    for label, number in (options[key] for key in sorted(LABELS & options.keys())):
        yield Piece("label", label, number)
    if name not in CODE_DIRECTIVES:
        body = ["", *lines[used:]]  # a blank line keeps "---" below from being front matter
        if name == "glossary":
            # A term begins its line, and what explains it is indented.
            body = [text.lstrip() if text[:1].isspace() else "" for text in body]
        yield from _pieces("\n".join(body), line + used, env, nested=True)


def _options(lines: list[str], first: int) -> tuple[dict[str, tuple[str, int]], int]:
    """Returns a directive's options with their lines, and how many lines they take."""
    options: dict[str, tuple[str, int]] = {}
    fenced = bool(lines) and lines[0].startswith("---")
    for number, text in enumerate(lines):
        if fenced and number and text.startswith("---"):
            return options, number + 1
        match = OPTION.match(f":{text}" if fenced else text)
        if match:
            options[match[1]] = (match[2].strip("\"'"), first + number)
        elif not fenced:
            return options, number
    return options, len(lines)


def html_pieces(text: str, line: int) -> list[Piece]:
    """Returns the images and links of a piece of HTML that begins on this line."""
    reader = _Html(line)
    reader.feed(text)
    return reader.found


class _Html(HTMLParser):
    def __init__(self, line: int) -> None:
        super().__init__()
        self.first = line
        self.found: list[Piece] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        line = self.first + self.getpos()[0] - 1
        drawn = tag == "img" or values.get("role") == "img"
        hidden = values.get("aria-hidden") == "true" or values.get("role") in (
            "presentation",
            "none",
        )
        if drawn and not hidden:
            text = values.get("aria-label") or values.get("alt") or ""
            self.found.append(
                Piece("image", values.get("src") or "", line, "html", {"alt": (text, line)})
            )
        if tag == "a" and values.get("href"):
            self.found.append(Piece("link", values["href"] or "", line, "html"))
