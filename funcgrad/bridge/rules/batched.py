"""Branches and loops that differ from element to element of a batch.

Each branch that some element takes is run for all, and each step that some element takes; those
that do not are fed the operands of one that does, as in `funcgrad.control.flow.batching`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ...control.program.derive import residual_types
from ...core.ir import Equation
from ...core.residuals import StepResidualsAval
from ..per_step import PerStep, aligned, fill, join_all, put, read, stacked, steps_of, zero_of
from ..replay import Replay, rule
from .control import as_arrays, check_switch, overflow, shapes_of
from .residuals import add

__all__: list[str] = []


def feed(running: Any, operands: Sequence[Any], batched: Sequence[bool]) -> list[Any]:
    """The operands of all elements, with those of one that runs in place of the others'."""
    pick = jnp.where(running, jnp.arange(running.shape[0]), jnp.argmax(running))

    def chosen(x: Any) -> Any:
        if isinstance(x, PerStep):
            return x.map(lambda e, depth: jnp.take(e, pick, axis=depth))
        return x[pick]

    return [chosen(x) if b else x for x, b in zip(operands, batched, strict=True)]


def only(mask: Any, x: Any) -> Any:
    """Zeros for the elements that are not in ``mask``; who took a step of a loop inside stays."""
    if not isinstance(x, PerStep):
        return choose(mask, x, np.zeros((), x.dtype))
    return x.map(
        lambda e, depth: jnp.where(aligned(mask, e, depth), e, np.zeros((), e.dtype)),
        lambda m, depth: m,
    )


def choose(mask: Any, new: Any, old: Any) -> Any:
    """``new`` for the elements in ``mask``, ``old`` for the others."""
    return jnp.where(aligned(mask, new), new, old)


@rule("batched_cond")
def batched_cond(replay: Replay, eqn: Equation, index: Any, *operands: Any) -> Any:
    """Each element's branch."""
    p = eqn.primitive
    operands = tuple(as_arrays(operands))
    count = len(p.branches)
    chosen = check_switch(replay, index, count)
    failing = replay.failing(*p.branches)
    kinds = residual_types([a.aval for a in eqn.inputs[1:]])
    if kinds == (None,) * len(kinds):
        kinds = ()
    if not p.size:
        return [zero_of(v.aval) for v in eqn.outputs]

    def run(k: int, code: Any) -> Any:
        program, captured = p.map_branch(k, kinds)
        return replay.body(program, [*captured, *feed(chosen == k, operands, p.batched)], code)

    residuals = any(isinstance(v.aval, StepResidualsAval) for v in eqn.outputs)
    if residuals:
        shapes = [shapes_of(replay, lambda k=k: run(k, None)[0]) for k in range(count)]
        likes = join_all(shapes)
    else:
        likes = [jnp.zeros(v.aval.shape, v.aval.dtype) for v in eqn.outputs]
    results = [_zeros(like) for like in likes]
    for k in range(count):
        mine = chosen == k

        def take(results: Any, code: Any, k: int = k, mine: Any = mine) -> Any:
            found, code = run(k, code)
            merged = [
                add(fill(only(mine, x), like), r) if isinstance(x, PerStep) else choose(mine, x, r)
                for x, r, like in zip(found, results, likes, strict=True)
            ]
            return merged, code

        skip = lambda results, code: (results, code)  # noqa: E731
        results, code = lax.cond(jnp.any(mine), take, skip, results, replay.code(failing))
        replay.fail(code)
    return results


def _zeros(like: Any) -> Any:
    if isinstance(like, PerStep):
        return fill(PerStep(), like)
    return jnp.zeros(like.shape, like.dtype)


@rule("batched_while")
def batched_while(replay: Replay, eqn: Equation, *operands: Any) -> Any:
    """Steps while some element's condition holds."""
    p = eqn.primitive
    loop, count = p.loop, p.loop.carried
    c, b, carry = loop.split_operands(as_arrays(operands))
    _, batched, _ = loop.split_operands(p.batched)
    condition, held_by_condition = p.map_condition()
    program, held_by_body = p.map_body(residual_types([a.aval for a in eqn.inputs]))
    keeps = len(program.outputs) > count
    bound = replay.steps_bound() if keeps else 0
    failed = replay.code(replay.failing(program, condition))

    def ask(held: Any, running: Any, code: Any) -> Any:
        (going,), code = replay.body(condition, [*held_by_condition, *c, *held], code)
        running = running & going
        return running if code is None else running & (code == 0), code

    def one(held: Any, running: Any, code: Any) -> Any:
        fed = feed(running, [*b, *held], [*batched, *[True] * count])
        return replay.body(program, [*held_by_body, *fed], code)

    def step(state: Any) -> Any:
        held, ys, masks, t, running, code = state
        found, code = one(held, running, code)
        held = [choose(running, new, old) for new, old in zip(found[:count], held, strict=True)]
        if keeps:
            ys = [put(y, t, value) for y, value in zip(ys, found[count:], strict=True)]
            masks, t = masks.at[t].set(running), t + 1
        running, code = ask(held, running, code)
        return held, ys, masks, t, running, code

    buffers: list[Any] = []
    everyone = jnp.ones((p.size,), np.bool_)
    if keeps:
        like = shapes_of(replay, lambda h: one(h, everyone, None)[0], carry)
        buffers = [stacked(y, bound) for y in like[count:]]
    running, code = ask(carry, everyone, failed)
    masks = jnp.zeros((bound, p.size), np.bool_) if keeps else None
    state = list(carry), buffers, masks, np.int32(0) if keeps else None, running, code

    def going(state: Any) -> Any:
        more = jnp.any(state[4])
        return more & (state[3] < bound) if keeps else more

    held, ys, masks, t, running, code = lax.while_loop(going, step, state)
    replay.fail(code)
    if keeps:
        replay.check_bound(jnp.any(running), overflow(bound))
    return [*held, *[PerStep(y, t, masks) for y in ys]]


@rule("batched_scan")
def batched_scan(replay: Replay, eqn: Equation, *operands: Any) -> Any:
    """Steps over residuals, which not every element took."""
    p = eqn.primitive
    scan, count = p.loop, p.loop.carried
    constants, carry, xs = scan.split_operands(as_arrays(operands))
    avals = [a.aval for a in eqn.inputs]
    program, captured = p.map_body(scan.loop.entry_residual_types(avals))
    kinds = scan.split_operands(avals)[2]
    flags = [*p.batched, *[True] * (len(carry) + len(xs))]
    failed = replay.code(replay.failing(program))
    counted = [x for x in xs if x.counted]
    steps, length = steps_of(counted)
    masks = functools.reduce(jnp.bitwise_or, [x.masks for x in counted if x.masks is not None])

    def one(t: Any, held: Any, code: Any) -> Any:
        parts = [read(x, a, t) for x, a in zip(xs, kinds, strict=True)]
        fed = feed(masks[t], [*constants, *held, *parts], flags)
        return replay.body(program, [*captured, *fed], code)

    like = shapes_of(replay, lambda h: one(0, h, None)[0], carry)[count:]
    buffers = [stacked(y, length) for y in like]

    def body(j: Any, state: Any) -> Any:
        held, ys, code = state
        t = steps - 1 - j if scan.reverse else j
        took = masks[t]
        found, code = one(t, held, code)
        held = [choose(took, new, old) for new, old in zip(found[:count], held, strict=True)]
        ys = [put(y, t, only(took, value)) for y, value in zip(ys, found[count:], strict=True)]
        return held, ys, code

    state = list(carry), buffers, failed
    held, ys, code = lax.fori_loop(0, steps, body, state)
    replay.fail(code)
    return [*held, *[PerStep(y, steps, masks) for y in ys]]
