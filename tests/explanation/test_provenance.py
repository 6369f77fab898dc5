"""Where the nans and infs of an explained evaluation come from, on graphs written by hand."""

import inspect

import numpy as np
import pytest

from funcgrad import explain, fori_loop, grad, jit, scan
from funcgrad.core.ir import make_aval
from funcgrad.explanation.graph import Edge, Graph, Node
from funcgrad.explanation.provenance import nonfinite

FLOAT = np.dtype(np.float64)


def graph_of(*nodes):
    """A graph of ``(kind, operation, name, value, ct, [(source, ct of the use)], inside)``."""
    graph = Graph("f")
    for index, (kind, operation, name, value, ct, uses, *inside) in enumerate(nodes):
        edges = [Edge(source, 0, index, k, cotangent=used) for k, (source, used) in enumerate(uses)]
        node = Node(
            index=index,
            kind=kind,
            operation=operation,
            symbol=operation,
            names=(name,),
            source_info=None,
            avals=(make_aval(np.shape(value), FLOAT),),
            values=(value,),
            cotangents=(ct,),
            operands=tuple(edges),
            inside=inside[0] if inside else None,
        )
        if inside:
            node.avals = (make_aval((), FLOAT),)
        graph.nodes.append(node)
    return graph


def test_a_finite_graph():
    graph = graph_of(
        ("input", "input", "x", 2.0, 2.0, []),
        ("operation", "mul", "", 4.0, 1.0, [(0, 2.0)]),
        ("output", "output", "", 4.0, 1.0, [(1, 1.0)]),
    )
    found = nonfinite(graph)
    assert not found
    assert str(found) == "The result is finite."


def test_an_inf_that_becomes_a_nan():
    graph = graph_of(
        ("input", "input", "x", 1000.0, np.nan, []),
        ("operation", "exp", "", np.inf, 0.0, [(0, np.nan)]),
        ("operation", "neg", "", -np.inf, 1.0, [(1, -1.0)]),
        ("operation", "add", "", np.nan, 1.0, [(1, 1.0), (2, 1.0)]),
        ("output", "output", "", np.nan, 1.0, [(3, 1.0)]),
    )
    found = nonfinite(graph)
    assert found
    assert str(found) == (
        "The result is nan, made by add of float64[] inf and float64[] -inf; it began with inf, "
        "made by exp of float64[] 1000.0.\n"
        "Its way to the result:\n  inf  exp\n  nan  add\n"
        "Not finite are the gradients by x.\n"
        "The first nan of the backward pass is made by the derivative of exp of float64[] 1000.0 "
        "with the cotangent float64[] 0.0."
    )


def test_what_is_masked_and_what_was_given():
    graph = graph_of(
        ("input", "input", "x", -1.0, 0.0, []),
        ("constant", "constant", "", np.inf, None, []),
        ("operation", "log", "", np.nan, 0.0, [(0, 0.0)]),
        ("operation", "select", "", 0.0, 1.0, [(2, 0.0)]),
        ("operation", "minimum", "", 0.0, 1.0, [(3, 1.0), (1, None)]),
        ("output", "output", "", 0.0, 1.0, [(4, 1.0)]),
    )
    found = nonfinite(graph)
    assert not found
    assert "nan was made, and masked: by log of float64[] -1.0" in str(found)
    given = graph_of(
        ("input", "input", "x", np.inf, 1.0, []), ("output", "output", "", np.inf, 1.0, [(0, 1.0)])
    )
    assert str(nonfinite(given)) == "The result is inf, from x."


def test_the_step_of_a_loop_inside_of_a_box():
    body = graph_of(
        ("input", "input", "c", np.array([1.0, 1e200, np.inf]), None, []),
        ("operation", "mul", "", np.array([1e200, np.inf, np.inf]), None, [(0, None)]),
    )
    for node in body.nodes:
        node.avals = (make_aval((), FLOAT),)
    graph = graph_of(
        ("input", "input", "x", 1.0, 1.0, []),
        ("fold", "scan", "", np.inf, 1.0, [(0, 1.0)], body),
        ("output", "output", "", np.inf, 1.0, [(1, 1.0)]),
    )
    assert "made by mul (step 1 of the loop, counted from 0)." in str(nonfinite(graph))


def line_of(f, text):
    lines, first = inspect.getsourcelines(f)
    return first + next(i for i, line in enumerate(lines) if text in line)


def valley(p):
    x, y = p
    return 2 * x**2 + y**2 + np.exp(4 * x * y)


def train(p):
    def step(_, p):
        (x, y), (gx, gy) = p, grad(valley)(p)
        return x - 0.01 * gx, y - 0.01 * gy

    return fori_loop(0, 6, step, p)


@pytest.mark.parametrize("wrap", [lambda f: f, jit])
def test_the_divergence_of_l4_explained(wrap):
    with np.errstate(all="ignore"):
        found = explain(lambda p: sum(wrap(train)(p)), (1.0, 1.0)).nans()
    first, turned = found.value.first, found.value.turned
    assert (first.operation, first.made, first.loops) == ("exp", "inf", (2,))
    assert first.line == f"test_provenance.py:{line_of(valley, 'exp')} in valley"
    assert (turned.operation, turned.made, turned.loops) == ("sub", "nan", (3,))
    assert turned.line == f"test_provenance.py:{line_of(train, 'return x')} in step"
    assert found.backward.loops == (5,)
    assert found.gradients == ("p[0]", "p[1]")


@pytest.mark.parametrize("wrap", [lambda f: f, jit])
def test_the_first_of_the_backward_pass(wrap):
    def f(x):
        y = x * 2.0
        return np.sqrt(y)

    found = explain(wrap(f), 0.0).nans()
    assert (found.value, found.masked) == (None, None)
    assert found.backward.line == f"test_provenance.py:{line_of(f, 'sqrt')} in f"
    assert found.backward.operation.startswith("the derivative of sqrt")
    assert found.gradients == ("x",)
    # In a loop it is the last step that the backward pass comes to first.
    loop = explain(lambda x: scan(lambda c, _: (np.sqrt(c), None), x, None, 5)[0], 0.0).nans()
    assert loop.backward.loops == (4,)


def test_the_nans_of_a_good_evaluation_are_none():
    found = explain(lambda x: np.sum(np.sin(x)), np.ones(3)).nans()
    assert not found
    assert str(found) == "The result is finite."
