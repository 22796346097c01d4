"""Random networks compared with torch: sizes, files, losses, torch.fx; random edits compared with a model."""

from itertools import pairwise

import naive
import networkx
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from random_graphs import networks

from layergraph import (
    AdditionLayer,
    Convolution2dLayer,
    ImageInputLayer,
    LayerGraph,
    LayergraphError,
    MaxPooling2dLayer,
    MaxUnpooling2dLayer,
    PixelClassificationLayer,
    RegressionLayer,
    ReluLayer,
    SoftmaxLayer,
    load,
)
from layergraph.graph.draft import End
from layergraph.graph.size_inference import infer_sizes

many = settings(max_examples=300, suppress_health_check=[*HealthCheck])


def images_for(lgraph, batch=2, extra=0, seed=0):
    """Random inputs of the size of the input layers, or ``extra`` larger."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [lgraph[name].output_sizes([])[0] for name in lgraph.input_names]
    return [
        torch.rand(batch, s.channels, *(n + extra for n in s.spatial), generator=generator).double()
        for s in sizes
    ]


def double_network(lgraph):
    return lgraph.compile().double().eval()


def as_tuple(value):
    return value if isinstance(value, tuple) else (value,)


@many
@given(lgraph=networks())
def test_inferred_sizes_equal_the_sizes_of_torch_at_every_layer(lgraph):
    sizes = infer_sizes(lgraph, "network")
    assert [issue for issue in sizes.issues if issue.severity == "error"] == []
    net, x = double_network(lgraph), images_for(lgraph)
    ends = [(n, p) for n in lgraph for p in lgraph[n].output_names or ("out",)]
    results = net.activations(x, [f"{name}/{port}" for name, port in ends])
    for (name, port), result in zip(ends, results, strict=True):
        ports = lgraph[name].output_names or ("out",)
        size = sizes.outputs[name][ports.index(port)]
        if port == "size":
            assert tuple(result) == size.shape[3:5]
        elif port == "indices":
            assert result.numel() == 2 * size.num_elements
        else:
            assert result.shape == (2, *size.tensor_shape[1:])
    scores = as_tuple(net(*x))
    again = as_tuple(net.activations(x, list(net.output_names)))[0]
    for score, wanted in zip(scores, again, strict=True):
        assert torch.equal(score, wanted)
    parameters = sum(p.numel() for p in net.parameters())
    learnables = 0
    for name in lgraph:
        for shape in lgraph[name].learnables(list(sizes.inputs[name])).values():
            learnables += int(np.prod(shape))
    assert learnables == parameters


@pytest.mark.slow
@many
@given(lgraph=networks())
def test_a_saved_graph_loads_as_the_same_graph_and_network(lgraph, tmp_path):
    path = tmp_path / "net.safetensors"
    lgraph.save(path)
    assert load(path) == load(path, weights=False) == lgraph
    net = lgraph.compile().eval()
    trained = net.layer_graph()
    trained.save(path)
    loaded = load(path)
    assert loaded == trained
    assert load(path, weights=False) == lgraph
    assert hash(loaded) == hash(lgraph)
    again, x = loaded.compile().eval(), [image.float() for image in images_for(lgraph)]
    for first, second in zip(as_tuple(net(*x)), as_tuple(again(*x)), strict=True):
        assert torch.equal(first, second)
    assert again.layer_graph() == trained
    assert net.state_dict().keys() == again.state_dict().keys()


@pytest.mark.slow
@many
@given(lgraph=networks(losses=True), seed=st.integers(0, 2**31))
def test_the_loss_equals_the_loss_of_the_scores(lgraph, seed):
    net, x = double_network(lgraph), images_for(lgraph, seed=seed)
    random = np.random.default_rng(seed)
    scores = [score.detach() for score in as_tuple(net(*x))]
    targets, wanted = [], 0.0
    for name, score in zip(lgraph.output_names, scores, strict=True):
        layer = lgraph[name]
        if isinstance(layer, RegressionLayer):
            target = random.normal(size=score.shape)
            wanted += 0.5 * float(np.square(score.numpy() - target).sum()) / len(score)
        else:
            shape = (score.shape[0], *score.shape[2:])
            unlabeled = layer.unlabeled
            target = random.choice([*range(score.shape[1]), unlabeled], shape)
            weights = None if layer.class_weights == "none" else layer.class_weights
            wanted += naive.cross_entropy(score.numpy(), target, weights, unlabeled)
        targets.append(torch.from_numpy(target))
    assert net.loss(x, targets).item() == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@settings(max_examples=60, suppress_health_check=[*HealthCheck])
@given(lgraph=networks(losses=True))
def test_a_training_step_gives_finite_gradients(lgraph):
    net, x = lgraph.compile(), [image.float() for image in images_for(lgraph)]
    try:
        scores = as_tuple(net(*x))
    except ValueError as error:  # torch cannot normalize a single value per channel
        assert "Expected more than 1 value per channel" in str(error)  # noqa: PT017
        return
    targets = [
        torch.zeros_like(score) if isinstance(lgraph[name], RegressionLayer)
        else torch.zeros((score.shape[0], *score.shape[2:]))
        for name, score in zip(lgraph.output_names, scores, strict=True)
    ]  # fmt: skip
    before = lgraph.compile().state_dict().keys()
    loss = net.loss(x, targets)
    assert loss.shape == ()
    if loss.requires_grad:
        loss.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())
    assert net.state_dict().keys() == before


@settings(max_examples=40, suppress_health_check=[*HealthCheck])
@given(lgraph=networks(most=6))
def test_torch_fx_gives_the_same_network(lgraph):
    net, x = double_network(lgraph), images_for(lgraph)
    traced = net.to_fx()
    for first, second in zip(as_tuple(net(*x)), as_tuple(traced(*x)), strict=True):
        assert torch.equal(first, second)


# -- random edits ------------------------------------------------------------------------------------

KINDS = {
    "input": lambda name: ImageInputLayer((4, 4, 1), name=name),
    "relu": lambda name: ReluLayer(name=name),
    "conv": lambda name: Convolution2dLayer(1, 1, name=name),
    "pool": lambda name: MaxPooling2dLayer(2, has_unpooling_outputs=True, name=name),
    "unpool": lambda name: MaxUnpooling2dLayer(name=name),
    "add": lambda name: AdditionLayer(3, name=name),
    "softmax": lambda name: SoftmaxLayer(name=name),
    "pixels": lambda name: PixelClassificationLayer(name=name),
}
LAYER_NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f", "g"])
PORTS = st.sampled_from(["", "/out", "/in", "/in1", "/in2", "/in3", "/indices", "/size", "/nothing"])
SOME_LAYERS = st.lists(st.tuples(st.sampled_from([*KINDS]), LAYER_NAMES), min_size=0, max_size=3)


class Edits(RuleBasedStateMachine):
    """A LayerGraph and a model of it in plain dictionaries; an edit changes both in the same way, or none."""

    @initialize()
    def start(self):
        self.graph = LayerGraph()
        self.kinds: dict[str, object] = {}  # layers in order
        self.wires: dict[tuple[str, str], tuple[str, str]] = {}  # the source of each input
        self.older = []

    def edit(self, change, model):
        """Run the edit, which must raise our error if the model is ``None``, and replace the model."""
        before = (self.graph.layers, self.graph.connections, self.graph.order)
        self.older = [*self.older, (self.graph, before)][-3:]
        if model is None:
            with pytest.raises(LayergraphError):
                change()
        else:
            self.graph = change()
            self.kinds, self.wires = model

    def series(self, layers, taken):
        """The wires of layers in series; ``None`` if names clash or a port is missing."""
        names = [layer.name for layer in layers]
        if len({*names, *taken}) < len(names) + len(taken):
            return None
        wires = {}
        for before, after in pairwise(layers):
            if not before.output_names or not after.input_names:
                return None
            wires[after.name, after.input_names[0]] = (before.name, before.output_names[0])
        return wires

    def end(self, text, side):
        name, slash, port = text.partition("/")
        if name not in self.kinds:
            return None
        layer = self.kinds[name]
        ports = layer.input_names if side == "in" else layer.output_names
        if slash:
            return (name, port) if port in ports else None
        return (name, ports[0]) if len(ports) == 1 else None

    @rule(chosen=SOME_LAYERS)
    def add(self, chosen):
        layers = [KINDS[kind](name) for kind, name in chosen]
        wires = self.series(layers, self.kinds)
        model = None
        if wires is not None:
            model = ({**self.kinds, **{la.name: la for la in layers}}, {**self.wires, **wires})
        self.edit(lambda: self.graph.add_layers(layers), model)

    def new_layer(self, kind):
        """A layer with a new name."""
        self.counter = getattr(self, "counter", 0) + 1
        return KINDS[kind](f"n{self.counter}")

    @rule(kind=st.sampled_from([*KINDS]))
    def add_one(self, kind):
        layer = self.new_layer(kind)
        model = ({**self.kinds, layer.name: layer}, self.wires)
        self.edit(lambda: self.graph.add_layers(layer), model)

    @precondition(lambda self: self.kinds)
    @rule(data=st.data())
    def connect_existing_ends(self, data):
        """Connect an existing output with a free input, which fails only if it closes a cycle."""
        outputs = [(n, p) for n, la in self.kinds.items() for p in la.output_names]
        inputs = [(n, p) for n, la in self.kinds.items() for p in la.input_names]
        free = [end for end in inputs if end not in self.wires]
        if outputs and free:
            s, d = data.draw(st.sampled_from(outputs)), data.draw(st.sampled_from(free))
            model = None if self.reaches(d[0], s[0]) else (self.kinds, {**self.wires, d: s})
            self.edit(lambda: self.graph.connect_layers("/".join(s), "/".join(d)), model)

    @precondition(lambda self: self.kinds)
    @rule(data=st.data(), kinds=st.lists(st.sampled_from([*KINDS]), min_size=1, max_size=2))
    def replace_an_existing_layer(self, data, kinds):
        name, by = data.draw(st.sampled_from([*self.kinds])), data.draw(st.sampled_from(["name", "order"]))
        layers = [self.new_layer(kind) for kind in kinds]
        self.edit(lambda: self.graph.replace_layer(name, layers, by), self.replacement(name, layers, by))

    @precondition(lambda self: len(self.kinds) > 4)
    @rule(data=st.data())
    def remove_an_existing_layer(self, data):
        self.remove([data.draw(st.sampled_from([*self.kinds]))])

    @rule(names=st.lists(LAYER_NAMES, max_size=2))
    def remove_any(self, names):
        self.remove(names)

    def remove(self, names):
        model = None
        if all(name in self.kinds for name in names):
            kinds = {n: la for n, la in self.kinds.items() if n not in names}
            wires = {d: s for d, s in self.wires.items() if d[0] in kinds and s[0] in kinds}
            model = (kinds, wires)
        self.edit(lambda: self.graph.remove_layers(names), model)

    @rule(source=LAYER_NAMES, source_port=PORTS, destination=LAYER_NAMES, destination_port=PORTS)
    def connect(self, source, source_port, destination, destination_port):
        ends = source + source_port, destination + destination_port
        s, d = self.end(ends[0], "out"), self.end(ends[1], "in")
        model = None
        if s and d and d not in self.wires and not self.reaches(d[0], s[0]):
            model = (self.kinds, {**self.wires, d: s})
        self.edit(lambda: self.graph.connect_layers(*ends), model)

    def reaches(self, start, goal):
        graph = networkx.DiGraph([(s[0], d[0]) for d, s in self.wires.items()])
        graph.add_nodes_from(self.kinds)
        return networkx.has_path(graph, start, goal)

    @precondition(lambda self: self.wires)
    @rule(data=st.data())
    def disconnect_an_existing_connection(self, data):
        destination = data.draw(st.sampled_from(sorted(self.wires)))
        source = self.wires[destination]
        wires = {d: s for d, s in self.wires.items() if d != destination}
        self.edit(
            lambda: self.graph.disconnect_layers("/".join(source), "/".join(destination)), (self.kinds, wires)
        )

    @rule(source=LAYER_NAMES, source_port=PORTS, destination=LAYER_NAMES, destination_port=PORTS)
    def disconnect_any(self, source, source_port, destination, destination_port):
        ends = source + source_port, destination + destination_port
        s, d = self.end(ends[0], "out"), self.end(ends[1], "in")
        model = None
        if s and d and self.wires.get(d) == s:
            model = (self.kinds, {k: v for k, v in self.wires.items() if k != d})
        self.edit(lambda: self.graph.disconnect_layers(*ends), model)

    @rule(name=LAYER_NAMES, chosen=SOME_LAYERS, by=st.sampled_from(["name", "order"]))
    def replace(self, name, chosen, by):
        layers = [KINDS[kind](new) for kind, new in chosen]
        self.edit(lambda: self.graph.replace_layer(name, layers, by), self.replacement(name, layers, by))

    def replacement(self, name, layers, by):
        if name not in self.kinds or not layers:
            return None
        old = self.kinds[name]
        inner = self.series(layers, [n for n in self.kinds if n != name])
        if inner is None:
            return None
        wires = {}
        for (d_name, d_port), (s_name, s_port) in self.wires.items():
            if d_name == name:
                d_port = self.counterpart(old.input_names, d_port, layers[0].input_names, by)
                d_name = layers[0].name
            if s_name == name:
                s_port = self.counterpart(old.output_names, s_port, layers[-1].output_names, by)
                s_name = layers[-1].name
            if d_port is None or s_port is None:
                return None
            wires[d_name, d_port] = (s_name, s_port)
        kinds = {}
        for n, layer in self.kinds.items():
            kinds.update({la.name: la for la in layers} if n == name else {n: layer})
        return kinds, {**wires, **inner}

    def counterpart(self, old, port, new, by):
        if by == "name":
            return port if port in new else None
        index = old.index(port)
        return new[index] if index < len(new) else None

    @invariant()
    def the_graph_is_the_model(self):
        graph, kinds = self.graph, self.kinds
        assert [*graph] == [*kinds]
        assert list(graph.layers) == list(kinds.values())
        for name in kinds:
            sources = {d[1]: End(*s) for d, s in self.wires.items() if d[0] == name}
            assert graph.sources(name) == sources
            destinations = {(s[1], End(*d)) for d, s in self.wires.items() if s[0] == name}
            assert set(graph.destinations(name)) == destinations
        assert {(self.end(c.source, "out"), self.end(c.destination, "in")) for c in graph.connections} == {
            (s, d) for d, s in self.wires.items()
        }
        assert len(graph.connections) == len(self.wires)

    @invariant()
    def the_order_is_that_of_networkx(self):
        index = {name: i for i, name in enumerate(self.kinds)}
        graph = networkx.DiGraph()
        graph.add_nodes_from(self.kinds)
        graph.add_edges_from((s[0], d[0]) for d, s in self.wires.items())
        assert self.graph.order == tuple(networkx.lexicographical_topological_sort(graph, key=index.get))

    @invariant()
    def older_graphs_stay_unchanged(self):
        for graph, before in self.older:
            assert (graph.layers, graph.connections, graph.order) == before

    @invariant()
    def an_equal_graph_can_be_built_in_another_order(self):
        again = LayerGraph()
        for layer in self.kinds.values():
            again = again.add_layers(layer)
        for destination, source in sorted(self.wires.items(), reverse=True):
            again = again.connect_layers("/".join(source), "/".join(destination))
        assert again == self.graph
        assert hash(again) == hash(self.graph)


Edits.TestCase.settings = settings(max_examples=200, stateful_step_count=40)
TestEdits = Edits.TestCase
