"""Makes the built pages light: `bookmaking.build` calls it after Jupyter Book.

Beside each style sheet, each icon font and each figure it writes a light copy, and makes the pages
use that: style sheets without the rules that no page needs, fonts without the icons that no page
shows, figures and films as WebP. Code loses the marks of tokens that have no colour of their own.
Long names in the lists of contents and in the index get places to break at. The sheets, fonts and
figures that Jupyter Book wrote stay as they are: every run begins from them.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import tinycss2
from fontTools import subset
from PIL import Image

GROUPING = {"media", "supports", "layer", "container"}
WORD = re.compile(r"[A-Za-z_][\w-]*")
ATTRIBUTE = re.compile(r"""\b(?:class|id)=["']([^"']*)["']""")
SCRIPT = re.compile(r"<script.*?</script>", re.DOTALL)
STYLE_LINK = re.compile(r'(href="(?:\.\./)*)(_static/[^"?]+?)(?:\.light)?\.css(?:\?[^"]*)?"')
FIGURE_LINK = re.compile(r'(_images/[^"]+)\.png"')
FILM = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=]{4000,})")
FONT_LINK = re.compile(r"([\w.-]+)\.woff2")
NAME_LINK = re.compile(
    r'<a class="reference internal nav-link" href="#[^"]*">.*?</a>'  # in "On this page"
    r'|<a href="[^"]*#(?:module-)?aigc_utils\b[^"]*">[^<]*</a>',  # in the index
    re.DOTALL,
)
NAME = re.compile(r"<[^>]*>|[A-Za-z]\w*(?:\.[A-Za-z]\w*)*")  # or a tag, which stays as it is
# Where a name may break: the first of these that it has. "PyTorch" stays whole.
BREAKS = (
    re.compile(r"\.(?=[^\W_])"), re.compile(r"_(?=[^\W_])"),
    re.compile(r"(?<=[a-z]{4})(?=[A-Z][a-z]{4})"),
)  # fmt: skip
TOKEN_RULE = re.compile(r"(\S+) \.highlight (?:\.(\w+) )?\{[^}]*?(?<!-)color: (#\w+)([^}]*)\}")
QUALITY = 75  # of a figure that is stored nearly the same, where that saves a seventh
PRIVATE_USE = range(0xE000, 0xF900)  # where a font keeps its icons


def html_files(pages: Path) -> list[Path]:
    """Returns the pages of a built book, without the theme's own templates."""
    return sorted(p for p in pages.rglob("*.html") if "_static" not in p.relative_to(pages).parts)


def words(pages: Path) -> set[str]:
    """Returns all that may be a class or an id on a page, now or after a script has run."""
    found: set[str] = set()
    for path in html_files(pages):
        text = path.read_text(encoding="utf-8")
        for names in ATTRIBUTE.findall(text):
            found.update(names.split())
        for script in SCRIPT.findall(text):
            found.update(WORD.findall(script))
    for path in (pages / "_static").rglob("*.js"):
        found.update(WORD.findall(path.read_text(encoding="utf-8")))
    return found


def pruned(style: str, known: set[str]) -> str:
    """Returns a style sheet without the rules that ask for a class or an id that is not known."""
    return "\n".join(_kept(tinycss2.parse_stylesheet(style, True, True), known))


def _kept(rules: Iterable[Any], known: set[str]) -> Iterator[str]:
    for rule in rules:
        if rule.type == "qualified-rule":
            used = [s for s in _selectors(rule.prelude) if _needed(s, known)]
            if used:
                names = ",".join(tinycss2.serialize(selector).strip() for selector in used)
                yield f"{names}{{{tinycss2.serialize(rule.content).strip()}}}"
        elif rule.type == "at-rule" and rule.content and rule.lower_at_keyword in GROUPING:
            inside = "\n".join(_kept(tinycss2.parse_rule_list(rule.content, True, True), known))
            if inside:
                yield f"@{rule.at_keyword} {tinycss2.serialize(rule.prelude).strip()}{{{inside}}}"
        else:
            yield rule.serialize()


def _selectors(prelude: Iterable[Any]) -> list[list[Any]]:
    selectors: list[list[Any]] = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            selectors.append([])
        else:
            selectors[-1].append(token)
    return selectors


def _needed(selector: list[Any], known: set[str]) -> bool:
    """Whether all classes and ids of a selector are known; `:not(...)` and its kind are let be."""
    for before, token in zip([None, *selector], selector, strict=False):
        is_class = token.type == "ident" and getattr(before, "value", None) == "."
        if (is_class or token.type == "hash") and token.value not in known:
            return False
    return True


def write_styles(pages: Path) -> dict[str, str]:
    """Writes the light style sheets and fonts; returns each one's mark, new when it changes.

    What the last build made stands where the sheets and all that the pages use are the same.
    """
    known, marks = words(pages), dict[str, str]()
    sheets = [p for p in (pages / "_static").rglob("*.css") if not p.name.endswith(".light.css")]
    made_of = hashlib.sha256("\0".join(sorted(known)).encode())
    for path in [Path(__file__), *sorted(sheets)]:
        made_of.update(path.read_bytes())
    last = pages.parent / "light.json"
    stored = json.loads(last.read_text("utf-8")) if last.exists() else {}
    if stored.get("made of") == made_of.hexdigest() and all(
        path.with_suffix(".light.css").exists() for path in sheets
    ):
        return dict(stored["marks"])
    for path in sorted(sheets):
        style = pruned(path.read_text(encoding="utf-8"), known)
        icons = {ord(sign) for sign in style if ord(sign) in PRIVATE_USE}
        icons |= {int(code, 16) for code in re.findall(r"\\([0-9a-fA-F]{4})\b", style)}
        for font in FONT_LINK.findall(style) if icons else ():
            for source in (pages / "_static").rglob(f"{font}.woff2"):
                _write_font(source, icons)
                style = style.replace(f"{font}.woff2", f"{font}.light.woff2")
        path.with_suffix(".light.css").write_text(style, encoding="utf-8")
        name = path.relative_to(pages).as_posix().removesuffix(".css")
        marks[name] = hashlib.sha256(style.encode()).hexdigest()[:8]
    last.write_text(json.dumps({"made of": made_of.hexdigest(), "marks": marks}), "utf-8")
    return marks


def _write_font(source: Path, icons: set[int]) -> None:
    options = subset.Options(flavor="woff2", hinting=False, layout_features=[])
    font = subset.load_font(str(source), options)
    pruner = subset.Subsetter(options)
    pruner.populate(unicodes=icons)
    pruner.subset(font)
    subset.save_font(font, str(source.with_suffix(".light.woff2")), options)


def write_figures(pages: Path) -> None:
    """Writes each figure as WebP beside its PNG."""
    for path in sorted((pages / "_images").glob("*.png")):
        target = path.with_suffix(".webp")
        if not target.exists() or target.stat().st_mtime < path.stat().st_mtime:
            target.write_bytes(webp(path))


def webp(picture: Path) -> bytes:
    """Returns a picture as WebP: pixel for pixel, or nearly so where that saves a seventh.

    Lines and letters are smaller in the exact form, hundreds of little images in the other.
    """
    exact, near = io.BytesIO(), io.BytesIO()
    with Image.open(picture) as image:
        plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    plain.save(exact, "WEBP", lossless=True, quality=60, method=4)
    plain.save(near, "WEBP", quality=QUALITY, method=6)
    return (near if near.tell() < 6 / 7 * exact.tell() else exact).getvalue()


def light_film(film: re.Match[str]) -> str:
    """Returns a film's frames, which stand in the page itself, as WebP, pixel for pixel."""
    exact = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(film[1]))) as frames:
        # The slowest method takes 3 to 9 s a film, and saves at most 1 %.
        frames.save(exact, "WEBP", lossless=True, quality=100, method=4)
    light = f"data:image/webp;base64,{base64.b64encode(exact.getvalue()).decode()}"
    return min(light, film[0], key=len)


def plain_tokens(style: str) -> set[str]:
    """Returns the kinds of tokens that have the colour of the code around them in each theme."""
    rules = TOKEN_RULE.findall(style)
    base = {theme: colour for theme, kind, colour, _ in rules if not kind}
    own = {kind for theme, kind, colour, more in rules if colour != base[theme] or more.strip()}
    return {kind for _, kind, _, _ in rules if kind} - own


def with_breaks(page: str) -> str:
    """Returns a page in whose lists of names a dotted one may break after its points.

    Another one may break after its underscores, and one without these before its capitals.
    """

    def name(found: re.Match[str]) -> str:
        word = found[0]
        places = next((p for p in BREAKS if p.search(word)), None)
        return word if word[0] == "<" or not places else places.sub(r"\g<0><wbr>", word)

    # A page that was not built anew has its breaks already.
    return NAME_LINK.sub(lambda link: NAME.sub(name, link[0].replace("<wbr>", "")), page)


def lighten(pages: Path) -> None:
    """Writes the light copies of a built book's parts, and makes its pages use them."""
    marks = write_styles(pages)
    write_figures(pages)
    kinds = "|".join(plain_tokens((pages / "_static" / "pygments.css").read_text("utf-8")))
    token = re.compile(rf'<span class="(?:{kinds})">([^<]*)</span>')
    for path in html_files(pages):
        text = path.read_text(encoding="utf-8")
        lean = FIGURE_LINK.sub(r'\1.webp"', token.sub(r"\1", text))
        lean = STYLE_LINK.sub(lambda m: f'{m[1]}{m[2]}.light.css?v={marks[m[2]]}"', lean)
        lean = with_breaks(FILM.sub(light_film, lean))
        if lean != text:
            path.write_text(lean, encoding="utf-8")
