"""A class on a Dask cluster: the same table as on one machine, also where a worker is lost."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from submission_cases import NAME, VARIANT, copied, insert, perfect, write
from submission_cases.recorded import record

from grading import __main__ as command
from grading import cluster, editions, plan, report, sandbox
from grading.classes import Way, grade_class
from grading.files import File
from grading.notebooks import SubmissionError
from grading.plan import Plan
from grading.submissions import Attempt, Submission, collect
from grading.variants import Released

ROOT = Path(__file__).resolve().parents[2]
#: The chapter's first two exercises alone, so that a submission is graded in a second.
TEXT = editions.source_text(NAME).split("# %% [markdown]\n# ## Two runs")[0]
PLAN = Plan(NAME, TEXT, Released((VARIANT,)))


def made_class(place: Path) -> Path:
    """Writes a class of five: three whose notebooks are run, and two that can't be."""
    made = editions.make_editions(NAME, VARIANT, TEXT)
    notebook = copied(perfect(made))
    insert(notebook, 3, "number = 1")
    write(place / "ann" / "a.ipynb", notebook)
    write(place / "=cmd()" / "a.ipynb", perfect(made))
    write(place / "untouched" / "a.ipynb", made.student)
    (place / "broken.ipynb").write_text("{")
    (place / "empty").mkdir()
    return place


def graded(place: Path, out: Path, way: Way) -> tuple[bytes, dict[str, bytes]]:
    """Grades a class, and returns its table and its pages."""
    list(grade_class(PLAN, collect(place), out, way, lambda result: None))
    pages = {path.name: path.read_bytes() for path in (out / "feedback").iterdir()}
    return (out / "grades.csv").read_bytes(), pages


def lose_a_busy_worker(address: str, worker: subprocess.Popen[bytes], lost: list[int]) -> None:
    """Kills a worker as soon as both have submissions in hand."""
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        while sum(map(bool, client.processing().values())) < 2:
            time.sleep(0.02)
        worker.kill()
        lost.append(worker.wait())


@pytest.fixture
def two_workers(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler, and its two workers, which do not come back when they are lost.

    They are started as `make worker` does it.
    """
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=0, dashboard_address=None, protocol="tcp", host="127.0.0.1"
    ) as found:
        more = ["--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path / "dask")]
        started = [sys.executable, "-m", "dask", "worker", found.scheduler_address, *more]
        started += ["--nthreads", "1"]
        workers = [subprocess.Popen(started, cwd=ROOT, stderr=subprocess.DEVNULL) for _ in range(2)]
        try:
            with distributed.Client(found.scheduler_address, set_as_default=False) as client:
                client.wait_for_workers(2, timeout=60)
            yield found.scheduler_address, workers
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
def test_a_lost_workers_submissions_are_graded_by_another(
    two_workers: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    place = made_class(tmp_path / "class")
    address, workers = two_workers
    lost: list[int] = []
    arguments = address, workers[0], lost
    killer = threading.Thread(target=lose_a_busy_worker, args=arguments, daemon=True)
    killer.start()
    there = graded(place, tmp_path / "there", Way(scheduler=address))
    killer.join(timeout=10)
    assert lost == [-signal.SIGKILL]
    assert workers[1].poll() is None
    here = graded(place, tmp_path / "here", Way(jobs=2))
    assert there == here
    text = there[0].decode("utf-8-sig")
    assert text.count(",graded,") == 3
    assert text.count(",not graded,") == 2
    assert "'=cmd()" in text
    assert len(there[1]) == 5


def test_what_a_cluster_graded_is_kept_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(report, "_notebook", lambda executed: f"<p>{len(executed.cells)}</p>")
    recorder = record(monkeypatch)  # the workers are threads, so they run nothing either
    place, out = made_class(tmp_path / "class"), tmp_path / "out"
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp"
    ) as found:
        way = Way(scheduler=found.scheduler_address)
        first, runs = graded(place, out, way), recorder.runs
        assert runs == 3
        assert cluster._graders == {}, "what ran on the workers is ended"
        assert graded(place, out, way) == first
        assert recorder.runs == runs
    assert graded(place, out, Way()) == first
    assert recorder.runs == runs
    assert graded(place, tmp_path / "here", Way()) == first


@contextmanager
def the_pages_scheduler(tmp_path: Path) -> Iterator[tuple[Any, subprocess.Popen[bytes]]]:
    """Yields a client of a scheduler that is started as the page says, and the scheduler."""
    distributed = pytest.importorskip("distributed")
    page = (ROOT / "book" / "instructors.md").read_text(encoding="utf-8")
    (words,) = re.findall(r"^\.venv/bin/python (-m dask scheduler) ", page, re.MULTILINE)
    file = str(tmp_path / "scheduler.json")
    more = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file]
    command = [sys.executable, *words.split(), *more]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as scheduler:
        try:
            end = time.monotonic() + 120
            while not Path(file).exists():
                assert scheduler.poll() is None
                assert time.monotonic() < end
                time.sleep(0.1)
            # The client looks for a lost scheduler as long as it may wait for the first word of it.
            waits = {"scheduler_file": file, "timeout": 20}
            with distributed.Client(**waits, set_as_default=False) as client:
                yield client, scheduler
        finally:
            scheduler.kill()


def test_a_scheduler_started_as_the_page_says_knows_the_course_and_its_loss_is_told(
    tmp_path: Path,
) -> None:
    with the_pages_scheduler(tmp_path) as (client, scheduler):
        assert client.run_on_scheduler(cluster.version) == plan.course()
        one: Any = cluster.Cluster.__new__(cluster.Cluster)
        one.plan, one.client, one._running, one._done = PLAN, client, {}, {}
        threading.Timer(0.5, scheduler.kill).start()  # there is no worker, so it waits till then
        with pytest.raises(cluster.ClusterError, match="scheduler does not answer any more"):
            list(one.grade_all([Submission("ann")]))


@pytest.mark.parametrize("told", [lambda: "another", lambda: 1 / 0])
def test_a_scheduler_without_this_course_is_named(
    told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "version", told)
    with distributed.LocalCluster(
        n_workers=1, processes=False, dashboard_address=None, protocol="tcp"
    ) as found, pytest.raises(cluster.ClusterError, match="not know this version"):  # fmt: skip
        cluster.connect(found.scheduler_address)


def test_a_scheduler_without_workers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "WORKER_SECONDS", 0.1)
    with distributed.LocalCluster(
        n_workers=0, processes=False, dashboard_address=None, protocol="tcp"
    ) as found, pytest.raises(cluster.ClusterError, match="has no worker"):  # fmt: skip
        cluster.connect(found.scheduler_address)


# --- without a cluster ------------------------------------------------------------------------


class Client:
    """A client whose scheduler has ended, or has no worker any more."""

    status = "running"

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def nthreads(self) -> dict[str, int]:
        if self.error:
            raise self.error
        return {}

    def submit(self, *_: Any, **__: Any) -> Any:
        return Waiting()

    def run(self, *_: Any, **__: Any) -> None: ...

    def close(self) -> None: ...


class Waiting:
    """A future that is never done."""

    def done(self) -> bool:
        return False

    def cancel(self) -> None: ...


@pytest.mark.parametrize(
    ("client", "says"),
    [(Client(OSError("closed")), "scheduler does not answer any more"),
     (Client(CancelledError()), "scheduler does not answer any more"),
     (Client(), "All workers were lost")],
)  # fmt: skip
def test_what_is_lost_for_good_is_said(
    client: Client, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "WORKER_SECONDS", -1)
    monkeypatch.setattr(cluster.Cluster, "_wait", lambda self: None)
    one: Any = cluster.Cluster.__new__(cluster.Cluster)
    one.plan, one.client, one._running, one._done = PLAN, client, {}, {}
    with pytest.raises(cluster.ClusterError, match=says):
        list(one.grade_all([Submission("ann")]))


def test_a_students_zip_file_is_looked_into_before_it_travels() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.ipynb", "{}")
    given = File("a.zip", content.getvalue, opened=lambda: io.BytesIO(content.getvalue()))
    whole = Submission("ann", others=[given])
    (found,) = cluster.packed(whole).attempts
    assert found.file.read() == b"{}"


def test_where_dask_is_missing_one_sentence_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "a.ipynb").write_text("{}")
    monkeypatch.setitem(sys.modules, "distributed", None)
    arguments = ["grade", str(tmp_path), "--exercises", NAME, "--out", str(tmp_path / "out")]
    assert command.main([*arguments, "--scheduler", "tcp://127.0.0.1:1"]) == 1
    assert capsys.readouterr().err == f"{cluster.MISSING}\n"
    assert "extra `cluster`" in cluster.MISSING


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nowhere://x", "tcp://"])
def test_where_no_scheduler_answers_it_says_how_to_start_one(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.2)
    with pytest.raises(cluster.ClusterError, match="with `python -m dask scheduler`"):
        cluster.connect(address)


def test_a_submission_travels_with_its_notebooks_and_its_faults() -> None:
    pickle = pytest.importorskip("cloudpickle")

    def fail() -> bytes:
        raise SubmissionError("The file is a link or can't be read.")

    whole = Submission("ann", "7", notes=["a note"], others=[File("a.zip", fail)])
    whole.attempts = [
        Attempt(File("a", lambda: b"x", 3), "now", "yes", 2),
        Attempt(File("b", fail)),
    ]
    there = pickle.loads(pickle.dumps(cluster.packed(whole)))
    assert (there.student, there.id, there.notes) == ("ann", "7", ["a note"])
    first, second = there.attempts
    assert (first.path, first.file.read(), first.late, first.number) == ("a", b"x", "yes", 2)
    with pytest.raises(SubmissionError, match="is a link"):
        second.file.read()
    assert there.told_of_others() == whole.told_of_others()
    there.attempts.clear()
    there.look_into_zips()
    assert there.notes == ["a note"], "its ZIP files were looked into before"


def test_another_version_of_the_course_grades_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    record(monkeypatch)
    with pytest.raises(cluster.ClusterError, match="has another version of the course"):
        cluster.grade_one(PLAN, "another", Submission("ann"))
    assert cluster._graders == {}


class Lost:
    """A future whose worker had no luck."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def result(self) -> Any:
        raise self.error


def test_what_ends_every_worker_is_not_graded_and_says_so() -> None:
    one = cluster.Cluster.__new__(cluster.Cluster)
    result = one._result(Lost(MemoryError("all\nlost")), Submission("ann", "7"))
    assert (result.student, result.id, result.final) == ("ann", "7", False)
    assert result.state == "not graded"
    assert result.notes == ["The cluster stopped with MemoryError: all lost"]
    for error in (cluster.ClusterError("x"), sandbox.SandboxError("y"), CancelledError()):
        with pytest.raises(type(error)):
            one._result(Lost(error), Submission("ann"))
