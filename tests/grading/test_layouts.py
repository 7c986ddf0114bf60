"""One row a student, whatever learning system packed the submissions.

Each form's source stands beside it: the system's own code where it is public, else a tool that
reads what the system hands out.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from grading.layouts import copy_number, moment, owners
from grading.submissions import collect

#: For each system what it packs, and the rows: student, id, handed in, late, newest notebook.
LAYOUTS = {
    # github.com/moodle/moodle, mod/assign/classes/downloader.php: NAME_ID, then the plugin.
    "Moodle, a folder each": (
        [
            "Ann Lee_12345_assignsubmission_file/02_gan.ipynb",
            "Ann Lee_12345_assignsubmission_onlinetext/onlinetext.html",
            "Zoë_O'Neil_12346_assignsubmission_file/work/02_gan.ipynb",
            "Bob Ray_12347_assignsubmission_onlinetext/onlinetext.html",
        ],
        [
            ("Ann Lee", "12345", "", "", "02_gan.ipynb"),
            ("Bob Ray", "12347", "", "", ""),
            ("Zoë_O'Neil", "12346", "", "", "02_gan.ipynb"),
        ],
    ),
    # The same file: folders ended in "_" in older versions (github.com/EUROMAPS users' scripts).
    "Moodle, before 3.1 and flat": (
        [
            "Ann Lee_12345_assignsubmission_file_/02_gan.ipynb",
            "Bob Ray_12346_assignsubmission_file_02_gan.ipynb",
            "Default group_assignsubmission_file/02_gan.ipynb",
        ],
        [
            ("Ann Lee", "12345", "", "", "02_gan.ipynb"),
            ("Bob Ray", "12346", "", "", "_02_gan.ipynb"),
            ("Default group", "", "", "", "02_gan.ipynb"),
        ],
    ),
    # github.com/instructure/canvas-lms, lib/content_zipper.rb: get_filename, add_upload_submission.
    "Canvas": (
        [
            "leeann_12345_678901_02_gan.ipynb",
            "leeann_12345_678955_02_gan-1.ipynb",
            "raybob_LATE_12346_678960_02_gan.ipynb",
            "李明_12347_678961_02_gan.ipynb",
            "zoe_LATE_12348_text.html",
        ],
        [
            ("leeann", "12345", "", "no", "02_gan-1.ipynb"),
            ("raybob", "12346", "", "yes", "02_gan.ipynb"),
            ("zoe", "12348", "", "", ""),
            ("李明", "12347", "", "no", "02_gan.ipynb"),
        ],
    ),
    # The same file: anonymous ids.
    "Canvas, anonymous": (
        ["LATE_anon_Ab1_678901_02_gan.ipynb", "anon_Cd2_678902_02_gan.ipynb"],
        [
            ("anon_Ab1", "anon_Ab1", "", "yes", "02_gan.ipynb"),
            ("anon_Cd2", "anon_Cd2", "", "no", "02_gan.ipynb"),
        ],
    ),
    # github.com/kwurst/bb-file-cleanup, README: assignmentname_username_attempt_datetime_filename;
    # github.com/vangef/BBGradebookOrganiser reads the same.
    "Blackboard": (
        [
            "Exercises_2_ann_lee_attempt_2024-03-01-10-22-33_02_gan.ipynb",
            "Exercises_2_ann_lee_attempt_2024-03-02-09-00-00_02_gan.ipynb",
            "Exercises_2_ann_lee_attempt_2024-03-02-09-00-00.txt",
            "Exercises_2_bray_attempt_2024-03-01-23-59-59_02_gan.ipynb",
            "Exercises_2_zoe_attempt_2024-03-01-23-59-59.txt",
        ],
        [
            ("ann_lee", "", "2024-03-02 09:00:00", "", "02_gan.ipynb"),
            ("bray", "", "2024-03-01 23:59:59", "", "02_gan.ipynb"),
            ("zoe", "", "", "", ""),
        ],
    ),
    # A tool's `rename_and_move.sh` shows "397063-2557369 - Mary-Ann Smith - Sep 24, 2024 926 PM/";
    # github.com/OfficeCoffee/GradingFileProject, ToDo.md, the flat form.
    "Brightspace": (
        [
            "12345-67890 - Mary-Ann Lee - Mar 1, 2024 1022 AM/02_gan.ipynb",
            "12345-67890 - Mary-Ann Lee - Mar 2, 2024 1205 PM/02_gan.ipynb",
            "12346-67890 - Bob Ray - Dec 5, 2024 1149 AM - 02_gan.ipynb",
            "12347-67890 - Zoë - 1 March, 2024 1322/02_gan.ipynb",
            "index.html",
        ],
        [
            ("Bob Ray", "12346", "2024-12-05 11:49:00", "", "02_gan.ipynb"),
            ("Mary-Ann Lee", "12345", "2024-03-02 12:05:00", "", "02_gan.ipynb"),
            ("Zoë", "12347", "2024-03-01 13:22:00", "", "02_gan.ipynb"),
        ],
    ),
    # github.com/ILIAS-eLearning/ILIAS, Exercise, copySubmissionFilesToDir and
    # getDirectoryNameFromUserData; the time before a file's name is how it is stored there.
    "ILIAS": (
        [
            "Exercises 2/Submissions/Lee_Ann_alee_4711/20240301102233_02_gan.ipynb",
            "Exercises 2/Submissions/Lee_Ann_alee_4711/20240302102233_02_gan.ipynb",
            "Exercises 2/Submissions/Ray_Bob_bob.ray_4712/Late Submission - 02_gan.ipynb",
        ],
        [
            ("Ann Lee", "alee", "2024-03-02 10:22:33", "no", "02_gan.ipynb"),
            ("Bob Ray", "bob.ray", "", "yes", "02_gan.ipynb"),
        ],
    ),
    # github.com/ILIAS-eLearning/ILIAS, ilExerciseManagementCollectFilesJob: getFeedbackDirectory.
    "ILIAS, with peer reviews": (
        [
            "Lee_Ann_alee_4711/02_gan.ipynb",
            "Feedback_files/to_Lee_Ann_alee_4711/from_Ray_Bob_bray_4712/remarks.ipynb",
            "Exercises 2.xlsx",
        ],
        [("Ann Lee", "alee", "", "no", "02_gan.ipynb")],
    ),
    # github.com/comp110-lytle/comp110, site/team/documentation/leads/grading.md, names the folder
    # assignment_<number>_export; in it a folder for each submission, and submission_metadata.yml,
    # of which a test below says more.
    "Gradescope": (
        [
            "assignment_99_export/submission_metadata.yml",
            "assignment_99_export/submission_4711/02_gan.ipynb",
            "assignment_99_export/submission_4712/work/02_gan.ipynb",
        ],
        [
            ("4711", "4711", "", "", "02_gan.ipynb"),
            ("4712", "4712", "", "", "02_gan.ipynb"),
        ],
    ),
    # Google's help (support.google.com/edu/assignments/answer/9433485) says that copies are made
    # for each student in the course's folder of Drive; the form of their names is documented for
    # Apple's Schoolwork, which does the same (support.apple.com/guide/schoolwork-teacher).
    "Google Classroom": (
        [
            "Exercises 2/Ann Lee - 02_gan.ipynb",
            "Exercises 2/Ann Lee - 02_gan (1).ipynb",
            "Exercises 2/Bob Ray - 02_gan.ipynb",
        ],
        [
            ("Ann Lee", "", "", "", "02_gan (1).ipynb"),
            ("Bob Ray", "", "", "", "02_gan.ipynb"),
        ],
    ),
    # nbgrader's documentation, "submitted/{student_id}/{assignment_id}/{notebook_id}.ipynb", and
    # its exchange/default/collect.py, which writes timestamp.txt.
    "nbgrader, a course": (
        [
            "source/02_gan/02_gan.ipynb",
            "submitted/ann/01_cnn/01_cnn.ipynb",
            "submitted/ann/02_gan/02_gan.ipynb",
            "submitted/ann/02_gan/timestamp.txt",
            "submitted/bob/02_gan/02_gan.ipynb",
            "autograded/ann/02_gan/02_gan.ipynb",
            "gradebook.db",
        ],
        [
            ("ann", "", "2024-03-01 10:22:33 UTC", "", "02_gan.ipynb"),
            ("bob", "", "", "", "02_gan.ipynb"),
        ],
    ),
    # nbgrader's exchange/default/submit.py: the inbound folder.
    "nbgrader, the exchange": (
        [
            "ann+02_gan+2024-03-01 10:22:33.123456 UTC/02_gan.ipynb",
            "ann+02_gan+2024-03-02 10:22:33.123456 UTC+x7/02_gan.ipynb",
            "bo+b+02_gan+2024-03-01 10:22:33.123456 UTC/02_gan.ipynb",
        ],
        [
            ("ann", "", "2024-03-02 10:22:33 UTC", "", "02_gan.ipynb"),
            ("bo+b", "", "2024-03-01 10:22:33 UTC", "", "02_gan.ipynb"),
        ],
    ),
    "no system, a folder around all": (
        ["HW 2/ann/02_gan.ipynb", "HW 2/bob/02_gan.ipynb", "HW 2/bob/data/x.csv"],
        [("ann", "", "", "", "02_gan.ipynb"), ("bob", "", "", "", "02_gan.ipynb")],
    ),
    "no system, two folders around files": (
        ["a/b/ann.ipynb", "a/b/bob.ipynb"],
        [("ann", "", "", "", "ann.ipynb"), ("bob", "", "", "", "bob.ipynb")],
    ),
    "no system, titles first": (
        ["Exercises 2 - Ann Lee.ipynb", "Exercises 2 - Bob Ray.ipynb"],
        [("Ann Lee", "", "", "", "Lee.ipynb"), ("Bob Ray", "", "", "", "Ray.ipynb")],
    ),
    "no system, dates that look like Canvas": (
        ["hw2_20240301_123456_ann.ipynb", "hw2_20240301_123456_bob.ipynb"],
        [
            ("hw2_20240301_123456_ann", "", "", "", "ann.ipynb"),
            ("hw2_20240301_123456_bob", "", "", "", "bob.ipynb"),
        ],
    ),
    "one student of nbgrader's": (
        ["ann/01_cnn/01_cnn.ipynb", "ann/02_gan/02_gan.ipynb"],
        [("ann", "", "", "", "02_gan.ipynb")],
    ),
    "one student with copies": (
        ["ann/02_gan.ipynb", "ann/02_gan (1).ipynb", "ann/Untitled.ipynb"],
        [("ann", "", "", "", "02_gan (1).ipynb")],
    ),
}


#: A folder around one student's folder can't be told from a student.
WRAPPED = [("submissions/", system) for system in LAYOUTS if not system.startswith("one student")]


@pytest.mark.parametrize(("wrapped", "system"), [*(("", system) for system in LAYOUTS), *WRAPPED])
def test_each_student_has_one_row(wrapped: str, system: str, tmp_path: Path) -> None:
    files, rows = LAYOUTS[system]
    path = tmp_path / "class.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in files:
            member = zipfile.ZipInfo(wrapped + name, (2024, 3, 1, 0, 0, 0))
            stamp = "2024-03-01 10:22:33.123456 UTC\n"
            archive.writestr(member, stamp if name.endswith("timestamp.txt") else "{}")
    found = collect(path)
    assert [one.student for one in found] == [row[0] for row in rows]
    for one, (_, id_, handed_in, late, newest) in zip(found, rows, strict=True):
        assert one.id == id_
        if newest:
            first = next((a for a in one.attempts if a.path.endswith(f"02_gan/{newest}")),
                         one.attempts[0])  # fmt: skip
            assert first.path.endswith(newest)
            assert (first.handed_in, first.late) == (handed_in, late)
        else:
            assert not one.attempts


#: A tool that reads what Gradescope exports shows the list in its tests (":submitters", ":name",
#: ":sid", ":email"), and another one reads ":created_at" and ":history" of each submission.
GRADESCOPE = """\
submission_4711:
  :submitters:
  - :name: Ann Lee
    :sid: '7'
    :email: a@b.c
  - :name: =cmd()
  :created_at: 2024-03-01 23:22:33.123456000 -08:00
submission_4712:
  :submitters:
  - :name: 12
  :created_at: soon
submission_4713: nothing
"""


@pytest.mark.parametrize("text", [GRADESCOPE, "", "[1]", "{", "a: !!python/name:os.system", "\0"])
def test_gradescopes_list_tells_names_and_times(text: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr("assignment_99_export/submission_metadata.yml", text)
        for number in range(4711, 4715):
            archive.writestr(f"assignment_99_export/submission_{number}/02_gan.ipynb", "{}")
        archive.writestr("assignment_99_export/submission_4711/submission_metadata.yml", GRADESCOPE)
    found = collect(tmp_path / "class.zip")
    told = {one.id: (one.student, one.attempts[0].handed_in) for one in found}
    plain = {number: (number, "") for number in ("4711", "4712", "4713", "4714")}
    known = {"4711": ("Ann Lee and =cmd()", "2024-03-02 07:22:33 UTC")}
    assert told == (plain | known if text == GRADESCOPE else plain)


def test_two_students_of_one_name_have_two_rows(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        for number in (1, 2):
            archive.writestr(f"Ann Lee_{number}_assignsubmission_file/a.ipynb", "{}")
    assert [one.student for one in collect(tmp_path / "class.zip")] == [
        "Ann Lee (1)",
        "Ann Lee (2)",
    ]


def test_a_folder_without_files_belongs_to_somebody() -> None:
    found = owners(["class/ann/a.ipynb", "class/bob/a.ipynb"], ["class", "class/ann", "class/eve"])
    assert {owner.name for owner in found.values()} == {"ann", "bob", "eve"}


def test_blackboards_assignment_is_what_all_names_begin_with() -> None:
    end = "_attempt_2024-03-01-10-22-33_a.ipynb"
    for names, students in [
        (["HW_ann_lee", "HW_bob"], ["ann_lee", "bob"]),
        (["HW_1_s_ann", "HW_1_s_bob"], ["ann", "bob"]),
        (["HW_ann", "HW_ann_lee"], ["ann", "ann_lee"]),
        (["HW 1_ann"], ["ann"]),
    ]:
        found = owners([name + end for name in names])
        assert [owner.name for owner in found.values()] == students


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2024-03-01-10-22-33", "2024-03-01 10:22:33"),
        ("20240301102233", "2024-03-01 10:22:33"),
        ("2024-03-01 10:22:33.5 UTC", "2024-03-01 10:22:33 UTC"),
        ("Mar 1, 2024 1022 PM", "2024-03-01 22:22:00"),
        ("1 March, 2024 10.22", "2024-03-01 10:22:00"),
        ("20241345999999", "2024-13-45 99:99:99"),
        ("no time", "no time"),
        ("", ""),
    ],
)
def test_a_time_is_read_or_shown_as_it_is(text: str, read: str) -> None:
    assert moment(text) == read


@pytest.mark.parametrize(
    ("name", "number"),
    [("a.ipynb", 0), ("a (3).ipynb", 3), ("x/a-Copy2.ipynb", 2), ("a - Copy.ipynb", 1),
     ("a-12.ipynb", 12), ("02_gan.ipynb", 0), ("hw-2024.ipynb", 0)],
)  # fmt: skip
def test_copies_are_numbered(name: str, number: int) -> None:
    assert copy_number(name) == number
