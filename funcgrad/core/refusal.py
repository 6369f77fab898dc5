"""The errors of a tracer that is asked for what it has not, and where the user is.

A tracer gives no value where that would cut a gradient in silence, or where there is none yet. What
to write instead depends on what asked: ``if``, ``math.sin``, ``a[i]`` of an array, ``a[i] = x``.
"""

from __future__ import annotations

import opcode
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from ..errors import LIBRARIES, PACKAGE, FuncgradError, LeakedTracerError, TracerAssignmentError
from .source_info import SourceInfo, line_of

__all__ = ["no_value", "raise_leaked", "user_source_info"]


def user_source_info() -> SourceInfo | None:
    """The innermost place on the stack that is not in this package."""
    frame = sys._getframe(2)
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(PACKAGE):
            return code, frame.f_lasti
        frame = frame.f_back
    return None


def raise_leaked(frame: Any, tracer: Any = None) -> NoReturn:
    """Raise for a tracer of ``frame``, which is closed.

    Raises:
        LeakedTracerError: Saying where the tracer was made.
    """
    made = ""
    if tracer is not None:
        line = line_of(tracer.source_info)
        made = f"; it was made at {line}" if line else "; it is an argument of the traced function"
    raise LeakedTracerError(
        f"{frame.what}: a traced value was used after the call that made it had returned{made}",
        "Return it from the transformed function instead of storing it in a global, an attribute "
        "or a generator.",
    )


_STATIC = "make the argument static (static_argnames)"
_ASKED = {
    "bool": "a condition (if, while, and, or, not)",
    "index": "an int (of a range, a slice, a shape, a list)",
}
_INSTEAD = {
    "bool": "In place of if write numpy.where or funcgrad.cond, in place of while "
    "funcgrad.while_loop, in place of and numpy.logical_and",
    "float": 'Use the numpy function (numpy.sin, not math.sin), and f"{x}" to print',
    "int": "Write x.astype(int)",
    "complex": "Write x.astype(complex)",
    "index": "funcgrad.numpy.take(values, i, axis=0) takes a traced index, "
    "funcgrad.lax.dynamic_slice_in_dim(values, i, length) a traced start, funcgrad.fori_loop a "
    "traced number of steps",
    "item": "Use the value itself, which NumPy's functions take",
    "hash": "Keys of a dict and arguments of a cached function are hashed; use plain values there",
    "numpy.asarray": "Call the numpy function on the value itself; funcgrad.numpy.array, "
    "funcgrad.numpy.full and their like take traced values and lists of them",
}

_NOTHING = (
    "It has no counterpart in funcgrad.scipy: write it with NumPy's functions, or call it by "
    "funcgrad.pure_callback"
)


def no_value(
    frame: Any, tracer: Any, use: str, error: type[FuncgradError], why: str, ending: str = ""
) -> FuncgradError:
    """The error where Python or NumPy asked ``tracer`` for a value that it must not give.

    Args:
        frame: The tracer's frame.
        tracer: The tracer.
        use: What was asked for: a key of ``_INSTEAD``, or a function whose name is NumPy's too.
        error: The class of error.
        why: Why it cannot be had; goes behind what asked.
        ending: What else can be done; goes behind what to write instead.
    """
    if use != "index":
        subscript = _subscript()
        if subscript == "set":
            return TracerAssignmentError(
                f"{frame.what}: a[i] = x got a traced {tracer.aval}, which a plain array a cannot "
                "hold",
                "Write a = funcgrad.numpy.at(a)[i].set(x), or build the array with numpy.stack or "
                "numpy.concatenate.",
            )
        if subscript == "get" and use == "numpy.asarray":
            return error(
                f"{frame.what}: a[i] of a plain array a got a traced index, {tracer.aval}",
                "Write funcgrad.numpy.take(a, i, axis=0), or funcgrad.numpy.at(a)[i].get().",
            )
    # Here, because most programs ask for no such value.
    if use == "numpy.asarray":
        from .callee import in_sparse, numpys_function, takes_tracers

        if in_sparse():
            return error(
                f"{frame.what}: numpy.asarray() in scipy.sparse {why}", f"{SPARSE}{ending}."
            )
        function = numpys_function()
        if function:
            instead = _instead_of(function, takes_tracers(function))
            return error(f"{frame.what}: {function}() {why}", f"{instead}{ending}.")
    from .scipy_names import counterpart_name, scipys_function

    called = scipys_function()
    if called:
        asked, counterpart = _ASKED.get(use, f"{use}()"), counterpart_name(called)
        instead = f"Write {counterpart}, which takes traced values" if counterpart else _NOTHING
        return error(f"{frame.what}: {asked} in {called} {why}", f"{instead}{ending}.")
    if frame.what in ("jit", "checkpoint") and use in ("bool", "index", "int", "hash"):
        ending += f"; or {_STATIC}"
    asked = _ASKED.get(use, f"{use}()")
    instead = _INSTEAD.get(use) or f"Use numpy.{use.rpartition('.')[2]}"
    return error(f"{frame.what}: {asked} {why}", f"{instead}{ending}.")


SPARSE = (
    "Write S.toarray() @ x; where S is too large for that, give y = S @ x a custom_vjp whose "
    "functions call S @ x and S.T @ ct by funcgrad.pure_callback"
)
"""What to write in place of a scipy.sparse matrix times a traced value."""


def _instead_of(function: str, covered: bool) -> str:
    """What to write for a function of NumPy's that makes arrays of its arguments."""
    name = function.rpartition(".")[2]
    if isinstance(getattr(np, name, None), type):
        return f"Write x.astype({function})"
    if covered:
        return f"Write funcgrad.{function}, which takes traced values and lists of them"
    return "Make an array of the list first, by funcgrad.numpy.array, or call it on plain values"


def _subscript() -> str:
    """What the user's line is doing: "set" for ``a[i] = x``, "get" for ``a[i]``, or ""."""
    source_info = user_source_info()
    if source_info is None or source_info[0].co_filename.startswith(LIBRARIES):
        return ""
    code, instruction = source_info
    name = opcode.opname[code.co_code[instruction]]
    if name in ("STORE_SUBSCR", "STORE_SLICE"):
        return "set"
    if name == "BINARY_OP":  # Python 3.14 has no opcode of its own for a[i]
        operators: Sequence[tuple[str, str]] = getattr(opcode, "_nb_ops", ())
        argument = code.co_code[instruction + 1]
        return "get" if argument < len(operators) and operators[argument][1] == "[]" else ""
    return "get" if name == "BINARY_SUBSCR" else ""
