"""The course's settings, from pyproject.toml."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from . import ROOT


def course_settings(root: Path = ROOT) -> dict[str, str]:
    """Returns the repository's public address and the branch of the notebooks, from pyproject.

    COURSE_REPOSITORY in the environment, which the workflow Publish sets, is the address if set.
    """
    with (root / "pyproject.toml").open("rb") as file:
        settings: dict[str, str] = tomllib.load(file)["tool"]["course"]
    settings["repository"] = os.environ.get("COURSE_REPOSITORY", settings["repository"])
    return settings
