"""The text that `source` gives runs with NumPy alone, and computes what the program does."""

import re
import warnings

import numpy as np
import pytest
from rewrites import same
from samples import every_sample, pulled

from funcgrad import jit

GIVEN = re.compile(r"^# (\w+): (?:a captured array|.*, run by funcgrad)", re.MULTILINE)
"""What the text says that it has no text for."""


def check_text(f, args):
    """Run a compiled program and its text; whether it has one."""
    lowered = jit(f).lower(*args)
    values = lowered._static.signature(args, {}).values()
    function = lowered._traced.program.function
    text = lowered.compile().source()
    expected = function(*values)
    space = {name: function.__globals__[name] for name in GIVEN.findall(text)}
    exec(compile(text, "<source>", "exec"), space)
    actual = space[function.__name__](*values)
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        assert same(a, e), (a, e)
    return not GIVEN.search(text)


def test_every_sample():
    whole = tried = 0
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for sample in every_sample():
            for f in (sample.function, pulled(sample.function, sample.args)):
                if f is None or sample.primitive in ("debug_print", "io_callback"):
                    continue
                whole += check_text(f, sample.args)
                tried += 1
    assert tried > 900 and whole > 0.9 * tried


INF, THIRD = np.inf, np.longdouble(1) / 3
WIDE = [THIRD, -np.longdouble(INF), np.longdouble(np.nan), np.longdouble(-0.0)]
COMPLEX = [complex(INF, 1), complex(np.nan, -INF), complex(1, -0.0), complex(-0.0, 1)]

NUMBERS = {
    "float": -INF,
    "complex": complex(1, INF),
    "float16": np.float16(np.nan),
    "float32": np.float32(-INF),
    "float64": np.float64(np.nan),
    "complex64": np.complex64(complex(np.nan, -INF)),
    "complex128": np.complex128(complex(-INF, -0.0)),
    "longdouble": THIRD,
    "longdouble inf": np.longdouble(INF),
    "longdouble nan": np.longdouble(np.nan),
    "clongdouble": np.clongdouble(THIRD),
    "clongdouble inf": np.array([np.longdouble(INF), THIRD]).view(np.clongdouble)[0],
    "uint64": np.uint64(2**64 - 1),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_captured_numbers(name):
    number = NUMBERS[name]
    dtype = np.result_type(number) if isinstance(number, np.generic) else np.complex64
    x = np.ones((), dtype)[()]
    with np.errstate(all="ignore"):
        assert same(jit(lambda x: x * number)(x), x * number)
        assert check_text(lambda x: x * number, (x,))
        assert check_text(lambda x: (x + 1, number), (np.float64(1.0),))


ARRAYS = {
    "float64": np.array([INF, -INF, np.nan, -0.0]),
    "float32": np.array([INF, 0.1], np.float32),
    "float16": np.array([65504, INF], np.float16),
    "complex128": np.array(COMPLEX),
    "complex64": np.array(COMPLEX, np.complex64),
    "longdouble": np.array(WIDE),
    "clongdouble": np.array([*WIDE, *WIDE]).view(np.clongdouble),
    "matrix": np.array([[1.5, np.nan], [INF, 0.1]]),
    "bool": np.array([True, False]),
    "int8": np.array([127, -128], np.int8),
    "empty": np.zeros((0, 3)),
    "empty too": np.zeros((2, 0, 1), np.complex64),
    "scalar": np.array(INF),
    "repeated": np.broadcast_to([[INF], [0.1]], (2, 3)),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_captured_arrays(name):
    array = ARRAYS[name]
    x = np.ones(array.shape, array.dtype)

    def f(x):
        return np.where(x == x, array, x), np.concatenate([np.ravel(x), np.ravel(array)]), array

    with np.errstate(all="ignore"):
        assert check_text(f, (x,))
        for actual, expected in zip(jit(f)(x), f(x), strict=True):
            assert same(actual, np.asarray(expected)[()] if not expected.ndim else expected)


@pytest.mark.parametrize("x", [-INF, np.nan, complex(1, INF)])
def test_numbers_in_places_of_parameters(x):
    one, several = np.float64(1.0), np.ones(3)
    real = x.real if isinstance(x, complex) else x
    with np.errstate(all="ignore"):
        assert check_text(lambda a: a**x, (several,))
        assert check_text(lambda a: np.clip(a, None, real), (several,))
        assert check_text(lambda a: np.pad(a, 1, constant_values=real), (several,))
        assert check_text(lambda a: np.max(a, initial=real), (several,))
        assert check_text(lambda a: np.where(a > 0, real, a), (one,))
