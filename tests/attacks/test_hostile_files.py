"""Hostile files: loading one may only raise our own error, and must take linear time."""

import json
import os
import struct
from copy import deepcopy
from dataclasses import MISSING, fields
from itertools import pairwise

import pytest
import torch
from call_counts import assert_linear
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from layergraph import (
    Convolution2dLayer,
    FileFormatError,
    ImageInputLayer,
    InvalidNetworkError,
    LayerGraph,
    LayergraphError,
    ReluLayer,
    ScalingLayer,
    load,
)
from layergraph.analyze import analyze_network, compare, plot
from layergraph.builders import segnet_layers
from layergraph.graph.layer_format import layer_to_json
from layergraph.graph.size_inference import infer_sizes
from layergraph.layers import LAYER_TYPES
from layergraph.pretrained import load_weights

FORMAT = "layergraph 1"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "hostile.safetensors"


def write(path, architecture, tensors=None, **metadata):
    """Write a safetensors file with this text, or object as JSON, as its architecture."""
    text = architecture if isinstance(architecture, str) else json.dumps(architecture)
    save_file(tensors or {}, path, {"format": FORMAT, "architecture": text, **metadata})


def header(text: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(text) if length is None else length) + text


def relu(name="a", **more):
    return {"type": "ReluLayer", "name": name, **more}


def conv(**more):
    return {"type": "Convolution2dLayer", "name": "c", "filter_size": 3, "num_filters": 2, **more}


def graph(*layers, connections=()):
    return {"layers": list(layers), "connections": [list(row) for row in connections]}


RAW = {
    "nothing": b"",
    "one byte": b"\x01",
    "zeros": bytes(100),
    "a header longer than the file": header(b"{}", 10**6),
    "a header of 2^63 bytes": header(b"{}", 2**63),
    "a header of 2^64 - 1 bytes": header(b"{}", 2**64 - 1),
    "a header that is no JSON": header(b"{nothing}"),
    "a header that is no object": header(b"[1, 2]"),
    "a header that is no text": header(b"\xff\xfe\xfd\xfc"),
    "tensors beyond the end": header(b'{"a":{"dtype":"F32","shape":[100],"data_offsets":[0,400]}}'),
    "tensors that overlap": header(
        b'{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}'
    )
    + b"123",
    "a tensor of negative shape": header(b'{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}') + b"1",
    "a tensor of 2^62 times 4 numbers": header(
        b'{"a":{"dtype":"U8","shape":[4611686018427387904, 4],"data_offsets":[0,1]}}'
    )
    + b"1",
    "an unknown dtype": header(b'{"a":{"dtype":"PICKLE","shape":[1],"data_offsets":[0,1]}}') + b"1",
    "metadata that is no text": header(b'{"__metadata__":{"format":1}}'),
    "metadata twice": header(b'{"__metadata__":{"format":"layergraph 1"},"__metadata__":{}}'),
    "a pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93.",
    "a zip file": b"PK\x03\x04" + bytes(50),
    "Python": b"import os; os.system('touch pwned')\n",
}

ARCHITECTURES = {
    "empty text": "",
    "no JSON": "{layers: []}",
    "a number": "5",
    "null": "null",
    "a list": "[]",
    "no layers": {"connections": []},
    "no connections": {"layers": []},
    "layers that are no list": {"layers": {"a": 1}, "connections": []},
    "connections that are no list": {"layers": [], "connections": "none"},
    "a layer that is no object": graph("ReluLayer"),
    "a layer that is null": graph(None),
    "a layer without a type": graph({"name": "a"}),
    "an unknown type": graph({"type": "EvilLayer", "name": "a"}),
    "a type that is the base": graph({"type": "Layer", "name": "a"}),
    "a type that is a builtin": graph({"type": "eval", "name": "a"}),
    "a type with a path": graph({"type": "os.system", "name": "a"}),
    "a type with underscores": graph({"type": "__class__", "name": "a"}),
    "a type that is a number": graph({"type": 5, "name": "a"}),
    "a type that is a list": graph({"type": ["ReluLayer"], "name": "a"}),
    "a type that is an abstract base": graph({"type": "CombinationLayer", "name": "a", "num_inputs": 2}),
    "an unknown argument": graph(relu(slope=1)),
    "an argument that is no name": graph(relu(**{"__class__": "x"})),
    "self as an argument": graph(relu(self=1)),
    "weights as an argument": graph(relu(weights={"a": 1})),
    "a module as an argument": graph({"type": "ModuleLayer", "name": "m", "module": "os"}),
    "a module that nobody gives": graph({"type": "ModuleLayer", "name": "m"}),
    "a missing argument": graph({"type": "Convolution2dLayer", "name": "c"}),
    "no name": graph({"type": "ReluLayer"}),
    "an empty name": graph(relu("")),
    "a name that is null": graph(relu(None)),
    "a name that is a number": graph(relu(5)),
    "a name that is a list": graph(relu(["a"])),
    "a name that is an object": graph(relu({"a": 1})),
    "a module's name that is a list": graph({"type": "ModuleLayer", "name": ["m"]}),
    "a name with a slash": graph(relu("../../etc/passwd")),
    "half a character as a name": '{"layers":[{"type":"ReluLayer","name":"\\ud800"}],"connections":[]}',
    "a name twice": graph(relu(), relu()),
    "a key twice": '{"layers":[{"type":"ReluLayer","name":"a","name":"b"}],"connections":[]}',
    "layers twice": '{"layers":[],"layers":[],"connections":[]}',
    "NaN": '{"layers":[{"type":"LeakyReluLayer","name":"a","scale":NaN}],"connections":[]}',
    "Infinity": '{"layers":[{"type":"LeakyReluLayer","name":"a","scale":Infinity}],"connections":[]}',
    "minus Infinity": '{"layers":[],"connections":[-Infinity]}',
    "1e999": '{"layers":[{"type":"LeakyReluLayer","name":"a","scale":1e999}],"connections":[]}',
    "a number of 400 digits": graph({"type": "LeakyReluLayer", "name": "a", "scale": 10**400}),
    "a number of 5000 digits": '{"layers":[{"type":"DropoutLayer","name":"a","probability":1'
    + "0" * 5000
    + '}],"connections":[]}',
    "a size of 10^30": graph(conv(num_filters=10**30)),
    "a size of 10^4000": graph(conv(num_filters=10**4000)),
    "a negative size": graph(conv(num_filters=-1)),
    "a size of one and a half": graph(conv(filter_size=1.5)),
    "a size that is true": graph(conv(filter_size=True)),
    "a size that is text": graph(conv(filter_size="3")),
    "a size that is an object": graph(conv(filter_size={"a": 3})),
    "a deep padding": graph(conv(padding=[[[[[1]]]]])),
    "an initializer that is code": graph(conv(weights_initializer="__import__('os').system('touch pwned')")),
    "an initializer that is a list": graph(conv(weights_initializer=["he"])),
    "a billion inputs": graph({"type": "AdditionLayer", "name": "a", "num_inputs": 10**9}),
    "a trillion channels with a mean": graph(
        {"type": "ImageInputLayer", "name": "i", "input_size": [1, 1, 10**12], "mean": 0.5}
    ),
    "classes that are a number": graph({"type": "PixelClassificationLayer", "name": "p", "classes": 5}),
    "class weights that are text": graph(
        {"type": "PixelClassificationLayer", "name": "p", "classes": ["a"], "class_weights": ["1"]}
    ),
    "class weights of 400 digits": graph(
        {"type": "PixelClassificationLayer", "name": "p", "classes": ["a"], "class_weights": [10**400]}
    ),
    "a connection that is text": {"layers": [relu()], "connections": ["a"]},
    "a connection of three": graph(relu("a"), relu("b"), connections=[("a", "b", "a")]),
    "a connection of numbers": graph(relu("a"), relu("b"), connections=[(0, 1)]),
    "a connection of lists": {"layers": [relu()], "connections": [[["a"], ["b"]]]},
    "a connection to nobody": graph(relu("a"), connections=[("a", "b")]),
    "a connection from nobody": graph(relu("a"), connections=[("b", "a")]),
    "a connection to no port": graph(relu("a"), relu("b"), connections=[("a", "b/in2")]),
    "a connection twice": graph(relu("a"), relu("b"), connections=[("a", "b"), ("a", "b")]),
    "a connection to itself": graph(relu("a"), connections=[("a", "a")]),
    "a cycle": graph(relu("a"), relu("b"), relu("c"), connections=[("a", "b"), ("b", "c"), ("c", "a")]),
    "a cycle far off": graph(
        *(relu(f"r{i}") for i in range(1000)),
        connections=[(f"r{i}", f"r{(i + 1) % 1000}") for i in range(1000)],
    ),
    "brackets, 100000 deep": "[" * 100_000,
    "closed brackets, 100000 deep": "[" * 100_000 + "]" * 100_000,
    "objects, 100000 deep": '{"a":' * 100_000,
    "brackets in a layer, 990 deep": '{"layers":[{"type":"ReluLayer","name":'
    + "[" * 990
    + "]" * 990
    + '}],"connections":[]}',
}


@pytest.mark.parametrize("name", RAW)
@pytest.mark.parametrize("weights", [True, False])
def test_files_that_are_no_safetensors_are_refused(name, weights, path):
    path.write_bytes(RAW[name])
    with pytest.raises(FileFormatError, match=r"hostile\.safetensors") as caught:
        load(path, weights=weights)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("weights", [True, False])
def test_invalid_architectures_are_refused(name, weights, path):
    write(path, ARCHITECTURES[name])
    with pytest.raises(FileFormatError) as caught:
        load(path, weights=weights)
    assert "holds no valid layer graph" in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_messages_about_invalid_architectures(golden_errors, path):
    def write_and_load(name):
        write(path, ARCHITECTURES[name])
        return load(path)

    # the messages of the others quote Python's JSON reader, or safetensors
    quoted = ("JSON", "empty text", "deep", "missing argument")
    names = [name for name in ARCHITECTURES if not any(word in name for word in quoted)]
    golden_errors(
        "hostile_files", {name: lambda n=name: write_and_load(n) for name in names}, hide=str(path.parent)
    )


@pytest.mark.parametrize(
    "metadata", [None, {}, {"format": "pt"}, {"format": "layergraph 2"}, {"architecture": "{}"}]
)
def test_safetensors_of_other_programs_are_refused(metadata, path, golden_errors):
    save_file({"weight": torch.zeros(2)}, path, metadata)
    with pytest.raises(FileFormatError, match="was it written by save"):
        load(path)


def test_truncated_files_are_refused(path):
    lgraph = segnet_layers((8, 8), 2, 1, num_output_channels=1, num_convolution_layers=1)
    lgraph.compile().layer_graph().save(path)
    whole = path.read_bytes()
    for length in [*range(64), *range(64, len(whole), 61), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError):
            load(path)
    path.write_bytes(whole + b"more")
    with pytest.raises(FileFormatError):
        load(path)


quick = settings(max_examples=150, suppress_health_check=[*HealthCheck])


def loads_or_refuses(path):
    try:
        lgraph = load(path)
    except FileFormatError:
        return
    try:
        infer_sizes(lgraph)
        str(lgraph)
        lgraph._repr_html_()
        lgraph.compile()
    except LayergraphError:
        pass


@quick
@given(data=st.data())
def test_files_with_random_changes_load_or_are_refused(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "changed.safetensors"
    lgraph = segnet_layers((8, 8), 2, 1, num_output_channels=1, num_convolution_layers=1)
    lgraph.save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    loads_or_refuses(path)


@quick
@given(content=st.binary(max_size=200))
def test_random_bytes_are_refused(content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "random.safetensors"
    path.write_bytes(content)
    with pytest.raises(FileFormatError):
        load(path)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.integers(-2, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["same", "auto", "none", "he", "centercrop", "nearest", "mean"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)


@settings(max_examples=500, suppress_health_check=[*HealthCheck])
@given(kind=st.sampled_from(sorted(LAYER_TYPES)), data=st.data())
def test_random_arguments_of_every_layer_type_load_or_are_refused(kind, data, tmp_path_factory):
    names = [f.name for f in fields(LAYER_TYPES[kind]) if f.name not in ("weights", "module", "name")]
    required = [f.name for f in fields(LAYER_TYPES[kind]) if f.name in names and f.default is MISSING]
    chosen = data.draw(st.sets(st.sampled_from(names), max_size=3)) if names else set()
    item = {"type": kind, "name": "x", **{name: data.draw(VALUES) for name in {*chosen, *required}}}
    path = tmp_path_factory.getbasetemp() / "arguments.safetensors"
    write(path, graph(item))
    try:
        lgraph = load(path)
    except FileFormatError:
        return
    assert load(path) == lgraph
    assert repr(lgraph.layers)
    infer_sizes(lgraph)
    lgraph._repr_html_()


@settings(max_examples=300, suppress_health_check=[*HealthCheck])
@given(data=st.data())
def test_architectures_with_random_changes_load_or_are_refused(data, tmp_path_factory):
    """Values of a valid architecture are replaced, keys removed, rows doubled."""
    path = tmp_path_factory.getbasetemp() / "architecture.safetensors"
    lgraph = segnet_layers((8, 8), 2, 1, num_output_channels=1, num_convolution_layers=1)
    item = graph(*map(layer_to_json, lgraph.layers), connections=lgraph.connections)
    item = json.loads(json.dumps(item))
    for _ in range(data.draw(st.integers(1, 3))):
        steps, key = data.draw(st.sampled_from(sorted(positions(item), key=repr)))
        owner = item
        for step in steps:
            owner = owner[step]
        change = data.draw(st.sampled_from(["replace", "remove", "double"]))
        if change == "replace":
            owner[key] = data.draw(VALUES)
        elif change == "remove":
            del owner[key]
        elif isinstance(owner, list):
            owner.append(deepcopy(owner[key]))
    write(path, item)
    loads_or_refuses(path)


def positions(item, steps=()):
    """The position of every value in nested lists and objects: the steps to its owner, and its key."""
    keys = item.keys() if isinstance(item, dict) else range(len(item)) if isinstance(item, list) else ()
    for key in keys:
        yield steps, key
        yield from positions(item[key], (*steps, key))


# -- linear time ----------------------------------------------------------------------------------------


def loading(folder, content):
    """Return a function that writes a file of n layers or connections, and returns a call that loads it."""

    def make(count):
        path = folder / f"{count}.safetensors"
        write(path, content(count))
        return lambda: load(path)

    return make


@pytest.mark.parametrize("reverse", [False, True])
def test_chains_load_in_linear_time(tmp_path, reverse):

    def chain(count):
        rows = [(f"r{i}", f"r{i + 1}") for i in range(count - 1)]
        layers = (relu(f"r{i}") for i in range(count))
        return graph(*layers, connections=rows[::-1] if reverse else rows)

    assert_linear(loading(tmp_path, chain), 400)


def test_layers_with_many_connections_load_in_linear_time(tmp_path):
    def star(count):
        wide = {"type": "AdditionLayer", "name": "sum", "num_inputs": count}
        return graph(relu("a"), wide, connections=[("a", f"sum/in{i + 1}") for i in range(count)])

    assert_linear(loading(tmp_path, star), 500)


def loose(count):
    return graph(*(relu(f"r{i}") for i in range(count)))


def loose_inputs(count):
    return graph(*({"type": "AdditionLayer", "name": f"a{i}", "num_inputs": 100} for i in range(count)))


def chain(count):
    return graph(
        {"type": "ImageInputLayer", "name": "in", "input_size": [8, 8, 1]},
        *(relu(f"r{i}") for i in range(count)),
        connections=[("in", "r0"), *((f"r{i}", f"r{i + 1}") for i in range(count - 1))],
    )


OUTPUTS = {
    "issues": lambda lgraph: analyze_network(lgraph).issues,
    "text": lambda lgraph: analyze_network(lgraph).to_text(),
    "json": lambda lgraph: analyze_network(lgraph).to_json(),
    "markdown": lambda lgraph: analyze_network(lgraph).to_markdown(),
    "html": lambda lgraph: analyze_network(lgraph).to_html(),
    "all columns": lambda lgraph: analyze_network(lgraph).table("all").to_text(),
    "blocks": lambda lgraph: analyze_network(lgraph).table(group=True).to_csv(),
    "dot": lambda lgraph: plot(lgraph).source,
    "comparison": lambda lgraph: str(compare(lgraph, lgraph)),
}


@pytest.mark.slow
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("content", [loose, loose_inputs, chain])
def test_every_output_takes_linear_time(tmp_path, content, output):
    def make(count):
        path = tmp_path / f"{count}.safetensors"
        write(path, content(count))
        lgraph = load(path)
        return lambda: OUTPUTS[output](lgraph)

    assert_linear(make, 200)


def test_sizes_that_no_tensor_can_have_are_reported(path):
    def repeated(layer, count):
        names = [f"l{i}" for i in range(count)]
        return graph(
            {"type": "ImageInputLayer", "name": "in", "input_size": [8, 8, 1]},
            *({**layer, "name": name} for name in names),
            connections=[*pairwise(["in", *names])],
        )

    transposed = {"type": "TransposedConv2dLayer", "filter_size": 2, "num_filters": 1}
    for layer, count in (
        ({**transposed, "stride": 2**62}, 18),
        ({**transposed, "stride": 2**55}, 300),
        ({"type": "Resize2dLayer", "scale": 2.0**62}, 20),
    ):
        write(path, repeated(layer, count))
        lgraph = load(path)
        analysis = analyze_network(lgraph, target_usage="network")
        assert [(issue.code, issue.layer) for issue in analysis.issues if issue.code == "LG-TOO-LARGE"] == [
            ("LG-TOO-LARGE", "l0")
        ]
        for output in OUTPUTS.values():
            output(lgraph)
        with pytest.raises(InvalidNetworkError, match="LG-TOO-LARGE"):
            lgraph.compile()


def test_learnables_that_no_tensor_can_have_are_reported(path):
    layer = {"type": "FullyConnectedLayer", "name": "fc", "output_size": 2**40}
    data = {"type": "ImageInputLayer", "name": "in", "input_size": [2**20, 2**20, 1]}
    write(path, graph(data, layer, connections=[("in", "fc")]))
    lgraph = load(path)
    assert analyze_network(lgraph, target_usage="network").total_learnables == 2**80 + 2**40
    with pytest.raises(InvalidNetworkError, match="LG-TOO-LARGE"):
        lgraph.compile()


def test_an_architecture_that_is_too_long_is_refused(path):
    write(path, " " * (17 * 1024**2))
    with pytest.raises(FileFormatError, match="must have at most 16777216 characters"):
        load(path)


# -- weights --------------------------------------------------------------------------------------------


def test_weights_of_missing_layers_are_refused(path):
    write(path, graph(relu("a")), {"b/weight": torch.zeros(1)})
    with pytest.raises(FileFormatError, match="no layer is called 'b'"):
        load(path)
    write(path, graph(relu("a")), {"weight": torch.zeros(1)})
    with pytest.raises(FileFormatError, match="no layer is called 'weight'"):
        load(path)


@pytest.mark.parametrize(
    "tensors",
    [
        {"c/weight": torch.zeros(1)},
        {"c/weight": torch.zeros(2, 1, 3, 3), "c/bias": torch.zeros(3)},
        {"c/weight": torch.zeros(2, 1, 3, 3), "c/bias": torch.zeros(2), "c/__class__": torch.zeros(1)},
        {"c": torch.zeros(1)},
        {"c/": torch.zeros(1)},
        {"c/weight/x": torch.zeros(1)},
    ],
)
def test_compile_reports_weights_that_do_not_fit(tensors, path):
    item = graph(
        {"type": "ImageInputLayer", "name": "in", "input_size": [5, 5]}, conv(), connections=[("in", "c")]
    )
    write(path, item, tensors)
    with pytest.raises(LayergraphError, match="its weights do not fit"):
        load(path).compile()


def test_compile_reports_layers_too_large_for_memory(path):
    for channels, words in ((10**12, "no module can be made"), (2**62, "LG-TOO-LARGE")):
        layers = (
            {"type": "ImageInputLayer", "name": "in", "input_size": [5, 5], "normalization": "none"},
            conv(num_filters=channels),
        )
        write(path, graph(*layers, connections=[("in", "c")]))
        lgraph = load(path)
        with pytest.raises(LayergraphError, match=words):
            lgraph.compile()


# -- names ----------------------------------------------------------------------------------------------

NAMES = [
    "<script>alert(1)<",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE layers; --",
    "$(touch pwned)",
    "`touch pwned`",
    "..",
    "C:\\Windows",
    "\x1b[31mred",
    "__import__('os').system('touch pwned')",
    '"); __import__("os").system("touch pwned"); ("',
    "a\nb",
    "{0.__class__}",
    "%s%s%n",
    "x" * 10_000,
    "\u202eright to left",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_never_becomes_code_markup_or_a_path(name, path, monkeypatch):
    monkeypatch.chdir(path.parent)
    layers = ({"type": "ImageInputLayer", "name": "in", "input_size": [5, 5]}, conv(name=name))
    write(path, graph(*layers, connections=[("in", name)]))
    lgraph = load(path)
    assert [*lgraph] == ["in", name]
    html = lgraph._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    net = lgraph.compile().eval()
    x = torch.rand(1, 1, 5, 5)
    assert torch.equal(net.to_fx()(x), net(x))
    net.layer_graph().save("again.safetensors")
    assert load("again.safetensors") == net.layer_graph()
    assert sorted(os.listdir()) == ["again.safetensors", "hostile.safetensors"]


def test_loading_leaves_no_file_open(path):
    LayerGraph(ReluLayer()).save(path)
    for _ in range(300):
        load(path)
    path.unlink()


def test_names_with_many_dots_are_loaded(tmp_path):
    """Each dot would be a nested module, deeper than torch can visit, or a prefix to try."""
    deep = "a." * 150_000 + "x"
    net = LayerGraph(
        [ImageInputLayer((8, 8, 1)), ScalingLayer(2, name=deep), ReluLayer(name="a.b")]
    ).compile()
    assert max(name.count(".") for name, _ in net.named_modules()) == 1
    assert net.layer_graph().order[1] == deep
    save_file({"." * 300_000: torch.zeros(2), "c.weight": torch.ones(2, 1, 1, 1)}, tmp_path / "w.safetensors")
    lgraph = LayerGraph([ImageInputLayer((8, 8, 1)), Convolution2dLayer(1, 2, name="c")])
    loaded, report = load_weights(lgraph, tmp_path / "w.safetensors")
    assert loaded["c"].weights is not None
    assert len(report.skipped) == 1
