"""What decides how a notebook's run comes out, as one hash: a notebook runs again when it changes.

That is the notebook, the modules of the course that it imports and those that they import, the
assets that these read, the libraries that they import, Python, and the course's address.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .. import chapters
from ..settings import course_settings
from ..sources.api import PACKAGE
from ..sources.imports import Imports, Uses
from ..sources.pieces import cells


class Fingerprints:
    """The fingerprints of the notebooks under `root`, from the files as they are now."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.imports = Imports(root / PACKAGE)
        self._known: dict[Path, str] = {}

    def of(self, source: Path) -> str:
        """Returns a hash of all that decides what a notebook's run gives."""
        if source not in self._known:
            self._known[source] = self._of(source)
        return self._known[source]

    def _of(self, source: Path) -> str:
        needs = self.needs(source)
        digest = hashlib.sha256()
        for path in [source, *self.files(needs)]:
            digest.update(path.relative_to(self.root).as_posix().encode())
            digest.update(path.read_bytes())
        for package in sorted(filter(self.imports.is_package, needs.modules)):
            digest.update(f"{package}: {self.imports.remains(package)}".encode())
        for name in sorted(_bringing(needs)):
            digest.update(f"{name} {importlib.metadata.version(name)}".encode())
        digest.update(platform.python_version().encode())
        # The address stands in the first cell.
        digest.update(course_settings(self.root)["repository"].encode())
        return digest.hexdigest()

    def needs(self, source: Path) -> Uses:
        """Returns what a notebook imports, of the package and of libraries, directly or not."""
        folder, _, name = chapters.page_of(source).partition("/")
        # The exercises find their chapter's checks by its name.
        home = f"{PACKAGE}.exercises"
        checks = f"{home}.{name.partition('_')[2]}"
        known = folder == "exercises" and checks in self.imports.files
        # A file of weights names its class, and a notebook reads only files that it wrote itself.
        computed: dict[str, set[str]] = {f"{PACKAGE}.data.nested": set()}
        if known:
            computed[f"{home}.chapter"] = {checks}
        return self.imports.closure(_code(source), computed)

    def distributions(self, source: Path) -> set[str]:
        """Returns the normalized names of the distributions that a run needs, directly or not."""
        found: set[str] = set()
        waiting = {str(canonicalize_name(name)) for name in _bringing(self.needs(source))}
        while waiting:
            name = waiting.pop()
            found.add(name)
            waiting |= _required(name) - found
        return found

    def files(self, needs: Uses) -> list[Path]:
        """Returns the package's files that a run depends on: the modules, and what they read.

        A file that is no module counts where its name is one of the texts in the code: "plays.txt"
        and "plays" both stand for `texts/plays.txt.xz`. `explorer.js` belongs to `explorer.py`.
        What nobody names counts everywhere.
        """
        if needs.everything:
            return sorted([*self.imports.files.values(), *self._assets])
        names = {name for name in needs.modules if not self.imports.is_package(name)}
        modules = {self.imports.files[name] for name in names}
        read = [
            path
            for path, names in self._assets.items()
            if names & needs.words or path.with_suffix(".py") in modules or path in self._nobodys
        ]
        return sorted([*modules, *read])

    @cached_property
    def _nobodys(self) -> set[Path]:
        """The files that no module and no notebook names."""
        beside = {path.with_suffix("") for path in self.imports.files.values()}
        return {
            path
            for path, names in self._assets.items()
            if not names & self._words and path.with_suffix("") not in beside
        }

    @cached_property
    def _assets(self) -> Mapping[Path, set[str]]:
        """The package's files that are no modules, with the names by which code may call them."""
        found = {}
        for path in (self.root / PACKAGE).rglob("*"):
            if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts:
                parts = path.name.split(".")
                found[path] = {".".join(parts[:n]) for n in range(1, len(parts) + 1)}
        return found

    @cached_property
    def _words(self) -> set[str]:
        """All texts in the code of the package and of the notebooks."""
        found = {word for name in self.imports.files for word in self.imports.uses(name).words}
        for source in chapters.notebooks(self.root).values():
            found |= self.imports.closure(_code(source)).words
        return found


def _code(source: Path) -> str:
    written = cells(source.read_text(encoding="utf-8"))
    return "\n".join(cell.text for cell in written if cell.kind == "code")


def _bringing(needs: Uses) -> set[str]:
    """Returns the distributions that bring the libraries which a notebook imports."""
    return {name for library in needs.libraries for name in _distributions().get(library, ())}


@cache
def _required(name: str) -> frozenset[str]:
    """Returns what a distribution requires here, without its extras; nothing if it is not here."""
    try:
        lines = importlib.metadata.requires(name) or ()
    except importlib.metadata.PackageNotFoundError:
        return frozenset()
    wanted = [Requirement(line) for line in lines]
    return frozenset(
        canonicalize_name(each.name)
        for each in wanted
        if each.marker is None or each.marker.evaluate({"extra": ""})
    )


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Returns which distributions bring a library, by the name that one imports."""
    return importlib.metadata.packages_distributions()
