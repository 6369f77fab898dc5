"""`Cond`, one of several programs chosen by an index, and `BatchedCond`, that in a batch.

`Cond` stands in programs whose index is not known yet. Its transforms are those of its branches,
brought to one type: residuals of different branches share slots, tangents and cotangents that only
one branch has are zeros in the others. Where the index differs from element to element of a batch,
`BatchedCond` runs each branch that some element takes; elements that do not take it are fed the
operands of one that does, so no error, warning or nan arises that a Python loop would not give.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.backend import compile_once
from ...core.ir import Aval, Equation, Jaxpr
from ...core.primitive import Primitive, primitive
from ...core.record import run, trace
from ...core.residuals import StepResiduals, StepResidualsAval
from ...core.source_info import SourceInfo
from ...core.trace import Tracer, apply
from ...errors import OutOfBoundsError
from ...ops.linear import zeros
from ..callbacks.host import call_for_elements
from ..program.call import Call
from ..program.collectives import refuse_collectives
from ..program.dependence import depends
from ..program.derive import (
    StepResidualTypes,
    cache,
    derive,
    inexact_cotangents,
    jvp_program,
    residual_types,
    split_of,
    step_residual_types,
    vmap_program,
)
from ..program.structured import Interpreter
from ..program.trace_body import share_programs
from ..program.trim import Liveness, reads, where_kept, with_inputs
from .batching import feed, fold, only, total, unfold_batches

__all__ = ["BatchedCond", "Cond"]


class Derivative:
    """Branches derived from branches, all of one type, and what they capture.

    Attributes:
        branches: The programs.
        captured: The values of their first inputs.
        given: Which results there are: for cotangents one flag an operand, for tangents one a
            result.
        slots: The types of the residual slots, for forward programs.
        slot_of: For each branch of a forward program, the slot of each of its residuals.
    """

    __slots__ = ("branches", "captured", "given", "slot_of", "slots")

    def __init__(
        self,
        branches: Sequence[Jaxpr],
        captured: Sequence[Any],
        given: Sequence[bool] = (),
        slots: Sequence[Aval] = (),
        slot_of: Sequence[Sequence[int]] = (),
    ) -> None:
        self.branches, self.captured = tuple(branches), list(captured)
        self.given, self.slots, self.slot_of = list(given), list(slots), slot_of


class _Branches(Primitive):
    """What `Cond` and `BatchedCond` share: the derived branches."""

    branches: Any
    multiple = True
    passes_mask = True

    def __str__(self) -> str:
        return self.name

    @property
    def outputs(self) -> int:
        return len(self.branches[0].outputs)

    def forward_branches(self) -> Derivative:
        """Programs of the results and then of the residuals, in slots."""
        return cache(self, "forward", self._forward_branches)

    def _forward_branches(self) -> Derivative:
        splits = [split_of(branch) for branch in self.branches]
        count = self.outputs
        slots: list[Aval] = []
        slot_of: list[list[int]] = []
        for split in splits:
            mine: list[int] = []
            for aval in split.forward.out_avals[count:]:
                # A step residual is one branch's: elements of others did not take its steps.
                shared = not isinstance(aval, StepResidualsAval)
                free = [i for i, s in enumerate(slots) if shared and s == aval and i not in mine]
                if not free:
                    slots.append(aval)
                mine.append(free[0] if free else len(slots) - 1)
            slot_of.append(mine)

        def program(k: int) -> tuple[Jaxpr, list[Any]]:
            split = splits[k]

            def flat(*operands: Any) -> list[Any]:
                found = run(split.forward, [*split.captured, *operands])
                held = dict(zip(slot_of[k], found[count:], strict=True))
                return [*found[:count], *[held.get(i, zeros(s)) for i, s in enumerate(slots)]]

            return trace(flat, self.branches[k].in_avals, name=split.forward.name)

        made = [program(k) for k in range(len(splits))]
        programs, captured = share_programs([m[0] for m in made], [m[1] for m in made])
        return Derivative(programs, captured, slots=slots, slot_of=slot_of)

    def backward_branches(self, wanted: Sequence[bool], masked: bool) -> Derivative:
        """Programs of operands, results, slots and cotangents, to the wanted cotangents."""
        key = "backward", tuple(wanted), masked
        return cache(self, key, lambda: self._backward_branches(wanted, masked))

    def _backward_branches(self, wanted: Sequence[bool], masked: bool) -> Derivative:
        forward = self.forward_branches()
        splits = [split_of(branch) for branch in self.branches]
        pulled = [
            derive(
                branch,
                ("backward", tuple(wanted), masked),
                lambda split=split: split.pullbacks[masked].restrict(wanted),
            )
            for branch, split in zip(self.branches, splits, strict=True)
        ]
        given = [any(flags) for flags in zip(*[p[1] for p in pulled], strict=True)]
        first = self.branches[0]
        operands, results = len(first.inputs), self.outputs
        cts = [aval.strong() for aval in first.out_avals if aval.inexact]

        def program(k: int) -> tuple[Jaxpr, list[Any]]:
            split, (backward, has) = splits[k], pulled[k]

            def flat(*args: Any) -> list[Any]:
                slots = args[operands + results : len(args) - len(cts)]
                found = [
                    *args[operands : operands + results],
                    *[slots[i] for i in forward.slot_of[k]],
                ]
                residuals = [args[i] if of_input else found[i] for of_input, i in split.residuals]
                captured = [
                    residuals[x] if is_residual else x
                    for is_residual, x in split.pullbacks[masked].captured
                ]
                out = iter(run(backward, [*captured, *args[len(args) - len(cts) :]]))
                avals = self.branches[k].in_avals
                return [
                    next(out) if h else zeros(aval.strong())
                    for h, g, aval in zip(has, given, avals, strict=True)
                    if g
                ]

            avals = [*first.in_avals, *first.out_avals, *forward.slots, *cts]
            return trace(flat, avals, name=backward.name)

        made = [program(k) for k in range(len(splits))]
        programs, captured = share_programs([m[0] for m in made], [m[1] for m in made])
        return Derivative(programs, captured, given)

    def jvp_branches(self, active: Sequence[bool]) -> Derivative:
        """Programs of operands and tangents, to results and tangents."""
        return cache(self, ("jvp", tuple(active)), lambda: self._jvp_branches(tuple(active)))

    def _jvp_branches(self, active: tuple[bool, ...]) -> Derivative:
        pushed = [
            derive(branch, ("jvp", active), lambda b=branch: jvp_program(b, active))
            for branch in self.branches
        ]
        given = [any(flags) for flags in zip(*[p[2] for p in pushed], strict=True)]
        first = self.branches[0]
        count = self.outputs
        ts = [a.strong() for a, on in zip(first.in_avals, active, strict=True) if on]

        def program(k: int) -> tuple[Jaxpr, list[Any]]:
            push, captured, has = pushed[k]

            def flat(*args: Any) -> list[Any]:
                found = run(push, [*captured, *args])
                rest = iter(found[count:])
                tangents = [
                    next(rest) if h else zeros(aval.strong())
                    for h, g, aval in zip(has, given, first.out_avals, strict=True)
                    if g
                ]
                return [*found[:count], *tangents]

            return trace(flat, [*first.in_avals, *ts], name=push.name)

        made = [program(k) for k in range(len(pushed))]
        programs, captured = share_programs([m[0] for m in made], [m[1] for m in made])
        return Derivative(programs, captured, given)

    def body_flags(self, flags: Sequence[bool]) -> list[tuple[Jaxpr, list[bool]]]:
        return [(branch, list(flags[1:])) for branch in self.branches]

    def depends(self, flags: Sequence[bool], count: int) -> list[bool]:
        if flags[0]:
            return [True] * count
        each = [depends(branch, flags[1:]) for branch in self.branches]
        return [any(of_result) for of_result in zip(*each, strict=True)]

    def trim(self, eqn: Equation, program: Liveness) -> Equation | None:
        wanted = [v in program.live for v in eqn.outputs]
        branches: list[Jaxpr] = []
        for branch in self.branches:
            outputs = where_kept(wanted, branch.outputs)
            made = program.simplify(
                Jaxpr(branch.inputs, branch.equations, outputs, branch.captured, branch.name)
            )
            if made is None:
                return None
            branches.append(made)
        keep = [any(flags) for flags in zip(*map(reads, branches), strict=True)]
        captured = [sum(keep[: b.captured]) for b in branches]
        trimmed = [with_inputs(b, keep, c) for b, c in zip(branches, captured, strict=True)]
        operands = where_kept([True, *keep], eqn.inputs)
        results = where_kept(wanted, eqn.outputs)
        return Equation(self.holding(tuple(trimmed), keep), operands, results, eqn.source_info)

    def holding(self, branches: tuple[Jaxpr, ...], keep: Sequence[bool]) -> Primitive:
        """The primitive of other branches, which take those operands that are kept."""
        raise NotImplementedError


def check_index(index: int, count: int) -> int:
    """``index``, where it names a branch.

    Raises:
        OutOfBoundsError: Where it does not.
    """
    if 0 <= index < count:
        return index
    raise OutOfBoundsError(
        f"switch: index {index} is out of range for {count} branches",
        f"Give an index from 0 to {count - 1}; numpy.clip(index, 0, {count - 1}) clamps it.",
    )


def one_of_each(branches: Sequence[Jaxpr]) -> tuple[Aval, ...]:
    """The types of the results; of step residuals, that of the branch which has steps to take."""

    def pick(kinds: Sequence[Aval]) -> Aval:
        others = [a for a in kinds if isinstance(a, StepResidualsAval) and a != kinds[0]]
        return max([kinds[0], *others], key=lambda a: len(str(getattr(a, "ragged", ()))))

    return tuple([pick(kinds) for kinds in zip(*[b.out_avals for b in branches], strict=True)])


@primitive
class Cond(_Branches):
    """The results of branch number ``index`` at the operands; operands: ``(index, *operands)``."""

    branches: tuple[Jaxpr, ...]

    def run(self, index: Any, *operands: Any) -> tuple[Any, ...]:
        chosen = self.branches[check_index(int(index), len(self.branches))]
        return compile_once(chosen, owned=False)(*operands)

    def aval(self, index: Aval, *avals: Aval) -> tuple[Aval, ...]:
        return one_of_each(self.branches)

    def _choose(self, index: Any) -> Call | None:
        """The call of the chosen branch, where the index is known."""
        if isinstance(index, Tracer):
            return None
        return Call(self.branches[check_index(int(index), len(self.branches))])

    def forward(self, values: Sequence[Any], source_info: SourceInfo | None) -> tuple[Any, Any]:
        """The results, and the residuals for `backward`."""
        index, *operands = values
        call = self._choose(index)
        if call is not None:
            out, residuals = call.forward(operands, source_info)
            return out, (call, residuals)
        forward = self.forward_branches()
        found = apply(Cond(forward.branches), [index, *forward.captured, *operands], source_info)
        return tuple(found[: self.outputs]), (None, found[self.outputs :])

    def backward(
        self,
        ct: Sequence[Any],
        out: Sequence[Any],
        operands: Sequence[Any],
        wanted: Sequence[bool],
        masked: bool,
        residuals: Any,
    ) -> list[Any]:
        """The cotangents of the wanted operands, None for the others and for zeros."""
        call, held = residuals
        if call is not None:
            return [None, *call.backward(ct, out, operands[1:], wanted[1:], masked, held)]
        back = self.backward_branches(wanted[1:], masked)
        cts = inexact_cotangents(ct, self.branches[0].out_avals)
        args = [operands[0], *back.captured, *operands[1:], *out, *held, *cts]
        found = iter(apply(Cond(back.branches), args, None))
        return [None, *[next(found) if g else None for g in back.given]]

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], source_info: SourceInfo | None
    ) -> tuple[Any, list[Any]]:
        """The results and their tangents, None for zeros."""
        call = self._choose(values[0])
        if call is not None:
            return call.jvp_forward(values[1:], tangents[1:], source_info)
        push = self.jvp_branches([t is not None for t in tangents[1:]])
        ts = [t for t in tangents[1:] if t is not None]
        args = [values[0], *push.captured, *values[1:], *ts]
        found = apply(Cond(push.branches), args, source_info)
        rest = iter(found[self.outputs :])
        return tuple(found[: self.outputs]), [next(rest) if g else None for g in push.given]

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        flags = tuple(batched[1:])
        if batched[0]:
            refuse_collectives(
                self.branches,
                "a branch of cond or switch that not every element of the batch takes",
                "Compute it before the cond and close over it, or make the predicate the same for "
                "all elements, with psum or pmax.",
            )
            return apply(BatchedCond(self.branches, size, flags), operands, None)
        step_residuals = step_residual_types(operands[1:])
        made = cache(
            self,
            ("vmap", size, flags, step_residuals),
            lambda: [vmap_program(b, size, flags, step_residuals) for b in self.branches],
        )
        programs, captured = share_programs([m[0] for m in made], [m[1] for m in made])
        return apply(Cond(tuple(programs)), [operands[0], *captured, *operands[1:]], None)

    def holding(self, branches: tuple[Jaxpr, ...], keep: Sequence[bool]) -> Primitive:
        return Cond(branches)

    def interpret(self, operands: Sequence[Any], by: Interpreter) -> list[Any]:
        index = check_index(int(operands[0]), len(self.branches))
        return by.run(self.branches[index], operands[1:])


@primitive
class BatchedCond(_Branches):
    """`Cond` for ``size`` elements, each with its own index.

    Operands are batched where ``batched`` says so, and every result is.
    """

    branches: tuple[Jaxpr, ...]
    size: int
    batched: tuple[bool, ...]

    def map_branch(self, k: int, step_residuals: StepResidualTypes) -> tuple[Jaxpr, list[Any]]:
        """Branch ``k`` for all elements, and what it captured."""
        make = lambda: vmap_program(self.branches[k], self.size, self.batched, step_residuals)  # noqa: E731
        return cache(self, ("batched", k, step_residuals), make)

    def aval(self, index: Aval, *avals: Aval) -> tuple[Aval, ...]:
        if not any(isinstance(a, StepResidualsAval) for a in self.branches[0].out_avals):
            return tuple([a.strong().batch(self.size) for a in self.branches[0].out_avals])
        step_residuals = residual_types(avals)
        mapped = [self.map_branch(k, step_residuals)[0] for k in range(len(self.branches))]
        return tuple([aval.strong() for aval in one_of_each(mapped)])

    def run(self, index: Any, *operands: Any) -> tuple[Any, ...]:
        index = np.asarray(index)
        step_residuals = step_residual_types(operands)
        results: list[Any] = [None] * self.outputs
        for k in np.unique(index):
            check_index(int(k), len(self.branches))
            program, captured = self.map_branch(int(k), step_residuals)
            elements = index == k
            args = [*captured, *feed(elements, operands, self.batched)]
            found = call_for_elements(elements, program, compile_once(program, owned=False), args)
            for i, out in enumerate(found):
                if isinstance(out, StepResiduals):
                    mine = out if elements.all() else only(elements, out)
                    results[i] = mine if results[i] is None else results[i] + mine
                elif results[i] is None:
                    results[i] = np.array(out)
                else:
                    results[i][elements] = out[elements]
        if not index.size:
            results = [zeros(aval.strong().batch(self.size)) for aval in self.branches[0].out_avals]
        return tuple(results)

    def element(self, count: int) -> tuple[Primitive, Sequence[bool]]:
        return Cond(self.branches), (True, *self.batched)

    def forward(self, values: Sequence[Any], source_info: SourceInfo | None) -> tuple[Any, Any]:
        """The results, and the residuals for `backward`."""
        forward = self.forward_branches()
        flags = (*[False] * len(forward.captured), *self.batched)
        batched_cond = BatchedCond(forward.branches, self.size, flags)
        found = apply(batched_cond, [values[0], *forward.captured, *values[1:]], source_info)
        return tuple(found[: self.outputs]), list(found[self.outputs :])

    def backward(
        self,
        ct: Sequence[Any],
        out: Sequence[Any],
        operands: Sequence[Any],
        wanted: Sequence[bool],
        masked: bool,
        residuals: Any,
    ) -> list[Any]:
        """The cotangents of the wanted operands, None for the others and for zeros."""
        back = self.backward_branches(wanted[1:], masked)
        cts = inexact_cotangents(ct, self.branches[0].out_avals, self.size)
        own = [True] * (len(out) + len(residuals) + len(cts))
        flags = (*[False] * len(back.captured), *self.batched, *own)
        args = [operands[0], *back.captured, *operands[1:], *out, *residuals, *cts]
        found = iter(apply(BatchedCond(back.branches, self.size, flags), args, None))
        pulled: list[Any] = [None]
        for g, b in zip(back.given, self.batched, strict=True):
            c = next(found) if g else None
            pulled.append(c if c is None or b else total(c))
        return pulled

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], source_info: SourceInfo | None
    ) -> tuple[Any, list[Any]]:
        """The results and their tangents, None for zeros."""
        active = [t is not None for t in tangents[1:]]
        push = self.jvp_branches(active)
        moved = [b for b, a in zip(self.batched, active, strict=True) if a]
        flags = (*[False] * len(push.captured), *self.batched, *moved)
        ts = [t for t in tangents[1:] if t is not None]
        batched_cond = BatchedCond(push.branches, self.size, flags)
        found = apply(batched_cond, [values[0], *push.captured, *values[1:], *ts], source_info)
        rest = iter(found[self.outputs :])
        return tuple(found[: self.outputs]), [next(rest) if g else None for g in push.given]

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        folded, flags = fold(size, self.size, batched, [True, *self.batched], operands)
        batched_cond = BatchedCond(self.branches, size * self.size, tuple(flags[1:]))
        return unfold_batches(apply(batched_cond, folded, None), size, self.size)

    def holding(self, branches: tuple[Jaxpr, ...], keep: Sequence[bool]) -> Primitive:
        return BatchedCond(branches, self.size, tuple(where_kept(keep, self.batched)))
