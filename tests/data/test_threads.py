import threading

import pytest

from layergraph.data.threads import in_threads


def test_results_are_in_order_and_the_first_is_alone():
    main = threading.get_ident()
    threads = {}

    def function(index):
        threads[index] = threading.get_ident()
        return index * 10

    results = in_threads(function, 50, "Testing")
    assert next(results) == 0
    assert threads == {0: main}
    assert [*results] == [index * 10 for index in range(1, 50)]
    assert main not in {thread for index, thread in threads.items() if index}
    assert [*in_threads(function, 0, "Testing")] == []


def test_the_first_error_in_order_comes_out_and_ends_the_work():
    started = []

    def function(index):
        started.append(index)
        if index >= 7:
            raise ValueError(index)
        return index

    seen = []
    with pytest.raises(ValueError, match="7"):
        seen.extend(in_threads(function, 10_000, "Testing"))
    assert seen == [*range(7)]
    assert len(started) < 200


def test_no_more_than_a_few_results_wait():
    started = []
    results = in_threads(started.append, 10_000, "Testing")
    for _ in range(3):
        next(results)
    results.close()
    assert len(started) < 200
