"""The state of a training as JSON and tensors."""

import json
from collections import Counter

import numpy as np
import pytest
import torch

from layergraph import FileFormatError, LayergraphError
from layergraph.training.checkpoints.state_tree import join_tree, split_tree


def test_every_type_comes_back():
    tree = {
        0: {"exp_avg": torch.arange(3.0), "step": torch.tensor(2)},
        "numbers": [1, 2.5, float("inf"), float("-inf"), True, None, "text", np.float64(0.25)],
        "tuple": (1, (2, np.arange(4, dtype=np.uint32))),
        "counter": Counter({3: 1}),
    }
    tensors = {}
    back = join_tree(json.loads(json.dumps(split_tree(tree, tensors), allow_nan=False)), tensors)
    assert [*back] == [0, "numbers", "tuple", "counter"]
    assert back[0]["exp_avg"].equal(torch.arange(3.0))
    assert back["numbers"] == tree["numbers"]
    assert back["tuple"][1][1].tolist() == [0, 1, 2, 3]
    assert back["tuple"][1][1].dtype == np.uint32
    assert isinstance(back["counter"], Counter)
    assert np.isnan(join_tree(split_tree(float("nan"), {}), {}))


def test_what_a_file_cannot_hold_is_named():
    with pytest.raises(LayergraphError, match=r"cannot hold state/scheduler/0, an object of type function"):
        split_tree({"scheduler": [lambda: 0]}, {})
    with pytest.raises(LayergraphError, match=r"one of its keys is 1\.5"):
        split_tree({1.5: 0}, {})


@pytest.mark.parametrize(
    "tree",
    [
        [1],
        {"a": 1, "b": 2},
        {"tensor": "missing"},
        {"dict": [[[], 1]]},
        {"dict": {"a": 1}},
        {"float": "1"},
        {"code": "1"},
    ],
)
def test_other_forms_are_refused(tree):
    with pytest.raises(FileFormatError, match="its state must"):
        join_tree(tree, {})


def test_a_deep_tree_is_refused():
    tree = 0
    for _ in range(500):
        tree = {"list": [tree]}
    with pytest.raises(FileFormatError):
        join_tree(tree, {})
