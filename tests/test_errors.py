"""Errors and issues: one family, readable texts, suggestions."""

import pytest

import layergraph
from layergraph import InvalidNetworkError, Issue, LayergraphError, UnknownLayerError, errors
from layergraph.errors import did_you_mean

CLASSES = [
    value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)
]
WARNINGS = [kind for kind in CLASSES if issubclass(kind, Warning)]


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind not in WARNINGS])
def test_every_error_is_one_family_public_and_documented(kind):
    assert issubclass(kind, LayergraphError)
    assert issubclass(kind, ValueError)
    assert getattr(layergraph, kind.__name__) is kind
    assert kind.__doc__


@pytest.mark.parametrize("kind", WARNINGS)
def test_every_warning_is_public_and_documented(kind):
    assert issubclass(kind, UserWarning)
    assert getattr(layergraph, kind.__name__) is kind
    assert kind.__doc__


def test_an_unknown_layer_is_a_key_error_without_quotes_around_its_text():
    error = UnknownLayerError("no layer is called 'x'")
    assert isinstance(error, KeyError)
    assert str(error) == "no layer is called 'x'"


@pytest.mark.parametrize(
    ("name", "known", "ending"),
    [
        ("conv_1", ["conv1", "relu1"], "; did you mean 'conv1'?"),
        ("conv", ["conv1", "conv2", "conv3", "conv4"], "; did you mean 'conv4' or 'conv3' or 'conv2'?"),
        ("x", [], "; there are none"),
        ("zzz", ["a", "b"], "; there are 'a', 'b'"),
        ("zzz", list("abcdefgh"), "; there are 'a', 'b', 'c', 'd', 'e', 'f' and 2 more"),
    ],
)
def test_suggestions(name, known, ending):
    assert did_you_mean(name, iter(known)) == ending


def test_an_invalid_network_lists_every_issue():
    issues = [
        Issue("LG-A", "error", "conv", "in", "first", "do this"),
        Issue("LG-B", "error", "", "", "second"),
    ]
    error = InvalidNetworkError(issues)
    assert error.issues == tuple(issues)
    assert str(error) == (
        "the network cannot run, it has 2 errors:\n"
        "  error at 'conv': first; do this [LG-A]\n"
        "  error: second [LG-B]"
    )
    assert str(InvalidNetworkError(issues[:1])).startswith("the network cannot run, it has 1 error:\n")


def test_an_issue_as_a_dictionary():
    assert Issue("LG-A", "warning", "conv", "in", "first", "do this").to_dict() == {
        "code": "LG-A",
        "severity": "warning",
        "layer": "conv",
        "port": "in",
        "text": "first",
        "advice": "do this",
        "edit": "",
        "others": [],
        "message": "first; do this",
    }
