"""`data.batches`: every example once an epoch, in the order of the key."""

import gc
import io
import itertools
import re
import threading
import time
from typing import NamedTuple

import numpy as np
import pytest

from funcgrad import data, errors, jit, random
from funcgrad.data import batches


class Pair(NamedTuple):
    x: object
    y: object


def arrays(n=10):
    return {"x": np.arange(2.0 * n).reshape(n, 2), "y": [np.arange(n)]}


class DataSet:
    """As PyTorch's map-style data sets."""

    def __init__(self, n=10):
        self.n, self.asked = n, []

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if not 0 <= i < self.n:
            raise IndexError(i)
        self.asked.append(i)
        return Pair(np.full(3, float(i), np.float32), i)


class Several(DataSet):
    def __getitems__(self, indices):
        self.asked.append(indices)
        return [Pair(np.full(3, float(i), np.float32), i) for i in indices]


def labels(found):
    return [batch["y"][0].tolist() for batch in found]


def flat(lists):
    return list(itertools.chain.from_iterable(lists))


class TestArrays:
    def test_in_order_without_a_key(self):
        found = batches(arrays(), 4)
        assert len(found) == 3
        assert labels(found) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
        for batch in found:
            assert np.array_equal(batch["x"][:, 0], 2.0 * batch["y"][0])

    def test_the_last_is_dropped_on_request(self):
        found = batches(arrays(), 4, drop_last=True)
        assert len(found) == 2 and labels(found) == [[0, 1, 2, 3], [4, 5, 6, 7]]

    @pytest.mark.parametrize("drop_last", [False, True])
    @pytest.mark.parametrize("size", [1, 3, 5, 10, 30])
    def test_every_example_once_an_epoch(self, size, drop_last):
        if drop_last and size > 10:
            return
        found = batches(arrays(), size, random.key(1), 3, drop_last)
        drawn = labels(found)
        assert len(drawn) == len(found) == 3 * found.per_epoch
        epochs = [flat(drawn[e * found.per_epoch :][: found.per_epoch]) for e in range(3)]
        for epoch in epochs:
            assert len(set(epoch)) == len(epoch) == (10 // size * size if drop_last else 10)
        assert len({tuple(epoch) for epoch in epochs}) == 3

    def test_the_order_is_that_of_the_key(self):
        key = random.key(5)
        found = flat(labels(batches(arrays(), 3, key, 2)))
        expected = [random.permutation(random.fold_in(key, e), 10).tolist() for e in range(2)]
        assert found == flat(expected)

    def test_a_second_loop_gives_the_same(self):
        found = batches(arrays(), 3, random.key(0), 2)
        assert labels(found) == labels(found)

    @pytest.mark.parametrize("start", range(9))
    @pytest.mark.parametrize("prefetch", [0, 2])
    def test_it_goes_on_where_it_was_stopped(self, start, prefetch):
        whole = labels(batches(arrays(), 3, random.key(0), 2))
        rest = batches(arrays(), 3, random.key(0), 2, start=start, prefetch=prefetch)
        assert labels(rest) == whole[start:] and len(rest) == len(whole[start:])

    def test_without_end(self):
        found = batches(arrays(), 4, random.key(0), None)
        taken = [batch for batch, _ in zip(found, range(20))]
        assert len(taken) == 20
        assert labels(taken)[:6] == labels(batches(arrays(), 4, random.key(0), 2))
        with pytest.raises(TypeError, match="no len"):
            len(found)
        assert "endless" in repr(found)

    def test_batches_are_owned_and_the_arrays_untouched(self):
        given = arrays()
        for key in (None, random.key(0)):
            for batch in batches(given, 4, key):
                assert batch["x"].flags.owndata and not np.shares_memory(batch["x"], given["x"])
                batch["x"][:] = -1
        assert np.array_equal(given["x"], arrays()["x"])

    def test_a_key_that_is_written_over_later_changes_nothing(self):
        key = random.key(0)
        found = batches(arrays(), 3, key)
        expected = labels(found)
        key[:] = 7
        assert labels(found) == expected

    def test_one_array_and_named_tuples(self):
        assert [b.tolist() for b in batches(np.arange(3), 2)] == [[0, 1], [2]]
        found = next(iter(batches(Pair(np.ones((4, 2)), np.arange(4)), 2)))
        assert type(found) is Pair and found.x.shape == (2, 2)

    def test_words_are_examples_too(self):
        assert [b.tolist() for b in batches(np.array(["a", "b", "c"]), 2)] == [["a", "b"], ["c"]]

    def test_tqdm_shows_the_length(self):
        tqdm = pytest.importorskip("tqdm")
        shown = io.StringIO()
        with tqdm.tqdm(batches(arrays(), 4), file=shown) as bar:
            assert len(list(bar)) == bar.total == 3
        assert "3/3" in shown.getvalue()

    def test_print(self):
        assert repr(batches(arrays(), 4)) == "<3 batches of 4 from 10 examples>"


class TestDataSets:
    @pytest.mark.parametrize("cls", [DataSet, Several])
    def test_examples_are_stacked(self, cls):
        found = list(batches(cls(), 4))
        assert [type(b) for b in found] == [Pair] * 3
        assert found[0].x.dtype == np.float32 and found[0].x.shape == (4, 3)
        assert [b.y.tolist() for b in found] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]

    def test_it_is_asked_for_several_where_it_can_be(self):
        asked = Several()
        list(batches(asked, 4))
        assert asked.asked == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]

    def test_shuffled_as_arrays_are(self):
        key = random.key(3)
        found = [b.y.tolist() for b in batches(DataSet(), 4, key, 2)]
        assert found == labels(batches(arrays(), 4, key, 2))

    def test_passed_over_examples_are_not_made(self):
        asked = DataSet()
        list(batches(asked, 4, start=2))
        assert asked.asked == [8, 9]

    def test_pytorchs_own(self):
        torch = pytest.importorskip("torch")
        from torch.utils.data import TensorDataset

        found = list(batches(TensorDataset(torch.arange(6.0), torch.arange(6)), 4))
        assert found[0][0].tolist() == [0, 1, 2, 3] and isinstance(found[0][1], np.ndarray)

    def test_examples_that_differ(self):
        class Odd(DataSet):
            def __getitem__(self, i):
                return {"x": np.ones(2 if i < 2 else 3)} if i != 5 else {"z": 1.0}

        with pytest.raises(errors.ShapeError, match=r"shapes \(2,\) and \(3,\) at \['x'\]"):
            list(batches(Odd(), 4))
        with pytest.raises(errors.StructureError, match="example 5 has a dict with key 'z'"):
            list(batches(Odd(), 3, start=1))

    def test_an_error_of_the_data_set_is_its_own(self):
        class Broken(DataSet):
            def __getitem__(self, i):
                raise OSError("disk")

        for prefetch in (0, 2):
            with pytest.raises(OSError, match="disk"):
                list(batches(Broken(), 4, prefetch=prefetch))


def workers():
    return [t for t in threading.enumerate() if t.name == "funcgrad.data"]


class TestPrefetch:
    @pytest.mark.parametrize("ahead", [1, 2, 100])
    def test_the_same_batches_in_the_same_order(self, ahead):
        key = random.key(0)
        expected = labels(batches(arrays(), 3, key, 3))
        assert labels(batches(arrays(), 3, key, 3, prefetch=ahead)) == expected
        assert workers() == []

    def test_no_more_than_asked_for_is_made_ahead(self):
        asked = DataSet(20)
        loop = iter(batches(asked, 1, prefetch=3))
        next(loop)
        deadline = time.monotonic() + 5
        while len(asked.asked) < 4 and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.02)
        assert asked.asked == [0, 1, 2, 3]
        loop.close()

    def test_it_runs_beside_the_loop(self):
        here, there = threading.get_ident(), set()

        class Noting(DataSet):
            def __getitem__(self, i):
                there.add(threading.get_ident())
                return super().__getitem__(i)

        list(batches(Noting(), 2, prefetch=2))
        assert there and here not in there

    def test_the_thread_ends_with_the_loop(self):
        for batch in batches(arrays(), 1, epochs=None, prefetch=2):
            if batch["y"][0][0] == 3:
                break
        gc.collect()
        assert workers() == []
        loop = iter(batches(arrays(), 1, epochs=None, prefetch=2))
        next(loop)
        assert len(workers()) == 1
        del loop
        gc.collect()
        assert workers() == []

    def test_a_failure_comes_at_its_place(self):
        class Failing(DataSet):
            def __getitem__(self, i):
                if i == 5:
                    raise ValueError("example 5")
                return i

        found = []
        with pytest.raises(ValueError, match="example 5"):
            for batch in batches(Failing(), 2, prefetch=4):
                found += batch.tolist()
        assert found == [0, 1, 2, 3] and workers() == []


def message(caught):
    what, fix, place = str(caught.value).split("\n")
    assert re.match(r"At test_batches\.py:\d+ in ", place), place
    return f"{what}\n{fix}"


class TestRefused:
    @pytest.mark.parametrize(
        ("args", "kwargs", "cls", "text"),
        [
            ((arrays(), 0), {}, errors.ArgumentError, "size is an integer >= 1, got 0"),
            ((arrays(), 2.5), {}, errors.ArgumentError, "size is an integer >= 1, got 2.5"),
            ((arrays(), True), {}, errors.ArgumentError, "size is an integer"),
            ((arrays(), 2, None, 0), {}, errors.ArgumentError, "epochs is an integer >= 1"),
            ((arrays(), 2), {"start": -1}, errors.ArgumentError, "start is an integer >= 0"),
            ((arrays(), 2), {"prefetch": "x"}, errors.ArgumentError, "prefetch is an integer"),
            ((arrays(), 2, 0), {}, errors.DtypeError, "key"),
            ((arrays(), 11, None, 1, True), {}, errors.ShapeError, "10 examples fill no batch of"),
            ((np.ones((0, 2)), 2), {}, errors.ShapeError, "there are no examples"),
            (({}, 2), {}, errors.ShapeError, "no arrays in the tree"),
            (([1.0, 2.0], 2), {}, errors.ShapeError, r"a scalar at \[0\]"),
            (
                ({"x": np.ones(3), "y": np.ones(4)}, 2),
                {},
                errors.ShapeError,
                r"4 examples at \['y'\], and 3 at \['x'\]",
            ),
            ((DataSet(0), 2), {}, errors.ShapeError, "there are no examples"),
            (("words", 2), {}, errors.ShapeError, "a scalar at the root"),
        ],
    )
    def test_bad_input(self, args, kwargs, cls, text):
        with pytest.raises(cls, match=text) as caught:
            batches(*args, **kwargs)
        assert message(caught)

    def test_traced_arrays(self):
        with pytest.raises(errors.ConcretizationError, match="the array at the root is traced"):
            jit(lambda x: batches(x, 2))(np.ones(4))

    def test_names(self):
        assert data.batches.__module__ == "funcgrad.data"
        with pytest.raises(AttributeError, match=r"data\.batches"):
            data.batch  # noqa: B018
