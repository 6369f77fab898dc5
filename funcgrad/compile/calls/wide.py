"""The entry function for calls with very many leaves, which compares them all at once.

What `dispatch` writes has an expression for each leaf, which Python takes longer to compile than
the whole program where leaves go into the thousands. Here one text serves every signature: it
flattens the arguments and compares lists of types, dtypes and shapes, each in one call.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from ... import tree
from ..._stack import POINTED, POINTING, POINTING_NAMES
from ...core.backend import Executable
from ...errors import ENTRY, trim
from ...tree import TreeDef
from .signature import Signature
from .static_values import grows

__all__ = ["is_wide", "wide_entry"]

_LEAVES_MOST = 1000
"""From this number of leaves of arguments and results on nothing is written for each of them."""

_TEXT = f"""
def entry(*args, **kwargs):
    try:
        values = recognised(args, kwargs)
        if values is None: return miss(*args, **kwargs)
        state = STATE.get()
        try:
            {POINTING}
            results = program(*values)
        except Exception as error:
            where = located(error)
            if where is error: raise
            raise where from None
        finally:
            {POINTED}
        return built(results)
    except Exception as error:
        trim(error)
        raise
"""
_CODE = compile(_TEXT, ENTRY, "exec")

_dtype_of, _shape_of = operator.attrgetter("dtype"), operator.attrgetter("shape")


def is_wide(signature: Signature, result: TreeDef) -> bool:
    """Whether calls of a signature are recognised as a whole."""
    return not signature.statics and len(signature.leaves) + result.num_leaves > _LEAVES_MOST


def wide_entry(
    program: Executable, signature: Signature, result: TreeDef, constants: dict[int, Any]
) -> FunctionType | None:
    """The entry function; arguments and result are those of `dispatch.entry_for`."""
    if any(grows(leaf) is not False for leaf in signature.leaves):
        return None
    space: dict[str, Any] = {
        "__name__": __name__,
        "recognised": _recogniser(signature),
        "built": _builder(result, constants),
        "program": program.function,
        "located": program.located,
        "trim": trim,
        **POINTING_NAMES,
    }
    exec(_CODE, space)
    return space["entry"]


def _recogniser(signature: Signature) -> Callable[[Any, Any], Sequence[Any] | None]:
    """The function from arguments to the values of traced leaves; None for another signature."""
    avals, positions = signature.avals, signature.traced
    expected, count = signature.treedef, len(signature.leaves)
    types = [np.ndarray if aval.shape else _type_of(aval) for aval in avals]
    arrays = [i for i, aval in enumerate(avals) if aval.shape]
    dtypes = [avals[i].dtype for i in arrays]
    shapes = [avals[i].shape for i in arrays]
    static = sorted(set(range(count)).difference(positions))
    fixed = [signature.leaves[i] for i in static]

    def recognised(args: Any, kwargs: Any) -> Sequence[Any] | None:
        try:
            leaves, treedef = tree.flatten((args, kwargs))
        except Exception:  # the slow path finds the same, and says it better
            return None
        if treedef is not expected:
            return None
        if static and not all(map(_same, [leaves[i] for i in static], fixed)):
            return None
        values = [leaves[i] for i in positions] if static else leaves
        if not all(map(operator.is_, map(type, values), types)):
            return None
        found = values if len(arrays) == len(values) else [values[i] for i in arrays]
        if not all(map(operator.is_, map(_dtype_of, found), dtypes)):
            return None
        return values if [*map(_shape_of, found)] == shapes else None

    return recognised


def _type_of(aval: Any) -> type:
    return type(aval.dtype.type().item()) if aval.weak else aval.dtype.type


def _same(value: Any, known: Any) -> bool:
    """Whether a static value is the known one; where in doubt it is another."""
    if value is known:
        return True
    return type(value) in (str, int) and type(value) is type(known) and value == known


def _builder(result: TreeDef, constants: dict[int, Any]) -> Callable[[Sequence[Any]], Any]:
    """The function from what the program gives to the result."""
    if not constants:
        return lambda results: tree.unflatten(result, results)
    positions = range(result.num_leaves)

    def built(results: Sequence[Any]) -> Any:
        rest = iter(results)
        leaves = [constants[i] if i in constants else next(rest) for i in positions]
        return tree.unflatten(result, leaves)

    return built
