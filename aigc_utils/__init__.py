"""Reusable code of *Foundations of AIGC*, in the order in which to read it.

The ground, on which every chapter stands:

- `limits`: what a run is told, checked in one place
- `interrupts`: Ctrl-C, as a request to stop
- `threads`: how long PyTorch's threads wait for work
- `console`: lets what is printed pass where a console knows fewer signs
- `devices`: the processor or a graphics card
- `data`: digits, texts, batches and safe files
- `history`: what a run recorded
- `schedules`: how the learning rate moves
- `optimizers`: one gradient step, and Muon
- `losses`: cross-entropy of pixels
- `latent`: Gaussians in latent space, and ways through it
- `ema`: a running mean of weights
- `model_files`: the course's models in files
- `runs`: stop a training, keep it, go on
- `seeds`: one seed for every generator
- `processes`: one model, many processes
- `source`: shows a listing in a notebook
- `training`: the one training loop

What measures and draws:

- `evaluation`: the judge, and measures of classifiers, samples and likelihoods
- `plotting`: every figure, each with its alternative text

The chapters, each a package read bottom-up, which do not import each other:

- `cnn`: chapter 1: networks, training
- `gan`: chapter 2: article, networks, game, samples
- `vae`: chapter 3: article, model, perception, training, samples, mixture
- `gpt`: chapter 4: config, attention, model, training, and what writes text
- `flow`: chapter 5: paths, gaussians, sampling, networks, transformer, training, samples, latent,
  recipes
- `digits`: chapter 6, which has them all

And `exercises`, with a folder a chapter, which checks what students answer.

To add a chapter, write `notebooks/NN_name.py` and, where it needs them, a module or package `name`
here, `exercises/name` here with its `CHAPTER`, `exercises/NN_name.py`, and `benchmarks/name.py`.
They are found by their names; only this map needs a line more: see CONTRIBUTING.md.
"""

from .console import tolerate
from .threads import settle

settle()
tolerate()
