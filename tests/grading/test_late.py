"""Late days: what a policy may say, and what it takes off."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from grading import late, tables
from grading.late import Policy, PolicyError, read_policy

DUE = datetime(2026, 3, 8, 23, 59)


def policy(tmp_path: Path, text: str) -> Policy:
    (tmp_path / "late.toml").write_text(text, encoding="utf-8")
    return read_policy(tmp_path / "late.toml")


def row(handed_in: str, points: str = "20", **known: str) -> dict[str, str]:
    return {"student": "Ann", "handed in": handed_in, "points": points, **known}


def settled(given: Policy, *rows: dict[str, str]) -> list[dict[str, str]]:
    account, unknown = late.apply(given, list(rows))
    assert unknown == []
    assert account.header == late.ACCOUNT
    return account.rows


def test_a_policy_is_read_and_adds_up_what_was_used_before(tmp_path: Path) -> None:
    rows = [["Ann", "7", "", "2", "2", "1", "20", "20"], ["Bob", "", "", "", "", "", "", ""]]
    account = [dict(zip(late.ACCOUNT, line, strict=True)) for line in rows]
    tables.write(tables.Table(late.ACCOUNT, account), tmp_path / "first.csv")
    found = policy(tmp_path, """
        due = 2026-03-08 23:59:00
        grace_minutes = 10
        free_days = 4
        percent_per_day = 12.5
        last_day = 7
        before = ["first.csv"]
        [extensions]
        "7" = 2026-03-10 12:00:00
        [used]
        "7" = 1
    """)  # fmt: skip
    assert (found.due, found.grace_minutes, found.last_day) == (DUE, 10, 7)
    assert found.for_row(row("", id="7")) == (datetime(2026, 3, 10, 12), 1)
    assert found.for_row(row("")) == (DUE, 4)


def test_the_pages_policy_is_one(tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[2] / "book" / "instructors.md"
    text = page.read_text(encoding="utf-8").partition("`late.toml` says")[2].split("```")[1]
    with pytest.raises(ValueError, match=r"There is no file .*late\.csv"):
        policy(tmp_path, text)
    found = policy(tmp_path, text.replace('"../01/late.csv"', ""))
    assert (found.due, found.free_days, len(found.extensions)) == (DUE, 3, 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("due = ", "late.toml is no TOML: Invalid value"),
        ("free_days = 3", "does not say when the work was due: write `due = ...`"),
        ("due = 2026-03-08", "due must be a day and a time, as in 2026-03-08 23:59:00"),
        ('due = "tomorrow"', "due must be a day and a time"),
        ("free_day = 3", "says 'free_day', which no policy says: did you mean free_days?"),
        ("colour = 3", "which no policy says: it may say due, grace_minutes"),
        ("free_days = 1.5", "free_days must be a whole number of days"),
        ("free_days = -1", "free_days must be a whole number of days"),
        ("free_days = true", "free_days must be a whole number of days"),
        ("percent_per_day = 120", "percent_per_day must be a number from 0 to 100"),
        ("percent_per_day = nan", "percent_per_day must be a number from 0 to 100"),
        ("[extensions]\nann = 3", "extensions must be a table of times"),
        ("[used]\nann = 0.5", "used must be a table of days"),
        ("before = 'a.csv'", "before must be a list of files"),
        ("due = 2026-03-08 23:59:00\nbefore = ['a.csv']", r"There is no file .*a\.csv"),
        (
            "due = 2026-03-08 23:59:00\n[extensions]\nann = 2026-03-08T23:59:00Z",
            "write all times with an offset, or none",
        ),
    ],
)
def test_a_policy_that_can_t_be_used_says_what_to_mend(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        policy(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_what_is_no_policy_and_no_account_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="There is no policy"):
        read_policy(tmp_path / "none.toml")
    text = 'due = 2026-03-08 23:59:00\nbefore = ["first.csv"]'
    (tmp_path / "first.csv").write_text("student,points\n")
    with pytest.raises(PolicyError, match=r"first.csv is no account of late days"):
        policy(tmp_path, text)
    (tmp_path / "first.csv").write_text(",".join(late.ACCOUNT) + "\nAnn,7,,2,two,1,20,20\n")
    with pytest.raises(PolicyError, match=r"damaged: 'two' is no number of days"):
        policy(tmp_path, text)


@pytest.mark.parametrize(
    ("handed_in", "days", "free", "points"),
    [
        ("2026-03-08 23:58:59", "0", "0", "20"),
        ("2026-03-09 00:09:00", "0", "0", "20"),  # the last minute of grace
        ("2026-03-09 00:09:01", "1", "1", "20"),
        ("2026-03-10 23:59:00", "2", "2", "20"),
        ("2026-03-10 23:59:01", "3", "2", "18"),
        ("2026-03-13 23:59:00", "5", "2", "14"),
        ("2026-03-14 23:59:00", "6", "0", "0"),  # after the last day; no free day is spent on it
    ],
)
def test_days_late_cost_what_the_policy_says(
    handed_in: str, days: str, free: str, points: str
) -> None:
    given = Policy(DUE, grace_minutes=10, free_days=2, percent_per_day=10, last_day=5)
    (one,) = settled(given, row(handed_in))
    assert (one["days late"], one["free days used"], one["points"]) == (days, free, points)
    assert (one["points before"], one["free days left"]) == ("20", str(2 - int(free)))


def test_an_extension_and_what_was_used_before_count() -> None:
    given = Policy(
        DUE, free_days=3, percent_per_day=50, extensions={"7": datetime(2026, 3, 9, 23, 59)},
        used={"Ann": 2},
    )  # fmt: skip
    late_by_two = row("2026-03-10 23:00:00")
    first, second = settled(given, late_by_two, {**late_by_two, "student": "Bob", "id": "7"})
    assert (first["free days used"], first["points"]) == ("1", "10")
    assert (second["days late"], second["free days used"], second["points"]) == ("1", "1", "20")
    assert late_by_two["points"] == "10", "the table has what is left"
    assert settled(Policy(DUE, percent_per_day=60), row("2026-03-30 00:00:00"))[0]["points"] == "0"


def test_what_was_not_graded_has_no_points_and_spends_no_day() -> None:
    (one,) = settled(Policy(DUE, free_days=2), row("2026-03-10 00:00:00", ""))
    assert (one["points"], one["days late"], one["free days used"]) == ("", "2", "0")


def test_where_the_names_do_not_tell_the_time_nothing_is_taken_off_and_it_is_told() -> None:
    rows = [row("", late="yes"), row("", late="no"), row("no time")]
    account, unknown = late.apply(Policy(DUE, percent_per_day=50), rows)
    assert [one["points"] for one in account.rows] == ["20", "20", "20"]
    assert [one["days late"] for one in account.rows] == ["", "", ""]
    assert len(unknown) == 2
    assert all("no points were taken off" in sentence for sentence in unknown)


def test_times_with_a_zone_need_a_policy_with_one() -> None:
    in_utc = row("2026-03-09 00:30:00 UTC")
    with pytest.raises(PolicyError, match="are in UTC: write the policy's with an offset"):
        late.apply(Policy(DUE), [in_utc])
    east = Policy(datetime.fromisoformat("2026-03-09T01:30:00+01:00"), percent_per_day=50)
    assert settled(east, in_utc)[0]["days late"] == "0"
    assert settled(Policy(DUE.replace(tzinfo=UTC)), in_utc)[0]["days late"] == "1"
    assert settled(east, row("2026-03-09 01:31:00"))[0]["days late"] == "1"
