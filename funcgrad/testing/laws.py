"""Every transform gives the plain call's answer, alone and in chains."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..api.gradient import grad
from ..api.leaves import is_inexact
from ..api.mapping import vmap
from ..api.products import jvp, linearize, vjp
from ..api.program import make_jaxpr
from ..compile.jit import jit
from ..control.checkpoint import checkpoint
from ..core.check import check
from ..core.record import run, trace
from ..core.trace import aval_of
from .gradients import derivative, require_arguments

__all__ = ["CHAIN", "check_chains", "check_transforms"]


def check_transforms(
    f: Callable[..., Any], args: Sequence[Any], *, rtol: float | None = None, abstract: bool = True
) -> None:
    """Compare what ``f`` gives under every transform with what it gives when called plainly.

    Value, shape, dtype and structure under reverse mode, forward mode, `linearize` (by the
    arguments that hold floating or complex numbers), and, where ``abstract``, under `vmap`, as a
    recorded program and under `jit`, twice. Afterwards ``args`` must hold what they held, and no
    result may share memory with them.

    Args:
        f: A function of pytrees of arrays, with a pytree of arrays as result.
        args: A tuple of arguments.
        rtol: Relative tolerance; by default a few units in the last place.
        abstract: Whether ``f`` can be traced without values; False for functions that branch on
            them in Python.

    Raises:
        AssertionError: Naming the transform and the leaf that differs.

    >>> import numpy as np
    >>> check_transforms(lambda x: np.sum(np.exp(x)), (np.arange(3.0),))
    """
    require_arguments("testing.check_transforms", f, args)
    args = tuple(args)
    before = tree.map(lambda leaf: np.array(leaf), args)
    plain = f(*args)
    smooth, point = _smooth(f, args)
    results: dict[str, Callable[[], Any]] = {}
    if point:
        results["vjp"] = lambda: vjp(smooth, *point)[0]
        results["jvp"] = lambda: jvp(smooth, point, _unit_tangents(point))[0]
        results["linearize"] = lambda: linearize(smooth, *point)[0]
    if abstract:
        jitted = jit(f)
        results["vmap"] = lambda: _first(f, args)
        results["make_jaxpr"] = lambda: _record(f, args, plain)
        results["jit"] = lambda: jitted(*args)
        results["jit, second call"] = lambda: jitted(*args)
    for name, result in results.items():
        tolerance = _RTOL_VMAP if name == "vmap" and rtol is None else rtol
        same_answer(result(), plain, name, tolerance)
        if name not in ("vmap", "make_jaxpr"):
            _check_owned(result(), args, name)
        for was, now in zip(tree.leaves(before), tree.leaves(args), strict=True):
            np.testing.assert_array_equal(now, was, f"{name} changed an argument", strict=False)


_RTOL_VMAP = 1e-5


def _smooth(
    f: Callable[..., Any], args: tuple[Any, ...]
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """``f`` as a function of the arguments by which it can be differentiated, and those."""
    positions = [i for i, arg in enumerate(args) if any(map(is_inexact, tree.leaves(arg)))]

    def smooth(*point: Any) -> Any:
        given = list(args)
        for i, arg in zip(positions, point, strict=True):
            given[i] = arg
        return f(*given)

    return smooth, tuple([args[i] for i in positions])


def _unit_tangents(args: tuple[Any, ...]) -> Any:
    return tree.map(
        lambda leaf: (
            np.ones(aval_of(leaf).shape, aval_of(leaf).dtype)[()] if is_inexact(leaf) else None
        ),
        args,
    )


def _first(f: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    # A batch of Python numbers would not give way in promotion as they do alone; and one of
    # integers would overflow, and has no negative powers.
    leaves, treedef = tree.flatten(args)
    kept = [type(leaf) in (bool, int, float, complex) for leaf in leaves]
    if all(kept):
        kept = [type(leaf) in (bool, int) for leaf in leaves]
    if all(kept):
        return f(*args)
    doubled = [
        x if keep else np.stack([np.asarray(x)] * 2) for x, keep in zip(leaves, kept, strict=True)
    ]
    axes = tree.unflatten(treedef, [None if keep else 0 for keep in kept])
    out = vmap(f, in_axes=axes)(*tree.unflatten(treedef, doubled))
    return tree.map(lambda leaf: leaf[0], out)


def _record(f: Callable[..., Any], args: tuple[Any, ...], plain: Any) -> Any:
    check(make_jaxpr(f)(*args))
    leaves, treedef = tree.flatten(args)
    program, captured = trace(
        lambda *flat: tree.leaves(f(*tree.unflatten(treedef, flat))),
        [aval_of(leaf) for leaf in leaves],
    )
    return tree.unflatten(tree.structure(plain), run(check(program), [*captured, *leaves]))


def same_answer(actual: Any, expected: Any, name: str, rtol: float | None = None) -> None:
    """Assert that two pytrees hold the same types and, up to ``rtol``, the same numbers."""
    if tree.structure(actual) != tree.structure(expected):
        raise AssertionError(
            f"{name}: structure {tree.structure(actual)} instead of {tree.structure(expected)}"
        )
    for a, e in zip(tree.leaves(actual), tree.leaves(expected), strict=True):
        given, wanted = aval_of(a).strong(), aval_of(e).strong()
        if given != wanted:
            raise AssertionError(f"{name}: type {given} instead of {wanted}")
        if rtol is None:
            rtol = 8 * float(np.finfo(given.dtype).eps) if given.inexact else 0.0
        np.testing.assert_allclose(
            a, e, rtol=rtol, atol=rtol if given.inexact else 0.0, err_msg=f"{name}: value"
        )


def _check_owned(result: Any, args: tuple[Any, ...], name: str) -> None:
    arrays = [leaf for leaf in tree.leaves(result) if isinstance(leaf, np.ndarray)]
    held = [leaf for leaf in tree.leaves(args) if isinstance(leaf, np.ndarray)]
    for i, array in enumerate(arrays):
        if not array.flags.writeable or not array.flags.owndata:
            raise AssertionError(f"{name}: a result is not owned or not writeable")
        for other in [*held, *arrays[:i]]:
            if np.may_share_memory(array, other):
                raise AssertionError(f"{name}: a result shares memory with another array")


CHAIN: dict[str, tuple[Callable[[Callable[..., Any]], Callable[..., Any]], bool]] = {
    "grad": (grad, True),
    "derivative": (derivative, True),
    "vmap": (lambda f: lambda x: vmap(f)(x * np.ones(2))[0], False),
    "jit": (jit, False),
    "linearize": (lambda f: lambda x: linearize(f, x)[1](1.0), True),
    "checkpoint": (checkpoint, False),
}
"""The transforms of scalar functions that law 3 composes, and whether each differentiates."""


def check_chains(
    f: Callable[..., Any],
    x: float,
    length: int = 3,
    *,
    exact: Sequence[float] | None = None,
    rtol: float = 1e-9,
    atol: float = 1e-9,
) -> None:
    """Compare every chain of transforms of ``f`` at ``x`` with the derivative that it stands for.

    A chain that differentiates ``k`` times must give the ``k``-th derivative.

    Args:
        f: A function of one float with a float result.
        x: Where.
        length: The length of the chains.
        exact: The derivatives of order 0 to ``length`` by hand; by default by nested `derivative`.
        rtol: Relative tolerance.
        atol: Absolute tolerance.

    Raises:
        AssertionError: Naming the chain.

    >>> import numpy as np
    >>> check_chains(lambda x: np.sin(x) * x, 0.5, length=2)
    """
    require_arguments("testing.check_chains", f, ())
    if exact is None:
        values = []
        nested = f
        for _ in range(length + 1):
            values.append(float(nested(x)))
            nested = derivative(nested)
        exact = values
    for names in itertools.product(CHAIN, repeat=length):
        g, order = f, 0
        for name in names:
            transform, differentiates = CHAIN[name]
            g = transform(g)
            order += differentiates
        np.testing.assert_allclose(
            g(x), exact[order], rtol=rtol, atol=atol, err_msg=" of ".join(reversed(names))
        )
