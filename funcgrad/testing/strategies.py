"""Floor 8: Hypothesis strategies: arrays away from kinks, and random programs as readable source.

A drawn `Program` is a Python function made from generated text: a failing example prints what
fails. Programs stay in a bounded range and are smooth but for what they say (``maximum``,
``where``), so that their derivatives can be compared with differences.
"""

from __future__ import annotations

import itertools
import linecache
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from .. import lax

__all__ = ["FEATURES", "Program", "arrays", "programs", "shapes"]

FEATURES = ("buffers", "closures", "branches", "singular", "control")
"""What programs may do beside arithmetic: reuse a local buffer, close over arrays, branch in Python
on a value, use ``where`` at points where the branch not taken has an infinite derivative, and call
(nested) control flow of `funcgrad.lax`."""

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
_TO_VECTOR = ("{a}[::-1]", "np.concatenate([{a}[1:], {a}[:1]])", "np.cumsum({a}) / 4")
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


@st.composite
def programs(
    draw: st.DrawFn,
    *,
    max_steps: int = 6,
    features: Sequence[str] = FEATURES,
    scalar: bool = True,
) -> Program:
    """Random programs ``program(x, y)`` of an array of shape ``(3,)`` and a scalar.

    Args:
        draw: Given by Hypothesis.
        max_steps: The most operations.
        features: Which of `FEATURES` they may use.
        scalar: Whether the result is a scalar; else an array of shape ``(3,)``.
    """
    vectors, scalars = ["x"], ["y"]
    lines: list[str] = []
    captured: dict[str, Any] = {}
    abstract = True
    if "buffers" in features:
        lines.append("buffer = np.full(3, 0.5)")
    names = (f"v{i}" for i in itertools.count())

    def vector() -> str:
        return draw(st.sampled_from(vectors[-4:]))

    def either() -> str:
        return draw(st.sampled_from([*vectors[-3:], *scalars[-3:]]))

    kinds = ["unary", "binary", "to_scalar", "to_vector", *features]
    for _ in range(draw(st.integers(1, max_steps))):
        kind = draw(st.sampled_from(kinds))
        name = next(names)
        if kind == "binary":
            a, b = either(), either()
            lines.append(f"{name} = " + draw(st.sampled_from(_BINARY)).format(a=a, b=b))
            (vectors if {a, b} & set(vectors) else scalars).append(name)
        elif kind == "to_scalar":
            lines.append(f"{name} = " + draw(st.sampled_from(_TO_SCALAR)).format(a=vector()))
            scalars.append(name)
        elif kind == "branches":
            s, a = draw(st.sampled_from(scalars)), vector()
            lines += [
                f"if {s} > 0.21:",
                f"    {name} = np.sin({a}) * {s}",
                "else:",
                f"    {name} = {a} + 0.5",
            ]
            vectors.append(name)
            abstract = False
        elif kind == "buffers":
            number = draw(st.integers(-3, 3)) / 2 + 0.25
            lines += [f"{name} = {vector()} * buffer", f"buffer[:] = {number}"]
            vectors.append(name)
        elif kind == "control":
            s, a = draw(st.sampled_from(scalars)), vector()
            lines.append(f"{name} = " + draw(st.sampled_from(_CONTROL)).format(s=s, a=a))
            vectors.append(name)
        elif kind == "closures":
            array = f"c{len(captured)}"
            captured[array] = draw(arrays((3,)))
            lines.append(f"{name} = np.tanh({vector()} * {array})")
            vectors.append(name)
        else:
            a = either() if kind == "unary" else vector()
            table = {"unary": _UNARY, "to_vector": _TO_VECTOR, "singular": _SINGULAR}[kind]
            lines.append(f"{name} = " + draw(st.sampled_from(table)).format(a=a))
            (vectors if a in vectors else scalars).append(name)
    result = f"{vectors[-1]} * {scalars[-1]} + {vectors[0]}"
    lines.append(f"return np.sum({result})" if scalar else f"return {result}")
    return Program(lines, captured, abstract)
