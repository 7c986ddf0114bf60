"""The source viewer: complete, highlighted, readable in light and dark."""

from __future__ import annotations

import ast
import inspect
import re

import pytest

from aigc_utils import cnn, evaluation, flow, gan, gpt, source, training


@pytest.mark.parametrize(
    "thing", [gpt.Attention, cnn.random_shift, training.fit, evaluation.score_samples]
)
def test_every_form_holds_the_full_source(thing: type) -> None:
    code = inspect.getsource(thing).strip()
    bundle = source.Source(thing)._repr_mimebundle_()
    assert code in bundle["text/plain"]
    file = f"{thing.__module__.replace('.', '/')}.py"
    assert f"```python\n# {file}\n{code}\n```" == bundle["text/markdown"]
    from html import unescape

    shown = unescape(re.sub(r"<style>.*?</style>|<[^>]+>", "", bundle["text/html"], flags=re.S))
    assert code in shown


@pytest.mark.parametrize("thing", [cnn.ArticleCNN, cnn.CourseCNN, gan.CourseGAN, gan.EMA, gpt.GPT])
def test_a_listing_leaves_out_what_only_files_need(thing: type) -> None:
    code, whole = source.Source(thing).code, inspect.getsource(thing).rstrip()
    gone = [line for line in whole.splitlines() if line not in code.splitlines()]
    assert any("configuration" in line or "state_dict" in line for line in gone)
    assert not re.search(r"configuration|state_dict|save_model|@property\n\n|\n\n\n", code)
    body = ast.parse(code).body[0].body  # type: ignore[attr-defined]
    names = [each.name for each in body if isinstance(each, ast.FunctionDef)]
    assert names == [n for n in vars(thing) if n in names]
    assert {n for n, value in vars(thing).items() if inspect.isfunction(value)} - {*names} <= (
        source.FOR_FILES
    )


def test_html_is_highlighted_by_itself() -> None:
    html = source.Source(cnn.CourseCNN).html()
    assert '<span class="k">class</span>' in html
    used = set(re.findall(r'class="(\w+)"', html))
    assert {"k", "s", "c", "nf", "m"} <= used


def _luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_reach_a_contrast_of_4_5_in_both_themes() -> None:
    light, dark = re.findall(r"(--k:.*?)}", source._CSS.replace("\n", ""))
    for theme in (light, dark):
        (ground,) = re.findall(r"background:(#\w{6})", theme)
        for color in re.findall(r"(?:--\w|[^-]color):(#\w{6})", theme):
            if "border" in color:
                continue
            bright, dim = sorted((_luminance(color), _luminance(ground)), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) >= 4.5, color


def test_a_gpts_listing_shows_nothing_that_chapter_4_teaches_later() -> None:
    later = re.compile(r"padding|n-?gram|cache|memory", re.IGNORECASE)
    assert later.search(source.Source(gpt.GPT).code) is None
    assert later.search(source.Source(gpt.Memory).code)


def test_a_decorated_function_is_of_its_own_file() -> None:
    assert source.Source(flow.decode).title == "aigc_utils/flow/latent.py"


def test_without_a_notebook_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    source.show_source(cnn.random_shift, cnn.MLP)
    out = capsys.readouterr().out
    assert "def random_shift" in out
    assert "class MLP" in out


def test_what_has_no_source_is_refused() -> None:
    with pytest.raises(TypeError):
        source.show_source(len)
