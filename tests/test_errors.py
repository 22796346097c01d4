"""Errors and issues: their classes, messages and suggestions."""

import pytest

import layergraph
from layergraph import InvalidNetworkError, Issue, LayergraphError, UnknownLayerError, errors
from layergraph.errors import did_you_mean

CLASSES = [
    value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)
]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_and_warning_is_public_documented_and_of_one_family(cls):
    families = (UserWarning,) if issubclass(cls, Warning) else (LayergraphError, ValueError)
    assert all(issubclass(cls, family) for family in families)
    assert getattr(layergraph, cls.__name__) is cls
    assert cls.__doc__


def test_an_unknown_layer_is_a_key_error_whose_message_has_no_quotes():
    error = UnknownLayerError("no layer is called 'x'")
    assert isinstance(error, KeyError)
    assert str(error) == "no layer is called 'x'"


@pytest.mark.parametrize(
    ("name", "known", "end"),
    [
        ("conv_1", ["conv1", "relu1"], "; did you mean 'conv1'?"),
        ("conv", ["conv1", "conv2", "conv3", "conv4"], "; did you mean 'conv4' or 'conv3' or 'conv2'?"),
        ("x", [], "; there are none"),
        ("zzz", ["a", "b"], "; there are 'a', 'b'"),
        ("zzz", list("abcdefgh"), "; there are 'a', 'b', 'c', 'd', 'e', 'f' and 2 more"),
    ],
)
def test_a_message_suggests_near_names_or_lists_the_first(name, known, end):
    assert did_you_mean(name, iter(known)) == end


def test_an_invalid_network_lists_every_issue():
    issues = [
        Issue("LG-A", "error", "conv", "in", "first", "do this"),
        Issue("LG-B", "error", "", "", "second"),
    ]
    error = InvalidNetworkError(issues)
    assert error.issues == tuple(issues)
    assert str(error) == (
        "the network cannot run because of 2 errors:\n"
        "  error at 'conv': first; do this [LG-A]\n"
        "  error: second [LG-B]"
    )
    assert str(InvalidNetworkError(issues[:1])).startswith("the network cannot run because of 1 error:\n")


def test_an_issue_becomes_a_dictionary_of_its_fields():
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
