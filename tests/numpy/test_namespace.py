"""NumPy's functions on tracers by one table: `samples.namespace`."""

import inspect

import numpy as np
import pytest
from samples.laws import check_sample, check_vmap
from samples.namespace import CALLS, ERRORS
from samples.search import SAMPLES

from funcgrad import make_jaxpr, tree, vjp, vmap
from funcgrad.core.trace import aval_of
from funcgrad.testing import check_grads, check_transforms


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.primitive)
def test_samples(sample):
    check_sample(sample)


def _floats(values):
    return any(aval_of(v).inexact for v in tree.leaves(values))


@pytest.mark.parametrize("call", CALLS, ids=lambda c: c.text)
def test_numpys_answer_under_every_transform(call):
    check_transforms(call.function, call.args, rtol=call.rtol, abstract=call.abstract)


@pytest.mark.parametrize("call", [c for c in CALLS if c.abstract], ids=lambda c: c.text)
def test_vmap_is_the_loop(call):
    check_vmap(lambda *args: tree.leaves(call.function(*args)), call.args)


@pytest.mark.parametrize("call", [c for c in CALLS if c.order], ids=lambda c: c.text)
def test_derivatives(call):
    assert _floats(call.args) and _floats(call.function(*call.args))
    check_grads(call.function, call.args, order=call.order)


TRANSFORMS = {
    "vjp": lambda f: lambda *xs: vjp(f, *xs),
    "make_jaxpr": make_jaxpr,
    "vmap": lambda f: lambda *xs: vmap(f)(*[np.stack([x, x]) for x in xs]),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("call", ERRORS, ids=lambda c: c.text)
def test_bad_input_raises_as_numpys(call, transform):
    with pytest.raises(Exception) as numpys:
        call.function(*call.args)
    if transform != "vjp" and not call.abstract:
        return
    kinds = (call.kind or numpys.type,)
    with pytest.raises(kinds):
        TRANSFORMS[transform](call.function)(*call.args)


def test_every_function_of_these_rooms_has_a_row():
    from funcgrad.numpy import modules

    text = "\n".join([inspect.getsource(inspect.getmodule(CALLS[0].function))])
    own = [
        *("applying", "assembly", "calculus", "convolution", "counting", "covariance"),
        *("ordering", "polynomials", "quantiles"),
    ]
    missing = [n for room in own for n in modules.MODULES[room].split() if f"np.{n}(" not in text]
    assert missing == []
