"""Chapter 4's download: told before, stopped in time, and never half."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from huggingface_hub import constants
from test_pretrained import SMALL_GPT2, assert_same_logits, random_gpt2, small  # noqa: F401

from aigc_utils.gpt import hub, pretrained

LOAD_GPT2 = pretrained.load_gpt2
Send = Callable[[BaseHTTPRequestHandler, bytes], None]


def whole(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    handler.wfile.write(content)


def trickle(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Sends 8 bytes at once, and then 5 kB a second."""
    handler.wfile.write(content[:8])
    for start in range(8, len(content), 500):
        time.sleep(0.1)
        handler.wfile.write(content[start : start + 500])


def stall(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Sends 30 % at once, and then nothing."""
    handler.wfile.write(content[: 3 * len(content) // 10])
    handler.wfile.flush()
    handler.server.stop.wait(60)  # type: ignore[attr-defined]


def break_off(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    handler.wfile.write(content[: 3 * len(content) // 10])


class Hub(BaseHTTPRequestHandler):
    """Serves files as the Hugging Face hub does; `server.send` is how it sends the weights."""

    protocol_version = "HTTP/1.0"

    def do_HEAD(self) -> None:
        self.answer(head=True)

    def do_GET(self) -> None:
        self.answer(head=False)

    def answer(self, head: bool) -> None:
        server: Any = self.server
        name = self.path.rpartition("/")[2]
        content = server.files.get(name)
        server.asked.append((self.command, name))
        if content is None or "/gpt2/resolve/" not in self.path:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(server.size or len(content)))
        self.send_header("ETag", f'"{abs(hash(content)):x}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        if not head:
            with contextlib.suppress(OSError):
                (server.send if name == hub.WEIGHTS else whole)(self, content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Returns a hub of this machine, which has a small GPT-2, and an empty folder of the reader."""
    theirs = random_gpt2(**SMALL_GPT2[0])
    theirs.save_pretrained(tmp_path / "files")
    files = {path.name: path.read_bytes() for path in (tmp_path / "files").iterdir()}
    tokens = {"<|endoftext|>": 0, "a": 1, "b": 2, "ab": 3}
    files["vocab.json"] = json.dumps(tokens).encode()
    files["merges.txt"] = b"#version: 0.2\na b\n"
    files["tokenizer_config.json"] = b'{"tokenizer_class": "GPT2Tokenizer"}'
    running: Any = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    running.files, running.asked, running.send, running.size = files, [], whole, 0
    running.stop, running.theirs = threading.Event(), theirs
    thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{running.server_port}")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield running
    running.stop.set()
    running.shutdown()
    running.server_close()


def weights_in(folder: Path) -> list[Path]:
    """Returns the files of weights that the hub's library takes for whole."""
    return [path for path in folder.rglob(hub.WEIGHTS) if path.exists()]


# --- measuring ----------------------------------------------------------------------------------


def test_a_hub_that_swallows_everything_costs_the_given_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def swallow(url: str, timeout: float) -> Any:
        time.sleep(10)
        raise OSError("timed out")

    monkeypatch.setattr(hub.urllib.request, "urlopen", swallow)
    start = time.perf_counter()
    assert hub.measure(0.2) is None
    assert time.perf_counter() - start < 8


def test_the_readers_own_setting_is_no_request(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert hub.measure(2) is None
    assert server.asked == []


def test_a_fast_hub_is_measured_at_once(server: Any) -> None:
    start = time.perf_counter()
    offer = hub.measure(10)
    assert time.perf_counter() - start < 5
    assert offer is not None
    assert offer.size == len(server.files[hub.WEIGHTS])
    assert offer.rate > 1e6
    assert server.asked == [("GET", hub.WEIGHTS)]


def test_a_slow_hub_is_measured_in_the_given_seconds(server: Any) -> None:
    server.send, server.size = trickle, 548_000_000
    start = time.perf_counter()
    offer = hub.measure(1)
    assert time.perf_counter() - start < 15
    assert offer is not None
    assert 200 < offer.rate < 6000
    assert offer.seconds > 20 * 3600


@pytest.mark.parametrize("send", [stall, break_off])
def test_a_hub_that_stops_while_it_is_measured(server: Any, send: Send) -> None:
    server.send, server.size = send, 548_000_000_000  # its first bytes come at once
    offer = hub.measure(0.5)
    assert offer is None or offer.seconds > 3600


# --- the download -------------------------------------------------------------------------------


def test_gpt2_comes_from_a_hub_and_then_from_its_copy(
    server: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    loaded = pretrained.load_gpt2_or_standin()
    said = capfd.readouterr().out.splitlines()
    assert said[0].startswith("GPT-2 has 0 MB, and the Hugging Face hub sends ")
    assert said[0].endswith("it takes less than a minute.")
    assert said[1:] == ["Using GPT-2 from the Hugging Face hub: 124 million weights."]
    assert_same_logits(loaded.model, server.theirs, torch.arange(20)[None])
    assert loaded.tokenizer.encode("ab") == [3]
    assert loaded.stop == {50256}
    asked = len(server.asked)
    again = pretrained.load_gpt2()
    assert len(server.asked) == asked
    assert_same_logits(again.model, server.theirs, torch.arange(20)[None])


def test_a_hub_that_trickles_is_told_and_left(
    server: Any,
    small: SimpleNamespace,  # noqa: F811
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pretrained, "load_gpt2", LOAD_GPT2)
    server.send, server.size = trickle, 548_000_000
    start = time.perf_counter()
    loaded = pretrained.load_gpt2_or_standin(1)
    assert time.perf_counter() - start < 15
    assert loaded.name == "SmolLM2-135M-Instruct"
    said = capfd.readouterr().out.splitlines()
    assert said[0].startswith("GPT-2 has 548 MB, and the Hugging Face hub sends ")
    assert " kB a second: it takes about " in said[0]
    assert said[0].endswith(" minutes, which is more than 10: no download.")
    assert said[1].startswith("The Hugging Face hub gave no GPT-2, so this uses SmolLM2")
    assert weights_in(tmp_path / "hub") == []


@pytest.mark.parametrize("send", [stall, trickle, break_off])
def test_a_hub_that_stops_in_the_middle_leaves_no_half_file(
    server: Any, send: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.send = send
    monkeypatch.setattr(hub, "PATIENCE", 3.0)
    monkeypatch.setattr(hub, "measure", lambda seconds: hub.Offer(100, 1e9))  # it began well
    start = time.perf_counter()
    with pytest.raises(OSError, match=r"^The Hugging Face hub did not send all of GPT-2"):
        pretrained.load_gpt2()
    assert time.perf_counter() - start < 15
    assert weights_in(tmp_path / "hub") == []


def test_a_damaged_copy_is_fetched_anew(server: Any, tmp_path: Path) -> None:
    pretrained.load_gpt2()
    (path,) = weights_in(tmp_path / "hub")
    content = path.read_bytes()
    path.resolve().write_bytes(content[: len(content) // 3])
    loaded = pretrained.load_gpt2()
    assert path.read_bytes() == content
    assert_same_logits(loaded.model, server.theirs, torch.arange(20)[None])


def test_the_times_must_be_positive() -> None:
    for load in (pretrained.load_gpt2, pretrained.load_gpt2_or_standin):
        for times, name in (((0.0,), "seconds"), ((1.0, -1.0), "max_minutes")):
            with pytest.raises(ValueError, match=rf"^{name} must be a finite number above 0"):
                load(*times)


def test_no_answer_means_no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load(name: str, local_files_only: bool = False) -> Any:
        asked.append((name, local_files_only))
        assert constants.HF_HUB_OFFLINE, "even local files need no request"
        raise OSError("not here")

    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", load)
    monkeypatch.setattr(hub, "measure", lambda seconds: None)
    with pytest.raises(OSError, match=r"^The Hugging Face hub sent nothing of GPT-2 within 4 sec"):
        pretrained.load_gpt2()
    assert asked == [("gpt2", True)]


@pytest.mark.parametrize(
    ("offer", "said"),
    [
        ((548e6, 20e6), "548 MB, and the Hugging Face hub sends 20.0 MB a second: it takes less"),
        ((548e6, 2e6), "548 MB, and the Hugging Face hub sends 2.0 MB a second: it takes about 5"),
        ((548e6, 5e3), "sends 5 kB a second: it takes about 1,827 minutes"),
        ((548e6, 0.0), "the Hugging Face hub stopped sending"),
    ],
)
def test_size_and_time_are_told(offer: tuple[float, float], said: str) -> None:
    assert said in hub._told(hub.Offer(*offer))  # type: ignore[arg-type]
