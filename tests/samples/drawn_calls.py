"""Calls of NumPy's functions that Hypothesis draws from the rows of `samples.calls`."""

import re

import numpy as np
from hypothesis import strategies as st

import funcgrad.numpy as fnp
from funcgrad.core.trace import aval_of

from .calls import ROWS

SHAPES = {
    "any": [(), (3,), (1,), (2, 3), (3, 1), (0,), (0, 3), (3, 3), (2, 1, 3), (2, 2, 2)],
    "vector": [(3,), (3,), (4,), (1,), (0,), (2, 3), ()],
    "filled": [(3,), (4,), (1,)],
    "matrix": [(2, 3), (3, 3), (1, 3), (3, 1), (0, 3), (2, 2, 3), (3,), ()],
    "flat": [(2, 2), (3, 3), (4, 2), (2, 3)],
    "cube": [(3,), (3, 3), (3, 3, 3)],
    "square": [(2, 2), (3, 3), (2, 3, 3), (1, 1), (2, 3)],
}
DTYPES = {
    "b": ["?"],
    "i": ["i1", "i2", "i4", "i8"],
    "u": ["u1", "u2", "u4", "u8"],
    "f": ["f2", "f4", "f8", "f8"],
    "c": ["c8", "c16"],
    "s": [bool, int, float, complex],
}
TOLERANCES = {2: 2e-2, 4: 5e-4, 8: 1e-9}
CASES = [(name, row) for row in ROWS for name in row.names.split()]


@st.composite
def operands(draw, row, shape=None):
    if shape is None:
        shape = draw(st.sampled_from(SHAPES[row.shapes]))
    kinds = [k for k in row.kinds if k != "s" or not shape]
    dtypes = [d for k in kinds for d in DTYPES[k] if not (row.normal and d == "f2")]
    dtype = draw(st.sampled_from(dtypes))
    size = int(np.prod(shape))
    if row.normal:
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        values = rng.permutation(np.arange(size) - size // 3) * 2 + rng.uniform(0, 1, size)
    else:
        values = np.array(draw(st.lists(st.integers(-9, 9), min_size=size, max_size=size))) / 4
    if dtype in (bool, int, float, complex):
        return dtype(values.item())
    dtype = np.dtype(dtype)
    if dtype.kind == "u":
        values = np.abs(values)
    if dtype.kind == "c":
        values = values + 1j * values[::-1]
    array = values.astype(dtype).reshape(shape)
    if not shape:
        return array[()]
    layout = draw(st.sampled_from(["C", "C", "C", "F", "reversed", "read-only", "big-endian"]))
    if layout == "reversed":
        return array[::-1]
    if layout == "F":
        return np.asfortranarray(array)
    if layout == "big-endian":
        return array.astype(dtype.newbyteorder(">"))
    array.flags.writeable = layout != "read-only"
    return array


@st.composite
def calls(draw, name, row):
    """A function of the operands, and the operands."""
    x = draw(operands(row))
    shape, rank = np.shape(x), np.ndim(x)
    axis = st.integers(-rank, rank - 1) if rank else st.just(0)
    axis = st.one_of(axis, axis, axis, st.sampled_from([rank, -rank - 1]))
    several = st.lists(axis, max_size=3).map(tuple)
    text = row.text.replace("{f}", name)
    for option, strategy in {
        "{axis}": axis,
        "{maybe}": st.none() | axis,
        "{axes}": st.none() | axis | several,
        "{flag}": st.booleans(),
        "{n}": st.integers(0, 3),
        "{dtype}": st.sampled_from(
            ["bool", "np.int8", "np.uint16", "int", "np.float32", "float", "complex"]
        ),
    }.items():
        while option in text:
            text = text.replace(option, str(draw(strategy)), 1)
    args = {"x": x}
    if re.search(r"\by\b", text):
        like = [shape, (), shape[-1:], (1, *shape[1:])]
        others = SHAPES[row.shapes] if row.shapes == "filled" else [*like, *SHAPES["any"]]
        args["y"] = draw(operands(row, draw(st.sampled_from(others))))
    code = eval(f"lambda {', '.join(args)}: {text}", {"np": np, "fnp": fnp})
    code.text = text
    return code, tuple(args.values())


def public(kind):
    """The exception class that users know: NumPy's own are private for some TypeErrors."""
    return next(k for k in kind.__mro__ if not k.__module__.startswith("numpy._core"))


def tolerance(values):
    """What the least precise of the values bears."""
    return max(
        TOLERANCES[np.finfo(aval_of(v).dtype).dtype.itemsize] if aval_of(v).inexact else 1e-9
        for v in values
    )


def ident(case):
    return f"{case[0]}-{case[1].text}"
