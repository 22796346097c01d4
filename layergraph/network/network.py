"""Network: a compiled LayerGraph, a torch module that runs the layers by a fixed plan."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, Self

import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn
from typing_extensions import TypeVar

from layergraph.errors import DataError, InvalidNetworkError, LayergraphError, UnknownPortError, did_you_mean
from layergraph.graph.draft import End
from layergraph.graph.graph import Graph
from layergraph.graph.nearest_sizes import misfit
from layergraph.graph.probabilities import missing_softmax, output_scores
from layergraph.graph.size_inference import network_outputs
from layergraph.issues import Issue
from layergraph.layers.activation import SoftmaxLayer
from layergraph.layers.output import ClassLossLayer
from layergraph.network.deployment import Deployment
from layergraph.network.modes import inference
from layergraph.network.own_code import with_own_code
from layergraph.network.plan import Plan, make_plan
from layergraph.network.tensors import to_images, to_tensor
from layergraph.weights import Weights
from layergraph.wording import counted, listed, quoted

G = TypeVar("G", bound=Graph, default=Graph, covariant=True)


class Network(Deployment, Generic[G]):
    """A layer graph as a torch module; made by :meth:`layergraph.LayerGraph.compile`.

    ``net(x)`` takes one tensor (batch, channels, height, width) per input layer, in the order of
    ``input_names``, and returns the scores of each output layer (class probabilities after a softmax), a
    tuple if there are several. A network without output layers returns the outputs that are not connected.

    Pixels must be in the range of the training images, 0 to 255 for 8-bit images: the input layer normalizes
    them, so divide by 255 only if the training images were. :meth:`predict` takes NumPy images in the same
    range.

    A network is in evaluation mode if weights were attached to every layer with learnables (a loaded or
    trained graph), and else in training mode, as new torch modules; ``print(net)`` reports the mode.

    Keys of the state dict are layer names. A name that ``nn.Module`` needs itself, such as ``train``, gets
    an underscore at the end; quotes, brackets, commas and unprintable characters become underscores.
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
        # all attributes first: a layer may have the name of one, and must get another key then
        self._lgraph = lgraph
        self._keys: dict[str, tuple[str, ...]] = {}
        self.input_names = lgraph.input_names
        self.output_names = tuple(network_outputs(lgraph))
        self._plan = Plan((), 0, (), ())  # the plan needs the keys of the layers
        for name, module in modules.items():
            self._keys[name] = self._register(name, module)
        # an output layer has no port, but the network returns its scores
        results = [End(n, (*lgraph[n].output_names, "out")[0]) for n in self.output_names]
        self._plan = make_plan(lgraph, results, self._keys)
        if lgraph.output_names:
            self._loss_plan = self._plan_loss()
            self._loss_issues = tuple(missing_softmax(lgraph))

    def _register(self, name: str, module: nn.Module) -> tuple[str, ...]:
        """Add a layer's module and return its keys; a name with dots is a path, as everywhere in torch."""
        name = _safe_key(name)
        parts = name.split(".")
        # torch visits nested modules by recursion, so that a name of a thousand dots would end in an error
        is_path = all(parts) and len(parts) <= _DEEPEST
        *path, last = parts if is_path else [name.replace(".", "_")]
        owner: nn.Module = self
        keys = []
        for part in path:
            keys.append(_free_key(owner, part, for_group=True))
            if keys[-1] not in owner._modules:
                owner.add_module(keys[-1], LayerGroup())
            owner = owner.get_submodule(keys[-1])
        keys.append(_free_key(owner, last))
        owner.add_module(keys[-1], module)
        return tuple(keys)

    def _plan_loss(self) -> Plan:
        """The plan that computes the input of each loss, and how each loss takes it.

        The logarithm of a softmax overflows where a probability underflows. So a loss after a softmax starts
        from the scores before it, and computes both in one stable step.
        """
        starts, are_probabilities = [], output_scores(self._lgraph)
        for name in self._lgraph.output_names:
            (source,) = self._lgraph.sources(name).values()
            module: Any = self.layer_module(name)
            layer: Any = self._lgraph[name]
            module.from_logits = layer.takes_logits and isinstance(self._lgraph[source.layer], SoftmaxLayer)
            if module.from_logits:
                (source,) = self._lgraph.sources(source.layer).values()
            elif isinstance(layer, ClassLossLayer):
                module.checked = are_probabilities[name] is None
            starts.append(source)
        return make_plan(self._lgraph, starts, self._keys)

    def layer_module(self, name: str) -> nn.Module:
        """The torch module of a layer.

        Raises:
            UnknownLayerError: no layer has that name.
        """
        return self.get_submodule(self.layer_key(name))

    def layer_key(self, name: str) -> str:
        """The prefix of a layer's tensors in the state dict, without the dot after it.

        Raises:
            UnknownLayerError: no layer has that name.

        >>> from layergraph import ImageInputLayer, LayerGraph, ScalingLayer
        >>> net = LayerGraph([ImageInputLayer((8, 8, 1)), ScalingLayer(2, name="train")]).compile()
        >>> net.layer_key("train")  # nn.Module has a method of that name
        'train_'
        """
        self._lgraph[name]  # or raise
        return ".".join(self._keys[name])

    def extra_repr(self) -> str:
        mode = "training" if self.training else "evaluation"
        return f"in {mode} mode, inputs: {listed(self.input_names)}, outputs: {listed(self.output_names)}"

    # -- running -------------------------------------------------------------------------------

    def forward(self, x: Tensor) -> Any:
        return self._run(self._plan, (x,))

    def _run(self, plan: Plan, inputs: Sequence[Tensor]) -> Any:
        # torch.compile, torch.export and torch.fx trace this loop: no branch depends on a tensor, and every
        # row runs its module directly, which costs no more than a hand-written forward
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
        """The sum of the losses of all output layers, as a scalar tensor.

        A softmax before an output layer is computed together with the loss, in one stable step.

        Args:
            x: the input tensor, or a sequence with one per input layer.
            target: class indices (batch, height, width) for pixel classification, 255 where unlabeled
                (-100 if there are more than 255 classes); class indices (batch,) for classification; for
                regression a tensor like the output. A sequence if there are several output layers.

        The loss is summed in float32 if the network computes in float16 or bfloat16. A class index out of
        range raises a ``DataError`` on the CPU; on a GPU it ends the program with an assertion of torch,
        because a check would wait for the GPU.

        Raises:
            DataError: targets of another shape, or class indices out of range.
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
        """The loss, and the input of each output layer's loss: the scores before a softmax.

        They give the accuracy of a mini-batch at no further cost, because softmax keeps the order of scores.
        """
        losses, scores = self.losses_and_scores(x, target)
        # not sum(), whose start 0 would be one more operation in every exported program
        total = losses[0]
        for loss in losses[1:]:
            total = total + loss
        return total, scores

    def losses_and_scores(
        self, x: Tensor | Sequence[Tensor], target: Tensor | Sequence[Tensor]
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """As :meth:`loss_and_scores`, with the loss of each output layer."""
        if self._loss_issues:
            raise InvalidNetworkError(self._loss_issues, "the loss of the network cannot be computed")
        scores = self._before_softmax((x,) if isinstance(x, Tensor) else x)
        targets = (target,) if isinstance(target, Tensor) else target
        if len(targets) != len(scores):
            raise DataError(
                f"loss: target must be one tensor per output layer, {len(scores)} in all, got {len(targets)}"
            )
        losses = []
        # with output layers, these are the outputs of the network
        for name, *score_and_target in zip(self.output_names, scores, targets, strict=True):
            module: Any = self.layer_module(name)
            losses.append(module.loss(*score_and_target))
        return tuple(losses), scores

    def logits(self, *inputs: Tensor) -> Any:
        """The scores before the softmax, one tensor per output layer; a tuple if there are several.

        Takes the inputs of ``net(x)``, and runs in the current mode. An output layer without a softmax before
        it gives its own scores.

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
        self._check_input_count(len(inputs))
        result = self._run(self._loss_plan, inputs)
        return result if isinstance(result, tuple) else (result,)

    def activations(self, x: Tensor | NDArray[Any] | Sequence[Any], layer: str | Sequence[str]) -> Any:
        """The output of one layer, or a list of those of several, in inference mode and without gradients.

        Runs only the layers upstream.

        Args:
            x: a tensor, or NumPy images (height, width, channels); a sequence if there are several inputs.
            layer: a name, or ``"layer/port"``; or a sequence of them.

        Returns:
            Tensors for tensors, and NumPy arrays with the channels last for images.

        Raises:
            UnknownLayerError, UnknownPortError: a name that does not exist.

        >>> import torch
        >>> from layergraph.builders import unet_layers
        >>> net = unet_layers((32, 32, 1), 2, encoder_depth=2).compile()
        >>> net.activations(torch.zeros(1, 1, 32, 32), "Bridge-ReLU-2").shape
        torch.Size([1, 256, 8, 8])
        """
        wanted = [layer] if isinstance(layer, str) else list(layer)
        # a plan for this call: that of net(x) frees all other outputs on the way
        plan = make_plan(self._lgraph, [self._output_end(text) for text in wanted], self._keys)
        inputs: list[Any] = [*x] if isinstance(x, (tuple, list)) else [x]
        tensors, single = self.to_tensors(*inputs)
        with inference(self), self._with_size_errors(tensors):
            result = self._run(plan, tensors)
        results: list[Any] = [*result] if isinstance(result, tuple) and len(wanted) > 1 else [result]
        if not all(isinstance(item, Tensor) for item in inputs):
            results = [to_images(r, single) if isinstance(r, Tensor) else r for r in results]
        return results[0] if isinstance(layer, str) else results

    def _output_end(self, text: str) -> End:
        name, slash, port = text.partition("/")
        ports = self._lgraph[name].output_names or ("out",)
        if slash and port not in ports:
            raise UnknownPortError(f"layer {name!r} has no output {port!r}{did_you_mean(port, ports)}")
        return End(name, port or ports[0])

    def predict(self, *images: NDArray[Any], dropout: bool = False) -> Any:
        """Scores of NumPy images, in inference mode and without gradients.

        Args:
            images: one array (height, width, channels) or (batch, height, width, channels) per input layer,
                of any numeric dtype, in the range of the training images (0 to 255 for 8-bit images); a
                single gray image may be (height, width).
            dropout: keep dropout active, and all other layers in inference mode: each call then draws
                another sample (call ``torch.manual_seed`` before it to repeat one). In your own modules
                this holds for ``nn.Dropout``, not for ``F.dropout``.

        Returns:
            Scores (height, width, classes), or (batch, height, width, classes) for a batch; a tuple if there
            are several outputs. They are float64 if the weights are, else float32.

        Raises:
            DataError, WrongTypeError: images that the input layers cannot take.
            ArgumentError: ``dropout=True`` for a network without dropout layers.

        >>> import numpy as np
        >>> from layergraph.builders import segnet_layers
        >>> net = segnet_layers((32, 32, 1), 2, 1).compile()
        >>> net.predict(np.zeros((33, 35), np.uint8)).shape
        (33, 35, 2)
        """
        tensors, single = self.to_tensors(*images)
        with inference(self, dropout=dropout), self._with_size_errors(tensors):
            result = self(*tensors)  # the compiled form after net.compile()
        if isinstance(result, tuple):
            return tuple(to_images(scores, single) for scores in result)
        return to_images(result, single)

    def check_sizes(self, *sizes: Sequence[int]) -> None:
        """Raise an error if the layers cannot take images of these sizes, (height, width) per input layer.

        Runs no layer. The error names the layer, and the nearest sizes that fit.

        Raises:
            DataError: the images do not fit.

        >>> from layergraph.builders import unet_layers
        >>> net = unet_layers((32, 32, 1), 2, encoder_depth=2, num_first_encoder_filters=4).compile()
        >>> net.check_sizes((36, 40))
        """
        self._check_input_count(len(sizes))
        if reason := misfit(self._lgraph, dict(zip(self.input_names, map(tuple, sizes), strict=True))):
            raise DataError(reason)

    @contextmanager
    def _with_size_errors(self, tensors: Sequence[Tensor]) -> Iterator[None]:
        """Name the layer that cannot take the images, where torch's error has only numbers.

        Checking sizes before each run would take longer than a small network.
        """
        try:
            yield
        except RuntimeError as error:
            try:
                self.check_sizes(*(tensor.shape[2:] for tensor in tensors))
            except DataError as reason:
                raise reason from error
            raise

    def _check_input_count(self, count: int) -> None:
        if count != len(self.input_names):
            raise DataError(
                f"the network takes {counted(len(self.input_names), 'input')} "
                f"({listed(self.input_names)}), got {count}"
            )

    def to_tensors(self, *images: NDArray[Any] | Tensor) -> tuple[list[Tensor], bool]:
        """Convert one array per input layer to tensors for ``net(x)``.

        Returns:
            The tensors, on the network's device and in its dtype, and whether the arrays are single images
            rather than batches.

        >>> import numpy as np
        >>> from layergraph.builders import segnet_layers
        >>> net = segnet_layers((32, 32, 1), 2, 1).compile()
        >>> (tensor,), single = net.to_tensors(np.zeros((33, 35), np.uint8))
        >>> tensor.shape, single
        (torch.Size([1, 1, 33, 35]), True)
        """
        self._check_input_count(len(images))
        # one device and one dtype for all inputs, those of the first weights
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
                # a network without weights has no dtype, and its layers take floating-point numbers
                if like is None and not image.is_floating_point():
                    tensor = image.to(torch.get_default_dtype())
            else:
                layer: Any = self._lgraph[name]
                tensor, single = to_tensor(image, layer, name, None if like is None else like.dtype)
                singles.add(single)
            tensors.append(tensor if like is None else tensor.to(like.device, like.dtype))
        if len(singles) > 1:
            raise DataError("the inputs must be all single images or all batches, got some of each")
        return tensors, singles == {True}

    # -- sizes, classes, weights ---------------------------------------------------------------

    @property
    def source_graph(self) -> G:
        """The graph that was compiled; :meth:`layer_graph` has the current weights."""
        return self._lgraph

    @property
    def input_sizes(self) -> tuple[tuple[int, ...], ...]:
        """The size (height, width, channels) of each input layer, in the order of ``input_names``."""
        layers: list[Any] = [self._lgraph[name] for name in self.input_names]
        return tuple(layer.input_size for layer in layers)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The class names of the first output layer that has them, or ``None``."""
        for name in self._lgraph.output_names:
            classes = getattr(self._lgraph[name], "classes", "auto")
            if classes != "auto":
                return tuple(classes)
        return None

    def layer_graph(self) -> G:
        """The layer graph with copies of the current weights attached to its layers."""
        weights: dict[str, Weights | None] = {}
        copies: dict[int, Tensor] = {}  # by the tensor's identity: layers that share a tensor share its copy
        for name in self._lgraph:
            # without keep_vars each key gets a new tensor, which hides that two layers share one
            tensors = self.layer_module(name).state_dict(keep_vars=True)
            for tensor in tensors.values():
                if id(tensor) not in copies:
                    copies[id(tensor)] = tensor.detach().cpu().clone()
            if tensors:
                weights[name] = Weights({key: copies[id(tensor)] for key, tensor in tensors.items()})
        return self._lgraph.with_weights(weights)

    def to_fx(self) -> fx.GraphModule:
        """The network as a ``torch.fx.GraphModule`` with readable ``code``; both share their weights."""
        return fx.symbolic_trace(self)


class MultiInputNetwork(Network[G]):
    """A network with several input layers: ``net(x1, x2)``, in the order of ``input_names``."""

    def forward(self, *inputs: Tensor) -> Any:
        if isinstance(inputs, tuple):  # while torch.fx traces, they are a proxy without a length
            self._check_input_count(len(inputs))
        return self._run(self._plan, inputs)


class LayerGroup(nn.Module):
    """Holds the modules of layers whose names share a prefix up to a dot."""


def _safe_key(name: str) -> str:
    """The name with underscores for characters that break torch's tools.

    torch.fx writes it between quotes into the source text that it generates, and torch.export splits lists
    of names at commas and semicolons outside brackets.
    """
    return "".join(c if c.isprintable() and c not in "\"'\\()[]{},;" else "_" for c in name)


def _free_key(owner: nn.Module, name: str, *, for_group: bool = False) -> str:
    """The name, with underscores at the end while an attribute or another layer has it.

    A group may be used again. A layer's own module never becomes a group, or it would run the modules in it.
    """
    while name in _RESERVED or (
        hasattr(owner, name) and not (for_group and isinstance(owner._modules.get(name), LayerGroup))
    ):
        name += "_"
    return name


_DEEPEST = 50  # the most parts of a layer name that become nested modules

# names that a traced network needs for itself, and words that Python source cannot have as names
_RESERVED = {*dir(fx.GraphModule(nn.Module(), fx.Graph())), *keyword.kwlist, "self"}
