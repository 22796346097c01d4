"""The picture of the confusion matrix."""

import io
import sys

import pytest

from layergraph.errors import ArgumentError, MissingExtraError
from layergraph.segmentation import confusionchart, evaluate_semantic_segmentation

METRICS = evaluate_semantic_segmentation(
    [[[0, 1, 1, 255]]], [[[0, 0, 1, 1]]], classes=["sky $x", "ro\x1bad", "car"], metrics="iou"
)


@pytest.mark.parametrize(
    ("normalization", "texts"),
    [("row-normalized", ["50.0", "50.0", "0.0", "0.0", "50.0", "0.0"]), ("absolute", [*"110010"])],
)
def test_numbers_and_names(normalization, texts):
    axes = confusionchart(METRICS, normalization=normalization)
    # the row of a class without pixels is empty
    assert [text.get_text() for text in axes.texts] == texts
    assert [label.get_text() for label in axes.get_xticklabels()] == [r"sky \$x", r"ro\x1bad", "car"]
    assert confusionchart(METRICS, ax=axes) is axes
    picture = io.BytesIO()
    axes.figure.savefig(picture)
    assert picture.getvalue().startswith(b"\x89PNG")


def test_many_classes_have_no_numbers():
    metrics = evaluate_semantic_segmentation([[[0, 39]]], [[[0, 39]]], metrics="iou")
    assert not confusionchart(metrics).texts


def test_errors(monkeypatch):
    message = "normalization must be 'absolute' or 'row-normalized', got 'column-normalized'"
    with pytest.raises(ArgumentError, match=message):
        confusionchart(METRICS, normalization="column-normalized")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match="confusionchart needs the package matplotlib"):
        confusionchart(METRICS)
