"""The reference pages: the package's entries, the symbols, and the glossary."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Collection, Iterator
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

import aigc_utils
from bookmaking.after import lighten
from bookmaking.extensions import reference
from bookmaking.sources import api as api_pages
from bookmaking.sources import myst

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
CHAPTERS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("[0-9]*.py"))}
EXERCISES = sorted((ROOT / "exercises").glob("[0-9]*.py"))
GLOSSARY = (BOOK / "glossary.md").read_text(encoding="utf-8")
AUTOMODULE = re.compile(r"^\.\. automodule:: (\S+)$", re.MULTILINE)

# Words that are used in their everyday sense before the term is needed.
FIRST_AS_A_TERM = {
    "block": "04_gpt",
    "code": "03_vae",
    "decoder": "03_vae",
    "floor": "02_gan",
    "judge": "02_gan",
    "key": "04_gpt",
    "rate": "03_vae",
    "score": "04_gpt",
    "value": "04_gpt",
}


def prose(path: Path) -> str:
    """Returns a chapter's sentences, without headings, code, formulas and addresses."""
    lines, text = [], False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# %%"):
            text = "[markdown]" in line
        elif text and not line.startswith("# #"):
            lines.append(line.removeprefix("#").removeprefix(" "))
    return re.sub(r"\]\([^)]*\)", "]", myst.PROTECTED.sub(" ", "\n".join(lines)))


def entries_of_the_glossary() -> list[tuple[list[str], str]]:
    """Returns each entry's terms, which share one definition, and the definition."""
    found: list[tuple[list[str], str]] = []
    for line in myst.GLOSSARY.search(GLOSSARY)[2].splitlines():
        if line.startswith(" "):
            terms, definition = found[-1]
            found[-1] = (terms, f"{definition} {line.strip()}".strip())
        elif line.strip() and not line.startswith(":"):
            if not found or found[-1][1]:
                found.append(([], ""))
            found[-1][0].append(line.strip())
    return found


def plain(words: str) -> str:
    return " ".join(words.lower().split())


@cache
def places() -> dict[str, dict[str, list[tuple[str, bool]]]]:
    """Returns for each term and chapter every sentence's line that has it, and if it is marked.

    Where one term is part of another, the longer one counts alone.
    """
    heads = {plain(term): terms[0] for terms, _ in entries_of_the_glossary() for term in terms}
    heads |= {words: heads[plain(term)] for words, term in myst.FORMS.items()}
    heads |= {f"{words}{end}": head for words, head in heads.items() for end in ("s", "es")} | heads
    longest = sorted(heads, key=len, reverse=True)
    words = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in longest)
    pattern = re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE)
    found: dict[str, dict[str, list[tuple[str, bool]]]] = {}
    for name, path in CHAPTERS.items():
        text = prose(path)
        for match in pattern.finditer(text):
            start, end = match.span()
            marked = text[start - 1] == text[end : end + 1] == "*" and text[start - 2] != "*"
            line = text[text.rfind("\n", 0, start) + 1 : text.find("\n", end)]
            chapters = found.setdefault(heads[plain(match.group())], {})
            chapters.setdefault(name, []).append((line, marked))
    return found


def unmarked() -> Iterator[tuple[str, str, str]]:
    """Yields each term that lacks its mark, the chapter where it comes first, and the line."""
    for term, chapters in sorted(places().items()):
        first = FIRST_AS_A_TERM.get(term, next(iter(chapters)))
        lines = chapters.get(first, [("", False)])
        if not any(marked for _, marked in lines):
            yield term, first, lines[0][0]


# --- the glossary


def test_the_glossary_is_sorted_by_sphinx() -> None:
    assert "```{glossary}\n:sorted:\n" in GLOSSARY


def test_every_term_is_defined_once() -> None:
    terms = [plain(term) for group, _ in entries_of_the_glossary() for term in group]
    assert len(terms) > 150
    assert sorted({term for term in terms if terms.count(term) > 1}) == []


def test_every_definition_is_made_of_sentences() -> None:
    for terms, definition in entries_of_the_glossary():
        assert definition.endswith("."), f"{terms[0]} has no full stop: {definition!r}"
        assert definition[0].isupper() or definition[0] == "{", terms[0]


def test_the_glossary_refers_to_itself_by_its_own_words() -> None:
    terms = {plain(term) for group, _ in entries_of_the_glossary() for term in group}
    for page in [BOOK / "notation.md", BOOK / "glossary.md"]:
        for role in re.findall(r"\{term\}`([^`]+)`", page.read_text(encoding="utf-8")):
            word = role.split("<")[-1].rstrip(">")
            assert plain(word) in terms, f"{page.name}: {role}"


def test_every_term_is_marked_in_the_first_chapter_that_uses_it() -> None:
    missing = [f"*{term}* in {chapter}: {line}" for term, chapter, line in unmarked()]
    assert missing == [], "\n".join(missing)


def test_the_words_with_an_everyday_sense_have_another_one_too() -> None:
    for term, chapter in FIRST_AS_A_TERM.items():
        earlier = list(places()[term])
        assert chapter in earlier[1:], f"{term} is first used in {earlier[0]}: drop the exception"


# --- the notation

FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", re.DOTALL)
SYMBOL = re.compile(r"\\(?:operatorname|mathrm|mathcal|mathbb)\{\w+\}|\\[A-Za-z]+|[A-Za-z]")
LAYOUT = {
    r"\left", r"\right", r"\begin", r"\end", r"\frac", r"\qquad", r"\cdot", r"\dots", r"\mid",
    r"\sim", r"\lVert", r"\rVert", r"\lvert", r"\rvert", r"\lfloor", r"\rfloor", r"\big",
}  # fmt: skip


def symbols(markdown: str) -> set[str]:
    """Returns the letters and commands of all formulas of a text."""
    formulas = " ".join(a or b for a, b in FORMULA.findall(markdown))
    formulas = re.sub(r"\\text\{[^}]*\}|\\(?:begin|end)\{[^}]*\}|\bd(?=z\b)", " ", formulas)
    return {symbol for symbol in SYMBOL.findall(formulas) if symbol not in LAYOUT}


def markdown_of(path: Path) -> str:
    """Returns a chapter's Markdown, each cell apart, without code."""
    lines, text = [], False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# %%"):
            text = "[markdown]" in line
        elif text:
            lines.append(line.removeprefix("#").strip())
    return re.sub(r"```.*?```|`[^`\n]*`", " ", "\n".join(lines), flags=re.DOTALL)


@pytest.mark.parametrize(
    "source", [*CHAPTERS.values(), *EXERCISES], ids=lambda p: f"{p.parent.name}/{p.stem}"
)
def test_the_notation_explains_every_symbol(source: Path) -> None:
    rows = (BOOK / "notation.md").read_text(encoding="utf-8")
    explained = symbols("\n".join(row.split(" | ")[0] for row in rows.splitlines()))
    assert symbols(markdown_of(source)) - explained == set()


def test_symbols_are_found_in_formulas() -> None:
    text = r"of $\frac12 \mathrm{KL}(q)$, $p_{\text{data}}$ and $$\begin{aligned} z \end{aligned}$$"
    assert symbols(text) == {r"\mathrm{KL}", "q", "p", "z"}


# --- the package


def test_every_module_has_one_entry_under_its_name() -> None:
    pages = {**api_pages.pages(ROOT), "api": (BOOK / "api.md").read_text(encoding="utf-8")}
    listed = [name for text in pages.values() for name in AUTOMODULE.findall(text)]
    assert sorted(listed) == sorted(reference.modules())
    for name in listed:
        entry = f"## `{name}`\n\n```{{eval-rst}}\n.. automodule:: {name}\n```\n"
        assert sum(entry in text for text in pages.values()) == 1, name


def test_the_files_hold_what_python_finds() -> None:
    found = pkgutil.walk_packages(aigc_utils.__path__, "aigc_utils.")
    left_out = {m.name for m in found} - set(reference.modules())
    assert left_out
    assert all(re.match(r"aigc_utils\.exercises\.\w+\b", name) for name in left_out), left_out
    assert "aigc_utils.exercises.chapter" not in left_out


def settings() -> dict[str, Any]:
    """Returns the book's settings for autodoc, with Sphinx's own theme and nothing else."""
    config = yaml.safe_load((BOOK / "_config.yml").read_text(encoding="utf-8"))["sphinx"]["config"]
    chosen = ("autodoc", "napoleon", "python", "nitpick", "add_module_names")
    return {
        "extensions": [
            "myst_parser",
            "sphinx.ext.autodoc",
            "sphinx.ext.napoleon",
            reference.__name__,
        ],
        "nitpicky": True,
        **{key: value for key, value in config.items() if key.startswith(chosen)},
    }


def build(folder: Path, pages: dict[str, str]) -> tuple[Sphinx, str]:
    """Returns the Sphinx application after it has read and resolved pages, and its warnings."""
    source = folder / "source"
    source.mkdir()
    toctree = "\n".join(["# Index", "", "```{toctree}", *pages, "```", ""])
    for name, text in {**pages, "index": toctree}.items():
        (source / f"{name}.md").write_text(text, encoding="utf-8")
    warnings = StringIO()
    with patch_docutils(source), docutils_namespace():
        app = Sphinx(
            source, None, folder / "out", folder / "doctrees", "html", settings(),
            status=None, warning=warnings,
        )  # fmt: skip
        app.build()
    return app, warnings.getvalue()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sphinx, str]:
    pages = {
        name.rpartition("/")[2]: "# Page\n" + "".join(
            f"\n```{{eval-rst}}\n.. automodule:: {name}\n```\n" for name in names
        )
        for name, (_, names) in {**api_pages.listed(ROOT), "api": ("", ["aigc_utils"])}.items()
    }  # fmt: skip
    return build(tmp_path_factory.mktemp("api"), pages)


def test_the_docstrings_give_no_warning(api: tuple[Sphinx, str]) -> None:
    assert api[1] == ""


def test_every_public_name_is_described_once(api: tuple[Sphinx, str]) -> None:
    described = set(api[0].env.domaindata["py"]["objects"])
    assert described == set(reference.entries())
    assert {
        "aigc_utils.cnn.networks.CourseCNN.forward",
        "aigc_utils.training.fit",
        "aigc_utils.gpt.config.GPT2",
        "aigc_utils.data.files.DataError",
        "aigc_utils.gpt.cache.Cache.length",
    } <= described
    assert not {n for n in described if re.search(r"\._(?!_)", n)}


def test_every_entry_has_a_text(api: tuple[Sphinx, str]) -> None:
    modules = [importlib.import_module(name) for name in reference.modules()]
    bare = [module.__name__ for module in modules if not module.__doc__]
    for page in [*api_pages.listed(ROOT), "api"]:
        for entry in api[0].env.get_doctree(page.rpartition("/")[2]).findall(addnodes.desc):
            texts = [part.astext() for part in entry[-1] if isinstance(part, nodes.paragraph)]
            if not any(text.endswith((".", ":")) and text[:5] != "Base:" for text in texts):
                bare.append(entry[0]["ids"][0])
    assert bare == []


def test_every_constant_has_its_text_after_a_mark_that_autodoc_reads() -> None:
    for name in reference.modules():
        module = importlib.import_module(name)
        assigned = [
            target.id
            for node in ast.parse(inspect.getsource(module)).body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in ast.walk(node)
            if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store)
        ]
        public = {n for n in assigned if n.isupper() and not n.startswith("_")}
        types = {n for n in public if reference.is_type_alias(getattr(module, n))}
        assert public - types == reference.constants(name).keys(), name


def unnamed_errors(source: str, public: Collection[str]) -> Iterator[str]:
    """Yields each error that a public function raises itself and its docstring does not name.

    The errors of `__init__` and `__post_init__` belong to the class.
    """
    tree = ast.parse(source)
    pairs = [(node, node) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    pairs += [
        (part, node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
        for part in node.body if getattr(part, "name", "") in ("__init__", "__post_init__")
    ]  # fmt: skip
    for function, described in pairs:
        section = (ast.get_docstring(described) or "").partition("Raises:\n")[2]
        for node in ast.walk(function):
            if described.name in public and isinstance(node, ast.Raise):
                error = getattr(getattr(node.exc, "func", None), "id", "_")
                if error[0].isupper() and f"    {error}: " not in section:
                    yield f"{described.name}: {error}"


def test_every_error_is_described() -> None:
    caught = {"load_bpe: ValueError"}  # it is raised for the lines below it, which make it another
    for name in reference.modules():
        public = {e.rpartition(".")[2] for e in reference.entries() if e.startswith(f"{name}.")}
        source = inspect.getsource(importlib.import_module(name))
        assert set(unnamed_errors(source, public)) <= caught, name


def test_an_error_without_a_word_is_found() -> None:
    source = '''
class Box:
    """A box."""
    def __init__(self):
        raise ValueError("full")

def fill(box):
    """Fills a box.

    Raises:
        KeyError: it is shut.
    """
    if box:
        raise KeyError("shut")
    raise TypeError("none")

def _hidden():
    raise TypeError("none")
'''
    assert set(unnamed_errors(source, {"Box", "fill"})) == {"Box: ValueError", "fill: TypeError"}


def test_a_signature_is_one_that_python_reads(api: tuple[Sphinx, str]) -> None:
    def signature(page: str, name: str) -> str:
        html = (Path(api[0].outdir) / f"{page}.html").read_text(encoding="utf-8")
        (found,) = re.findall(rf'id="{re.escape(name)}">(.*?)</dt>', html, re.DOTALL)
        return re.sub(r"\s", "", re.sub("<[^>]+>", "", found)).removesuffix("¶")

    # Nobody calls a protocol.
    assert signature("gpt", "aigc_utils.gpt.tokenizers.Tokenizer") == "classTokenizer"
    styled = signature("plotting", "aigc_utils.plotting.picture.styled")
    assert styled == "styled(draw:Callable[P,Picture],)&#x2192;Callable[P,Picture]"
    assert "check:Callable[...,str|None]," in signature(
        "exercises", "aigc_utils.exercises.chapter.Exercise"
    )
    # Ours and torch's have one name.
    saved = signature("gan", "aigc_utils.gan.samples.save_generator")
    assert saved == "save_generator(generator:Generator,path:str|Path,)&#x2192;Path"
    assert "rng:torch.Generator," in signature("gan", "aigc_utils.gan.game.CourseGAN")
    assert signature("ground", "aigc_utils.devices.device").endswith("&#x2192;torch.device")


def test_the_index_lists_a_module_once(api: tuple[Sphinx, str]) -> None:
    html = (Path(api[0].outdir) / "genindex.html").read_text(encoding="utf-8")
    for name in reference.modules():
        assert html.count(f'#module-{name}"') == 1, name
    assert ">aigc_utils.gan (module)</a>" in html


def test_an_entry_says_what_its_docstring_says(api: tuple[Sphinx, str]) -> None:
    def text(page: str) -> str:
        html = (Path(api[0].outdir) / f"{page}.html").read_text(encoding="utf-8")
        return re.sub(r"\s+", " ", re.sub("<[^>]+>", "", html))

    # Bars, stars, underscores and hats are no marks of reStructuredText here.
    assert "|mean_a - mean_b|^2 + trace(cov_a + cov_b" in text("evaluation")
    assert "KL(N(mean, variance) || N(0, 1))" in text("ground")
    # The comment beside a field, and the line that sets a constant.
    assert "the most tokens it can look at" in text("gpt")
    assert "MINUTE = VAERecipe(epochs=16)" in text("vae")
    # A field's default that is made anew.
    assert "losses: dict[str, list[float]] = dict()," in text("ground")
    # Where one line sets several, it is shown once, and its text stands at each.
    assert text("plotting").count("SIDE, LEFT, TOP, PLOT, NAME = ") == 1
    assert text("plotting").count("In pixels of the screen") == 5
    assert "Set beside SIDE." in text("plotting")
    # The comment beside a constant's line is its text, and not shown twice.
    assert "Image pixels per shown pixel, for dense screens. DENSITY = 2 " in text("plotting")
    assert "Bits of each weight on the page. BITS = 18 " in text("plotting")
    assert 'href="ground.html#aigc_utils.training.fit"' in (
        Path(api[0].outdir) / "cnn.html"
    ).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("of `fit` and `nn.Linear`", ":py:obj:`fit <aigc_utils.training.fit>` and :code:`nn.L"),
        ("an `optimizer` that", "an :code:`optimizer` that"),
        ("`train_course` itself", ":code:`train_course` itself"),
        ("|a - b| in snake_case_", r"\|a - b\| in snake\_case\_"),
        ("*one* of 2 * 3", r"*one* of 2 \* 3"),
        ("Source: LeCun", "*Source:* LeCun"),
    ],
)
def test_a_docstring_becomes_restructured_text(line: str, expected: str) -> None:
    own = frozenset({"optimizer"})
    assert expected in reference.to_rst(line, "aigc_utils.cnn.training.train_course", own)


def test_a_type_of_ours_without_an_entry_is_an_error(tmp_path: Path) -> None:
    page = "# Page\n\n```{eval-rst}\n.. py:function:: f(x: aigc_utils.gone.Type)\n```\n"
    assert "reference target not found: aigc_utils.gone.Type" in build(tmp_path, {"page": page})[1]


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("aigc_utils.gan", "aigc_utils.<wbr>gan"),
        ("load_gpt2()", "load_<wbr>gpt2()"),
        ("ArticleGenerator", "Article<wbr>Generator"),
        ("PyTorch",) * 2,
        ("__all__",) * 2,
    ],
)
def test_a_long_name_may_break_within(name: str, broken: str) -> None:
    contents = '<a class="reference internal nav-link" href="#a_b"><code>{}</code></a>'
    index = '<a href="api/gan.html#aigc_utils.gan.f">({})</a>'
    for page in (contents, index):
        assert lighten.with_breaks(page.format(name)) == page.format(broken)
        # A page is lightened at every build.
        assert lighten.with_breaks(page.format(broken)) == page.format(broken)
    elsewhere = f'<a class="reference internal" href="#a_b"><code>{name}</code></a>'
    assert lighten.with_breaks(elsewhere) == elsewhere


def test_a_type_of_others_is_none(tmp_path: Path) -> None:
    page = "# Page\n\n```{eval-rst}\n.. py:function:: f(x: torch.Tensor)\n```\n"
    assert build(tmp_path, {"page": page})[1] == ""
