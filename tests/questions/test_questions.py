"""Every kind of question in 50 seeds: one right choice, recomputed, which nothing gives away."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from importlib import import_module
from statistics import mean

import pytest
from recomputing import Answer

from aigc_utils.exercises import chapter as exercises
from bookmaking import chapters, check
from bookmaking.sources.book import Book
from grading.questions import Item, ask, bank, chapter_names, find_chapter
from grading.questions.kinds import Kind, choose, compute, decimals, listed, whole

SEEDS = range(50)
# Each chapter's answers stand in a file of its name, such as recomputed_cnn.
ANSWERS: dict[str, dict[str, Answer]] = {
    name: import_module(f"recomputed_{name.partition('_')[2]}").ANSWERS for name in chapter_names()
}
KINDS = [(name, kind) for name in chapter_names() for kind in find_chapter(name).kinds]
NAMES = [f"{name}/{kind.name}" for name, kind in KINDS]

for_each_kind = pytest.mark.parametrize(("chapter", "kind"), KINDS, ids=NAMES)


@cache
def items(chapter: str, kind: Kind) -> list[Item]:
    """Returns a kind's question in each seed; all tests look at the same ones."""
    return [bank.ask_one(chapter, kind, seed) for seed in SEEDS]


def texts(item: Item) -> list[str]:
    """Returns all that a reader may see of an item, the picture apart."""
    told = [part for choice in item.choices for part in (choice.text, choice.reason)]
    return [item.question.text, *told]


@for_each_kind
def test_each_question_has_one_right_choice_and_reasons(chapter: str, kind: Kind) -> None:
    for item in items(chapter, kind):
        shown = [choice.text for choice in item.choices]
        assert len(shown) == 4
        assert len({" ".join(text.split()).casefold() for text in shown}) == 4, shown
        assert sum(choice.right for choice in item.choices) == 1
        assert [choice.letter for choice in item.choices] == ["A", "B", "C", "D"]
        reasons = [choice.reason for choice in item.choices]
        assert len(set(reasons)) == 4, reasons
        for reason in reasons:
            assert reason.endswith("."), reason
            assert len(reason.split()) >= 4, reason


@for_each_kind
def test_the_right_choice_is_right(chapter: str, kind: Kind) -> None:
    solve = ANSWERS[chapter].get(kind.name)
    for item in items(chapter, kind):
        if solve is not None:
            assert solve(item) == item.right.text, item.question.text


def test_all_that_can_be_recomputed_is() -> None:
    for chapter, kind in KINDS:
        rights = {item.right.text for item in items(chapter, kind)}
        # A choice that is the same in every seed says something that no number decides.
        assert (len(rights) > 1) == (kind.name in ANSWERS[chapter]), kind.name
    known = {(name, kind.name) for name, kind in KINDS}
    assert {(name, kind) for name, found in ANSWERS.items() for kind in found} <= known


@for_each_kind
def test_questions_differ_from_seed_to_seed(chapter: str, kind: Kind) -> None:
    found = items(chapter, kind)
    assert len({item.question.text + str(sorted(texts(item))) for item in found}) >= 8
    letters = Counter(item.right.letter for item in found)
    assert len(letters) == 4
    assert [bank.ask_one(chapter, kind, 7).question.text, found[7].choices] == [
        found[7].question.text,
        bank.ask_one(chapter, kind, 7).choices,
    ]


def rank(item: Item, size: dict[str, float]) -> float:
    """Returns how many wrong choices are smaller than the right one; equal ones count half."""
    own = size[item.right.text]
    others = [size[choice.text] for choice in item.choices if not choice.right]
    return sum((other < own) + (other == own) / 2 for other in others)


def lengths(item: Item) -> dict[str, float]:
    return {choice.text: float(len(choice.text)) for choice in item.choices}


def values(item: Item) -> dict[str, float] | None:
    """Returns the number that each choice is, or None where one is no number."""
    try:
        return {c.text: float(c.text.replace(",", "")) for c in item.choices}
    except ValueError:
        return None


@for_each_kind
def test_neither_length_nor_size_gives_the_right_choice_away(chapter: str, kind: Kind) -> None:
    found = items(chapter, kind)
    assert 0.25 <= mean(rank(item, lengths(item)) for item in found) <= 2.75
    sized = [(item, size) for item in found if (size := values(item))]
    if sized:
        ranks = [rank(item, size) for item, size in sized]
        assert 0.4 <= mean(ranks) <= 2.6
        forms = [{text.partition(".")[2].__len__() for text in size} for _, size in sized]
        assert all(len(form) == 1 for form in forms)  # all with as many digits after the point


@pytest.mark.parametrize("chapter", chapter_names())
def test_who_picks_the_longest_or_the_middle_gains_nothing(chapter: str) -> None:
    found = [item for kind in find_chapter(chapter).kinds for item in items(chapter, kind)]
    # Four choices: their mean rank is 1.5, and the longest is right in a quarter of the cases.
    assert 1.2 <= mean(rank(item, lengths(item)) for item in found) <= 1.8
    longest = mean(rank(item, lengths(item)) == 3 for item in found)
    assert longest <= 0.35


@pytest.mark.parametrize("chapter", chapter_names())
def test_a_chapter_has_ten_kinds_and_asks_for_all_it_teaches(chapter: str) -> None:
    found = find_chapter(chapter)
    assert len(found.kinds) >= 10
    assert len({kind.name for kind in found.kinds}) == len(found.kinds)
    assert len({kind.title for kind in found.kinds}) == len(found.kinds)
    assert {kind.objective for kind in found.kinds} <= set(found.objectives)
    assert sum(kind.public for kind in found.kinds) >= 4
    assert sum(not kind.public for kind in found.kinds) >= 8


@pytest.mark.parametrize("chapter", exercises.chapter_names())
def test_questions_and_exercises_bring_the_same_misconceptions_to_light(chapter: str) -> None:
    found, known = find_chapter(chapter), exercises.find_chapter(chapter)
    asked = {name for kind in found.kinds for name in kind.misconceptions}
    assert asked == set(known.misconceptions)
    # The titles of exercises and of questions are not mixed up in a table of marks.
    assert not {kind.title for kind in found.kinds} & {
        one.title for one in known.exercises.values() if one.title.startswith("Exercise")
    }


FORBIDDEN = re.compile(
    r"\ball of (these|the above)|none of (these|the above)|both A and|\bTODO\b|—|  ", re.IGNORECASE
)


@for_each_kind
def test_texts_are_plain_sentences(chapter: str, kind: Kind) -> None:
    for item in items(chapter, kind):
        prose = re.sub(r"```.*?```", "", item.question.text, flags=re.DOTALL)
        assert prose.rstrip().endswith("?"), prose
        assert not FORBIDDEN.search(prose)
        for text in texts(item)[1:]:
            assert not FORBIDDEN.search(text), text
            assert not re.search(r"\d\.\d{5,}", text), text  # no number out of the computer
        assert not re.search(r"\d\.\d{5,}", re.sub(r"0\.0+1", "", prose)), prose
        assert text_of(item).count("$") % 2 == 0


def text_of(item: Item) -> str:
    return " ".join(texts(item))


def test_formulas_use_the_notation_of_the_book() -> None:
    page = Book(check.ROOT).pages[check.NOTATION]
    known = {s for p in page.pieces if p.kind == "formula" for s in check.symbols(p.text)}
    for chapter, kind in KINDS:
        told = text_of(bank.ask_one(chapter, kind, 0))
        used = {s for formula in re.findall(r"\$([^$]+)\$", told) for s in check.symbols(formula)}
        assert used <= known, (kind.name, used - known)


PICTURES = [(name, kind) for name, kind in KINDS if bank.ask_one(name, kind, 0).question.picture]


@pytest.mark.parametrize(("chapter", "kind"), PICTURES, ids=[kind.name for _, kind in PICTURES])
def test_pictures_say_what_they_show_and_not_the_answer(chapter: str, kind: Kind) -> None:
    for seed in (0, 1):
        item = bank.ask_one(chapter, kind, seed)
        first, again = item.picture, item.picture
        assert first is not None
        assert again is not None
        assert first.alt == again.alt
        assert item.right.text.rstrip(".").casefold() not in first.alt.casefold()
        assert first.png() == again.png()


def test_questions_belong_to_chapters() -> None:
    names = [chapter.name for chapter in chapters.chapters(check.ROOT)]
    assert [name for name in names if name in chapter_names()] == chapter_names()


def test_a_chapter_is_found_by_name_and_number() -> None:
    assert find_chapter("3") is find_chapter("03") is find_chapter("03_vae")
    names = ", ".join(chapter_names())
    with pytest.raises(ValueError, match=rf"no questions for '99'; there are: {names}\."):
        find_chapter("99")


def test_questions_that_the_book_shows_are_apart_from_the_others() -> None:
    public, hidden = (ask("02", 3, shown) for shown in ("public", "hidden"))
    assert all(item.kind.public for item in public)
    assert not any(item.kind.public for item in hidden)
    assert len(public) + len(hidden) == len(ask("02", 3))


def test_too_few_wrong_choices_are_refused() -> None:
    draw = bank.Draw("a test")
    with pytest.raises(ValueError, match="needs 3 wrong choices, not 2"):
        choose(draw, "Which?", "a", "It is.", {"a": "No.", "b": "No.", "c": "No."})
    mistakes = {"One.": 1.001, "Two.": 2.0, "Three.": 2.001, "Four.": 3.0}
    with pytest.raises(ValueError, match="needs 3 wrong choices, not 2"):
        compute(draw, "How much?", 1.0, "It is.", mistakes, decimals(2))
    found = compute(draw, "How much?", 4.0, "It is.", mistakes, decimals(2))
    assert found.wrong == {"1.00": "One.", "2.00": "Two.", "3.00": "Four."}


def test_numbers_are_shown_alike() -> None:
    assert whole(12345.2) == "12,345"
    assert decimals(2)(-0.001) == "0.00"
    assert decimals(1)(1234.56) == "1,234.6"
    assert listed([1.0, 0.5, 3]) == "1, 0.5, 3"
