"""The register of chapters: the numbered files of `notebooks/` and of `exercises/`.

A chapter `notebooks/02_gan.py` has its exercises in `exercises/02_gan.py` and its code in the
module or package `aigc_utils.gan`. What there is of these is found by its name, never listed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

NUMBERED = re.compile(r"\d+_[a-z]+")  # not a reader's "01_cnn-Copy1"
HEADING = re.compile(r"^# # (.+)$", re.MULTILINE)
# Folders of the book whose pages are made from notebooks, and where these stand.
FOLDERS = {"chapters": "notebooks", "exercises": "exercises"}


@dataclass(frozen=True)
class Chapter:
    """A chapter, by the name of its notebook."""

    name: str  # such as "02_gan"
    title: str  # its heading, such as "2. GAN: two networks play a game"

    @property
    def number(self) -> int:
        """The number that the name begins with."""
        return int(self.name.partition("_")[0])

    @property
    def short(self) -> str:
        """The name without its number: that of the chapter's code, and of its measured numbers."""
        return self.name.partition("_")[2]

    @property
    def subject(self) -> str:
        """The first words of the title, up to its colon, without the number."""
        return self.title.partition(". ")[2].partition(":")[0]


def chapters(root: Path) -> list[Chapter]:
    """Returns the chapters under `root`, in their order."""
    return [Chapter(path.stem, title(path)) for path in notebooks(root, "chapters").values()]


def notebooks(root: Path, *folders: str) -> dict[str, Path]:
    """Returns the source of each notebook, by its page: "chapters/02_gan", then the exercises.

    Args:
        root: the folder of the course.
        folders: those of the book, "chapters" or "exercises"; both if none is named.
    """
    return {
        f"{folder}/{path.stem}": path
        for folder in folders or FOLDERS
        for path in sorted((root / FOLDERS[folder]).glob("*.py"))
        if NUMBERED.fullmatch(path.stem)
    }


def find(root: Path, name: str) -> Path:
    """Returns a chapter's source, by its notebook's name or number: "03_vae", "03" or "3".

    Raises:
        ValueError: there is no such chapter.
    """
    sources = list(notebooks(root, "chapters").values())
    for source in sources:
        number = source.stem.partition("_")[0]
        if name in (source.stem, number, number.lstrip("0")):
            return source
    known = ", ".join(source.stem for source in sources)
    raise ValueError(f"There is no chapter {name!r}; there are: {known}.")


def page_of(source: Path) -> str:
    """Returns the page of a notebook's source, such as "exercises/02_gan"."""
    (folder,) = (name for name, home in FOLDERS.items() if home == source.parent.name)
    return f"{folder}/{source.stem}"


def title(source: Path) -> str:
    """Returns a notebook's heading, or its name where it has none."""
    found = HEADING.search(source.read_text(encoding="utf-8", errors="replace"))
    return found[1] if found else source.stem
