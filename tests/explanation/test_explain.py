"""explain: values, gradients and local derivatives of every node, names, boxes, and bad input."""

import linecache
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcgrad as fg
from funcgrad import cond, custom_jvp, custom_vjp, explain, grad, jit, name, scan, vmap, while_loop
from funcgrad.errors import ArgumentError
from funcgrad.explanation.summary import number_text, short_text, summary
from funcgrad.testing import strategies


def rows(explained):
    return {row.name: row for row in explained.table()}


def neuron(w0, x0, w1, x1, w2):
    s0 = w0 * x0
    s1 = w1 * x1
    s2 = s0 + s1
    s3 = s2 + w2
    L = 1 / (1 + np.exp(-s3))
    return L


AT = 2.0, -1.0, -3.0, -2.0, -3.0


def test_the_sigmoid_neuron_of_the_lecture():
    found = explain(neuron, *AT)
    assert round(found.value, 5) == 0.73106
    gradient = [round(float(found.gradients[n]), 5) for n in ("w0", "x0", "w1", "x1", "w2")]
    assert gradient == [-0.19661, 0.39322, -0.39322, -0.58984, 0.19661]
    table = rows(found)
    assert [table[s].value for s in ("s0", "s1", "s2", "s3")] == [-2.0, 6.0, 4.0, 1.0]
    assert table["s0"].slopes == (-1.0, 2.0)
    assert table["s0"].operation == "mul"
    assert table["s0"].line.startswith("test_explain.py:")
    assert table["s0"].line.endswith("in neuron")
    assert table["L"].gradient == 1.0


def test_the_gradient_table_of_every_node():
    """Goodfellow, Bengio & Courville, algorithm 6.2: u = x*y, v = sin(u), f = v + u."""

    def f(x, y):
        u = x * y
        v = np.sin(u)
        return v + u

    table = rows(explain(f, 0.7, 1.3))
    u = 0.7 * 1.3
    assert table["v"].gradient == 1.0
    np.testing.assert_allclose(table["u"].gradient, 1 + np.cos(u), rtol=1e-15)
    np.testing.assert_allclose(table["x"].gradient, 1.3 * (1 + np.cos(u)), rtol=1e-15)
    np.testing.assert_allclose(table["v"].slopes, (np.cos(u),), rtol=1e-15)


def test_every_gradient_by_a_named_value_is_numerical():
    def f(w, x, b1=None, b2=None):
        h = name(np.tanh(w @ x) + (0.0 if b1 is None else b1), "hidden")
        y = name(h * h + (0.0 if b2 is None else b2), "squares")
        return np.sum(y * np.sin(h))

    w, x = np.array([[0.2, -0.4], [0.9, 0.1], [0.5, 0.5]]), np.array([0.3, -0.8])
    found = explain(f, w, x)
    zero = np.zeros(3)
    by_hand = grad(lambda b1, b2: f(w, x, b1, b2), argnums=(0, 1))(zero, zero)
    np.testing.assert_allclose(found.gradients["hidden"], by_hand[0], rtol=1e-14)
    np.testing.assert_allclose(found.gradients["squares"], by_hand[1], rtol=1e-14)
    np.testing.assert_allclose(found.gradients["w"], grad(f)(w, x), rtol=1e-14)


def test_the_tour_of_the_lecture():
    def f(w):
        x = name(w + 2.0, "x")
        y = name(3.0 * x, "y")
        return np.mean(y)

    found = explain(f, np.ones(3))
    assert found.value == 9.0
    np.testing.assert_array_equal(found.gradients["w"], np.ones(3))
    np.testing.assert_allclose(found.gradients["y"], np.full(3, 1 / 3), rtol=1e-15)


def test_a_name_that_is_given_twice_is_a_list_and_one_in_a_loop_is_stacked():
    def f(x):
        a = name(x * 2.0, "h")
        b = name(np.sin(x), "h")
        c, _ = scan(lambda c, t: (name(c * t, "step"), None), a * b, np.array([1.0, 2.0, 3.0]))
        return c

    found = explain(f, 0.5)
    first, second = found.gradients["h"]
    np.testing.assert_allclose([first, second], [6 * np.sin(0.5), 6 * 1.0], rtol=1e-15)
    np.testing.assert_array_equal(found.gradients["step"], [6.0, 3.0, 1.0])


def test_names_cost_nothing_when_compiled_and_nothing_untraced():
    x = np.ones(3)
    assert name(x, "x") is x
    text = jit(grad(lambda x: np.sum(name(np.sin(x), "s") ** 2))).source(x)
    assert text == jit(grad(lambda x: np.sum(np.sin(x) ** 2))).source(x) or "name" not in text
    tree = {"a": 1.0, "b": (2.0,)}
    assert name(tree, "t") == tree
    assert fg.checkpoint_name is fg.name
    with pytest.raises(ArgumentError, match="expected a string, got int"):
        name(x, 3)


def test_helpers_give_their_names_outside():
    def helper(a):
        b = a * 2.0
        return b + 1.0

    def f(x):
        h = helper(x)
        k = helper(h)
        return h * k

    table = rows(explain(f, 3.0))
    assert (table["h"].value, table["k"].value) == (7.0, 15.0)


def test_variables_of_several_results_and_augmented_ones():
    def f(x):
        q, r = np.linalg.qr(x)
        s = np.sum(q)
        s += np.sum(r)
        if (t := s * 2.0) > 100.0:
            return s
        return t

    table = rows(explain(f, np.array([[2.0, 1.0], [0.5, 3.0]])))
    assert table["q"].value.shape == table["r"].value.shape == (2, 2)
    assert "t" in table
    np.testing.assert_allclose(table["s"].gradient, 2.0)


def test_boxes_fold_programs_and_a_loop_shows_its_steps():
    def f(x):
        y = jit(lambda a: np.sin(a) * 2.0)(x)
        z = scan(lambda c, _: (c * 0.5, c), y, None, length=4)[0]
        u = while_loop(lambda c: c > 0.02, lambda c: c - 0.01, z)
        return cond(u > 0.0, lambda a: a * 3.0, lambda a: a, u)

    found = explain(f, 0.3)
    boxes = [n for n in found.graph.nodes if n.kind == "fold"]
    assert [b.operation for b in boxes] == ["call", "scan", "while", "cond"]
    np.testing.assert_allclose(found.gradients["x"], grad(f)(0.3), rtol=1e-15)
    scanned = boxes[1].inside
    (product,) = [n for n in scanned.nodes if n.operation == "mul"]
    assert product.values[0].shape == (4,)
    np.testing.assert_allclose(product.values[0], np.sin(0.3) * 2.0 * 0.5 ** np.arange(1, 5))
    np.testing.assert_allclose(product.cotangents[0], 3.0 * 0.5 ** np.arange(3, -1, -1))
    branch = boxes[3].inside
    assert [n.operation for n in branch.nodes if n.kind == "operation"] == ["mul"]


def test_functions_with_rules_unfold_and_their_derivatives_are_the_rules():
    @custom_vjp
    def twice(x):
        return 2.0 * x

    twice.defvjp(lambda x: (2.0 * x, None), lambda _, ct: (7.0 * ct,))

    @custom_jvp
    def thrice(x):
        return 3.0 * x

    thrice.defjvp(lambda p, t: (3.0 * p[0], 5.0 * t[0]))
    found = explain(lambda x: thrice(twice(x)), 1.5)
    assert found.value == 9.0
    assert found.gradients["x"] == 35.0
    boxes = [n for n in found.graph.nodes if n.kind == "fold"]
    assert len(boxes) == 2
    for box, factor in zip(boxes, (2.0, 3.0), strict=True):
        (product,) = [n for n in box.inside.nodes if n.operation == "mul"]
        assert product.values[0] == factor * box.inside.nodes[0].values[0]
        assert product.cotangents == (None,)  # the derivative is the rule's, not the program's
    names = {}
    exec(found.source(), names)
    assert names["grad_x"] == 35.0


def test_transformed_functions():
    def f(x):
        return np.sin(x) ** 3

    np.testing.assert_allclose(explain(grad(f), 0.5).gradients["x"], grad(grad(f))(0.5), rtol=1e-14)
    batched = explain(lambda x: np.sum(vmap(f)(x)), np.array([0.1, 0.2]))
    np.testing.assert_allclose(batched.gradients["x"], vmap(grad(f))(np.array([0.1, 0.2])))
    compiled = explain(jit(f), 0.5)
    assert compiled.gradients["x"] == grad(f)(0.5)


def test_pytrees_keywords_and_argnums():
    def f(p, x, *rest, scale=1.0):
        return np.sum(p["w"] * x) * scale + sum(rest)

    p = {"w": np.ones(2), "n": 3}
    found = explain(f, p, np.array([1.0, 2.0]), 4.0, scale=2.0)
    assert set(found.gradients) == {"p['w']", "x", "rest[0]", "scale"}
    np.testing.assert_array_equal(found.gradients["p['w']"], [2.0, 4.0])
    only = explain(f, p, np.array([1.0, 2.0]), argnums=1)
    assert set(only.gradients) == {"x"}
    with pytest.raises(ArgumentError, match="argnums has 2, and f"):
        explain(f, p, np.ones(2), argnums=2)


def test_what_has_no_gradients_says_why():
    cases = {
        "2 results": (lambda x: (x, x * 2.0), (1.0,)),
        "no results": (lambda x: None, (1.0,)),
        "float64[3], is not one real number": (lambda x: x * 2.0, (np.ones(3),)),
        "complex128[], is not one real number": (lambda x: x * 1j, (1.0,)),
        "does not depend on the arguments": (lambda x: 3.0, (1.0,)),
        "no float among the arguments": (lambda n: n * 2, (np.arange(3),)),
    }
    for reason, (f, args) in cases.items():
        found = explain(f, *args)
        assert reason in found.reason, found.reason
        assert dict(found.gradients) == {}
        with pytest.raises(ArgumentError, match="there are no gradients"):
            found.gradients["x"]
        assert found.reason in str(found)
        found.to_svg(), found.to_html(), found.source()


def test_complex_empty_and_nan_values_are_shown():
    z = np.array([1.0 + 2.0j, np.nan, 0.0])
    found = explain(lambda z: np.sum(np.abs(z * z)), z)
    assert "1 nan" in str(found.table())
    found.to_svg(), found.to_html()
    empty = explain(lambda x: np.sum(x * 2.0), np.zeros((0, 3)))
    assert empty.gradients["x"].shape == (0, 3)
    assert "float64[0,3]" in str(empty)
    empty.to_svg()


def test_a_function_that_raises_half_way_shows_what_was_reached():
    def f(x):
        a = np.sin(x)
        b = a[:, None] @ np.ones((2, 5))
        return np.sum(b)

    found = explain(f, np.ones(3))
    assert isinstance(found.error, ValueError)
    table = rows(found)
    assert table["a"].value.shape == (3,)
    (failed,) = [n for n in found.graph.nodes if n.error is not None]
    assert failed.operation == "raise"
    assert failed.line.endswith("in f")
    assert "raised" in repr(found)
    assert 'class="node error"' in found.to_svg()
    with pytest.raises(ArgumentError, match="the function raised"):
        found.gradients["x"]
    with pytest.raises(ArgumentError, match="has no flat code"):
        found.source()

    def own(x):
        y = x * 2.0
        raise RuntimeError(f"mine, at {y}")

    found = explain(own, 1.0)
    assert "RuntimeError: mine, at 2.0" in repr(found)
    assert rows(found)["y"].value == 2.0


def test_an_operation_that_raises_has_the_error():
    def f(x):
        y = x * 2.0
        return fg.pure_callback(lambda a: 1 / 0, fg.ShapeDtypeStruct((), np.float64), y)

    found = explain(f, 1.0)
    (failed,) = [n for n in found.graph.nodes if n.error is not None]
    assert failed.operation == "pure_callback"
    assert failed.values == (None,)


def test_bad_calls():
    with pytest.raises(ArgumentError, match="expected a function, got float"):
        explain(3.0, 1.0)
    with pytest.raises(ArgumentError, match="inside of a transform there are tracers"):
        grad(lambda x: explain(np.sin, x).value)(1.0)
    found = explain(neuron, *AT)
    with pytest.raises(ArgumentError, match="there is no gradient by 'h'"):
        found.gradients["h"]
    with pytest.raises(ArgumentError, match="no theme 'blue'"):
        found.to_svg("blue")


def test_arguments_are_left_alone_and_values_kept_as_they_were():
    x = np.array([1.0, 2.0])

    def f(x):
        y = x * 3.0
        buffer = np.ones(2)
        z = y * buffer
        buffer[:] = 100.0
        return np.sum(z)

    found = explain(f, x)
    x[:] = -1.0
    table = rows(found)
    np.testing.assert_array_equal(table["x"].value, [1.0, 2.0])
    constants = [n.values[0] for n in found.graph.nodes if n.kind == "constant"]
    assert any(np.array_equal(c, np.ones(2)) for c in constants)


@settings(max_examples=60, deadline=None)
@given(strategies.calls())
def test_random_programs_have_their_gradients(call):
    f, (x, y) = call
    found = explain(f, x, y)
    value, (by_x, by_y) = fg.value_and_grad(f, argnums=(0, 1))(x, y)
    np.testing.assert_allclose(found.value, value, rtol=1e-13)
    np.testing.assert_allclose(found.gradients["x"], by_x, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found.gradients["y"], by_y, rtol=1e-12, atol=1e-14)


@settings(max_examples=40, deadline=None)
@given(strategies.calls())
def test_contributions_add_up_to_the_cotangent(call):
    """The sum over the paths: what the uses of a value contribute is its gradient."""
    found = explain(call.program, *call.args)
    for node, edges in zip(found.graph.nodes, found.graph.users(), strict=True):
        for port, ct in enumerate(node.cotangents):
            parts = [e.cotangent for e in edges if e.port == port and e.cotangent is not None]
            if ct is not None and parts:
                np.testing.assert_allclose(sum(parts), ct, rtol=1e-12, atol=1e-14)


def test_local_derivative_times_what_arrives_is_what_is_handed_on():
    found = explain(neuron, *AT)
    for node in found.graph.nodes:
        for edge in node.operands:
            if edge.local is not None and node.kind == "operation":
                np.testing.assert_allclose(
                    edge.local * node.cotangents[0], edge.cotangent, rtol=1e-15
                )


def test_the_cost_is_of_the_order_of_the_operations():
    def chain(n):
        def f(x):
            for _ in range(n // 2):
                x = np.sin(x) * 0.9
            return x

        return f

    assert len(explain(chain(1000), 0.5).graph.nodes) == 1002 + 500
    start = time.process_time()
    large = explain(chain(20_000), 0.5)
    assert "folded into" in large.to_svg()
    assert time.process_time() - start < 20.0  # an order of magnitude above what it takes


def test_source_lines_of_what_has_no_file():
    text = "def f(x):\n    double = x * 2.0\n    return np.sin(double)\n"
    space = {"np": np}
    exec(compile(text, "<typed in>", "exec"), space)
    assert [row.name for row in explain(space["f"], 1.0).table()] == ["x", "%2", "%3"]
    linecache.cache["<typed in>"] = len(text), None, text.splitlines(True), "<typed in>"
    from funcgrad.explanation import variables

    variables._assignments.cache_clear()
    assert [row.name for row in explain(space["f"], 1.0).table()] == ["x", "double", "%3"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.25, "0.25"),
        (-3, "\N{MINUS SIGN}3"),
        (np.inf, "\N{INFINITY}"),
        (np.nan, "nan"),
        (1.0 - 2.0j, "1\N{MINUS SIGN}2i"),
        (True, "True"),
        (1.5e-9, "1.5e\N{MINUS SIGN}9"),
    ],
)
def test_numbers_as_they_are_shown(value, text):
    assert number_text(value) == text


@given(st.floats())
def test_a_scalar_is_shown_in_full(x):
    text = summary(np.float64(x)).replace("\N{MINUS SIGN}", "-").replace("\N{INFINITY}", "inf")
    np.testing.assert_array_equal(float(text), x)


def test_arrays_are_summed_up():
    x = np.array([[0.0, -2.0, np.nan], [np.inf, 3.0, 0.0]])
    assert summary(x) == ("float64[2,3], \N{MINUS SIGN}2 to 3, norm 3.606, 2 zeros, 1 nan, 1 inf")
    assert summary(np.array([True, False])) == "bool[2], 1 of 2 true"
    assert short_text(np.ones((4, 5))).startswith("4\N{MULTIPLICATION SIGN}5")
