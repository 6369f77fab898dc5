"""Law 1 over NumPy: the answer, the dtype, the shape and the error of every call, by one table."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples.calls import ROWS
from samples.drawn_calls import CASES, calls, ident, public, tolerance
from samples.numpy_names import DIFFERENTIABLE, DISCRETE

from funcgrad import jit, tree, vjp, vmap
from funcgrad.core.trace import aval_of
from funcgrad.testing import check_transforms

OTHERS = {"array2string", "array_repr", "array_str", "einsum_path", "isfortran"}
"""Their results are texts, or about memory that a traced value has not."""


def check_call(f, args, abstract):
    """Law 1 for one call: its result, or its error."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # Warnings are those of NumPy, which are tested elsewhere.
        warnings.simplefilter("ignore")
        try:
            expected = f(*args)
        except Exception as error:
            check_error(f, args, error, abstract)
            return
        if any(np.asarray(leaf).dtype.kind not in "biufc" for leaf in tree.leaves(expected)):
            return
        rtol = tolerance([*args, *tree.leaves(expected)])
        check_transforms(f, args, rtol=rtol, abstract=abstract)


def check_error(f, args, error, abstract):
    """Every transform raises what NumPy raised."""
    chosen = [i for i, a in enumerate(args) if aval_of(a).inexact]

    def smooth(*point):
        return f(*[point[chosen.index(i)] if i in chosen else a for i, a in enumerate(args)])

    transforms = {}
    if chosen:
        transforms["vjp"] = lambda: vjp(smooth, *[args[i] for i in chosen])
    if abstract:
        transforms["jit"] = lambda: jit(f)(*args)
        if any(np.ndim(a) for a in args):
            axes = tuple([None if np.ndim(a) == 0 else 0 for a in args])
            both = [np.stack([a, a]) if np.ndim(a) else a for a in args]
            transforms["vmap"] = lambda: vmap(f, in_axes=axes)(*both)
    for name, run in transforms.items():
        try:
            found = run()
        except public(type(error)):
            continue
        except Exception as other:
            raise AssertionError(
                f"{name}: {type(other).__name__} ({other}) instead of "
                f"{type(error).__name__} ({error})"
            ) from other
        raise AssertionError(f"{name}: gives {found} instead of {type(error).__name__} ({error})")


@pytest.mark.parametrize("case", CASES, ids=ident)
@settings(max_examples=6)
@given(data=st.data())
def test_calls(case, data):
    f, args = data.draw(calls(*case))
    check_call(f, args, case[1].abstract)


@pytest.mark.fuzz
@pytest.mark.parametrize("case", CASES, ids=ident)
@settings(max_examples=40)
@given(data=st.data())
def test_calls_fuzz(case, data):
    f, args = data.draw(calls(*case))
    check_call(f, args, case[1].abstract)


def test_every_traced_function_has_a_row():
    rows = {name for row in ROWS for name in row.names.split()}
    assert rows | OTHERS == {*DIFFERENTIABLE, *DISCRETE}
