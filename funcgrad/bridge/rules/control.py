"""Programs within programs: calls, branches, loops, checkpoints, equations and callbacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...core.ir import Equation, Jaxpr
from ...core.residuals import StepResidualsAval
from ...errors import ConvergenceError, MissingRuleError, OutOfBoundsError
from ..checks import Checks
from ..per_step import PerStep, fill, join_all, put, read, stacked, steps_of, zero_of
from ..replay import Replay, rule

__all__ = ["as_arrays", "check_switch", "overflow", "shapes_of"]


@rule("call", "custom_vjp", "custom_jvp")
def call(replay: Replay, eqn: Equation, *operands: Any) -> Any:
    """The program's results: derivatives were taken before."""
    return replay.run(eqn.primitive.jaxpr, operands)


@rule("checkpoint")
def checkpoint(replay: Replay, eqn: Equation, *operands: Any) -> Any:
    """The same, behind a barrier, or XLA would share what was to be computed twice."""
    held = [x for x in operands if not isinstance(x, PerStep)]
    passed = iter(lax.optimization_barrier(tuple([jnp.asarray(x) for x in held])))
    operands = tuple([x if isinstance(x, PerStep) else next(passed) for x in operands])
    return replay.run(eqn.primitive.jaxpr, operands)


@rule("implicit")
def implicit(replay: Replay, eqn: Equation, *operands: Any) -> Any:
    """What the program finds, for all elements of the batches around it."""
    program, captured = eqn.primitive.map_program()
    return replay.run(program, [*captured, *operands])


@rule("ensure")
def ensure(replay: Replay, eqn: Equation, x: Any, ok: Any) -> Any:
    """The first operand, and a site that fails where the second is false."""
    p = eqn.primitive
    replay.check(lambda: ~jnp.all(ok), lambda: ConvergenceError(p.what, p.fix))
    return x


@rule("refuse")
def refuse(replay: Replay, eqn: Equation, *operands: Any) -> Any:
    """A derivative that does not exist: a site that always fails.

    Raises:
        MissingRuleError: Where nothing is checked.
    """
    p = eqn.primitive
    if replay.checks is None:
        raise MissingRuleError(p.what, p.fix)
    replay.check(lambda: jnp.array(True), lambda: MissingRuleError(p.what, p.fix))
    return zero_of(eqn.outputs[0].aval)


@rule("debug_callback")
def debug_callback(replay: Replay, eqn: Equation, *operands: Any) -> Any:
    """A call of the user's function on the host, in order, for all elements of a batch."""
    primitive = eqn.primitive

    def call(*values: Any) -> None:
        primitive.run(*[np.array(x)[()] for x in values])

    jax.debug.callback(call, *operands, ordered=True)
    return ()


def as_arrays(xs: Sequence[Any]) -> list[Any]:
    """Operands as JAX's arrays; residuals as they are."""
    return [x if isinstance(x, PerStep) else jnp.asarray(x) for x in xs]


def shapes_of(replay: Replay, f: Callable[..., Any], *args: Any) -> Any:
    """The types of what ``f`` gives; its sites are not counted."""
    checks = replay.checks
    try:
        replay.checks = None if checks is None else Checks()
        return jax.eval_shape(f, *args)
    finally:
        replay.checks = checks


def check_switch(replay: Replay, index: Any, count: int) -> Any:
    """The number of a branch as int32, and a site that fails where there is none."""
    if index.dtype.kind != "b":
        replay.check(
            lambda: jnp.any((index < 0) | (index >= count)),
            lambda: OutOfBoundsError(
                f"switch: an index is out of range for {count} branches",
                f"Give an index from 0 to {count - 1}; numpy.clip(index, 0, {count - 1}) clamps "
                "it.",
            ),
        )
        index = jnp.clip(index, 0, count - 1)
    return jnp.asarray(index).astype(np.int32)


@rule("cond")
def cond(replay: Replay, eqn: Equation, index: Any, *operands: Any) -> Any:
    """One of several programs."""
    branches = eqn.primitive.branches
    chosen = check_switch(replay, index, len(branches))
    failed = replay.code(replay.failing(*branches))

    def branch(jaxpr: Jaxpr) -> Callable[..., Any]:
        return lambda code, *xs: replay.body(jaxpr, xs, code)

    made = [branch(jaxpr) for jaxpr in branches]
    operands = failed, *as_arrays(operands)
    if any(isinstance(v.aval, StepResidualsAval) for v in eqn.outputs):
        made = _of_one_type(replay, made, operands)
    found, code = lax.switch(chosen, made, *operands)
    replay.fail(code)
    return found


def _of_one_type(replay: Replay, branches: Any, operands: Any) -> Any:
    """Branches whose residuals have one structure: what a branch lacks is zeros."""
    shapes = [shapes_of(replay, branch, *operands)[0] for branch in branches]
    likes = join_all(shapes)

    def filled(branch: Any) -> Any:
        def run(*xs: Any) -> Any:
            found, code = branch(*xs)
            return [fill(x, like) for x, like in zip(found, likes, strict=True)], code

        return run

    return [filled(branch) for branch in branches]


@rule("scan")
def scan(replay: Replay, eqn: Equation, *operands: Any) -> Any:
    """A program a step; over residuals as many as there are."""
    p = eqn.primitive
    constants, carry, xs = p.split_operands(as_arrays(operands))
    kinds = [v.aval for v in eqn.outputs[p.carried :]]
    failed = replay.code(replay.failing(p.body))
    taped = any(isinstance(a, StepResidualsAval) for a in kinds)
    if p.length is None or taped or any(isinstance(x, PerStep) for x in xs):
        return _scan_residuals(replay, eqn, constants, carry, xs, failed)

    def step(state: Any, x: Any) -> Any:
        held, code = state
        found, code = replay.body(p.body, [*constants, *held, *x], code)
        return (found[: p.carried], code), found[p.carried :]

    (held, code), ys = lax.scan(step, (list(carry), failed), xs, length=p.length, reverse=p.reverse)
    replay.fail(code)
    return [*held, *ys]


def _scan_residuals(
    replay: Replay, eqn: Equation, constants: Any, carry: Any, xs: Any, failed: Any
) -> Any:
    p = eqn.primitive
    avals = p.split_operands([a.aval for a in eqn.inputs])[2]
    if p.length is None:
        counted = [x for x in xs if isinstance(x, PerStep) and x.counted]
        count, length = steps_of(counted)
    else:
        count = length = p.length

    def step(t: Any, held: Any, code: Any) -> Any:
        parts = [read(x, a, t) for x, a in zip(xs, avals, strict=True)]
        return replay.body(p.body, [*constants, *held, *parts], code)

    like = shapes_of(replay, lambda h: step(0, h, None)[0], carry)[p.carried :]
    buffers = [stacked(y, length) for y in like]

    def body(j: Any, state: Any) -> Any:
        held, ys, code = state
        t = count - 1 - j if p.reverse else j
        found, code = step(t, held, code)
        ys = [put(y, t, value) for y, value in zip(ys, found[p.carried :], strict=True)]
        return found[: p.carried], ys, code

    state = list(carry), buffers, failed
    held, ys, code = lax.fori_loop(0, count, body, state)
    replay.fail(code)
    steps = jnp.asarray(count, np.int32)
    return [
        *held,
        *[
            PerStep(y, steps) if isinstance(v.aval, StepResidualsAval) else y
            for y, v in zip(ys, eqn.outputs[p.carried :], strict=True)
        ],
    ]


def overflow(bound: int) -> Callable[[], Exception]:
    """Makes the error of a loop that took more steps than there is room for."""
    return lambda: ConvergenceError(
        f"to_jax: a while_loop that is differentiated in reverse took more than {bound} steps",
        "Raise steps=, of which what each leaves is kept.",
    )


@rule("while")
def while_loop(replay: Replay, eqn: Equation, *operands: Any) -> Any:
    """Steps while a condition holds; where they leave residuals, at most so many."""
    p = eqn.primitive
    c, b, carry = p.split_operands(as_arrays(operands))
    count = p.carried
    keeps = len(p.body.outputs) > count
    bound = replay.steps_bound() if keeps else 0
    failed = replay.code(replay.failing(p.body, p.condition))

    def ask(held: Any, code: Any) -> Any:
        (going,), code = replay.body(p.condition, [*c, *held], code)
        return going if code is None else going & (code == 0), code

    def step(state: Any) -> Any:
        held, ys, t, _, code = state
        found, code = replay.body(p.body, [*b, *held], code)
        if keeps:
            ys = [put(y, t, value) for y, value in zip(ys, found[count:], strict=True)]
            t = t + 1
        going, code = ask(found[:count], code)
        return found[:count], ys, t, going, code

    buffers: list[Any] = []
    if keeps:
        like = shapes_of(replay, lambda h: replay.body(p.body, [*b, *h])[0], carry)
        buffers = [stacked(y, bound) for y in like[count:]]
    going, code = ask(carry, failed)
    state = list(carry), buffers, np.int32(0) if keeps else None, going, code
    held, ys, t, going, code = lax.while_loop(
        lambda s: s[3] & (s[2] < bound) if keeps else s[3], step, state
    )
    replay.fail(code)
    if keeps:
        replay.check_bound(going, overflow(bound))
    return [*held, *[PerStep(y, t) for y in ys]]
