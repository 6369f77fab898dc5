"""Vmap over pytrees: which axes are mapped, and the errors where they do not fit."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, ParamSpec

import numpy as np

from .. import tree
from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, DtypeError, ShapeError, entry
from ..ops.linear import move_axis
from ..transforms import vmap as batch
from .leaves import describe, explain_refusal, own_result, plain_leaf, type_of
from .transformed import Transformed, require_function

__all__ = ["vmap"]

P = ParamSpec("P")


@entry
def vmap(
    f: Callable[P, Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    *,
    axis_size: int | None = None,
    axis_name: Hashable = None,
) -> Callable[P, Any]:
    """Map ``f`` over an axis of its arguments, all at once.

    ``vmap(f)(x)[i] == f(x[i])``; every operation of ``f`` runs once, for the whole batch.

    Args:
        f: A function of pytrees, with a pytree of arrays as result, written for one element.
        in_axes: The axis to map over: an int for all positional arguments, or a tuple or list with
            an entry an argument; each entry an int, None for what is not mapped, or a pytree of
            them that is a prefix of the argument. Keyword arguments are mapped over axis 0.
        out_axes: Where the mapped axis stands in the results: an int, or a pytree of ints that is a
            prefix of the result; None for a result that does not depend on mapped arguments.
        axis_size: The length of the mapped axis, where no argument tells it.
        axis_name: A name for the mapped axis, for `psum` and the other collectives in ``f``.

    Returns:
        A function of the same arguments, with an axis more.

    Raises:
        ArgumentError: For in_axes that are no axes, where nothing is mapped, or for an axis_name
            that is a tuple or cannot be hashed.
        ShapeError: Where the lengths of mapped axes differ, or an argument lacks the axis.
        StructureError: Where in_axes or out_axes is no prefix.

    >>> import numpy as np
    >>> vmap(np.dot)(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 1.0], [2.0, 0.0]]))
    array([3., 6.])
    >>> vmap(lambda x, a: a * x, in_axes=(0, None))(np.arange(3.0), 2.0)
    array([0., 2., 4.])
    """
    require_function(f, "vmap")
    if axis_name is not None and (
        not isinstance(axis_name, Hashable) or isinstance(axis_name, tuple)
    ):
        raise ArgumentError(
            f"vmap: axis_name must be one hashable name, got {axis_name!r}",
            "Write axis_name='batch'.",
        )
    function: Callable[..., Any] = f
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)

    def call(*args: Any, **kwargs: Any) -> Any:
        leaves, treedef = tree.flatten((args, kwargs))
        axes = _in_axes(in_axes, args, kwargs)
        values = [_plain(leaf, i, treedef, f) for i, leaf in enumerate(leaves)]
        size = _size(values, axes, axis_size, treedef, f)
        batched = [axis is not None for axis in axes]
        values = [
            value if axis is None else _to_front(value, axis)
            for value, axis in zip(values, axes, strict=True)
        ]
        out_treedef: Any = None

        def flat(*tracers: Any) -> Sequence[Any]:
            nonlocal out_treedef
            new_args, new_kwargs = tree.unflatten(treedef, tracers)
            out, out_treedef = tree.flatten(function(*new_args, **new_kwargs))
            for leaf in out:
                if not isinstance(leaf, (Tracer, np.ndarray, np.generic, float, int, complex)):
                    raise DtypeError(
                        f"vmap: the output must be arrays and numbers, got {type_of(leaf)} from "
                        f"{describe(f)}",
                        "Return it from outside of the mapped function.",
                    )
            unbatched.extend(not (isinstance(o, Tracer) and o.frame.level > newest) for o in out)
            return out

        unbatched: list[bool] = []
        newest = max([leaf.frame.level for leaf in leaves if isinstance(leaf, Tracer)], default=0)
        outputs = batch.vmap(flat, size, values, batched, axis_name)
        result = tree.unflatten(out_treedef, outputs)
        positions = tree.flatten_prefix(out_axes, result, "vmap: out_axes", "the output")
        taken = {id(leaf) for leaf in leaves}
        return tree.unflatten(
            out_treedef,
            [
                own_result(_from_front(out, axis, same, f), taken)
                for out, axis, same in zip(outputs, positions, unbatched, strict=True)
            ],
        )

    options = {
        "in_axes": in_axes,
        "out_axes": out_axes,
        "axis_size": axis_size,
        "axis_name": axis_name,
    }
    return Transformed(call, vmap, f, options)


def _in_axes(in_axes: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """One axis or None for each leaf of the arguments."""
    if isinstance(in_axes, tuple) and len(in_axes) != len(args):
        raise ArgumentError(
            f"vmap: in_axes has {len(in_axes)} entr{'y' if len(in_axes) == 1 else 'ies'}, and the "
            f"call {len(args)} positional argument{'s' * (len(args) != 1)}",
            "Give one entry a positional argument; keyword arguments are mapped over axis 0.",
        )
    axes = tree.flatten_prefix(in_axes, args, "vmap: in_axes", "the call")
    axes += [0] * len(tree.leaves(kwargs))
    for axis in axes:
        if axis is not None and type(axis) is not int:
            raise ArgumentError(
                f"vmap: in_axes must hold ints and None, got {axis!r}",
                "Write in_axes=0, in_axes=(0, None) or a pytree of them.",
            )
    return axes


def _size(
    leaves: Sequence[Any],
    axes: Sequence[Any],
    axis_size: int | None,
    treedef: tree.TreeDef,
    f: Callable[..., Any],
) -> int:
    sizes: dict[int, str] = {}
    if axis_size is not None:
        sizes[axis_size] = "axis_size"

    for i, (leaf, axis) in enumerate(zip(leaves, axes, strict=True)):
        if axis is None:
            continue
        if not isinstance(leaf, (np.ndarray, Tracer, np.generic, int, float, complex)):
            raise DtypeError(
                f"vmap: {_label(treedef, i, f)} is {type_of(leaf)}, which has no axis to map over",
                "Give it None in in_axes.",
            )
        shape = aval_of(leaf).shape
        if not -len(shape) <= axis < len(shape):
            raise ShapeError(
                f"vmap: {_label(treedef, i, f)} has shape {shape}, and no axis {axis}",
                "Give it None in in_axes, or an axis that it has.",
            )
        if shape[axis] not in sizes:
            sizes[shape[axis]] = f"argument {_path(treedef, i)} of shape {shape} along axis {axis}"
    if len(sizes) > 1:
        found = "; ".join(f"{n} for {where}" for n, where in sizes.items())
        raise ShapeError(
            f"vmap: the mapped axes of {describe(f)} differ in length: {found}",
            "Map axes of one length, or give None in in_axes to what is not mapped.",
        )
    if not sizes:
        raise ArgumentError(
            f"vmap: nothing is mapped in the call of {describe(f)}",
            "Give an axis in in_axes to at least one argument, or pass axis_size.",
        )
    return next(iter(sizes))


def _plain(leaf: Any, i: int, treedef: tree.TreeDef, f: Callable[..., Any]) -> Any:
    try:
        return plain_leaf(leaf)
    except DtypeError as error:
        got = f"vmap: {_label(treedef, i, f)} is {explain_refusal(error)}"
        raise DtypeError(got, error.fix) from None


def _path(treedef: tree.TreeDef, i: int) -> str:
    """Where leaf ``i`` stands in the arguments: ``0['w']``."""
    _, argument, *path = treedef.paths()[i]
    return f"{argument.key!r}{tree.path_string(path)}"


def _label(treedef: tree.TreeDef, i: int, f: Callable[..., Any]) -> str:
    return f"argument {_path(treedef, i)} of {describe(f)}"


def _to_front(x: Any, axis: int) -> Any:
    return move_axis(x, axis % len(aval_of(x).shape), 0)


def _from_front(x: Any, axis: Any, unbatched: bool, f: Callable[..., Any]) -> Any:
    if axis is None:
        if unbatched:
            return x[0]
        raise ArgumentError(
            f"vmap: out_axes is None for an output of {describe(f)} that depends on a mapped "
            "argument",
            "Give it an axis in out_axes.",
        )
    shape = aval_of(x).shape
    rank = len(shape)
    if type(axis) is not int or not -rank <= axis < rank:
        raise ArgumentError(
            f"vmap: out_axes has {axis!r}, and an output has shape {shape} with the batch",
            "Give an int, or a pytree of ints that is a prefix of the output.",
        )
    return move_axis(x, 0, axis % rank)
