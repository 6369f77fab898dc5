"""How the rule of an optimizer meets the leaves of a pytree.

A leaf whose gradient is None (one that is not differentiated, or is frozen) has the update None and
stays as it is. Everything else is computed in the parameter's own dtype, or in float32 where that
is narrower: the squares of small float16 gradients would be 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..core.trace import Tracer
from ..errors import DtypeError, ShapeError, StructureError


def apply_updates(params: Any, updates: Any) -> Any:
    """``params + updates``, leaf by leaf.

    Args:
        params: A pytree of parameters.
        updates: A pytree of the same structure, as ``update`` gives it; where it has None at a
            leaf, the parameter stays as it is.

    Returns:
        A new pytree. Leaves keep their dtypes; Python floats become ``np.float64``.

    Raises:
        StructureError: The structures differ; the message names the key path.
        ShapeError: A parameter and its update have different shapes.
        DtypeError: A parameter that is not of a real floating-point dtype has an update.

    >>> apply_updates({"w": np.array([1.0, 2.0]), "n": 7}, {"w": np.array([-0.5, 0.5]), "n": None})
    {'w': array([0.5, 2.5]), 'n': 7}
    """

    def add(u: Any, p: Any) -> tuple[Any]:
        return (cast(p, u.dtype) + u,)

    return map_leaves("apply_updates", "update", add, updates, params, keep=True)[0]


def map_leaves(
    called: str,
    noun: str,
    rule: Callable[..., Sequence[Any]],
    grads: Any,
    params: Any,
    *slots: Any,
    keep: bool = False,
    decays: Sequence[bool] | None = None,
) -> tuple[Any, ...]:
    """Apply a rule where there is a gradient, and collect what it gives in as many pytrees.

    Args:
        called: The optimizer, for messages.
        noun: What ``grads`` are, for messages.
        rule: ``rule(g, p, *s)`` gives the update of ``p`` and the new ``s``; ``g`` comes in the
            dtype to compute in.
        grads: A pytree of the structure of ``params``, with None where there is no gradient.
        params: A pytree.
        *slots: The optimizer's own pytrees of that structure.
        keep: Whether a leaf without a gradient gives itself in the place of an update, not None.
        decays: For each leaf whether it decays, which the rule is told by that name.

    Returns:
        The updates, in the dtypes of the parameters, and the new slots.
    """
    leaves, treedef = tree.flatten(params)
    gradients = tree.flatten_up_to(treedef, grads, f"{called}: the {noun}", "params")
    others = [tree.flatten_up_to(treedef, slot, f"{called}: the state", "params") for slot in slots]
    columns: list[list[Any]] = [[] for _ in range(1 + len(slots))]
    for i, (g, p, *s) in enumerate(zip(gradients, leaves, *others)):
        row: Sequence[Any] = (p if keep else None, *s)
        if g is not None:
            dtype = float_dtype(p)
            if dtype is None or np.shape(g) != np.shape(p):
                raise _refusal(called, noun, tree.path_string(treedef.paths()[i]), g, p)
            for x in s:
                if np.shape(x) != np.shape(p):
                    raise _foreign_state(called, tree.path_string(treedef.paths()[i]), x, p)
            told = {} if decays is None else {"decays": decays[i]}
            update, *s = rule(cast(g, working_dtype(dtype)), p, *s, **told)
            row = (cast(update, dtype), *s)
        for column, x in zip(columns, row):
            column.append(x)
    return tuple(tree.unflatten(treedef, column) for column in columns)


def zeros(params: Any) -> Any:
    """Zeros for each leaf that can be trained, in the dtype to compute in; None for the others."""
    leaves, treedef = tree.flatten(params)
    dtypes = [float_dtype(p) for p in leaves]
    return tree.unflatten(
        treedef,
        [
            None if dtype is None else _zero(np.shape(p), working_dtype(dtype))
            for p, dtype in zip(leaves, dtypes)
        ],
    )


def full(params: Any, value: float) -> Any:
    """As `zeros`, with another number."""
    leaves, treedef = tree.flatten(params)
    made: list[Any] = []
    for p in leaves:
        dtype = float_dtype(p)
        if dtype is None:
            made.append(None)
            continue
        x = np.full(np.shape(p), value, working_dtype(dtype))
        made.append(x if x.ndim else x[()])
    return tree.unflatten(treedef, made)


def copies(params: Any) -> Any:
    """The leaves that can be trained, copied, in the dtype to compute in; None for the others."""

    def copy(p: Any) -> Any:
        dtype = float_dtype(p)
        return None if dtype is None else +cast(p, working_dtype(dtype))

    return tree.map(copy, params)


def _zero(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    return np.zeros(shape, dtype) if shape else dtype.type(0)


def working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which a parameter of ``dtype`` is updated."""
    return np.dtype(np.float32) if dtype.itemsize < 4 else dtype


def cast(x: Any, dtype: Any) -> Any:
    """``x`` in ``dtype``; a float64 scalar would promote a float32 array that it meets."""
    if _is_array(x):
        return x if x.dtype == dtype else x.astype(dtype)
    return np.asarray(x, dtype)[()]


def _is_array(x: Any) -> bool:
    return isinstance(x, Tracer | np.ndarray | np.generic)


def float_dtype(leaf: Any) -> np.dtype[Any] | None:
    """The native dtype of a leaf that can be trained, a real float; else None."""
    if _is_array(leaf):
        return leaf.dtype.newbyteorder("=") if leaf.dtype.kind == "f" else None
    return np.dtype(np.float64) if isinstance(leaf, float) else None


def _foreign_state(called: str, path: str, x: Any, p: Any) -> StructureError:
    place = f" at {path}" if path else ""
    had = "nothing" if x is None else f"shape {np.shape(x)}"
    return StructureError(
        f"{called}: the state is of other parameters: it has {had}{place}, where the parameter has "
        f"shape {np.shape(p)}",
        "Make the state anew with opt.init(params).",
    )


def mask_of(called: str, mask: Any, params: Any) -> list[bool] | None:
    """A mask as one bool a leaf: of a pytree of bools or of a function that gives one.

    Args:
        called: The optimizer, for messages.
        mask: A pytree of bools of the structure of ``params`` or a prefix of it, a function from
            the parameters to one, or None for no mask.
        params: The parameters.
    """
    if mask is None:
        return None
    found = mask(params) if callable(mask) else mask
    treedef = tree.structure(params)
    flags = tree.flatten_prefix(found, treedef, f"{called}: the mask")
    wrong = [x for x in flags if not isinstance(x, bool | np.bool_)]
    if wrong:
        raise StructureError(
            f"{called}: the mask must have True or False at each leaf of the parameters"
            f", got {wrong[0]!r}",
            "Write mask=lambda params: tree.map(lambda p: p.ndim > 1, params), for example.",
        )
    return [bool(x) for x in flags]


def _refusal(called: str, noun: str, path: str, g: Any, p: Any) -> Exception:
    """Why the leaf ``p`` cannot take ``g``."""
    place = f"the parameter at {path}" if path else "the parameter"
    if float_dtype(p) is not None:
        return ShapeError(
            f"{called}: {place} has shape {np.shape(p)} and its {noun} {np.shape(g)}",
            f"Pass a {noun} of the parameter's shape.",
        )
    kind = getattr(getattr(p, "dtype", None), "name", type(p).__name__)
    if kind.startswith("complex"):
        return DtypeError(
            f"{called}: {place} is {kind}, whose gradient is not the direction of steepest ascent",
            "Keep the real and the imaginary part as two parameters.",
        )
    return DtypeError(
        f"{called}: {place} is {kind} and its {noun} is not None; only real floats can be trained",
        f"Convert it to float before training, or pass the {noun} None to keep it as it is.",
    )
