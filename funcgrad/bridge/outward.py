"""`to_jax`: a function of funcgrad's as an ordinary JAX function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from .. import tree
from ..compile.calls.signature import Signature, StaticArguments
from ..compile.stages import Traced
from ..core.backend import Backend, backend_named
from ..core.trace import Tracer
from ..errors import ArgumentError, DtypeError, FuncgradError, entry
from . import require

require.jax("to_jax")

import jax  # noqa: E402
import numpy as np  # noqa: E402

from .checks import Failure  # noqa: E402
from .program import Program  # noqa: E402
from .pytrees import register_known, register_structure  # noqa: E402
from .replay import Options  # noqa: E402

__all__ = ["to_jax"]

F = TypeVar("F", bound=Callable[..., Any])


@entry
def to_jax(
    f: F,
    *,
    steps: int | None = None,
    checks: bool = False,
    host: Literal["callback", "refuse"] = "callback",
    precision: Literal["highest", "high", "default"] = "highest",
) -> F:
    """``f`` as a JAX function: of JAX's arrays, for `jax.jit`, sharding, donation and export.

    At the first call with arguments of new types funcgrad traces ``f``, derivatives and batches
    included, and JAX replays the program. So take derivatives inside, ``to_jax(grad(f))``: kinks
    and masked branches stay funcgrad's, and `while_loop` has a reverse mode, which JAX has not.

    What ``f`` closes over is frozen when it is traced. Called by itself it is compiled, with the
    captured arrays as arguments; inside of `jax.jit` they are constants of that program.

    Args:
        f: A function of pytrees of arrays.
        steps: A bound on the steps of each `while_loop` that is differentiated in reverse; what
            each step leaves is kept in arrays of that length.
        checks: Return ``(failure, result)`` for the result. ``failure.throw()`` raises what went
            wrong first, an index out of bounds, a singular matrix, as funcgrad's error at the line.
        host: What becomes of operations that JAX does not have: ``"callback"`` runs them as NumPy
            on the host, ``"refuse"`` raises and names them.
        precision: The precision of sums of products on devices that have several.

    Returns:
        A function of the same arguments. Arrays and numbers are traced, all else is static.

    Raises:
        ArgumentError: An option is none of those; at a call, an argument cannot be traced, or
            reverse mode of a loop has no bound.
        DtypeError: A dtype that NumPy does not have; or a value of 64 bits where JAX has those
            switched off, in which case it would compute in 32 bits.
        MissingRuleError: An operation would run on the host and may not.

    >>> import jax
    >>> import funcgrad as fg
    >>> def loss(w, x):
    ...     return np.sum(np.tanh(x * w) ** 2)
    >>> with jax.enable_x64(True):
    ...     gradient = jax.jit(to_jax(fg.grad(loss)))
    ...     print(gradient(0.5, np.array([1.0, 2.0])).round(4))
    2.0063
    """
    if not callable(f):
        raise ArgumentError(
            f"to_jax: expected a function, got {type(f).__name__}",
            "Write to_jax(f)(x): translate the function, then call it.",
        )
    options = Options("to_jax", steps, host, precision)
    static = StaticArguments(f, (), ())
    backend = backend_named("run")
    programs: dict[Any, tuple[Traced, Program]] = {}
    register_known()

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        signature, values = _signature(static, args, kwargs)
        found = programs.get(signature.key)
        if found is None:
            found = _trace(f, signature, backend, options, checks)
            programs[signature.key] = found
        traced, program = found
        results, code = program(values)
        result = traced.unflatten(results)
        if not checks:
            return result
        return Failure(np.int32(0) if code is None else code, program.sites), result

    return entry(call)  # type: ignore[return-value]


def _trace(
    f: Any, signature: Signature, backend: Backend, options: Options, checks: bool
) -> tuple[Traced, Program]:
    traced = Traced(f, signature, backend)
    register_structure(traced.result)
    return traced, Program(traced.jaxpr, traced.captured, options, checks)


def _signature(static: StaticArguments, args: Any, kwargs: Any) -> tuple[Signature, list[Any]]:
    """A call taken apart, and the values of what is traced."""
    leaves, treedef = tree.flatten((args, kwargs))
    stand_ins = [_stand_in(x) for x in leaves]
    given = tree.unflatten(treedef, stand_ins)
    try:
        signature = static.signature(*given)
    except FuncgradError as error:
        error.says(error.what.replace("jit:", "to_jax:"))
        raise
    own = signature.values()
    values = [
        leaves[i] if isinstance(leaves[i], jax.Array) else x
        for i, x in zip(signature.traced, own, strict=True)
    ]
    return signature, values


def _stand_in(x: Any) -> Any:
    """What NumPy has in place of one of JAX's arrays: of its type, without its numbers."""
    if isinstance(x, Tracer):
        raise ArgumentError(
            f"to_jax: an argument is a traced value of funcgrad's, {x.aval}",
            "Put the transform inside: to_jax(grad(f)), not grad(to_jax(f)); or give JAX's "
            "function to funcgrad with from_jax.",
        )
    if not isinstance(x, jax.Array):
        return x
    dtype: Any = x.dtype
    if not isinstance(dtype, np.dtype) or dtype.kind not in "biufc":
        raise DtypeError(
            f"to_jax: an argument is {dtype}{list(x.shape)}, a dtype that NumPy does not have",
            "Convert it with astype, as to float32; for a key write funcgrad.random.key(0).",
        )
    if getattr(x, "weak_type", False) and not x.shape and dtype.kind in "ifc":
        return {"i": int, "f": float, "c": complex}[dtype.kind](0)
    zero = np.zeros((), dtype)
    return np.broadcast_to(zero, x.shape) if x.shape else zero[()]
