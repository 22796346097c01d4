"""Layer: the abstract base of all layers, with everything that the rest of the package asks of a layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from layergraph.amounts import NOTHING, Amount
from layergraph.errors import SizeError, WrongTypeError
from layergraph.layers.arithmetic import Step, unchanged_steps
from layergraph.layers.fields import converters
from layergraph.layers.receptive_field_rule import IDENTITY_RULE, RulesByPort
from layergraph.layers.saved_for_backward import SavedForBackward
from layergraph.sizes import MAX_SIZE, Size
from layergraph.sizes import Shape as Shape
from layergraph.weights import Weights

if TYPE_CHECKING:
    from torch import nn

Kind = Literal[
    "input",
    "convolution",
    "transposed convolution",
    "normalization",
    "activation",
    "pooling",
    "unpooling",
    "joining",
    "resizing",
    "output",
    "module",
    "other",
]


@dataclass(frozen=True, kw_only=True, repr=False)
class Layer:
    """A layer of a network: an immutable description that knows its sizes by arithmetic.

    A layer type is one class. It states its ports, its type and description in tables, its output sizes,
    learnables and costs for given input sizes, and how to make its torch module; only that imports torch.

    Args:
        name: unique in a graph; a graph gives MATLAB's default name to a layer without one.
        weights: tensors that the compiled module starts from; a trained network attaches them. Layers with
            learnable parameters accept NumPy arrays in MATLAB's order too, where their documentation says so.
    """

    type: ClassVar[str]
    default_name: ClassVar[str]
    kind: ClassVar[Kind] = "other"
    is_input: ClassVar[bool] = False
    is_output: ClassVar[bool] = False
    # ports that carry no image but the memory of another layer; one connects only to a port of its name
    memory_ports: ClassVar[frozenset[str]] = frozenset()
    # whether a reader sees it as part of the layer upstream, as a ReLU of its convolution
    is_part_of_previous: ClassVar[bool] = False

    # whether the outputs are from 0 to 1 where the inputs are; None: only a run shows
    keeps_probabilities: ClassVar[bool | None] = False
    # whether scores stay scores (moved, averaged, scaled), so that the layer that computes them is upstream
    passes_scores_on: ClassVar[bool] = False

    # whether autograd saves the inputs, or the result, for the backward pass
    saves_input: ClassVar[bool] = False
    saves_output: ClassVar[bool] = False
    # whether the gradient of the result is that of the inputs, or has it as a part
    passes_gradient_on: ClassVar[bool] = False
    # whether weights may be NumPy arrays in MATLAB's order
    accepts_arrays: ClassVar[bool] = False
    # whether it reads an image as one vector, so that height and width decide its number of inputs
    flattens: ClassVar[bool] = False

    # MATLAB's earlier names of arguments, with the names of the fields
    older_names: ClassVar[Mapping[str, str]] = {}

    # an example for tests and tutorials: positional arguments, and (height, width, channels) per input
    example_arguments: ClassVar[tuple[Any, ...]] = ()
    example_inputs: ClassVar[tuple[Shape, ...]] = ((5, 7, 3),)

    name: str = ""
    weights: Weights | None = field(default=None)

    def __post_init__(self) -> None:
        # before any check: subclasses call this first, and then see normal forms alone
        for argument, convert in converters(type(self)):  # type: ignore[arg-type]
            self._set(argument, convert(self, argument, getattr(self, argument)))
        if not (self.weights is None or isinstance(self.weights, Weights) or self.accepts_arrays):
            raise WrongTypeError(
                f"{type(self).__name__}: weights must be Weights, got {type(self.weights).__name__}; attach "
                "tensors in torch's order: weights=Weights({'weight': ..., 'bias': ...}), from layergraph"
            )

    def _set(self, argument: str, value: Any) -> None:
        """Store the normal form of an argument while the layer is made; afterwards a layer never changes."""
        object.__setattr__(self, argument, value)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The input ports."""
        return ("in",)

    @cached_property
    def input_positions(self) -> Mapping[str, int]:
        """The index of each input port; a search would be slow among thousands of ports."""
        return {port: index for index, port in enumerate(self.input_names)}

    @property
    def output_names(self) -> tuple[str, ...]:
        """The output ports."""
        return ("out",)

    @property
    def value_ports(self) -> tuple[str, ...]:
        """The input ports whose numbers the output is computed from; of the others only the size counts."""
        return self.input_names

    @property
    def description(self) -> str:
        """One line for the table, in MATLAB's words."""
        return self.type

    @property
    def note(self) -> str:
        """A sentence for users of the layer, shown where there is room; most layers have none."""
        return ""

    @classmethod
    def example(cls) -> tuple[Layer, list[Size]]:
        """A layer of this class and input sizes that it accepts."""
        sizes = [Size((*shape, 1), "S" * (len(shape) - 1) + "CB") for shape in cls.example_inputs]
        return cls(*cls.example_arguments), sizes

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        """The size of each output for input sizes in the order of ``input_names``.

        Raises:
            SizeError: the layer cannot take these inputs.
        """
        return (inputs[0],)

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        """The arithmetic of each output size: one step per number, without the batch.

        A window that does not fit gives a number below 1 here, no error.

        Raises:
            SizeError: there is no arithmetic for these inputs.
        """
        return tuple(map(unchanged_steps, self.output_sizes(inputs)))

    def relaxations(self, inputs: Sequence[Size]) -> Iterator[tuple[Layer, Sequence[Size]]]:
        """Small changes of this layer, or of inputs that it cannot take, after which they may fit.

        Size inference goes on downstream of a fault with their sizes; the likeliest comes first.
        """
        return iter(())

    def with_same_padding(self) -> Layer | None:
        """This layer with padding that fits images of every size, where it has such padding."""
        return None

    def gives_probabilities(self, inputs: Set[bool | None]) -> bool | None:
        """Whether all outputs are from 0 to 1, from the same of the inputs; ``None``: only a run shows."""
        if self.keeps_probabilities is False:
            return False
        if inputs == {True}:
            return self.keeps_probabilities
        # with some inputs unknown, or only some in the range, no rule holds for the outputs
        return False if inputs == {False} else None

    def learnables(self, inputs: Sequence[Size]) -> dict[str, Shape]:
        """Names and shapes of the parameters that training learns, dimensions in MATLAB's order."""
        return {}

    def states(self, inputs: Sequence[Size]) -> dict[str, Shape]:
        """Names and shapes of the statistics that training collects, dimensions in MATLAB's order."""
        return {}

    def factors(self) -> dict[str, tuple[float, float]]:
        """The learn-rate and L2 factor of parameters of the torch module; those left out have 1 and 1."""
        return {}

    def multiply_adds(self, inputs: Sequence[Size]) -> int:
        """Multiplications, each with an addition, of one observation in inference.

        As torch's ``FlopCounterMode`` counts (two operations for each), only convolutions and fully connected
        layers count, without their biases: the other layers are negligible beside them.
        """
        return 0

    def shares_memory(self, inputs: Sequence[Size], training: bool) -> bool:
        """Whether the output is the first input itself or a view of it, without memory of its own."""
        return False

    def output_memory(self, inputs: Sequence[Size]) -> tuple[Amount, ...]:
        """The memory of each output; memory shared with the input is counted at the input."""
        return tuple(Amount(size.num_elements) for size in self.output_sizes(inputs))

    def workspace(self, inputs: Sequence[Size]) -> Amount:
        """Memory that exists only while the layer runs in inference, such as a padded copy.

        The workspace of a library inside one operation is not known here.
        """
        return NOTHING

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        """What autograd saves in training; ``gradients`` states which inputs need a gradient."""
        # a tuple times a bool is the tuple or empty
        inputs_saved = self.input_names * self.saves_input
        return SavedForBackward(inputs_saved, self.output_names[:1] * self.saves_output)

    def saved_by_loss(self, inputs: Sequence[Size], from_logits: bool) -> SavedForBackward:
        """What autograd saves for the loss; ``from_logits``: softmax and loss are one step."""
        return SavedForBackward()

    def receptive_field_rules(self, inputs: Sequence[Size]) -> RulesByPort | None:
        """The positions of its inputs that an output position depends on, per input port and dimension.

        A port that is missing gives only its size. ``None``: not known.
        """
        ports = zip(self.input_names, inputs, strict=True)
        return {port: (IDENTITY_RULE,) * len(size.spatial) for port, size in ports}

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        """A new torch module that computes this layer from one tensor per input port."""
        raise NotImplementedError

    def __repr__(self) -> str:
        shown = []
        # a stable sort: positional arguments come first, each group in the order of its fields
        for item in sorted(fields(self), key=lambda item: item.kw_only is True):
            value = getattr(self, item.name)
            # weights may be millions of numbers; what has its default value need not be written
            if item.name == "weights" or value == item.default:
                continue
            shown.append(f"{item.name}={value!r}" if item.kw_only else repr(value))
        if self.weights is not None:
            shown.append("with weights")
        return f"{type(self).__name__}({', '.join(shown)})"


def expect_spatial(size: Size, rank: int) -> None:
    """Raise unless ``size`` has this number of spatial dimensions."""
    if len(size.spatial) != rank:
        kinds = {0: "a vector", 2: "an image (2 spatial dimensions)", 3: "a volume (3 spatial dimensions)"}
        raise SizeError("LG-DIMENSIONS", f"the layer takes {kinds[rank]}, its input is {size}")


def bracketed(numbers: Sequence[int]) -> str:
    """Numbers as MATLAB writes a row: ``[1 1]``."""
    return f"[{' '.join(map(str, numbers))}]"


def compute_output_sizes(layer: Layer, inputs: Sequence[Size]) -> tuple[Size, ...]:
    """The output sizes of a layer, each of which a tensor can have.

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
