"""Trains the course's GPT on the sonnets, in one process or in many.

    torchrun --standalone --nproc-per-node 2 scaling/train_gpt.py --keep build/run.safetensors

Kill it, start it again, with as many processes or another number: it goes on from its last
checkpoint.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from aigc_utils import data, gpt, processes, schedules, training
from aigc_utils.history import History

CONTEXT = 64


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Returns what the command line says."""
    parser = argparse.ArgumentParser(
        prog="scaling/train_gpt.py", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--steps", type=int, default=200, help="steps of the whole run")
    parser.add_argument("--batch", type=int, default=24, help="rows of all processes together")
    parser.add_argument("--parts", type=int, default=1, help="cut each process's rows into so many")
    parser.add_argument("--width", type=int, default=128, help="of the model")
    parser.add_argument("--shard", action="store_true", help="cut the weights up, for AdamW")
    parser.add_argument("--keep", type=Path, help="file to keep the run in, and to go on from")
    parser.add_argument("--every", type=int, default=20, help="steps from checkpoint to checkpoint")
    parser.add_argument("--held", type=int, default=4096, help="characters to validate on")
    parser.add_argument("--json", type=Path, help="file for losses, times and memory")
    chosen = parser.parse_args(arguments)
    if chosen.shard and chosen.keep:
        parser.error("--keep needs whole weights, and --shard has pieces: give one of the two.")
    return chosen


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains, keeps the run at each checkpoint, and says what it cost."""
    chosen, together = options(arguments), processes.accelerator()
    rng = training.seed_everything(0)  # in each process the same weights and the same batches
    ids, held, vocab_size = sonnets(chosen.held)
    held = held.to(together.device)
    batches = gpt.token_batches(ids, CONTEXT, chosen.batch, rng)
    empty = memory(together.device)

    model = gpt.GPT(recipe(chosen).config(vocab_size))
    step_model, optimizers, kept = spread(model, together, chosen)
    step = gpt.gpt_step(step_model, *optimizers, parts=chosen.parts)
    history = History()
    run = {**kept, "batches": batches, "history": history}
    if chosen.keep and chosen.keep.exists():
        training.load_run(chosen.keep, **run)
        together.print(f"goes on after step {history.num_steps}", flush=True)
    began = history.num_steps

    def evaluate() -> dict[str, float]:
        if chosen.keep:
            processes.save_together(together, chosen.keep, **run)
        return {"nats": gpt.mean_nats(model, held), "seconds": history.seconds}

    training.fit(
        step, batches, num_steps=chosen.steps, schedule=schedules.hold_then_fall(*optimizers),
        evaluate=evaluate, evaluate_every=chosen.every, history=history, resume=True,
        accelerator=together,
    )  # fmt: skip
    grown = memory(together.device) - empty
    report(together, history, model, grown, began, chosen.json)
    together.end_training()


def sonnets(held: int) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Returns the ids to train on and so many to validate on, and how many different there are."""
    text = data.load_sonnets()
    tokenizer = gpt.CharTokenizer(text)
    train, rest = (gpt.encode_tensor(tokenizer, part) for part in data.split_text(text))
    return train, rest[:held], tokenizer.vocab_size


def recipe(chosen: argparse.Namespace) -> gpt.GPTRecipe:
    """Returns chapter 4's recipe without its tables of n-grams, in 32 bits."""
    return gpt.GPTRecipe(
        chosen.steps, chosen.batch, CONTEXT, num_layers=2, width=chosen.width, ngrams=(),
        bfloat16=False,
    )  # fmt: skip


def spread(model: gpt.GPT, together: Any, chosen: argparse.Namespace) -> tuple[Any, Any, Any]:
    """Returns what the step calls, the optimizers, and the parts of the run that hold weights."""
    if not chosen.shard:  # each process has all weights
        replica = processes.Replica(model, together)
        optimizers = gpt.course_optimizers(model, recipe(chosen))
        return replica, optimizers, {"model": model, "optimizers": optimizers}
    processes.shard(model, together, model.blocks)  # each process has a piece of each matrix
    adam = torch.optim.AdamW(model.parameters(), 3e-3, betas=(0.9, 0.98))
    return model, (adam,), {}


def memory(place: torch.device) -> float:
    """Returns the MB of all tensors that this process holds on a card, or else on the CPU."""
    if place.type == "cuda":
        return torch.cuda.memory_allocated() / 1e6
    gc.collect()  # what nobody can reach any more is not held
    held: dict[int, int] = {
        storage.data_ptr(): storage.nbytes()
        for each in gc.get_objects()
        # A DTensor is a name for its piece, which is a tensor of its own.
        if issubclass(type(each), torch.Tensor) and not hasattr(each, "to_local")
        if (storage := each.untyped_storage()).device.type == "cpu"
    }
    return sum(held.values()) / 1e6


def report(
    together: Any, history: History, model: gpt.GPT, grown: float, began: int, path: Path | None
) -> None:
    """Prints, and writes to a file, what the run gave, and the memory of the largest process."""
    most = float(together.gather(torch.tensor([grown], device=together.device)).max())
    rate = history.num_steps / max(history.seconds, 1e-9)
    together.print(
        f"{together.num_processes} processes, {history.num_steps} steps, {rate:.1f} a second: "
        f"loss {history['loss'][-1]:.4f}, {history['nats'][-1]:.4f} nats on held-back text, "
        f"{most:.1f} MB of tensors a process"
    )
    if path and together.is_main_process:
        told = {
            "processes": together.num_processes,
            "weights": sum(p.numel() for p in model.parameters()),
            "began": began,
            "losses": history["loss"],
            "nats": history["nats"],
            "seconds": history["seconds"],
            "memory": most,
        }
        data.write_file(path, json.dumps(told).encode())


if __name__ == "__main__":
    main()
