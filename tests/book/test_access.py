"""What a screen reader would stumble over is mended in each page."""

from __future__ import annotations

from bookmaking.extensions import access


def test_chinese_says_that_it_is_chinese() -> None:
    page = "<p title='月'>A 床前明月光，疑是。 poem</p><script>'月'</script><pre>'月'</pre>"
    assert access.mended(page) == (
        "<p title='月'>A <span lang=\"zh\">床前明月光，疑是。</span> poem</p><script>'月'</script>"
        "<pre>'<span lang=\"zh\">月</span>'</pre>"
    )
    assert access.mended("<p>no Chinese, “é” …</p>") == "<p>no Chinese, “é” …</p>"


def test_a_list_holds_list_items() -> None:
    signature = '<dt class="sig x"><dl><dd>a: int</dd></dl></dt><dl><dd>kept</dd></dl>'
    assert access.mended(signature) == (
        '<dt class="sig x"><span class="sig-lines"><span class="sig-line">a: int</span></span></dt>'
        "<dl><dd>kept</dd></dl>"
    )
    entry = '<div role="list" class="citation-list"><div role="doc-biblioentry">x</div></div>'
    assert access.mended(entry) == '<div class="citation-list"><div>x</div></div>'
