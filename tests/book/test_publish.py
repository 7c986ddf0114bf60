"""The branch of notebooks: what Colab and Binder open, where the launch buttons look for it."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import nbformat
import pytest
import yaml
from jinja2 import Template

from bookmaking import ROOT, chapters, publish, render
from bookmaking.runs import running
from bookmaking.runs.fingerprint import Fingerprints
from bookmaking.settings import course_settings, github_pages

ADDRESS = "https://example.org/owner/course"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHAPTER = "# %% [markdown]\n# # 1. A chapter\n\n# %%\nREPOSITORY = ''\n"


def executed_notebook(address: str) -> Any:
    bar = nbformat.v4.new_output("display_data", {running.WIDGET: {}, "text/plain": "50%|"})
    text = nbformat.v4.new_output("stream", text="done")
    cell = nbformat.v4.new_code_cell(f'REPOSITORY = "{address}"', outputs=[bar, text])
    cells = [nbformat.v4.new_markdown_cell("# 1. A chapter\n\nWith text."), cell]
    return nbformat.v4.new_notebook(cells=cells, metadata={"widgets": {"state": {}}})


def student(path: Path) -> Any:
    assert path.parent.name == "exercises"
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Exercises 1")])


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small course whose one chapter has run with the address in its first cell."""
    files = {
        "notebooks/01_x.py": CHAPTER,
        "exercises/01_x.py": "# %% [markdown]\n# # Exercises 1\n",
        "aigc_utils/gpt/pretrained.py": 'WHEEL = "weights==0.1.2"\n',
        "pyproject.toml": f'[tool.course]\nrepository = "{ADDRESS}"\nbranch = "notebooks"\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "build" / "executed").mkdir(parents=True)
    nbformat.write(executed_notebook(ADDRESS), tmp_path / "build" / "executed" / "01_x.ipynb")
    monkeypatch.delenv("COURSE_REPOSITORY", raising=False)
    monkeypatch.setattr(publish, "ROOT", tmp_path)
    monkeypatch.setattr(publish, "download", lambda notebook, path: student(path))
    monkeypatch.setattr(publish, "BRANCH_FOLDER", tmp_path / "build" / "notebooks-branch")
    monkeypatch.setattr(publish, "current_commit", lambda: COMMIT)
    made = {"PAGES": "html", "PDF": "pdf/a.pdf", "EPUB": "epub/a.epub"}
    for name, path in made.items():
        monkeypatch.setattr(publish, name, tmp_path / path)
    for path in ("pdf/a.pdf", "epub/a.epub", "html/index.html", "html/_sources/x.ipynb"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    nbformat.write(executed_notebook(ADDRESS), tmp_path / "html/_sources/x.ipynb")
    return tmp_path


def test_the_branch_holds_the_chapters_and_binders_recipe(house: Path) -> None:
    folder = house / "branch"
    (folder / "old").mkdir(parents=True)
    names = publish.write_branch(folder)
    found = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    assert found == names
    assert names == [
        ".binder/environment.yml", ".binder/postBuild", "README.md", "book/chapters/01_x.ipynb",
        "book/exercises/01_x.ipynb",
    ]  # fmt: skip
    assert not (folder / "old").exists()


def test_a_published_chapter_has_its_output_and_no_widget(house: Path) -> None:
    publish.write_branch(house / "branch")
    path = house / "branch" / "book" / "chapters" / "01_x.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    assert [o.output_type for o in notebook.cells[1].outputs] == ["stream"]
    assert notebook.cells[1].source == f'REPOSITORY = "{ADDRESS}@{COMMIT}"'


def test_the_readme_links_each_chapter_and_names_the_commit(house: Path) -> None:
    publish.write_branch(house / "branch")
    text = (house / "branch" / "README.md").read_text(encoding="utf-8")
    assert "[1. A chapter](book/chapters/01_x.ipynb)" in text
    assert "[Exercises 1](book/exercises/01_x.ipynb)" in text
    assert ADDRESS in text
    assert COMMIT in text
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (house / "branch" / target).is_file()


def test_the_launch_buttons_point_at_the_published_chapters(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = ROOT
    (house / "book").mkdir()
    shutil.copy(root / "book" / "_config.yml", house / "book")
    config = yaml.safe_load(render.book_config({}, house).read_text(encoding="utf-8"))
    page = next(iter(chapters.notebooks(root, "chapters")))
    path = Path(config["repository"]["path_to_book"], page).parent
    assert path == publish.CHAPTERS
    assert config["repository"]["branch"] == "notebooks"
    assert {"colab_url", "binderhub_url"} <= config["launch_buttons"].keys()


def test_binder_installs_the_published_commit_and_the_weights(house: Path) -> None:
    publish.write_branch(house / "branch")
    recipe = house / "branch" / ".binder"
    script = (recipe / "postBuild").read_text(encoding="utf-8")
    assert f"git+{ADDRESS}@{COMMIT}" in script
    assert "--torch-backend cpu" in script
    assert "--no-deps weights==0.1.2" in script
    assert (recipe / "postBuild").stat().st_mode & 0o100
    if shutil.which("bash"):
        subprocess.run(["bash", "-n", str(recipe / "postBuild")], check=True)
    environment = yaml.safe_load((recipe / "environment.yml").read_text(encoding="utf-8"))
    assert [line.partition("=")[0] for line in environment["dependencies"]] == ["python", "pip"]


def test_what_stands_beside_the_pages_is_laid_there(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert publish.main() == 0
    pages = house / "html"
    assert {"a.pdf", "a.epub", "index.html"} == {p.name for p in pages.iterdir() if p.is_file()}
    downloaded = nbformat.read(pages / "_sources" / "x.ipynb", as_version=4)
    assert downloaded.cells[1].source == f'REPOSITORY = "{ADDRESS}@{COMMIT}"'
    monkeypatch.setenv("COURSE_REPOSITORY", "https://github.com/Owner/course")
    (house / "book" / "_static").mkdir(parents=True)
    shutil.copy(ROOT / "book" / "_static" / "hero.svg", house / "book" / "_static")
    publish.write_beside(pages)
    assert "https://owner.github.io/course/" in (pages / "sitemap.xml").read_text()
    assert (pages / "404.html").is_file()
    assert (pages / "_static" / "card.png").is_file()


@pytest.mark.parametrize(
    ("repository", "pages"),
    [
        ("https://github.com/Owner/My.course", "https://owner.github.io/My.course/"),
        ("https://github.com/owner/course.git", "https://owner.github.io/course/"),
        ("https://github.com/Owner/owner.github.io/", "https://owner.github.io/"),
        ("https://example.org/owner/course", ""),
        ("", ""),
    ],
)
def test_github_shows_pages_at_an_address_of_its_own(repository: str, pages: str) -> None:
    assert github_pages(repository) == pages


def test_the_setting_names_another_address(house: Path) -> None:
    text = (house / "pyproject.toml").read_text()
    (house / "pyproject.toml").write_text(f'{text}pages = "https://course.example/"\n')
    assert course_settings(house)["pages"] == "https://course.example/"


def test_each_page_can_report_a_problem_with_its_name_and_commit(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (house / "book").mkdir()
    shutil.copy(ROOT / "book" / "_config.yml", house / "book")
    monkeypatch.setattr(render, "commit", lambda root: COMMIT)
    monkeypatch.setenv("COURSE_REPOSITORY", "https://github.com/owner/course")
    config = yaml.safe_load(render.book_config({}, house).read_text(encoding="utf-8"))
    sphinx = config["sphinx"]["config"]
    assert sphinx["html_baseurl"] == "https://owner.github.io/course/"
    assert "report.html" in sphinx["html_theme_options"]["footer_content_items"]
    template = (ROOT / "book" / "_templates" / "report.html").read_text(encoding="utf-8")
    given = sphinx["html_context"]
    shown = Template(template).render(pagename="chapters/01_x", **given)
    (address,) = re.findall(r'href="([^"]+)"', shown)
    form = parse_qs(urlsplit(unescape(address)).query)
    assert form["where"] == [f"chapters/01_x ({COMMIT[:7]}): "]
    path = ROOT / ".github" / "ISSUE_TEMPLATE" / form["template"][0]
    fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert "where" in {field["id"] for field in fields["body"]}
    assert form["labels"] == fields["labels"]
    assert not Template(template).render(pagename="chapters/01_x").strip()


def test_what_is_missing_stops_it_with_one_sentence(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = house / "build" / "executed" / "01_x.ipynb"
    assert publish.main() == 0
    publish.EPUB.unlink()
    assert publish.main() == 1
    assert "a.epub has not been made: run `make epub` first" in capsys.readouterr().err
    nbformat.write(executed_notebook("https://example.org/fork"), path)
    assert publish.main() == 1
    assert "ran with another address: run `make book` again" in capsys.readouterr().err
    path.unlink()
    assert publish.main() == 1
    assert "01_x has not run: run `make book` first" in capsys.readouterr().err
    (house / "pyproject.toml").write_text('[tool.course]\nrepository = ""\nbranch = "b"\n')
    assert publish.main() == 1
    assert "has no address: set `repository`" in capsys.readouterr().err


def test_a_folder_that_is_no_checkout_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(publish.PublishError, match="no git checkout"):
        publish.current_commit()


def test_the_environments_address_comes_first_and_runs_the_chapters_again(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = house / "notebooks" / "01_x.py"
    before = Fingerprints(house).of(source)
    monkeypatch.setenv("COURSE_REPOSITORY", "https://example.org/fork")
    assert course_settings(house)["repository"] == "https://example.org/fork"
    assert Fingerprints(house).of(source) != before
