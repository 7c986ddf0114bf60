"""How figures and their texts write a token, white space and rare glyphs among it."""

from __future__ import annotations

import functools

from matplotlib import font_manager

from .picture import STYLE

#: The font of tokens.
MONOSPACED = "DejaVu Sans Mono"
#: What stands for white space in a token.
MARKS = {" ": "␣", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@functools.cache
def _glyphs() -> frozenset[int]:
    """Returns the code points that the course's font can draw, upright and in equal widths."""
    paths = (font_manager.findfont(name) for name in (STYLE["font.family"], MONOSPACED))
    upright, equal = (frozenset(font_manager.get_font(path).get_charmap()) for path in paths)
    return upright & equal


def visible(token: str, limit: int = 12) -> str:
    """Returns a token so that all of it can be seen: spaces, ends of lines, unknown glyphs.

    Longer ones end in an ellipsis. What the font lacks stands as its code point, as U+6625.
    """
    glyphs = _glyphs()
    marked = "".join(
        MARKS.get(letter) or (letter if ord(letter) in glyphs else f"U+{ord(letter):04X}")
        for letter in token
    )
    return marked if len(marked) <= limit else marked[: limit - 1] + "…"


def quoted_token(token: str) -> str:
    """Returns a token for an alternative text, where a screen reader can spell any glyph."""
    return f"“{token}”".replace("\n", "\\n")
