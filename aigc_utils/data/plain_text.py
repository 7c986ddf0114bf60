"""A text file of one's own, read in its encoding, and never as the wrong characters."""

from __future__ import annotations

import codecs
from pathlib import Path

from .files import DataError
from .own import read_own

#: What marks a file's encoding in its first bytes; UTF-32's mark begins as UTF-16's does.
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
#: Encodings of Chinese without a mark, with the first bytes of their punctuation and of the
#: characters that nearly all of a text is made of.
CHINESE = {
    "gbk": {0xA1, 0xA3, *range(0xB0, 0xD8)},
    "big5": {0xA1, *range(0xA4, 0xC7)},
}
#: Python's reasons where a text ends too early.
ENDS = {"unexpected end of data", "truncated data", "incomplete multibyte sequence"}
#: How many bytes are looked at to tell them apart, and what share must be such characters.
LOOKED_AT, USUAL = 20_000, 0.6


def read_text(path: str | Path, encoding: str | None = None) -> str:
    r"""Returns the text of a plain text file, with `\n` at the end of each line.

    Without `encoding` the file is UTF-8, or what the mark in its first bytes says: UTF-8, UTF-16 or
    UTF-32. A text in another encoding is refused, and GBK, Big5 and UTF-16 without a mark are named
    as what to read it with, for example `read_text(path, encoding="gbk")`. A mark is left out.

    Args:
        path: the file.
        encoding: its encoding, as Python names it.

    Raises:
        DataError: the file is missing, empty, a folder, damaged, in another encoding, no plain
            text, or larger than 1 GiB.
        ValueError: Python knows no such encoding of texts, or the path is neither a string nor a
            `Path`.
    """
    chosen = None if encoding is None else _known(encoding)
    found, content = read_own(path)
    marked = next((name for mark, name in MARKS.items() if content.startswith(mark)), None)
    if chosen:
        _check_mark(found, chosen, marked)
    used = chosen or marked or "utf-8"
    if used == "utf-8" and b"\0" in content:
        raise _not_plain(found, content)
    try:
        text = content.decode(used)
    except UnicodeError as error:
        guess = _likely(content) if used == "utf-8" else None
        raise _looks_like(found, guess) if guess else _wrong(found, content, used, error) from error
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        raise _not_plain(found, content)
    if not text.strip():
        raise DataError(f"The file {found} holds nothing but spaces: name another file.")
    return text


def _known(encoding: str) -> str:
    """Returns Python's own name of an encoding of texts."""
    try:
        "a".encode(encoding)  # some of what Python can look up is for no text
        return codecs.lookup(encoding).name
    except (LookupError, ValueError, TypeError) as error:
        raise ValueError(
            f"Python knows no encoding of texts called {encoding!r}: name one such as 'gbk', "
            "'big5' or 'utf-16'."
        ) from error


def _check_mark(path: Path, encoding: str, marked: str | None) -> None:
    """Refuses a file whose mark says something else than the reader, and UTF-16 without its mark.

    Both would be read, as other characters than were written.
    """
    if marked and not encoding.startswith(marked):
        raise DataError(
            f"The file {path} begins with the mark of {marked} and isn't {encoding}: read it with "
            f"read_text({path.name!r})."
        )
    if not marked and encoding in ("utf-16", "utf-32"):
        raise DataError(
            f"The file {path} has no mark that tells the order of its bytes: name it, as in "
            f"read_text({path.name!r}, encoding='{encoding}-le')."
        )


def _wrong(path: Path, content: bytes, used: str, error: UnicodeError) -> DataError:
    """Returns the error of a text that isn't in the encoding that it was read in."""
    if getattr(error, "reason", "") in ENDS:
        problem = f"ends within a character of {used}: it is cut short"
    else:
        place = getattr(error, "start", 0)
        byte = f"{content[place]:#04x} at {place:,}"
        problem = f"isn't {used}, in which the byte {byte} has no place: save it as UTF-8"
    return DataError(
        f"The file {path} {problem}, or name its encoding, as in read_text({path.name!r}, "
        "encoding='cp1252')."
    )


def _not_plain(path: Path, content: bytes) -> DataError:
    """Returns the error of a file with zero bytes: UTF-16 without its mark, or no text at all."""
    for encoding, zeros in (("utf-16-le", content[1::2]), ("utf-16-be", content[::2])):
        # A sign of ASCII is itself and a zero; a Chinese text has them at the ends of its lines.
        many = zeros.count(0) * 2 > len(zeros) or max(content) >= 0x80
        if many and zeros.count(0) == content.count(0) and _is_plain(content, encoding):
            return _looks_like(path, encoding)
    return DataError(
        f"The file {path} is no plain text, as it holds zero bytes: save it as plain text in UTF-8."
    )


def _is_plain(content: bytes, encoding: str) -> bool:
    """Whether bytes are a text in an encoding, without control characters but for line ends."""
    try:
        text = content.decode(encoding)
    except UnicodeError:
        return False
    return min(text.replace("\t", " ").replace("\n", " ").replace("\r", " ")) >= " "


def _looks_like(path: Path, encoding: str) -> DataError:
    name = encoding.removesuffix("-le").removesuffix("-be").upper().replace("BIG5", "Big5")
    return DataError(
        f"The file {path} isn't UTF-8 but looks like {name}: "
        f"read_text({path.name!r}, encoding={encoding!r}) reads that."
    )


def _likely(content: bytes) -> str | None:
    """Returns the Chinese encoding in which most characters are usual ones, or None."""
    shares = {name: _share_of_usual(content[:LOOKED_AT], name) for name in CHINESE}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= USUAL else None


def _share_of_usual(content: bytes, encoding: str) -> float:
    """Returns the share of usual characters among those beyond ASCII."""
    beyond = [c for c in content.decode(encoding, errors="replace") if ord(c) >= 0x80]
    first = [c.encode(encoding, errors="replace")[0] for c in beyond]
    return sum(byte in CHINESE[encoding] for byte in first) / max(len(first), 1)
