"""Normalization of input images by statistics of the training data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from layergraph.errors import DataError
from layergraph.wording import quoted

# statistics that leave an image unchanged, until the training data gives others
_NEUTRAL = {"mean": 0.0, "standard_deviation": 1.0, "max": 1.0}


class InputNormalization(nn.Module):
    """Normalizes each channel.

    The statistics are buffers of shape (1, channels, 1, 1), named as the layer's arguments.

    Args:
        layer: the name of the input layer, for messages.
        normalization: the method, as the layer's argument.
        channels: the number of channels.
        rank: the number of spatial dimensions.
        statistics: one value per channel for each buffer; ``None`` until the training data gives them.
    """

    mean: Tensor
    standard_deviation: Tensor
    min: Tensor
    max: Tensor

    def __init__(
        self,
        layer: str,
        normalization: str,
        channels: int,
        rank: int,
        statistics: Mapping[str, Sequence[float] | None],
    ) -> None:
        super().__init__()
        self.layer, self.normalization, self.channels, self.rank = layer, normalization, channels, rank
        self._given: dict[str, Sequence[float]] = {}
        for name, values in statistics.items():
            neutral = _NEUTRAL.get(name, -1.0 if normalization == "rescale-symmetric" else 0.0)
            self._given[name] = values if values is not None else [neutral] * channels
            self.register_buffer(name, self._statistic(name, torch.get_default_dtype(), None))

    def _statistic(self, name: str, dtype: torch.dtype, device: torch.device | None) -> Tensor:
        """The tensor of a statistic, from the values given."""
        shape = (1, self.channels, *(1,) * self.rank)
        return torch.tensor(self._given[name], dtype=dtype, device=device).view(shape)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> InputNormalization:
        before = dict(self._buffers)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, old in before.items():
            new = self._buffers[name]
            if old is None or new is None or old.dtype == new.dtype or old.is_meta or new.is_meta:
                continue
            if torch.equal(old, self._statistic(name, old.dtype, old.device)):
                # from the values given: a cast to float64 would keep the rounding of float32
                self._buffers[name] = self._statistic(name, new.dtype, new.device)
        return self

    def forward(self, x: Tensor) -> Tensor:
        # one channel would broadcast to several without an error. A trace cannot be checked: for torch.fx x
        # is no tensor, for torch.jit a size is no number
        traces = torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
        can_check = isinstance(x, Tensor) and not traces
        if can_check and (x.dim() != self.rank + 2 or x.shape[1] != self.channels):
            sizes = "height, width" if self.rank == 2 else "height, width, depth"
            raise DataError(
                f"input {quoted(self.layer)} must be a tensor (batch, {self.channels}, {sizes}), got one of "
                f"shape {tuple(x.shape)}"
            )
        if self.normalization == "none":
            return x
        if self.normalization == "zerocenter":
            return x - self.mean
        if self.normalization == "zscore":
            return (x - self.mean) / self.standard_deviation
        scaled = (x - self.min) / (self.max - self.min)
        return scaled if self.normalization == "rescale-zero-one" else 2 * scaled - 1
