"""What the checks ask of an answer's form before they look at its content."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..plotting import Picture
from .checking import NotYet, expect


def a_number(answer: Any, name: str) -> float:
    """Returns a finite number out of a number or a tensor of one.

    Raises:
        NotYet: the answer is something else.
    """
    if isinstance(answer, Tensor) and answer.numel() == 1:
        answer = answer.item()
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        raise NotYet(f"`{name}` must be a number, not {type(answer).__name__}.")
    expect(math.isfinite(answer), f"`{name}` is {answer}: a finite number is asked for.")
    return float(answer)


def numbers(answer: Any, name: str, keys: Sequence[str]) -> dict[str, float]:
    """Returns the numbers of a dictionary with exactly these keys.

    Raises:
        NotYet: the answer is something else.
    """
    if not isinstance(answer, Mapping) or set(answer) != set(keys):
        raise NotYet(f"`{name}` must be a dictionary with the keys {', '.join(keys)}.")
    return {key: a_number(answer[key], f"{name}[{key!r}]") for key in keys}


def a_tensor(answer: Any, name: str, shape: Sequence[int] | None = None) -> Tensor:
    """Returns a tensor of finite numbers.

    Raises:
        NotYet: the answer is something else, or has another shape than the one given.
    """
    if answer is None:
        raise NotYet(f"{name} is None: is there a `return`?")
    if not isinstance(answer, Tensor):
        raise NotYet(f"{name} must be a tensor, not {type(answer).__name__}.")
    if shape is not None and tuple(answer.shape) != tuple(shape):
        raise NotYet(f"{name} must have the shape {tuple(shape)}, not {tuple(answer.shape)}.")
    expect(torch.isfinite(answer.float()).all(), f"{name} holds values that are not finite.")
    return answer


def close(answer: Any, wanted: Any, tolerance: float = 1e-4) -> bool:
    """Whether two tensors or numbers of one shape agree, relatively or absolutely."""
    answer, wanted = torch.as_tensor(answer), torch.as_tensor(wanted)
    if answer.shape != wanted.shape:
        return False
    pair = answer.detach().double(), wanted.detach().double()
    return torch.allclose(*pair, rtol=tolerance, atol=tolerance)


def a_choice(answer: Any, name: str, options: Sequence[Any]) -> set[Any]:
    """Returns a set of some of the options.

    Raises:
        NotYet: the answer is no set, list or tuple, or holds what is no option.
    """
    if isinstance(answer, str) or not isinstance(answer, set | list | tuple):
        raise NotYet(f"`{name}` must be a set such as {{{options[0]!r}, {options[-1]!r}}}.")
    for choice in answer:
        expect(choice in options, f"`{name}` holds {choice!r}, which is none of the options.")
    return set(answer)


def expect_true_ones(
    answer: Any, name: str, statements: Mapping[str, str], objections: Mapping[str, str]
) -> None:
    """Does nothing where the answer holds the letters of all true statements and no others.

    Args:
        answer: what the student chose.
        name: the variable's name.
        statements: each under its letter.
        objections: what is said to those who take a false statement to be true, by statement;
            empty for a true one.

    Raises:
        NotYet: the answer is no set, list or tuple of letters, holds a false statement, or lacks a
            true one.
    """
    chosen = a_choice(answer, name, list(statements))
    for letter in sorted(chosen):
        objection = objections[statements[letter]]
        expect(not objection, f"Statement {letter} is false. {objection}")
    true = {letter for letter, text in statements.items() if not objections[text]}
    expect(chosen == true, "All that you chose is true, and a true statement is missing.")


def a_pair(answer: Any, names: str) -> tuple[Any, Any]:
    """Returns the two things that a function of the student gives.

    Args:
        answer: what it gave.
        names: what the two are, such as "the tokens and the entropy".

    Raises:
        NotYet: the answer is something else.
    """
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise NotYet(f"Return two things: {names}.")
    return answer[0], answer[1]


def a_picture(answer: Any, name: str) -> Picture:
    """Returns a picture of the course with labelled axes and a title.

    Raises:
        NotYet: the answer is something else, an axis has no label, or there is no title.
    """
    if not isinstance(answer, Picture):
        raise NotYet(f"`{name}` must be what `plotting.curves(...)` returns.")
    for axes in answer.figure.axes:
        labels = axes.get_xlabel().strip(), axes.get_ylabel().strip()
        expect(all(labels), f"Label both axes of `{name}`, each with its unit.")
    title = answer.figure.axes[0].get_title().strip()
    expect(title, f"Give `{name}` a title that says what it shows.")
    return answer


def drawn_lines(picture: Picture) -> dict[str, tuple[list[float], list[float]]]:
    """Returns the named curves of a picture's first axes: x values and y values."""
    found = {}
    for line in picture.figure.axes[0].get_lines():
        if not str(line.get_label()).startswith("_"):
            x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
            found[str(line.get_label())] = (x.astype(float).tolist(), y.astype(float).tolist())
    return found


def curve_heights(
    answer: Any, name: str, curves: Sequence[str], x: Sequence[float]
) -> list[Tensor]:
    """Returns the heights of the named curves of a picture, if they are drawn over `x`."""
    lines, found = drawn_lines(a_picture(answer, name)), []
    for curve in curves:
        expect(curve in lines, f"`{name}` has no curve with the name {curve!r}.")
        places, heights = (torch.tensor(part) for part in lines[curve])
        expect(close(places, torch.tensor(x)), f"{curve!r} must be drawn over the given values.")
        found.append(a_tensor(heights, f"The curve {curve!r}"))
    return found
