"""Shows a file's name as its writer saw it, in whatever encoding it is."""

from __future__ import annotations

import re
import unicodedata


def printable(name: str) -> str:
    """Returns a name that can be shown and written everywhere."""
    return "".join(map(_shown, unicodedata.normalize("NFC", name)))


def _shown(character: str) -> str:
    if character.isprintable() or character in "\u200c\u200d":  # Persian joins letters with these
        return character
    return " " if unicodedata.category(character) == "Zs" else f"\\x{ord(character):02x}"


def encoding_of(names: list[bytes], otherwise: str) -> str:
    """Returns the encoding of names of which nothing says in which they are."""
    for encoding in ("utf-8", "gb2312", "gb18030"):
        try:
            texts = [name.decode(encoding) for name in names]
        except UnicodeDecodeError:
            continue
        if encoding != "gb18030" or all(map(_is_chinese, texts)):
            return encoding
    return otherwise


def _is_chinese(text: str) -> bool:
    """Whether a text has no letters but Chinese and plain Latin, and none alone in a word."""
    if re.search(r"[^\x00-\x7f·\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]", text):
        return False
    return not re.search(r"[A-Za-z][\u4e00-\u9fff](?![\u4e00-\u9fff])", text)


def decoded(name: bytes) -> str:
    """Returns a file's name on disk; what is in no known encoding becomes visible."""
    encoding = encoding_of([name], "utf-8")
    return printable(name.decode(encoding, "backslashreplace"))
