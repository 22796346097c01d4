"""The random numbers of an item depend on seed, epoch and item alone."""

import random
import threading

import numpy as np
import pytest
import torch

from layergraph.data.randomness import item_generator, item_randomness, kept_randomness
from layergraph.errors import ArgumentError


def drawn(seed, epoch, index):
    with item_randomness(seed, epoch, index) as generator:
        assert generator is item_generator()
        own = generator.random(), item_generator().random()
        return (*own, random.random(), np.random.rand(), torch.rand(1).item())


def test_equal_numbers_are_equal_and_each_number_counts():
    assert drawn(1, 2, 3) == drawn(1, 2, 3)
    triples = [(1, 2, 3), (0, 2, 3), (1, 3, 2), (1, 2, 4), (2**32, 2, 3), (2**32 + 1, 2, 3), (0, 0, 0)]
    rows = [drawn(*numbers) for numbers in triples]
    assert all(len(set(column)) == len(triples) for column in zip(*rows, strict=True))


def test_draws_within_an_item_differ():
    numbers = drawn(0, 0, 0)
    assert len(set(numbers)) == len(numbers)


def states():
    return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()


def test_global_states_are_restored_also_after_an_error():
    before = states()
    with pytest.raises(ZeroDivisionError), item_randomness(0, 1, 2):
        random.random() + np.random.rand() + torch.rand(1).item() / 0
    assert states() == before


def test_nested_items_do_not_disturb_each_other():
    with item_randomness(0, 0, 1):
        alone = item_generator().random(), item_generator().random(), np.random.rand(2).tolist()
    with item_randomness(0, 0, 1):
        first = item_generator().random()
        drawn(0, 0, 2)
        assert (first, item_generator().random(), np.random.rand(2).tolist()) == alone


def test_a_thread_beside_an_item_has_generators_of_its_own():
    others = []
    with item_randomness(0, 0, 1) as generator:
        thread = threading.Thread(target=lambda: others.append(item_generator()))
        thread.start()
        thread.join()
    assert others[0] is not generator


def test_outside_an_item_the_state_of_numpy_counts():
    before = np.random.get_state()
    try:
        np.random.seed(5)
        first, second = item_generator().random(), item_generator().random()
        np.random.seed(5)
        assert item_generator().random() == first != second
    finally:
        np.random.set_state(before)


def test_numbers_of_numpy_are_accepted_and_negative_ones_refused():
    assert drawn(np.int64(1), np.uint8(2), 3.0) == drawn(1, 2, 3)
    with pytest.raises(ArgumentError, match="epoch must be a whole number of at least 0"):
        drawn(0, -1, 0)


def test_a_series_of_items_is_the_same_and_keeps_the_states():
    apart = [drawn(1, 2, index) for index in range(4)]
    np.random.randn()  # leaves a second normal number in NumPy's state
    before = states(), np.random.get_state()[3:]
    with kept_randomness():
        together = [drawn(1, 2, index) for index in range(4)]
    assert together == apart
    assert (states(), np.random.get_state()[3:]) == before


def test_an_item_within_an_item_of_a_series_keeps_the_states_of_that_item():
    with item_randomness(1, 2, 3):
        expected = random.random(), np.random.rand(), torch.rand(1).item()
    with kept_randomness(), item_randomness(1, 2, 3):
        drawn(4, 5, 6)
        assert (random.random(), np.random.rand(), torch.rand(1).item()) == expected


def test_an_error_in_a_series_restores_the_states():
    before = states()
    with pytest.raises(OSError, match="gone"), kept_randomness(), item_randomness(0, 0, 0):
        raise OSError("gone")
    assert states() == before
    drawn(0, 0, 0)
    assert states() == before
