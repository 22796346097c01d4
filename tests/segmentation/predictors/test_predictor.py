"""The errors for objects that are no predictors."""

import torch

import layergraph as lg
from layergraph.segmentation import AtSize, MonteCarlo, MultiScale, SlidingWindow, semanticseg

IMAGE = [[0, 1], [2, 3]]


class Nameless:
    def predict(self, batch):
        return batch


def test_texts_of_errors(golden_errors):
    layers = [lg.ImageInputLayer((8, 8)), lg.Convolution2dLayer(1, 2), lg.SoftmaxLayer()]
    lgraph = lg.LayerGraph(layers)
    net = lgraph.compile()
    golden_errors(
        "predictors",
        {
            "a graph": lambda: semanticseg(IMAGE, lgraph),
            "the result of train_network": lambda: semanticseg(IMAGE, (net, None)),
            "layers": lambda: semanticseg(IMAGE, layers),
            "a torch module": lambda: semanticseg(IMAGE, torch.nn.Conv2d(1, 2, 1)),
            "a path": lambda: semanticseg(IMAGE, "net.safetensors"),
            "nothing": lambda: semanticseg(IMAGE, None),
            "a predictor without classes": lambda: semanticseg(IMAGE, Nameless()),
            "a graph at a size": lambda: AtSize(lgraph, (8, 8)),
            "a graph in samples": lambda: MonteCarlo(lgraph),
            "a graph in windows": lambda: SlidingWindow(lgraph),
            "a graph at scales": lambda: MultiScale(lgraph),
            "one scale": lambda: MultiScale(net, 0.5),
            "one number as a size": lambda: AtSize(net, 0),
            "half a pixel": lambda: AtSize(net, (3.5, 3)),
            "three numbers as a size": lambda: AtSize(net, (3, 3, 3)),
        },
    )
