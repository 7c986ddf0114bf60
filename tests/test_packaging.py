import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import Specifier
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# The only upper bound there may be; pyproject.toml says why.
UPPER_BOUNDS = {("jupyter-book", "<2")}

# Slow to import, and in no reader's way unless asked for.
HEAVY = ("transformers", "IPython", "scipy", "pandas", "sklearn", "jupytext", "playwright")


def requirements(lines):
    """Returns a dictionary from name to the bounds, without this package's own extras."""
    found = {}
    for line in lines:
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        if name == PROJECT["name"]:
            continue
        bounds = frozenset(map(str, requirement.specifier))
        assert found.setdefault(name, bounds) == bounds, f"{name} has two different bounds."
    return found


def project_requirements():
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    return requirements([*PROJECT["dependencies"], *extras])


def pinned():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


# --- the lists of requirements --------------------------------------------------------------


def test_environment_matches_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *from_conda, from_pip = environment["dependencies"]
    assert from_conda == [f"python{PROJECT['requires-python']}", "pip"]
    editable, *lines = from_pip["pip"]
    assert editable == "-e ."
    assert requirements(lines) == project_requirements()
    assert len(lines) == len(project_requirements())
    assert environment["channels"] == ["conda-forge"]


def test_pyproject_has_lower_bounds_only():
    assert re.fullmatch(r">=3\.\d+", PROJECT["requires-python"])
    for name, bounds in project_requirements().items():
        for bound in bounds:
            assert bound.startswith(">=") or (name, bound) in UPPER_BOUNDS, f"{name}{bound}"
    runtime = requirements(PROJECT["dependencies"])
    assert all(runtime.values()), "Every runtime requirement has a lower bound."


def test_constraints_are_pins_and_no_addresses():
    for line in pinned():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+( ; [\w.'<>=!() -]+)?", line), line


def test_constraints_pin_every_requirement_within_its_bounds():
    pins = {}
    for line in pinned():
        requirement = Requirement(line)
        pins.setdefault(canonicalize_name(requirement.name), []).extend(requirement.specifier)
    for name, bounds in project_requirements().items():
        assert name in pins, f"constraints.txt doesn't pin {name}."
        for pin in pins[name]:
            assert all(Specifier(bound).contains(pin.version) for bound in bounds), f"{name}{pin}"


# Lets a program read notebooks where what is left out is missing; each takes seconds to import.
WITHOUT = """
import sys
sys.modules.update(dict.fromkeys({names}))
import jupyter_events.validators, nbformat
nbformat.validate(nbformat.v4.new_notebook())
assert "lark" not in sys.modules
"""


def test_what_is_left_out_is_pinned_nowhere_and_not_missed():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    left_out = settings["uv"]["exclude-dependencies"]
    assert not {canonicalize_name(Requirement(line).name) for line in pinned()} & {*left_out}
    modules = [name.replace("-", "_") for name in left_out]
    subprocess.run([sys.executable, "-c", WITHOUT.format(names=modules)], check=True)


# --- what is installed ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Returns the names of the files in a wheel built from a copy, so that nothing stays here."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT.md"):
        shutil.copy(ROOT / name, folder)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "aigc_utils", folder / "aigc_utils", ignore=ignore)
    code = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True)
    (path,) = (folder / "dist").glob("*.whl")
    return set(zipfile.ZipFile(path).namelist())


def test_wheel_holds_code_and_assets(wheel):
    package = ROOT / "aigc_utils"
    files = {path for path in package.rglob("*") if path.is_file()}
    expected = {
        path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts
    }
    assert {
        "aigc_utils/py.typed",
        "aigc_utils/assets/NOTICE.md",
        "aigc_utils/assets/mnist/train-images-idx3-ubyte.gz",
    } <= expected
    assert expected - wheel == set()


def test_wheel_holds_the_licences(wheel):
    assert any(name.endswith("licenses/LICENSE") for name in wheel)
    assert any(name.endswith("licenses/aigc_utils/assets/NOTICE.md") for name in wheel)


def test_licences():
    mit = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert mit.startswith("MIT License\n")
    assert "Copyright (c) 2026 The Foundations of AIGC authors" in mit
    assert PROJECT["license"] == "MIT"
    text = (ROOT / "LICENSE-TEXT.md").read_text(encoding="utf-8")
    assert "CC BY 4.0" in text
    for target in re.findall(r"\]\((?!https)([^)]+)\)", text):
        assert (ROOT / target).is_file()
    assert "CC BY-SA 3.0" in text, "figures show MNIST's digits"
    folders = {path.relative_to(ROOT).parts[0] for path in repository_files()}
    named = {name for name in folders if f"`{name}/" in text}
    unnamed = {name for name in folders - named if (ROOT / name).is_dir()}
    assert unnamed <= {".ci", ".devcontainer", ".github"}, "each folder has its licence"


def test_the_package_and_the_pages_name_one_licence_for_each_thing():
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Licences")[2]
    whole = (ROOT / "LICENSE-TEXT.md").read_text(encoding="utf-8")
    notice = (ROOT / "aigc_utils/assets/NOTICE.md").read_text(encoding="utf-8")
    for name in ("MIT", "CC BY 4.0", "CC BY-SA 3.0", "Apache 2.0", "GUST Font License"):
        assert name in table
        assert name in whole
    for name in ("CC BY-SA 3.0", "CC BY 2.5", "MIT licence", "public domain"):
        assert name in notice


# --- what an import costs -------------------------------------------------------------------


# One process tells it all, since torch takes seconds to start.
IMPORTS = """
import importlib, json, pkgutil, sys, time, torch

theirs = set(sys.modules)
start = time.process_time()  # other programs hardly change it
import aigc_utils
told = {"seconds": time.process_time() - start}
import aigc_utils.data
ours = set(sys.modules) - theirs
told["after data"] = sorted({name.split(".")[0] for name in ours})
import matplotlib, torchvision
theirs = set(sys.modules) - ours
for found in pkgutil.walk_packages(aigc_utils.__path__, "aigc_utils."):
    importlib.import_module(found.name)
    told[found.name] = sorted({name.split(".")[0] for name in set(sys.modules) - theirs})
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def imported():
    """Returns what importing the package takes and loads, beside torch, by steps and modules."""
    run = subprocess.run(
        [sys.executable, "-c", IMPORTS], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_import_is_quick_beside_torch(imported):
    assert imported["seconds"] <= 0.2


def test_import_of_the_data_leaves_torchvision_out(imported):
    assert "aigc_utils" in imported["after data"]
    assert "torchvision" not in imported["after data"]


def test_no_module_imports_what_a_reader_may_not_need(imported):
    modules = {name: loaded for name, loaded in imported.items() if name.startswith("aigc_utils.")}
    assert len(modules) > 50
    heavy = {name: loaded for name, loaded in modules.items() if set(loaded) & set(HEAVY)}
    assert heavy == {}


# --- what is in the repository --------------------------------------------------------------


def repository_files():
    """Returns the files that are tracked, or would be once added."""
    run = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if run.returncode:
        pytest.skip("This isn't a git checkout.")
    names = {name for name in run.stdout.split("\0") if name}
    return sorted(path for path in (ROOT / name for name in names) if path.is_file())


def test_no_made_notebooks_and_no_pickles():
    unwanted = {".ipynb", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".bin", ".npy"}
    assert [path for path in repository_files() if path.suffix.lower() in unwanted] == []


# Put together here, so that this file may be looked through as well.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("debian", "org"),
        ("anaconda", "org"),
        ("download", "pytorch", "org"),
    )
]
MACHINE_FOLDERS = "|".join(("work", "tmp", "root", "opt", r"home/\w+", r"Users/\w+"))
UNWANTED = re.compile(
    "|".join(map(re.escape, REGISTRIES)) + rf"|(?<![\w.~)}}*-])/(?:{MACHINE_FOLDERS})(?=/|\b)"
)


def test_the_pattern_finds_what_it_should():
    for path in ("work/main/x", "tmp/x", "opt/y/simple", "home/me/x", "Users/Me/x"):
        assert UNWANTED.search(f"see /{path}.")
        assert UNWANTED.search(f"file:///{path}")
    assert all(UNWANTED.search(f"https://{host}/simple") for host in REGISTRIES)
    for text in ("./work/x", "notes/tmp/x", "~/root/", "(a)/opt/", "the work/home balance"):
        assert not UNWANTED.search(text)


def test_no_registry_address_and_no_path_of_one_machine():
    found = []
    for path in repository_files():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            if UNWANTED.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert found == []
