"""Hypothesis strategies: arrays away from kinks, and random programs as readable source.

A drawn `Program` is a Python function made from generated text: a failing example prints what
fails. Programs stay in a bounded range and are smooth but for what they say (``maximum``,
``where``), so that their derivatives can be compared with differences.
"""

from __future__ import annotations

import itertools
import linecache
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from .. import lax

__all__ = ["FEATURES", "Call", "Program", "arrays", "calls", "programs", "shapes"]

FEATURES = ("buffers", "closures", "branches", "singular", "control", "shapes")
"""What programs may do beside arithmetic: reuse a local buffer, close over arrays, branch in Python
on a value, use ``where`` at points where the branch not taken has an infinite derivative, call
(nested) control flow of `funcgrad.lax`, and take parts of arrays and give them other shapes."""

_LARGEST, _RANK_MOST = 64, 4

_NUMBERS = itertools.count()

_UNARY = (
    "np.sin({a})",
    "np.cos({a})",
    "np.tanh({a})",
    "np.exp(-{a} * {a})",
    "np.log1p({a} * {a})",
    "np.sqrt({a} * {a} + 1.0)",
    "-{a}",
    "{a} ** 2 / (1.0 + {a} ** 2)",
    "0.5 * {a} + 1",
    "np.arctan({a})",
    "1 / (2 + {a} * {a})",
)
_BINARY = (
    "{a} + {b}",
    "{a} - {b}",
    "np.tanh({a} * {b})",
    "{a} / (1.5 + {b} * {b})",
    "np.maximum({a}, {b} + 0.01)",
    "np.arctan2({a}, 1.5 + {b} * {b})",
    "np.where({a} > {b} + 0.013, {a}, np.sin({b}))",
)
_TO_SCALAR = ("np.sum({a})", "np.mean({a})", "{a}[0]", "{a}[-1] * {a}[0]", "np.dot({a}, {a}) / 8")
_TO_VECTOR = (
    "{a}[::-1]",
    "np.concatenate([{a}[1:], {a}[:1]])",
    "np.cumsum({a}, axis=0) / 4",
)
_SHAPES = (
    *("np.ravel({a})", "np.ravel({a})[0]", "np.ravel({a})[-1] ** 3", "np.ravel({a})[1:]"),
    *("np.squeeze({a})", "np.squeeze({a})[..., 0]", "np.transpose({a})", "{a}[0]", "{a}[-1]"),
    *("{a}[None]", "{a}[..., None]", "{a}[:, 0]", "{a}[..., -1]", "{a}[1:]", "{a}[..., ::-1]"),
    *("np.reshape({a}, (1, -1))", "np.reshape({a}, (-1, 1, 1))", "np.reshape({a}, (-1, 3))"),
    *("np.broadcast_to({a}, (2, *np.shape({a})))", "np.broadcast_to({s}, np.shape({a}))"),
    *("np.mean({a}, axis=0)", "np.mean({a}, axis=-1, keepdims=True)", "np.swapaxes({a}, 0, 1)"),
    *("np.concatenate([{a}, {b}])", "np.stack([{a}, {b}], axis=-1)", "{a} @ {b} / 4"),
    *("np.ravel({a})[np.array([0, -1, 0])]", "np.split({a}, [1])[1]", "np.stack([{s}, {s}, {s}])"),
    *("np.einsum('...i,...i->...', {a}, {b}) / 4", "np.where({a} > {s} + 0.013, {a}, {s})"),
)
_SINGULAR = (
    "np.where({a} > 0.0, np.log(np.where({a} > 0.0, {a}, 1.0)), 0.0)",
    "np.where({a} > 0.0, np.sqrt(np.abs({a})), {a})",
    "np.where({a} != 0.0, np.sin({a}) / np.where({a} != 0.0, {a}, 1.0), 1.0)",
)
_CONTROL = (
    "lax.cond({s} > 0.21, lambda a: np.sin(a) * {s}, lambda a: a * a / 4, {a})",
    "lax.switch(1, [np.cos, lambda a: a * {s}], {a})",
    "lax.scan(lambda c, x: (np.tanh(c + x), c * x), {s}, {a})[1]",
    "lax.scan(lambda c, x: (np.sin(c) + x, c), {s}, {a}, reverse=True, checkpoint='sqrt')[1]",
    "lax.fori_loop(0, 3, lambda i, a: np.sin(a) + i * {s}, {a})",
    "lax.while_loop(lambda a: np.sum(a * a) > 1.03, lambda a: a * 0.7, np.tanh({a}))",
    "lax.map(lambda x: np.tanh(x * {s}), {a})",
    "lax.checkpoint(lambda a: np.cos(a * {s}))({a})",
    "lax.scan(lambda c, x: (lax.cond(x > c, np.sin, np.cos, c + x), c), {s}, {a})[1]",
    "lax.scan(lambda c, x: (lax.while_loop(lambda s: np.abs(s) > 0.31,"
    " lambda s: s * 0.6 * np.tanh({s}) + 0.1 * np.tanh(x), c + x), c), 0.5, {a})[1]",
    "lax.cond({s} > 0.37, lambda a: lax.scan(lambda c, x: (c * x, c), 1.0, a)[1], np.sin, {a})",
)


def shapes(max_rank: int = 3, max_side: int = 3, min_side: int = 0) -> st.SearchStrategy[Any]:
    """Shapes of small arrays, those with 0 and 1 among their sides included."""
    side = st.integers(min_side, max_side)
    return st.lists(side, max_size=max_rank).map(tuple)


def arrays(
    shape: Sequence[int] | st.SearchStrategy[Any] = (3,),
    dtype: Any = np.float64,
    low: float = -2.0,
    high: float = 2.0,
) -> st.SearchStrategy[np.ndarray[Any, Any]]:
    """Arrays of numbers on a grid that avoids 0 and the integers: away from the usual kinks.

    Args:
        shape: A shape, or a strategy for shapes.
        dtype: A floating, complex or integer dtype.
        low: The least number.
        high: The largest.
    """
    kind = np.dtype(dtype)

    def fill(chosen: Any) -> st.SearchStrategy[np.ndarray[Any, Any]]:
        size = int(np.prod(chosen, dtype=int))
        steps = st.integers(int(low * 16), int(high * 16) - 1)

        def build(numbers: list[int]) -> np.ndarray[Any, Any]:
            grid = np.array(numbers, dtype=np.float64).reshape(-1) / 16
            if kind.kind in "fc":
                grid = grid + 1 / 37
            parts = grid[:size] + 1j * grid[size:] if kind.kind == "c" else grid[:size]
            return parts.astype(kind).reshape(chosen)

        count = size * (2 if kind.kind == "c" else 1)
        return st.lists(steps, min_size=count, max_size=count).map(build)

    if isinstance(shape, st.SearchStrategy):
        return shape.flatmap(fill)
    return fill(tuple(shape))


class Program:
    """A function made from generated source, which is what it prints as.

    Attributes:
        source: Its text.
        captured: The arrays that it closes over.
        abstract: Whether it can be traced without values (it does not branch on them in Python).
    """

    _function: Any

    def __init__(self, lines: Sequence[str], captured: dict[str, Any], abstract: bool) -> None:
        self.source = "\n".join(["def program(x, y):", *[f"    {line}" for line in lines]])
        self.captured = captured
        self.abstract = abstract
        filename = f"<program {next(_NUMBERS)}>"
        text = self.source + "\n"
        linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
        scope = {"np": np, "lax": lax, **captured}
        exec(compile(text, filename, "exec"), scope)
        self._function = scope["program"]
        self.__name__ = "program"

    def __call__(self, x: Any, y: Any) -> Any:
        return self._function(x, y)

    def __repr__(self) -> str:
        held = "".join(f"{name} = np.{value!r}\n" for name, value in self.captured.items())
        return f"\n{held}{self.source}\n"


class Call(NamedTuple):
    """A program and what it is called with.

    Attributes:
        program: The function.
        args: Its arguments: ``x``, an array or NumPy's scalar, and ``y``, a number.
    """

    program: Program
    args: tuple[Any, Any]


def result_of(lines: Sequence[str], name: str, values: dict[str, Any]) -> Any:
    """What lines of source make of values, by name; None where they raise."""
    scope = {"np": np, "lax": lax, **values}
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            exec("\n".join(lines), scope)
    except Exception:
        return None
    return scope[name]


class _Draft:
    """A program that is being drawn: its lines, and what each variable is for sample arguments.

    A line is left out where NumPy refuses it, or where it makes something too large or not finite.
    """

    def __init__(self, draw: st.DrawFn, shape: Sequence[int], dtype: Any) -> None:
        self.draw, self.dtype = draw, dtype
        size = int(np.prod(shape, dtype=int))
        x = (np.arange(size) * 0.37 % 1.9 - 0.9 + 1 / 37).astype(dtype).reshape(shape)
        self.values: dict[str, Any] = {"x": x[()], "y": 0.7125}
        self.lines: list[str] = []
        self.captured: dict[str, Any] = {}
        self.abstract = True
        self._held: dict[str, Any] = {}
        self._names = (f"v{i}" for i in itertools.count())

    def names(self, scalar: bool) -> list[str]:
        """The variables without axes, or those with; of the other kind where there are none."""
        found = [name for name, value in self.values.items() if scalar is (not np.ndim(value))]
        return found or list(self.values)

    def one(self, *scalar: bool) -> str:
        """The name of one of the latest variables, of the kinds that are asked for."""
        several = [name for kind in scalar for name in self.names(kind)[-3:]]
        return self.draw(st.sampled_from(several))

    def shape(self, name: str) -> tuple[int, ...]:
        return np.shape(self.values[name])

    def hold(self, name: str, text: str) -> None:
        """Begin with a local variable that is no operand of what is drawn."""
        self.lines.append(f"{name} = {text}")
        self._held[name] = result_of(self.lines[-1:], name, {})

    def add(self, *lines: str) -> None:
        """Add lines with ``{name}`` for the variable that they define."""
        name = next(self._names)
        written = [line.replace("{name}", name) for line in lines]
        value = result_of(written, name, {**self.captured, **self._held, **self.values})
        if value is None or np.size(value) > _LARGEST or np.ndim(value) > _RANK_MOST:
            return
        known = type(value) is float or np.result_type(value) == self.dtype
        if known and np.all(np.isfinite(value)):
            self.values[name] = value
            self.lines += written

    def step(self, kind: str) -> None:
        """Add an operation of some kind."""
        a, s = self.one(False), self.one(True)
        if kind == "binary":
            line = self.draw(st.sampled_from(_BINARY))
            self.add("{name} = " + line.format(a=self.one(False, True), b=self.one(False, True)))
        elif kind == "branches":
            self.add(
                f"if {s} > 0.21:",
                f"    {{name}} = np.sin({a}) * {s}",
                "else:",
                f"    {{name}} = {a} + 0.5",
            )
            self.abstract = False
        elif kind == "buffers":
            number = self.draw(st.integers(-3, 3)) / 2 + 0.25
            self.add(f"{{name}} = {a} * buffer", f"buffer[:] = {number}")
        elif kind == "closures":
            array = f"c{len(self.captured)}"
            self.captured[array] = self.draw(arrays(self.shape(a), self.dtype))
            self.add(f"{{name}} = np.tanh({a} * {array})")
        else:
            table = _TABLES[kind]
            if kind == "unary":
                a = self.one(False, True)
            line = self.draw(st.sampled_from(table))
            self.add("{name} = " + line.format(a=a, b=self.one(False), s=s))

    def result(self) -> str:
        """An expression of the shape of ``x`` in which the latest variables meet."""
        same = [name for name in self.values if self.shape(name) == self.shape("x")]
        scalar, last = self.names(True)[-1], self.names(False)[-1]
        if not self.shape("x"):
            same = ["x"]
        total = f"{same[-1]} * {scalar} + {same[0]}"
        return total if last == same[-1] else f"{total} * np.sin(np.sum({last}))"


_TABLES = {
    "unary": _UNARY,
    "to_scalar": _TO_SCALAR,
    "to_vector": _TO_VECTOR,
    "singular": _SINGULAR,
    "control": _CONTROL,
    "shapes": _SHAPES,
}


@st.composite
def programs(
    draw: st.DrawFn,
    *,
    max_steps: int = 6,
    features: Sequence[str] = FEATURES,
    scalar: bool = True,
    shape: Sequence[int] = (3,),
    dtype: Any = np.float64,
) -> Program:
    """Random programs ``program(x, y)`` of an array and a scalar.

    Args:
        draw: Given by Hypothesis.
        max_steps: The most operations.
        features: Which of `FEATURES` they may use.
        scalar: Whether the result is a scalar, which is real; else an array of the shape of ``x``.
        shape: The shape of ``x``.
        dtype: Its dtype, a floating or complex one.
    """
    draft = _Draft(draw, shape, dtype)
    if "buffers" in features:
        draft.hold("buffer", f"np.full({tuple(shape)[-1:]}, 0.5, np.{np.dtype(dtype).name})")
    kinds = ["unary", "binary", "to_scalar", "to_vector", *features]
    for _ in range(draw(st.integers(1, max_steps))):
        draft.step(draw(st.sampled_from(kinds)))
    result = draft.result()
    if scalar:
        result = f"np.sum({result})" if np.dtype(dtype).kind == "f" else f"np.sum({result}).real"
    return Program([*draft.lines, f"return {result}"], draft.captured, draft.abstract)


_SIDES = st.sampled_from((1, 3, 2, 0))
_RANKS = st.sampled_from((2, 1, 3, 2, 1, 3, 2, 0))


@st.composite
def calls(
    draw: st.DrawFn,
    *,
    max_steps: int = 6,
    features: Sequence[str] = FEATURES,
    scalar: bool = True,
    dtypes: Sequence[Any] = (np.float64,),
) -> Call:
    """Random `programs` of an array of up to three axes, of lengths from 0 to 3, with arguments.

    Args:
        draw: Given by Hypothesis.
        max_steps: As for `programs`.
        features: As for `programs`.
        scalar: As for `programs`.
        dtypes: The dtypes of ``x``.
    """
    dtype, shape = draw(st.sampled_from(dtypes)), tuple([draw(_SIDES) for _ in range(draw(_RANKS))])
    kind = programs(max_steps=max_steps, features=features, scalar=scalar, shape=shape, dtype=dtype)
    program = draw(kind)
    y = draw(st.integers(-30, 30)) / 16 + 1 / 41  # equal to no element of an array
    return Call(program, (draw(arrays(shape, dtype))[()], y))
