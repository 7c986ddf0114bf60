"""What the tests of printed books share: a print's texts, links and outline, and its check."""

import re
from pathlib import Path
from typing import Any

import pypdfium2
from pypdf import PdfReader
from pypdf.generic import Destination


class Printed:
    """A printed book, with the text of each sheet, which pdfium reads fifty times faster."""

    def __init__(self, path: Path) -> None:
        self.path, self.reader = path, PdfReader(path)
        with pypdfium2.PdfDocument(path) as sheets:
            texts = [sheet.get_textpage().get_text_bounded() for sheet in sheets]
        self.texts = ["\n".join(text.splitlines()) for text in texts]


def links(reader: PdfReader) -> list[str]:
    """Returns the targets of all links: a name with "#" before it, or an address."""
    found = []
    for page in reader.pages:
        for mark in page.get("/Annots") or []:
            link: Any = mark.get_object()
            if link["/Subtype"] == "/Link":
                found.append(
                    str(link["/A"]["/URI"])
                    if "/A" in link
                    else "#" + str(link["/Dest"]).removeprefix("/")
                )
    return found


def headings(reader: PdfReader) -> list[tuple[int, str, int]]:
    """Returns level, title and sheet, from 1, of each entry of the outline."""
    found: list[tuple[int, str, int]] = []

    def walk(items: list[Any], level: int) -> None:
        for item in items:
            if isinstance(item, list):
                walk(item, level + 1)
            else:
                assert isinstance(item, Destination)
                number = reader.get_destination_page_number(item)
                found.append((level, str(item.title), -1 if number is None else number + 1))

    walk(reader.outline, 1)
    return found


def problems(printed: Printed, titles: list[str]) -> list[str]:
    """All that is wrong with a printed book whose pages have these titles."""
    reader, texts = printed.reader, printed.texts
    found = [f"sheet {n} shows raw TeX" for n, t in enumerate(texts, 1) if re.search(RAW, t)]
    names = {"#" + name.removeprefix("/") for name in reader.named_destinations}
    for target in links(reader):
        if target not in names and not target.startswith(("https://", "http://", "mailto:")):
            found.append(f"a link leads to {target}")
    outline = headings(reader)
    shown = [title for level, title, _ in outline if level == 1]
    found += [f"the outline lacks {title}" for title in titles if title not in shown]
    for level, title, sheet in outline:
        missing = [word for word in title.split() if word not in texts[sheet - 1]]
        if level <= 2 and missing:
            found.append(f"{title} is not on sheet {sheet}")
    sheets = {sheet for level, _, sheet in outline if level <= 2}
    told = contents_rows(reader, outline)
    found += [
        f"the contents say {number} for {name}, which is on sheet {sheet}"
        for name, number, sheet in told
        if number != str(sheet)
    ]
    lacking = sheets - {sheet for _, _, sheet in told} - {1, outline_sheet(outline, "Contents")}
    found += [f"the contents lack sheet {sheet}" for sheet in sorted(lacking)]
    found += [
        f"sheet {number} does not bear its number"
        for number, text in enumerate(texts[1:], 2)
        if not bears(text, number)
    ]
    return found


def bears(text: str, number: int) -> bool:
    """Says whether a sheet's number ends one of its first four lines, or the last."""
    first, last = text.splitlines()[:4], text.splitlines()[-1:]
    return any(re.search(rf"(?<![\d.]){number}$", line.rstrip()) for line in first + last)


RAW = r"\\(?:\(|\[|frac|mathbb|text|left|sum|log)\b|\$[^$\n]+\$(?=\s)"


def outline_sheet(outline: list[tuple[int, str, int]], wanted: str) -> int:
    return next(sheet for _, title, sheet in outline if title == wanted)


def contents_rows(
    reader: PdfReader, outline: list[tuple[int, str, int]]
) -> list[tuple[str, str, int]]:
    """Returns name, printed number and true sheet of each line of the table of contents."""
    first = outline_sheet(outline, "Contents")
    last = next(sheet for level, _, sheet in outline if level == 1 and sheet > first)
    rows = []
    for page in reader.pages[first - 1 : last - 1]:
        pieces: list[tuple[float, str]] = []

        def visit(text: str, cm: list[float], tm: list[float], *_: object) -> None:
            x, y = tm[4], tm[5]
            pieces.append((cm[1] * x + cm[3] * y + cm[5], text.strip()))  # noqa: B023

        page.extract_text(visitor_text=visit)
        for mark in page.get("/Annots") or []:
            link: Any = mark.get_object()
            if "/Dest" not in link:
                continue
            low, high = float(link["/Rect"][1]), float(link["/Rect"][3])
            words = " ".join(text for y, text in pieces if low <= y <= high).split()
            number = next((word for word in reversed(words) if word.isdigit()), "nothing")
            target: Any = reader.named_destinations[link["/Dest"]]
            sheet = reader.get_destination_page_number(target)
            rows.append((str(link["/Dest"]), number, -1 if sheet is None else sheet + 1))
    return rows


def resources(page: Any) -> list[Any]:
    """Returns the images of a sheet, those inside of patterns and forms too."""
    found, seen = [], set()
    waiting = [page.get("/Resources")]
    while waiting:
        held = waiting.pop()
        held = held.get_object() if held is not None else {}
        for kind in ("/XObject", "/Pattern"):
            for part in (held.get(kind) or {}).values():
                if part.idnum in seen:
                    continue
                seen.add(part.idnum)
                thing = part.get_object()
                if thing.get("/Subtype") == "/Image":
                    found.append(thing)
                if "/Resources" in thing:
                    waiting.append(thing["/Resources"])
    return found
