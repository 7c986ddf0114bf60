r"""What the course prints, on consoles and pipes that know fewer signs than it uses.

Python stops at the first sign that standard output can't encode: a "✓" where a program's output
goes through a pipe on Chinese Windows (GBK), the "ł" of a student's name on a western one (cp1252),
any of them in ASCII. A lesson must not stop there, so such a sign becomes `\u2713`.
"""

from __future__ import annotations

import io
import sys
from contextlib import suppress


def tolerate() -> None:
    """Lets printing go on at a sign that standard output or the error stream lacks.

    What the reader has chosen stays, such as `PYTHONIOENCODING=gbk:replace`.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(ValueError):  # it is closed
            if isinstance(stream, io.TextIOWrapper) and _stops(stream):
                stream.reconfigure(errors="backslashreplace")


def _stops(stream: io.TextIOWrapper) -> bool:
    # Python's choice where no language is set; with UTF-8 it prints file names of any bytes.
    escapes = stream.errors == "surrogateescape" and stream.encoding.lower() != "utf-8"
    return stream.errors == "strict" or escapes


def for_console(text: str) -> str:
    r"""Returns a text as standard output can show it, with `\u2713` for a sign that it lacks."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
