import os
import sys
import warnings

import pytest

from layergraph.data.processes import in_processes
from layergraph.errors import WrongTypeError


def processes(function, count, num_workers=2):
    return in_processes(function, count, "Testing", num_workers, "test")


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_results_are_in_order(num_workers):
    assert [*processes(lambda index: index * 10, 9, num_workers)] == [index * 10 for index in range(9)]
    assert [*processes(lambda index: index, 1, num_workers)] == [0]
    assert [*processes(lambda index: index, 0, num_workers)] == []


def test_the_first_item_is_computed_here_and_the_others_in_processes():
    first, *others = processes(lambda index: os.getpid(), 9)
    assert first == os.getpid()
    assert os.getpid() not in others
    assert len(set(others)) == 2


class UnportableError(Exception):
    def __init__(self, index, function):
        super().__init__(index)
        self.function = function


def test_the_first_error_in_order_is_that_of_a_loop():
    def function(index):
        if index >= 5:
            raise UnportableError(index, lambda: None)  # which no process can send
        return index

    seen = []
    with pytest.raises(UnportableError, match="5"):
        seen.extend(processes(function, 1000))
    assert seen == [*range(5)]


def test_warnings_are_those_of_a_loop():
    known = set()

    def function(index):
        if index % 3 not in known:
            known.add(index % 3)
            warnings.warn(f"the first of kind {index % 3} is {index}", stacklevel=1)
        return index

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert [*processes(function, 30)] == [*range(30)]
    assert [str(each.message) for each in caught] == [f"the first of kind {i} is {i}" for i in range(3)]


def test_without_fork_the_function_must_be_picklable(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(WrongTypeError, match="test: store must be an object that can be pickled"):
        list(processes(lambda index: index, 3))
