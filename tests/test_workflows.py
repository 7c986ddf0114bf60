"""The workflows: sound by actionlint, with few rights, and in step with the rest of the course."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from bookmaking import PAGES
from course.tasks import TASKS

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SYSTEMS = {"ubuntu-latest", "macos-latest", "windows-latest"}
WEEKLY = re.compile(r"\d+ \d+ \* \* [0-6]")
MAY_WRITE = {"pages": {"pages": "write", "id-token": "write"}, "notebooks": {"contents": "write"}}
EXPRESSION = re.compile(r"\$\{\{(.+?)\}\}", re.DOTALL)
# An action by its commit, with its version beside it: a tag can be moved, a commit cannot.
PINNED = re.compile(r"(?P<action>actions/[\w-]+)@[0-9a-f]{40} # (?P<major>v\d+)\.\d+\.\d+")

every_file = pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)


def read(path: Path) -> Any:
    """A workflow as text throughout: with types, YAML takes the key `on` for true."""
    return yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = read(path)["jobs"]
    return found


def steps(path: Path) -> list[Any]:
    return [step for job in jobs(path).values() for step in job.get("steps", ())]


def uses(job: Any, action: str) -> list[Any]:
    return [step for step in job.get("steps", ()) if step.get("uses", "").startswith(f"{action}@")]


def test_there_are_two_workflows() -> None:
    assert [path.stem for path in FILES] == ["publish", "test"]


# --- actionlint -----------------------------------------------------------------------------


def program(name: str) -> str | None:
    """The path of a program of this environment, or of the system."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def with_tags(text: str) -> str:
    """A workflow with its actions by version: of a commit, actionlint doesn't know the inputs."""
    return PINNED.sub(r"\g<action>@\g<major>", text)


def findings(text: str) -> list[str]:
    """What actionlint says about a workflow, and ShellCheck about its steps."""
    actionlint = program("actionlint")
    if actionlint is None:
        pytest.fail("actionlint is missing: install it with `make test`.", pytrace=False)
    command = [actionlint, "-oneline", "-no-color", "-pyflakes="]
    command += [f"-shellcheck={program('shellcheck') or ''}", "-"]
    run = subprocess.run(
        command, input=with_tags(text), capture_output=True, text=True, check=False
    )
    assert run.returncode == bool(run.stdout), run.stderr
    return run.stdout.splitlines()


@every_file
def test_actionlint_finds_nothing(path: Path) -> None:
    assert findings(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("* * 1", "* * 9", "invalid CRON"),
        ("ubuntu-latest", "ubuntu-lastest", "is unknown"),
        ("checkout@v7", "checkout@v4", "is deprecated"),
        ("persist-credentials", "persist-credential", "is not defined in action"),
        ("matrix.torch", "matrix.touch", "is not defined in object"),
        ("make test", "echo ${{ github.event.head_commit.message }}", "potentially untrusted"),
        ("timeout-minutes", "timeout-minute", "unexpected key"),
    ],
)
def test_actionlint_sees(old: str, new: str, finding: str) -> None:
    texts = [with_tags(path.read_text(encoding="utf-8")) for path in reversed(FILES)]
    text = next(text for text in texts if old in text)
    assert any(finding in line for line in findings(text.replace(old, new)))


def test_shellcheck_sees_an_unquoted_name() -> None:
    if program("shellcheck") is None:
        pytest.skip("shellcheck is missing: its wheel doesn't exist for this machine.")
    text = (FOLDER / "publish.yml").read_text(encoding="utf-8")
    broken = text.replace('"HEAD:refs/heads/$BRANCH"', "HEAD:refs/heads/$BRANCH")
    assert broken != text
    assert any("SC2086" in line for line in findings(broken))


# --- what runs, and when --------------------------------------------------------------------


def test_a_push_and_a_week_are_tested_before_they_are_published() -> None:
    publish, test = read(FOLDER / "publish.yml"), read(FOLDER / "test.yml")
    (times,) = publish["on"]["schedule"]
    assert WEEKLY.fullmatch(times["cron"])
    assert publish["on"]["push"] == {"branches": ["main"]}
    assert publish["jobs"]["test"]["uses"] == "./.github/workflows/test.yml"
    assert publish["jobs"]["build"]["needs"] == "test"
    assert set(test["on"]) == {"workflow_call", "pull_request", "workflow_dispatch"}
    assert "workflow_dispatch" in publish["on"]


def test_a_push_repeats_what_it_altered_and_a_week_everything() -> None:
    checkout, *_, prove = jobs(FOLDER / "test.yml")["all"]["steps"]
    assert checkout["with"]["fetch-depth"] == "0"
    assert prove["env"]["REPEAT"] == "${{ github.event_name == 'schedule' && '--all' || '' }}"
    assert prove["env"]["PROVE_SINCE"].startswith("${{ github.event.before || ")


def test_a_run_on_main_is_not_cut_off_by_the_next_push() -> None:
    assert read(FOLDER / "publish.yml")["concurrency"]["cancel-in-progress"] == "false"
    cancels = read(FOLDER / "test.yml")["concurrency"]["cancel-in-progress"]
    assert cancels == "${{ github.event_name == 'pull_request' }}"


@every_file
def test_no_workflow_takes_a_model_from_the_hub(path: Path) -> None:
    assert read(path)["env"]["HF_HUB_OFFLINE"] == "1"


def test_the_course_is_tested_on_three_systems_with_the_oldest_and_the_newest_torch() -> None:
    job = jobs(FOLDER / "test.yml")["systems"]
    matrix = job["strategy"]["matrix"]
    assert set(matrix["system"]) == SYSTEMS
    assert job["runs-on"] == "${{ matrix.system }}"
    oldest, newest = matrix["torch"]
    assert f"torch>={oldest}" in PROJECT["project"]["dependencies"]
    assert newest == "newest"
    chosen = {entry["torch"]: entry for entry in matrix["include"]}
    assert chosen[oldest]["resolution"] == "lowest-direct"
    assert f">={chosen[oldest]['python']}" == PROJECT["project"]["requires-python"]
    assert chosen[newest]["resolution"] == "highest"
    scripts = "\n".join(step.get("run", "") for step in job["steps"])
    assert '--resolution "$RESOLUTION" -e ".[gpt]"' in scripts
    assert "python -m pytest tests" in scripts
    assert "python -m bookmaking.build --only-run" in scripts
    assert "constraints.txt -e" not in scripts, "the pins would hide the oldest and the newest"


def test_pull_requests_are_tested_and_publish_nothing() -> None:
    assert set(read(FOLDER / "publish.yml")["on"]) == {"push", "schedule", "workflow_dispatch"}
    publishing = jobs(FOLDER / "publish.yml")
    assert publishing["build"]["if"] == "github.ref == 'refs/heads/main'"
    assert {publishing[name]["needs"] for name in MAY_WRITE} == {"build"}


def test_what_the_tests_have_seen_is_deployed() -> None:
    publishing = jobs(FOLDER / "publish.yml")
    scripts = [step.get("run", "") for step in publishing["build"]["steps"]]
    assert "make pages TORCH=cpu" in scripts
    made = [script.split()[-1] for script in scripts if "-m bookmaking." in script]
    assert made == ["bookmaking.epub", "bookmaking.publish"], "both stand beside the pages"
    (upload,) = uses(publishing["build"], "actions/upload-pages-artifact")
    assert ROOT / upload["with"]["path"] == PAGES
    (deploy,) = uses(publishing["pages"], "actions/deploy-pages")
    assert publishing["pages"]["environment"]["url"].startswith(f"${{{{ steps.{deploy['id']}.")


def test_the_notebooks_go_to_the_branch_that_the_launch_buttons_name() -> None:
    publishing = jobs(FOLDER / "publish.yml")
    assert publishing["notebooks"]["env"]["BRANCH"] == PROJECT["tool"]["course"]["branch"]
    (upload,) = uses(publishing["build"], "actions/upload-artifact")
    (download,) = uses(publishing["notebooks"], "actions/download-artifact")
    assert upload["with"]["name"] == download["with"]["name"]
    assert upload["with"]["path"] == download["with"]["path"] == "build/notebooks-branch"
    assert upload["with"]["include-hidden-files"] == "true", "Binder's recipe is in .binder"


@every_file
def test_what_a_workflow_names_exists(path: Path) -> None:
    scripts = "\n".join(step.get("run", "") for step in steps(path))
    for target in re.findall(r"\bmake ([a-z]+)", scripts):
        assert target in TASKS, f"there is no `make {target}`"
    text = path.read_text(encoding="utf-8")
    names = re.findall(r"\b(?:aigc_utils|book|tests)/\w+\.\w+|[\w.]+\.(?:toml|txt)\b", text)
    modules = re.findall(r"\bpython -m (bookmaking[\w.]*)", scripts)
    names += [f"{module.replace('.', '/')}.py" for module in modules]
    assert names
    for name in names:
        assert (ROOT / name).is_file(), f"there is no {name}"


@every_file
def test_the_variables_of_the_course_are_read_by_the_course(path: Path) -> None:
    code = [*(ROOT / "bookmaking").rglob("*.py"), *(ROOT / "aigc_utils").glob("*.py")]
    texts = "\n".join(file.read_text(encoding="utf-8") for file in code)
    names = {name for job in jobs(path).values() for name in job.get("env", {})}
    own = {name for name in names if name.startswith(("AIGC_", "COURSE_"))}
    assert own
    for name in own:
        assert f'"{name}"' in texts, f"nothing reads {name}"


# --- rights ---------------------------------------------------------------------------------


@every_file
def test_each_job_has_only_the_rights_it_needs(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"]
    for name, job in workflow["jobs"].items():
        assert job["permissions"] == MAY_WRITE.get(name, {"contents": "read"}), name
        if "steps" in job:  # a job that calls a workflow has its jobs' limits
            assert 0 < int(job["timeout-minutes"]) <= 90, name
        for checkout in uses(job, "actions/checkout"):
            kept = checkout["with"]["persist-credentials"]
            assert kept == ("true" if name == "notebooks" else "false"), name


@every_file
def test_a_job_that_may_write_runs_no_code_of_the_course(path: Path) -> None:
    for name in MAY_WRITE.keys() & jobs(path):
        for step in jobs(path)[name]["steps"]:
            assert not re.search(r"\b(python|make|pip|uv)\b", step.get("run", ""))


@every_file
def test_no_expression_stands_in_a_script(path: Path) -> None:
    for step in steps(path):
        assert not EXPRESSION.search(step.get("run", "")), "pass it through `env` instead"


def unpinned(text: str) -> list[str]:
    """The actions of a workflow that stand there by another name than their commit and version."""
    named = re.findall(r"\buses: (?!\./)(.+)$", text, re.MULTILINE)
    return [name for name in named if not PINNED.fullmatch(name)]


def test_actions_are_githubs_own_and_pinned_to_one_commit_each() -> None:
    seen: dict[str, str] = {}
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert unpinned(text) == []
        for pin in PINNED.finditer(text):
            assert seen.setdefault(pin["action"], pin.group()) == pin.group()
    assert len(seen) > 5
    updates = yaml.safe_load((FOLDER.parent / "dependabot.yml").read_text(encoding="utf-8"))
    assert "github-actions" in {each["package-ecosystem"] for each in updates["updates"]}


@pytest.mark.parametrize(
    "name", ["actions/checkout@v7", "someone/else@" + 40 * "0" + " # v1.0.0", "docker://alpine"]
)
def test_an_action_by_a_name_that_may_move_is_found(name: str) -> None:
    assert unpinned(f"steps:\n  - uses: {name}\n  - uses: ./here\n") == [name]


def test_caches_follow_the_requirements_and_never_reach_a_published_page() -> None:
    caches = [s for job in jobs(FOLDER / "test.yml").values() for s in uses(job, "actions/cache")]
    assert caches
    for step in caches:
        assert "hashFiles('constraints.txt', 'pyproject.toml')" in step["with"]["key"]
    for step in steps(FOLDER / "publish.yml"):
        assert "actions/cache" not in step.get("uses", "")
        assert "cache" not in step.get("with", {})


# --- the push -------------------------------------------------------------------------------


def git(folder: Path, *arguments: str) -> str:
    run = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return run.stdout.strip()


@pytest.mark.skipif(os.name == "nt", reason="The step runs on Linux.")
def test_the_push_replaces_the_branch_and_leaves_main_alone(tmp_path: Path) -> None:
    (step,) = [s for s in jobs(FOLDER / "publish.yml")["notebooks"]["steps"] if "run" in s]
    origin, source = tmp_path / "origin.git", tmp_path / "source"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(source))
    (source / "code.py").write_text("x = 1\n")
    (source / ".gitignore").write_text("*.ipynb\nbuild/\n")
    git(source, "add", "--all")
    git(source, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "Begin")
    git(source, "push", "--quiet", str(origin), "main")
    main = git(origin, "rev-parse", "main")
    for text in ("first", "second"):
        clone = tmp_path / text
        git(tmp_path, "clone", "--quiet", str(origin), str(clone))
        published = clone / "build" / "notebooks-branch"
        for name in (".binder/postBuild", "book/chapters/01.ipynb", f"{text}.md"):
            (published / name).parent.mkdir(parents=True, exist_ok=True)
            (published / name).write_text(text)
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        subprocess.run(command, cwd=clone, check=True, env={**os.environ, "BRANCH": "notebooks"})
        names = git(origin, "ls-tree", "-r", "--name-only", "notebooks").splitlines()
        assert names == [".binder/postBuild", "book/chapters/01.ipynb", f"{text}.md"]
        assert git(origin, "show", "notebooks:book/chapters/01.ipynb") == text
        assert git(origin, "rev-list", "--count", "notebooks") == "1"
    assert git(origin, "rev-parse", "main") == main
    assert set(git(origin, "branch", "--format=%(refname:short)").splitlines()) == {
        "main",
        "notebooks",
    }
