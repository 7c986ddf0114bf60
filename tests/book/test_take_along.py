"""A chapter's figures in one ZIP file, and its slides: what stands in them."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
import torch
from bs4 import BeautifulSoup
from PIL import Image

from aigc_utils import plotting
from aigc_utils.plotting.picture import Picture, new_figure
from bookmaking import ROOT, chapters, figures, slides
from bookmaking.runs import decks, films, shown

ALT = "A line that rises from left to right."
MOVING = "Two squares that grow darker, row by row."


def picture(title: str = "It rises") -> Picture:
    figure = new_figure(2.0)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1])
    axes.set_title(title)
    return Picture(figure, ALT)


def cell(with_svg: bool = False, title: str = "It rises") -> nbformat.NotebookNode:
    made = picture(title)
    data, about = made._repr_mimebundle_()
    if with_svg:
        data |= {"image/svg+xml": made.svg().decode()}
    output = nbformat.v4.new_output("execute_result", data, metadata=about)
    return nbformat.v4.new_code_cell("f()", outputs=[output])


def film(**about: object) -> plotting.Film:
    frames = torch.linspace(0, 1, 4 * 2 * 28 * 28).view(4, 2, 28, 28)
    given = {"columns": 2, "seconds": 6.0, "hold": 1.5, "still": 1, "caption": "A way & back"}
    return plotting.film(frames, alt=MOVING, **{**given, **about})


def explorer() -> plotting.Explorer:
    layers = [(torch.ones(784, 2) / 9, torch.zeros(784))]
    return plotting.explorer(layers, codes=torch.zeros(3, 2), labels=torch.tensor([1, 2, 3]))


def played(shows: plotting.Film | plotting.Explorer) -> nbformat.NotebookNode:
    output = nbformat.v4.new_output("execute_result", shows._repr_mimebundle_())
    return nbformat.v4.new_code_cell("f()", outputs=[output])


def text(source: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(source)


def run(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=list(cells))


RUN = run(
    text("# 1. CNN: a small chapter\n\nIt begins [here](other.md)."),
    text("## First part\n\nA line.\nAnother line.\n\n$$x^2 = 1$$\n\nMore of it."),
    cell(with_svg=True),
    text("What it shows.\n\n## Summary\n\nOne thing.\nAnother thing."),
    text("## Exercises\n\nNothing for a class."),
    cell(title=""),
)


def test_a_pictures_svg_carries_its_title_and_text(tmp_path: Path) -> None:
    tree = ElementTree.parse(picture().save(tmp_path / "a.SVG")).getroot()
    told = " ".join("".join(tree.itertext()).split())
    assert tree.tag.endswith("svg")
    assert "It rises" in told
    assert ALT in told
    assert picture().svg() == picture().svg()


def test_a_figure_without_a_title_has_an_svg_too() -> None:
    svg = picture(title="").svg().decode()
    assert ALT in svg
    assert "<title>" not in svg


def test_the_zip_has_each_figure_with_what_is_known_of_it(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "figures.zip"
    assert figures.pack(RUN, "01_cnn", target) == 2
    with zipfile.ZipFile(target) as file:
        assert file.namelist() == [
            "01_cnn/README.md", "01_cnn/figure-01.png", "01_cnn/figure-01.svg",
            "01_cnn/figure-02.png",
        ]  # fmt: skip
        listed = file.read("01_cnn/README.md").decode()
        drawing = "".join(ElementTree.fromstring(file.read("01_cnn/figure-01.svg")).itertext())
        image = Image.open(io.BytesIO(file.read("01_cnn/figure-01.png")))
    assert figures.LICENCE in drawing
    assert ALT in " ".join(drawing.split())
    assert image.text == {"Title": "It rises", "Description": ALT, "Copyright": figures.LICENCE}
    before = base64.b64decode(RUN.cells[2].outputs[0].data["image/png"])
    assert image.convert("RGB").tobytes() == Image.open(io.BytesIO(before)).convert("RGB").tobytes()
    assert "## figure-01: It rises\n\nPNG and SVG. A line" in listed
    assert "## figure-02: Exercises\n\nPNG. A line" in listed  # it has no title of its own
    assert "A figure without SVG: " in listed


MOVES = run(text("# 1. CNN: it moves"), text("## A way"), played(film()), played(explorer()))


def test_a_film_is_read_as_it_was_written() -> None:
    other = film(caption="", still=-1, seconds=5.0, hold=0.0)
    first, second = films.films(run(text("## A way"), played(film()), played(other)))
    assert (first.number, first.cell, first.title) == (1, 1, "A way & back")
    assert first.alt == f"A film of 4 frames of 2 images in 1 row. {MOVING}"
    assert (first.count, first.width, first.height, first.still) == (4, 56, 28, 1)
    assert (round(first.seconds, 2), round(first.hold, 2)) == (6.0, 1.5)
    assert first.sheet == film().sheet
    assert (second.number, second.title, second.still, second.hold) == (2, "A way", 3, 0.0)


def test_a_film_that_is_written_otherwise_is_named() -> None:
    changed = played(film())
    changed.outputs[0].data["text/html"] = changed.outputs[0].data["text/html"].replace("%,to", "")
    with pytest.raises(shown.NoRunError, match="a film of the last run can't be read"):
        films.films(run(changed))


def test_a_film_taken_along_plays_and_says_what_it_is() -> None:
    (read,) = films.films(MOVES)
    packed = Image.open(io.BytesIO(read.webp("CC BY 4.0")))
    assert (packed.n_frames, packed.size, packed.info["loop"]) == (4, (672, 336), 0)
    times = []
    for number in range(4):
        packed.seek(number)
        packed.load()
        times.append(packed.info["duration"])
        sheet = Image.open(io.BytesIO(read.sheet)).convert("RGB")
        wanted = sheet.crop((0, 28 * number, 56, 28 * number + 28))
        assert packed.convert("RGB").resize((56, 28), 0).tobytes() == wanted.tobytes()
    assert times == [1500, 1500, 1500, 3000]
    told = "".join(ElementTree.fromstring(packed.info["xmp"]).itertext())
    assert told == f"A way & back{read.alt}CC BY 4.0"
    still = Image.open(io.BytesIO(read.png())).convert("RGB")
    packed.seek(1)
    assert still.tobytes() == packed.convert("RGB").tobytes()


def test_the_zip_has_films_and_explorers(tmp_path: Path) -> None:
    target = tmp_path / "figures.zip"
    assert figures.pack(MOVES, "01_cnn", target) == 2
    with zipfile.ZipFile(target) as file:
        assert file.namelist() == [
            "01_cnn/README.md", "01_cnn/film-01.webp", "01_cnn/explorer-01.html",
        ]  # fmt: skip
        listed = file.read("01_cnn/README.md").decode()
        page = BeautifulSoup(file.read("01_cnn/explorer-01.html"), "html.parser")
    assert "## film-01: A way & back\n\nWebP. A film of 4 frames" in listed
    assert "## explorer-01: A way\n\nA page to open in a browser. A plane" in listed
    assert "without SVG" not in listed
    assert page.title is not None
    assert page.title.get_text() == "A way"
    assert figures.LICENCE in page.get_text()
    assert len(page.select("script:not([src])")) == 1


def test_the_first_cell_adds_the_svg_to_each_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Picture, "_repr_mimebundle_", Picture._repr_mimebundle_)
    names: dict[str, object] = {}
    exec(figures.WITH_SVG, names)
    # A chapter's own `shown` once took the place of what draws each figure.
    assert {*names} == {"__builtins__"}
    data, about = picture()._repr_mimebundle_()
    assert list(data) == ["image/png", "text/plain", "image/svg+xml"]
    assert about["image/png"]["title"] == "It rises"


def test_what_is_missing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(shown.NoRunError, match="The run of 01_cnn shows no figure"):
        figures.pack(run(text("# T")), "01_cnn", tmp_path / "a.zip")
    source = chapters.find(ROOT, "1")
    assert source.stem == "01_cnn"
    with pytest.raises(shown.NoRunError, match="Run `make book` first: 01_cnn has no run yet"):
        shown.read_run(tmp_path, source)
    (tmp_path / "build" / "executed").mkdir(parents=True)
    (tmp_path / "build" / "executed" / "01_cnn.ipynb").write_text("{")
    with pytest.raises(shown.NoRunError, match=r"Run `make book` again: 01_cnn\.ipynb can't"):
        shown.read_run(tmp_path, source)
    for command in (figures.main, slides.main):
        assert command(["99"]) == 1
        assert "There is no chapter '99'; there are: 01_cnn" in capsys.readouterr().err


def deck(folder: Path) -> list[list[decks.Slide]]:
    (folder / "guesses.toml").write_text('[01_cnn]\n"First part" = ["moved_row"]\n')
    return decks.deck(RUN, "01_cnn", folder)


def test_slides_follow_the_chapter(tmp_path: Path) -> None:
    columns = deck(tmp_path)
    headings = [[slide.heading for slide in column] for column in columns]
    guess = "Guess: Pool a row, then move it"
    assert headings == [
        ["1. CNN: a small chapter"],
        ["First part", "First part", guess, guess],
        ["Summary"],
    ]
    title, first, summary = columns[0][0], columns[1], columns[2][0]
    assert title.body == ["<p>It begins here.</p>"]
    assert first[0].body[0] == "<p>A line. Another line.</p>"
    assert "<math" in first[0].body[1]
    assert "More of it." in "".join(first[0].notes)
    assert "More of it." not in "".join(first[0].body)
    assert first[1].figure is not None
    assert "What it shows." in "".join(first[1].notes)
    assert summary.body[0].count("<li>") == 2
    assert [slide.minutes for slide in first] == [2, 2, 3, 1]


def test_blocks_are_told_apart() -> None:
    source = "$$a$$\n\nOne\ntwo.\n\n$$\nb\n\nc\n$$\n\n```python\nx\n\ny\n```\n- a\n- b"
    assert list(decks.blocks(source)) == [
        "$$a$$", "One\ntwo.", "$$\nb\n\nc\n$$", "```python\nx\n\ny\n```", "- a\n- b",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="01_cnn has no heading"):
        decks.deck(run(text("No heading.")), "01_cnn", ROOT)


def test_the_answer_stands_on_a_slide_of_its_own(tmp_path: Path) -> None:
    _, _, asked, answered = deck(tmp_path)[1]
    assert asked.body[0].count('<span class="guess-choice">') == 4
    assert "guess-right" not in "".join([*asked.body, *asked.notes])
    assert "guess-right" in answered.notes[0]


def test_the_page_has_all_beside_it_and_counts_minutes(tmp_path: Path) -> None:
    path = slides.write(deck(tmp_path), tmp_path / "slides")
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    loaded = [tag.get("src") or tag.get("href") for tag in soup.select("script, link, img")]
    assert all((path.parent / str(name)).is_file() for name in loaded)
    assert soup.h1 is not None
    assert soup.h1.decode_contents() == "1. CNN: a small chapter"
    assert [image["alt"] for image in soup.select("img")] == [ALT]
    starts = [note.strong.get_text() for note in soup.select("aside.notes") if note.strong]
    assert starts == [
        "Minute 0 to 1.", "Minute 1 to 3.", "Minute 3 to 5.", "Minute 5 to 8.", "Minute 8 to 9.",
        "Minute 9 to 10.",
    ]  # fmt: skip


def test_films_and_explorers_have_slides(tmp_path: Path) -> None:
    columns = decks.deck(MOVES, "01_cnn", tmp_path)
    assert [slide.heading for slide in columns[1]] == ["A way"] * 3
    path = slides.write(columns, tmp_path / "slides")
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    (image,), (still,) = soup.select("p.figure img"), soup.select("p.figure source")
    assert image["alt"] == columns[1][1].film.alt  # type: ignore[union-attr]
    assert "A way & back" in [p.get_text() for p in soup.select("section > p")]
    assert "print" in str(still["media"])
    assert "prefers-reduced-motion" in str(still["media"])
    assert all((path.parent / str(name)).is_file() for name in (image["src"], still["srcset"]))
    (walk,) = soup.select(".explorer")
    assert not walk.select("script")
    assert walk.find_next_sibling("p").get_text().count("“A way”") == 1  # type: ignore[union-attr]
    assert MOVING in soup.select("aside.notes")[2].get_text()


def test_a_slide_shows_as_many_sentences_as_it_has_room_for() -> None:
    long = ("word " * 40).strip()
    assert decks.shown(f"One.\n{long}\n{long}") == f"One. {long}"
    assert decks.shown(f"{long} {long}") == f"{long} {long}"
