"""Programs that the tasks need and that are no Python packages: a browser, a font, walls.

As root on Debian or Ubuntu, such as in a container, they are installed; elsewhere a sentence says
what to install.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

from . import CourseError
from .environment import Environment, call

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def debian(*packages: str) -> bool:
    """Whether packages of Debian's were installed: as root, where there is `apt-get`."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    call("apt-get", "update", "-qq")
    call("apt-get", "install", "-y", "-qq", *packages)
    return True


def browser(environment: Environment) -> None:
    """The browser tests and the PDF need Chromium: the one there is, Debian's, or Playwright's."""
    if any(map(shutil.which, BROWSERS)) or debian("chromium"):
        return
    try:
        call(environment.python, "-m", "playwright", "install", "chromium")
    except subprocess.CalledProcessError as error:
        raise CourseError(
            "The browser tests need Chromium: install it, or check the network."
        ) from error


def font(environment: Environment) -> None:
    """Chapter 4 prints Chinese poems; where no font has their characters, paper shows boxes."""
    if sys.platform != "linux" or _lists_chinese():
        return
    if not debian("fontconfig", "fonts-droid-fallback"):
        print("The print lacks Chinese characters: apt-get install fonts-droid-fallback helps.")


def walls(environment: Environment) -> None:
    """The students' code is graded behind bubblewrap's walls, which Linux alone has."""
    if sys.platform != "linux" or shutil.which("bwrap") or debian("bubblewrap"):
        return
    raise CourseError("The grader needs bubblewrap, as in: apt-get install bubblewrap")


def _lists_chinese() -> bool:
    if not shutil.which("fc-list"):
        return False
    run = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True, check=False)
    return bool(run.stdout.strip())


#: By the names under which a task needs them.
PROGRAMS: dict[str, Callable[[Environment], None]] = {
    "browser": browser,
    "font": font,
    "walls": walls,
}
