"""The plan of a network: memory is freed early, and only the layers upstream run."""

import gc
import weakref

import torch
from torch import nn

from layergraph import (
    AdditionLayer,
    ImageInputLayer,
    LayerGraph,
    ModuleLayer,
)


def test_an_output_is_freed_after_its_last_reader():
    """In a chain only the input and the output of one layer are alive; a skip connection keeps one more."""
    alive, counts = weakref.WeakSet(), []

    class CountingOutputs(nn.Module):
        def forward(self, x):
            result = x + 1
            alive.add(result)
            counts.append(len(alive))
            return result

    layers = [ModuleLayer(CountingOutputs(), name=f"m{i}") for i in range(20)]
    lgraph = LayerGraph([ImageInputLayer((4, 4, 1), normalization="none", name="in"), *layers])
    alive.clear()
    counts.clear()
    net = lgraph.compile()
    counts.clear()
    with torch.no_grad():
        net(torch.zeros(1, 1, 4, 4))
    assert len(counts) == 20
    assert max(counts) == 2
    lgraph = lgraph.add_layers(AdditionLayer(2, name="add"))
    lgraph = lgraph.connect_layers("m0", "add/in1").connect_layers("m19", "add/in2")
    net = lgraph.compile()
    counts.clear()
    with torch.no_grad():
        result = net(torch.zeros(1, 1, 4, 4))
    assert max(counts) == 3
    assert result.mean() == 21
    del result
    gc.collect()
    assert len(alive) == 0


def test_activations_run_only_the_layers_upstream():
    labels = []

    class RecordingRuns(nn.Module):
        def __init__(self, label):
            super().__init__()
            self.label = label

        def forward(self, x):
            labels.append(self.label)
            return x

    layers = [ModuleLayer(RecordingRuns(i), name=f"m{i}") for i in range(5)]
    net = LayerGraph([ImageInputLayer((4, 4, 1), name="in"), *layers]).compile()
    labels.clear()
    net.activations(torch.zeros(1, 1, 4, 4), "m2")
    assert labels == [0, 1, 2]
    labels.clear()
    net.activations(torch.zeros(1, 1, 4, 4), ["m3", "m1", "m1"])
    assert labels == [0, 1, 2, 3]
