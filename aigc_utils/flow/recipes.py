"""Chapter 5: the recipes that the chapter and its benchmark train and draw by.

All were tuned on 10,000 images held back from the training set and a classifier that the book has
not, never on the test set or the book's judge. Distances below are of that classifier, and on a
scale of their own: real images score 0.35.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .training import FlowRecipe

#: On the codes of `vae.CODER`.
CODES = FlowRecipe(num_steps=2500, lr=4e-3)
#: On pixels, with `ImageFlow`. After 50 seconds of one thread 1,000 digits scored 12.0 with a rate
#: of 3e-3, 3.15 with 6e-3, and 4.07 with 1.2e-2.
PIXELS = FlowRecipe(num_steps=3500, batch_size=64, lr=6e-3)
#: From pairs of a guided flow on codes, to draw in one step.
DISTILLED = FlowRecipe(num_steps=600, lr=2e-3, without_label=0.0, paired=True, leap=True)
#: How many pairs that takes.
NUM_PAIRS = 20_000

#: How to draw codes: what `sample` takes by name. After two minutes 10,000 digits scored 0.269 with
#: a strength of 1, 0.250 with 1.2, 0.312 with 1.5 and 0.416 with 1.8, and after another training
#: 0.258 with 1.1, 0.255 with 1.2 and 0.266 with 1.3, by a classifier for which real images score
#: 0.184; ten steps in place of six scored 0.247.
DRAW_CODES: Mapping[str, Any] = MappingProxyType({"num_steps": 6, "strength": 1.2})
#: How to draw pixels: the last step goes straight to the network's guess. Heun's last step left
#: half of the rest of the noise, as a grain: 2.17 in place of 1.15.
DRAW_PIXELS: Mapping[str, Any] = MappingProxyType(
    {"num_steps": 8, "strength": 1.5, "final": "euler"}
)
#: What `decode` multiplies the logits with: the course's decoder is grey where it is unsure. The
#: flow's digits scored 1.14 with 1, 0.907 with 1.25, and 0.909 with 1.4.
SHARPNESS = 1.25
#: How to draw with a network that has learned to leap.
DRAW_AT_ONCE: Mapping[str, Any] = MappingProxyType({"num_steps": 1, "method": "euler"})
