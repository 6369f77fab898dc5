"""Programs made from programs: forward with residuals and backward, jvp, vmap.

Traced once each and kept as long as the program is alive; what holds programs (`Call`, and the
control flow) states its rules with these.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from ...core.ir import Aval, Jaxpr, Var
from ...core.record import run, trace
from ...core.residuals import StepResidualsAval
from ...core.trace import Tracer, aval_of
from ...ops.convert import convert
from ...ops.linear import zeros
from ...transforms.jvp import jvp
from ...transforms.vjp import vjp
from ...transforms.vmap import BatchFrame, vmap
from .trim import keep_outputs

__all__ = [
    "Pullback",
    "Split",
    "StepResidualTypes",
    "cache",
    "derive",
    "first_like",
    "inexact_cotangents",
    "jvp_program",
    "known_derivation",
    "map_program",
    "residual_types",
    "split_of",
    "step_residual_types",
    "vmap_program",
]

T = TypeVar("T")

_DERIVED: WeakKeyDictionary[Jaxpr, dict[Hashable, Any]] = WeakKeyDictionary()


def derive(jaxpr: Jaxpr, key: Hashable, make: Callable[[], T]) -> T:
    """What ``make`` gives, kept as long as ``jaxpr`` is alive."""
    known = _DERIVED.setdefault(jaxpr, {})
    # Of threads that make it at the same time all get the same.
    return known[key] if key in known else known.setdefault(key, make())


class _Text:
    """A program as it reads, equation by equation, to be compared with others."""

    __slots__ = ("_hash", "_parts", "jaxpr")

    def __init__(self, jaxpr: Jaxpr) -> None:
        self.jaxpr = jaxpr
        numbers: dict[Any, Any] = {v: i for i, v in enumerate(jaxpr.inputs)}

        def numbered(a: Any) -> Any:
            # Numbers that are equal may differ: 0.0 and -0.0, 1 and True.
            return numbers[a] if isinstance(a, Var) else (a.aval, type(a.value), repr(a.value))

        parts: list[Any] = [jaxpr.name, jaxpr.captured, *jaxpr.in_avals]
        for eqn in jaxpr.equations:
            operands = [numbered(a) for a in eqn.inputs]
            for v in eqn.outputs:
                numbers[v] = len(numbers)
            fields = [
                (type(x), repr(x))
                for x in eqn.primitive.parameters()
                if isinstance(x, (np.generic, int, float, complex, tuple))
            ]
            source_info = eqn.source_info and (id(eqn.source_info[0]), eqn.source_info[1])
            avals = [v.aval for v in eqn.outputs]
            parts.append((eqn.primitive, *fields, *operands, *avals, source_info))
        self._parts = (*parts, *[numbered(a) for a in jaxpr.outputs])
        self._hash = hash(self._parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Text) and self._parts == other._parts

    def __hash__(self) -> int:
        return self._hash


@lru_cache(maxsize=64)
def _first(text: _Text) -> Jaxpr:
    return text.jaxpr


def first_like(jaxpr: Jaxpr) -> Jaxpr:
    """The same program as it was traced before, with what is derived of it, or ``jaxpr``.

    For functions that are traced at each call and whose derivatives are costly to make. The last
    few programs are kept; large ones, those that hold programs, and those that run Python code of
    the user's are not.
    """
    held = (eqn.primitive for eqn in jaxpr.equations)
    if len(jaxpr.equations) > 500 or any(p.foreign or any(p.bodies()) for p in held):
        return jaxpr
    try:
        return _first(_Text(jaxpr))
    except TypeError:
        return jaxpr  # with a parameter that has no hash


def known_derivation(jaxpr: Jaxpr, key: Hashable) -> Any:
    """What `derive` has for ``key``, None where nothing was made yet."""
    return _DERIVED.get(jaxpr, {}).get(key)


def split_of(jaxpr: Jaxpr) -> Split:
    """The `Split` of a program, made once."""
    return derive(jaxpr, "vjp", lambda: Split(jaxpr))


class Pullback:
    """A backward program: of residuals and cotangents, to the cotangents of inexact operands.

    Attributes:
        program: The program.
        captured: What to pass for its captured inputs: ``(True, i)`` for residual ``i``, and
            ``(False, array)`` for an array.
        given: For each operand of the call, whether there is a cotangent.
    """

    __slots__ = ("captured", "given", "program")

    def __init__(self, program: Jaxpr, captured: list[tuple[bool, Any]], given: list[bool]) -> None:
        self.program, self.captured, self.given = program, captured, given

    def restrict(self, wanted: Sequence[bool]) -> tuple[Jaxpr, list[bool]]:
        """The program without the cotangents that nobody wants, and which are left."""
        program = self.program
        outputs = iter(program.outputs)
        kept: list[Any] = []
        for some, want in zip(self.given, wanted, strict=True):
            if some:
                out = next(outputs)
                if want:
                    kept.append(out)
        given = [some and want for some, want in zip(self.given, wanted, strict=True)]
        return keep_outputs(program, kept), given


class Split:
    """The vjp of a program, as one forward program and two backward ones.

    All come from one trace: the pullbacks are traced in frames nested in the forward's, and what
    they capture there are the residuals.

    Attributes:
        forward: The program of the results, and then of the residuals that are neither operands nor
            results.
        captured: What to pass for its captured inputs.
        residuals: For each, whether it is an operand of the call or a result of ``forward``, and
            which one.
        pullbacks: By whether the cotangents are masked.
    """

    __slots__ = ("captured", "forward", "pullbacks", "residuals")

    def __init__(self, jaxpr: Jaxpr) -> None:
        self.residuals: list[tuple[bool, int]] = []
        self.pullbacks: dict[bool, Pullback] = {}
        active = [aval.inexact for aval in jaxpr.in_avals]

        def forward(*inputs: Any) -> list[Any]:
            def primal(*chosen: Any) -> list[Any]:
                each = iter(chosen)
                return run(jaxpr, [next(each) if a else x for a, x in zip(active, inputs)])

            results, step_residual = vjp(primal, [x for a, x in zip(active, inputs) if a])
            results = list(results)
            known = {id(x): (False, i) for i, x in reversed(list(enumerate(results)))}
            known.update({id(x): (True, i) for i, x in enumerate(inputs)})
            numbers: dict[int, int] = {}
            for masked in (False, True):
                program, captured, given = _trace_pullback(step_residual, jaxpr, active, masked)
                passed: list[tuple[bool, Any]] = []
                for value in captured:
                    if not isinstance(value, Tracer):
                        passed.append((False, value))
                        continue
                    if id(value) not in numbers:
                        if id(value) not in known:
                            known[id(value)] = False, len(results)
                            results.append(value)
                        numbers[id(value)] = len(self.residuals)
                        self.residuals.append(known[id(value)])
                    passed.append((True, numbers[id(value)]))
                self.pullbacks[masked] = Pullback(program, passed, given)
            return results

        name = f"forward of {jaxpr.name}"
        self.forward, self.captured = trace(forward, jaxpr.in_avals, name=name)


def _trace_pullback(
    step_residual: Any, jaxpr: Jaxpr, active: Sequence[bool], masked: bool
) -> tuple[Jaxpr, list[Any], list[bool]]:
    inexact = [aval.inexact for aval in jaxpr.out_avals]
    given: list[bool] = []

    def pullback(*cts: Any) -> list[Any]:
        each = iter(cts)
        found = step_residual.pullback([next(each) if i else None for i in inexact], masked=masked)
        pulled = iter(found)
        given.extend([a and next(pulled) is not None for a in active])
        return [g for g in found if g is not None]

    avals = [aval.strong() for aval in jaxpr.out_avals if aval.inexact]
    program, captured = trace(pullback, avals, name=f"backward of {jaxpr.name}")
    return program, captured, given


def jvp_program(jaxpr: Jaxpr, active: Sequence[bool]) -> tuple[Jaxpr, list[Any], list[bool]]:
    """The program of results and nonzero tangents, what it captured, which tangents there are."""
    given: list[bool] = []
    count = len(jaxpr.inputs)

    def push(*args: Any) -> list[Any]:
        rest = iter(args[count:])
        tangents = [next(rest) if a else None for a in active]
        results, pushed = jvp(lambda *xs: run(jaxpr, xs), args[:count], tangents)
        given.extend([t is not None for t in pushed])
        return [*results, *[t for t in pushed if t is not None]]

    avals = [aval.strong() for aval, a in zip(jaxpr.in_avals, active, strict=True) if a]
    program, captured = trace(push, [*jaxpr.in_avals, *avals], name=f"jvp of {jaxpr.name}")
    return program, captured, given


StepResidualTypes: TypeAlias = tuple[StepResidualsAval | None, ...]
"""The types of the operands that are step_residuals: which elements took their steps is known of
them alone."""


def residual_types(avals: Sequence[Aval]) -> StepResidualTypes:
    """The types that are of step residuals, None for the others."""
    return tuple([aval if isinstance(aval, StepResidualsAval) else None for aval in avals])


def step_residual_types(operands: Sequence[Any]) -> StepResidualTypes:
    """The types of the step residuals among ``operands``, None for the others."""
    return residual_types([aval_of(x) for x in operands])


def batch_avals(
    jaxpr: Jaxpr,
    size: int,
    batched: Sequence[bool],
    step_residuals: Sequence[StepResidualsAval | None],
) -> list[Aval]:
    """The types of the inputs of ``jaxpr`` for a batch."""
    found: list[Aval] = []
    for i, (aval, b) in enumerate(zip(jaxpr.in_avals, batched, strict=True)):
        step_residual = step_residuals[i] if step_residuals else None
        found.append(
            aval if not b else step_residual if step_residual is not None else aval.batch(size)
        )
    return found


def map_program(
    jaxpr: Jaxpr,
    size: int,
    batched: Sequence[bool],
    step_residuals: Sequence[StepResidualsAval | None] = (),
) -> tuple[Jaxpr, list[Any], list[bool]]:
    """The program for a batch, what it captured, and which results are batched.

    Results that do not depend on what is batched are computed once.

    Args:
        jaxpr: The program for one element.
        size: The length of the batch.
        batched: Which inputs are batched.
        step_residuals: The batched types of inputs that are step residuals, None for other inputs.
    """
    flags: list[bool] = []

    def mapped(*args: Any) -> list[Any]:
        frame = BatchFrame(size)
        try:
            inputs = [frame.input(x) if b else x for x, b in zip(args, batched, strict=True)]
            outputs = run(jaxpr, inputs)
            flags.extend(isinstance(out, Tracer) and out.frame is frame for out in outputs)
            return [out.value if own else out for out, own in zip(outputs, flags, strict=True)]
        finally:
            frame.closed = True

    avals = batch_avals(jaxpr, size, batched, step_residuals)
    program, captured = trace(mapped, avals, name=f"vmap of {jaxpr.name}")
    return program, captured, flags


def vmap_program(
    jaxpr: Jaxpr,
    size: int,
    batched: Sequence[bool],
    step_residuals: Sequence[StepResidualsAval | None] = (),
) -> tuple[Jaxpr, list[Any]]:
    """The program for a batch, all of whose results are batched, and what it captured.

    Args:
        jaxpr: The program for one element.
        size: The length of the batch.
        batched: Which inputs are batched.
        step_residuals: The batched types of inputs that are step residuals, None for other inputs.
    """
    avals = batch_avals(jaxpr, size, batched, step_residuals)

    def mapped(*args: Any) -> list[Any]:
        return vmap(lambda *xs: run(jaxpr, xs), size, args, batched)

    return trace(mapped, avals, name=f"vmap of {jaxpr.name}")


def cache(primitive: Any, key: Hashable, make: Callable[[], T]) -> T:
    """What ``make`` gives, kept on the primitive instance itself."""
    known: dict[Hashable, Any] = primitive.__dict__.setdefault("_derived", {})
    if key not in known:
        known[key] = make()
    return known[key]


def inexact_cotangents(
    ct: Sequence[Any], avals: Sequence[Aval], size: int | None = None
) -> list[Any]:
    """The cotangents of the inexact results, in their dtypes, zeros for None.

    Args:
        ct: A cotangent or None for each result.
        avals: The results' types.
        size: Of a batch of results, how many there are.
    """

    def zeros_of(aval: Aval) -> Any:
        return zeros(aval.strong() if size is None else aval.strong().batch(size))

    return [
        zeros_of(aval) if c is None else convert(c, aval.dtype)
        for c, aval in zip(ct, avals, strict=True)
        if aval.inexact
    ]
