"""The network with the smallest validation loss so far."""

from __future__ import annotations

from math import inf

import torch
from torch import Tensor, nn


class BestNetwork:
    """Keeps the weights and buffers of the best validation, on their device.

    This takes the memory of one more network. Frozen weights never change, and are left out.

    Attributes:
        loss: the smallest validation loss; NaN never is.
        iteration: that of the loss; 0 before the first validation.
        num_worse: validations in a row since then.

    >>> net = nn.Linear(1, 1)
    >>> best = BestNetwork(net, keep=True)
    >>> best.compare(0.5, iteration=1)
    >>> before = net.weight.item()
    >>> _ = nn.init.zeros_(net.weight)
    >>> best.compare(0.7, iteration=2)
    >>> best.restore()
    >>> net.weight.item() == before, best.iteration, best.num_worse
    (True, 1, 1)
    """

    def __init__(self, net: nn.Module, *, keep: bool) -> None:
        self._tensors = {name: p.detach() for name, p in net.named_parameters() if p.requires_grad}
        self._tensors.update(net.named_buffers())
        self._keep = keep
        self._copies: dict[str, Tensor] = {}
        self.loss, self.iteration, self.num_worse = inf, 0, 0

    @torch.no_grad()
    def compare(self, loss: float, iteration: int) -> None:
        """Keep the network of this moment if its validation loss is the smallest so far."""
        if not loss < self.loss:
            self.num_worse += 1
            return
        self.loss, self.iteration, self.num_worse = loss, iteration, 0
        if self._keep:
            for name, tensor in self._tensors.items():
                # in place after the first time, since new copies would need the memory twice
                if name in self._copies:
                    self._copies[name].copy_(tensor)
                else:
                    self._copies[name] = tensor.clone()

    @torch.no_grad()
    def restore(self) -> None:
        """Put the best weights and buffers back into the network."""
        for name, copy in self._copies.items():
            self._tensors[name].copy_(copy)

    def state_dict(self) -> dict[str, Tensor]:
        """The copies by name, and the numbers as one tensor, for a checkpoint."""
        numbers = torch.tensor([self.loss, self.iteration, self.num_worse], dtype=torch.float64)
        return {"numbers": numbers, **{f"net.{name}": copy for name, copy in self._copies.items()}}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from :meth:`state_dict`."""
        loss, iteration, num_worse = state["numbers"].tolist()
        self.loss, self.iteration, self.num_worse = loss, int(iteration), int(num_worse)
        self._copies = {
            name: state[f"net.{name}"].to(tensor).clone()
            for name, tensor in self._tensors.items()
            if f"net.{name}" in state
        }
