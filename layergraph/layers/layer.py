"""Layer: what every layer says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

from layergraph.errors import SizeError, WrongTypeError
from layergraph.layers.arithmetic import Step, unchanged_steps
from layergraph.layers.memory_rule import NOTHING, Amount, SavedForBackward
from layergraph.layers.receptive_field_rule import IDENTITY_RULE, RulesByPort
from layergraph.sizes import MAX_SIZE, Size
from layergraph.sizes import Shape as Shape
from layergraph.weights import Weights

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True, repr=False)
class Layer:
    """A layer of a network: an immutable description that knows its sizes by arithmetic.

    A layer type is one class. It says its ports, its type and wording in tables, its output sizes
    and learnables from its input sizes, and how to make its torch module, and imports torch only there.

    Args:
        name: unique in a graph; left empty, the graph gives MATLAB's default name.
        weights: tensors that the compiled module starts from; put there by a trained network. Layers that
            learn take NumPy arrays in MATLAB's order too, where their own documentation says so.
    """

    type: ClassVar[str]
    default_name: ClassVar[str]
    is_input: ClassVar[bool] = False
    is_output: ClassVar[bool] = False
    # ports that carry no image but what another layer remembers; one connects only to one of its name
    memory_ports: ClassVar[frozenset[str]] = frozenset()

    # whether autograd keeps the input, or the result, for the backward pass
    saves_input: ClassVar[bool] = False
    saves_output: ClassVar[bool] = False
    # whether the gradient of the result serves as that of the inputs, or holds it
    passes_gradient_on: ClassVar[bool] = False
    # whether weights may be NumPy arrays in MATLAB's order
    accepts_arrays: ClassVar[bool] = False

    name: str = ""
    weights: Weights | None = field(default=None)

    def __new__(cls, *args: Any, weights: object = None, **options: Any) -> Self:
        # here, since what a class sets up for itself after its dataclass need not call another's
        if not (weights is None or isinstance(weights, Weights) or cls.accepts_arrays):
            raise WrongTypeError(
                f"{cls.__name__}: weights must be Weights, got {type(weights).__name__}; attach tensors in "
                "torch's order: weights=Weights({'weight': ..., 'bias': ...}), from layergraph"
            )
        return super().__new__(cls)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The input ports."""
        return ("in",)

    @cached_property
    def input_positions(self) -> Mapping[str, int]:
        """The place of each input port: found at once, also among thousands."""
        return {port: index for index, port in enumerate(self.input_names)}

    @property
    def output_names(self) -> tuple[str, ...]:
        """The output ports."""
        return ("out",)

    @property
    def description(self) -> str:
        """One line for the table, in MATLAB's words."""
        return self.type

    @property
    def note(self) -> str:
        """A sentence for those who use the layer, shown where there is room; most have none."""
        return ""

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        """The size of each output, from those of the inputs in the order of ``input_names``.

        Raises:
            SizeError: inputs that this layer cannot take.
        """
        return (inputs[0],)

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        """Where the size of each output comes from: a step for each of its numbers, the batch aside.

        A window that does not fit gives a number below 1 here, no error.

        Raises:
            SizeError: inputs for which there is no arithmetic.
        """
        return tuple(map(unchanged_steps, self.output_sizes(inputs)))

    def learnables(self, inputs: Sequence[Size]) -> dict[str, Shape]:
        """Names and sizes of what training learns, dimensions in MATLAB's order."""
        return {}

    def states(self, inputs: Sequence[Size]) -> dict[str, Shape]:
        """Names and sizes of what training keeps besides, dimensions in MATLAB's order."""
        return {}

    def factors(self) -> dict[str, tuple[float, float]]:
        """For each parameter of the torch module its learn-rate and L2 factor, where not 1 and 1."""
        return {}

    def multiply_adds(self, inputs: Sequence[Size]) -> int:
        """Multiplications, each with an addition, of one observation, in inference.

        As torch's ``FlopCounterMode`` counts (it counts two operations for each): convolutions and fully
        connected layers, without their biases; everything else is nothing beside them.
        """
        return 0

    def shares_memory(self, inputs: Sequence[Size], training: bool) -> bool:
        """Whether the output is the first input itself, or a part of it that takes no memory of its own."""
        return False

    def output_memory(self, inputs: Sequence[Size]) -> tuple[Amount, ...]:
        """The memory of each output; where it is shared with the input, it is counted there."""
        return tuple(Amount(size.num_elements) for size in self.output_sizes(inputs))

    def workspace(self, inputs: Sequence[Size]) -> Amount:
        """Memory that is taken during inference and free again with the result, such as a padded copy.

        What a library takes inside one operation is not known here.
        """
        return NOTHING

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        """What autograd keeps in training; ``gradients`` says which inputs need one."""
        return SavedForBackward(
            self.input_names * self.saves_input, self.output_names[:1] * self.saves_output
        )

    def saved_by_loss(self, inputs: Sequence[Size], from_logits: bool) -> SavedForBackward:
        """What the loss of an output layer keeps of its scores, or of what comes before a softmax."""
        return SavedForBackward()

    def receptive_field_rules(self, inputs: Sequence[Size]) -> RulesByPort | None:
        """Which positions of its inputs an output position sees, in each dimension, by input port.

        A port that is missing is not looked at, but for its size. ``None``: not known.
        """
        ports = zip(self.input_names, inputs, strict=True)
        return {port: (IDENTITY_RULE,) * len(size.spatial) for port, size in ports}

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        """A new torch module that computes this layer; called with one tensor an input port."""
        raise NotImplementedError

    def __repr__(self) -> str:
        shown = []
        for item in sorted(fields(self), key=lambda item: item.kw_only is True):
            value = getattr(self, item.name)
            if item.name == "weights" or value == item.default:
                continue
            shown.append(f"{item.name}={value!r}" if item.kw_only else repr(value))
        if self.weights is not None:
            shown.append("with weights")
        return f"{type(self).__name__}({', '.join(shown)})"

    def _set(self, **values: Any) -> None:
        """Store normalized arguments while the layer is being made."""
        for name, value in values.items():
            object.__setattr__(self, name, value)


def expect_spatial(size: Size, rank: int) -> None:
    """Raise unless ``size`` has this number of spatial dimensions."""
    if len(size.spatial) != rank:
        kinds = {0: "a vector", 2: "an image (2 spatial dimensions)", 3: "a volume (3 spatial dimensions)"}
        raise SizeError("LG-DIMENSIONS", f"the layer takes {kinds[rank]}, its input is {size}")


def bracketed(numbers: Sequence[int]) -> str:
    """Numbers as MATLAB writes a row: ``[1 1]``."""
    return f"[{' '.join(map(str, numbers))}]"


def compute_output_sizes(layer: Layer, inputs: Sequence[Size]) -> tuple[Size, ...]:
    """The output sizes of a layer, checked to be sizes that a tensor can have.

    Raises:
        SizeError: the inputs do not fit, or an output has more elements than a 64-bit number can count.
    """
    try:
        sizes = layer.output_sizes(inputs)
    except OverflowError:  # a factor so large that the product is infinite
        raise _too_large("an infinite number of") from None
    for size in sizes:
        if size.num_elements > MAX_SIZE:
            raise _too_large("more than 2^63 - 1")
    return sizes


def _too_large(number: str) -> SizeError:
    return SizeError(
        "LG-TOO-LARGE",
        f"its output has {number} elements, which no tensor can hold",
        advice="use smaller images, strides, scales or sizes",
    )
