"""`save` and `load`: exact, whole or not at all, and nothing loaded that is not as expected."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import funcgrad
from funcgrad import ShapeDtypeStruct, errors, jit, load, optim, random, save, tree, value_and_grad
from funcgrad import numpy as fnp
from funcgrad.storage import files

ROOT = Path(__file__).resolve().parents[2]
ENDINGS = [".npz", ".safetensors"]


@pytest.fixture(params=ENDINGS)
def path(request, tmp_path):
    if request.param == ".safetensors":
        pytest.importorskip("safetensors")
    return tmp_path / f"model{request.param}"


class Pair(NamedTuple):
    first: Any
    second: Any


class Other(NamedTuple):
    first: Any
    second: Any


@dataclasses.dataclass
class Model:
    w: Any
    scale: Any
    name: str = dataclasses.field(default="", metadata={"static": True})


class Box:
    def __init__(self, x):
        self.x = x


tree.register(Box, lambda b: ((b.x,), None), lambda aux, children: Box(*children))


def same(one, two):
    leaves, treedef = tree.flatten(one)
    others, other = tree.flatten(two)
    assert treedef is other or treedef == other
    for x, y in zip(leaves, others, strict=True):
        assert type(x) is type(y)
        if isinstance(x, np.ndarray | np.generic):
            assert (x.dtype.newbyteorder("="), x.shape) == (y.dtype, y.shape)
            assert x.astype(y.dtype).tobytes() == y.tobytes()
        else:
            assert x == y or x != x


def whole():
    return {
        "tuple": (np.arange(3.0), [np.float32(2.5), np.int8(3)], ()),
        "named": Pair(np.zeros((2, 0)), Pair(None, np.array(1.5))),
        "model": Model(np.ones((2, 3), np.float16), 2.0, "first"),
        "box": Box(np.array([True, False])),
        "ordered": OrderedDict(b=1, a=2),
        "default": defaultdict(list, x=np.uint64(2**64 - 1)),
        3: {(1, "a"): "text", 2.5: 10**30, True: 1 - 2j, None: -0.0},
        "a/b": {"c": np.array([np.nan, np.inf, -0.0]), "../d": 5},
        "none": None,
        "empty": {},
    }


class TestWhatComesBack:
    def test_every_container_and_leaf_is_itself(self, path):
        given = whole()
        save(path, given)
        same(given, load(path, like=whole()))

    def test_without_like_there_are_dicts_and_lists(self, path):
        save(path, whole())
        found = load(path)
        assert set(found) == set(whole())
        assert type(found["tuple"]) is list and found["tuple"][2] == []
        assert set(found["named"]) == {"first", "second"}
        assert found["named"]["second"]["first"] is None
        assert set(found["model"]) == {"w", "scale"}
        assert type(found["box"]) is list
        assert type(found["ordered"]) is dict and list(found["ordered"]) == ["b", "a"]
        assert found["default"] == {"x": np.uint64(2**64 - 1)}
        assert found[3] == whole()[3] and found["a/b"]["../d"] == 5
        assert found["empty"] == {} and found["none"] is None

    @pytest.mark.parametrize("dtype", list("?bBhHiIlLefdFD"))
    def test_every_dtype_to_the_bit(self, path, dtype):
        x = np.arange(12).reshape(3, 4).astype(dtype)
        given = [x, x[:0], x[1, 2], np.array(x[1, 1]), x.T, x[:, ::2], np.asfortranarray(x)]
        save(path, given)
        found = load(path, like=given)
        same(given, found)
        for y in found:
            if isinstance(y, np.ndarray):
                assert y.flags.owndata and y.flags.writeable

    def test_bytes_in_the_other_order_are_read_as_native(self, path):
        save(path, np.arange(3, dtype=">f8"))
        found = load(path, like=np.zeros(3, ">f8"))
        assert found.dtype.isnative and list(found) == [0, 1, 2]

    @pytest.mark.parametrize("leaf", [np.float32(1), 2.5, 7, True, "x", None, np.arange(3)])
    def test_a_leaf_alone(self, path, leaf):
        save(path, leaf)
        same(leaf, load(path))

    def test_like_may_be_shapes_alone(self, path):
        save(path, {"w": np.arange(6.0).reshape(2, 3)})
        found = load(path, like={"w": ShapeDtypeStruct((2, 3), np.dtype(float))})
        assert found["w"][1, 2] == 5

    def test_a_python_number_that_became_numpys_is_taken(self, path):
        save(path, {"w": np.float64(2.0), "n": np.int64(1)})
        assert load(path, like={"w": 0.0, "n": 0}) == {"w": 2.0, "n": 1}

    def test_numpy_reads_what_is_saved(self, tmp_path):
        save(tmp_path / "m.npz", {"layers": [{"kernel": np.arange(3.0)}]})
        with np.load(tmp_path / "m.npz") as found:
            assert list(found["layers.0.kernel"]) == [0, 1, 2]

    def test_safetensors_reads_what_is_saved(self, tmp_path):
        library = pytest.importorskip("safetensors.numpy")
        save(tmp_path / "m.safetensors", {"layers": [{"kernel": np.arange(3.0)}]})
        found = library.load_file(tmp_path / "m.safetensors")
        assert list(found["layers.0.kernel"]) == [0, 1, 2]

    def test_names_that_would_be_one_are_kept_apart(self, path):
        given = {"a": {"b": np.float64(1)}, "a.b": np.float64(2), ("a.b",): np.float64(3)}
        save(path, given)
        assert load(path) == given

    def test_the_same_tree_gives_the_same_bytes(self, path):
        save(path, whole())
        first = path.read_bytes()
        save(path, whole())
        assert path.read_bytes() == first

    def test_deep_trees(self, path):
        deep = np.float64(1.0)
        for _ in range(200):
            deep = [deep]
        save(path, deep)
        same(deep, load(path))
        same(deep, load(path, like=deep))

    def test_strings_name_files_too(self, path):
        save(str(path), [1])
        assert load(os.fsencode(path)) == [1]


def message(caught):
    what, fix, place = str(caught.value).split("\n")
    assert re.match(r"At test_save\.py:\d+ in ", place), place
    return f"{what}\n{fix}"


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("like", "cls", "text"),
        [
            (
                {"w": [np.ones(2)], "b": 0.0},
                errors.StructureError,
                r"a list of 2 at \['w'\], where like has a list of 1",
            ),
            (
                {"w": [np.ones(2), 1.0]},
                errors.StructureError,
                r"keys 'b', 'w' at the root, where like has a dict with key 'w'",
            ),
            (
                {"w": (np.ones(2), 1.0), "b": 0.0},
                errors.StructureError,
                r"a list of 2 at \['w'\], where like has a tuple of 2",
            ),
            (
                {"w": [np.ones(2), None], "b": 0.0},
                errors.StructureError,
                r"a leaf at \['w'\]\[1\], where like has None",
            ),
            (
                {"w": [np.ones(2, "f"), 1.0], "b": 0.0},
                errors.DtypeError,
                r"float64 at \['w'\]\[0\], where like has float32",
            ),
            (
                {"w": [np.ones(3), 1.0], "b": 0.0},
                errors.ShapeError,
                r"shape \(2,\) at \['w'\]\[0\], where like has \(3,\)",
            ),
            (
                {"w": [np.ones(2), 1], "b": 0.0},
                errors.DtypeError,
                r"float64 at \['w'\]\[1\], where like has int64",
            ),
            (
                {"w": [np.ones(2), abs], "b": 0.0},
                errors.DtypeError,
                r"where like has a builtin_function",
            ),
        ],
    )
    def test_another_structure_dtype_or_shape(self, path, like, cls, text):
        save(path, {"w": [np.ones(2), 1.0], "b": 0.0})
        with pytest.raises(cls, match=text) as caught:
            load(path, like=like)
        assert message(caught).startswith("load: the file has ")

    def test_another_class(self, path):
        save(path, [Pair(1, 2)])
        with pytest.raises(errors.StructureError, match=r"a Pair with fields first, second at \[0"):
            load(path, like=[Other(1, 2)])

    def test_another_static_field(self, path):
        save(path, Model(1.0, 2.0, "first"))
        with pytest.raises(
            errors.StructureError, match=r"name='first' at the root, where.*'second"
        ):
            load(path, like=Model(1.0, 2.0, "second"))

    @pytest.mark.parametrize(
        ("leaf", "text"),
        [
            (abs, r"the leaf at \['x'\]\[0\] is a builtin_function"),
            (np.array([None]), "an array of dtype object"),
            (np.array(["a"]), "an array of dtype <U1"),
            (b"x", "a bytes"),
            (np.ma.masked_array([1.0], [True]), "a MaskedArray"),
        ],
    )
    def test_leaves_that_cannot_be_saved(self, path, leaf, text):
        save(path, [1])
        with pytest.raises(errors.DtypeError, match=text) as caught:
            save(path, {"x": [leaf]})
        assert message(caught).startswith("save: ")
        assert load(path) == [1]

    def test_traced_leaves(self, path):
        with pytest.raises(errors.ConcretizationError, match=r"the leaf at \['w'\] is traced"):
            jit(lambda x: save(path, {"w": x}))(1.0)
        assert not path.exists()

    def test_keys_without_a_form(self, path):
        with pytest.raises(errors.StructureError, match=r"a key of a dict at \['a'\].*bytes"):
            save(path, {"a": {b"x": 1}})

    def test_other_endings_and_names(self, tmp_path):
        with pytest.raises(errors.ArgumentError, match=r"ends in \.npz or \.safetensors") as caught:
            save(tmp_path / "model.pkl", [1])
        assert "model.npz" in message(caught)
        with pytest.raises(errors.ArgumentError, match="the name of a file, got a dict"):
            save({"w": 1}, "model.npz")
        with pytest.raises(errors.ArgumentError, match=r"ends in"):
            load("model")

    def test_missing_files_and_folders(self, path):
        with pytest.raises(FileNotFoundError):
            load(path)
        with pytest.raises(FileNotFoundError):
            save(path.parent / "none" / path.name, [1])
        assert list(path.parent.iterdir()) == []

    def test_a_file_cut_off_anywhere(self, path):
        save(path, {"w": np.arange(50.0), "b": [np.ones(3), 2.0]})
        data = path.read_bytes()
        for length in [*range(0, len(data), 37), len(data) - 1]:
            path.write_bytes(data[:length])
            with pytest.raises(errors.FileFormatError, match=r"load: .*model\.\w+' ") as caught:
                load(path)
            assert message(caught)

    def test_a_changed_byte_never_passes_in_a_npz(self, tmp_path):
        path = tmp_path / "m.npz"
        save(path, {"w": np.arange(50.0)})
        data = path.read_bytes()
        for i in range(0, len(data), 5):
            path.write_bytes(data[:i] + bytes([data[i] ^ 0x10]) + data[i + 1 :])
            try:
                found = load(path, like={"w": np.zeros(50)})
            except (errors.FileFormatError, errors.StructureError, errors.DtypeError):
                continue
            assert list(found["w"]) == list(range(50))  # a byte that says nothing, as a date

    @pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04", b"\x80\x04N.", bytes(1000)])
    def test_foreign_bytes(self, path, data):
        path.write_bytes(data)
        with pytest.raises(errors.FileFormatError):
            load(path)

    def test_foreign_arrays(self, tmp_path):
        np.savez(tmp_path / "m.npz", w=np.ones(3))
        with pytest.raises(
            errors.FileFormatError, match=r"not written by funcgrad\.save"
        ) as caught:
            load(tmp_path / "m.npz")
        assert "numpy.load" in message(caught)

    def test_foreign_tensors(self, tmp_path):
        library = pytest.importorskip("safetensors.numpy")
        library.save_file({"w": np.ones(3)}, tmp_path / "m.safetensors")
        with pytest.raises(errors.FileFormatError, match="not written by") as caught:
            load(tmp_path / "m.safetensors")
        assert "load_file" in message(caught)

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "[]",
            "{}",
            '{"format": "theirs"}',
            '{"format": "funcgrad", "version": 2, "tree": [], "leaves": []}',
            '{"format": "funcgrad", "version": 1, "tree": [], "leaves": []}',
            '{"format": "funcgrad", "version": 1, "tree": [null], "leaves": []}',
            '{"format": "funcgrad", "version": 1, "tree": [null], "leaves": [{"value": {"x": 1}}]}',
            '{"format": "funcgrad", "version": 1, "leaves": [], '
            '"tree": [{"kind": "list", "entries": 2}]}',
            '{"format": "funcgrad", "version": 1, "tree": [null], '
            '"leaves": [{"name": "w", "dtype": "f8", "shape": [2], "scalar": false}]}',
        ],
    )
    def test_headers_of_another_hand(self, tmp_path, header):
        with zipfile.ZipFile(tmp_path / "m.npz", "w") as archive:
            archive.writestr("funcgrad.json", header)
        for like in (None, np.zeros(2), [1.0, 2.0]):
            with pytest.raises((errors.FileFormatError, errors.StructureError)):
                load(tmp_path / "m.npz", like=like)

    def test_an_array_other_than_its_header_says(self, tmp_path):
        save(tmp_path / "m.npz", np.ones(3))
        with zipfile.ZipFile(tmp_path / "m.npz") as archive:
            header, array = archive.read("funcgrad.json"), archive.read("value.npy")
        with zipfile.ZipFile(tmp_path / "m.npz", "w") as archive:
            archive.writestr("funcgrad.json", header.replace(b"[3]", b"[4]"))
            archive.writestr("value.npy", array)
        with pytest.raises(errors.FileFormatError, match="'value' is not the one"):
            load(tmp_path / "m.npz")

    def test_an_array_with_more_behind_it(self, tmp_path):
        save(tmp_path / "m.npz", np.ones(3))
        with zipfile.ZipFile(tmp_path / "m.npz") as archive:
            header, array = archive.read("funcgrad.json"), archive.read("value.npy")
        with zipfile.ZipFile(tmp_path / "m.npz", "w") as archive:
            archive.writestr("funcgrad.json", header)
            archive.writestr("value.npy", array + b"x")
        with pytest.raises(errors.FileFormatError, match="longer than its array"):
            load(tmp_path / "m.npz")

    def test_without_the_library_the_message_names_the_extra(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "safetensors", None)
        monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
        path = tmp_path / "m.safetensors"
        for call in (lambda: save(path, [1.0]), lambda: load(path)):
            with pytest.raises(errors.MissingExtraError, match="is not installed") as caught:
                call()
            assert "pip install 'funcgrad[safetensors]'" in message(caught)
        assert list(tmp_path.iterdir()) == []

    def test_safetensors_has_no_long_doubles(self, tmp_path):
        pytest.importorskip("safetensors")
        x = np.ones(2, np.longdouble)
        save(tmp_path / "m.npz", x)
        same(x, load(tmp_path / "m.npz", like=x))
        if x.dtype.itemsize > 8:
            with pytest.raises(errors.DtypeError, match="does not have the dtype"):
                save(tmp_path / "m.safetensors", x)


class TestAtomic:
    def test_a_failure_in_the_middle_leaves_the_old_file(self, path, monkeypatch):
        save(path, {"w": np.ones(1000)})
        kind = files.format_of("save", str(path))

        class Failing:
            def write(self, new, header, arrays):
                kind.write(new, header, arrays)
                with open(new, "rb+") as file:
                    file.truncate(100)
                raise OSError("No space left on device")

        monkeypatch.setattr(files, "format_of", lambda called, path: Failing())
        with pytest.raises(OSError, match="No space left"):
            save(path, {"w": np.zeros(1000)})
        monkeypatch.undo()
        assert np.all(load(path)["w"] == 1)
        assert os.listdir(path.parent) == [path.name]

    def test_a_process_killed_while_it_saves_leaves_a_whole_file(self, path):
        program = """
import sys
import numpy as np
from funcgrad import save

step = 0
while True:
    save(sys.argv[1], {"step": step, "w": [np.full(200_000, float(step)) for _ in range(4)]})
    step += 1
    print(step, flush=True)
"""
        save(path, {"step": -1, "w": [np.full(200_000, -1.0) for _ in range(4)]})
        seen = set()
        for attempt in range(6):
            child = subprocess.Popen(
                [sys.executable, "-c", program, str(path)],
                stdout=subprocess.PIPE,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
            )
            assert child.stdout.readline()  # it has saved once
            time.sleep(0.004 * (attempt + 1))
            child.send_signal(signal.SIGKILL)
            child.wait()
            child.stdout.close()
            found = load(path)
            assert all(np.all(w == found["step"]) for w in found["w"])
            seen.add(found["step"])
        assert -1 not in seen

    def test_permissions_and_links_stay(self, path):
        save(path, [1])
        os.chmod(path, 0o640)
        link = path.with_name(f"link{path.suffix}")
        link.symlink_to(path)
        save(link, [2])
        assert link.is_symlink() and load(path) == [2]
        assert path.stat().st_mode & 0o777 == 0o640

    def test_arguments_are_untouched(self, path):
        given = whole()
        save(path, given)
        same(given, whole())


def test_resumed_training_is_equal_to_the_bit(path):
    key = random.key(0)
    x = random.normal(key, (64, 5))
    y = x @ np.arange(5.0) + 1
    optimizer = optim.adam(0.05)

    def loss(params, x, y):
        return np.mean((x @ params["w"] + params["b"] - y) ** 2)

    @jit
    def step(params, state, key):
        key, use = random.split(key)
        rows = random.choice(use, 64, (16,))
        value, g = value_and_grad(loss)(params, fnp.take(x, rows, 0), fnp.take(y, rows, 0))
        updates, state = optimizer.update(g, state, params)
        return optim.apply_updates(params, updates), state, key, value

    start = {"w": np.zeros(5), "b": 0.0}
    run = start, optimizer.init(start), random.key(1)
    values = []
    for i in range(40):
        if i == 20:
            save(path, {"run": tuple(run), "epoch": i})
        *run, value = step(*run)
        values.append(value)
    saved = load(path, like={"run": (start, optimizer.init(start), key), "epoch": 0})
    again, found = saved["run"], []
    for _ in range(saved["epoch"], 40):
        *again, value = step(*again)
        found.append(value)
    assert found == values[20:]
    same(tuple(run), tuple(again))
    assert type(again[1]) is type(optimizer.init(start))


def test_they_are_the_packages():
    assert funcgrad.save.__module__ == funcgrad.load.__module__ == "funcgrad"
