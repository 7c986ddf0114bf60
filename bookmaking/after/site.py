"""What a built book needs at a public address: a map of its pages, and a page for lost readers."""

from __future__ import annotations

from html import escape
from pathlib import Path

from .lighten import html_files

LOST = "404.html"
# Pages that list others: no search should lead there.
LISTS = {"search", "genindex", "prf-prf", "404"}
SITEMAP = """<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
{lines}
</urlset>
"""
# Hosts show this page at any depth, so it has its style with it and full addresses.
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Page not found: Foundations of AIGC</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.1rem/1.6 system-ui, sans-serif; margin: 15vh auto; max-width: 34rem; }}
main {{ padding: 0 1rem; }}
</style>
</head>
<body>
<main>
<h1>There is no such page</h1>
<p>It may have moved with a new edition. <a href="{home}">The book's first page</a> lists all
chapters, and <a href="{home}search.html">its search</a> finds words.</p>
</main>
</body>
</html>
"""


def write(pages: Path, address: str) -> None:
    """Writes `sitemap.xml` and `404.html` into the folder of a built book.

    Args:
        pages: the built book.
        address: where it will stand, such as "https://owner.github.io/name/".
    """
    names = [path.relative_to(pages).as_posix() for path in html_files(pages)]
    listed = [name for name in names if Path(name).stem not in LISTS]
    lines = [f"<url><loc>{escape(_at(address, name))}</loc></url>" for name in listed]
    (pages / "sitemap.xml").write_text(SITEMAP.format(lines="\n".join(lines)), encoding="utf-8")
    (pages / LOST).write_text(PAGE.format(home=escape(address)), encoding="utf-8")


def _at(address: str, name: str) -> str:
    return f"{address}{'' if name == 'index.html' else name}"
