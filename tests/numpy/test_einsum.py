"""einsum adds up what NumPy's adds up, in its order: nan and inf are where that has them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcgrad import jit, make_jaxpr, vjp, vmap
from funcgrad.testing import check_grads

SPECS = [
    *("i,j->", "ij,k->k", "ij,kl->", "ij,ij->", "ij,j->", "i,i->", "ij,jk->ik", "ij,jk->", "i,j"),
    *("ii,j->", "ii,i->i", "i->", "ij->j", "ij,jk,kl->il", "i,j,k->", "bi,ijk,bj->bk", "ij,jk,k->"),
    *("ij,ij,ij->", "i,i,j->ij", "ij,jk,kl,l->i", "i,,j->", "...i,...j->...", "ij,k,k->", ",i->"),
    *("ji,j->", "ij,i->", "ij,jk->k", "ij,jk->i", "ij,jk->j", "ik,j->k", "bij,bk->b", "bij,k->b"),
]
VALUES = [0.0, 1.0, -1.0, 0.5, 2.0, np.inf, -np.inf, np.nan]
LENGTHS = {"b": 2, "i": 2, "j": 3, "k": 1, "l": 2}
LONGER = {"b": 2, "i": 3, "j": 2, "k": 4, "l": 3}


def operands(draw, spec):
    lengths = draw(st.sampled_from([LENGTHS, LONGER]))
    for term in spec.split("->")[0].split(","):
        shape = tuple([lengths[c] for c in term.replace("...", "b")])
        values = draw(st.lists(st.sampled_from(VALUES), min_size=12, max_size=12))
        x = np.resize(np.array(values), shape)
        kind = draw(st.sampled_from(["f8", "f8", "f4", "?", "i4"]))
        whole = np.nan_to_num(x, posinf=1, neginf=-1)
        yield (whole if kind in "?i4" else x).astype(kind)


@settings(max_examples=25)
@pytest.mark.parametrize("spec", SPECS)
@given(data=st.data())
def test_nan_and_inf_are_numpys(spec, data):
    xs = list(operands(data.draw, spec))
    optimize = data.draw(st.sampled_from([False, False, False, None, True, "optimal"]))
    with np.errstate(all="ignore"):
        expected = np.einsum(spec, *xs, optimize=optimize)
        if optimize is not False and not all(x.dtype.kind == "f" for x in xs):
            return  # NumPy adds up booleans alone, as booleans
        alike = len({x.dtype for x in xs}) == 1
        if not (optimize is False and alike) and not np.isfinite(expected).all():
            return  # the order of sums is free, or that of a buffer, and with it what inf meets

        def f(*xs):
            return np.einsum(spec, *xs, optimize=optimize)

        def smooth(*some):
            given = iter(some)
            return f(*[next(given) if x.dtype.kind == "f" else x for x in xs])

        results = {"jit": jit(f)(*xs), "vmap": vmap(f)(*[np.stack([x, x]) for x in xs])[0]}
        floats = [x for x in xs if x.dtype.kind == "f"]
        if floats:
            results["vjp"] = vjp(smooth, *floats)[0]
    for name, found in results.items():
        assert found.dtype == expected.dtype, name
        np.testing.assert_allclose(found, expected, 1e-5, 1e-5, err_msg=name)


def test_inf_meets_booleans():
    x, y = np.array([1.0, np.inf]), np.array([[True, False], [False, False]])
    with np.errstate(all="ignore"):
        for spec in ("i,jk->", "i,jk->j", "i,jk->k"):
            for f in (lambda x, y: np.einsum(spec, x, y), lambda x, y: np.einsum(spec, x, y * 1)):  # noqa: B023
                np.testing.assert_array_equal(jit(f)(x, y), f(x, y))


@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("spec", ["i,j->", "ij,kl->", "ij,jk,kl->il", "bi,ijk,bj->bk", "i,,j->"])
def test_derivatives(spec, optimize):
    rng = np.random.default_rng(2)
    terms = spec.split("->")[0].split(",")
    xs = [rng.normal(size=[LENGTHS[c] for c in term])[()] for term in terms]
    check_grads(lambda *xs: np.einsum(spec, *xs, optimize=optimize), tuple(xs), order=2)


def test_nothing_larger_than_needed_is_made():
    sizes = {"b": 5, "i": 7, "j": 11, "k": 13}
    xs = [np.ones([sizes[c] for c in term]) for term in ("bi", "ijk", "bj")]
    program = make_jaxpr(lambda *xs: np.einsum("bi,ijk,bj->bk", *xs))(*xs)
    assert [eqn.outputs[0].aval.shape for eqn in program.equations] == [(5, 7, 11), (5, 13)]
