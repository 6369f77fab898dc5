"""NumPy's ufuncs on tracers: what ``__array_ufunc__`` does, and the functions by name.

``np.sin(tracer)`` comes here through NumPy's protocol (NEP 13), ``funcgrad.numpy.sin`` without
NumPy in between. Each ufunc stands in one line of the module of its family (`arithmetic`,
`exponential`, ...), with the primitive that computes it. A ufunc's methods (`numpy.add.reduce`) and
arguments (``where=``) work, or say what to write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core.primitive import Primitive
from ..core.trace import ScalarTracer, Tracer, apply, aval_of
from ..errors import PASSING, NotTraceableError, ShapeError, TracerAssignmentError, trim
from ..ops.discrete import Comparison
from ..ops.linear import shape_of
from .arguments import cast, operand
from .dispatch import IMPLEMENTED, counterpart_of, has_tracer, name_of, not_traceable
from .promote import comparable, promoted_for

__all__ = ["HANDLERS", "STRAIGHT", "declare"]

_TRACERS = frozenset({Tracer, ScalarTracer})
_ARRAYS = frozenset({np.ndarray, *[np.dtype(c).type for c in "?bBhHiIlLqQefdgFDG"]})
_SCALARS = frozenset({float, int, bool, complex})

STRAIGHT: dict[np.ufunc, Any] = {}
"""The primitives of ufuncs that take real floating operands of one dtype as they are."""

HANDLERS: dict[np.ufunc, Callable[..., Any]] = {}
"""For each ufunc a function of its operands and of ``dtype`` and ``casting``."""


def _array_ufunc(self: Tracer, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """NumPy's protocol (NEP 13): ``ufunc`` was called with a tracer among its arguments."""
    try:
        if method == "__call__":
            if not kwargs:
                primitive = STRAIGHT.get(ufunc)
                if primitive is not None:
                    aval = self.aval
                    if len(inputs) == 1 and aval.dtype.kind == "f" and not aval.weak:
                        return apply(primitive, inputs, None)
                    ready = _ready(inputs)
                    if ready is not None:
                        return apply(primitive, ready, None)
            elif "out" in kwargs and "where" in kwargs:
                from . import ufunc_methods

                references = ufunc_methods.references(kwargs["out"])
                return _call(ufunc, inputs, kwargs, ufunc_methods.is_temporary(references))
            return _call(ufunc, inputs, kwargs, False)
        from . import ufunc_methods

        return ufunc_methods.METHODS[method](ufunc, *inputs, **kwargs)
    except Exception as error:
        trim(error)
        raise


def _ready(inputs: Sequence[Any]) -> Sequence[Any] | None:
    """The operands where they need no promotion (Python scalars typed), else None."""
    dtype = None
    scalars = False
    for x in inputs:
        kind = type(x)
        if kind in _TRACERS:
            aval = x.aval
            if aval.weak:
                return None
            own = aval.dtype
        elif kind in _ARRAYS:
            own = x.dtype
        elif kind is float or kind is int:
            scalars = True
            continue
        else:
            return None
        if dtype is None:
            dtype = own
        elif own is not dtype:
            return None
    if dtype is None or dtype.kind != "f":
        return None
    if scalars:
        scalar = dtype.type
        return [scalar(x) if type(x) in _SCALARS else x for x in inputs]
    return inputs


def _call(
    ufunc: np.ufunc, inputs: Sequence[Any], kwargs: Mapping[str, Any], temporary: bool
) -> Any:
    """``ufunc(*inputs, **kwargs)``, one argument a tracer; whether ``out`` is a temporary."""
    handler = HANDLERS.get(ufunc)
    if handler is None:
        counterpart = counterpart_of(ufunc)
        handler = HANDLERS.get(ufunc)
        if handler is None:
            if counterpart is None:
                raise not_traceable(ufunc)
            return counterpart(*inputs, **kwargs)
    for x in inputs:
        if type(x) not in _TRACERS and _foreign(x):
            return NotImplemented
    operands = [x if type(x) in _SCALARS or type(x) in _TRACERS else operand(x) for x in inputs]
    options = dict(kwargs)
    out, where = options.pop("out", None), options.pop("where", True)
    for ignored in ("order", "subok"):  # they say how memory is laid out, which has no part here
        options.pop(ignored, None)
    signature = options.pop("signature", options.pop("sig", None))
    if signature is not None:
        raise NotTraceableError(
            f"{name_of(ufunc)}: signature= cannot be used with a traced value",
            "Write dtype=, or convert the operands, as in x.astype(dtype).",
        )
    if out is None or all(o is None for o in out):
        if where is not True:
            raise _is_unset(ufunc)
        return handler(*operands, **options)
    if where is True or ufunc.nout != 1 or not temporary:
        raise _writes(ufunc)
    return _where(ufunc, handler, operands, where, out[0], options)


def _foreign(x: Any) -> bool:
    """Whether ``x`` is of a class with a protocol of its own that may know tracers."""
    kind = type(x)
    return (
        kind not in _ARRAYS
        and not issubclass(kind, np.ndarray)
        and getattr(kind, "__array_ufunc__", None) is not None
        and not issubclass(kind, np.generic)
    )


def _is_unset(ufunc: np.ufunc) -> NotTraceableError:
    name = name_of(ufunc)
    return NotTraceableError(
        f"{name}: where= without out= leaves elements unset",
        f"Write numpy.where(mask, {name}(...), other), whose gradient is finite where the "
        "mask is False, or give out=numpy.zeros(shape).",
    )


def _writes(ufunc: np.ufunc) -> TracerAssignmentError:
    name = name_of(ufunc)
    return TracerAssignmentError(
        f"{name}: out= would write a traced value into an array",
        f"Use the result, y = {name}(...); for an array a, write a = a + x, not a += x.",
    )


def _where(
    ufunc: np.ufunc,
    handler: Callable[..., Any],
    operands: Sequence[Any],
    where: Any,
    out: Any,
    options: Mapping[str, Any],
) -> Any:
    """``ufunc(*operands, out=out, where=where)`` for an ``out`` that nothing else refers to.

    The result is a new value, and ``out`` is not written. So that nobody can read it and miss the
    result, it must be a temporary, as in ``np.log(x, out=np.zeros(3), where=x > 0)``.
    """
    mask = operand(where)
    if aval_of(mask).dtype.kind != "b":
        raise TypeError(f"{name_of(ufunc)}: where= must be boolean, got {aval_of(mask)}")
    # Where the mask is False nothing may be computed: a number inside the domain stands there.
    inside = 0 if ufunc is np.arctanh else 1
    guarded = [np.where(mask, x, cast(inside, aval_of(x).dtype)) for x in operands]
    value = handler(*guarded, **options)
    dtype = aval_of(out).dtype
    if not np.can_cast(aval_of(value).dtype, dtype, options.get("casting", "same_kind")):
        raise TypeError(
            f"{name_of(ufunc)}: cannot cast from {aval_of(value).dtype} to {dtype}, the "
            "dtype of out="
        )
    result = np.where(mask, cast(value, dtype), out)
    if shape_of(result) != shape_of(out):
        raise ShapeError(
            f"{name_of(ufunc)}: out= has shape {shape_of(out)}, the result {shape_of(result)}",
            "Give an array of the result's shape.",
        )
    return result


Tracer.__array_ufunc__ = _array_ufunc  # type: ignore[attr-defined]


def declare(ufunc: np.ufunc, handler: Any) -> Callable[..., Any]:
    """Enter ``ufunc`` into the table, and give the function for `funcgrad.numpy`.

    Args:
        ufunc: NumPy's.
        handler: An elementwise primitive, or a function of the operands and of ``dtype`` and
            ``casting``, which it passes to `promoted_for`.

    Returns:
        A function with NumPy's arguments that calls ``ufunc`` itself where nothing is traced.
    """
    if isinstance(handler, Primitive):
        primitive = handler

        def function(*args: Any, **options: Any) -> Any:
            if not options and isinstance(primitive, Comparison):
                args = tuple(comparable(args))
            return apply(primitive, promoted_for(ufunc, args, **options), None)

        HANDLERS[ufunc] = function
        loops = [loop.partition("->")[0] for loop in ufunc.types]
        if all(kind * ufunc.nin in loops for kind in "efd"):
            STRAIGHT[ufunc] = primitive
    else:
        HANDLERS[ufunc] = handler
    IMPLEMENTED[ufunc] = HANDLERS[ufunc]
    return public_ufunc(ufunc)


def public_ufunc(ufunc: np.ufunc) -> Callable[..., Any]:
    """The function for `funcgrad.numpy`: lists with tracers in them are arrays to it."""
    straight = STRAIGHT.get(ufunc)

    def public(*args: Any, **kwargs: Any) -> Any:
        traced = False
        for a in args:
            kind = type(a)
            if kind in _TRACERS:
                traced = True
            elif (kind is list or kind is tuple) and has_tracer(a):
                return ufunc(*[operand(x) if has_tracer(x) else x for x in args], **kwargs)
        if traced and straight is not None and not kwargs:
            ready = _ready(args)
            if ready is not None:
                return apply(straight, ready, None)
        return ufunc(*args, **kwargs)

    PASSING.add(public.__code__)
    public.__name__ = public.__qualname__ = ufunc.__name__
    public.__module__ = "funcgrad.numpy"  # where they are looked up when they are unpickled
    public.__doc__ = ufunc.__doc__
    public.__wrapped__ = ufunc  # type: ignore[attr-defined]
    for name in ("reduce", "accumulate", "reduceat", "outer", "at", *_FACTS):
        setattr(public, name, getattr(ufunc, name))
    return public


_FACTS = ("nin", "nout", "nargs", "ntypes", "types", "identity", "signature")
