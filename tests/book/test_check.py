"""Each fault of the book is found with its page and line, and a sound book has none."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pytest
from myst_parser.mdit_to_docutils.base import default_slugify

from bookmaking import check
from bookmaking.runs.outputs import check_outputs, check_runs
from bookmaking.runs.pages import page_source
from bookmaking.sources.book import Book, slug
from bookmaking.sources.pieces import Finding, cells, pieces

ROOT = Path(__file__).resolve().parents[2]

TOC = """format: jb-book
root: index
parts:
  - caption: Chapters
    chapters:
      - file: chapters/01_x
  - caption: Reference
    chapters:
      - file: glossary
      - file: references
"""
INDEX = """# A book

Of {term}`pooling` and
- `code` and {term}`many layers <layer>`, see {cite:p}`lecun1998`.

```{image} _static/a.svg
:alt: A white square.
```

::::{grid} 1
:::{grid-item-card} One
:link: chapters/01_x
:link-type: doc
Value: {{ x_accuracy }}. [Start](#how-to-start) or [read](chapters/01_x.ipynb#a-chapter-on-pools).
:::
::::

## How to *start*

(first-table)=
| a | b |
|---|---|
| [terms](glossary.md) | {ref}`table <first-table>` |

![A white square.](_static/a.svg) and {doc}`glossary`

```{image} live/look.png
:alt: What a cell drew.
```
"""
GLOSSARY = """# Glossary

```{glossary}
:sorted:

layer
  A step of a network.

pooling
    Making maps smaller.

    It stands after a {term}`layer`.
```
"""
BIBLIOGRAPHY = """@article{lecun1998,
  author = {LeCun},
  year = {1998}
}

@book{good2016,
  author = {Good}
}
"""
CHAPTER = """# ---
# jupyter: {}
# ---

# %% [markdown]
# # A chapter on pools
#
# Two *layers*, as in [(LeCun, 1998)](#lecun1998).
# Code is no mark: `a *b* c`.

# %%
import plotting

# %% tags=["live-look"]
plotting.look(
    1,
)

# %% [markdown]
# Back to [the book](../index.md#how-to-start) and [on](#a-chapter-on-pools).
#
# ### Exercise: Count
#
# How many [(Good, 2016)](#good2016)?
#
# <details><summary>Solution</summary>
#
# Two.
#
# </details>
#
# <img src="../_static/a.svg"
#      alt="A white square.">
"""
FILES = {
    "book/_toc.yml": TOC,
    "book/index.md": INDEX,
    "book/glossary.md": GLOSSARY,
    "book/references.md": "# References\n\n```{bibliography}\n```\n",
    "book/references.bib": BIBLIOGRAPHY,
    "book/_static/a.svg": "<svg/>",
    "notebooks/01_x.py": CHAPTER,
}
NAMES = {"x_accuracy"}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small course without a fault: a chapter, a front page, a glossary, references."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the real sources."""
    house = tmp_path_factory.mktemp("house")
    ignore = shutil.ignore_patterns("_build", "_vendor", "__pycache__", ".ruff_cache")
    for folder in ("book", "notebooks", "exercises"):
        if (ROOT / folder).is_dir():
            shutil.copytree(ROOT / folder, house / folder, ignore=ignore)
    return house


def found(house: Path, **options: Any) -> list[str]:
    return [str(finding) for finding in check.check(NAMES, house, **options)]


def test_a_sound_book_has_no_finding(house: Path) -> None:
    assert found(house, uncited=True) == []


def test_the_course_has_no_finding() -> None:
    assert [str(finding) for finding in check.check()] == []


DEAD_PAGE = "is dead: the book has no such page or file."
UNKNOWN = "no term of the glossary: define it there, or use **bold**."
ADD_ALT = "has no alternative text: say what is to be seen."
FAULTS = {
    "term in a chapter": (
        "notebooks/01_x.py", "Two *layers*", "Two *dense layers*",
        f"notebooks/01_x.py:8: *dense layers* is {UNKNOWN}",
    ),
    "term on a page": (
        "book/index.md", "layers <layer>", "layers <tier>",
        f"book/index.md:4: {{term}}`many layers <tier>` names {UNKNOWN}",
    ),
    "term in the glossary": (
        "book/glossary.md", "{term}`layer`", "{term}`tier`",
        f"book/glossary.md:12: {{term}}`tier` names {UNKNOWN}",
    ),
    "term twice": (
        "book/glossary.md", "smaller.\n", "smaller.\n\nLayer\n  Again.\n",
        "book/glossary.md:12: the term Layer stands here again; it stands in line 6 already.",
    ),
    "citation in a chapter": (
        "notebooks/01_x.py", "(#good2016)", "(#good2017)",
        "notebooks/01_x.py:24: [(Good, 2016)](#good2017) names a source that references.bib "
        "does not have.",
    ),
    "citation on a page": (
        "book/index.md", "`lecun1998`", "`lecun1998,nobody`",
        "book/index.md:4: {cite:p}`lecun1998,nobody` names a source that references.bib does "
        "not have: nobody.",
    ),
    "entry twice": (
        "book/references.bib", "@book{good2016", "@book{lecun1998,\n}\n@book{good2016",
        "book/references.bib:6: the entry lecun1998 stands here again; it stands in line 1 "
        "already.",
    ),
    "no BibTeX": (
        "book/references.bib", "author = {LeCun},", "author = {LeCun}",
        "book/references.bib:3: this is no BibTeX: '}' expected.",
    ),
    "link to a page": (
        "book/index.md", "(glossary.md)", "(glosary.md)",
        f"book/index.md:23: the link to glosary.md {DEAD_PAGE}",
    ),
    "link to a page as built": (
        "book/index.md", "(glossary.md)", "(glossary.html)",
        f"book/index.md:23: the link to glossary.html {DEAD_PAGE}",
    ),
    "link to a chapter": (
        "book/index.md", "chapters/01_x.ipynb#", "chapters/02_y.ipynb#",
        f"book/index.md:14: the link to chapters/02_y.ipynb#a-chapter-on-pools {DEAD_PAGE}",
    ),
    "link from a chapter": (
        "notebooks/01_x.py", "../index.md#", "index.md#",
        f"notebooks/01_x.py:20: the link to index.md#how-to-start {DEAD_PAGE}",
    ),
    "link to a heading": (
        "book/index.md", "(#how-to-start)", "(#how-to-begin)",
        "book/index.md:14: the link to #how-to-begin is dead: no heading and no label has this "
        "name.",
    ),
    "link to a chapter's heading": (
        "book/index.md", "ipynb#a-chapter-on-pools", "ipynb#count",
        "book/index.md:14: the link to chapters/01_x.ipynb#count is dead: that page has no such "
        "heading.",
    ),
    "link in HTML": (
        "notebooks/01_x.py", "# Two.", '# <a href="02_y.html">Two</a>.',
        f"notebooks/01_x.py:28: the link to 02_y.html {DEAD_PAGE}",
    ),
    "card": (
        "book/index.md", ":link: chapters/01_x", ":link: chapters/02_y",
        f"book/index.md:12: the link to chapters/02_y {DEAD_PAGE}",
    ),
    "card with an address": (
        "book/index.md", ":link-type: doc", ":link-type: url",
        f"book/index.md:12: the link to chapters/01_x {DEAD_PAGE}",
    ),
    "document": (
        "book/index.md", "{doc}`glossary`", "{doc}`terms`",
        f"book/index.md:25: the link to terms {DEAD_PAGE}",
    ),
    "reference": (
        "book/index.md", "<first-table>", "<table>",
        "book/index.md:23: the reference to table is dead: no label has this name.",
    ),
    "solution": (
        "book/index.md", "## How", "```{solution} none\n```\n\n## How",
        "book/index.md:18: the reference to none is dead: no label has this name.",
    ),
    "number": (
        "book/index.md", "{ref}`table <first-table>`", "{numref}`fig-2`",
        "book/index.md:23: the reference to fig-2 is dead: no label has this name.",
    ),
    "label twice": (
        "book/index.md", ":alt: What", ":name: first-table\n:alt: What",
        "book/index.md:28: the label first-table stands here again; it stands at "
        "book/index.md:20 already.",
    ),
    "exercise twice": (
        "notebooks/01_x.py", '# <img',
        "# ### Exercise: Count\n#\n# <details><summary>Solution</summary>\n# </details>\n#\n# <img",
        "notebooks/01_x.py:32: the label 01_x-count stands here again; it stands at "
        "notebooks/01_x.py:22 already.",
    ),
    "image without text": (
        "book/index.md", ":alt: A white square.\n", "",
        f"book/index.md:6: the image _static/a.svg {ADD_ALT}",
    ),
    "figure without text": (
        "book/index.md", "{image} _static/a.svg\n:alt: A", "{figure} _static/a.svg\n:class: A",
        f"book/index.md:6: the image _static/a.svg {ADD_ALT}",
    ),
    "image in a line without text": (
        "book/index.md", "![A white square.]", "![]",
        f"book/index.md:25: the image _static/a.svg {ADD_ALT}",
    ),
    "image in HTML without text": (
        "notebooks/01_x.py", 'alt="A white square."', 'width="10"',
        f"notebooks/01_x.py:32: the image ../_static/a.svg {ADD_ALT}",
    ),
    "card's image without text": (
        "book/index.md", ":link-type: doc", ":link-type: doc\n:img-top: _static/a.svg",
        f"book/index.md:14: the image _static/a.svg {ADD_ALT}",
    ),
    "no such image": (
        "book/index.md", "![A white square.](_static/a.svg)", "![A square.](_static/b.svg)",
        "book/index.md:25: the image _static/b.svg does not exist.",
    ),
    "image of no cell": (
        "book/index.md", "live/look.png", "live/view.png",
        "book/index.md:27: the image live/view.png has no source: no cell is tagged live-view.",
    ),
    "value": (
        "book/index.md", "{{ x_accuracy }}", "{{ x_loss }}",
        "book/index.md:14: {{ x_loss }} has no value: the last run gives none of this name.",
    ),
    "value that is none": (
        "book/index.md", "{{ x_accuracy }}", "{{ x accuracy }}",
        "book/index.md:14: {{ x accuracy }} can't be read: expected token 'end of print "
        "statement', got 'accuracy'.",
    ),
    "listed page without a file": (
        "book/_toc.yml", "      - file: references\n",
        "      - file: references\n      - file: more\n",
        "book/_toc.yml:11: more has no source: write book/more.md, or take the line out.",
    ),
    "listed chapter without a file": (
        "book/_toc.yml", "/01_x\n", "/01_x\n      - file: chapters/02_y\n",
        "book/_toc.yml:7: chapters/02_y has no source: write notebooks/02_y.py, or take the "
        "line out.",
    ),
    "page listed nowhere": (
        "book/_toc.yml", "      - file: references\n", "",
        "book/references.md:1: _toc.yml does not list this page: add `file: references` there.",
    ),
    "page listed twice": (
        "book/_toc.yml", "      - file: glossary\n",
        "      - file: glossary\n      - file: glossary.md\n",
        "book/_toc.yml:10: the page glossary stands here again; it stands in line 9 already.",
    ),
    "no UTF-8": (
        "book/references.md", "```{b", "\udcff\n```{b",
        "book/references.md:3: this is not UTF-8: save the file in that encoding.",
    ),
}  # fmt: skip


def inject(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), "utf-8", errors="surrogateescape")


@pytest.mark.parametrize(("page", "old", "new", "sentence"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found(house: Path, page: str, old: str, new: str, sentence: str) -> None:
    inject(house / page, old, new)
    assert found(house) == [sentence]


def test_a_link_to_a_page_that_is_not_listed_is_dead(house: Path) -> None:
    inject(house / "book/_toc.yml", "      - file: glossary\n", "")
    assert found(house) == [
        "book/glossary.md:1: _toc.yml does not list this page: add `file: glossary` there.",
        "book/index.md:23: the link to glossary.md is dead: _toc.yml does not list this page.",
        "book/index.md:25: the link to glossary is dead: _toc.yml does not list this page.",
    ]


def test_every_fault_is_reported_in_order(house: Path) -> None:
    inject(house / "notebooks/01_x.py", "Two *layers*", "Two *tiers* of *units*")
    inject(house / "notebooks/01_x.py", "(#good2016)", "(#good2017)")
    inject(house / "book/index.md", "(#how-to-start)", "(#start)")
    starts = [line.split(" ")[0] for line in found(house)]
    assert starts == ["book/index.md:14:"] + ["notebooks/01_x.py:8:"] * 2 + [
        "notebooks/01_x.py:24:"
    ]


def test_a_source_that_nobody_cites_is_found_on_request(house: Path) -> None:
    inject(house / "notebooks/01_x.py", " [(Good, 2016)](#good2016)", "")
    assert found(house) == []
    message = "nobody cites good2016: cite it where the text uses it, or delete it."
    assert found(house, uncited=True) == [f"book/references.bib:6: {message}"]


def test_values_are_checked_only_when_the_names_are_known(house: Path) -> None:
    inject(house / "book/index.md", "{{ x_accuracy }}", "{{ x_loss }}")
    assert check.check(None, house) == []


def test_what_the_book_needs_and_lacks_is_named(house: Path) -> None:
    (house / "book/glossary.md").unlink()
    sentence = "book/glossary.md:1: the file is missing, and the book needs it."
    assert sentence in found(house)
    (house / "book/_toc.yml").write_text("root: [index\n")
    assert any(line.startswith("book/_toc.yml:2: this is no YAML: ") for line in found(house))


def test_a_symbol_that_the_notation_lacks_is_found(house: Path) -> None:
    index, notation = house / "book/index.md", house / "book/notation.md"
    formulas = "A $y$ and $x \\text{of it}$.\n\n$$\nx \\dots \\log \\mathrm{KL}\n$$\n"
    index.write_text(index.read_text("utf-8") + formulas, "utf-8")
    assert found(house) == []  # no page of this name, no check
    notation.write_text("# Notation\n\n| $x$ | a number |\n|---|---|\n", "utf-8")
    toc = house / "book/_toc.yml"
    toc.write_text(TOC + "      - file: notation\n", "utf-8")
    line = len(INDEX.splitlines()) + 1
    assert found(house) == [
        f"book/index.md:{number}: the notation does not explain {symbol}: add a row in notation.md."
        for number, symbol in ((line, "y"), (line + 2, r"\log"), (line + 2, r"\mathrm{KL}"))
    ]


@pytest.mark.parametrize(
    ("formula", "symbols"),
    [
        (r"\frac{n_{\text{out}} + 2}{s}", {"n", "s"}),
        (r"\begin{aligned} \mathbb{E}_q \left[ \log z \right] \end{aligned}",
         {r"\mathbb{E}", "q", r"\log", "z"}),
        (r"\operatorname{softmax}(Q K^\top)", {r"\operatorname{softmax}", "Q", "K", r"\top"}),
        ("3 + 4 = 7", set()),
    ],
)  # fmt: skip
def test_symbols_are_what_means_something(formula: str, symbols: set[str]) -> None:
    assert check.symbols(formula) == symbols


def test_an_exercise_notebook_is_checked_though_no_page(house: Path) -> None:
    path = house / "exercises/01_x.py"
    path.parent.mkdir()
    good = "# %% [markdown]\n# See [chapter 1](../notebooks/01_x.ipynb) on *pooling*.\n"
    path.write_text(good)
    assert found(house) == []
    path.write_text(good.replace("01_x", "02_y").replace("pooling", "strides"))
    assert found(house) == [
        f"exercises/01_x.py:2: *strides* is {UNKNOWN}",
        f"exercises/01_x.py:2: the link to ../notebooks/02_y.ipynb {DEAD_PAGE}",
    ]


@pytest.fixture(scope="module")
def before(copied: Path) -> set[Finding]:
    """What is found in the copy while nothing is wrong with it."""
    return set(check.check(root=copied))


def prose_line(source: Path) -> int:
    """Returns the last line of a chapter's longest cell of plain prose."""
    prose = [c for c in cells(source.read_text("utf-8")) if c.kind == "markdown"]
    longest = max((c for c in prose if not set(c.text) & set("<`$|")), key=lambda c: len(c.text))
    return longest.line + len(longest.text.splitlines())


REAL_FAULTS = {
    " An *entropic foo* ends.": f"*entropic foo* is {UNKNOWN}",
    " As in [(Nobody, 2000)](#nobody2000).": "[(Nobody, 2000)](#nobody2000) names a source that "
    "references.bib does not have.",
    " See [chapter 9](09_none.ipynb).": f"the link to 09_none.ipynb {DEAD_PAGE}",
    " See [above](#no-such-heading).": "the link to #no-such-heading is dead: no heading and no "
    "label has this name.",
    " ![](../_static/logo.svg)": f"the image ../_static/logo.svg {ADD_ALT}",
    " ![A logo.](../_static/none.svg)": "the image ../_static/none.svg does not exist.",
    r" So $\aleph x$.": r"the notation does not explain \aleph: add a row in notation.md.",
}


@pytest.mark.parametrize(
    "chapter", sorted((ROOT / "notebooks").glob("[0-9]*.py")), ids=lambda p: p.stem
)
def test_faults_in_a_real_chapter_are_found(
    copied: Path, before: set[Finding], chapter: Path
) -> None:
    source = copied / "notebooks" / chapter.name
    text = source.read_text("utf-8")
    number = prose_line(source)
    lines = text.splitlines(keepends=True)
    lines[number - 1] = lines[number - 1].rstrip("\n") + "".join(REAL_FAULTS) + "\n"
    source.write_text("".join(lines), "utf-8")
    new = set(check.check(root=copied)) - before
    source.write_text(text, "utf-8")
    page = f"notebooks/{chapter.name}"
    assert new == {Finding(page, number, sentence) for sentence in REAL_FAULTS.values()}


@pytest.mark.parametrize(
    ("page", "fault", "sentence"),
    [
        ("index.md", "{term}`foo`", f"{{term}}`foo` names {UNKNOWN}"),
        ("index.md", "[x](none.md)", f"the link to none.md {DEAD_PAGE}"),
        ("index.md", "{ref}`none`", "the reference to none is dead: no label has this name."),
        ("index.md", "![](_static/logo.svg)", f"the image _static/logo.svg {ADD_ALT}"),
        ("references.md", "{cite:t}`none`",
         "{cite:t}`none` names a source that references.bib does not have: none."),
    ],
)  # fmt: skip
def test_a_fault_on_a_real_page_is_found(
    copied: Path, before: set[Finding], page: str, fault: str, sentence: str
) -> None:
    path = copied / "book" / page
    text = path.read_text("utf-8")
    path.write_text(f"{text.rstrip()}\n\nOne line,\n{fault}\n", "utf-8")
    line = len(text.rstrip().splitlines()) + 3
    assert set(check.check(root=copied)) - before == {Finding(f"book/{page}", line, sentence)}
    path.write_text(text, "utf-8")


def test_a_real_page_that_goes_missing_is_found(copied: Path, before: set[Finding]) -> None:
    (copied / "book/glossary.md").rename(copied / "glossary.md")
    new = [str(finding) for finding in set(check.check(root=copied)) - before]
    (copied / "glossary.md").rename(copied / "book/glossary.md")
    lines = (copied / "book/_toc.yml").read_text("utf-8").splitlines()
    number = next(n for n, line in enumerate(lines, 1) if line.endswith("file: glossary"))
    wanted = "glossary has no source: write book/glossary.md, or take the line out."
    assert f"book/_toc.yml:{number}: {wanted}" in new


def test_the_command_reports_and_fails(house: Path) -> None:
    shutil.copytree(ROOT / "bookmaking", house / "bookmaking")

    def run(*options: str) -> Any:
        command = [sys.executable, "-m", "bookmaking.check", *options]
        return subprocess.run(command, cwd=house, capture_output=True, text=True, check=False)

    good = run()
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    inject(house / "book/index.md", "(glossary.md)", "(glosary.md)")
    bad = run("--run")
    assert bad.returncode == 1
    assert bad.stdout.splitlines() == [
        f"book/index.md:23: the link to glosary.md {DEAD_PAGE}",
        "notebooks/01_x.py:1: the chapter has no run: build/executed/01_x.ipynb is missing. "
        "Run `make book` again.",
    ]


def test_the_check_imports_nothing_slow() -> None:
    slow = "{'torch', 'sphinx', 'jupytext', 'nbformat'}"
    code = f"import sys, bookmaking.check; print({slow} & {{*sys.modules}})"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


TRICKY = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] tags=["a", "b"]
#   - indented
#
# #hash
#bare
# ## %% no cell

# %%

x = 1
# %% [raw]
# raw
# %% {"tags": ["live-x"]}
y = '''
'''


# %% [md]
# end
"""


@pytest.mark.parametrize(
    "text",
    [TRICKY, *(p.read_text("utf-8") for p in (ROOT / "notebooks").glob("*.py"))],
)
def test_cells_are_those_of_jupytext(text: str) -> None:
    ours, theirs = cells(text), jupytext.reads(text, "py:percent").cells
    assert [cell.kind for cell in ours] == [cell.cell_type for cell in theirs]
    assert [list(c.tags) for c in ours] == [c.metadata.get("tags", []) for c in theirs]
    lines = text.splitlines()
    for our, their in zip(ours, theirs, strict=True):
        assert lines[our.line - 1].startswith("# %%")
        if our.kind != "code":
            assert our.text == their.source
        else:
            # Magics are comments in the source and commands in the notebook.
            plain = our.text.replace("# %pip", "%pip").strip("\n")
            assert plain == their.source.strip("\n")


def test_pieces_know_their_lines() -> None:
    text = (
        "---\nkey: value\n---\n"
        "One `two\nthree` {term}`four\nfive` [six\n](six.md) ![](seven.png)\n\n"
        "> quoted [eight](eight.md)\n> and [nine](nine.md)\n\n"
        "1. first\n\n   second [ten](ten.md)\n\n"
        "Word\n: meaning [eleven](eleven.md)\n  more [twelve](twelve.md)\n\n"
        "| a | b |\n|---|---|\n| c | [thirteen](thirteen.md) |\n\n"
        "````{note} [fourteen](fourteen.md)\n:class: x\n\n"
        "```{figure} fifteen.png\n---\nname: sixteen\n---\n\nCaption [seventeen](seventeen.md)\n"
        "```\n````\n\n"
        "$$\na\n$$ (eighteen)\n\n"
        "<p>\nnineteen\n<a\nhref='twenty.html'></p>\n\n"
        "```python\n[not](a-link.md)\n```\n$[no](link)$ \\[no](x) <https://host.invalid>\n"
    )
    lines = {p.text.split(".")[0]: p.line for p in pieces(text) if p.text and p.kind != "directive"}
    assert lines == {
        "four five": 5, "six": 6, "seven": 7, "eight": 9, "nine": 10, "ten": 14, "eleven": 17,
        "twelve": 18, "thirteen": 22, "fourteen": 24, "fifteen": 27, "sixteen": 29,
        "seventeen": 32, "eighteen": 36, "\na\n": 36, "twenty": 42, "[no](link)": 48,
    }  # fmt: skip


def test_anchors_are_those_of_myst(house: Path) -> None:
    for title in ("How to start, 2nd try", "The `eval()` mode", "Fréchet: a 中文 distance?"):
        assert slug(title, []) == default_slugify(title)
    assert slug("Twice", ["twice"]) == "twice-1"
    # A term is a role in the book's Markdown, and MyST leaves roles out of anchors.
    path = house / "notebooks/01_x.py"
    path.write_text(CHAPTER.replace("# # A chapter", "# #### Deep\n#\n# # The *layer* chapter"))
    assert Book(house).pages["chapters/01_x"].anchors == {"the--chapter-on-pools"}


def figure(alt: str | None) -> Any:
    metadata = {"image/png": {"width": 720, "alt": alt}} if alt else {}
    return nbformat.v4.new_output("display_data", {"image/png": "iVBO"}, metadata=metadata)


RAN = """# %% [markdown]
# # A chapter

# %%
from aigc_utils import plotting
# %pip install {x}

# %% tags=["live-look"]
a = 1
plotting.look(
    a,
)

# %%
show_source(a)

# %%
for _ in range(2):
    print("done")
assert True
"""


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """A chapter's source, in `notebooks/01_x.py`, and its complete run."""
    source = tmp_path / "notebooks" / "01_x.py"
    source.parent.mkdir(exist_ok=True)
    source.write_text(RAN)
    notebook = jupytext.read(source)
    for number, cell in enumerate(notebook.cells[1:], start=1):
        cell.execution_count = number
    code = {"text/plain": "x", "text/markdown": "```python\nx\n```"}
    notebook.cells[2].outputs = [figure("A curve that falls.")]
    notebook.cells[3].outputs = [nbformat.v4.new_output("display_data", code)]
    notebook.cells[4].outputs = [nbformat.v4.new_output("stream", text="done\n")]
    return source, notebook


def test_a_complete_run_has_no_finding(run: Any) -> None:
    source, notebook = run
    assert check_outputs(notebook, source) == []


def missing(notebook: Any) -> None:
    notebook.cells[3].outputs = []


def only_text(notebook: Any) -> None:
    notebook.cells[3].outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "x"})]


def silent(notebook: Any) -> None:
    notebook.cells[4].outputs = []


def not_run(notebook: Any) -> None:
    notebook.cells[1].execution_count = None


def failed(notebook: Any) -> None:
    notebook.cells[4].outputs = [nbformat.v4.new_output("error", ename="ValueError")]


def mute_figure(notebook: Any) -> None:
    notebook.cells[2].outputs = [figure(None)]


def two_figures(notebook: Any) -> None:
    notebook.cells[2].outputs = [figure("a b c"), figure("d e f")]


def tagged(notebook: Any) -> None:
    html = nbformat.v4.new_output("display_data", {"text/html": "<b>a</b>"})
    notebook.cells[2].outputs = [html]


def mute_html(notebook: Any) -> None:
    html = nbformat.v4.new_output("display_data", {"text/html": "<p>\n<img src='x'>"})
    notebook.cells[3].outputs = [html]


def other_chapter(notebook: Any) -> None:
    del notebook.cells[4]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (missing, "15: show_source shows nothing: the output is missing."),
        (only_text, "15: show_source shows nothing: the output is missing."),
        (silent, "19: print writes nothing: the output is missing."),
        (not_run, "4: the cell did not run. Run `make book` again."),
        (failed, "17: the cell stopped with an error: ValueError."),
        (mute_figure, "8: the figure has no alternative text."),
        (two_figures, "8: show one figure a cell, not 2."),
        (tagged, "8: the cell is tagged live-look and shows no figure."),
        (mute_html, "14: an image in the output has no alternative text."),
        (other_chapter, "1: the run is not one of this chapter: it has 4 cells and the chapter 5, "
         "or in another order. Run `make book` again."),
    ],
)  # fmt: skip
def test_what_a_run_lacks_is_found(run: Any, spoil: Any, sentence: str) -> None:
    source, notebook = run
    spoil(notebook)
    assert [str(f) for f in check_outputs(notebook, source)] == [f"notebooks/01_x.py:{sentence}"]


def test_a_figure_that_did_not_come_out_is_found_at_its_call(run: Any) -> None:
    source, notebook = run
    notebook.cells[2].outputs = []
    assert [str(f) for f in check_outputs(notebook, source)] == [
        "notebooks/01_x.py:8: the cell is tagged live-look and shows no figure.",
        "notebooks/01_x.py:10: plotting.look shows nothing: the output is missing.",
    ]


def test_a_run_is_found_missing_damaged_and_complete(run: Any) -> None:
    source, notebook = run
    root = source.parent.parent
    text = "notebooks/01_x.py:1: the chapter has no run: build/executed/01_x.ipynb is {}."
    path = root / "build" / "executed" / "01_x.ipynb"
    for content, state in ((None, "missing"), ('{"cells": [', "damaged"), ("[]", "damaged")):
        if content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        (finding,) = check_runs(root)
        assert str(finding) == f"{text.format(state)} Run `make book` again."
    nbformat.write(notebook, path)
    assert check_runs(root) == []


@pytest.fixture
def page(run: Any, house: Path) -> Any:
    """A chapter's complete run in a small course."""
    (house / "notebooks" / "01_x.py").write_text(RAN)
    return run[1]


def test_the_build_makes_a_page_of_a_complete_run(page: Any, house: Path) -> None:
    image = page_source(page, house / "notebooks" / "01_x.py").cells[2].metadata["mystnb"]["image"]
    assert image == {"alt": "A curve that falls.", "width": "720px"}


def test_the_build_stops_at_a_missing_output(page: Any, house: Path) -> None:
    missing(page)
    with pytest.raises(SystemExit, match=r"^notebooks/01_x.py:15: show_source shows nothing"):
        page_source(page, house / "notebooks" / "01_x.py")


def test_the_build_stops_at_every_mark_that_leads_nowhere(page: Any, house: Path) -> None:
    page.cells[0].source = "# A chapter\n\nOf *tiers* and\n*units*."
    with pytest.raises(SystemExit) as stopped:
        page_source(page, house / "notebooks" / "01_x.py")
    assert str(stopped.value).splitlines() == [
        f"notebooks/01_x.py:4: *tiers* is {UNKNOWN}",
        f"notebooks/01_x.py:5: *units* is {UNKNOWN}",
    ]
