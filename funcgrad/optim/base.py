"""What every optimizer shares. The pair, and how its rule meets the leaves of a pytree.

A leaf whose gradient is None (one that is not differentiated, or is frozen) has the update None and
stays as it is. Everything else is computed in the parameter's own dtype, or in float32 where that
is narrower: the squares of small float16 gradients would be 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .. import tree
from ..core.trace import Tracer
from ..errors import ArgumentError, DtypeError, ShapeError, entry
from ..tree.treedef import a

Rate: TypeAlias = float | Callable[[Any], Any]
"""A learning rate, or a function from the number of updates made (an integer) to one."""


class Optimizer(NamedTuple):
    """A pair of pure functions.

    Attributes:
        init: ``init(params)`` gives the state before the first update.
        update: ``update(grads, state, params)`` gives ``(updates, state)``; ``updates`` has the
            structure of ``params`` and is added to them by `apply_updates`.
    """

    init: Callable[[Any], Any]
    update: Callable[[Any, Any, Any], tuple[Any, Any]]


def optimizer(
    called: str, init: Callable[[Any], Any], update: Callable[[Any, Any, Any], tuple[Any, Any]]
) -> Optimizer:
    """The pair, as users call it; ``called`` is what made it."""
    for name, function in (("init", init), ("update", update)):
        function.__module__, function.__qualname__ = "funcgrad.optim", f"{called}(...).{name}"
    return Optimizer(entry(init), entry(update))


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
            update, *s = rule(cast(g, working_dtype(dtype)), p, *s)
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


def shown(x: Any) -> str:
    """What was given in the place of an optimizer."""
    called = callable(x) and not isinstance(x, type) and hasattr(x, "__name__")
    return f"the function {x.__name__}, which is to be called" if called else repr(x)


def _is_real_scalar(x: Any) -> bool:
    if _is_array(x):
        return x.shape == () and x.dtype.kind in "fiu"
    return isinstance(x, int | float)


def rate_at(called: str, learning_rate: Rate, step: Any) -> Any:
    """The learning rate for the update after ``step`` updates, a float64 scalar."""
    value: Any = learning_rate(step) if callable(learning_rate) else learning_rate
    real = _is_real_scalar(value)
    if real and isinstance(value, Tracer):
        return cast(value, np.float64)
    if not real or not value >= 0:
        raise ArgumentError(
            f"{called}: the learning rate must be a number, not negative, got {value!r}",
            "Write a number such as 0.1, or a function from the step to one. "
            "Updates point downhill: to maximise, negate the cost.",
        )
    return np.float64(value)


def next_rate(called: str, learning_rate: Rate, state: Any, step: Any) -> Any:
    """The rate to keep in the state that has made ``step`` updates.

    A constant rate is carried on from the state before, so that one put there by
    ``state._replace(learning_rate=...)`` stays.
    """
    if callable(learning_rate):
        return rate_at(called, learning_rate, step)
    return state.learning_rate


def check_state(called: str, state: Any, kind: type) -> None:
    """Raise where the state of an update is something else, such as the parameters."""
    if not isinstance(state, kind):
        raise ArgumentError(
            f"{called}: update got {a(type(state).__name__)} in the place of its {kind.__name__}",
            "Write updates, state = opt.update(grads, state, params), where the first state is "
            "opt.init(params).",
        )


def check_rate(called: str, learning_rate: Rate) -> None:
    """Raise at once for a learning rate that is no number, rather than at the first `init`."""
    if not callable(learning_rate):
        rate_at(called, learning_rate, 0)


def check_in(called: str, low: float, high: float, **values: float) -> None:
    """Raise where a hyperparameter is not in ``[low, high)``."""
    for name, value in values.items():
        if not _is_real_scalar(value) or not low <= value < high:
            bound = f"at least {low}" if high == np.inf else f"at least {low} and less than {high}"
            raise ArgumentError(
                f"{called}: {name} must be {bound}, got {value!r}", f"See {called}."
            )


def check_positive(called: str, **values: float) -> None:
    """Raise where a hyperparameter is not a positive number."""
    for name, value in values.items():
        if not _is_real_scalar(value) or not 0 < value < np.inf:
            raise ArgumentError(
                f"{called}: {name} must be positive, got {value!r}", f"See {called}."
            )
