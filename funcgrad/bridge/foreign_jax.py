"""`from_jax`: a JAX function in programs of funcgrad's."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..core.ir import Aval, Equation, make_aval
from ..errors import DtypeError, entry
from . import require
from .foreign import Batches, Known, flat_function, restrict

require.jax("from_jax")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from .host import call_host  # noqa: E402
from .replay import Replay, rule  # noqa: E402

__all__ = ["from_jax"]

F = TypeVar("F", bound=Callable[..., Any])


@entry
def from_jax(f: F, *, order: int = 1) -> F:
    """A JAX function as one of NumPy's arrays, differentiable and mapped in funcgrad's programs.

    It runs compiled by `jax.jit`, in 64 bits where the arrays have them. Its derivatives are
    JAX's own, in both modes, and `vmap` of it is `jax.vmap`. `to_jax` puts ``f`` itself in its
    place, without a round trip to the host.

    Args:
        f: A pure function of pytrees of arrays.
        order: How often it may be differentiated.

    Returns:
        A function of the same arguments. Arguments that are neither arrays nor numbers are passed
        as they are; results are NumPy's arrays, and the caller's own.

    Raises:
        ArgumentError: ``f`` is no function, or ``order`` no number.
        MissingExtraError: JAX is not installed.
        MissingRuleError: It is differentiated more often than ``order`` says.

    >>> import funcgrad as fg
    >>> import jax.numpy as jnp
    >>> norm = from_jax(lambda x: jnp.sqrt(jnp.sum(x**2)))
    >>> norm(np.array([3.0, 4.0])), fg.grad(norm)(np.array([3.0, 4.0]))
    (np.float64(5.0), array([0.6, 0.8]))
    """
    known = Known(_JAX, f, order)

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        return known(_flatten, args, kwargs)

    return entry(call)  # type: ignore[return-value]


class Flat:
    """A function of flat operands that returns a tuple, and what it is compiled to."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f = f
        self._compiled: dict[Batches, Any] = {}

    def mapped(self, batches: Batches) -> Callable[..., Any]:
        """The function mapped over batches, by `jax.vmap`."""
        f = self.f
        for size, flags in reversed(batches):
            axes = tuple([0 if flag else None for flag in flags])
            f = jax.vmap(f, axes, axis_size=size)
        return f

    def compiled(self, batches: Batches) -> Callable[..., Any]:
        """The same, compiled."""
        found = self._compiled.get(batches)
        if found is None:
            found = self._compiled[batches] = jax.jit(self.mapped(batches))
        return found


def _flatten(f: Any, treedef: Any, rest: dict[int, Any], numbers: Sequence[int]) -> Any:
    flat, structure = flat_function(f, treedef, rest, numbers, jnp.asarray)
    return Flat(flat), structure


class _Jax:
    """What JAX does with flat functions; see `foreign.Kind`."""

    name = "from_jax"

    def avals(self, f: Flat, avals: Sequence[Aval]) -> Sequence[Aval]:
        with jax.enable_x64(True):
            given = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in avals]
            found = jax.eval_shape(f.f, *given)
        for s in found:
            if not isinstance(s.dtype, np.dtype) or s.dtype.kind not in "biufc":
                raise DtypeError(
                    f"from_jax: the function returns {s.dtype}{list(s.shape)}, a dtype that NumPy "
                    "does not have",
                    "Convert it in the function, as to float32.",
                )
        return [make_aval(s.shape, s.dtype) for s in found]

    def call(self, f: Flat, batches: Batches, operands: Sequence[Any]) -> Sequence[Any]:
        with jax.enable_x64(True):
            return [np.array(x) for x in f.compiled(batches)(*operands)]

    def pullback(self, f: Flat, count: int, wanted: Sequence[int], given: Sequence[int]) -> Flat:
        def pull(*args: Any) -> tuple[Any, ...]:
            part = restrict(f.f, args[:count], wanted, given)
            _, pullback = jax.vjp(part, *[args[i] for i in wanted])
            return tuple(pullback(tuple(args[count:])))

        return Flat(pull)

    def push(self, f: Flat, count: int, moving: Sequence[int], given: Sequence[int]) -> Flat:
        def push(*args: Any) -> tuple[Any, ...]:
            part = restrict(f.f, args[:count], moving, given)
            return jax.jvp(part, tuple([args[i] for i in moving]), tuple(args[count:]))[1]

        return Flat(push)


_JAX = _Jax()


@rule("foreign")
def foreign(replay: Replay, eqn: Equation, *operands: Any) -> Any:
    """JAX's own functions in line; those of other libraries on the host."""
    p = eqn.primitive
    if isinstance(p.function.f, Flat):
        return p.function.f.mapped(p.batches)(*[jnp.asarray(x) for x in operands])
    return call_host(replay, eqn, operands)
