"""The images of each mini-batch."""

import pytest

from layergraph.training.batches.mini_batches import MiniBatches, even_batches

SHUFFLES = pytest.mark.parametrize("shuffle", ["once", "never", "every-epoch"])


def epochs(count, size, shuffle, seed=0, number=2):
    """The indices of each mini-batch of the first epochs."""
    batches, result = MiniBatches(count, size, shuffle, seed), []
    for epoch in range(number):
        batches.set_epoch(epoch)
        rows = [*batches]
        assert {key.epoch for batch in rows for key in batch} == {epoch}
        result.append([[key.item for key in batch] for batch in rows])
    return result


def test_the_lectures_set_is_one_iteration_per_epoch():
    assert len(MiniBatches(200, 128, "once", 0)) == 1


@SHUFFLES
def test_batches_are_full_and_disjoint(shuffle):
    for batches in epochs(11, 3, shuffle):
        assert [len(batch) for batch in batches] == [3, 3, 3]
        assert len({index for batch in batches for index in batch}) == 9


@SHUFFLES
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


@SHUFFLES
def test_iteration_starts_anywhere(shuffle):
    whole = MiniBatches(11, 3, shuffle, 5)
    all_batches = []
    for epoch in range(3):
        whole.set_epoch(epoch)
        all_batches += whole
    for start in range(9):
        rest, found = MiniBatches(11, 3, shuffle, 5, start=start), []
        assert len(rest) == 3
        for epoch in range(start // 3, 3):
            # twice, as before the first epoch of a training
            rest.set_epoch(epoch)
            rest.set_epoch(epoch)
            found += rest
        assert found == all_batches[start:]
        assert [rest.batch(number) for number in range(9)] == all_batches


def test_an_epoch_that_starts_leaves_a_running_iteration_alone():
    batches = MiniBatches(4, 2, "every-epoch", 0)
    running = iter(batches)
    first = next(running)
    batches.set_epoch(1)
    assert [first, *running] == [batches.batch(0), batches.batch(1)]


def test_even_batches_use_all():
    assert [len(batch) for batch in even_batches(200, 128)] == [100, 100]
    assert [index for batch in even_batches(10, 4) for index in batch] == [*range(10)]
