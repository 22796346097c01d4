"""The types of training data."""

from __future__ import annotations

from typing import Any, Protocol


class TrainingData(Protocol):
    """Pairs (image, target) by index: a combined datastore, a list, a map-style dataset of torch.

    Training uses its attributes ``classes`` (names) and ``files`` (one path per item), if it has them.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


class TrainingArray(Protocol):
    """Images or targets along the first axis: an array of NumPy, a tensor, a data set of an HDF5 file."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...
