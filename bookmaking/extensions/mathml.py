"""Sphinx extension: formulas become MathML while the book is built.

Browsers show MathML by themselves and screen readers read it, so a page loads no script for its
formulas and waits for none. Temml (book/temml) translates; QuickJS runs it.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import quickjs
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from .. import BOOK

LONG = 30  # signs from which on a formula in a line may need a second line
TAG = re.compile(r"<[^>]*>")
# A formula in a line, and the punctuation that follows it.
TIED = re.compile(
    r'(<span class="math notranslate nohighlight">(?:(?!</span>).)*</span>)([,.;:?!)]+)', re.DOTALL
)
# Browsers set a wide space on both sides of the dots, though the commas beside them have theirs.
DOTS = "<mo>…</mo>", '<mo lspace="0" rspace="0">…</mo>'
TEMML = BOOK / "temml" / "temml.min.js"
# A formula within a line may break after an operator, one on its own line before a relation.
CALL = """
globalThis.toMathML = (tex, display) => JSON.stringify(temml.renderToString(
  tex, {displayMode: display, throwOnError: true, wrap: display ? "=" : "tex"}))
"""


class FormulaError(ValueError):
    """A formula that can't be set; the message says why and where in it."""


@cache
def _translator() -> Any:
    context = quickjs.Context()
    context.eval(TEMML.read_text(encoding="utf-8") + ";globalThis.temml = temml;" + CALL)
    return context.get("toMathML")


@cache
def to_mathml(tex: str, display: bool) -> str:
    r"""Returns a formula as a MathML element.

    Args:
        tex: LaTeX without dollar signs, such as `\frac{a}{b}`.
        display: whether the formula stands on a line of its own.

    Raises:
        FormulaError: the formula holds an unknown command, or its braces don't match.
    """
    try:
        text: str = json.loads(_translator()(tex.strip(), display))
    except quickjs.JSException as error:
        reason = str(error).splitlines()[0].removeprefix("ParseError: ").strip()
        raise FormulaError(f"Correct the formula {tex.strip()!r}: {reason}") from None
    return text.replace(*DOTS)


def _write(translator: Any, node: nodes.math | nodes.math_block, tag: str) -> None:
    tex, formula = node.astext(), ""
    if tag == "div" and "\\\\" in tex and r"\begin" not in tex:
        tex = rf"\begin{{split}}{tex}\end{{split}}"
    try:
        formula = to_mathml(tex, tag == "div")
    except FormulaError as error:
        logging.getLogger(__name__).warning(str(error), location=node)
    long = " long" * (tag == "span" and len(TAG.sub("", formula)) >= LONG)
    names = f"math notranslate nohighlight{long}"
    translator.body.append(translator.starttag(node, tag, "", CLASS=names))
    if tag == "div" and node.get("number"):
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this formula")
        translator.body.append("</span>")
    translator.body.append(f"{formula}</{tag}>")
    raise nodes.SkipNode


def inline(translator: Any, node: nodes.math) -> None:
    """Writes a formula that stands in a line of text; a long one may break in two."""
    _write(translator, node, "span")


def block(translator: Any, node: nodes.math_block) -> None:
    """Writes a formula that stands on a line of its own, with its number if it has one."""
    _write(translator, node, "div")


def tie(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Keeps the punctuation after a formula on the formula's line."""
    if "body" in context:
        context["body"] = TIED.sub(r'<span class="tied">\1\2</span>', context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Offers the renderer, which `html_math_renderer: mathml` chooses."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.connect("html-page-context", tie)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
