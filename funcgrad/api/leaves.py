"""Floor 7: leaves at the border. What a transform takes in, and what it hands out.

In: which leaves are differentiated, and the errors for those that cannot be. Out: arrays that the
caller owns (DESIGN, law 6): writeable, sharing memory with no argument, capture or other result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..core.ir import Aval
from ..core.trace import Tracer, aval_of
from ..errors import DtypeError, ShapeError
from ..ops.convert import convert
from ..tree import TreeDef

__all__ = ["Split", "describe", "is_inexact", "own", "own_tree", "split", "tangents_for"]

_FLOATS = frozenset({float, complex, np.float64, np.float32, np.complex128})
_OTHERS = frozenset({int, bool, str, type(None)})


def describe(f: Callable[..., Any]) -> str:
    """``"loss() at train.py:12"``: a function as errors name it."""
    name = getattr(f, "__name__", type(f).__name__)
    code = getattr(getattr(f, "__wrapped__", f), "__code__", None)
    if code is None:
        return f"{name}()"
    return f"{name}() at {code.co_filename.rpartition('/')[2]}:{code.co_firstlineno}"


def is_inexact(leaf: Any) -> bool:
    """Whether a leaf is differentiated: floating and complex scalars, arrays and tracers.

    Raises:
        DtypeError: For subclasses of arrays whose arithmetic is not an array's.
    """
    kind = type(leaf)
    if kind in _FLOATS:
        return True
    if kind in _OTHERS:
        return False
    if isinstance(leaf, Tracer):
        return leaf.aval.inexact
    if isinstance(leaf, np.ndarray):
        if kind is not np.ndarray and kind is not np.memmap:
            raise DtypeError(
                f"funcgrad: {kind.__module__}.{kind.__name__}, a subclass of numpy.ndarray, "
                "cannot be traced",
                "Convert it to a plain array first: numpy.asarray(x), or x.filled(0) if masked.",
            )
        if leaf.dtype.kind == "O":
            aval_of(leaf)
        return leaf.dtype.kind in "fc"
    return isinstance(leaf, (np.inexact, float, complex))


class Split:
    """The leaves of a pytree, parted into those that are differentiated and the others.

    Attributes:
        leaves: All of them, in order.
        treedef: The structure.
        chosen: The positions of the differentiated ones.
    """

    __slots__ = ("chosen", "leaves", "treedef")

    def __init__(self, leaves: list[Any], treedef: TreeDef, chosen: list[int]) -> None:
        self.leaves, self.treedef, self.chosen = leaves, treedef, chosen

    @property
    def values(self) -> list[Any]:
        return [self.leaves[i] for i in self.chosen]

    def rebuild(self, values: Iterable[Any]) -> Any:
        """The pytree with other values in place of the differentiated ones."""
        leaves = list(self.leaves)
        for i, value in zip(self.chosen, values, strict=True):
            leaves[i] = value
        return tree.unflatten(self.treedef, leaves)

    def gradient(self, values: Sequence[Any]) -> Any:
        """The pytree with ``values`` at the differentiated leaves and None at the others."""
        leaves: list[Any] = [None] * len(self.leaves)
        for i, value in zip(self.chosen, values, strict=True):
            leaves[i] = value
        return tree.unflatten(self.treedef, leaves)


def split(argument: Any) -> Split:
    """Flatten a pytree and find its differentiated leaves."""
    leaves, treedef = tree.flatten(argument)
    return Split(leaves, treedef, [i for i, leaf in enumerate(leaves) if is_inexact(leaf)])


def require_inexact(parts: Split, what: str, name: str) -> None:
    """Raise where nothing in an argument can be differentiated.

    Raises:
        DtypeError: Naming what the argument holds, and the fix.
    """
    if parts.chosen:
        return
    if len(parts.leaves) == 1:
        leaf = parts.leaves[0]
        if isinstance(leaf, (int, np.integer)) and not isinstance(leaf, bool):
            raise DtypeError(
                f"{what}: {name} is the integer {leaf}, which cannot be differentiated",
                f"Write {int(leaf)}.0, or float(x).",
            )
        if isinstance(leaf, (np.ndarray, Tracer, np.generic, bool)):
            raise DtypeError(
                f"{what}: {name} is {aval_of(leaf)}, which cannot be differentiated",
                "Convert it first: x.astype(float).",
            )
        raise DtypeError(
            f"{what}: {name} is a {type(leaf).__name__}, which cannot be differentiated",
            "Choose another argument with argnums or argnames, or pass floats.",
        )
    raise DtypeError(
        f"{what}: {name} has no float leaf to differentiate among its {len(parts.leaves)} leaves",
        "Choose another argument with argnums or argnames, or convert its leaves to float.",
    )


def own(value: Any, taken: set[int]) -> Any:
    """``value`` as a result: a NumPy scalar, or an array that is the caller's alone.

    Args:
        value: A leaf.
        taken: The ids of arrays that others hold; grows by what is handed out.
    """
    if isinstance(value, np.ndarray):
        if value.ndim == 0:
            return value[()]
        flags = value.flags
        if not (flags.owndata and flags.writeable) or id(value) in taken:
            value = value.copy()
        taken.add(id(value))
        return value
    if type(value) in (float, int, bool, complex):
        return aval_of(value).dtype.type(value)
    return value


def own_tree(result: Any, taken: set[int], unwrap: Callable[[Any], Any]) -> Any:
    """`own` for every array or number in a pytree, after ``unwrap``; other leaves stay."""
    return tree.map(lambda leaf: own(unwrap(leaf), taken), result)


def tangents_for(parts: Split, tangents: Any, what: str, name: str) -> list[Any]:
    """The tangents of the differentiated leaves, converted to the leaves' dtypes.

    Args:
        parts: The primal argument.
        tangents: A pytree of the same structure; None (or anything) at other leaves.
        what: The transform, for errors.
        name: What the tangents are called in errors.

    Raises:
        StructureError: Where the structures differ.
        ShapeError: Where a tangent has another shape than its primal.
        DtypeError: Where a tangent is complex and its primal is not.
    """
    given = tree.flatten_up_to(parts.treedef, tangents, what, name)
    return [matching(given[i], aval_of(parts.leaves[i]), what, name) for i in parts.chosen]


def matching(t: Any, aval: Aval, what: str, name: str) -> Any:
    """A tangent or cotangent brought to the dtype of ``aval``; None stays None."""
    if t is None:
        return None
    given = aval_of(t)
    if given.shape != aval.shape:
        raise ShapeError(
            f"{what}: {name} has type {given} where the value has type {aval}",
            "Give it the shape of the value that it goes with.",
        )
    if given.dtype == aval.dtype:
        return t
    if given.dtype.kind == "c" and aval.dtype.kind != "c":
        raise DtypeError(
            f"{what}: {name} has type {given} where the value has type {aval}",
            "Pass its real part.",
        )
    return convert(t, aval.dtype)
