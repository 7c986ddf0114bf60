"""The pages about the package, name by name: made from its folders, filled by its docstrings.

Each chapter's code has a page, then each package that the chapters share, then the modules that
stand alone. Sphinx fills in what the docstrings say; here they are only listed, from the files.
"""

from __future__ import annotations

from pathlib import Path

from .. import chapters
from .imports import Imports

PACKAGE = "aigc_utils"
FOLDER = "api"
GROUND = "ground"  # the page of the modules that stand alone
GROUND_TITLE = "The ground of all chapters"
ENTRY = "## `{name}`\n\n```{{eval-rst}}\n.. automodule:: {name}\n```\n"


def modules(root: Path) -> list[str]:
    """Returns the full names of the package's public modules, subpackages included.

    The chapters' exercises are left out: their functions are checks, which nobody calls by name.
    """
    found = Imports(root / PACKAGE)
    return [n for n in found.files if "._" not in n and not _is_check(n, found)]


def _is_check(name: str, found: Imports) -> bool:
    """Whether a module stands in a folder of a chapter's exercises, or is one."""
    parts = name.split(".")[:3]
    home = found.files[".".join(parts)]
    return parts[1:2] == ["exercises"] and len(parts) > 2 and home.name == "__init__.py"


def listed(root: Path) -> dict[str, tuple[str, list[str]]]:
    """Returns each page's title and modules by its name, such as "api/gan"."""
    by_page: dict[str, list[str]] = {}
    folder = root / PACKAGE
    short = {chapter.short: chapter for chapter in chapters.chapters(root)}
    for name in modules(root):
        _, *parts = name.split(".")
        if parts:
            alone = len(parts) == 1 and not (folder / parts[0]).is_dir() and parts[0] not in short
            by_page.setdefault(GROUND if alone else parts[0], []).append(name)
    imports = Imports(folder)
    order = [page for page in short if page in by_page]
    order += sorted(by_page.keys() - {*order, GROUND}) + [GROUND] * (GROUND in by_page)
    found = {}
    for page in order:
        title = GROUND_TITLE if page == GROUND else page.capitalize()
        if page in short:
            title = f"Code of chapter {short[page].number}: {short[page].subject}"
        top = f"{PACKAGE}.{page}"
        rest = imports.in_order([name for name in by_page[page] if name != top])
        found[f"{FOLDER}/{page}"] = title, [top] * (top in by_page[page]) + rest
    return found


def pages(root: Path) -> dict[str, str]:
    """Returns the text of each page in MyST's Markdown, by its name, such as "api/gan"."""
    return {
        page: "\n".join([f"# {title}\n", *(ENTRY.format(name=name) for name in names)])
        for page, (title, names) in listed(root).items()
    }


def table(root: Path) -> str:
    """Returns the pages and their modules as a table in MyST's Markdown."""
    rows = ["| page | modules |", "|---|---|"]
    for page, (title, names) in listed(root).items():
        inside = ", ".join(f"{{py:mod}}`{name}`" for name in names)
        rows.append(f"| [{title}]({page}.md) | {inside} |")
    return "\n".join(rows)
