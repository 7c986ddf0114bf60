"""The table of all exercises, from the lists that the chapters' folders hold."""

from __future__ import annotations


def table() -> str:
    """Returns the exercises of all chapters as a Markdown table, with their points."""
    from aigc_utils.exercises.chapter import chapter_names, find_chapter

    lines = ["| chapter | exercise | kind | objective | points |", "|---|---|---|---|---|"]
    for chapter in map(find_chapter, chapter_names()):
        number, exercises = chapter.number, chapter.exercises.values()
        for exercise in exercises:
            row = (number, exercise.title, exercise.kind, exercise.objective, exercise.points)
            lines.append(f"| {' | '.join(map(str, row))} |")
        lines.append(f"| {number} | **all** | | | **{sum(e.points for e in exercises)}** |")
    return "\n".join(lines)
