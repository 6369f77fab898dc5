"""Leaves at the border. What a transform takes in, and what it hands out.

In: which leaves are differentiated, and the errors for those that cannot be. Out: arrays that the
caller owns (DESIGN, law 6): writeable, sharing memory with no argument, capture or other result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..core.ir import Aval
from ..core.source_info import place_of as describe
from ..core.trace import Tracer, aval_of
from ..errors import DtypeError, ShapeError
from ..ops.convert import convert
from ..tree import TreeDef

__all__ = [
    "SplitArgument",
    "describe",
    "is_inexact",
    "own_result",
    "own_results",
    "split",
    "tangents_for",
]

_FLOATS = frozenset({float, complex, np.float64, np.float32, np.complex128})
_OTHERS = frozenset({int, bool, str, type(None)})


def type_of(value: Any) -> str:
    """``"float64[3]"``, ``"a str"``, ``"None"``: a value as errors name it."""
    if value is None:
        return "None"
    if isinstance(value, Tracer) or (
        isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufc"
    ):
        return str(aval_of(value))
    if type(value) is np.ndarray:
        return f"an array of dtype {value.dtype}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeioAEIO' else 'a'} {name}"


def is_inexact(leaf: Any) -> bool:
    """Whether a leaf is differentiated: floating and complex scalars, arrays and tracers.

    Raises:
        DtypeError: For object arrays, which may hold floats, and for subclasses of arrays whose
            arithmetic is not an array's.
    """
    kind = type(leaf)
    if kind in _FLOATS:
        return True
    if kind in _OTHERS:
        return False
    if isinstance(leaf, Tracer):
        return leaf.aval.inexact
    if isinstance(leaf, np.ndarray):
        if kind is not np.ndarray or leaf.dtype.kind == "O":
            aval_of(leaf)
        return leaf.dtype.kind in "fc"
    return isinstance(leaf, (np.inexact, float, complex))


def plain_leaf(leaf: Any) -> Any:
    """``leaf``; an array of numbers in native byte order and of no subclass.

    Raises:
        DtypeError: For subclasses of arrays whose arithmetic is not an array's.
    """
    if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "biufc":
        aval = aval_of(leaf)
        if not leaf.dtype.isnative or type(leaf) is not np.ndarray:
            return np.asarray(leaf, dtype=aval.dtype)
    return leaf


class SplitArgument:
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


def split(argument: Any, what: str, label: Callable[[Any], str], position: Any) -> SplitArgument:
    """Flatten a pytree and find its differentiated leaves.

    Args:
        argument: The pytree.
        what: The transform, for errors.
        label: Gives the argument's name, for errors, from its place.
        position: Which argument it is.

    Raises:
        DtypeError: Where a leaf is an array that cannot be traced, naming the leaf.
    """
    leaves, treedef = tree.flatten(argument)
    chosen: list[int] = []
    for i, leaf in enumerate(leaves):
        try:
            if is_inexact(leaf):
                chosen.append(i)
        except DtypeError as error:
            path = tree.path_string(treedef.paths()[i])
            path = f" has at {path} " if path else " is "
            raise DtypeError(
                f"{what}: {label(position)}{path}{explain_refusal(error)}", error.fix
            ) from None
    return SplitArgument(leaves, treedef, chosen)


def explain_refusal(error: DtypeError) -> str:
    """What `aval_of` refused, from its error: ``"an array of dtype object, which cannot ..."``."""
    got = error.what.removeprefix("funcgrad: ").removesuffix(" cannot be traced").rstrip(",")
    return f"{got}, which cannot be traced"


def primal(i: int) -> str:
    """What errors call argument ``i`` of vjp, jvp and linearize."""
    return f"primal {i}"


def require_inexact(parts: SplitArgument, what: str, name: str) -> None:
    """Raise where nothing in an argument can be differentiated.

    Raises:
        DtypeError: Naming what the argument holds, and the fix.
    """
    if parts.chosen:
        return
    if len(parts.leaves) == 1:
        leaf = parts.leaves[0]
        # NumPy's timedelta64 is a subclass of its integers.
        integer = isinstance(leaf, np.integer) and leaf.dtype.kind in "iu"
        if integer or (isinstance(leaf, int) and not isinstance(leaf, bool)):
            raise DtypeError(
                f"{what}: {name} is the integer {leaf}, which cannot be differentiated",
                f"Write {int(leaf)}.0, or float(x).",
            )
        if isinstance(leaf, (np.ndarray, Tracer, np.generic, bool)):
            raise DtypeError(
                f"{what}: {name} is {type_of(leaf)}, which cannot be differentiated",
                "Convert it first: float(x)."
                if isinstance(leaf, bool)
                else "Convert it first: x.astype(float).",
            )
        raise DtypeError(
            f"{what}: {name} is {type_of(leaf)}, which cannot be differentiated",
            "Convert it with numpy.asarray(x)."
            if hasattr(leaf, "__array__")
            else "Choose another argument with argnums or argnames, or pass floats.",
        )
    if not parts.leaves:
        raise DtypeError(
            f"{what}: {name} is None or an empty container, and has nothing to differentiate",
            "Choose another argument with argnums or argnames, or pass floats.",
        )
    raise DtypeError(
        f"{what}: {name} has no float leaf to differentiate, but {_kinds(parts.leaves)}",
        "Choose another argument with argnums or argnames, or convert its leaves to float.",
    )


def _kinds(leaves: Sequence[Any]) -> str:
    """The kinds of leaves, each once: ``"an int64[] and a str"``."""
    kinds = list(dict.fromkeys(type_of(leaf) for leaf in leaves))
    return kinds[0] if len(kinds) == 1 else f"{', '.join(kinds[:-1])} and {kinds[-1]}"


def own_result(value: Any, taken: set[int]) -> Any:
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


def own_results(result: Any, taken: set[int], unwrap: Callable[[Any], Any]) -> Any:
    """`own_result` for every array or number in a pytree, after ``unwrap``; other leaves stay."""
    return tree.map(lambda leaf: own_result(unwrap(leaf), taken), result)


def tangents_for(parts: SplitArgument, tangents: Any, what: str, name: str) -> list[Any]:
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
    given = tree.flatten_up_to(parts.treedef, tangents, f"{what}: {name}", "the primal")
    return [
        matching(given[i], aval_of(parts.leaves[i]), f"{what}: {name}", parts.treedef, i)
        for i in parts.chosen
    ]


def matching(t: Any, aval: Aval, name: str, treedef: TreeDef, i: int) -> Any:
    """A tangent or cotangent, leaf ``i``, brought to the dtype of ``aval``; None stays None."""
    if t is None:
        return None
    given = aval_of(t)
    if given.shape == aval.shape and given.dtype == aval.dtype and not given.weak:
        return t
    lost = given.dtype.kind == "c" and aval.dtype.kind != "c"
    if given.shape != aval.shape or lost:
        path = tree.path_string(treedef.paths()[i])
        error = DtypeError if lost else ShapeError
        raise error(
            f"{name}{path} has type {given}, and the value that it goes with has type {aval}",
            "Pass its real part." if lost else "Give it the shape of that value.",
        )
    return convert(t, aval.dtype)
