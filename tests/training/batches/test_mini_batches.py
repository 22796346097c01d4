"""The images of each mini-batch."""

import pytest
import torch

from layergraph.training.batches.mini_batches import MiniBatches, even_batches


def epochs(count, size, shuffle, seed=0, number=2):
    batches = MiniBatches(count, size, shuffle, seed)
    return [[*batches] for _ in range(number)]


def test_the_lectures_set_is_one_iteration_per_epoch():
    assert len(MiniBatches(200, 128, "once")) == 1


@pytest.mark.parametrize("shuffle", ["once", "never", "every-epoch"])
def test_batches_are_full_and_disjoint(shuffle):
    for batches in epochs(11, 3, shuffle):
        assert [len(batch) for batch in batches] == [3, 3, 3]
        assert len({index for batch in batches for index in batch}) == 9


@pytest.mark.parametrize("shuffle", ["once", "never", "every-epoch"])
def test_a_small_set_is_one_batch(shuffle):
    assert [sorted(batch) for batch in epochs(3, 128, shuffle, number=1)[0]] == [[0, 1, 2]]


def test_never_keeps_the_order():
    assert epochs(5, 2, "never") == [[[0, 1], [2, 3]]] * 2


def test_once_is_one_permutation_for_all_epochs():
    first, second = epochs(50, 10, "once")
    assert first == second != epochs(50, 10, "never")[0]


def test_every_epoch_has_its_own_permutation():
    first, second = epochs(50, 10, "every-epoch")
    assert first != second


@pytest.mark.parametrize("shuffle", ["once", "every-epoch"])
def test_the_seed_decides(shuffle):
    assert epochs(50, 10, shuffle, 3) == epochs(50, 10, shuffle, 3) != epochs(50, 10, shuffle, 4)


def test_without_a_seed_torchs_generator_decides():
    with torch.random.fork_rng([]):
        torch.manual_seed(5)
        first = epochs(50, 10, "once", None, 1)
        assert first != epochs(50, 10, "once", None, 1)
        torch.manual_seed(5)
        assert first == epochs(50, 10, "once", None, 1)


def test_even_batches_use_all():
    assert [len(batch) for batch in even_batches(200, 128)] == [100, 100]
    assert [index for batch in even_batches(10, 4) for index in batch] == [*range(10)]
