"""Turns the Markdown of questions into XHTML, with formulas in the form that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from html import escape

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

Formula = Callable[[str], str]


def as_tex(formula: str) -> str:
    r"""Returns a formula between \( and \), which Moodle's MathJax filter sets."""
    return rf"\({escape(formula)}\)"


def as_mathml(formula: str) -> str:
    """Returns a formula as MathML, which is part of QTI and which browsers show by themselves.

    Raises:
        ValueError: the book's libraries are not installed, or the formula can't be set.
    """
    try:
        from bookmaking.extensions.mathml import to_mathml
    except ImportError as error:
        raise ValueError(
            f"Formulas need the course's `book` extra: {error.name} is missing."
        ) from error
    element = to_mathml(formula, False)
    space = 'xmlns="http://www.w3.org/1998/Math/MathML"'
    return element if space in element else element.replace("<math", f"<math {space}", 1)


@cache
def _markdown(formula: Formula) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "xhtmlOut": True}).enable("table")
    return parser.use(dollarmath_plugin, renderer=lambda content, _: formula(content))


def blocks(text: str, formula: Formula) -> str:
    """Returns a text as XHTML paragraphs, blocks of code and tables."""
    return str(_markdown(formula).render(text)).strip()


def line(text: str, formula: Formula) -> str:
    """Returns a text of one paragraph as XHTML without the paragraph's own tags."""
    return str(_markdown(formula).renderInline(text)).strip()
