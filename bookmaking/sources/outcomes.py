"""The table of what a student can do after each chapter, from the exercises and the questions.

An exercise names the parts of objectives that it trains, a kind of question the one that it asks
for; the objectives and their order are those of the chapter's bank of questions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aigc_utils.exercises.chapter import Exercise

HEAD = "| chapter | objective | shown by the exercises | asked by the questions |"
RULE = "|---|---|---|---|"


def trains(exercise: Exercise, objective: str) -> bool:
    """Whether an exercise trains an objective or a part of it, such as "pooling"."""
    parts = [part.strip() for part in exercise.objective.split(";")]
    return any(part == objective or part in objective for part in parts)


def row(number: str, objective: str, shown: Iterable[Exercise], asked: Iterable[str]) -> str:
    """Returns an objective's row."""
    exercises = "; ".join(f"{one.title} ({one.kind})" for one in shown)
    return f"| {number} | {objective} | {exercises} | {'; '.join(asked)} |"


def table() -> str:
    """Returns the objectives of all chapters that have questions, as a Markdown table."""
    from aigc_utils.exercises.chapter import chapter_names, find_chapter
    from grading import questions

    lines, with_exercises = [HEAD, RULE], chapter_names()
    for name in questions.chapter_names():
        bank = questions.find_chapter(name)
        exercises = find_chapter(name).exercises.values() if name in with_exercises else ()
        for objective in bank.objectives:
            shown = [exercise for exercise in exercises if trains(exercise, objective)]
            asked = [kind.title for kind in bank.kinds if kind.objective == objective]
            lines.append(row(str(int(name[:2])), objective, shown, asked))
    return "\n".join(lines)
