"""Makes the built book one EPUB: `python -m bookmaking.epub`.

Each page is a file of its own, in the contents' order. EPUB's pages are XML, so each is read by a
parser of HTML and written as XML; formulas are MathML, which EPUB 3 asks of every reader.
"""

from __future__ import annotations

import datetime
import mimetypes
import re
import sys
import uuid
import zipfile
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import yaml
from bs4 import Tag
from bs4.dammit import EntitySubstitution
from bs4.formatter import HTMLFormatter

from . import BOOK, EPUB, PAGES, ROOT
from .after.articles import BookError, prepare, read_page, slug
from .after.onepage import entries
from .settings import course_settings
from .sources import contents

LICENCE = (
    "Text and figures: CC BY 4.0; CC BY-SA 3.0 where MNIST's digits are to be seen. Code: MIT."
)
MIME = "application/epub+zip"
# What needs a script, or a reader who types.
UNWANTED = "script, style, input, button, video, canvas, form, .headerlink, iframe"
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # what XML can't hold
STYLE = """body { line-height: 1.5; } img { max-width: 100%; } pre { white-space: pre-wrap;
font-size: 85%; background: #f4f4f4; padding: .5em; } table { border-collapse: collapse; }
td, th { border: 1px solid #999; padding: .2em .5em; } .admonition, details { border-left: 3px solid
#888; padding-left: .8em; margin: 1em 0; } math { font-size: 105%; }
.tab { font-weight: bold; }"""
CONTAINER = """<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="book/book.opf" media-type="application/oebps-package+xml"/>
</rootfiles></container>
"""
PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="en"
xml:lang="en"><head><title>{title}</title><link rel="stylesheet" href="style.css"/></head>
<body>{body}</body></html>
"""
PACKAGE = """<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">{id}</dc:identifier>
<dc:title>{title}</dc:title><dc:creator>{author}</dc:creator><dc:language>en</dc:language>
<dc:rights>{licence}</dc:rights><meta property="dcterms:modified">{time}</meta></metadata>
<manifest>{items}</manifest><spine>{spine}</spine></package>
"""
XML = HTMLFormatter(
    entity_substitution=EntitySubstitution.substitute_xml, void_element_close_prefix="/",
    empty_attributes_are_booleans=False,
)  # fmt: skip
LINK = re.compile(r"^#([\w-]+?)(?:--(.+))?$")


@dataclass
class Volume:
    """The files of an EPUB: pages by name, in their order, and pictures by name."""

    pages: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    pictures: dict[Path, str] = field(default_factory=dict)  # each with its name in the EPUB

    def add(self, name: str, article: Tag, folder: Path) -> None:
        """Adds a page.

        Args:
            name: the page's, such as "chapters/01_cnn".
            article: what it says, prepared for one page.
            folder: the one to which the addresses of its pictures are relative.

        Raises:
            BookError: the page is no XML.
        """
        self._plain(article)
        for image in article.select("img[src]"):
            image.attrs.pop("loading", None)
            if not str(image["src"]).startswith("data:"):
                path = (folder / unquote(str(image["src"]))).resolve()
                self.pictures.setdefault(path, f"{len(self.pictures):03}-{path.name}")
                image["src"] = f"pictures/{self.pictures[path]}"
        for link in article.select("a[href^='#']"):
            found = LINK.match(str(link["href"]))
            if found:
                link["href"] = f"{found[1]}.xhtml" + (f"{link['href']}" if found[2] else "")
        title = article.h1.get_text().strip() if article.h1 else name
        body = CONTROL.sub("", article.decode(formatter=XML))
        text = PAGE.format(title=escape(title), body=body)
        try:
            ElementTree.fromstring(text)
        except ElementTree.ParseError as error:
            raise BookError(f"The page {name}.html can't be XML: {error}.") from error
        self.titles[slug(name)], self.pages[slug(name)] = title, text

    def _plain(self, article: Tag) -> None:
        for tag in article.select(UNWANTED):
            tag.decompose()
        for label in article.select("label"):  # of a tab: all tabs are shown, one below the other
            label.name, label.attrs = "p", {"class": "tab"}
        for tag in article.find_all(True):
            for key in [k for k in tag.attrs if not re.fullmatch(r"[a-zA-Z][\w-]*", k)]:
                del tag.attrs[key]
            if tag.name == "math":
                tag["xmlns"] = "http://www.w3.org/1998/Math/MathML"
            elif tag.name == "svg":
                tag["xmlns"] = "http://www.w3.org/2000/svg"
                if "viewbox" in tag.attrs:  # XML tells capitals apart
                    tag["viewBox"] = tag.attrs.pop("viewbox")

    def manifest(self) -> str:
        """Returns a line for each file, as the package lists them."""
        lines = [
            '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>',
            '<item id="style" href="style.css" media-type="text/css"/>',
        ]
        for name, text in self.pages.items():
            kinds = [kind for mark, kind in (("<math", "mathml"), ("<svg", "svg")) if mark in text]
            more = f' properties="{" ".join(kinds)}"' if kinds else ""
            kind = "application/xhtml+xml"
            lines.append(f'<item id="{name}" href="{name}.xhtml" media-type="{kind}"{more}/>')
        for number, name in enumerate(self.pictures.values()):
            kind = mimetypes.guess_type(name)[0] or "image/webp"
            lines.append(f'<item id="p{number}" href="pictures/{name}" media-type="{kind}"/>')
        return "\n".join(lines)

    def contents(self) -> str:
        """Returns the page that lists the others."""
        lines = [
            f'<li><a href="{name}.xhtml">{escape(title)}</a></li>'
            for name, title in self.titles.items()
        ]
        body = f'<nav epub:type="toc"><h1>Contents</h1><ol>{"".join(lines)}</ol></nav>'
        return PAGE.format(title="Contents", body=body)

    def write(self, target: Path, title: str, author: str) -> None:
        """Writes the EPUB."""
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        address = course_settings()["repository"] or title
        package = PACKAGE.format(
            id=f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, address)}", title=escape(title),
            author=escape(author), licence=escape(LICENCE), time=now, items=self.manifest(),
            spine="".join(f'<itemref idref="{name}"/>' for name in self.pages),
        )  # fmt: skip
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("mimetype", MIME, zipfile.ZIP_STORED)  # first, and not packed
            file.writestr("META-INF/container.xml", CONTAINER)
            file.writestr("book/book.opf", package)
            file.writestr("book/nav.xhtml", self.contents())
            file.writestr("book/style.css", STYLE)
            for name, text in self.pages.items():
                file.writestr(f"book/{name}.xhtml", text)
            for path, name in self.pictures.items():
                file.write(path, f"book/pictures/{name}")


def make(pages: Path, toc: Path, config: Path, target: Path) -> None:
    """Makes the book in the folder `pages`, as `toc` orders it, the EPUB `target`.

    Raises:
        BookError: the book isn't built, or a page can't be XML.
    """
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    names = [entry.name for entry in entries(toc) if entry.name]
    volume = Volume()
    for name in names:
        article = prepare(read_page(pages, name), pages, target.parent, name, set(names))
        volume.add(name, article, target.parent)
    volume.write(target, str(settings["title"]), str(settings["author"]))


def main() -> int:
    """Returns 0 when the EPUB is made."""
    try:
        make(PAGES, contents.path(ROOT), BOOK / "_config.yml", EPUB)
    except BookError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The EPUB is made, {EPUB.stat().st_size / 1e6:.1f} MB:\n  {EPUB}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
