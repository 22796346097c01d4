"""ModuleLayer: any torch module as a layer."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from layergraph.amounts import Amount
from layergraph.errors import WrongTypeError
from layergraph.layers.arithmetic import Step, constant_step
from layergraph.layers.fields import NUM_PORTS
from layergraph.layers.layer import Kind, Layer, Shape
from layergraph.layers.receptive_field_rule import RulesByPort
from layergraph.layers.saved_for_backward import SavedForBackward
from layergraph.sizes import Size, image_size

if TYPE_CHECKING:
    from torch import nn

    from layergraph.modules.probe import MeasuredMemory


@dataclass(frozen=True, repr=False)
class ModuleLayer(Layer):
    """A layer that computes any ``torch.nn.Module``.

    Its sizes come from a run of a copy without data, on the device of its weights; where its code depends on
    values, as in ``if x.max() > 0``, from a run of one observation with data (finding LG-MEASURED). The
    module itself is never run, moved or changed. Each compiled network gets a copy of it, weights included,
    which copies an input before it writes to it. Layers with the same module, or with modules that have
    parts or parameters in common, share them in the compiled network.

    Args:
        module: takes one tensor per input, (batch, channels, height, width), and returns a tensor, or a tuple
            with one tensor per output.
        num_inputs, num_outputs: number of ports; these are ``in`` or ``in1``, ``in2``, ...; ``out`` or
            ``out1``, ...

    >>> from torch import nn
    >>> from layergraph import ModuleLayer
    >>> from layergraph.sizes import image_size
    >>> layer = ModuleLayer(nn.Conv2d(3, 8, 3), name="stem")
    >>> print(layer.output_sizes([image_size((32, 32), 3)])[0])
    30(S) × 30(S) × 8(C) × 1(B)
    """

    default_name: ClassVar[str] = "module"
    kind: ClassVar[Kind] = "module"

    module: nn.Module
    _: KW_ONLY
    num_inputs: int = field(default=1, metadata=NUM_PORTS)
    num_outputs: int = field(default=1, metadata=NUM_PORTS)

    def __post_init__(self) -> None:
        from torch import nn

        super().__post_init__()
        if not isinstance(self.module, nn.Module):
            raise WrongTypeError(
                f"ModuleLayer: module must be a torch.nn.Module, got {type(self.module).__name__}"
            )

    # a property, because each object has the type of its own module
    @property
    def type(self) -> str:  # type: ignore[override]
        return type(self.module).__name__

    @property
    def input_names(self) -> tuple[str, ...]:
        return ("in",) if self.num_inputs == 1 else tuple(f"in{i + 1}" for i in range(self.num_inputs))

    @property
    def output_names(self) -> tuple[str, ...]:
        return ("out",) if self.num_outputs == 1 else tuple(f"out{i + 1}" for i in range(self.num_outputs))

    @classmethod
    def example(cls) -> tuple[Layer, list[Size]]:
        from torch import nn

        return cls(nn.Conv2d(3, 4, 3)), [image_size((5, 7), 3)]

    @property
    def description(self) -> str:
        return f"torch module {type(self.module).__module__}.{type(self.module).__qualname__}"

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        from layergraph.modules.module_outputs import output_shapes

        shapes = output_shapes(self.module, [size.tensor_shape for size in inputs], self.num_outputs)
        # torch's shapes begin with batch and channels
        return tuple(image_size(shape[2:], shape[1]) for shape in shapes)

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        sizes = self.output_sizes(inputs)
        # no formula is known, so the explanation says how the numbers were measured
        note = f"measured by a run of the module with{'' if self.is_measured(inputs) else 'out'} data"
        return tuple(tuple(constant_step(number, note) for number in size.shape[:-1]) for size in sizes)

    def is_measured(self, inputs: Sequence[Size]) -> bool:
        """Whether its sizes and costs come from a run with data, because its code depends on values."""
        from layergraph.modules.behavior import needs_data

        return needs_data(self.module, [size.tensor_shape for size in inputs])

    def gives_probabilities(self, inputs: Set[bool | None]) -> bool | None:
        # the values of a module are not known without a run
        return None

    def learnables(self, inputs: Sequence[Size]) -> dict[str, Shape]:
        """The module's parameters with their torch shapes."""
        # in torch's order: which dimension is which, only the module knows
        return {name: tuple(tensor.shape) for name, tensor in self.module.named_parameters()}

    def states(self, inputs: Sequence[Size]) -> dict[str, Shape]:
        """The module's buffers with their torch shapes."""
        return {name: tuple(tensor.shape) for name, tensor in self.module.named_buffers()}

    def multiply_adds(self, inputs: Sequence[Size]) -> int:
        from layergraph.modules.probe import multiply_adds

        return multiply_adds(self.module, [size.tensor_shape for size in inputs])

    def shares_memory(self, inputs: Sequence[Size], training: bool) -> bool:
        return self._memory(inputs, training).shares

    def output_memory(self, inputs: Sequence[Size]) -> tuple[Amount, ...]:
        return self._memory(inputs, training=False).outputs

    def workspace(self, inputs: Sequence[Size]) -> Amount:
        return self._memory(inputs, training=False).workspace

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        # in training, because parts such as dropout save nothing in evaluation
        memory = self._memory(inputs, training=True)
        saved_inputs = tuple(self.input_names[index] for index in memory.saved_inputs)
        saved_outputs = tuple(self.output_names[index] for index in memory.saved_outputs)
        return SavedForBackward(saved_inputs, saved_outputs, memory.other_saved)

    def _memory(self, inputs: Sequence[Size], training: bool) -> MeasuredMemory:
        from layergraph.modules.probe import memory

        return memory(self.module, [size.tensor_shape for size in inputs], training=training)

    def receptive_field_rules(self, inputs: Sequence[Size]) -> RulesByPort | None:
        return None  # only a run shows the positions that a module reads

    def torch_module(self, inputs: Sequence[Size], memo: dict[int, Any] | None = None) -> Any:
        """A copy of the module; ``memo`` (of ``copy.deepcopy``) has the parts that other layers share."""
        # not a plain deep copy: the copy must leave inputs unchanged that other layers read too
        from layergraph.modules.copying import network_copy

        return network_copy(self.module, [size.tensor_shape for size in inputs], memo)
