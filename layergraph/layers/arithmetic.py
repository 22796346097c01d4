"""The arithmetic of output sizes, written out with its numbers: the steps that an explanation shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from layergraph.sizes import Shape, Size, Window, same_cropping, transposed_output, window_output


class Formula(NamedTuple):
    """A rule in symbols, the meaning of the symbols, and the source."""

    name: str
    text: str
    symbols: str
    source: str = ""


_GUIDE = 'V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285'
WINDOW = Formula(
    "Window",
    "⌊(n + p − w)/s⌋ + 1",
    "n input, p padding of both sides, w extent of the window, s stride",
    _GUIDE,
)
SAME = Formula(
    "Padding 'same'",
    "o = ⌈n/s⌉, p = (o − 1)·s + w − n",
    "n input, o output, s stride, p padding of both sides, w extent of the window",
)
TRANSPOSED = Formula(
    "Transposed window",
    "s·(n − 1) + w − c",
    "n input, s stride, w window, c cropping of both sides",
    _GUIDE,
)
DILATED = Formula("Dilated window", "w = (k − 1)·d + 1", "k window, d dilation factor", _GUIDE)


@dataclass(frozen=True)
class Step:
    """One number of a size, with the arithmetic that gives it.

    Attributes:
        expression: such as ``"(360 + 2·100 − 3)/1 + 1"``; an ``=`` separates several forms of it.
        result: its value.
        note: the reason, or a consequence, in words.
        port: the input that the number comes from; empty for the first.
        formula: the rule that it follows.
        first: the steps that must come before it, by name.
    """

    expression: str
    result: int
    note: str = ""
    port: str = ""
    formula: Formula | None = None
    first: tuple[tuple[str, Step], ...] = ()

    @property
    def text(self) -> str:
        """The arithmetic with its result, and the note.

        >>> print(Step("64 + 32", 96, "all channels of all inputs").text)
        64 + 32 = 96, all channels of all inputs
        """
        result = _signed(self.result)
        equation = result if self.expression == result else f"{self.expression} = {result}"
        return f"{equation}, {self.note}" if self.note else equation


def constant_step(number: int, note: str = "", port: str = "") -> Step:
    """A number without arithmetic, and the reason for it."""
    return Step(str(number), number, note, port)


def unchanged_steps(size: Size) -> tuple[Step, ...]:
    """Every number of the input size, without the batch, unchanged."""
    return tuple(constant_step(number, "as in the input") for number in size.shape[:-1])


def window_steps(window: Window, spatial: Shape) -> tuple[Step, ...]:
    """The number of positions of a window along each dimension; below 1 where it does not fit."""
    margins = window.margins or (None,) * len(window.size)
    return tuple(map(_window_step, spatial, window.size, window.stride, window.dilation, margins))


def _window_step(size: int, window: int, stride: int, dilation: int, margin: tuple[int, int] | None) -> Step:
    extent = (window - 1) * dilation + 1
    first: list[tuple[str, Step]] = []
    if dilation > 1:
        first.append(("window", Step(f"({window} − 1)·{dilation} + 1", extent, "dilated", formula=DILATED)))
    if margin is None:
        # the stride alone decides the output size, and the padding follows from it
        result = -(-size // stride)
        total = (result - 1) * stride + extent - size
        before = max(total, 0) // 2
        expression = f"({result} − 1)·{stride} + {extent} − {size}"
        # a window smaller than the stride steps over rows and needs no padding
        if total < 0:
            expression = f"max({expression}, 0)"
        total = max(total, 0)
        first.append(("padding", Step(expression, total, f"{before} before and {total - before} after")))
        return Step(f"⌈{size}/{stride}⌉", result, formula=SAME, first=tuple(first))
    padded = size + sum(margin)
    # the text shows the margins by side, or twice one number; the result needs only their sum
    top = f"({size}{_added(margin, '+')} − {extent})/{stride}"
    result = window_output(size, extent, stride, sum(margin))
    remainder = (padded - extent) % stride
    if padded < extent:
        note = f"the window of {extent} does not fit into {padded}"
        return Step(f"⌊{top}⌋ + 1" if remainder else f"{top} + 1", result, note, "", WINDOW, tuple(first))
    # dropped rows are the usual reason why two branches differ by one row, so they are named
    if remainder:
        rest = f"⌊{top}⌋ + 1 = ⌊{padded - extent}/{stride}⌋ + 1"
        return Step(rest, result, f"a remainder of {remainder} is dropped", "", WINDOW, tuple(first))
    return Step(f"{top} + 1", result, formula=WINDOW, first=tuple(first))


def transposed_steps(
    spatial: Shape, window: Shape, stride: Shape, crops: Sequence[tuple[int, int]], *, same: bool
) -> tuple[Step, ...]:
    """The output size of a transposed window along each dimension."""
    return tuple(
        _transposed_step(n, w, s, crop, same=same)
        for n, w, s, crop in zip(spatial, window, stride, crops, strict=True)
    )


def _transposed_step(size: int, window: int, stride: int, crop: tuple[int, int], *, same: bool) -> Step:
    first: tuple[tuple[str, Step], ...] = ()
    if same:
        # a window smaller than the stride leaves rows out, which are added instead of cropped
        before, after = same_cropping(window, stride)
        note = f"{before} before and {after} after" if after >= 0 else f"negative: {-after} are added after"
        first = (("cropping", Step(f"{window} − {stride}", window - stride, note)),)
    expression = f"{stride}·({size} − 1) + {window}{_added(crop, '−')}"
    return Step(expression, transposed_output(size, window, stride, sum(crop)), "", "", TRANSPOSED, first)


def scaling_step(size: int, factor: float) -> Step:
    """A size times a factor, rounded down."""
    result = int(size * factor)
    product = Fraction(str(factor)) * size
    # a float differs from the decimals that print it: 3 times 1/3 is 1, and 380 times 9.45 is below 3591
    if product < result:
        return Step(f"{size}·{Fraction(result, size)}", result)
    digits = f"{factor:.20g}" if product >= result + 1 else str(factor)
    text = f"{size}·{int(factor) if factor == int(factor) else digits}"
    return Step(text if product == result else f"⌊{text}⌋", result)


def sum_step(numbers: Sequence[int], note: str) -> Step:
    """The sum of several numbers."""
    return Step(" + ".join(map(str, numbers)), sum(numbers), note)


def broadcast_step(numbers: Sequence[int]) -> Step:
    """Numbers that are equal or 1; those of 1 are expanded to the largest."""
    if len(set(numbers)) == 1:
        return constant_step(numbers[0], "the same in all inputs")
    return Step(f"max({', '.join(map(str, numbers))})", max(numbers), "1 is expanded")


def product_text(numbers: Sequence[int]) -> str:
    """A product in words: ``3·3·64``."""
    return "·".join(map(str, numbers))


def _added(margin: tuple[int, int], sign: str) -> str:
    # equal margins are one term, 2·100; other margins are one term per side
    before, after = margin
    if before == after:
        return f" {sign} 2·{before}" if before else ""
    other = "+" if sign == "−" else "−"
    return "".join(f" {sign if n > 0 else other} {abs(n)}" for n in margin if n)


def _signed(number: int) -> str:
    return f"−{-number}" if number < 0 else str(number)
