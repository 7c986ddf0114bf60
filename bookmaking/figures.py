"""Packs a chapter's figures to take along: `python -m bookmaking.figures 01`.

The ZIP file in `build/figures/` holds each figure as PNG and SVG, each film as WebP and each
explorer as a page, with its title, its alternative text and the licence in the file itself and in
a list. A run keeps the PNG alone, as the SVG would
make the pages heavy; so the chapter runs once more for this, and that run stands until the chapter
changes. `--png` packs what the last run has.
"""

from __future__ import annotations

import argparse
import io
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from . import ROOT, chapters
from .runs import running
from .runs.films import Explorer, Film, explorers, films
from .runs.fingerprint import Fingerprints
from .runs.shown import Figure, NoRunError, figures, read_run

FOLDER = ROOT / "build" / "figures"
LICENCE = (
    "Foundations of AIGC, CC BY 4.0; a figure in which digits of MNIST are to be seen: CC BY-SA "
    "3.0. LICENSE-TEXT.md of the course says more."
)
# Runs before a chapter, so that each figure shows its SVG beside its PNG. It leaves no name behind
# that the chapter could take for another thing.
WITH_SVG = """
from aigc_utils.plotting.picture import Picture
def with_svg(shown):
    def both(picture, **kwargs):
        data, about = shown(picture, **kwargs)
        return {**data, "image/svg+xml": picture.svg().decode()}, about
    return both
Picture._repr_mimebundle_ = with_svg(Picture._repr_mimebundle_)
del with_svg, Picture
"""


def png(figure: Figure) -> bytes:
    """Returns a figure's PNG file with its title, its alternative text and the licence in it."""
    about, packed = PngInfo(), io.BytesIO()
    texts = {"Title": figure.title, "Description": figure.alt, "Copyright": LICENCE}
    for key, text in texts.items():
        about.add_itxt(key, text)
    with Image.open(io.BytesIO(figure.png)) as image:
        image.save(packed, format="PNG", pnginfo=about, optimize=True)
    return packed.getvalue()


def svg(figure: Figure) -> bytes:
    """Returns a figure's SVG file with the licence in it; empty where the run has none."""
    rights = f"<dc:rights><cc:Agent><dc:title>{LICENCE}</dc:title></cc:Agent></dc:rights>"
    return (figure.svg or b"").replace(b"</cc:Work>", f"{rights}</cc:Work>".encode(), 1)


def _kinds(shown: Figure | Film | Explorer) -> str:
    """Returns which files there are of a figure, a film or an explorer."""
    if isinstance(shown, Figure):
        return "PNG and SVG" if shown.svg else "PNG"
    return "WebP" if isinstance(shown, Film) else "A page to open in a browser"


def listed(found: Sequence[Figure | Film | Explorer], chapter: str) -> str:
    """Returns the list of a chapter's figures, as Markdown."""
    lines = [f"# The figures of {chapter}", "", f"Licence: {LICENCE}"]
    for shown in found:
        lines += ["", f"## {_name(shown)}: {shown.title}", "", f"{_kinds(shown)}. {shown.alt}"]
    if not all(shown.svg for shown in found if isinstance(shown, Figure)):
        lines += [
            "",
            "A figure without SVG: in the chapter, end its cell in `.save(\"figure.svg\")`, or run "
            f"`python -m bookmaking.figures {chapter}`, which runs the chapter for it.",
        ]  # fmt: skip
    return "\n".join([*lines, ""])


def _name(shown: Figure | Film | Explorer) -> str:
    return f"{type(shown).__name__.lower()}-{shown.number:02}"


def files(shown: Figure | Film | Explorer) -> dict[str, bytes]:
    """Returns the files of a figure, a film or an explorer, by the end of their name."""
    if isinstance(shown, Film):
        return {".webp": shown.webp(LICENCE)}
    if isinstance(shown, Explorer):
        return {".html": shown.page(LICENCE).encode()}
    return {".png": png(shown), **({".svg": svg(shown)} if shown.svg else {})}


def pack(notebook: nbformat.NotebookNode, chapter: str, target: Path) -> int:
    """Writes a chapter's figures, films and explorers into a ZIP file; returns how many there are.

    Raises:
        NoRunError: the run shows none.
    """
    found: list[Figure | Film | Explorer] = [
        *figures(notebook), *films(notebook), *explorers(notebook)
    ]  # fmt: skip
    if not found:
        raise NoRunError(f"The run of {chapter} shows no figure.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(f"{chapter}/README.md", listed(found, chapter))
        for shown in found:
            for end, content in files(shown).items():
                file.writestr(f"{chapter}/{_name(shown)}{end}", content)
    return len(found)


def run_with_svg(source: Path, folder: Path, fingerprints: Fingerprints) -> nbformat.NotebookNode:
    """Returns a run whose figures have their SVG; it runs the chapter unless nothing changed."""
    path, mark = folder / f"{source.stem}.ipynb", folder / f"{source.stem}.fingerprint"
    wanted = fingerprints.of(source)
    if path.is_file() and mark.is_file() and mark.read_text(encoding="utf-8") == wanted:
        known: nbformat.NotebookNode = nbformat.read(path, as_version=4)
        return known
    print(f"{source.stem}: running for the SVG files ...", flush=True)
    notebook = running.execute(source, WITH_SVG)
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    mark.write_text(wanted, encoding="utf-8")
    return notebook


def main(words: Sequence[str] | None = None) -> int:
    """Returns 0 when the figures are packed, else 1 with one sentence about what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("chapter", help="its name or number, such as 03")
    parser.add_argument("--png", action="store_true", help="pack the last run's PNG files alone")
    arguments = parser.parse_args(words)
    try:
        source = chapters.find(ROOT, arguments.chapter)
        if arguments.png:
            notebook = read_run(ROOT, source)
        else:
            notebook = run_with_svg(source, FOLDER, Fingerprints(ROOT))
        target = FOLDER / f"{source.stem}-figures.zip"
        print(f"{pack(notebook, source.stem, target)} figures and films:\n  {target}")
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
