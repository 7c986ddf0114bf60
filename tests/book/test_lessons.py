"""The lesson plans: one a week, of 90 minutes, and a marked project with measured numbers."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from statistics import mean

from aigc_utils.exercises.chapter import chapter_names, find_chapter
from bookmaking import BOOK, ROOT
from bookmaking.sources import outcomes

PAGE = (BOOK / "lessons.md").read_text(encoding="utf-8")
PLANS = re.findall(r"^## Week (\d+): .*?\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL)


def test_each_week_has_a_plan_of_ninety_minutes() -> None:
    weeks = re.findall(r"^\| (\d+) \| \[", PAGE, re.M)
    assert len(weeks) >= 10
    assert [number for number, _ in PLANS] == weeks
    for number, plan in PLANS:
        times = [tuple(map(int, row)) for row in re.findall(r"^\| (\d+) to (\d+) \|", plan, re.M)]
        assert times[0][0] == 0, number
        assert times[-1][1] == 90, number
        assert all(a[1] == b[0] for a, b in pairwise(times)), number
        assert "**Guess:**" in plan, number
        assert "**What goes wrong:**" in plan, number


def test_exercises_that_plans_name_exist() -> None:
    titles = {e.title for name in chapter_names() for e in find_chapter(name).exercises.values()}
    named = re.findall(r'^\| 80 to 90 \| .*"(.+?)" \|', PAGE, re.M)
    assert len(named) >= 7
    assert set(named) <= titles


def test_the_marked_project_has_the_stored_numbers() -> None:
    path = ROOT / "aigc_utils" / "assets" / "results" / "vae_beta.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    for row in stored["rows"]:
        grey = ", ".join(f"{share:.1f} %" for share in row["grey"])
        assert f"> | {float(row['name']):g} | {grey} | {mean(row['rate']):.1f} |" in PAGE
    assert f"Real test images have {stored['real_grey']:.1f} %." in PAGE
    assert f"{len(stored['rows'])} weights" == "5 weights"
    assert f"{stored['seeds']} seeds" == "3 seeds"


def test_each_objective_is_shown_or_asked_and_each_exercise_shows_one() -> None:
    rows = [row.split("|")[1:-1] for row in outcomes.table().splitlines()[2:]]
    neither = [what.strip() for _, what, shown, asked in rows if not (shown + asked).strip()]
    assert neither == []
    shown = "; ".join(row[2] for row in rows)
    lost = [
        exercise.title
        for name in chapter_names()
        for exercise in find_chapter(name).exercises.values()
        if f"{exercise.title} ({exercise.kind})" not in shown
    ]
    # These ask for several chapters' worth at once; the page of exercises lists them.
    assert len(lost) <= 4, lost
