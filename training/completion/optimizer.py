"""Muon for the matrices of the blocks, AdamW for embedding and norms.

Muon (Jordan et al. 2024) replaces a matrix's momentum by the nearest half-orthogonal matrix. PyTorch's own works in
bfloat16, which a CPU without such instructions emulates: here in float32 there, and matrices of one shape together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import torch
from torch import Tensor, nn

MUON_RATE, MUON_MOMENTUM = 0.02, 0.95
ADAM_RATE, ADAM_BETAS = 0.004, (0.9, 0.95)
"""Learning rates of a training from scratch; both are multiplied by the schedule and by what a recipe says."""

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic Newton-Schulz step, from Muon's authors: steep at zero, five steps are enough."""

STEPS = 5


def orthogonalise(matrices: Tensor) -> Tensor:
    """The half-orthogonal matrices (up to about 0.3 in their singular values) of a stack (n, rows, columns)."""
    a, b, c = COEFFICIENTS
    x = matrices.bfloat16() if matrices.is_cuda else matrices.float()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(STEPS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    half: Tensor = (x.mT if tall else x).to(matrices.dtype)
    return half


class Muon(torch.optim.Optimizer):
    """Momentum (Nesterov), orthogonalised; the step is scaled by sqrt(max(1, rows / columns))."""

    def __init__(self, parameters: list[nn.Parameter], rate: float, momentum: float) -> None:
        super().__init__(parameters, {"lr": rate, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step on all matrices that have a gradient."""
        for group in self.param_groups:
            same: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    same[parameter.shape].append(parameter)
            for shape, parameters in same.items():
                moved = torch.stack(
                    [self._nesterov(parameter, group["momentum"]) for parameter in parameters]
                )
                scale = max(1.0, shape[0] / shape[1]) ** 0.5
                for parameter, step in zip(parameters, orthogonalise(moved), strict=True):
                    parameter.add_(step, alpha=-group["lr"] * scale)

    def _nesterov(self, parameter: nn.Parameter, momentum: float) -> Tensor:
        assert parameter.grad is not None
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        state["momentum"].lerp_(parameter.grad, 1 - momentum)
        looked_ahead: Tensor = parameter.grad.lerp(state["momentum"], momentum)
        return looked_ahead


class Optimizers:
    """Both optimizers as one: `step(rate)` with the schedule's share of the learning rates."""

    def __init__(self, model: nn.Module, *, scale: float = 1.0) -> None:
        matrices: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        self._names: dict[Tensor, str] = {}
        for name, parameter in model.named_parameters():
            self._names[parameter] = name.replace("._orig_mod", "")
            (matrices if parameter.ndim == 2 and "blk." in name else others).append(parameter)
        self._muon = Muon(matrices, MUON_RATE, MUON_MOMENTUM)
        self._adam = torch.optim.AdamW(others, ADAM_RATE, betas=ADAM_BETAS, eps=1e-10, weight_decay=0.0)
        self._rates = ((self._muon, MUON_RATE * scale), (self._adam, ADAM_RATE * scale))

    def step(self, rate: float) -> None:
        """One step at `rate` (0 to 1) of the learning rates; clears the gradients."""
        for optimizer, full in self._rates:
            for group in optimizer.param_groups:
                group["lr"] = full * rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """Everything a resumed run needs, by the parameters' names."""
        return {f"{name}:{key}": value.detach().cpu().contiguous() for name, key, value in self._tensors()}

    def restore(self, saved: dict[str, Tensor]) -> None:
        """Take `state()` back."""
        for optimizer, _ in self._rates:
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    own = {key.rpartition(":")[2]: value for key, value in saved.items()
                           if key.rpartition(":")[0] == self._names[parameter]}  # fmt: skip
                    for key, value in own.items():
                        optimizer.state[parameter][key] = (
                            value.clone() if key == "step" else value.to(parameter.device)
                        )

    def _tensors(self) -> Iterator[tuple[str, str, Tensor]]:
        for optimizer, _ in self._rates:
            for parameter, state in optimizer.state.items():
                for key, value in state.items():
                    yield self._names[parameter], key, value


def make_optimizers(model: nn.Module, *, scale: float = 1.0) -> Optimizers:
    """Muon and AdamW for a `Decoder`; `scale` multiplies both learning rates."""
    return Optimizers(model, scale=scale)


def schedule(progress: float, step: int, *, warmup: int, decay: float) -> float:
    """Share of the learning rate: up over `warmup` steps, constant, linearly to zero over the last `decay` of it.

    `progress` runs from 0 to 1.
    """
    rising = min(1.0, (step + 1) / max(1, warmup))
    falling = min(1.0, max(0.0, 1 - progress) / max(decay, 1e-9))
    return rising * falling
