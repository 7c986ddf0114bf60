"""The files of tests that take longest: two workers take one file at a time, these first."""

#: Files of more than half a minute on a core, longest first.
LONG = (
    "test_exercises.py",
    "test_odd_submissions.py",
    "test_survey.py",
    "test_pretrained.py",
    "test_pdf.py",
    "test_book.py",
    "test_gan.py",
    "test_with_nbgrader.py",
    "test_plotting.py",
    "test_console.py",
)
