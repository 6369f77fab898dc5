"""From the user's functions to programs: branches and bodies traced over pytrees.

The functions given to control flow are traced over the types of their operands. What they close
over becomes extra operands; several branches share one list of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import tree
from ...core.ir import Aval, Jaxpr, Var
from ...core.record import run, trace
from ...core.source_info import name_of, place_of
from ...core.trace import Tracer, aval_of
from ...errors import ArgumentError, DtypeError, FuncgradError, ShapeError, is_miscall
from ...ops.convert import Convert, convert, too_large
from ...tree import TreeDef

__all__ = [
    "Body",
    "Operands",
    "called",
    "is_python_number",
    "name_of",
    "place_of",
    "require_callable",
    "share",
    "to_aval",
    "trace_body",
    "unlike",
]


def require_callable(f: Any, what: str) -> None:
    """Check that ``f`` can be called.

    Raises:
        ArgumentError: Naming what was given.
    """
    if not callable(f):
        raise ArgumentError(
            f"{what}: expected a function, got {type(f).__name__}",
            f"Pass the function itself, as in {what}(..., f, ...), not its result.",
        )


_CALLED_AS = {
    "scan": "scan calls it as f(carry, x)",
    "map": "map calls it as f(x)",
    "fori_loop": "fori_loop calls it as body_fun(i, carry)",
    "while_loop": "while_loop calls both functions with the carry",
    "cond": "The operands come behind the functions: cond(p, f, g, x)",
    "switch": "The operands come behind the functions: switch(i, [f, g], x)",
}


def called(what: str, f: Callable[..., Any], *args: Any) -> Any:
    """``f(*args)``, for a function of the user's.

    Raises:
        ArgumentError: It takes other arguments; says how it is called.
    """
    try:
        return f(*args)
    except TypeError as error:
        if not is_miscall(error):
            raise
        says = str(error).partition("() ")[2]
        raise ArgumentError(
            f"{what}: {place_of(f)} {says}", f"{_CALLED_AS.get(what, 'Give it what it takes')}."
        ) from None


def is_python_number(leaf: Any) -> bool:
    """Whether a leaf of operands is traced: arrays, numbers and tracers, booleans included."""
    return isinstance(leaf, (Tracer, np.ndarray, np.generic, int, float, complex))


class Operands:
    """The leaves of a pytree of operands, parted into numbers, which are traced, and the others.

    Args:
        operands: The pytree.
        flags: Whether Python's booleans are numbers.

    Attributes:
        leaves: All leaves.
        treedef: The structure.
        traced: The positions of the numbers.
        values: The numbers.
        avals: Their types.
    """

    __slots__ = ("avals", "leaves", "traced", "treedef", "values")

    def __init__(self, operands: Any, flags: bool = True) -> None:
        self.leaves, self.treedef = tree.flatten(operands)
        self.traced = [
            i
            for i, leaf in enumerate(self.leaves)
            if is_python_number(leaf) and (flags or type(leaf) is not bool)
        ]
        self.values = [self.leaves[i] for i in self.traced]
        self.avals = [aval_of(value) for value in self.values]

    def rebuild(self, values: Sequence[Any]) -> Any:
        """The pytree with other numbers."""
        leaves = list(self.leaves)
        for i, value in zip(self.traced, values, strict=True):
            leaves[i] = value
        return tree.unflatten(self.treedef, leaves)

    def paths(self) -> list[str]:
        """The key path of each number, for errors."""
        paths = self.treedef.paths()
        return [tree.path_string(paths[i]) for i in self.traced]


class Body:
    """A traced function.

    Attributes:
        jaxpr: Its program; what it captured comes first among the inputs.
        captured: The captured values.
        out: The structure and the leaves of its result: for a number its position among the
            outputs, else the object itself.
    """

    __slots__ = ("captured", "jaxpr", "leaves", "numbers", "treedef")

    def __init__(
        self, jaxpr: Jaxpr, captured: list[Any], treedef: TreeDef, leaves: list[Any]
    ) -> None:
        self.jaxpr, self.captured, self.treedef, self.leaves = jaxpr, captured, treedef, leaves
        self.numbers = [i for i, leaf in enumerate(leaves) if is_python_number(leaf)]

    def rebuild(self, values: Sequence[Any]) -> Any:
        """The result for values of the program's outputs."""
        leaves = list(self.leaves)
        for i, value in zip(self.numbers, values, strict=True):
            leaves[i] = value
        return tree.unflatten(self.treedef, leaves)


def trace_body(
    f: Callable[..., Any],
    avals: Sequence[Aval],
    rebuild: Callable[[Sequence[Any]], tuple[Any, ...]],
    what: str,
) -> Body:
    """Trace ``f``.

    Args:
        f: The user's function.
        avals: The types of the numbers among its operands.
        rebuild: From values of those to the positional arguments of ``f``.
        what: The control flow's name, for errors.

    Raises:
        ArgumentError: Where ``f`` is no function.
    """
    require_callable(f, what)
    treedef: Any = None
    leaves: list[Any] = []

    def flat(*values: Any) -> list[Any]:
        nonlocal treedef, leaves
        leaves, treedef = tree.flatten(called(what, f, *rebuild(values)))
        return [leaf for leaf in leaves if is_python_number(leaf)]

    jaxpr, captured = trace(flat, avals, name=name_of(f), what=what)
    return Body(jaxpr, captured, treedef, leaves)


def share(bodies: Sequence[Body]) -> tuple[list[Jaxpr], list[Any]]:
    """The programs of ``bodies`` with one list of captured inputs for all, and their values."""
    return share_programs([body.jaxpr for body in bodies], [body.captured for body in bodies])


def share_programs(
    jaxprs: Sequence[Jaxpr], captures: Sequence[Sequence[Any]]
) -> tuple[list[Jaxpr], list[Any]]:
    """Programs with one list of captured inputs for all, and their values.

    Args:
        jaxprs: Programs whose inputs, but for the captured ones, have the same types.
        captures: What each captured.
    """
    captured: list[Any] = []
    position: dict[int, int] = {}
    for values in captures:
        for value in values:
            if id(value) not in position:
                position[id(value)] = len(captured)
                captured.append(value)
    programs = []
    for jaxpr, values in zip(jaxprs, captures, strict=True):
        count = len(values)
        own: dict[int, Var] = {
            position[id(value)]: var
            for value, var in zip(values, jaxpr.inputs[:count], strict=True)
        }
        shared = [own.get(i) or Var(aval_of(value)) for i, value in enumerate(captured)]
        inputs = [*shared, *jaxpr.inputs[count:]]
        programs.append(Jaxpr(inputs, jaxpr.equations, jaxpr.outputs, len(captured), jaxpr.name))
    return programs, captured


def to_aval(value: Any, aval: Aval) -> Any:
    """``value`` with the dtype and weakness of ``aval``."""
    given = aval_of(value)
    if given.dtype == aval.dtype and given.weak == aval.weak:
        return value
    if aval.weak:
        return Convert(aval.dtype, True)(value)
    return convert(value, aval.dtype)


def scalar(x: Any) -> Any:
    """Python numbers as NumPy scalars, as every transform returns them.

    Raises:
        IntegerOverflowError: An integer that int64 does not hold.
    """
    if type(x) not in (float, int, bool, complex):
        return x
    try:
        return aval_of(x).dtype.type(x)
    except OverflowError:
        raise too_large("funcgrad") from None


def join(a: Aval, b: Aval) -> Aval | None:
    """The type that values of both types take where they meet, or None where there is none.

    Weak ones give way to strong ones, as Python scalars do in NumPy.
    """
    if a == b:
        return a
    if a.shape != b.shape:
        return None
    if a.weak != b.weak:
        weak, strong = (a, b) if a.weak else (b, a)
        kinds = "biufc"
        fits = kinds.index(weak.dtype.kind) <= kinds.index(strong.dtype.kind)
        return strong if fits or weak.dtype == strong.dtype else None
    if a.weak:
        return max(a, b, key=lambda aval: "bifc".index(aval.dtype.kind))
    return None


def unlike(a: Aval, b: Aval, what: str, fix: str) -> FuncgradError:
    """The error where two types that should be one differ: in shape, or else in dtype."""
    return (ShapeError if a.shape != b.shape else DtypeError)(what, fix)


def convert_outputs(body: Body, avals: Sequence[Aval]) -> None:
    """Convert the results of a body to ``avals``, within its program."""
    if body.jaxpr.out_avals == list(avals):
        return
    count = len(body.captured)
    jaxpr = body.jaxpr

    def converted(*args: Any) -> list[Any]:
        found = run(jaxpr, args)
        return [to_aval(x, aval) for x, aval in zip(found, avals, strict=True)]

    body.jaxpr, extra = trace(converted, jaxpr.in_avals, name=jaxpr.name)
    body.jaxpr.captured = count
    assert not extra
