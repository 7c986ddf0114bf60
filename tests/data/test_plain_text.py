"""Text files of one's own: each encoding is read as it was written, or named."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from own_files import refused

from aigc_utils import data

TEXT = "To be, or not to be:\nZoë → 床前明月光，疑是地上霜。\n"
CHINESE = "春眠不觉晓，处处闻啼鸟。\n夜来风雨声，花落知多少。\n"
TRADITIONAL = "春眠不覺曉，處處聞啼鳥。\n夜來風雨聲，花落知多少。\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "my text.txt"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_what_is_marked_or_utf_8_is_read_as_it_was_written(
    encoding: str, newline: str, path: Path
) -> None:
    path.write_bytes(TEXT.replace("\n", newline).encode(encoding))
    assert data.read_text(path) == TEXT
    assert data.read_text(str(path), encoding) == TEXT


def test_the_marks_of_both_orders_of_bytes_are_known(path: Path) -> None:
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        path.write_bytes(("\ufeff" + TEXT).encode(encoding))
        assert data.read_text(path) == data.read_text(path, encoding) == TEXT


def test_one_mark_is_left_out_and_no_more(path: Path) -> None:
    path.write_bytes(("\ufeff\ufeffa\ufeffb").encode())
    assert data.read_text(path) == "\ufeffa\ufeffb"


@pytest.mark.parametrize(
    ("text", "encoding", "said"),
    [
        (CHINESE, "gbk", "looks like GBK: read_text('my text.txt', encoding='gbk')"),
        ("你好", "gbk", "looks like GBK"),
        ("print('hi')  # 打印\n" * 3, "gbk", "looks like GBK"),
        (TRADITIONAL, "gbk", "looks like GBK"),
        (TRADITIONAL, "big5", "looks like Big5: read_text('my text.txt', encoding='big5')"),
        ("床前明月光", "big5", "looks like Big5"),
        ("To be,\nor not.\n", "utf-16-le", "read_text('my text.txt', encoding='utf-16-le')"),
        ("床前明月光\n", "utf-16-be", "read_text('my text.txt', encoding='utf-16-be')"),
        ("Zoë, été, élève", "cp1252", "the byte 0xeb at 2 has no place"),
        ("Größe über alles", "latin-1", "encoding='cp1252'"),
        ("Привет, как дела?", "cp1251", "name its encoding"),
        ("Привет, это я", "koi8-r", "name its encoding"),
    ],
)
def test_another_encoding_is_named_and_then_read(
    text: str, encoding: str, said: str, path: Path
) -> None:
    path.write_bytes(text.encode(encoding))
    refused(data.read_text, path, said)
    assert data.read_text(path, encoding=encoding) == text


def test_the_whole_of_the_courses_poems_is_told_apart(path: Path) -> None:
    poems = data.load_poems()
    for encoding, name in [("gb18030", "GBK"), ("big5", "Big5")]:
        path.write_bytes(poems.encode(encoding, "ignore"))
        refused(data.read_text, path, f"looks like {name}")


@pytest.mark.parametrize(
    ("content", "encoding", "said"),
    [
        (b"", None, "is empty"),
        (b" \r\n\t", None, "nothing but spaces"),
        (b"\xef\xbb\xbf", None, "nothing but spaces"),
        (b"\xff\xfe", None, "nothing but spaces"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", None, "is no plain text"),
        (b"PK\x03\x04\x14\0\x06\0\x08\0", None, "is no plain text"),
        (gzip.compress(b"To be or not to be", mtime=0), None, "is no plain text"),
        (b"To be\0", None, "is no plain text"),
        (b"To be\0", "latin-1", "is no plain text"),
        ("床前".encode()[:-1], None, "ends within a character of utf-8"),
        ("床前".encode("gbk")[:-1], "gbk", "ends within a character of gbk"),
        ("床前".encode("utf-16")[:-1], None, "ends within a character of utf-16"),
        (b"To be\xff or not to be", None, "the byte 0xff at 5 has no place"),
        (b"a\xed\xa0\x80b", None, "isn't utf-8"),
        ("床前".encode(), "ascii", "isn't ascii"),
        ("\ufeff床前".encode(), "gbk", "begins with the mark of utf-8"),
        ("床前".encode("utf-16"), "latin-1", "begins with the mark of utf-16"),
        ("床前".encode("utf-16"), "utf-8", "begins with the mark of utf-16"),
        ("床前".encode("utf-16-be"), "utf-16", "has no mark"),
    ],
)
def test_what_is_damaged_or_no_text_is_told(
    content: bytes, encoding: str | None, said: str, path: Path
) -> None:
    path.write_bytes(content)
    refused(data.read_text, path, said, str(path), encoding=encoding)


@pytest.mark.parametrize("encoding", ["gkb", "", "hex", "rot13", "a\0", 5])
def test_an_unknown_encoding_is_told(encoding: str, path: Path) -> None:
    path.write_bytes(b"To be")
    with pytest.raises(ValueError, match=r"^Python knows no encoding of texts called [^.]+\.$"):
        data.read_text(path, encoding)
