"""Chapter 2: the article's GAN through its own 50 epochs, which a chapter has no time for.

An hour for a seed and a core; parts run apart and are joined as in `gan_ablation`.
"""

from __future__ import annotations

import dataclasses
import itertools
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from aigc_utils.gan import ArticleGenerator, train_article

from .gan import real_images, scored
from .parts import each, read_parts, same_machine
from .report import machine, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "gan-article": ("article_epochs", "the article's GAN through its own 50 epochs"),
}

#: The epochs after which the article's GAN is measured, and the steps of one.
EPOCHS, EPOCH = (1, 5, 10, 20, 50), 938
#: Images of each moment that are kept, to be looked at.
KEPT = 10


def run_article(seed: int, epochs: Iterable[int] = EPOCHS, steps: int = EPOCH) -> dict[str, Any]:
    """Returns the article's GAN's scores after each of `epochs`, with a few of its images.

    Args:
        seed: decides weights, order and noise.
        epochs: after which it is measured.
        steps: of one epoch.
    """
    torch.set_num_threads(1)
    mnist, *_ = real_images()
    wanted, passed, moments = set(epochs), itertools.count(1), list[dict[str, Any]]()

    def look(generator: ArticleGenerator) -> dict[str, float]:
        epoch = next(passed)
        if epoch in wanted:
            samples, scores, smallest = scored(generator, generator.latent_dim, seed)
            kept = bytes(samples[:KEPT].flatten().tolist()).hex()
            moment = {"epoch": epoch, "smallest_class": smallest, "images": kept}
            moments.append({**moment, **dataclasses.asdict(scores)})
        return {}

    _, _, history = train_article(
        mnist.train_images,
        seed=seed,
        num_steps=max(wanted) * steps,
        evaluate=look,
        evaluate_every=steps,
    )
    return {"moments": moments, "seconds": history.seconds}


def article_epochs(
    seeds: int = 3, workers: int = 2, only: Sequence[int] = (), parts: Sequence[Path] = ()
) -> dict[str, Any]:
    """Returns, and prints, how the article's GAN gets on through its own 50 epochs.

    Of the joined runs only the middle one, by its last Fréchet distance, keeps its images, two
    hexadecimal digits a pixel.

    Args:
        seeds: runs.
        workers: runs at a time, one thread each.
        only: the seeds of this part; by default all, from 0 on.
        parts: files of parts that have run, to be joined in place of running.
    """
    files = read_parts(parts, holds=["runs"])
    if parts:
        found = {
            s: run for part in files for s, run in zip(part["seeds"], part["runs"], strict=True)
        }
    else:
        chosen = [*(only or range(seeds))]
        found = dict(zip(chosen, each(run_article, [(s,) for s in chosen], workers), strict=True))
    runs = [found[seed] for seed in sorted(found)]
    ends = [run["moments"][-1]["frechet"] for run in runs]
    middle = ends.index(statistics.median_low(ends))
    if parts or not only:
        _forget_images(runs[:middle] + runs[middle + 1 :])
    print(table(("epoch", "Fréchet", "coverage"), _medians(runs)))
    return {
        "runs": runs,
        "middle": middle,
        "seeds": sorted(found),
        **(same_machine(files) if parts else machine(threads=1)),
    }


def _forget_images(runs: Iterable[dict[str, Any]]) -> None:
    for run in runs:
        for moment in run["moments"]:
            moment.pop("images", None)


def _medians(runs: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Returns a row of the printed table for each moment: its epoch, and medians over runs."""
    return [
        (
            str(moments[0]["epoch"]),
            *(
                f"{statistics.median(moment[name] for moment in moments):.3g}"
                for name in ("frechet", "coverage")
            ),
        )
        for moments in zip(*(run["moments"] for run in runs), strict=True)
    ]
