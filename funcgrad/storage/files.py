"""``save`` and ``load``: a pytree to a file and back, whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Callable, Generator
from typing import Any, TypeAlias

import numpy as np

from .. import tree as trees
from ..core.trace import Tracer
from ..errors import (
    ArgumentError,
    ConcretizationError,
    DtypeError,
    FileFormatError,
    FuncgradError,
    ShapeError,
)
from ..tree.treedef import a
from .formats import format_of, restore
from .structure import compare, decode, encode, fill, names_of, paths_of, records_of

__all__ = ["load", "save"]

Path: TypeAlias = str | os.PathLike[str]

_VERSION = 1
_NUMBERS: dict[type, type] = {
    bool: np.bool_,
    int: np.int64,
    float: np.float64,
    complex: np.complex128,
}


def save(path: Path, tree: Any) -> None:
    """Write a pytree of arrays and numbers to a file, from which `load` makes it again, exactly.

    The file is written beside its place under a hidden name, and put there when it is whole: who
    reads it, and who is killed or loses power meanwhile, finds the old file or the new one. Nothing
    is pickled. A ``.npz`` file is one that `numpy.load` reads, its arrays under names such as
    ``layers.0.kernel``; the same tree gives the same bytes.

    Args:
        path: A name that ends in ``.npz`` or ``.safetensors`` (which needs the extra of that name).
            A file of that name is replaced; the folder must be there.
        tree: Any pytree: parameters, the state of an optimizer, a key, the number of the epoch. Its
            leaves are arrays and NumPy scalars of numbers or booleans, Python numbers and strings.

    Raises:
        DtypeError: A leaf is something else; the message names its key path.
        StructureError: A key of a dict is no string, number or tuple of them.
        ConcretizationError: A leaf is traced.
        ArgumentError: The name has another ending.
        MissingExtraError: The library safetensors is not installed.
        OSError: The operating system's, as where the folder is not there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/model.npz", {"w": np.ones(2), "step": 3})
    ...     load(f"{folder}/model.npz")
    {'step': 3, 'w': array([1., 1.])}
    """
    name = _name("save", path)
    kind = format_of("save", name)
    leaves, treedef = trees.flatten(tree)
    arrays: dict[str, Any] = {}
    told: list[Any] = []
    for leaf, key, where in zip(leaves, names_of(treedef), paths_of(treedef)):
        record = _record(leaf, key, where)
        if "dtype" in record:
            arrays[key] = leaf.astype(leaf.dtype.newbyteorder("="), copy=False)
        told.append(record)
    header = {
        "format": "funcgrad",
        "version": _VERSION,
        "tree": records_of("save", treedef),
        "leaves": told,
    }
    text = json.dumps(header, allow_nan=False)
    _replace(name, lambda new: kind.write(new, text, arrays))


def load(path: Path, like: Any = None) -> Any:
    """The pytree that `save` wrote.

    Args:
        path: The name of the file.
        like: A pytree of the structure that was saved, such as newly initialised parameters, whose
            values are not read; what has a shape and a dtype, as `ShapeDtypeStruct`, serves as a
            leaf. Tuples, NamedTuples, dataclasses and registered classes come back as themselves.
            Without it there are dicts (for dataclasses and NamedTuples too) and lists.

    Returns:
        The pytree. Arrays are owned and writeable; NumPy scalars, Python numbers and strings come
        back as such.

    Raises:
        FileFormatError: The file is cut off, damaged, or not one that `save` wrote.
        StructureError: It has another structure than ``like``; the message names the key path.
        DtypeError: A leaf has another dtype than that of ``like``.
        ShapeError: A leaf has another shape than that of ``like``.
        ArgumentError: The name has another ending.
        MissingExtraError: The library safetensors is not installed.
        OSError: The operating system's, as where there is no such file.
    """
    name = _name("load", path)
    kind = format_of("load", name)
    with _reading(name):
        header = json.loads(kind.header(name))
        if header["format"] != "funcgrad":
            raise ValueError("it has another header")
        version, records, told = header["version"], header["tree"], header["leaves"]
    if version != _VERSION:
        raise FileFormatError(
            f"load: {name!r} has version {version} of the format, and this funcgrad reads "
            f"{_VERSION}",
            "Update funcgrad.",
        )
    treedef = None
    order = list(range(len(told)))
    if like is not None:
        leaves, treedef = trees.flatten(like)
        wanted = records_of("load", treedef)
        with _reading(name):
            order = compare("load", records, wanted)
            for number, leaf, where in zip(order, leaves, paths_of(treedef)):
                _check(told[number], leaf, where)
    with _reading(name):
        values = _values(name, kind, told)
        if treedef is None:
            return fill(records, values)
        return trees.unflatten(treedef, [values[number] for number in order])


def _name(called: str, path: Any) -> str:
    try:
        return os.fsdecode(os.fspath(path))
    except TypeError:
        raise ArgumentError(
            f"{called}: the first argument is the name of a file, got {a(type(path).__name__)}",
            f"Write {called}('model.npz', ...).",
        ) from None


def _record(leaf: Any, name: str, where: str) -> dict[str, Any]:
    """What the header says of a leaf."""
    if isinstance(leaf, Tracer):
        raise ConcretizationError(
            f"save: the leaf at {where} is traced, and has no value yet",
            "Return it from the function, and save it outside.",
        )
    if isinstance(leaf, np.ndarray | np.generic) and not hasattr(leaf, "mask"):
        if leaf.dtype.kind in "biufc":
            return {
                "name": name,
                "scalar": isinstance(leaf, np.generic),
                "dtype": leaf.dtype.newbyteorder("=").str.lstrip("<>=|"),
                "shape": list(leaf.shape),
            }
        what = f"an array of dtype {leaf.dtype}"
    elif type(leaf) in _NUMBERS or type(leaf) is str:
        return {"value": encode(leaf)}
    else:
        what = f"{a(type(leaf).__name__)}"
    raise DtypeError(
        f"save: the leaf at {where} is {what}",
        "Arrays, numbers and strings are saved. A function, or what else belongs to the structure, "
        "is a static field of a dataclass: field(metadata={'static': True}).",
    )


def _check(record: dict[str, Any], leaf: Any, where: str) -> None:
    """Raise where a saved leaf is not one like ``leaf``."""
    dtype, shape = _kind_of_leaf(leaf)
    if "dtype" in record:
        found: Any = np.dtype(record["dtype"])
        size = tuple(record["shape"])
    else:
        found, size = _kind_of_leaf(decode(record["value"]))
    if found != dtype:
        raise DtypeError(
            f"load: the file has {found} at {where}, where like has {dtype}",
            "Give a like of the saved dtypes, and convert what is loaded.",
        )
    if size != shape:
        raise ShapeError(
            f"load: the file has shape {size} at {where}, where like has {shape}",
            "Give a like of the saved shapes.",
        )


def _kind_of_leaf(leaf: Any) -> tuple[Any, tuple[int, ...]]:
    """The dtype, or what else it is, and the shape of a leaf."""
    if type(leaf) in _NUMBERS:
        return np.dtype(_NUMBERS[type(leaf)]), ()
    if hasattr(leaf, "dtype") and hasattr(leaf, "shape"):
        return np.dtype(leaf.dtype).newbyteorder("="), tuple(leaf.shape)
    return a(type(leaf).__name__), ()


def _values(name: str, kind: Any, told: list[Any]) -> list[Any]:
    """The leaves of a file, each checked against what the header says of it."""
    stored = [record["name"] for record in told if "dtype" in record]
    arrays = iter(kind.read(name, stored))
    found: list[Any] = []
    for record in told:
        if "dtype" not in record:
            found.append(decode(record["value"]))
            continue
        x = restore(next(arrays), np.dtype(record["dtype"]), tuple(record["shape"]))
        if x is None:
            raise ValueError(f"the array {record['name']!r} is not the one that its header tells")
        found.append(x[()] if record["scalar"] else x)
    return found


@contextlib.contextmanager
def _reading(name: str) -> Generator[None]:
    """What a header that is not as `save` writes it raises becomes a `FileFormatError`."""
    try:
        yield
    except FuncgradError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise FileFormatError(
            f"load: {name!r} is damaged: {error}", "Nothing was loaded; take an older file."
        ) from error


def _replace(path: str, write: Callable[[str], None]) -> None:
    """Write a file under another name in its folder, on to the disk, and rename it."""
    path = os.path.realpath(path)  # a link stays one
    folder, name = os.path.split(path)
    new = os.path.join(folder, f".{name}.{secrets.token_hex(8)}.tmp")
    # Created here, with the permissions that any new file has, and never over another.
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        mode = os.stat(path if os.path.exists(path) else new).st_mode & 0o7777
        write(new)
        os.chmod(new, mode)
        with open(new, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
        raise
    if os.name == "posix":  # the folder's entry is to last too
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
