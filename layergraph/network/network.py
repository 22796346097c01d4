"""Network: a compiled LayerGraph, a torch module that walks a frozen plan."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, Self

import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn
from typing_extensions import TypeVar

from layergraph.errors import DataError, InvalidNetworkError, LayergraphError, UnknownPortError
from layergraph.graph.draft import End
from layergraph.graph.graph import Graph
from layergraph.graph.nearest_sizes import misfit
from layergraph.graph.probabilities import missing_softmax, output_scores
from layergraph.graph.size_inference import network_outputs
from layergraph.issues import Issue
from layergraph.layers.activation import SoftmaxLayer
from layergraph.layers.output import ClassOutput
from layergraph.network.modes import inference
from layergraph.network.own_code import with_own_code
from layergraph.network.plan import Plan, make_plan
from layergraph.network.tensors import to_images, to_tensor
from layergraph.weights import Weights
from layergraph.wording import counted, listed, quoted

G = TypeVar("G", bound=Graph, default=Graph, covariant=True)


class Network(nn.Module, Generic[G]):
    """A layer graph as a torch module; made by :meth:`layergraph.LayerGraph.compile`.

    ``net(x)`` takes one tensor (batch, channels, height, width) for each input layer, in the order of
    ``input_names``, and returns the scores of each output layer (class probabilities after a softmax), a
    tuple if there are several. Without output layers it returns what feeds nothing.

    ``net(x)`` wants pixels in the range of the training images, 0 to 255 for 8-bit images: the input layer
    normalizes them, so divide by 255 only if the training images were. :meth:`predict` takes NumPy images
    in the same range.

    A network comes in evaluation mode if weights were attached to every layer that learns (a loaded or
    trained graph), and else in training mode, as torch's new modules; ``print(net)`` says which.

    Keys of the state dict are layer names. (A name that ``nn.Module`` needs itself, such as ``train``,
    gets an underscore after it; quotes, brackets, commas and the like become underscores.)
    """

    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    _plan: Plan
    _loss_plan: Plan | None = None
    _loss_issues: tuple[Issue, ...] = ()

    def __new__(cls, *arguments: object, **options: object) -> Self:
        return object.__new__(with_own_code(cls))

    def __init__(self, lgraph: G, modules: dict[str, nn.Module]) -> None:
        super().__init__()
        # every attribute before the layers, so that no layer takes its name
        self._lgraph = lgraph
        self._keys: dict[str, tuple[str, ...]] = {}
        self.input_names = lgraph.input_names
        self.output_names = tuple(network_outputs(lgraph))
        self._plan = Plan((), 0, (), ())
        for name, module in modules.items():
            self._keys[name] = self._register(name, module)
        results = [End(n, (*lgraph[n].output_names, "out")[0]) for n in self.output_names]
        self._plan = make_plan(lgraph, results, self._keys)
        if lgraph.output_names:
            self._loss_plan = self._plan_loss()
            self._loss_issues = tuple(missing_softmax(lgraph))

    def _register(self, name: str, module: nn.Module) -> tuple[str, ...]:
        """Put a layer's module in its place; a name with dots is a path, as everywhere in torch."""
        name = _safe_key(name)
        parts = name.split(".")
        # torch walks nested modules by recursion, which ends at some depth
        nested = all(parts) and len(parts) <= _DEEPEST
        *path, last = parts if nested else [name.replace(".", "_")]
        owner: nn.Module = self
        keys = []
        for part in path:
            keys.append(_free_key(owner, part, folder=True))
            if keys[-1] not in owner._modules:
                owner.add_module(keys[-1], Folder())
            owner = owner.get_submodule(keys[-1])
        keys.append(_free_key(owner, last))
        owner.add_module(keys[-1], module)
        return tuple(keys)

    def _plan_loss(self) -> Plan:
        """The plan of what the losses start from: the scores before a softmax, where there is one."""
        starts, found = [], output_scores(self._lgraph)
        for name in self._lgraph.output_names:
            (source,) = self._lgraph.sources(name).values()
            module: Any = self.layer_module(name)
            module.from_logits = isinstance(self._lgraph[source.layer], SoftmaxLayer)
            if module.from_logits:
                (source,) = self._lgraph.sources(source.layer).values()
            elif isinstance(self._lgraph[name], ClassOutput):
                module.checked = found[name] is None
            starts.append(source)
        return make_plan(self._lgraph, starts, self._keys)

    def layer_module(self, name: str) -> nn.Module:
        """The torch module of a layer.

        Raises:
            UnknownLayerError: no layer has that name.
        """
        return self.get_submodule(self.layer_key(name))

    def layer_key(self, name: str) -> str:
        """What the names of a layer's tensors begin with in the state dict, before a dot.

        Raises:
            UnknownLayerError: no layer has that name.

        >>> from layergraph import ImageInputLayer, LayerGraph, ScalingLayer
        >>> net = LayerGraph([ImageInputLayer((8, 8, 1)), ScalingLayer(2, name="train")]).compile()
        >>> net.layer_key("train")  # a method of torch modules
        'train_'
        """
        self._lgraph[name]
        return ".".join(self._keys[name])

    def extra_repr(self) -> str:
        mode = "training" if self.training else "evaluation"
        return f"in {mode} mode, inputs: {listed(self.input_names)}, outputs: {listed(self.output_names)}"

    # -- running -------------------------------------------------------------------------------

    def forward(self, x: Tensor) -> Any:
        return self._run(self._plan, (x,))

    def _run(self, plan: Plan, inputs: Sequence[Tensor]) -> Any:
        slots: list[Any] = [None] * plan.num_slots
        for index, slot in enumerate(plan.inputs):
            slots[slot] = inputs[index]
        modules: Any = self._modules
        for key, path, ins, outs, free in plan.rows:
            module = modules[key]
            for part in path:
                module = module._modules[part]
            if len(ins) == 1:
                result = module(slots[ins[0]])
            else:
                result = module(*[slots[slot] for slot in ins])
            if len(outs) == 1:
                slots[outs[0]] = result
            else:
                for index, slot in enumerate(outs):
                    slots[slot] = result[index]
            for slot in free:
                slots[slot] = None
        if len(plan.results) == 1:
            return slots[plan.results[0]]
        return tuple([slots[slot] for slot in plan.results])

    def loss(self, x: Tensor | Sequence[Tensor], target: Tensor | Sequence[Tensor]) -> Tensor:
        """The loss of the output layers (their sum, if several), as a scalar tensor.

        A softmax before an output layer is computed together with the loss, in one stable step.

        Args:
            x: the input, or one for each input layer.
            target: class indices (batch, height, width) for pixel classification, 255 where unlabelled
                (-100 where there are more than 255 classes); class indices (batch,) for classification; for
                regression a tensor like the output. One for each output layer, if several.

        The loss is summed in float32 where the network computes in float16 or bfloat16. On a GPU an index
        that no class has ends the program with an assertion of torch, since looking for it would wait for
        the GPU; on the CPU it is a ``DataError``.

        Raises:
            DataError: targets of another shape, or class indices that no class has.
            InvalidNetworkError: a cross-entropy without a softmax before it (LG-NO-SOFTMAX).
            LayergraphError: the network has no output layer.

        >>> import torch
        >>> from layergraph.builders import segnet_layers
        >>> net = segnet_layers((32, 32, 1), 2, 1).compile()
        >>> net.loss(torch.zeros(4, 1, 32, 32), torch.zeros(4, 32, 32, dtype=torch.uint8)).shape
        torch.Size([])
        """
        return self.loss_and_scores(x, target)[0]

    def loss_and_scores(
        self, x: Tensor | Sequence[Tensor], target: Tensor | Sequence[Tensor]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The loss, and what each output layer's loss started from: scores before a softmax.

        For the accuracy of a mini-batch at no further cost: softmax does not change which is largest.
        """
        if self._loss_issues:
            raise InvalidNetworkError(self._loss_issues, "the loss of the network cannot be computed")
        scores = self._before_softmax((x,) if isinstance(x, Tensor) else x)
        targets = (target,) if isinstance(target, Tensor) else target
        if len(targets) != len(scores):
            raise DataError(
                f"the loss takes {counted(len(scores), 'target')}, one an output layer, got {len(targets)}"
            )
        losses = []
        for name, score, wanted in zip(self._lgraph.output_names, scores, targets, strict=True):
            module: Any = self.layer_module(name)
            losses.append(module.loss(score, wanted))
        total = losses[0]
        for loss in losses[1:]:
            total = total + loss
        return total, scores

    def logits(self, *inputs: Tensor) -> Any:
        """What the losses start from: the scores before a softmax, where an output layer has one before it.

        Takes the inputs of ``net(x)``, in whatever mode the network is. Returns one tensor for each output
        layer, a tuple if there are several; an output layer without a softmax gives its own scores.

        >>> import torch
        >>> from layergraph.builders import segnet_layers
        >>> net, x = segnet_layers((32, 32, 1), 2, 1).compile().eval(), torch.zeros(1, 1, 32, 32)
        >>> torch.equal(net.logits(x).softmax(dim=1), net(x))
        True
        """
        scores = self._before_softmax(inputs)
        return scores if len(scores) > 1 else scores[0]

    def _before_softmax(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        if self._loss_plan is None:
            raise LayergraphError(
                "the network has no output layer, so it has no loss; add one to the graph, such as a "
                "PixelClassificationLayer, or compute a loss from net(x)"
            )
        self._expect_inputs(len(inputs))
        result = self._run(self._loss_plan, inputs)
        return result if isinstance(result, tuple) else (result,)

    def activations(self, x: Tensor | NDArray[Any] | Sequence[Any], layer: str | Sequence[str]) -> Any:
        """What one layer computes (or several: a list), in inference mode and without gradients.

        Only the layers it needs are run. ``layer`` is a name, or ``"layer/port"``; ``x`` is a tensor, and
        so is the result, or NumPy images (height, width, channels), and so is the result. Several inputs
        come as a sequence.

        Raises:
            UnknownLayerError, UnknownPortError: a name that does not exist.

        >>> import torch
        >>> from layergraph.builders import unet_layers
        >>> net = unet_layers((32, 32, 1), 2, encoder_depth=2)[0].compile()
        >>> net.activations(torch.zeros(1, 1, 32, 32), "Bridge-ReLU-2").shape
        torch.Size([1, 256, 8, 8])
        """
        wanted = [layer] if isinstance(layer, str) else list(layer)
        plan = make_plan(self._lgraph, [self._end(text) for text in wanted], self._keys)
        inputs: list[Any] = [*x] if isinstance(x, (tuple, list)) else [x]
        tensors, single = self.to_tensors(*inputs)
        with inference(self), self._explained(tensors):
            result = self._run(plan, tensors)
        results: list[Any] = [*result] if isinstance(result, tuple) and len(wanted) > 1 else [result]
        if not all(isinstance(item, Tensor) for item in inputs):
            results = [to_images(r, single) if isinstance(r, Tensor) else r for r in results]
        return results[0] if isinstance(layer, str) else results

    def _end(self, text: str) -> End:
        name, slash, port = text.partition("/")
        ports = self._lgraph[name].output_names or ("out",)
        if slash and port not in ports:
            raise UnknownPortError(f"layer {name!r} has no output {port!r}; it has {', '.join(ports)}")
        return End(name, port or ports[0])

    def predict(self, *images: NDArray[Any], dropout: bool = False) -> Any:
        """Scores of NumPy images, in inference mode and without gradients.

        Args:
            images: (height, width, channels) or (batch, height, width, channels) for each input layer,
                8-bit or any numbers, in the range of the training images (0 to 255 for 8-bit images);
                (height, width) for one gray image.
            dropout: keep dropout as it is in training, and all else in inference mode: each call is then
                another sample, drawn from torch's random numbers (``torch.manual_seed`` before it makes it
                repeatable). In a module of your own, ``nn.Dropout`` counts, ``F.dropout`` does not.

        Returns:
            Scores with the classes last, (height, width, classes) or with the batch in front; a tuple if
            there are several outputs. They are float64 from a network of float64 weights, else float32.

        Raises:
            DataError, WrongTypeError: images that the input layers do not take.
            ArgumentError: ``dropout`` for a network without.

        >>> import numpy as np
        >>> from layergraph.builders import segnet_layers
        >>> net = segnet_layers((32, 32, 1), 2, 1).compile()
        >>> net.predict(np.zeros((33, 35), np.uint8)).shape
        (33, 35, 2)
        """
        tensors, single = self.to_tensors(*images)
        with inference(self, dropout=dropout), self._explained(tensors):
            result = self._run(self._plan, tensors)
        if isinstance(result, tuple):
            return tuple(to_images(scores, single) for scores in result)
        return to_images(result, single)

    def expect_sizes(self, *sizes: Sequence[int]) -> None:
        """Raise where the layers cannot take images of these sizes, (height, width) for each input layer.

        Without running anything. The error names the layer, and the nearest sizes that fit.

        Raises:
            DataError: the images do not fit.

        >>> from layergraph.builders import unet_layers
        >>> net = unet_layers((32, 32, 1), 2, encoder_depth=2, num_first_encoder_filters=4)[0].compile()
        >>> net.expect_sizes((36, 40))
        """
        self._expect_inputs(len(sizes))
        text = misfit(self._lgraph, dict(zip(self.input_names, map(tuple, sizes), strict=True)))
        if text:
            raise DataError(text)

    @contextmanager
    def _explained(self, tensors: Sequence[Tensor]) -> Iterator[None]:
        """Say of images that the layers cannot take which layer it is, where torch only has its numbers."""
        try:
            yield
        except RuntimeError as error:
            try:
                self.expect_sizes(*(tensor.shape[2:] for tensor in tensors))
            except DataError as reason:
                raise reason from error
            raise

    def _expect_inputs(self, count: int) -> None:
        if count != len(self.input_names):
            raise DataError(
                f"the network takes {counted(len(self.input_names), 'input')} "
                f"({', '.join(self.input_names)}), got {count}"
            )

    def to_tensors(self, *images: NDArray[Any] | Tensor) -> tuple[list[Tensor], bool]:
        """Images as ``net(x)`` takes them; and whether they are single images rather than batches.

        One for each input layer. Each tensor is on the network's device and in its dtype.

        >>> import numpy as np
        >>> from layergraph.builders import segnet_layers
        >>> net = segnet_layers((32, 32, 1), 2, 1).compile()
        >>> (tensor,), single = net.to_tensors(np.zeros((33, 35), np.uint8))
        >>> tensor.shape, single
        (torch.Size([1, 1, 33, 35]), True)
        """
        self._expect_inputs(len(images))
        like = next((t for t in self.state_dict().values() if t.is_floating_point()), None)
        tensors, singles = [], set()
        for name, image in zip(self.input_names, images, strict=True):
            if isinstance(image, Tensor):
                if image.is_complex() or image.layout != torch.strided or image.is_quantized:
                    raise DataError(
                        f"input {quoted(name)} must be a dense tensor of real numbers, got {image.dtype} in "
                        f"layout {image.layout}"
                    )
                tensor = image
                if like is None and not image.is_floating_point():
                    tensor = image.to(torch.get_default_dtype())
            else:
                layer: Any = self._lgraph[name]
                tensor, single = to_tensor(image, layer, name, None if like is None else like.dtype)
                singles.add(single)
            tensors.append(tensor if like is None else tensor.to(like.device, like.dtype))
        if len(singles) > 1:
            raise DataError("the inputs are single images or batches of them, all alike; got some of each")
        return tensors, singles == {True}

    # -- looking back --------------------------------------------------------------------------

    @property
    def input_sizes(self) -> tuple[tuple[int, ...], ...]:
        """The size (height, width, channels) of each input layer, in the order of ``input_names``."""
        layers: list[Any] = [self._lgraph[name] for name in self.input_names]
        return tuple(layer.input_size for layer in layers)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The class names of the (first) output layer, where it has them."""
        for name in self._lgraph.output_names:
            classes = getattr(self._lgraph[name], "classes", "auto")
            if classes != "auto":
                return tuple(classes)
        return None

    def layer_graph(self) -> G:
        """The layer graph, with copies of the weights as they are now attached to its layers."""
        weights: dict[str, Weights | None] = {}
        copies: dict[int, Tensor] = {}  # layers that share a tensor share its copy
        for name in self._lgraph:
            tensors = self.layer_module(name).state_dict(keep_vars=True)
            for tensor in tensors.values():
                if id(tensor) not in copies:
                    copies[id(tensor)] = tensor.detach().cpu().clone()
            if tensors:
                weights[name] = Weights({key: copies[id(tensor)] for key, tensor in tensors.items()})
        return self._lgraph.with_weights(weights)

    def to_fx(self) -> fx.GraphModule:
        """The network as a ``torch.fx.GraphModule``, whose ``code`` is readable Python. It shares weights."""
        return fx.symbolic_trace(self)


class MultiInputNetwork(Network[G]):
    """A network with several input layers: ``net(x1, x2)``, in the order of ``input_names``."""

    def forward(self, *inputs: Tensor) -> Any:
        if isinstance(inputs, tuple):  # not while torch.fx traces
            self._expect_inputs(len(inputs))
        return self._run(self._plan, inputs)


class Folder(nn.Module):
    """Holds the modules of layers whose names begin alike, up to a dot."""


def _safe_key(name: str) -> str:
    """A name for torch's tools: torch.fx writes it between quotes into the source text that it generates,
    and torch.export splits lists of names at commas and semicolons outside brackets."""
    return "".join(c if c.isprintable() and c not in "\"'\\()[]{},;" else "_" for c in name)


def _free_key(owner: nn.Module, name: str, *, folder: bool = False) -> str:
    """The name, with underscores after it while an attribute or another layer has it.

    A layer's own module never becomes a folder: what is put into it would be part of that layer.
    """
    while name in _RESERVED or (
        hasattr(owner, name) and not (folder and isinstance(owner._modules.get(name), Folder))
    ):
        name += "_"
    return name


_DEEPEST = 50  # parts of a layer name that become nested modules

# what a traced network needs for itself, and words that its source text cannot have as names
_RESERVED = {*dir(fx.GraphModule(nn.Module(), fx.Graph())), *keyword.kwlist, "self"}
