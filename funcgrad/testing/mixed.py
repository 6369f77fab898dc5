"""A Hypothesis strategy: random programs over arrays of many shapes and dtypes.

Each line of a program is tried on its arguments when it is drawn, and left out where NumPy refuses
it, so that lines need not know what the others gave. Made for comparing answers (dtypes, shapes,
promotion, views, updates in place), not derivatives: inf and nan come about.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .strategies import Call, Program, result_of

__all__ = ["mixed_calls"]

_SHAPES: tuple[tuple[int, ...], ...] = ((), (3,), (1,), (2, 3), (2, 1), (3, 3), (0,), (0, 3))
_DTYPES = ("f8", "f8", "f4", "f2", "c16", "c8", "i8", "i4", "u1", "?")
_NUMBERS = ("True", "2", "-3", "0.5", "-0.0", "1e300", "2j", "np.inf", "np.float32(1.5)", "300")
_LARGEST = 400

_ONE = (
    *("-{a}", "abs({a})", "~{a}", "np.sqrt({a})", "np.sign({a})", "np.floor({a})", "np.isnan({a})"),
    *("np.tanh({a})", "np.square({a})", "np.conj({a})", "np.real({a})", "np.logical_not({a})"),
    *("{a} ** 2", "{a} ** -1", "{a} ** 0.5", "2 ** {a}", "{a}.astype(np.float32)"),
    *("{a}.astype(int)", "{a}.astype(bool)", "np.round({a}, 1)", "np.reciprocal({a})"),
)
_TWO = (
    *("{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} / {b}", "{a} // {b}", "{a} % {b}", "{a} ** {b}"),
    *("{a} < {b}", "{a} == {b}", "{a} & {b}", "{a} | {b}", "{a} @ {b}", "np.maximum({a}, {b})"),
    *("np.fmin({a}, {b})", "np.arctan2({a}, {b})", "np.copysign({a}, {b})", "np.power({a}, {b})"),
    *("np.where({a} > 0, {a}, {b})", "np.where({a}, {b}, {a})", "np.clip({a}, {b}, 2)"),
    *("np.dot({a}, {b})", "np.outer({a}, {b})", "np.kron({a}, {b})", "np.inner({a}, {b})"),
    *("np.concatenate([{a}, {b}])", "np.stack([{a}, {b}], axis=-1)", "np.hstack([{a}, {b}])"),
    *("np.append({a}, {b})", "np.select([{a} > 0, {b} > 1], [{a}, {b}], 2)", "np.hypot({a}, {b})"),
    *("np.einsum('...i,...i->...', {a}, {b})", "np.vstack([{a}, {b}])", "np.logaddexp({a}, {b})"),
    *("np.heaviside({a}, {b})", "np.tensordot({a}, {b}, 1)", "np.broadcast_arrays({a}, {b})[0]"),
)
_REDUCED = (
    *("np.sum({a}{o})", "np.prod({a}{o})", "np.max({a}{o})", "np.mean({a}{o})", "np.any({a}{o})"),
    *("np.std({a}{o})", "np.min({a}{o}, initial=2)", "np.sum({a}{o}, dtype=np.float32)"),
)
_ALONG = (
    *("np.cumsum({a}, axis={i})", "np.argmax({a}, axis={i})", "np.sort({a}, axis={i})"),
    *("np.argsort({a}, axis={i})", "np.flip({a}, axis={i})", "np.diff({a}, axis={i})"),
    *("np.repeat({a}, 2, axis={i})", "np.take({a}, [0, -1], axis={i})", "np.roll({a}, 1, {i})"),
    *("np.expand_dims({a}, {i})", "np.swapaxes({a}, 0, {i})", "np.array_split({a}, 2, {i})[0]"),
)
_ARRANGED = (
    *("{a}.T", "{a}.reshape(-1)", "{a}.reshape(-1, 1)", "{a}.ravel()", "np.squeeze({a})"),
    *("{a}[..., 0]", "{a}[0]", "{a}[::-1]", "{a}[1:]", "{a}[None]", "{a}[[0, -1]]", "{a}[...]"),
    *("{a}[:, 0]", "{a}[-1, ..., None]", "np.pad({a}, 1)", "np.pad({a}, 1, constant_values=2)"),
    *("np.tile({a}, 2)", "np.tril({a})", "np.diagonal({a})", "np.broadcast_to({a}, (2, 3))"),
    *("np.atleast_2d({a})", "np.zeros_like({a})", "np.moveaxis({a}, 0, -1)", "np.rot90({a})"),
)
_IN_PLACE = ("+=", "-=", "*=", "/=", "//=", "**=")


@st.composite
def _arguments(draw: st.DrawFn, python: bool) -> Any:
    shape = draw(st.sampled_from(_SHAPES))
    dtype = np.dtype(draw(st.sampled_from(_DTYPES)))
    size = int(np.prod(shape))
    numbers = np.array(draw(st.lists(st.integers(-9, 9), min_size=size, max_size=size)), float)
    if dtype.kind in "fc":
        numbers = numbers / 4
    if dtype.kind == "u":
        numbers = np.abs(numbers)
    array = numbers.astype(dtype).reshape(shape)
    if not shape:
        return array[()].item() if python and draw(st.booleans()) else array[()]
    layout = draw(st.sampled_from(("C", "C", "reversed", "read-only", "big-endian")))
    if layout == "reversed":
        return array[::-1]
    if layout == "big-endian":
        return array.astype(dtype.newbyteorder(">"))
    array.flags.writeable = layout != "read-only"
    return array


@st.composite
def mixed_calls(draw: st.DrawFn, *, max_steps: int = 6) -> Call:
    """Random programs ``program(x, y)`` with arguments, over arrays of many shapes and dtypes.

    The result is one value or a tuple.

    Args:
        draw: Given by Hypothesis.
        max_steps: The most operations.

    Returns:
        A `Call`.
    """
    args = draw(_arguments(False)), draw(_arguments(True))
    values: dict[str, Any] = {"x": args[0], "y": args[1]}
    lines: list[str] = []
    for step in range(draw(st.integers(1, max_steps))):
        name = f"v{step}"
        tried = _lines(draw, name, list(values), values)
        value = _try(tried, name, values)
        if value is not None:
            values[name] = value
            lines += tried
    results = list(values)[-draw(st.integers(1, 3)) :]
    lines.append(f"return {results[0] if len(results) == 1 else ', '.join(results)}")
    return Call(Program(lines, {}, True), args)


def _lines(draw: st.DrawFn, name: str, names: list[str], values: dict[str, Any]) -> list[str]:
    """One operation on what is there already."""
    a = draw(st.sampled_from(names[-4:]))
    rank = np.ndim(values[a])
    kind = draw(st.sampled_from(("one", "two", "two", "two", "reduced", "along", "arranged", "in")))
    if kind == "one":
        return [f"{name} = " + draw(st.sampled_from(_ONE)).format(a=a)]
    if kind == "arranged":
        return [f"{name} = " + draw(st.sampled_from(_ARRANGED)).format(a=a)]
    if kind == "along" and rank:
        axis = draw(st.integers(-rank, rank - 1))
        return [f"{name} = " + draw(st.sampled_from(_ALONG)).format(a=a, i=axis)]
    if kind == "reduced":
        axis = draw(st.integers(-rank, rank - 1)) if rank else None
        options = draw(st.sampled_from(("", f", axis={axis}", f", axis={axis}, keepdims=True")))
        return [f"{name} = " + draw(st.sampled_from(_REDUCED)).format(a=a, o=options)]
    b = draw(st.sampled_from(names)) if draw(st.booleans()) else draw(st.sampled_from(_NUMBERS))
    if kind == "in":
        # Only what a program made itself is updated: an argument would change for its caller.
        return [f"{name} = {a} + 0", f"{name} {draw(st.sampled_from(_IN_PLACE))} {b}"]
    if draw(st.booleans()):
        a, b = b, a
    return [f"{name} = " + draw(st.sampled_from(_TWO)).format(a=f"({a})", b=f"({b})")]


def _try(lines: list[str], name: str, values: dict[str, Any]) -> Any:
    """What the lines make of the values; None where they raise, or make too much or no number."""
    value = result_of(lines, name, values)
    known = isinstance(value, np.ndarray | np.generic | bool | int | float | complex)
    if not known or np.asarray(value).dtype.kind not in "biufc" or np.size(value) > _LARGEST:
        return None
    if isinstance(value, int) and not -(2**62) < value < 2**62:
        return None
    # The type of a power of Python's numbers depends on their values; traced ones have one type.
    return None if type(value) in (int, float, complex) and "**" in lines[-1] else value
