"""LayerGraph: queries, every edit, and the message of every mistake; a failed edit changes nothing."""

import networkx
import numpy as np
import pytest
import torch

import layergraph
from layergraph import (
    AdditionLayer,
    BadNameError,
    ClippedReluLayer,
    Connection,
    Convolution2dLayer,
    CycleError,
    DepthConcatenationLayer,
    DropoutLayer,
    DuplicateNameError,
    ImageInputLayer,
    LayerGraph,
    MaxPooling2dLayer,
    MaxUnpooling2dLayer,
    PixelClassificationLayer,
    PortTakenError,
    ReluLayer,
    SoftmaxLayer,
    UnknownConnectionError,
    UnknownLayerError,
    UnknownPortError,
    Weights,
    WrongTypeError,
)
from layergraph.graph.draft import End


def relu(name):
    return ReluLayer(name=name)


@pytest.fixture
def lgraph() -> LayerGraph:
    """in → conv → pool → unpool (indices and size not connected yet) → add (in1), softmax → pixels."""
    graph = LayerGraph(
        [
            ImageInputLayer((8, 8, 3), name="in"),
            Convolution2dLayer(3, 4, padding=1, name="conv"),
            MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True, name="pool"),
            MaxUnpooling2dLayer(name="unpool"),
            AdditionLayer(2, name="add"),
            SoftmaxLayer(name="softmax"),
            PixelClassificationLayer(name="pixels"),
        ]
    )
    for port in ("indices", "size"):
        graph = graph.connect_layers(f"pool/{port}", f"unpool/{port}")
    return graph


def picture(graph):
    """Every observable value of a graph, to compare it before and after an edit."""
    return graph.layers, graph.connections, graph.order, graph.input_names, graph.output_names, hash(graph)


# -- what it holds -----------------------------------------------------------------------------------


def test_layers_names_and_ends(lgraph):
    assert [*lgraph] == ["in", "conv", "pool", "unpool", "add", "softmax", "pixels"]
    assert [layer.name for layer in lgraph.layers] == [*lgraph]
    assert (lgraph.input_names, lgraph.output_names) == (("in",), ("pixels",))
    assert len(lgraph) == 7
    assert "conv" in lgraph
    assert "conv/in" not in lgraph
    assert 5 not in lgraph
    assert lgraph["conv"].num_filters == 4
    assert lgraph.sources("in") == {}
    assert lgraph.sources("add") == {"in1": End("unpool", "out")}
    assert set(lgraph.destinations("pool")) == {
        ("out", End("unpool", "in")),
        ("indices", End("unpool", "indices")),
        ("size", End("unpool", "size")),
    }


def test_connections_name_the_port_if_a_layer_has_several(lgraph):
    assert lgraph.connections == (
        Connection("in", "conv"),
        Connection("conv", "pool"),
        Connection("pool/out", "unpool/in"),
        Connection("pool/indices", "unpool/indices"),
        Connection("pool/size", "unpool/size"),
        Connection("unpool", "add/in1"),
        Connection("add", "softmax"),
        Connection("softmax", "pixels"),
    )


def test_connections_are_sorted_by_source_and_destination():
    layers = [relu("a"), relu("b"), AdditionLayer(3, name="s"), AdditionLayer(2, name="t")]
    empty = LayerGraph()
    for layer in layers:
        empty = empty.add_layers(layer)
    rows = [("a", "s/in1"), ("a", "s/in3"), ("a", "t/in2"), ("b", "s/in2"), ("b", "t/in1")]
    for order in ([0, 1, 2, 3, 4], [4, 2, 0, 3, 1], [3, 4, 2, 1, 0]):
        graph = empty
        for index in order:
            graph = graph.connect_layers(*rows[index])
        assert [tuple(row) for row in graph.connections] == rows
        assert graph == empty.connect_layers(*rows[0]).connect_layers(*rows[1]).connect_layers(
            *rows[2]
        ).connect_layers(*rows[3]).connect_layers(*rows[4])


def test_the_order_is_the_stable_topological_one():
    """The smallest insertion index among the layers whose inputs are placed comes next."""
    graph = LayerGraph([relu("late"), AdditionLayer(2, name="sum")])
    graph = graph.add_layers([ImageInputLayer((4, 4, 1), name="first"), relu("second")])
    graph = (
        graph.connect_layers("second", "late").connect_layers("first", "sum/in2").add_layers(relu("alone"))
    )
    assert graph.order == ("first", "second", "late", "sum", "alone")
    index = {name: i for i, name in enumerate(graph)}
    wanted = networkx.lexicographical_topological_sort(graph.to_networkx(), key=index.get)
    assert graph.order == tuple(wanted)


def test_networkx_gets_layers_and_ports(lgraph):
    graph = lgraph.to_networkx()
    assert isinstance(graph, networkx.MultiDiGraph)
    assert list(graph) == [*lgraph]
    assert graph.nodes["conv"]["layer"] is lgraph["conv"]
    ports = {(d["source"], d["destination"]) for d in graph.get_edge_data("pool", "unpool").values()}
    assert ports == {("out", "in"), ("indices", "indices"), ("size", "size")}
    assert graph.number_of_edges() == len(lgraph.connections)


def test_the_repr(lgraph, golden):
    golden("graph_repr", f"{lgraph}\n\n{LayerGraph()}\n\n{lgraph.to_table()}")


def test_notebooks_get_names_as_text_not_as_markup():
    name = '<script>alert("1")<b>&amp;'
    html = LayerGraph([relu(name), relu("007"), relu("1e5")])._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;b&gt;" in html
    assert "&amp;amp;" in html
    assert "007" in html
    assert "1e5" in html


def test_equality_and_hash(lgraph):
    again = LayerGraph(lgraph["in"]).add_layers([layer for layer in lgraph.layers if layer.name != "in"])
    assert again != lgraph
    for source, destination in (("in", "conv"), ("pool/indices", "unpool/indices")):
        again = again.connect_layers(source, destination)
    assert again != lgraph
    again = again.connect_layers("pool/size", "unpool/size")
    assert again == lgraph
    assert hash(again) == hash(lgraph)
    assert lgraph != lgraph.replace_layer("conv", Convolution2dLayer(3, 5, padding=1, name="conv"))
    assert lgraph != "a graph"
    assert LayerGraph([relu("a")]) != LayerGraph([relu("b")])
    ab = LayerGraph().add_layers(relu("a")).add_layers(relu("b"))
    ba = LayerGraph().add_layers(relu("b")).add_layers(relu("a"))
    assert ab != ba  # the order of adding is part of it: tables follow it


def test_equal_graphs_have_equal_weights_to_the_bit():
    graph = LayerGraph(relu("a"))

    def with_value(value, dtype=torch.float32):
        return graph.with_weights({"a": Weights({"x": torch.tensor([value, 1.0], dtype=dtype)})})

    assert with_value(2.0) == with_value(2.0)
    assert hash(with_value(2.0)) == hash(with_value(2.0))
    assert with_value(2.0) != graph
    assert with_value(2.0) != with_value(3.0)
    assert with_value(2.0) != with_value(2.0, torch.float64)
    assert with_value(float("nan")) == with_value(float("nan"))
    assert with_value(0.0) != with_value(-0.0)
    scalars = [graph.with_weights({"a": Weights({"n": torch.tensor(n)})}) for n in (1, 1, 2)]
    assert scalars[0] == scalars[1] != scalars[2]
    assert repr(with_value(1.0)["a"].weights) == "Weights(x 2)"
    assert repr(scalars[0]["a"].weights) == "Weights(n scalar)"


# -- edits -------------------------------------------------------------------------------------------


def test_add_layers_connects_in_series_and_to_nothing_else(lgraph):
    bigger = lgraph.add_layers([relu("x"), relu("y")])
    assert [*bigger][-2:] == ["x", "y"]
    assert set(bigger.connections) - set(lgraph.connections) == {("x", "y")}
    assert LayerGraph([relu("x"), AdditionLayer(2, name="s")]).connections == (("x", "s/in1"),)
    pool = MaxPooling2dLayer(2, has_unpooling_outputs=True, name="p")
    assert LayerGraph([pool, relu("r")]).connections == (("p/out", "r"),)
    assert lgraph.add_layers([]) == lgraph
    assert lgraph.add_layers(layer for layer in [relu("g")]) == lgraph.add_layers(relu("g"))


def test_remove_layers_drops_connections_and_joins_nothing(lgraph):
    smaller = lgraph.remove_layers(["pool", "add"])
    assert [*smaller] == ["in", "conv", "unpool", "softmax", "pixels"]
    assert smaller.connections == (("in", "conv"), ("softmax", "pixels"))
    assert lgraph.remove_layers("pool").remove_layers("add") == smaller
    assert lgraph.remove_layers(["add", "pool", "add"]) == smaller
    assert lgraph.remove_layers([]) == lgraph
    assert lgraph.remove_layers(iter(["pool", "add"])) == smaller


def test_disconnect_layers_undoes_connect_layers(lgraph):
    connected = lgraph.connect_layers("conv", "add/in2")
    assert set(connected.connections) - set(lgraph.connections) == {("conv", "add/in2")}
    assert connected.disconnect_layers("conv", "add/in2") == lgraph
    assert connected.disconnect_layers("conv/out", "add/in2") == lgraph  # one port may be named, too
    both = connected.disconnect_layers("pool/indices", "unpool/indices")
    assert ("pool/indices", "unpool/indices") not in both.connections
    assert both.connect_layers("pool/indices", "unpool/indices") == connected


def test_an_output_can_have_many_destinations(lgraph):
    graph = LayerGraph([relu("a"), DepthConcatenationLayer(3, name="cat")])
    graph = graph.connect_layers("a", "cat/in2").connect_layers("a", "cat/in3")
    assert [row.destination for row in graph.connections] == ["cat/in1", "cat/in2", "cat/in3"]
    assert graph.remove_layers("cat").destinations("a") == ()


def test_replace_layer_keeps_position_and_connections(lgraph):
    new = lgraph.replace_layer(
        "conv", [Convolution2dLayer(1, 4, name="narrow"), ClippedReluLayer(6, name="clip")]
    )
    assert [*new] == ["in", "narrow", "clip", "pool", "unpool", "add", "softmax", "pixels"]
    assert new.connections[:3] == (("in", "narrow"), ("narrow", "clip"), ("clip", "pool"))
    assert new.connections[3:] == lgraph.connections[2:]
    assert lgraph.replace_layer("pixels", PixelClassificationLayer(name="labels")).output_names == ("labels",)
    renamed = lgraph.replace_layer("add", AdditionLayer(3, name="add"))
    assert renamed.connections == lgraph.connections


def test_replace_layer_by_name_and_by_order():
    graph = LayerGraph([relu("a"), AdditionLayer(2, name="sum"), relu("b")]).add_layers(relu("c"))
    graph = graph.connect_layers("c", "sum/in2")
    unpool = MaxUnpooling2dLayer(name="u")  # inputs in, indices, size
    assert graph.replace_layer("sum", unpool, reconnect_by="order").connections == (
        ("a", "u/in"),
        ("u", "b"),
        ("c", "u/indices"),
    )
    with pytest.raises(UnknownPortError):
        graph.replace_layer("sum", unpool)
    pool = MaxPooling2dLayer(2, has_unpooling_outputs=True, name="b")
    assert graph.replace_layer("b", pool).connections[1] == ("sum", "b")
    swapped = LayerGraph([relu("x"), pool, unpool]).connect_layers("b/size", "u/size")
    crossed = swapped.replace_layer("u", DepthConcatenationLayer(3, name="cat"), "order")
    assert crossed.connections[1:] == (("b/out", "cat/in1"), ("b/size", "cat/in3"))


def test_a_new_layer_can_have_the_name_of_the_replaced_one(lgraph):
    for name in ("conv", "other"):
        graph = lgraph.replace_layer("conv", [relu("x"), Convolution2dLayer(1, 4, name=name)])
        assert [*graph][1:3] == ["x", name]


def test_weights_stay_with_their_layers(lgraph):
    weights = {name: Weights({"weight": torch.rand(2)}) for name in ("conv", "add", "softmax")}
    graph = lgraph.with_weights(weights)
    assert graph["conv"].weights is weights["conv"]
    edits = {
        "add": graph.add_layers(relu("r")),
        "connect": graph.connect_layers("conv", "add/in2"),
        "disconnect": graph.disconnect_layers("in", "conv"),
        "remove": graph.remove_layers("pool"),
        "replace": graph.replace_layer("pixels", PixelClassificationLayer(name="labels")),
    }
    for edited in edits.values():
        assert all(edited[name].weights is weights[name] for name in weights)
    replaced = graph.replace_layer("conv", Convolution2dLayer(3, 4, padding=1, name="conv"))
    assert replaced["conv"].weights is None
    assert replaced["add"].weights is weights["add"]
    assert graph.with_weights(dict.fromkeys(weights)) == lgraph
    assert lgraph["conv"].weights is None


# -- automatic names -----------------------------------------------------------------------------------


def test_one_unnamed_layer_gets_the_bare_name_and_several_get_numbers():
    layers = [ImageInputLayer((4, 4)), Convolution2dLayer(1, 2), ReluLayer(), Convolution2dLayer(1, 2)]
    assert [*LayerGraph(layers)] == ["imageinput", "conv_1", "relu", "conv_2"]


def test_numbers_continue_after_the_highest():
    graph = LayerGraph([ReluLayer(), relu("relu_7"), relu("relu_x"), relu("relu_007_")])
    assert [*graph] == ["relu_8", "relu_7", "relu_x", "relu_007_"]
    assert [*graph.add_layers([ReluLayer(), ReluLayer()])][-2:] == ["relu_9", "relu_10"]
    assert [*LayerGraph(relu("relu")).add_layers(ReluLayer())] == ["relu", "relu_1"]
    assert [*LayerGraph(relu("relu_" + "9" * 5000)).add_layers(ReluLayer())][-1] == "relu"
    assert [*LayerGraph(relu("relu_1")).replace_layer("relu_1", ReluLayer())] == ["relu"]


def test_default_names_differ_from_given_ones():
    graph = LayerGraph([relu("relu"), ReluLayer(), ReluLayer(), relu("relu_2")])
    assert len(set(graph)) == 4


# -- mistakes ------------------------------------------------------------------------------------------

MISTAKES = {
    DuplicateNameError: """
        lgraph.add_layers(relu("conv"))
        lgraph.add_layers([relu("x"), relu("x")])
        lgraph.replace_layer("conv", relu("pool"))
    """,
    BadNameError: """
        lgraph.add_layers(relu("a/b"))
        lgraph.add_layers(relu(5))
        lgraph.add_layers(relu(None))
        lgraph.add_layers(relu(["x"]))
        lgraph.add_layers([ReluLayer(), relu(["x"])])
        lgraph.add_layers(relu("half \\ud800 of a pair"))
        lgraph.replace_layer("conv", relu("/"))
    """,
    UnknownLayerError: """
        lgraph["konv"]
        lgraph["completely different"]
        lgraph[["conv"]]
        LayerGraph()["conv"]
        lgraph.sources("kool")
        lgraph.destinations("kool")
        lgraph.remove_layers("pol")
        lgraph.remove_layers(["conv", "pol"])
        lgraph.connect_layers("konv", "add/in2")
        lgraph.connect_layers("conv", "ad/in2")
        lgraph.disconnect_layers("pol/size", "unpool/size")
        lgraph.replace_layer("softmaxx", relu("x"))
        lgraph.with_weights({"konv": None})
        big["relu99999"]
    """,
    UnknownPortError: """
        lgraph.connect_layers("conv", "add")
        lgraph.connect_layers("pool", "add/in2")
        lgraph.connect_layers("conv", "add/in3")
        lgraph.connect_layers("conv", "add/")
        lgraph.connect_layers("conv/outt", "add/in2")
        lgraph.connect_layers("pixels", "add/in2")
        lgraph.connect_layers("conv", "in")
        lgraph.connect_layers("conv", "in/in")
        lgraph.disconnect_layers("pool/indexes", "unpool/indices")
        lgraph.add_layers([relu("x"), ImageInputLayer((4, 4, 1), name="input2")])
        lgraph.add_layers([PixelClassificationLayer(name="last"), relu("x")])
        lgraph.replace_layer("unpool", relu("x"))
        lgraph.replace_layer("unpool", relu("x"), "order")
        lgraph.replace_layer("conv", PixelClassificationLayer(name="x"))
        lgraph.replace_layer("conv", ImageInputLayer((4, 4, 1), name="x"), reconnect_by="order")
        lgraph.replace_layer("pool", MaxPooling2dLayer(2, name="pool"))
    """,
    UnknownConnectionError: """
        lgraph.disconnect_layers("conv", "add/in2")
        lgraph.disconnect_layers("conv", "unpool/in")
        lgraph.disconnect_layers("pool/out", "unpool/size")
    """,
    PortTakenError: """
        lgraph.connect_layers("in", "pool")
        lgraph.connect_layers("conv", "add/in1")
        lgraph.connect_layers("in", "conv")
    """,
    CycleError: """
        lgraph.disconnect_layers("in", "conv").connect_layers("pool/out", "conv")
        LayerGraph(relu("a")).connect_layers("a", "a")
        lgraph.connect_layers("softmax", "add/in2")
        big.connect_layers("relu9", "relu0")
    """,
    WrongTypeError: """
        LayerGraph(5)
        LayerGraph("relu")
        LayerGraph([relu("a"), "relu"])
        LayerGraph([ReluLayer])
        LayerGraph(torch.nn.ReLU())
        lgraph.add_layers([relu("a"), torch.nn.ReLU()])
        lgraph.add_layers(None)
        lgraph.connect_layers(1, "conv")
        lgraph.connect_layers("conv", None)
        lgraph.remove_layers(3)
        lgraph.replace_layer("conv", [])
        lgraph.replace_layer("conv", relu("x"), reconnect_by="position")
        lgraph.replace_layer("conv", ReluLayer)
        lgraph.with_weights({"conv": {"weight": torch.zeros(1)}})
    """,
}


def cases():
    for error, lines in MISTAKES.items():
        for line in lines.strip().splitlines():
            yield error, line.strip()


def names(lgraph):
    layers = {**vars(layergraph), "torch": torch, "np": np, "relu": relu}
    return {**layers, "lgraph": lgraph, "big": LayerGraph([relu(f"relu{i}") for i in range(10)])}


def test_the_messages_of_mistakes(lgraph, golden_errors):
    scope = names(lgraph)
    golden_errors("graph", {line: lambda line=line: eval(line, scope) for _, line in cases()})


@pytest.mark.parametrize(("error", "line"), [*cases()], ids=str)
def test_a_mistake_raises_its_error_and_changes_nothing(lgraph, error, line):
    scope = names(lgraph)
    before = picture(lgraph), picture(scope["big"])
    with pytest.raises(error):
        eval(line, scope)
    assert (picture(lgraph), picture(scope["big"])) == before


def test_edits_do_not_change_the_old_graph(lgraph):
    before = picture(lgraph)
    lgraph.add_layers([relu("x"), relu("y")])
    lgraph.remove_layers(["pool", "in"])
    lgraph.connect_layers("conv", "add/in2")
    lgraph.disconnect_layers("in", "conv")
    lgraph.replace_layer("conv", [relu("x"), DropoutLayer(name="y")])
    lgraph.with_weights({"conv": Weights({"weight": torch.zeros(1)})})
    sources = lgraph.sources("add")
    sources["in2"] = End("conv", "out")  # a copy
    assert picture(lgraph) == before


def test_a_graph_of_2000_layers_is_built_by_single_edits():
    graph = LayerGraph(relu("0"))
    for index in range(1, 2000):
        graph = graph.add_layers(relu(str(index))).connect_layers(str(index - 1), str(index))
    assert graph.order == tuple(str(i) for i in range(2000))
    assert len(graph.connections) == 1999


def test_attributes_cannot_be_set(lgraph):
    with pytest.raises(
        AttributeError, match=r"^LayerGraph has no attribute 'connection'; did you mean 'connections'"
    ):
        lgraph.connection = ()
    with pytest.raises(AttributeError, match=r"^LayerGraph: layers cannot be set"):
        lgraph.layers = ()
