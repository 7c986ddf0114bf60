"""What all tests of errors share: an error is told in one sentence that names its cause."""

from __future__ import annotations

import pytest


def assert_one_sentence(error: pytest.ExceptionInfo[BaseException], *parts: object) -> None:
    """Asserts that an error's message is one sentence on one line, with each of `parts` in it."""
    message = str(error.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert ". " not in message
    for part in parts:
        assert str(part) in message
