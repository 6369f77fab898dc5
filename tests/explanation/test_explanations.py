"""`explain` on the lectures L1, L6, L7, L9, L11, L12, L17, L20 and L21; names, boxes, errors."""

import functools
import operator
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcgrad
from funcgrad import (
    Explanation,
    checkpoint_name,
    custom_vjp,
    explain,
    grad,
    jit,
    jvp,
    lax,
    make_jaxpr,
    name,
    named_call,
    nn,
    value_and_grad,
    vmap,
)
from funcgrad.errors import ArgumentError, DtypeError
from funcgrad.testing.strategies import calls


def rows(explained):
    """The rows of the table, by name."""
    return {row.name: row for row in explained.table()}


def nodes(graph):
    """All nodes of a graph and of its boxes."""
    for node in graph.nodes:
        yield node
        if node.inside is not None:
            yield from nodes(node.inside)


class TestLectures:
    AT = 2.0, -1.0, -3.0, -2.0, -3.0

    def test_l1_local_derivatives(self):
        def f(w, u, x):
            alpha = -w * x
            beta = np.exp(alpha)
            gamma = 1 + u * beta
            delta = np.log(gamma)
            return delta

        found = explain(f, 1.0, 1.0, 1.0)
        table = rows(found)
        assert table["delta"].value == found.value == np.log(1 + np.exp(-1))
        slopes = [table[n].slopes[-1] for n in ("alpha", "beta", "gamma", "delta")]
        np.testing.assert_allclose(slopes, [-1.0, np.exp(-1), 1.0, 1 / (1 + np.exp(-1))])
        np.testing.assert_allclose(found.gradients["w"], -0.26894, atol=5e-6)
        assert found.graph.nodes[-1].kind == "output"
        assert (
            next(n for n in found.graph.nodes if n.names == ("beta",)).operands[0].formula == "eᵘ"
        )

    def test_l6_primitive_by_primitive_and_as_one_node(self):
        def pieces(w0, x0, w1, x1, w2):
            return 1 / (1 + np.exp(-(w0 * x0 + w1 * x1 + w2)))

        def one(w0, x0, w1, x1, w2):
            return nn.sigmoid(w0 * x0 + w1 * x1 + w2)

        for f, count in ((pieces, 8), (one, 5)):
            found = explain(f, *self.AT)
            assert sum(n.kind == "operation" for n in found.graph.nodes) == count
            np.testing.assert_allclose(found.value, 0.73106, atol=5e-6)
            want = -0.19661, 0.39322, -0.39322, -0.58984, 0.19661
            np.testing.assert_allclose([*found.gradients.values()], want, atol=5e-6)

    def test_l7_patterns(self):
        found = explain(np.maximum, 4.0, 2.0)
        assert [e.local for e in found.graph.nodes[2].operands] == [1.0, 0.0]
        assert [*found.gradients.values()] == [1.0, 0.0]

    def test_l11_contributions_of_both_paths(self):
        found = explain(lambda a, b: (a + b) * (b + 1.0), 2.0, 1.0)
        of_b = [e.cotangent for e in found.graph.users()[1]]
        assert of_b == [2.0, 3.0] and found.gradients["b"] == 5.0

    def test_l12_deltas_are_the_textbooks(self):
        rng = np.random.default_rng(1)
        w1, w2 = rng.normal(size=(3, 2)), rng.normal(size=(1, 3))
        x, t = rng.normal(size=2), np.array([0.3])

        def net(w1, w2):
            z1 = name(w1 @ x, "z1")
            a1 = nn.sigmoid(z1)
            z2 = name(w2 @ a1, "z2")
            return np.sum((z2 - t) ** 2) / 2

        found = explain(net, w1, w2)
        a1 = 1 / (1 + np.exp(-w1 @ x))
        delta2 = w2 @ a1 - t
        delta1 = (w2.T @ delta2) * a1 * (1 - a1)
        np.testing.assert_allclose(found.gradients["z2"], delta2)
        np.testing.assert_allclose(found.gradients["z1"], delta1)
        np.testing.assert_allclose(found.gradients["w2"], np.outer(delta2, a1))
        np.testing.assert_allclose(found.gradients["w1"], np.outer(delta1, x))

    def test_l17_the_gradient_of_an_intermediate_value(self):
        def f(w):
            x = w + 2
            y = name(3 * x, "y")
            return np.mean(y)

        found = explain(f, np.ones(3))
        assert found.value == 9.0
        np.testing.assert_array_equal(found.gradients["w"], np.ones(3))
        np.testing.assert_allclose(found.gradients["y"], np.full(3, 1 / 3))

    def test_l20_the_table_has_every_node_and_its_cost_is_that_of_the_edges(self):
        def f(u1, u2):
            u3 = u1 * u2
            u4 = np.sin(u1)
            u5 = u3 + u4
            u6 = np.exp(u4)
            u7 = u5 * u6
            return u7

        u1, u2 = 0.7, -1.2
        u3, u4 = u1 * u2, np.sin(u1)
        u5, u6 = u3 + u4, np.exp(u4)
        want = {"u7": 1.0, "u6": u5, "u5": u6, "u4": u6 + u5 * u6, "u3": u6, "u2": u6 * u1}
        want["u1"] = u6 * u2 + (u6 + u5 * u6) * np.cos(u1)
        found = explain(f, u1, u2)
        got = {row.name: row.gradient for row in found.table()}
        assert got.keys() == want.keys()
        for key, value in want.items():
            np.testing.assert_allclose(got[key], value, rtol=1e-14)

        def chain(x, steps):
            for _ in range(steps):
                x = np.sin(x) * x
            return x

        def cost(steps):
            """Equations of the gradient, and edges of the graph."""
            graph = explain(chain, 0.5, steps).graph
            flows = [e for e in graph.edges() if e.cotangent is not None]
            assert len(flows) == 3 * steps + 1  # each edge once, and that to the output
            return len(make_jaxpr(grad(lambda x: chain(x, steps)))(0.5).equations)

        assert cost(16) - cost(8) == cost(24) - cost(16)

    def test_l21_algorithms_6_3_and_6_4(self):
        rng = np.random.default_rng(2)
        sizes = [3, 4, 2, 1]
        weights = [rng.normal(size=s) for s in zip(sizes[1:], sizes[:-1], strict=True)]
        x, y, lam = rng.normal(size=3), 0.4, 0.1

        def loss(weights):
            h = x
            for k, w in enumerate(weights):
                h = np.tanh(name(w @ h, f"a{k}"))
            return np.sum((h - y) ** 2) + lam * sum(np.sum(w * w) for w in weights)

        found = explain(loss, weights)
        hs = [x]
        for w in weights:
            hs.append(np.tanh(w @ hs[-1]))
        g = 2 * (hs[-1] - y)
        for k in reversed(range(3)):
            g = g * (1 - hs[k + 1] ** 2)
            np.testing.assert_allclose(found.gradients[f"a{k}"], g)
            by_weights = np.outer(g, hs[k]) + 2 * lam * weights[k]
            np.testing.assert_allclose(found.gradients["weights"][k], by_weights)
            assert found.gradients[f"weights[{k}]"] is found.gradients["weights"][k]
            g = weights[k].T @ g
        np.testing.assert_allclose(grad(loss)(weights)[1], found.gradients["weights"][1])


@settings(max_examples=60, deadline=None)
@given(calls(max_steps=7, dtypes=(np.float64, np.float32, np.complex128)), st.booleans())
def test_values_and_gradients_are_those_of_grad(call, jits):
    f = jit(call.program) if jits and call.program.abstract else call.program
    with np.errstate(all="ignore"):
        found = explain(f, *call.args)
        value, gradients = value_and_grad(f, argnums=(0, 1))(*call.args)
    np.testing.assert_allclose(
        found.value, value, rtol=1e-6 if call.args[0].itemsize < 8 else 1e-13
    )
    for got, want in zip(found.gradients.values(), gradients, strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=1e-4 if want.itemsize < 8 else 1e-10, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(calls(max_steps=6))
def test_edges_contribute_what_nodes_gather(call):
    """The cotangent of a node is the sum of what its users hand back; local times it is that."""
    with np.errstate(all="ignore"):
        graph = explain(call.program, *call.args).graph
    for node, users in zip(graph.nodes, graph.users(), strict=True):
        parts = [e.cotangent for e in users if e.cotangent is not None]
        if node.kind != "constant" and parts and len(node.values) == 1:
            np.testing.assert_allclose(functools.reduce(operator.add, parts), node.cotangents[0])
        for edge in node.operands:
            if edge.local is None or edge.cotangent is None or node.kind == "output":
                continue
            with np.errstate(all="ignore"):
                full = edge.local * node.cotangents[0]
            if np.shape(full) == np.shape(edge.cotangent) and np.isfinite(full).all():
                np.testing.assert_allclose(full, edge.cotangent, rtol=1e-12, atol=1e-12)


class TestNames:
    def test_an_untraced_value_comes_back_as_it_is(self):
        x, s = np.ones(2), {"a": 1.0}
        assert name(x, "h") is x and name(s, "h")["a"] is s["a"] and checkpoint_name is name

    def test_a_name_in_a_loop_is_stacked_over_its_steps(self):
        def f(x, n):
            return lax.fori_loop(0, n, lambda i, c: name(np.sin(c), "h"), x)

        def by_hand(n):
            values = [0.5]
            for _ in range(n):
                values.append(np.sin(values[-1]))
            return np.cumprod([1.0, *np.cos(values[1:-1])[::-1]])[::-1] if n else []

        for n in (1, 3):
            found = explain(f, 0.5, n).gradients["h"]
            assert found.shape == (n,)
            np.testing.assert_allclose(found, by_hand(n))

    def test_a_name_used_twice_is_a_list(self):
        def f(x):
            return name(name(x * 2.0, "h") * 3.0, "h")

        assert explain(f, 1.0).gradients["h"] == [3.0, 1.0]

    def test_a_name_of_an_argument_is_a_list_too(self):
        assert explain(lambda x: name(x * 2.0, "x") * 3.0, 1.0).gradients["x"] == [6.0, 3.0]

    def test_a_pytree_has_a_name_a_leaf(self):
        def f(x):
            a, b = name((x * 2.0, x * 5.0), "h")
            return a * b

        assert explain(f, 1.0).gradients["h"] == [5.0, 2.0]

    @pytest.mark.parametrize("wrap", [jit, lax.checkpoint, lambda f: lambda x: vmap(f)(x[None])[0]])
    def test_names_inside_of_transforms(self, wrap):
        f = wrap(lambda x: np.sum(name(np.sin(x), "h") * x))
        found = explain(f, np.array([0.5, 2.0])).gradients["h"]
        np.testing.assert_allclose(np.ravel(found), [0.5, 2.0])

    def test_names_in_a_gradient(self):
        found = explain(grad(lambda x: name(np.sin(x), "h") * x), 0.5)
        assert found.gradients["h"] == 1.0
        np.testing.assert_allclose(found.gradients["x"], 2 * np.cos(0.5) - 0.5 * np.sin(0.5))

    def test_compiled_programs_lose_names(self):
        assert "name" not in jit(grad(lambda x: name(np.sin(x), "h"))).source(1.0)

    def test_a_name_that_is_no_string(self):
        with pytest.raises(ArgumentError, match="name: expected a string, got int"):
            name(1.0, 3)

    def test_a_name_that_is_not_there(self):
        with pytest.raises(ArgumentError, match=r"no gradient by 'hidden'.*\n.*names are: x\."):
            explain(lambda x: x * 2, 1.0).gradients["hidden"]

    def test_variables_that_a_helper_s_result_is_assigned_to(self):
        def helper(x):
            return np.sin(x) + 1.0

        def f(x):
            h = helper(x)
            a, b = h * 2.0, h * 3.0
            b += a
            return a * b

        table = rows(explain(f, 0.5))
        assert {"x", "h", "a", "b"} <= table.keys()
        assert table["b"].value == table["h"].value * 2.0 + table["h"].value * 3.0


class TestArguments:
    def test_pytrees_come_whole_and_by_leaf(self):
        def f(params, n, *, scale=1.0):
            return params["w"][0] * params["b"] * n * scale

        found = explain(f, {"w": [2.0, 5], "b": 3.0}, 4, scale=0.5)
        assert found.gradients["params"] == {"w": [6.0, None], "b": 4.0}
        assert found.gradients["params['b']"] == 4.0 and found.gradients["scale"] == 24.0
        assert [*found.gradients] == ["params['b']", "params['w'][0]", "scale"]

    def test_argnums(self):
        assert [*explain(lambda x, y: x * y, 2.0, 3.0, argnums=-1).gradients] == ["y"]
        assert [*explain(lambda x, y: x * y, 2.0, 3.0, argnums=(0,)).gradients] == ["x"]

    @pytest.mark.parametrize("argnums", [2, -3, "x", True, (0, 2), 1.0])
    def test_argnums_that_the_call_does_not_have(self, argnums):
        with pytest.raises(ArgumentError, match="explain: argnums has"):
            explain(lambda x, y: x * y, 2.0, 3.0, argnums=argnums)

    def test_arguments_are_untouched_and_nothing_is_shared(self):
        x = np.arange(3.0)
        found = explain(lambda x: np.sum(x * x), x)
        x[:] = 7.0
        np.testing.assert_array_equal(rows(found)["x"].value, [0.0, 1.0, 2.0])
        found.gradients["x"][:] = 9.0
        np.testing.assert_array_equal(x, 7.0)

    def test_no_function(self):
        with pytest.raises(ArgumentError, match="explain: expected a function, got float"):
            explain(3.0, 2.0)

    def test_inside_of_a_transform(self):
        with pytest.raises(ArgumentError, match=r"explain\(grad\(f\), x\)"):
            grad(lambda x: explain(np.sin, x).value)(1.0)

    def test_arrays_that_are_no_numbers(self):
        with pytest.raises(DtypeError, match="cannot be traced"):
            explain(lambda x: x, np.array(["a"]))


class TestResults:
    @pytest.mark.parametrize(
        ("f", "x", "reason"),
        [
            (lambda x: (x, x * 2), 1.0, "the function has 2 results"),
            (lambda x: None, 1.0, "the function has no results"),
            (lambda x: x * x, 1j, "is not one real number"),
            (lambda x: x * x, np.ones(2), "is not one real number"),
            (lambda x: x * x, 3, "no float among the arguments"),
            (lambda x: x > 0, 3.0, "is not one real number|does not depend"),
            (lambda x: 3.0, 3.0, "does not depend"),
            (lambda x: np.int64(3), np.arange(3), "no float among the arguments"),
        ],
    )
    def test_without_gradients_there_is_the_reason(self, f, x, reason):
        found = explain(f, x)
        assert found.error is None
        with pytest.raises(ArgumentError, match=reason):
            found.gradients["x"]
        assert reason.split("|")[0] in str(found) or "does not depend" in str(found)

    def test_a_result_has_its_structure(self):
        found = explain(lambda x: {"a": x * 2, "b": (x, None)}, 1.0)
        assert found.value == {"a": 2.0, "b": (1.0, None)}

    def test_complex_arguments(self):
        assert explain(lambda z: np.abs(z) ** 2, 3 + 4j).gradients["z"] == pytest.approx(6 - 8j)

    def test_empty_arrays(self):
        found = explain(lambda x: np.sum(x * 2.0), np.zeros((0, 3)))
        assert found.value == 0.0 and found.gradients["x"].shape == (0, 3)
        assert "float64[0,3]" in str(found)

    def test_nans(self):
        with np.errstate(all="ignore"):
            found = explain(lambda x: np.sum(np.log(x)), np.array([-1.0, 0.0, np.nan, np.e]))
        assert "2 nan, 1 inf" in str(found)
        np.testing.assert_allclose(found.gradients["x"][3], 1 / np.e)

    def test_a_function_of_nothing(self):
        assert explain(lambda: 3.0).value == 3.0


class TestRaising:
    def test_what_was_reached_is_there_and_the_operation_has_the_error(self):
        def f(a):
            b = a + a.T
            c = np.linalg.cholesky(b)
            return np.sum(c)

        found = explain(f, -np.eye(2))
        assert isinstance(found.error, np.linalg.LinAlgError) and found.value is None
        last = found.graph.nodes[-1]
        assert last.operation == "cholesky" and last.error is found.error
        np.testing.assert_array_equal(rows(found)["b"].value, -2 * np.eye(2))
        assert "which raised LinAlgError" in repr(found)
        with pytest.raises(ArgumentError, match="the function raised LinAlgError"):
            found.gradients["a"]

    @pytest.mark.parametrize("wrap", [jit, lambda f: lambda a: lax.cond(a[0, 0] < 0, f, np.sum, a)])
    def test_inside_of_a_box(self, wrap):
        found = explain(wrap(lambda a: np.sum(np.linalg.cholesky(a * 2.0))), -np.eye(2))
        raised = [n.operation for n in nodes(found.graph) if n.error is not None]
        assert raised[-1] == "cholesky"
        assert any(n.operation == "mul" for n in nodes(found.graph))

    def test_in_the_third_step_of_a_loop(self):
        def f(x):
            def step(c, s):
                return np.sum(np.linalg.cholesky(c * s * np.eye(2))), c

            return lax.scan(step, x, np.array([1.0, 2.0, -1.0]))[0]

        found = explain(f, 2.0)
        assert isinstance(found.error, np.linalg.LinAlgError)
        factors = next(n for n in nodes(found.graph) if n.operation == "cholesky")
        assert factors.values[0].shape == (2, 2, 2) and factors.error is not None

    def test_python_s_own_error(self):
        def f(x):
            y = x * 2.0
            raise ValueError(f"half-way, {y}")

        found = explain(f, 1.0)
        assert str(found.error) == "half-way, 2.0" and rows(found)["y"].value == 2.0

    def test_an_interrupt_goes_through(self):
        def f(x):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            explain(f, 1.0)


class TestBoxes:
    def test_a_jitted_function_is_a_box_with_its_operations(self):
        found = explain(jit(lambda x: np.sin(x) * x), 0.5)
        (box,) = [n for n in found.graph.nodes if n.kind == "fold"]
        inside = [n.operation for n in box.inside.nodes if n.kind == "operation"]
        assert inside == ["sin", "mul"]
        assert box.inside.nodes[0].cotangents == box.operands[0].cotangent == found.gradients["x"]

    def test_a_named_call_is_a_box_with_its_name(self):
        @named_call(name="layer")
        def layer(params, x, *, kind="tanh"):
            assert kind == "tanh"
            return np.tanh(params["w"] * x + params["b"])

        def f(params, x):
            return layer(params, layer(params, x, kind="tanh"))

        params = {"w": 0.5, "b": 0.1}
        assert layer(params, 2.0) == np.tanh(1.1) and layer.__wrapped__.__name__ == "layer"
        found = explain(f, params, 2.0)
        boxes = [n for n in found.graph.nodes if n.kind == "fold"]
        assert [b.symbol for b in boxes] == ["layer", "layer"]
        np.testing.assert_allclose(found.gradients["x"], grad(f, argnums=1)(params, 2.0))
        np.testing.assert_allclose(vmap(lambda x: f(params, x))(np.ones(2)), [f(params, 1.0)] * 2)
        assert "layer" in str(make_jaxpr(f)(params, 2.0))
        assert "call" not in jit(f).source(params, 2.0)

    @pytest.mark.parametrize(("f", "name"), [(3.0, None), (np.sin, 3)])
    def test_a_named_call_of_what_is_none(self, f, name):
        with pytest.raises(ArgumentError, match="named_call: expected a"):
            named_call(f, name=name)

    def test_a_scan_shows_one_step_with_its_values_over_all_steps(self):
        def f(w, xs):
            return lax.scan(lambda c, x: (np.tanh(w * c + x), c), 0.5, xs)[0]

        found = explain(f, 1.2, np.arange(4.0))
        (box,) = [n for n in found.graph.nodes if n.kind == "fold"]
        (tanh,) = [n for n in box.inside.nodes if n.operation == "tanh"]
        assert tanh.values[0].shape == tanh.cotangents[0].shape == (4,)
        assert tanh.values[0][-1] == found.value and tanh.cotangents[0][-1] == 1.0

    def test_the_branch_that_was_taken(self):
        found = explain(lambda x: lax.cond(x > 0, np.sin, np.cos, x), 0.5)
        assert {n.operation for n in nodes(found.graph)} >= {"cond", "sin"}
        assert "cos" not in {n.operation for n in nodes(found.graph)}

    def test_forward_mode_and_nested_gradients(self):
        found = explain(lambda x: jvp(np.sin, (x,), (1.0,))[1], 0.5)
        np.testing.assert_allclose(found.gradients["x"], -np.sin(0.5))
        found = explain(grad(lambda x: lax.while_loop(lambda v: v < 10, lambda v: v * v, x)), 2.0)
        assert (found.value, found.gradients["x"]) == (32.0, 48.0)


class TestTable:
    def test_its_text(self):
        def f(w, x):
            s = w * x
            return np.sum(s)

        text = str(explain(f, 0.5, np.array([0.0, 3.0, -4.0])).table())
        head, w, x, s, total = text.splitlines()
        assert head.split() == ["name", "operation", "slopes", "value", "gradient", "line"]
        assert w.split()[:4] == ["w", "input", "0.5", "\N{MINUS SIGN}1"]
        assert "float64[3], \N{MINUS SIGN}4 to 3, norm 5, 1 zero" in x
        assert s.split()[:2] == ["s", "mul"] and "in f" in s
        assert total.split()[1] == "sum"

    def test_scalars_are_shown_in_full(self):
        assert "0.30000000000000004" in str(explain(lambda x: x + 0.2, 0.1).table())

    def test_its_repr_tells_what_was_explained(self):
        found = explain(jit(np.sin), 1.0)
        assert isinstance(found, Explanation) and "1 operation" in repr(found)


class TestSize:
    def test_a_thousand_equations_within_a_second(self):
        def f(x):
            for _ in range(333):
                x = np.sin(x) + x * 0.001
            return x

        explain(f, 1.0)
        start = time.process_time()
        explain(f, 1.0)
        assert time.process_time() - start < 1.0

    def test_time_grows_with_the_equations(self):
        def f(x, n):
            for _ in range(n):
                x = np.sin(x) + x * 0.001
            return x

        def cost(n):
            start = time.process_time()
            explain(f, 1.0, n)
            return time.process_time() - start

        cost(100)
        small = min(cost(500) for _ in range(3))
        assert min(cost(4000) for _ in range(3)) < 8 * 3 * small


@custom_vjp
def gate(x, y):
    return x * y


gate.defvjp(lambda x, y: (x * y, (x, y)), lambda saved, ct: (ct * saved[1], ct * saved[0]))


def test_l9_a_gate_of_ones_own_has_its_local_derivatives():
    found = explain(lambda x, y: gate(x, y) * 2.0, 3.0, 5.0)
    node = next(n for n in found.graph.nodes if n.operation.startswith("custom_vjp"))
    assert [e.cotangent for e in node.operands] == [10.0, 6.0]
    assert [e.local for e in node.operands] == [5.0, 3.0]
    assert funcgrad.name(3.0, "x") == 3.0
