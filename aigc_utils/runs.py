"""Stop and go on: all that a training run depends on, in one file.

Name the parts of a run, and keep them::

    run = {"model": model, "optimizer": optimizer, "batches": batches, "history": history}
    training.save_run("run.safetensors", **run)

Later, also in another process, make the same objects anew, and go on where the run stopped, also
within an epoch::

    training.load_run("run.safetensors", **run)
    training.fit(step, batches, num_steps=1000, history=history, resume=True)

On the same machine's processor the losses and the weights are then those of a run that was never
stopped, bit for bit. What a graphics card draws with its own generator (`devices`) is not kept.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from .data import (
    DAMAGE,
    damaged_file,
    decode_nested,
    encode_nested,
    load_tensors,
    save_tensors,
)

_HOW = "training.save_run"


def save_run(path: str | Path, **parts: Any) -> Path:
    """Writes the state of all parts of a run, all of it or nothing, and returns the path.

    A part is a model, an optimizer, batches, a `History`, an `EMA`, a `CourseGAN`, a
    `torch.Generator`, anything else with `state_dict` and `load_state_dict`, or a list or tuple of
    such. The generators that belong to no object are kept too: torch's, NumPy's and Python's.
    Batches keep the generator that they draw from; one that nothing else holds is a part. A
    schedule is none, as its peak stands in the optimizer.

    Raises:
        ValueError: there are no parts, or one has no state or one that no file can keep.
        DataError: the file can't be written; one that was there before stays whole.
    """
    if not parts:
        raise ValueError("A run has parts: save_run(path, model=model, optimizer=optimizer, ...).")
    tensors: dict[str, torch.Tensor] = {}
    state = {name: state_of(part) for name, part in parts.items()}
    encoded = encode_nested([state, _generators()], tensors, "run")
    return save_tensors(path, tensors, {"run": json.dumps(encoded)})


def load_run(path: str | Path, **parts: Any) -> None:
    """Puts all parts of a run, made anew, into the state that `save_run` wrote.

    The parts have the names that they were saved under. If one does not fit, all stay as they are.

    Raises:
        DataError: there is no such file, or it is damaged, or holds something else.
        ValueError: the file has other parts, or one of another kind or size.
    """
    kept = load_tensors(path, what="run of this course", how=_HOW)
    try:
        states, generators = decode_nested(json.loads(kept.text["run"]), kept.tensors)
    except DAMAGE as error:
        raise damaged_file(path, "run of this course", _HOW) from error
    if states.keys() != parts.keys():
        raise ValueError(
            f"{path} has the parts {sorted(states)}, so load_run needs these and not "
            f"{sorted(parts)}."
        )
    before = {name: copy.deepcopy(state_of(part)) for name, part in parts.items()}
    try:
        for name, part in parts.items():
            restore(part, states[name], name)
    except ValueError:
        for name, part in parts.items():
            restore(part, before[name], name)
        raise
    _set_generators(generators)


def state_of(part: Any) -> dict[str, Any]:
    """Returns the state of one part, with what it can be put back into.

    Raises:
        ValueError: it has none.
    """
    if isinstance(part, torch.Generator):
        state: Any = part.get_state()
    elif isinstance(part, list | tuple):
        state = [state_of(each) for each in part]
    elif hasattr(part, "state_dict") and hasattr(part, "load_state_dict"):
        state = part.state_dict()
    else:
        raise ValueError(
            f"A {type(part).__name__} has no state: the parts of a run are models, optimizers, "
            "batches, histories and generators."
        )
    return {"kind": _kind(part), "sizes": _sizes(part), "state": state}


def restore(part: Any, state: Mapping[str, Any], name: str = "A part") -> None:
    """Puts one part into a state that `state_of` gave.

    Raises:
        ValueError: the state is of another kind of part or of other sizes; `name` names it.
    """
    if state["kind"] != _kind(part):
        raise ValueError(f"{name} was kept as {state['kind']} and can't become {_kind(part)}.")
    if state["sizes"] != _sizes(part):
        raise ValueError(f"{name} is of other sizes than the {state['kind']} that was kept.")
    if isinstance(part, torch.Generator):
        part.set_state(state["state"])
    elif isinstance(part, list | tuple):
        for i, (each, its) in enumerate(zip(part, state["state"], strict=True)):
            restore(each, its, f"{name}[{i}]")
    else:
        try:
            part.load_state_dict(state["state"])
        except (KeyError, RuntimeError, TypeError) as error:
            raise ValueError(
                f"{name} can't take up the state that was kept: make it as it was before."
            ) from error


def _kind(part: Any) -> str:
    return "list" if isinstance(part, tuple) else type(part).__name__


def _sizes(part: Any) -> Any:
    """Returns the shapes and types that a part must have to take up a state."""
    if isinstance(part, torch.Generator):
        return part.device.type
    if isinstance(part, list | tuple):
        return len(part)
    if isinstance(part, nn.Module):
        return {n: [each.dtype, *each.shape] for n, each in part.state_dict().items()
                if isinstance(each, torch.Tensor)}  # fmt: skip
    if isinstance(part, torch.optim.Optimizer):
        return [[[p.dtype, *p.shape] for p in group["params"]] for group in part.param_groups]
    return None


def _generators() -> dict[str, Any]:
    """Returns where the generators stand that belong to no object."""
    numpy_state: Any = np.random.get_state()  # noqa: NPY002 (libraries draw from it)
    name, keys, *rest = numpy_state
    found: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": (name, keys.tolist(), *rest),
    }
    if torch.cuda.is_available():
        found["cuda"] = torch.cuda.get_rng_state_all()
    if torch.backends.mps.is_available():
        found["mps"] = torch.mps.get_rng_state()
    return found


def _set_generators(states: Mapping[str, Any]) -> None:
    torch.set_rng_state(states["torch"])
    random.setstate(states["python"])
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))  # noqa: NPY002
    if torch.cuda.is_available() and len(states.get("cuda", ())) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])
    if torch.backends.mps.is_available() and "mps" in states:
        torch.mps.set_rng_state(states["mps"])
