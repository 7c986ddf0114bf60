"""The course's settings, from pyproject.toml, and where the course and its pages stand."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

from . import ROOT

# By this, GitHub makes the address of a repository's pages.
GITHUB = re.compile(r"https://github\.com/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?")


def course_settings(root: Path = ROOT) -> dict[str, str]:
    """Returns the public addresses and the branch of the notebooks, from pyproject.

    COURSE_REPOSITORY in the environment, which the workflow Publish sets, is the repository's
    address if set. The address of the pages is GitHub's own, unless the setting `pages` names one.
    """
    with (root / "pyproject.toml").open("rb") as file:
        settings: dict[str, str] = tomllib.load(file)["tool"]["course"]
    settings["repository"] = os.environ.get("COURSE_REPOSITORY", settings["repository"])
    settings["pages"] = settings.get("pages") or github_pages(settings["repository"])
    return settings


def github_pages(repository: str) -> str:
    """Returns where GitHub shows a repository's pages; an empty text for another host's.

    Args:
        repository: its address, such as "https://github.com/owner/name".
    """
    found = GITHUB.fullmatch(repository)
    if not found:
        return ""
    home = f"{found['owner'].lower()}.github.io"
    return (
        f"https://{home}/" if found["name"].lower() == home else f"https://{home}/{found['name']}/"
    )


def commit(root: Path = ROOT) -> str:
    """Returns the full name of the checkout's commit; an empty text where there is no checkout."""
    command = ["git", "rev-parse", "HEAD"]
    run = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8", check=False)
    return run.stdout.strip() if run.returncode == 0 else ""
