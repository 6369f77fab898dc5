"""Control flow as Python's own: `if`, `for` and `while` over functions defined inside.

Bodies and branches become functions of everything that they read, so that each keeps its lines, its
buffers and its blocks. Results stay as they are between the steps: Python floats stay Python
floats. A step residual is a list that its loop appends to, where nothing but loops and branches
touches it; elsewhere, and where elements of a batch have effects or nested step residuals, loops
run as their primitives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...control.checkpoint import Checkpoint
from ...control.flow.cond import BatchedCond, Cond
from ...control.flow.scan import BatchedScan, Scan
from ...control.flow.while_loop import BatchedWhile, While
from ...control.program.trace_body import share_programs
from ...core.ir import Atom, Equation, Jaxpr, Var
from ...core.residuals import StepResidualsAval
from ...ops.convert import Convert
from ..passes.pipeline import optimise_body
from .expressions import PROFILE, Line
from .writer import Lowering, Writer

__all__ = ["LOWERED", "residuals_are_lists"]

_INSIDE_MOST = 64
"""So many functions are defined inside of a program's; others, which see no name of it either, come
before it: Python compiles a function inside of another in time that grows with the names there."""


def _is_step_residual(a: Atom) -> bool:
    return isinstance(a.aval, StepResidualsAval)


def _has_masks(a: Atom) -> bool:
    return isinstance(a.aval, StepResidualsAval) and bool(a.aval.ragged)


def _has_step_residuals(*programs: Jaxpr) -> bool:
    """Whether step residuals go in or come out of programs."""
    return any(_is_step_residual(a) for p in programs for a in (*p.inputs, *p.outputs))


def _can_be_written(*programs: Jaxpr) -> bool:
    """Whether programs can be written for elements: without effects, and nested step residuals."""
    return not _has_step_residuals(*programs) and not any(p.effect for p in programs)


def _programs_of(eqn: Equation) -> list[Jaxpr] | None:
    """The programs that become functions where an equation has a text; None where it has none."""
    primitive = eqn.primitive
    if type(primitive) in _PASSING_ON:
        return [jaxpr for _, jaxpr in primitive.bodies()]
    if not primitive.multiple or type(primitive) not in LOWERED:
        return None
    if not _can_be_written(*[jaxpr for _, jaxpr in primitive.bodies()]):
        return None
    if isinstance(primitive, BatchedCond):
        return [primitive.map_branch(k, ())[0] for k in range(len(primitive.branches))]
    if isinstance(primitive, BatchedWhile):
        return [primitive.map_condition()[0], primitive.map_body(())[0]]
    return [primitive.map_body(_no_step_residuals(primitive))[0]]


def _no_step_residuals(batched: BatchedScan) -> tuple[None, ...]:
    return (None,) * len(batched.loop.body.inputs)


def residuals_are_lists(jaxpr: Jaxpr) -> bool:
    """Whether a program's step residuals stay within it, in loops and branches written here."""
    return not _has_step_residuals(jaxpr) and _only_passed_on(jaxpr)


def _only_passed_on(jaxpr: Jaxpr) -> bool:
    left: set[Var] = set()  # by loops of elements, beside the list of who took which step
    met = any(map(_is_step_residual, jaxpr.inputs))
    for eqn in jaxpr.equations:
        met = met or eqn.primitive.multiple or _is_step_residual(eqn.outputs[0])
        if not met:
            continue
        written = _programs_of(eqn)
        step_residuals = [a for a in (*eqn.inputs, *eqn.outputs) if _is_step_residual(a)]
        if type(eqn.primitive) in _PASSING_ON:
            fine = all(isinstance(a, Var) and not _has_masks(a) for a in step_residuals)
        else:
            fine = all(a in left for a in eqn.inputs if _is_step_residual(a))
        if step_residuals and (written is None or not fine):
            return False
        left.update(filter(_has_masks, eqn.outputs))
        if not all(map(_only_passed_on, written or ())):
            return False
    return not any(map(_has_masks, (*jaxpr.inputs, *jaxpr.outputs)))


class _Text:
    """The lines that one equation becomes."""

    def __init__(self, writer: Writer, eqn: Equation) -> None:
        self._writer, self._eqn = writer, eqn
        self.operands = writer.numpy_operands(eqn)
        self.lines: list[Line] = []
        self.changed: list[int] = []

    def define(
        self,
        jaxpr: Jaxpr,
        role: str,
        elements: int = 0,
        carry: range = range(0),
        tested: bool = False,
    ) -> str:
        """Define the function of a program.

        Args:
            jaxpr: The program.
            role: What to call it where it has no name.
            elements: How many of its last arguments are elements of arrays, whose scalars are
                NumPy's.
            carry: Which of its arguments are its first results, from call to call; `changed` says
                which of those the function changes in place.
            tested: Whether its results are tested and nothing else.

        Returns:
            The function's name.
        """
        writer = self._writer
        name = writer.named_like(jaxpr.name.replace("<lambda>", role))
        count = len(jaxpr.inputs) - elements
        floats = [True] * count + [False] * elements
        function = writer.function(name, jaxpr, floats, carry, tested)
        self.changed = list(function.kept.values())
        arguments = ", ".join([function.names[v] for v in function.arguments])
        lines = [Line(f"def {name}({arguments}):"), *[b.indent(4) for b in function.body]]
        if writer.functions < _INSIDE_MOST:
            self.lines += [Line(""), *lines]
        else:
            writer.before += [*lines, Line(""), Line("")]
        return name

    def define_mapped(self, jaxpr: Jaxpr, role: str, elements: int = 0) -> str:
        """`define` for a program that was mapped here, after the pipeline."""
        optimise_body(jaxpr, PROFILE)
        return self.define(jaxpr, role, elements)

    def constants(self, values: Sequence[Any]) -> list[str]:
        """The names of values that programs captured."""
        names = [self._writer.fresh() for _ in values]
        self._writer.extra.update(zip(names, values, strict=True))
        return names

    def took(self, eqn: Equation) -> str:
        """The list of which elements took each step, for the residuals that an equation leaves."""
        name = self._writer.fresh()
        self._writer.masks.update({v: name for v in eqn.outputs if _is_step_residual(v)})
        return name

    def start(self, carried: Sequence[str], carry: Sequence[str]) -> None:
        """Add the line that a loop's carry starts with, copies of what is changed in place."""
        if not carry:
            return
        first = [f"{x}.copy()" if k in self.changed else x for k, x in enumerate(carry)]
        self.add(f"{', '.join(carried)} = {', '.join(first)}")

    def results(self) -> list[str]:
        """The names of the results."""
        return [self._writer.name_of(v) for v in self._eqn.outputs]

    def add(self, code: str, *, shown: bool = False) -> None:
        """Add a line, with the equation as its comment where ``shown``."""
        if self.lines and self.lines[-1].code.startswith("    return"):
            self.lines.append(Line(""))
        if shown:
            self.lines.append(Line(code, self._eqn, " ".join(self.operands)))
        else:
            self.lines.append(Line(code))


def _call(left: Sequence[str], name: str, operands: Sequence[str]) -> str:
    call = f"{name}({', '.join(operands)})"
    return f"{', '.join(left)}{',' * (len(left) == 1)} = {call}" if left else call


def _runs_as_text(writer: Writer, *programs: Jaxpr) -> bool:
    """Whether the programs of a branch have no step residuals, or have them as lists."""
    return writer.residuals_are_lists or not _has_step_residuals(*programs)


def _scan(writer: Writer, eqn: Equation) -> list[Line] | None:
    """``for t in range(length): carry, ys[t] = body(constants, carry, xs[t])``."""
    scan = eqn.primitive
    if not writer.residuals_are_lists and any(map(_is_step_residual, (*eqn.inputs, *eqn.outputs))):
        return None
    text = _Text(writer, eqn)
    constants, carry, xs = scan.split_operands(text.operands)
    positions = range(len(constants), len(constants) + len(carry))
    name = text.define(scan.body, "step", len(xs), positions)
    results = text.results()
    carried, stacked = results[: len(carry)], results[len(carry) :]
    if scan.length is None:
        sources = scan.split_operands(eqn.inputs)[2]
        count = f"len({next(x for x, a in zip(xs, sources) if _is_step_residual(a))})"
    else:
        count = str(scan.length)
    text.start(carried, carry)
    for y, v in zip(stacked, eqn.outputs[len(carry) :], strict=True):
        made = f"np.empty({v.aval.shape}, np.{v.aval.dtype.name})"
        text.add(f"{y} = [None] * {count}" if _is_step_residual(v) else f"{y} = {made}")
    t = writer.fresh()
    steps = f"range({count})"
    text.add(f"for {t} in {f'reversed({steps})' if scan.reverse else steps}:", shown=True)
    left = [*carried, *[f"{y}[{t}]" for y in stacked]]
    text.add("    " + _call(left, name, [*constants, *carried, *[f"{x}[{t}]" for x in xs]]))
    return text.lines


def _while(writer: Writer, eqn: Equation) -> list[Line] | None:
    """``while condition(constants, carry): carry, y = body(constants, carry); ys.append(y)``."""
    loop = eqn.primitive
    if not writer.residuals_are_lists and any(map(_is_step_residual, (*eqn.inputs, *eqn.outputs))):
        return None
    text = _Text(writer, eqn)
    of_condition, of_body, carry = loop.split_operands(text.operands)
    condition = text.define(loop.condition, "condition", tested=True)
    positions = range(len(of_body), len(of_body) + len(carry))
    body = text.define(loop.body, "step", carry=positions)
    results = text.results()
    carried, step_residuals = results[: len(carry)], results[len(carry) :]
    text.start(carried, carry)
    for step_residual in step_residuals:
        text.add(f"{step_residual} = []")
    text.add(f"while {condition}({', '.join([*of_condition, *carried])})[0]:", shown=True)
    entries = [writer.fresh() for _ in step_residuals]
    text.add("    " + _call([*carried, *entries], body, [*of_body, *carried]))
    for step_residual, entry in zip(step_residuals, entries, strict=True):
        text.add(f"    {step_residual}.append({entry})")
    return text.lines


def _from_boolean(eqn: Equation) -> bool:
    return type(eqn.primitive) is Convert and eqn.inputs[0].aval.dtype.kind == "b"


def _cond(writer: Writer, eqn: Equation) -> list[Line] | None:
    """``if index: ... else: ...`` where the index was made from a boolean; else a lookup."""
    branches: tuple[Jaxpr, ...] = eqn.primitive.branches
    if not _runs_as_text(writer, *branches):
        return None
    text = _Text(writer, eqn)
    first, *operands = text.operands
    made = writer.made.get(eqn.inputs[0]) if isinstance(eqn.inputs[0], Var) else None
    if made is None or not _from_boolean(made) or len(branches) != 2:
        names = [text.define(branch, f"branch_{k}") for k, branch in enumerate(branches)]
        chosen = f"one_of(({', '.join(names)},), {first})"
        text.add(_call(text.results(), chosen, operands), shown=True)
        return text.lines
    otherwise = text.define(branches[0], "otherwise")
    then = text.define(branches[1], "then")
    results = text.results()
    text.add(f"if {first}:", shown=True)
    text.add("    " + _call(results, then, operands))
    text.add("else:")
    text.add("    " + _call(results, otherwise, operands))
    return text.lines


def _checkpoint(writer: Writer, eqn: Equation) -> list[Line] | None:
    """A call: what is computed twice must not be computed together."""
    if not _runs_as_text(writer, eqn.primitive.jaxpr):
        return None
    text = _Text(writer, eqn)
    name = text.define(eqn.primitive.jaxpr, "block")
    text.add(_call(text.results(), name, text.operands), shown=True)
    return text.lines


def _pick(operands: Sequence[str], batched: Sequence[bool], pick: str) -> list[str]:
    return [f"{x}[{pick}]" if b else x for x, b in zip(operands, batched, strict=True)]


def _write_batched_cond(writer: Writer, eqn: Equation) -> list[Line] | None:
    """``for branch, chosen in branches taken: out[chosen] = branch(operands[pick])[chosen]``."""
    batched = eqn.primitive
    if not _can_be_written(*batched.branches):
        return None
    text = _Text(writer, eqn)
    index, *operands = text.operands
    mapped = [batched.map_branch(k, ()) for k in range(len(batched.branches))]
    shared, captured = share_programs([m[0] for m in mapped], [m[1] for m in mapped])
    names = [text.define_mapped(branch, f"branch_{k}") for k, branch in enumerate(shared)]
    results = text.results()
    for y, v in zip(results, eqn.outputs, strict=True):
        text.add(f"{y} = np.empty({v.aval.shape}, np.{v.aval.dtype.name})")
    branch, taken, pick = writer.fresh(), writer.fresh(), writer.fresh()
    text.add(
        f"for {branch}, {taken} in branches_taken(({', '.join(names)},), {index}):", shown=True
    )
    text.add(f"    {pick} = feed({taken})")
    left = [writer.fresh() for _ in results]
    args = [*text.constants(captured), *_pick(operands, batched.batched, pick)]
    text.add("    " + _call(left, branch, args))
    for y, found in zip(results, left, strict=True):
        text.add(f"    {y}[{taken}] = {found}[{taken}]")
    return text.lines


def _broadcast_mask(mask: str, v: Var) -> str:
    """A mask of elements with axes to broadcast against a value."""
    rank = len(v.aval.shape)
    return mask if rank == 1 else f"{mask}[{', '.join([':', *['None'] * (rank - 1)])}]"


def _write_batched_while(writer: Writer, eqn: Equation) -> list[Line] | None:
    """``while any element runs: carry = where(running, body(carry[pick]), carry)``."""
    batched = eqn.primitive
    loop = batched.loop
    if not _can_be_written(loop.condition, loop.body):
        return None
    if len(loop.body.outputs) > loop.carried and not writer.residuals_are_lists:
        return None
    text = _Text(writer, eqn)
    of_condition, of_body, carry = loop.split_operands(text.operands)
    condition, held = batched.map_condition()
    body, kept = batched.map_body(())
    going = text.define_mapped(condition, "condition")
    step = text.define_mapped(body, "step")
    results = text.results()
    carried, step_residuals = results[: len(carry)], results[len(carry) :]
    running, pick = writer.fresh(), writer.fresh()
    text.start(carried, carry)
    for step_residual in step_residuals:
        text.add(f"{step_residual} = []")
    taken = text.took(eqn) if step_residuals else ""
    if step_residuals:
        text.add(f"{taken} = []")
    text.add(f"{running} = np.ones({batched.size}, np.bool_)")
    asked = f"{going}({', '.join([*text.constants(held), *of_condition, *carried])})[0]"
    text.add(f"while ({running} := {running} & {asked}).any():", shown=True)
    text.add(f"    {pick} = feed({running})")
    flags = [*loop.split_operands(batched.batched)[1], *[True] * len(carried)]
    args = [*text.constants(kept), *_pick([*of_body, *carried], flags, pick)]
    new = [writer.fresh() for _ in results]
    text.add("    " + _call(new, step, args))
    for old, value, v in zip(carried, new, eqn.outputs, strict=False):
        text.add(f"    {old} = np.where({_broadcast_mask(running, v)}, {value}, {old})")
    if step_residuals:
        text.add(f"    {taken}.append({running})")
    for step_residual, entry in zip(step_residuals, new[len(carried) :], strict=True):
        text.add(f"    {step_residual}.append({entry})")
    return text.lines


def _write_batched_scan(writer: Writer, eqn: Equation) -> list[Line] | None:
    """``for each step: carry = where(took, body(carry[pick], xs[t][pick]), carry)``."""
    batched = eqn.primitive
    scan = batched.loop
    if not writer.residuals_are_lists:
        return None
    text = _Text(writer, eqn)
    constants, carry, xs = scan.split_operands(text.operands)
    body, kept = batched.map_body(_no_step_residuals(batched))
    step = text.define_mapped(body, "step", len(xs))
    results = text.results()
    carried, stacked = results[: len(carry)], results[len(carry) :]
    taken = writer.masks[next(a for a in eqn.inputs if isinstance(a, Var) and _is_step_residual(a))]
    text.start(carried, carry)
    for y, v in zip(stacked, eqn.outputs[len(carry) :], strict=True):
        writer.masks[v] = taken
        text.add(f"{y} = [None] * len({taken})")
    t, took, pick = writer.fresh(), writer.fresh(), writer.fresh()
    steps = f"range(len({taken}))"
    text.add(f"for {t} in {f'reversed({steps})' if scan.reverse else steps}:", shown=True)
    text.add(f"    {took} = {taken}[{t}]")
    text.add(f"    {pick} = feed({took})")
    flags = [*batched.batched, *[True] * len(carry)]
    args = [*text.constants(kept), *_pick([*constants, *carried], flags, pick)]
    new = [writer.fresh() for _ in results]
    text.add("    " + _call(new, step, [*args, *[f"{x}[{t}][{pick}]" for x in xs]]))
    for old, value, v in zip(carried, new, eqn.outputs, strict=False):
        text.add(f"    {old} = np.where({_broadcast_mask(took, v)}, {value}, {old})")
    for y, value, out in zip(stacked, new[len(carry) :], body.outputs[len(carry) :], strict=True):
        zero = "False" if out.aval.dtype.kind == "b" else "0"
        mask = _broadcast_mask(took, out)
        text.add(f"    {y}[{t}] = np.where({mask}, {value}, {zero})")
    return text.lines


LOWERED: dict[type, Lowering] = {
    Checkpoint: _checkpoint,
    Cond: _cond,
    BatchedCond: _write_batched_cond,
    Scan: _scan,
    BatchedScan: _write_batched_scan,
    While: _while,
    BatchedWhile: _write_batched_while,
}
"""How the equations of control flow are written; None where one has to be run as it is."""

_PASSING_ON = (Checkpoint, Cond, Scan, While)
"""What step residuals go through as they are."""
