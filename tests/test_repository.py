"""The files that a repository's host reads: valid by their schemas, and in step with each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import check_jsonschema
import pytest
import yaml
from click.testing import CliRunner

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
FORMS = sorted(p for p in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if p.name != "config.yml")
# Each file and the schema that check-jsonschema brings for it; none is fetched.
SCHEMAS = {
    ROOT / "CITATION.cff": "vendor.citation-file-format",
    GITHUB / "dependabot.yml": "vendor.dependabot",
    GITHUB / "ISSUE_TEMPLATE" / "config.yml": "vendor.github-issue-config",
    **dict.fromkeys(FORMS, "vendor.github-issue-forms"),
    **dict.fromkeys(sorted((GITHUB / "workflows").glob("*.yml")), "vendor.github-workflows"),
}


def errors(path: Path, schema: str) -> str:
    """Returns what a file lacks of its schema, "" for nothing."""
    words = ["--builtin-schema", schema, "--output-format", "text", str(path)]
    run = CliRunner().invoke(check_jsonschema.main, words)  # a process of its own loads for 2 s
    return "" if run.exit_code == 0 else run.output or repr(run.exception)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda p: p.name)
def test_each_file_is_what_its_reader_expects(path: Path) -> None:
    assert errors(path, SCHEMAS[path]) == ""


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("CITATION.cff", "authors:", "writers:"),
        ("dependabot.yml", "interval: monthly", "interval: fortnightly"),
        ("fault.yml", "type: dropdown", "type: menu"),
        ("test.yml", "runs-on: ubuntu-latest", "run-on: ubuntu-latest"),
    ],
)
def test_what_no_reader_expects_is_found(name: str, old: str, new: str, tmp_path: Path) -> None:
    (path,) = (path for path in SCHEMAS if path.name == name)
    text = path.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new), encoding="utf-8")
    assert errors(tmp_path / name, SCHEMAS[path]) != ""


def test_all_name_one_version_and_one_title() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heads = re.findall(r"^## (.+)$", changes, re.MULTILINE)
    released = [head for head in heads if re.match(r"\d+\.\d+\.\d+: ", head)]
    assert heads[: len(heads) - len(released)] in ([], [heads[0]])
    assert heads[0].startswith(("Unreleased", PROJECT["version"]))
    assert released[0].partition(":")[0] == PROJECT["version"] == CITATION["version"]
    assert CITATION["title"] == PROJECT["description"]
    assert CITATION["license"] == PROJECT["license"]


def test_links_between_the_repositorys_files_lead_to_files() -> None:
    for path in ROOT.glob("*.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), f"{path.name}: {target}"
