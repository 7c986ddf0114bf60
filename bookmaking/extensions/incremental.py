"""Sphinx extension: a second build writes what changed, and leaves out nothing.

Sphinx writes a page anew when its source changed, and lets all others stand. Three things of other
pages it forgets, so that it is reminded here:

- the search loses the index's words, the glossary's among them, of each page that is not written
  anew: Sphinx reads them from no earlier index (its issue 12599);
- a page shows what other pages define: titles, terms, numbers, cited sources. When any of these
  changes, all pages are written;
- a page about code links to other modules: when the package changes, all of these pages are read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from .. import ROOT
from ..sources.api import FOLDER, PACKAGE


def keep_index_entries(app: Sphinx) -> Iterable[Any]:
    """Puts back into the search what the index of the last build has of pages not written anew."""
    builder: Any = app.builder
    indexer, path = getattr(builder, "indexer", None), Path(app.outdir, "searchindex.js")
    if indexer is None or not path.is_file():
        return []
    with path.open(encoding="utf-8") as file:
        last = builder.indexer_format.load(file)
    written = set(indexer._index_entries)
    kept: dict[str, set[tuple[str, str, str]]] = {}
    for entry, places in last.get("indexentries", {}).items():
        for number, target, is_main in places:
            page = last["docnames"][number]
            if page in indexer._titles and page not in written:
                kept.setdefault(page, set()).add((entry, target, "main" if is_main else ""))
    both = indexer._index_entries | {page: sorted(entries) for page, entries in kept.items()}
    indexer._index_entries = dict(sorted(both.items()))
    for words in (indexer._mapping, indexer._title_mapping):
        for word in [word for word, pages in words.items() if not pages]:
            del words[word]  # of a sentence that is no more
    return []


def shared(env: BuildEnvironment) -> str:
    """Returns a hash of what the pages take from each other."""
    known = (
        {page: title.astext() for page, title in env.titles.items()},
        {page: tuple(below) for page, below in env.toctree_includes.items()},
        env.toc_secnumbers,
        env.toc_fignumbers,
        {name: data for name, data in env.domaindata.items() if name != "index"},
        {name: value for name, value in vars(env).items() if name.endswith("_registry")},
    )
    return hashlib.sha256(_plain(known).encode()).hexdigest()


def _plain(value: Any) -> str:
    """Returns a value as text that is the same in every process."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(sorted(f'{_plain(k)}: {_plain(v)}' for k, v in value.items()))}}}"
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(_plain, value)))}}}"
    if isinstance(value, nodes.Node):  # what stands elsewhere of it is its title
        title = value.next_node(nodes.title) if isinstance(value, nodes.Element) else value
        return f"<{type(value).__name__} {title.astext() if title else ''}>"
    if isinstance(value, list):  # in the order in which pages were read, which says nothing
        return f"[{', '.join(sorted(map(_plain, value)))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(_plain, value))})"
    if hasattr(value, "__dict__") and not isinstance(value, type):
        return f"<{type(value).__name__} {_plain(vars(value))}>"
    return repr(value)


def write_all(app: Sphinx, env: Any) -> list[str]:
    """Returns all pages if what they take from each other has changed since the last build."""
    before, env.course_shared = getattr(env, "course_shared", None), shared(env)
    return [] if before == env.course_shared else sorted(env.found_docs)


def read_code(app: Sphinx, env: Any, added: set[str], changed: set[str], removed: set[str]) -> Any:
    """Returns the pages about code if the package has changed since the last build.

    Pages that are no more are deleted.
    """
    for page in removed:
        Path(app.outdir, f"{page}.html").unlink(missing_ok=True)
    digest = hashlib.sha256()
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        digest.update(path.read_bytes())
    before, env.course_code = getattr(env, "course_code", None), digest.hexdigest()
    pages = [page for page in env.found_docs if page.partition("/")[0] == FOLDER]
    return [] if before == env.course_code else pages


def setup(app: Sphinx) -> dict[str, Any]:
    """Hooks into what Sphinx reads, writes and indexes."""
    app.connect("env-get-outdated", read_code)
    app.connect("env-get-updated", write_all, priority=900)  # after those that number pages
    app.connect("html-collect-pages", keep_index_entries)
    # With another version of any extension of ours, Sphinx reads all pages again.
    texts = (path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return {
        "parallel_read_safe": True,
        "parallel_write_safe": True,
        "env_version": crc32(b"".join(texts)),
    }
