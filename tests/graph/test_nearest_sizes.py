"""The image sizes that a graph takes, compared with torch."""

import doctest

import pytest
import torch

import layergraph as lg
import layergraph.graph.nearest_sizes as module
from layergraph.builders import deeplabv3plus_layers, fcn_layers, segnet_layers, unet_layers
from layergraph.errors import DataError
from layergraph.graph.nearest_sizes import misfit, nearest_sizes

GRAPHS = {
    "unet": unet_layers((32, 32, 1), 2, encoder_depth=2, num_first_encoder_filters=4),
    "valid unet": unet_layers(
        (92, 92, 1), 2, encoder_depth=2, num_first_encoder_filters=4, convolution_padding="valid"
    ),
    "segnet": segnet_layers((32, 32, 1), 2, 2, num_output_channels=4),
    "fcn": fcn_layers((64, 64, 3), 2, width=0.05),
    "deeplab": deeplabv3plus_layers((64, 64, 3), 2, "resnet18", width=0.1),
    "classifier": lg.LayerGraph(
        [lg.ImageInputLayer((8, 8)), lg.Convolution2dLayer(3, 2, stride=2), lg.FullyConnectedLayer(2)]
    ),
}


def test_the_examples():
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", GRAPHS)
def test_sizes_fit_if_torch_takes_them(name):
    lgraph = GRAPHS[name]
    net, channels = lgraph.compile().eval(), lgraph[lgraph.input_names[0]].input_size[-1]
    for spatial in [(n, n) for n in (1, 2, 3, 8, 9, 17, 25, 26, 30, 32, 33)] + [(28, 33), (41, 36)]:
        try:
            with torch.no_grad():
                net(torch.zeros(1, channels, *spatial))
        except RuntimeError:
            with pytest.raises(DataError, match=f"^images of {spatial[0]}×{spatial[1]} do not fit: "):
                net.check_sizes(spatial)
        else:
            net.check_sizes(spatial)


@pytest.mark.parametrize(
    ("name", "spatial", "wanted"),
    [
        ("unet", (30, 30), [(28, 28), (32, 32)]),
        ("unet", (501, 703), [(500, 700), (504, 704)]),
        ("fcn", (17, 17), [(26, 26)]),
        ("fcn", (17, 300), [(26, 300)]),
        ("segnet", (1, 1), [(4, 4)]),
        ("classifier", (9, 9), [(8, 8)]),
    ],
)
def test_the_reported_sizes_are_the_nearest_that_torch_takes(name, spatial, wanted):
    lgraph = GRAPHS[name]
    text = misfit(lgraph, {lgraph.input_names[0]: spatial})
    assert " or ".join(f"{h}×{w}" for h, w in wanted) in text
    net, channels = lgraph.compile().eval(), lgraph[lgraph.input_names[0]].input_size[-1]

    def runs(height, width):
        try:
            with torch.no_grad():
                net(torch.zeros(1, channels, height, width))
        except RuntimeError:
            return False
        return True

    assert all(runs(*size) for size in wanted)
    if max(spatial) < 50:
        between = {n for size in wanted for n in size} | set(spatial)
        strictly = range(min(between) + 1, max(between))
        assert not any(runs(n, n) for n in strictly if (n, n) not in wanted)


def test_the_message_names_the_first_layer_at_fault(golden):
    lines = [
        f"{name} {spatial}\n  {misfit(GRAPHS[name], {GRAPHS[name].input_names[0]: spatial})}\n"
        for name, spatial in (
            ("unet", (30, 30)),
            ("fcn", (17, 17)),
            ("segnet", (1, 1)),
            ("classifier", (9, 9)),
        )
    ]
    golden("image_sizes", "\n".join(lines))


def test_graphs_that_no_size_fits():
    assert nearest_sizes((30, 30), "LG-SPATIAL", lambda n: False) == []
    assert nearest_sizes((30, 30), "LG-WINDOW", lambda n: False) == []


def test_the_search_is_bounded():
    asked = []

    def fits(n):
        asked.append(n)
        return n >= 4096

    assert nearest_sizes((30, 40), "LG-WINDOW", fits) == []
    assert nearest_sizes((3000, 4000), "LG-SPATIAL", lambda n: bool(asked.append(n))) == []
    assert len(asked) < 300


def test_several_inputs_and_volumes():
    layers = [lg.ImageInputLayer((8, 8), name="a"), lg.AdditionLayer(2, name="add")]
    lgraph = lg.LayerGraph(layers).add_layers(lg.ImageInputLayer((8, 8), name="b"))
    lgraph = lgraph.connect_layers("b", "add/in2")
    assert misfit(lgraph, {"a": (9, 9), "b": (9, 9)}) == ""
    text = misfit(lgraph, {"a": (8, 8), "b": (9, 9)})
    assert text.startswith("images of 8×8 and 9×9 do not fit: at 'add' inputs of unequal size: ")
    assert text.endswith("; give images of 8×8 and 8×8")
    volume = lg.LayerGraph([lg.Image3dInputLayer((8, 8, 8)), lg.FullyConnectedLayer(2)])
    assert misfit(volume, {"image3dinput": (8, 8, 9)}) == (
        "images of 8×8×9 do not fit: the weights of 'fc' are for images of 8×8×8; resize them to 8×8×8"
    )
