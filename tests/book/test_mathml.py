"""Formulas become MathML at build time, whole, and with the punctuation that follows them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from docutils import nodes

from bookmaking.extensions import mathml


def written(tex: str, tag: str = "span") -> str:
    """Returns what the extension writes for a formula."""
    body: list[str] = []
    translator: Any = SimpleNamespace(
        body=body, starttag=lambda node, tag, suffix, CLASS: f'<{tag} class="{CLASS}">'
    )
    with pytest.raises(nodes.SkipNode):
        mathml._write(translator, nodes.math(tex, tex), tag)
    return "".join(body)


def tied(body: str) -> str:
    """Returns a page's body as the extension leaves it."""
    context: dict[str, Any] = {"body": body}
    mathml.tie(None, "page", "page.html", context, None)  # type: ignore[arg-type]
    return str(context["body"])


def test_a_formula_becomes_mathml_and_a_wrong_one_says_why() -> None:
    assert mathml.to_mathml(r"\frac{a}{b}", display=False).startswith("<math>")
    assert 'display="block"' in mathml.to_mathml("a", display=True)
    for wrong in (r"\frac{a", r"\nosuch{a}"):
        with pytest.raises(mathml.FormulaError, match=r"^Correct the formula "):
            mathml.to_mathml(wrong, display=False)


def test_dots_keep_no_space_of_their_own() -> None:
    formula = mathml.to_mathml(r"x_1, \dots, x_T", display=False)
    assert '<mo lspace="0" rspace="0">…</mo>' in formula


@pytest.mark.parametrize(
    ("tex", "tag", "long"),
    [
        ("p(x)", "span", False),
        ("+".join("a" * 20), "span", True),
        ("+".join("a" * 20), "div", False),
    ],
)
def test_only_a_long_formula_in_a_line_may_break(tex: str, tag: str, long: bool) -> None:
    opening = written(tex, tag).partition(">")[0]
    assert opening.startswith(f'<{tag} class="math notranslate nohighlight')
    assert opening.endswith(' long"') == long


def test_punctuation_stays_with_a_short_formula_alone() -> None:
    short, long = written("p(x)"), written("+".join("a" * 20))
    assert tied(f"<p>{short}, and {short}</p>") == (
        f'<p><span class="tied">{short},</span> and {short}</p>'
    )
    assert tied(f"<p>{long}, and</p>") == f"<p>{long}, and</p>"
