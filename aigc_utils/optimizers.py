"""One step of gradient descent, and Muon, which torch does not have for convolutions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from .data import check_number
from .limits import whole

#: Fifth-order coefficients with a steep slope at zero: a few rounds bring most singular values near
#: one, from about 0.7 to 1.2, which is near enough for an update (Jordan, 2024). Three rounds
#: gave the same accuracy here as Jordan's five (98.98 % on held-back digits, four seeds).
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
#: Norms whose squares neither vanish nor overflow in float32, and beside which 1e-7 is little.
PLAIN_NORMS = (3e-6, 1e15)


def orthogonalize(matrix: Tensor, rounds: int = 3) -> Tensor:
    """Returns `matrix` with most of its singular values brought near one.

    With the singular value decomposition matrix = U S V^T, this is about U V^T, found by matrix
    products alone (a Newton-Schulz iteration).

    Args:
        matrix: floats, shape (..., rows, columns), finite and of any size; several matrices are
            treated each on its own, and one of zeros stays as it is.
        rounds: iterations.

    Raises:
        ValueError: no such matrix, or `rounds` below 1.

    Source: Jordan et al., Muon, 2024.
    """
    if matrix.ndim < 2 or 0 in matrix.shape or not matrix.is_floating_point():
        raise ValueError(
            "matrix must be floats of shape (..., rows, columns), not "
            f"{matrix.dtype} of shape {tuple(matrix.shape)}."
        )
    whole("rounds", rounds)
    a, b, c = NEWTON_SCHULZ
    tall = matrix.size(-2) > matrix.size(-1)
    x = _scaled(matrix.mT if tall else matrix)
    for _ in range(rounds):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = x.mT if tall else x
    return result


def _scaled(matrix: Tensor) -> Tensor:
    """Returns each matrix divided by its norm, or zeros for zeros."""
    norm = matrix.norm(dim=(-2, -1), keepdim=True)
    plain = (norm.float() > PLAIN_NORMS[0]) & (norm.float() < PLAIN_NORMS[1])
    # A card isn't asked, as its answer would have to be waited for.
    if norm.device.type != "cpu" or not plain.all():
        # The squares of such numbers are no good: the largest of the matrix becomes 1 first.
        largest = matrix.abs().amax(dim=(-2, -1), keepdim=True)
        matrix = torch.where(plain | (largest == 0), matrix, matrix / largest)
        norm = matrix.norm(dim=(-2, -1), keepdim=True)
    scaled: Tensor = matrix / (norm + 1e-7)
    return scaled


def _set_norm(p: Tensor, norm: float) -> None:
    """Gives a parameter this norm, in place; one of zeros has no direction and stays."""
    length = p.norm()
    plain = (length > PLAIN_NORMS[0]) & (length < PLAIN_NORMS[1])
    if p.device.type == "cpu" and plain:
        p.mul_(norm / length)
        return
    largest = p.abs().max()
    p.div_(torch.where(plain | (largest == 0), 1.0, largest))
    length = p.norm()
    p.mul_(torch.where(length == 0, 1.0, norm / length))


def gradient_step(
    loss: Tensor | Iterable[Tensor], *optimizers: torch.optim.Optimizer, clip: float = 0.0
) -> None:
    """Moves the parameters of all optimizers one step down the gradient of a loss.

    Args:
        loss: a scalar, or several whose sum is meant. Each is taken when the gradient of the one
            before is done, so a generator of them needs the memory of one.
        optimizers: each moves its own parameters; at least one.
        clip: the largest norm of all their gradients together; 0 for no limit.

    Raises:
        ValueError: no optimizer, or `clip` is below 0.
    """
    if not optimizers:
        raise ValueError("gradient_step needs an optimizer: without one no parameter moves.")
    check_number("clip", clip)
    for optimizer in optimizers:
        optimizer.zero_grad()
    for each in (loss,) if isinstance(loss, Tensor) else loss:
        each.backward()
    if clip > 0:
        groups = (group for optimizer in optimizers for group in optimizer.param_groups)
        nn.utils.clip_grad_norm_([p for group in groups for p in group["params"]], clip)
    for optimizer in optimizers:
        optimizer.step()


class Muon(torch.optim.Optimizer):
    """Momentum whose update is made orthogonal, for matrices and convolution filters.

    Adam scales each weight's step alone. Muon treats a layer's filters as one matrix
    (out_channels, in_channels * height * width) and takes a step of equal size in every direction
    of it, so that rare directions learn as fast as common ones.

    A batch norm after the layer cancels the size of its filters, so only their direction counts;
    with `normalize` each step therefore first sets their norm to the square root of their number.
    It keeps the learning rate's meaning, the angle turned in a step, the same through the whole
    run. Where no norm follows, the size counts: leave `normalize` off.

    Args:
        parameters: matrices and filters, with two dimensions or more, or groups of them, as all
            of torch's optimizers take them: {"params": ..., "lr": ...}.
        lr: the length of a step in each direction.
        momentum: the share of the last step's velocity that is kept, from 0 up to 1.
        normalize: set the filters' norm before each step; filters of zeros have none and stay.
        dtype: of the matrix products; the parameters' own by default. A processor that multiplies
            bfloat16 numbers does so twice as fast, and the error is small beside the iteration's.

    Raises:
        ValueError: a parameter has fewer than two dimensions or is a piece of a sharded model's, or
            `lr` or `momentum` is out of range.

    Source: Jordan et al., Muon, 2024.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        lr: float = 0.05,
        momentum: float = 0.6,
        normalize: bool = True,
        dtype: torch.dtype | None = None,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "normalize": normalize, "dtype": dtype}
        super().__init__(parameters, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group of parameters with settings of its own, also for each one at the start.

        Raises:
            ValueError: as for the optimizer itself; the group is then left out.
        """
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        try:
            check_number("lr", group["lr"])
            check_number("momentum", group["momentum"])
            if group["momentum"] >= 1:
                raise ValueError(f"momentum must be below 1, not {group['momentum']}.")
            if any(p.ndim < 2 for p in group["params"]):
                raise ValueError("Muon takes filters and matrices; give biases and gains to Adam.")
            if any(hasattr(p, "full_tensor") for p in group["params"]):  # torch's DTensor
                raise ValueError(
                    "Muon needs whole matrices: give those of a sharded model to AdamW."
                )
        except ValueError:
            self.param_groups.pop()
            raise

    @torch.no_grad()
    def step(  # type: ignore[override]
        self, closure: Callable[[], float] | None = None
    ) -> float | None:
        """Updates every parameter that has a gradient; returns what `closure` does, called first.

        As in torch's optimizers, `closure` computes loss and gradients anew.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            alike: dict[torch.Size, list[Tensor]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    alike.setdefault(p.shape, []).append(p)
            for parameters in alike.values():
                self._update(parameters, group)
        return loss

    def _update(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        """Updates parameters of one shape; their matrices are multiplied together, in one stack."""
        ahead = [self._ahead(p, group["momentum"]).reshape(p.size(0), -1) for p in parameters]
        matrices = torch.stack(ahead) if len(ahead) > 1 else ahead[0]
        updates = orthogonalize(matrices.to(group["dtype"] or matrices.dtype)).to(matrices.dtype)
        for p, update in zip(parameters, updates.view(-1, *ahead[0].shape), strict=True):
            if group["normalize"]:
                _set_norm(p, p.size(0) ** 0.5)
            p.add_(update.reshape(p.shape), alpha=-group["lr"])

    def _ahead(self, p: Tensor, momentum: float) -> Tensor:
        """Returns the parameter's gradient with its momentum, after Nesterov's look ahead."""
        grad = p.grad
        assert grad is not None
        state = self.state[p]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(p)
        velocity = state["momentum"].mul_(momentum).add_(grad)
        ahead: Tensor = grad.add(velocity, alpha=momentum)
        return ahead
