"""Writes a chapter's questions to files, each in the edition of those who may see it."""

from __future__ import annotations

from pathlib import Path

from . import exam, moodle, qti
from .bank import Item, ask


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _printed(items: list[Item], title: str, name: str, out: Path) -> list[Path]:
    pages = {
        out / "student" / f"{name}-exam.pdf": exam.exam_page(items, title),
        out / "instructor" / f"{name}-key.pdf": exam.key_page(items, title),
    }
    for path, page in pages.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        exam.print_page(page, title, path)
    return list(pages)


def export(chapter: str, seed: int, form: str, out: Path, shown: str = "all") -> list[Path]:
    """Returns the files written; what holds the key stands in `instructor/` alone.

    Args:
        chapter: its name or number.
        seed: draws the numbers, the wrong choices and their order.
        form: "moodle", "qti" or "exam".
        out: the folder of the editions.
        shown: which kinds to take, as `ask` has it.

    Raises:
        ValueError: there is no such chapter, a library is missing, or nothing can be printed.
        OSError: a file can't be written.
    """
    items = ask(chapter, seed, shown)
    title = f"Questions on chapter {int(items[0].chapter[:2])}, form {seed}"
    name = f"{items[0].chapter}-questions-{seed}"
    if form == "exam":
        return _printed(items, title, name, out)
    if form == "moodle":
        return [_write(out / "instructor" / f"{name}-moodle.xml", moodle.document(items))]
    return [_write(out / "instructor" / f"{name}-qti.zip", qti.package(items, title))]
