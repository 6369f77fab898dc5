"""How often a program goes through the passes: once, whatever it holds."""

import numpy as np
import pytest

from funcgrad import cond, fori_loop, grad, jit, scan, vmap, while_loop
from funcgrad.compile import stages
from funcgrad.compile.passes import pipeline

X3 = np.array([0.5, -1.0, 2.0])
PIPELINE_PROGRAMS = {
    "straight": (lambda x: np.sum(np.sin(x) * x), X3),
    "scan": (lambda x: np.sum(scan(lambda c, a: (np.tanh(c * a), c), x, x)[1]), X3),
    "branch": (lambda x: cond(x[0] > 0.0, np.sum, lambda x: np.sum(x * x), x), X3),
    "loop": (lambda x: np.sum(fori_loop(0, 3, lambda i, c: np.sin(c) + i, x)), X3),
    "batch": (
        lambda x: np.sum(
            vmap(lambda a: while_loop(lambda c: np.abs(c) < 9.0, lambda c: c * 2.0, a))(x)
        ),
        X3,
    ),
    "nest": (
        lambda x: np.sum(scan(lambda c, a: (cond(a > 0.0, np.sin, np.cos, c), c), x, x)[0]),
        X3,
    ),
}


@pytest.mark.parametrize("transform", [lambda f: f, grad], ids=["value", "grad"])
@pytest.mark.parametrize("name", PIPELINE_PROGRAMS)
def test_each_program_goes_through_the_pipeline_once(name, transform, monkeypatch):
    f, x = PIPELINE_PROGRAMS[name]
    seen, made, whole = [], [], []
    simplify, optimise = pipeline.simplify, stages.optimise

    def count_pass(jaxpr, *args):
        seen.append(jaxpr)
        found = simplify(jaxpr, *args)
        made.append(found[0])
        return found

    def count_program(jaxpr, *args, **kwargs):
        whole.append(jaxpr)
        return optimise(jaxpr, *args, **kwargs)

    monkeypatch.setattr(pipeline, "simplify", count_pass)
    monkeypatch.setattr(stages, "optimise", count_program)
    jit(transform(f))(x)
    # The program itself goes through once; bodies do so where they are trimmed, before and after,
    # and what the pipeline gave, body or program, does not go through it again.
    assert len(whole) == 1
    assert len({*map(id, seen)}) == len(seen)
    assert {*map(id, seen)}.isdisjoint(map(id, made))
