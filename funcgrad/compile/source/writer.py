"""A program as one straight-line function of NumPy, a line an equation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from ...core.ir import Atom, Aval, Equation, Jaxpr, Literal, Var, last_uses
from ...ops.convert import Convert
from ...ops.index import Update
from ...ops.linalg import DotGeneral
from ...ops.linear import Sum
from ...ops.reduce import Reduction
from ...ops.select import Select
from ...ops.unstack import Unstack
from ..passes.pipeline import body_with_constants
from . import expressions as text
from .blocked_loops import Loop
from .expressions import Guard, Line
from .fusion import Block, schedule
from .memory import Memory, nbytes
from .naming import Names

__all__ = ["Lowering", "Lowerings", "Writer"]

_REUSED_BYTES = 4096
"""Arrays below this size cost less to make than to write into."""
_DELETED_BYTES = 1 << 16
"""Arrays from this size on are let go of as soon as they are unread."""
_NAMED_APART = 250
"""Programs up to this many equations have a name for each value, longer ones use names again."""


Lowering = Callable[["Writer", Equation], list[Line] | None]
"""Writes an equation that holds programs; None where it has to be run as it is."""


class Lowerings(NamedTuple):
    """How equations that hold programs are written.

    Attributes:
        table: By the type of the primitive.
        residuals_are_lists: Whether per-step residuals stay within a program, and within loops and
            branches that are written out.
    """

    table: Mapping[type, Lowering]
    residuals_are_lists: Callable[[Jaxpr], bool]


class Writer:
    """Writes one version of a function.

    Args:
        name: The function's name.
        jaxpr: The program; its leading inputs are the constants.
        constants: How many constants there are.
        owned: Whether results must own their memory.
        python: Whether float64 scalars are Python floats; else they are NumPy's.
        arguments: What arguments may be called; none, or one each.
        floats: Which arguments are Python floats when they come.
        parent: The writer of the function in which this one stands, whose results stay as they are.
        kept: For arguments that nobody else reads, the result that takes the place of each in the
            next call, and must be nobody else's either.
        tested: Whether its boolean results are tested and nothing else, so that Python's will do.
        taken: Names that mean something where the source is run.

    Attributes:
        body: The source.
        before: Functions that it calls, which stand before it.
        functions: How many functions it has defined.
        names: The names of inputs and constants.
        bound: Functions that the source calls and that have no text: those of primitives that
            state none.
        extra: Constants of inner functions, by name.
        may_raise: Whether Python's arithmetic may raise where NumPy's gives inf or nan.
        unflagged: Whether it is silent where NumPy's may tell of overflow or nan.
        calls_again: Whether a loop over blocks may call the second version.
        quiet: Equations of which it is known that NumPy will not warn.
        tapes_are_lists: Whether the step residuals of loops are lists of this program's own.
        masks: For step residuals of elements the name of the list that says which elements took
            each step.
    """

    def __init__(
        self,
        name: str,
        jaxpr: Jaxpr,
        constants: int,
        owned: bool,
        python: bool,
        arguments: Sequence[str],
        floats: Sequence[bool],
        lowerings: Lowerings,
        parent: Writer | None = None,
        kept: Mapping[Var, int] | None = None,
        tested: bool = False,
        taken: Iterable[str] = (),
    ) -> None:
        self.name, self.jaxpr, self.find_owned, self.python = name, jaxpr, owned, python
        self.parent, self.lowerings, self._tested = parent, lowerings, tested
        self.bound: dict[str, Any] = parent.bound if parent else {}
        self.extra: dict[str, Any] = parent.extra if parent else {}
        self.residuals_are_lists: bool = (
            parent.residuals_are_lists if parent else lowerings.residuals_are_lists(jaxpr)
        )
        self.masks: dict[Var, str] = {}
        self.may_raise = self.unflagged = False
        self.before: list[Line] = parent.before if parent else []
        self.functions = 0
        self._given = parent._given if parent else Names(taken)
        claimed = [a if self._given.claim(a) else "" for a in arguments]
        self._given.claim(name)
        self._spare: list[str] = []
        self._recycles = len(jaxpr.equations) > _NAMED_APART
        self.names: dict[Var, str] = {v: self.fresh() for v in jaxpr.inputs[:constants]}
        for i, v in enumerate(jaxpr.inputs[constants:]):
            self.names[v] = (claimed[i] if claimed else "") or self.fresh()
        self._constants = set(jaxpr.inputs[:constants])
        self._inputs = set(jaxpr.inputs)
        self.arguments = jaxpr.inputs[constants:]
        self._floats = floats
        self.kept = kept or {}
        self._memory = Memory([v for v in jaxpr.inputs if v not in self.kept])
        for v in self.kept:
            self._memory.make(v)
        self._schedule = schedule(jaxpr)
        self._booleans: set[Var] = set()  # strong booleans that are Python's
        self._views: set[Var] = set()  # may be views of arrays that nobody else sees
        self._buffers: dict[tuple[Any, ...], list[str]] = {}
        self._ufuncs: dict[Equation, np.ufunc] = {}
        self._demand = self._count_demand()
        self.calls_again = False
        values = [*jaxpr.inputs, *[v for eqn in jaxpr.equations for v in eqn.outputs]]
        self._numbers = python and not parent and all(text.is_number(v.aval) for v in values)
        self.quiet: set[Equation] = set()
        self.made = {v: eqn for eqn in jaxpr.equations for v in eqn.outputs}
        self.body: list[Line] = [*self._prologue(), *self._steps(), Line(self._return())]

    @property
    def globals(self) -> list[str]:
        """The names outside of the function: what it reads and what stands before it."""
        heads = [line.code for line in self.before if line.code.startswith("def ")]
        functions = [head[len("def ") : head.index("(")] for head in heads]
        return [*self.extra, *self.bound, *functions]

    def fresh(self) -> str:
        """A name that nothing has."""
        return self._given.fresh()

    def named_like(self, wanted: str) -> str:
        """A name that nothing has, for what is called so."""
        return self._given.like(wanted)

    def function(
        self,
        name: str,
        jaxpr: Jaxpr,
        floats: Sequence[bool],
        carry: range = range(0),
        tested: bool = False,
    ) -> Writer:
        """The writer of a function defined inside this one.

        Args:
            name: Its name.
            jaxpr: Its program.
            floats: Which of its arguments are Python floats if they are float64 scalars.
            carry: Which of its arguments are its first results, from call to call. Those that it
                changes in place are `kept`.
            tested: Whether its results are tested and nothing else.
        """
        jaxpr, constants = body_with_constants(jaxpr, text.PROFILE)
        count = len(constants)
        changed = {eqn.inputs[0] for eqn in jaxpr.equations if isinstance(eqn.primitive, Update)}
        carried = enumerate([jaxpr.inputs[count + i] for i in carry])
        kept = {v: k for k, v in carried if v in changed}
        fixed = False, self.python, (), floats, self.lowerings
        made = Writer(name, jaxpr, count, *fixed, self, kept, tested)
        self.extra.update(zip([made.names[v] for v in jaxpr.inputs[:count]], constants))
        self.may_raise = self.may_raise or made.may_raise
        self.unflagged = self.unflagged or made.unflagged
        self.functions += 1
        return made

    def _count_demand(self) -> dict[tuple[Any, ...], int]:
        demand: dict[tuple[Any, ...], int] = {}
        for eqn in self._schedule:
            if isinstance(eqn, Block):
                continue
            ufunc = _ufunc_of(eqn)
            if ufunc is not None:
                self._ufuncs[eqn] = ufunc
                key = _kind(eqn.outputs[0].aval)
                demand[key] = demand.get(key, 0) + 1
        return demand

    def _prologue(self) -> Iterator[Line]:
        for var, comes_so in zip(self.arguments, self._floats, strict=True):
            aval, name = var.aval, self.names[var]
            if text.is_float(aval) and not (comes_so and self.python):
                yield Line(f"{name} = {'float' if self.python else 'np.float64'}({name})")
            elif aval.weak and aval.dtype.kind == "c" and not self.python:
                yield Line(f"{name} = np.complex128({name})")

    def _steps(self) -> Iterator[Line]:
        steps = self._schedule
        reads = [
            (*step.inputs, *step.outputs)
            if isinstance(step, Equation)
            else [a for eqn in step.equations for a in (*eqn.inputs, *eqn.outputs)]
            for step in steps
        ]
        dying = last_uses(reads, self.jaxpr.outputs)
        for step, dead in zip(steps, dying, strict=True):
            if isinstance(step, Block):
                yield from self._loop(step, dead)
            elif step.primitive.multiple:
                yield from self._structured(step)
            else:
                yield from self._guard(step)
                yield self._equation(step, dead)
            yield from self._bury(dead)

    def _guard(self, eqn: Equation) -> Iterator[Line]:
        """Leave what NumPy would warn of to the second version, which tells NumPy where to warn."""
        condition = text.warning_text(eqn) if self._numbers else None
        if condition is not None:
            self.quiet.add(eqn)
            self.unflagged = True
        if condition:
            self.may_raise = True
            wrong = condition.format(*self._operands(eqn))
            yield Guard(f"if {wrong}: raise FloatingPointError")

    def _structured(self, eqn: Equation) -> list[Line]:
        lower = self.lowerings.table.get(type(eqn.primitive))
        lines = lower(self, eqn) if lower else None
        if lines is None:
            lines = [self._equation(eqn, [])]
            if not self.python:
                # What is a Python float as the primitive runs must not raise where NumPy's do not.
                floats = [self.names[v] for v in eqn.outputs if text.is_float(v.aval)]
                lines += [Line(f"{name} = np.float64({name})") for name in floats]
            return lines
        self._memory.define(eqn)
        return lines

    def _loop(self, block: Block, dead: Sequence[Var]) -> list[Line]:
        live = {v for eqn in block.equations for v in eqn.outputs}.difference(dead)
        again = None
        if self.python and self.parent:
            again = "raise FloatingPointError"  # the outer function catches it
        elif self.python:
            arguments = ", ".join([self.names[v] for v in self.arguments])
            again = f"return {self.name}_in_numpy({arguments})"
        loop = Loop(block, self.names, self.fresh, live, again)
        self.calls_again = self.calls_again or loop.calls_again
        self.may_raise = self.may_raise or (loop.calls_again and self.parent is not None)
        lines = loop.lines()
        for v in live:
            if v.aval.shape:
                self._memory.make(v)
        return lines

    def _equation(self, eqn: Equation, dead: Sequence[Var]) -> Line:
        operands = self._operands(eqn)
        shown = " ".join(operands)
        ufunc = self._ufuncs.get(eqn)
        if ufunc is not None:
            target = self._target(eqn, dead)
            if target is not None:
                name = self.names[eqn.outputs[0]] = target
                self._memory.make(eqn.outputs[0])
                code = f"{text.ufunc_name(ufunc)}({', '.join(operands)}, out={name})"
                return Line(code, eqn, shown)
        right = self._in_place(eqn, operands, dead)
        if right is not None:
            name = self.names[eqn.outputs[0]] = self._take_over(cast(Var, eqn.inputs[0]))
            self._memory.make(eqn.outputs[0])
            return Line(f"{name} = {right}", eqn, shown)
        right = self._expression(eqn, operands)
        self._memory.define(eqn)
        if not _owns(eqn):
            self._views.update(eqn.outputs)
        left = ", ".join([self.name_of(out) for out in eqn.outputs])
        if eqn.primitive.multiple and len(eqn.outputs) == 1:
            left += ","
        return Line(f"{left} = {right}" if left else right, eqn, shown)

    def _in_place(self, eqn: Equation, operands: list[str], dead: Sequence[Var]) -> str | None:
        """The text of an update that changes an array which nobody else reads, nor later."""
        primitive, x = eqn.primitive, eqn.inputs[0] if eqn.inputs else None
        if not isinstance(primitive, Update) or not isinstance(x, Var) or not x.aval.shape:
            return None
        if x not in dead or x in eqn.inputs[1:] or not self._memory.sole(x):
            return None
        return primitive.source_in_place(*self.numpy_operands(eqn))

    def _expression(self, eqn: Equation, operands: list[str]) -> str:
        outputs = eqn.outputs
        scalar = not eqn.primitive.multiple and not outputs[0].aval.shape
        if scalar and self.python and self._is_python(eqn):
            found = text.python_text(eqn, operands)
            if found is not None:
                self.may_raise = self.may_raise or text.may_raise(found)
                self.unflagged = self.unflagged or text.is_flagged(eqn.primitive)
                if outputs[0].aval.dtype.kind == "b" and not outputs[0].aval.weak:
                    self._booleans.add(outputs[0])
                return found
        operands = self._in_numpy(eqn, operands)
        if self.python and isinstance(eqn.primitive, Unstack) and text.is_float(outputs[0].aval):
            return f"{operands[0]}.tolist()"
        try:
            found = text.array_text(eqn, operands)
        except NotImplementedError:
            run = self.named_like(f"{eqn.primitive.name}_{len(self.bound)}")
            self.bound[run] = eqn.primitive.run
            found = f"{run}({', '.join(operands)})"
        if scalar and self.python and outputs[0].aval.inexact:
            self.may_raise = self.may_raise or text.may_raise(found)
            if text.is_float(outputs[0].aval):
                return f"float({found})"
        return found

    def _is_python(self, eqn: Equation) -> bool:
        """Whether operands and result are numbers that Python's arithmetic computes alike."""
        out = eqn.outputs[0].aval
        if text.is_float(out):
            return bool(eqn.inputs) and not any(a.aval.shape for a in eqn.inputs)
        return out.dtype.kind == "b" and all(text.is_float(a.aval) for a in eqn.inputs)

    def _operands(self, eqn: Equation) -> list[str]:
        names = self.names
        return [
            names[a] if isinstance(a, Var) else text.literal_text(a, text.adapts(eqn, i))
            for i, a in enumerate(eqn.inputs)
        ]

    def numpy_operands(self, eqn: Equation) -> list[str]:
        """The texts of operands for NumPy's functions, whose booleans are NumPy's: ~True is -2."""
        return self._in_numpy(eqn, self._operands(eqn))

    def _in_numpy(self, eqn: Equation, operands: Sequence[str]) -> list[str]:
        if not self._booleans or isinstance(eqn.primitive, Convert):
            return list(operands)  # a conversion is to a number, which Python's True is too
        pairs = zip(eqn.inputs, operands, strict=True)
        return [f"np.bool_({x})" if a in self._booleans else x for a, x in pairs]

    def name_of(self, out: Var) -> str:
        """The name for a new result."""
        name = self._spare.pop() if self._spare else self.fresh()
        self.names[out] = name
        return name

    def _target(self, eqn: Equation, dead: Sequence[Var]) -> str | None:
        """The buffer to compute an equation into: that of an operand which dies, or a free one."""
        key = _kind(eqn.outputs[0].aval)
        self._demand[key] -= 1
        for a in eqn.inputs:
            if isinstance(a, Var) and a in dead and _kind(a.aval) == key and self._memory.sole(a):
                return self._take_over(a)
        free = self._buffers.get(key)
        return free.pop() if free else None

    def _take_over(self, a: Var) -> str:
        """The name of an array that is written over; arguments keep theirs too."""
        return self.names[a] if a in self._inputs else self.names.pop(a)

    def _bury(self, dead: Sequence[Var]) -> Iterator[Line]:
        """Let go of what is unread from here on."""
        gone: list[str] = []
        for var in dead:
            # A buffer may have become another's. Arguments stay, for the second version.
            if var not in self.names or var in self._inputs:
                self._memory.kill(var)
                continue
            name = self.names[var]
            if not var.aval.shape:
                if self._recycles:
                    self._spare.append(name)
                continue
            size = nbytes(var.aval)
            if size >= _REUSED_BYTES:
                key = _kind(var.aval)
                free = self._buffers.setdefault(key, [])
                if self._memory.sole(var) and len(free) < self._demand.get(key, 0):
                    free.append(name)
                elif size >= _DELETED_BYTES:
                    gone.append(name)
            self._memory.kill(var)
        if gone:
            yield Line(f"del {', '.join(gone)}")

    def _return(self) -> str:
        outputs = self.jaxpr.outputs
        own = self._memory.find_owned(outputs)
        results = [self._result(a, o) for a, o in zip(outputs, own, strict=True)]
        apart = self._memory.apart(outputs) if self.kept else []
        for k in self.kept.values():
            alone = own[k] and outputs[k] not in self._views and apart[k]
            name = self.names[cast(Var, outputs[k])]
            results[k] = name if alone else f"{name}.copy()"
        return f"return ({''.join([r + ', ' for r in results]).strip()})"

    def _result(self, a: Atom, own: bool) -> str:
        aval = a.aval
        if isinstance(a, Literal):
            return text.literal_text(a, False) if aval.dtype != text.FLOAT64 else _float(a)
        name = self.names[a]
        if not aval.shape:
            if text.is_float(aval) and self.python and not aval.weak and not self.parent:
                return f"np.float64({name})"
            if aval.weak and aval.dtype.kind == "c" and not self.python:
                return f"complex({name})"
            return f"np.bool_({name})" if a in self._booleans and not self._tested else name
        if not self.find_owned and not self._memory.shares(a, self._constants):
            return name
        if own and a not in self._views:
            return name
        return f"{name} if {name}.base is None else {name}.copy()" if own else f"{name}.copy()"


def _owns(eqn: Equation) -> bool:
    """Whether a result that shares no memory with operands is no view of a temporary either."""
    primitive = eqn.primitive
    if isinstance(primitive, DotGeneral):
        return " @ " in primitive.template and "." not in primitive.template
    return isinstance(primitive.numpy, np.ufunc) or isinstance(primitive, (Sum, Reduction, Select))


def _float(a: Literal) -> str:
    number = text.number_text(a.value)
    return number if a.aval.weak else f"np.float64({number})"


def _kind(aval: Aval) -> tuple[Any, ...]:
    return aval.shape, aval.dtype


def _ufunc_of(eqn: Equation) -> np.ufunc | None:
    """The ufunc that computes an equation, where its result is worth a buffer."""
    if not eqn.outputs:
        return None
    aval = eqn.outputs[0].aval
    return text.ufunc_of(eqn) if aval.shape and nbytes(aval) >= _REUSED_BYTES else None
