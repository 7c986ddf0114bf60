"""Makes the book: the texts stand in `book/`, and the Python that turns them into pages here.

Seven commands, run at the repository's root:

- `python -m bookmaking.build` runs the chapters that changed, then renders the book;
- `python -m bookmaking.check` finds what is broken in the sources, in a second;
- `python -m bookmaking.pdf` prints the built book as one PDF;
- `python -m bookmaking.slides 01` makes a chapter's slides of its last run;
- `python -m bookmaking.figures 01` packs a chapter's figures to take along;
- `python -m bookmaking.epub` makes it one EPUB;
- `python -m bookmaking.publish` writes the branch of notebooks, for Colab and Binder, and what
  stands beside the published pages.

What they need stands in the order in which a page comes to be:

- `sources`: what the authors wrote, read piece by piece;
- `runs`: what the chapters' runs gave, checked and collected for the pages;
- `extensions`: what Sphinx is taught for this book, which `_config.yml` names;
- `after`: what is done to the built pages.
"""

from pathlib import Path

import aigc_utils  # noqa: F401 - it sets how long threads wait, in the kernels started here too

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
PAGES = BOOK / "_build" / "html"
PDF = BOOK / "_build" / "pdf" / "foundations-of-aigc.pdf"
EPUB = BOOK / "_build" / "epub" / "foundations-of-aigc.epub"
