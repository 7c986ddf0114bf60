"""Writes a chapter's questions to files, each in the edition of those who may see it."""

from __future__ import annotations

from pathlib import Path

from . import exam, moodle, qti
from .bank import Item, ask, form


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


def export(chapter: str, seed: int, kind: str, out: Path, shown: str = "all") -> list[Path]:
    """Returns the files written; what holds the key stands in `instructor/` alone.

    Args:
        chapter: its name or number.
        seed: draws the numbers, the wrong choices and their order; 0 or more.
        kind: of file, "moodle", "qti" or "exam".
        out: the folder of the editions.
        shown: which kinds to take, as `ask` has it.

    Raises:
        ValueError: there is no such chapter, the seed is below 0, a library is missing, or nothing
            can be printed.
        OSError: a file can't be written.
    """
    if seed < 0:
        raise ValueError(f"Choose a seed of 0 or more, not {seed}: the book shows the others.")
    items = ask(chapter, seed, shown)
    title = f"Questions on chapter {int(items[0].chapter[:2])}, form {form(seed)}"
    name = f"{items[0].chapter}-questions-{form(seed)}"
    if kind == "exam":
        return _printed(items, title, name, out)
    if kind == "moodle":
        return [_write(out / "instructor" / f"{name}-moodle.xml", moodle.document(items))]
    return [_write(out / "instructor" / f"{name}-qti.zip", qti.package(items, title))]
