"""pure_callback and debug.print: the user's Python in programs, called when and as it should be."""

import threading
import traceback

import numpy as np
import pytest
import scipy.linalg
import scipy.special

from funcgrad import (
    ShapeDtypeStruct,
    checkpoint,
    cond,
    custom_jvp,
    custom_vjp,
    debug,
    fori_loop,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jit,
    jvp,
    linearize,
    make_jaxpr,
    pure_callback,
    scan,
    switch,
    value_and_grad,
    vjp,
    vmap,
    while_loop,
)
from funcgrad.core.backend import RunBackend
from funcgrad.core.check import check
from funcgrad.core.record import trace
from funcgrad.errors import (
    ArgumentError,
    DtypeError,
    FuncgradError,
    MissingRuleError,
    ShapeError,
    StructureError,
)
from funcgrad.testing import check_grads

XS = np.array([1.5, 2.5, 3.5])
FLOAT = ShapeDtypeStruct((), float)


def like(x):
    return ShapeDtypeStruct(np.shape(x), np.float64)


def gamma_vjp(args, out, ct):
    (x,) = args
    assert type(x) in (np.ndarray, np.float64) and type(ct) in (np.ndarray, np.float64)
    return (ct * out * scipy.special.digamma(x),)


def gamma(x, **options):
    return pure_callback(scipy.special.gamma, like(x), x, vjp=gamma_vjp, **options)


METHODS = pytest.mark.parametrize("method", ["sequential", "expand_dims", "broadcast_all"])


# pure_callback


@METHODS
def test_values_and_gradients(method):
    def f(x):
        return gamma(x, vmap_method=method)

    slope = scipy.special.gamma(XS) * scipy.special.digamma(XS)
    rows = np.stack([XS, XS + 0.25])
    for g in (f, jit(f), vmap(f), jit(vmap(f)), vmap(jit(f)), checkpoint(f)):
        np.testing.assert_array_equal(g(XS), scipy.special.gamma(XS))
        check_grads(g, (XS,), order=1, modes=("rev",))
        _, pullback = vjp(g, XS)
        np.testing.assert_allclose(pullback(np.ones(3))[0], slope, rtol=1e-14)
    for g in (vmap(vmap(f)), jit(vmap(vmap(f))), vmap(jit(vmap(f)))):
        np.testing.assert_array_equal(g(rows), scipy.special.gamma(rows))
        check_grads(g, (rows,), order=1, modes=("rev",))
    for g in (vmap(grad(f)), jit(vmap(grad(f))), vmap(jit(grad(f))), vmap(grad(jit(f)))):
        np.testing.assert_allclose(g(XS), slope, rtol=1e-14)
    for g in (grad(f), jit(grad(f)), grad(jit(f))):
        np.testing.assert_allclose(g(2.5), slope[1], rtol=1e-14)
    np.testing.assert_allclose(jacrev(vmap(f))(XS), np.diag(slope), rtol=1e-14)


@METHODS
def test_operands_that_are_not_mapped(method):
    calls = []

    def product(x, y):
        calls.append((np.shape(x), np.shape(y)))
        return x * y

    def f(x, y):
        rule = lambda args, out, ct: (ct * args[1], ct * args[0])  # noqa: E731
        return pure_callback(product, FLOAT, x, y, vjp=rule, vmap_method=method)

    np.testing.assert_array_equal(vmap(f, (0, None))(XS, 2.0), 2.0 * XS)
    shapes = {
        "sequential": [((), ())] * 3,
        "expand_dims": [((3,), (1,))],
        "broadcast_all": [((3,), (3,))],
    }
    assert calls == shapes[method]
    both = vmap(vmap(f, (None, 0)), (0, None))
    np.testing.assert_array_equal(both(XS, XS + 1), np.outer(XS, XS + 1))

    def total(x, y):
        return np.sum(both(x, y))

    for g in (grad(total, (0, 1)), jit(grad(total, (0, 1))), grad(jit(total), (0, 1))):
        gx, gy = g(XS, XS + 1)
        np.testing.assert_allclose(gx, np.full(3, np.sum(XS + 1)), rtol=1e-15)
        np.testing.assert_allclose(gy, np.full(3, np.sum(XS)), rtol=1e-15)
    gx, gy = grad(lambda x, y: np.sum(vmap(f, (0, None))(x, y)), (0, 1))(XS, 2.0)
    np.testing.assert_array_equal(gx, np.full(3, 2.0))
    np.testing.assert_allclose(gy, np.sum(XS), rtol=1e-15)


def test_matrices_by_scipy():
    def expm_vjp(args, out, ct):
        (a,) = args
        return (scipy.linalg.expm_frechet(a.T, ct, compute_expm=False),)

    def expm(a):
        return pure_callback(scipy.linalg.expm, like(a), a, vjp=expm_vjp)

    a = np.array([[0.1, 0.5], [-0.3, 0.2]])
    for f in (expm, jit(expm)):
        np.testing.assert_allclose(f(a), scipy.linalg.expm(a), rtol=1e-15)
        check_grads(f, (a,), order=1, modes=("rev",))
    batch = np.stack([a, 2 * a, a.T])
    np.testing.assert_allclose(jit(vmap(expm))(batch)[1], scipy.linalg.expm(2 * a), rtol=1e-15)


def test_trees_keywords_and_other_objects():
    def host(params, n, *, scale, mode):
        assert type(n) is int and mode == "up"
        assert isinstance(params["w"], np.ndarray) and type(scale) is np.float64
        return {"sum": params["w"].sum() * scale, "parts": [params["w"][:n], np.arange(n)]}

    def rule(args, out, ct, *, scale, mode):
        params, n = args
        assert ct["parts"][1] is None
        w = np.full(params["w"].shape, ct["sum"] * scale)
        w[:n] += ct["parts"][0]
        return {"w": w, "b": None}, None

    def f(w, scale):
        shapes = {"sum": FLOAT, "parts": [np.zeros(2), ShapeDtypeStruct((2,), np.int64)]}
        params = {"w": w, "b": 1.0}
        return pure_callback(host, shapes, params, 2, scale=scale, mode="up", vjp=rule)

    for g in (f, jit(f)):
        out = g(XS, np.float64(3.0))
        assert out["sum"] == 22.5 and type(out["sum"]) is np.float64
        np.testing.assert_array_equal(out["parts"][0], XS[:2])
        np.testing.assert_array_equal(out["parts"][1], [0, 1])

    def loss(w):
        out = f(w, np.float64(3.0))
        return out["sum"] + np.sum(out["parts"][0] * out["parts"][1])

    for g in (grad(loss), jit(grad(loss)), grad(jit(loss))):
        np.testing.assert_array_equal(g(XS), [3.0, 4.0, 3.0])


def test_in_loops_and_branches():
    def f(x):
        y = scan(lambda c, x: (c + gamma(x), c), 0.0, x)[0]
        y = y + cond(y > 0, gamma, lambda y: y, x[0])
        return y + while_loop(lambda c: c[1] < 2, lambda c: (gamma(c[0]), c[1] + 1), (x[1], 0))[0]

    def plain(x):
        g = scipy.special.gamma
        return np.sum(g(x)) + g(x[0]) + g(g(x[1]))

    for g in (f, jit(f), checkpoint(f)):
        np.testing.assert_allclose(g(XS), plain(XS), rtol=1e-14)
        check_grads(g, (XS,), order=1, modes=("rev",))
    batch = np.stack([XS, XS + 0.1])
    np.testing.assert_allclose(vmap(f)(batch), [plain(x) for x in batch], rtol=1e-14)
    np.testing.assert_allclose(jit(vmap(f))(batch), [plain(x) for x in batch], rtol=1e-14)


def test_higher_orders_by_a_rule_that_is_traced():
    @custom_jvp
    def sine(x):
        return pure_callback(np.sin, like(x), x)

    @sine.defjvp
    def _(primals, tangents):
        (x,), (t,) = primals, tangents
        return sine(x), pure_callback(np.cos, like(x), x) * t

    for f in (sine, jit(sine), vmap(sine), jit(vmap(sine))):
        check_grads(f, (XS,), order=1)

    @custom_vjp
    def g(x):
        return gamma(x)

    g.defvjp(lambda x: (gamma(x), x), lambda x, ct: (ct * gamma(x) * digamma(x),))

    def digamma(x):
        rule = lambda args, out, ct: (ct * scipy.special.polygamma(1, args[0]),)  # noqa: E731
        return pure_callback(scipy.special.digamma, like(x), x, vjp=rule)

    for h in (grad(grad(g)), jit(grad(grad(g))), grad(jit(grad(g)))):
        exact = scipy.special.gamma(2.5) * (
            scipy.special.digamma(2.5) ** 2 + scipy.special.polygamma(1, 2.5)
        )
        np.testing.assert_allclose(h(2.5), exact, rtol=1e-13)


def test_missing_derivatives_raise_where_they_are_asked_for():
    def f(x):
        return pure_callback(np.sin, like(x), x)

    for g in (grad(f), jit(grad(f)), grad(jit(f)), grad(checkpoint(f)), jit(grad(jit(f)))):
        with pytest.raises(MissingRuleError, match=r"sin.* has no derivative, and reverse mode"):
            g(1.0)
    for g in (f, jit(f), vmap(f)):
        x = XS if g not in (f,) else 1.0
        with pytest.raises(MissingRuleError, match="has no derivative, and forward mode"):
            jvp(g, (x,), (x,))
    with pytest.raises(MissingRuleError, match="serves reverse mode alone, and forward mode"):
        jvp(gamma, (2.5,), (1.0,))
    for g in (grad(grad(gamma)), jit(grad(grad(gamma))), grad(jit(grad(gamma)))):
        with pytest.raises(MissingRuleError, match="asks for a derivative of the vjp of"):
            g(2.5)
    # Nobody asks: the callback is not differentiated, though jit splits in all its inputs.
    assert grad(jit(lambda x, y: f(x) * y), 1)(1.0, 2.0) == np.sin(1.0)
    assert grad(lambda x: np.floor(f(x)) + 3.0 * x)(1.0) == 3.0


def test_results_are_checked():
    def call(result, declared=FLOAT):
        return lambda x: pure_callback(lambda x: result, declared, x)

    for f in (lambda g: g, jit):
        with pytest.raises(ShapeError, match=r"returned float64\[3\] for the result, declared as"):
            f(call(XS))(1.0)
        with pytest.raises(DtypeError, match=r"float32\[\] for the result, declared as"):
            f(call(np.float32(1)))(1.0)
        with pytest.raises(DtypeError, match="returned a str for the result"):
            f(call("one"))(1.0)
        with pytest.raises(DtypeError, match=r"complex128\[\] for the result\['a'\]"):
            f(call({"a": 1j}, {"a": FLOAT}))(1.0)
        with pytest.raises(StructureError, match="Add the key 'b'"):
            f(call({"a": 1.0}, {"a": FLOAT, "b": FLOAT}))(1.0)
        with pytest.raises(StructureError, match="a leaf of type float64"):
            f(call(np.float64(1), (FLOAT, FLOAT)))(1.0)
        assert f(call(1))(1.0) == 1.0  # a Python int fits a float
        assert type(f(call(np.array(2.0)))(1.0)) is np.float64
        with pytest.raises(ShapeError, match=r"argument 0, which is float64\[\]"):
            f(grad(lambda x: pure_callback(np.sin, FLOAT, x, vjp=lambda a, o, ct: (XS,))))(1.0)
        with pytest.raises(StructureError, match="1 entry"):
            f(grad(lambda x: pure_callback(np.sin, FLOAT, x, vjp=lambda a, o, ct: ct)))(1.0)
    with pytest.raises(ShapeError, match=r"returned float64\[3\] for the result, declared as"):
        vmap(lambda x: pure_callback(lambda x: np.ones(3), FLOAT, x))(XS)
    with pytest.raises(ShapeError, match=r"float64\[\] for the result, declared as float64\[3\]"):
        f = lambda x: pure_callback(np.sum, FLOAT, x, vmap_method="broadcast_all")  # noqa: E731
        vmap(f)(XS)


def test_arguments_are_checked():
    with pytest.raises(ArgumentError, match="callback must be a function, got int"):
        pure_callback(3, FLOAT, 1.0)
    with pytest.raises(ArgumentError, match="vjp must be a function, got int"):
        pure_callback(np.sin, FLOAT, 1.0, vjp=3)
    with pytest.raises(ArgumentError, match="must be one of 'sequential'"):
        pure_callback(np.sin, FLOAT, 1.0, vmap_method="legacy")
    with pytest.raises(ArgumentError, match=r"result_shape_dtypes\['a'\] must say a shape"):
        pure_callback(np.sin, {"a": float}, 1.0)


def test_shapes_and_dtypes_as_values():
    assert ShapeDtypeStruct([2, 3], "float32") == ShapeDtypeStruct((2, 3), np.float32)
    assert ShapeDtypeStruct((2, 3), float) != ShapeDtypeStruct((3, 2), float)
    assert len({ShapeDtypeStruct((2,), int), ShapeDtypeStruct([2], np.int64)}) == 1
    assert (ShapeDtypeStruct((2, 3), float).ndim, ShapeDtypeStruct((2, 3), float).size) == (2, 6)
    assert repr(ShapeDtypeStruct((2,), float)) == "ShapeDtypeStruct(shape=(2,), dtype=float64)"


def test_what_the_callback_gets_and_gives_is_its_own():
    buffer = np.zeros(3)
    kept = []

    def host(x):
        kept.append(x)
        x += 1.0  # its own copy
        buffer[:] = x
        return buffer

    f = jit(lambda x: pure_callback(host, like(x), x * 2.0) * 1.0)
    first, second = f(XS), f(2 * XS)
    np.testing.assert_array_equal(first, 2 * XS + 1)
    np.testing.assert_array_equal(second, 4 * XS + 1)
    np.testing.assert_array_equal(kept[0], 2 * XS + 1)
    plain = pure_callback(host, like(XS), XS)
    np.testing.assert_array_equal(XS, [1.5, 2.5, 3.5])
    buffer[:] = 0.0
    np.testing.assert_array_equal(plain, [2.5, 3.5, 4.5])


def test_an_exception_comes_out_as_it_is():
    calls = []

    def host(x):
        calls.append(float(x))
        if x > 2:
            raise errors[0]("from the callback")
        return x

    def f(x):
        return pure_callback(host, like(x), x) + 1.0 / x

    for error in (ValueError, IndexError, ZeroDivisionError, KeyError, FloatingPointError):
        errors = [error]
        for g, bad, good in (
            (f, 3.0, 2.0),
            (jit(f), 3.0, 2.0),
            (grad(lambda x: f(x) * 0.0), 3.0, None),
            (vmap(f), XS, XS / 2),
            (jit(vmap(f)), XS, XS / 2),
            (vmap(jit(f)), XS, XS / 2),
            (lambda xs: scan(lambda c, x: (c, f(x)), 0.0, xs)[1], XS, XS / 2),
            (jit(lambda xs: scan(lambda c, x: (c, f(x)), 0.0, xs)[1]), XS, XS / 2),
            (jit(lambda x: cond(x > 0, f, lambda x: x, x)), 3.0, 2.0),
        ):
            calls.clear()
            with pytest.raises(error, match="from the callback") as caught:
                g(bad)
            assert type(caught.value) is error
            assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "host"
            assert len(set(calls)) == len(calls)  # not tried a second time
            if good is not None:
                plain = good + 1.0 / good
                np.testing.assert_allclose(g(good), plain, rtol=1e-15)
    with pytest.raises(FloatingPointError) as caught:
        jit(f)(3.0)
    assert any("in f" in note for note in caught.value.__notes__)


def test_what_nobody_reads_is_not_called():
    calls = []

    def host(x):
        calls.append(x)
        return x

    @jit
    def f(x):
        pure_callback(host, FLOAT, x)
        return x * 2.0

    assert f(1.0) == 2.0 and not calls


# debug.print and debug.callback


@pytest.fixture
def printed(capsys):
    return lambda: capsys.readouterr().out.splitlines()


def two(x):
    debug.print("x={x}", x=x)
    debug.print("then")
    debug.print("then")
    return np.sin(x)


TWO = ["x=0.5", "then", "then"]


@pytest.mark.parametrize(
    "f",
    [
        two,
        jit(two),
        grad(two),
        jit(grad(two)),
        grad(jit(two)),
        jit(grad(jit(two))),
        grad(grad(two)),
        jit(grad(grad(two))),
        grad(jit(grad(two))),
        hessian(two),
        jacfwd(two),
        jacrev(jit(two)),
        lambda x: jvp(two, (x,), (1.0,)),
        lambda x: jvp(jit(two), (x,), (1.0,)),
        lambda x: hvp(two, (x,), (1.0,)),
        lambda x: linearize(two, x)[1](1.0),
        jit(lambda x: linearize(two, x)[1](1.0)),
        lambda x: vjp(two, x)[1](1.0),
        checkpoint(two),
        grad(checkpoint(two)),
        jit(grad(checkpoint(two))),
        grad(jit(checkpoint(two))),
        value_and_grad(lambda x: checkpoint(checkpoint(two))(x)),
    ],
)
def test_once_each_time_in_order(f, printed):
    f(0.5)
    first = printed()
    f(0.5)
    assert printed() == first == TWO


@pytest.mark.parametrize(
    "f",
    [
        vmap(two),
        jit(vmap(two)),
        vmap(jit(two)),
        vmap(grad(two)),
        jit(vmap(grad(two))),
        vmap(jit(grad(two))),
        grad(lambda x: np.sum(vmap(two)(x))),
        jit(grad(lambda x: np.sum(vmap(two)(x)))),
        vmap(checkpoint(two)),
        vmap(grad(checkpoint(two))),
    ],
)
def test_once_for_each_element_of_a_batch(f, printed):
    f(np.array([0.5, 1.5]))
    assert printed() == ["x=0.5", "x=1.5", "then", "then"]


def test_nested_batches_print_row_by_row(printed):
    def f(x, y):
        debug.print("{}{}", x, y)
        return x * y

    x, y = np.array([1, 2]), np.array([3, 4, 5])
    rows = ["13", "14", "15", "23", "24", "25"]
    for g in (vmap(vmap(f, (None, 0)), (0, None)), jit(vmap(vmap(f, (None, 0)), (0, None)))):
        g(x, y)
        assert printed() == rows
    vmap(vmap(f, (0, None)), (None, 0))(x, y)
    assert printed() == ["13", "23", "14", "24", "15", "25"]
    vmap(f, (0, None))(x, 3)
    assert printed() == ["13", "23"]


def stepping(x):
    def body(c, t):
        debug.print("{t}: {c}", t=t, c=c)
        debug.print("hi")
        return c * x, c

    return scan(body, 1.0, np.array([10, 20]))[0]


@pytest.mark.parametrize(
    "f",
    [
        stepping,
        jit(stepping),
        grad(stepping),
        jit(grad(stepping)),
        grad(jit(stepping)),
        grad(grad(stepping)),
        lambda x: jvp(stepping, (x,), (1.0,)),
        lambda x: linearize(stepping, x)[1](1.0),
        grad(checkpoint(stepping)),
        jit(grad(checkpoint(stepping))),
    ],
)
def test_each_step_of_a_scan(f, printed):
    f(2.0)
    assert printed() == ["10: 1.0", "hi", "20: 2.0", "hi"]


def test_loops_print_at_each_step(printed):
    def counted(x):
        return fori_loop(0, 3, lambda i, c: (debug.print("step {i}", i=i), c * x)[1], 1.0)

    def unknown(x):
        def body(c):
            debug.print("{c}", c=c)
            return 2.0 * c

        return while_loop(lambda c: c < 5.0, body, x)

    for f in (counted, jit(counted), grad(counted), jit(grad(counted))):
        f(2.0)
        assert printed() == ["step 0", "step 1", "step 2"]
    for f in (unknown, jit(unknown), grad(unknown), jit(grad(unknown)), grad(jit(unknown))):
        f(1.0)
        assert printed() == ["1.0", "2.0", "4.0"]


def test_a_loop_prints_for_the_elements_that_still_run(printed):
    def f(x):
        def going(c):
            debug.print("look {c}", c=c)
            return c < 4.0

        return while_loop(going, lambda c: (debug.print("step {c}", c=c), 2.0 * c)[1], x)

    for g in (vmap(f), jit(vmap(f))):
        np.testing.assert_array_equal(g(np.array([1.0, 3.0])), [4.0, 6.0])
        assert printed() == [
            "look 1.0",
            "look 3.0",
            "step 1.0",
            "step 3.0",
            "look 2.0",
            "look 6.0",
            "step 2.0",
            "look 4.0",
        ]


def branching(x):
    def positive(x):
        debug.print("positive {x}", x=x)
        return x

    def negative(x):
        debug.print("negative")
        return -x

    return cond(x > 0, positive, negative, x)


def test_only_the_taken_branch_prints(printed):
    for f in (
        branching,
        jit(branching),
        grad(branching),
        jit(grad(branching)),
        checkpoint(branching),
    ):
        f(1.0)
        f(-1.0)
        assert printed() == ["positive 1.0", "negative"]

    def chosen(i):
        return switch(i, [lambda: debug.print("a"), lambda: debug.print("b")])

    for f in (chosen, jit(chosen)):
        f(1)
        f(0)
        assert printed() == ["b", "a"]
    np.testing.assert_array_equal(vmap(branching)(np.array([1.0, -1.0, 2.0])), [1.0, 1.0, 2.0])
    assert sorted(printed()) == ["negative", "positive 1.0", "positive 2.0"]
    jit(vmap(branching))(np.array([1.0, 2.0]))
    assert printed() == ["positive 1.0", "positive 2.0"]


def test_nested_control_flow_under_a_batch(printed):
    def f(x):
        def body(c, t):
            inner = cond(c > t, lambda c: (debug.print("{c}>", c=c), c)[1], lambda c: c + 1.0, c)
            return inner, None

        return cond(x > 0, lambda x: scan(body, x, np.array([2.0, 3.0]))[0], lambda x: x, x)

    expected = {1.0: [], 2.5: ["2.5>"], 5.0: ["5.0>", "5.0>"], -9.0: []}
    for x, lines in expected.items():
        f(x)
        assert printed() == lines
    for g in (vmap(f), jit(vmap(f))):
        g(np.array(list(expected)))
        assert sorted(printed()) == ["2.5>", "5.0>", "5.0>"]


def test_prints_are_neither_dropped_nor_shared_nor_moved(printed):
    @jit
    def f(x):
        debug.print("start")
        y = x * 2.0
        debug.print("y={y}", y=y)
        debug.print("y={y}", y=y)
        z = np.sin(x * np.ones(40_000))  # long enough for blocks
        w = np.sum(np.cos(z) + z * 2 + 1)
        debug.print("w={w:.1f}", w=w)
        debug.print("unused {a}", a=np.exp(x))
        return None

    f(1.0)
    w = 40_000 * (np.cos(np.sin(1.0)) + 2 * np.sin(1.0) + 1)
    lines = ["start", "y=2.0", "y=2.0", f"w={w:.1f}", f"unused {np.exp(1.0)}"]
    assert printed() == lines
    f(1.0)
    assert printed() == lines


def test_two_calls_of_one_program_print_twice(printed):
    g = jit(two)
    for f in (jit(lambda x: g(x) + g(x)), lambda x: g(x) + g(x), jit(lambda x: (g(x), g(x), 1)[2])):
        f(0.5)
        assert printed() == TWO * 2
    assert jit(lambda x: (branching(x), branching(x)))(1.0) == (1.0, 1.0)
    assert printed() == ["positive 1.0"] * 2


def test_values_that_are_not_traced_belong_to_the_program_too(printed):
    constant = np.array([1.0, 2.0])

    @jit
    def f(x):
        debug.print("{a} {b} {c}", a=constant, b="text", c=3)
        return x

    f(1.0)
    f(2.0)
    assert printed() == ["[1. 2.] text 3"] * 2
    inner = jit(lambda: debug.print("inner"))
    outer = jit(lambda x: (inner(), x)[1])
    outer(1.0)
    outer(1.0)
    assert printed() == ["inner"] * 2

    @jit
    def closing(x):
        # x belongs to the outer program, the print to the step.
        scan(lambda c, _: (debug.print("{x}", x=x), (c, None))[1], 0.0, None, length=2)
        return x

    closing(4.0)
    assert printed() == ["4.0", "4.0"]
    grad(lambda x: closing(x) * x)(4.0)
    assert printed() == ["4.0", "4.0"]


def test_a_program_with_prints_is_not_run_twice_where_python_would_raise(printed):
    @jit
    def f(x):
        debug.print("{x}", x=x)
        return 1.0 / x

    with np.errstate(divide="ignore"):
        assert f(0.0) == np.inf
    assert printed() == ["0.0"]


def test_the_interpreter_prints_too(printed):
    program, captured = trace(lambda x: [stepping(x)], [np_float()])
    run = RunBackend().compile(program, captured)
    run(2.0)
    assert printed() == ["10: 1.0", "hi", "20: 2.0", "hi"]
    check(make_jaxpr(jit(stepping))(2.0))
    assert "debug_callback[show]" in str(make_jaxpr(two)(0.5))


def np_float():
    from funcgrad.core.ir import make_aval

    return make_aval((), np.dtype(np.float64))


def test_rules_print_where_they_run(printed):
    @custom_vjp
    def f(x):
        debug.print("f")
        return x * 2.0

    def fwd(x):
        debug.print("fwd {x}", x=x)
        return x * 2.0, x

    def bwd(x, ct):
        debug.print("bwd {ct}", ct=ct)
        return (2.0 * ct,)

    f.defvjp(fwd, bwd)
    for g in (f, jit(f), checkpoint(f)):
        g(1.0)
        assert printed() == ["f"]
    for g in (grad(f), jit(grad(f)), grad(jit(f))):
        g(1.0)
        assert printed() == ["fwd 1.0", "bwd 1.0"]
    grad(checkpoint(f))(1.0)
    assert printed() == ["f", "bwd 1.0"]  # the forward pass is the function; it runs again silently
    for g in (grad(lambda x: np.sum(vmap(f)(x))), jit(grad(lambda x: np.sum(vmap(f)(x))))):
        g(np.array([1.0, 2.0]))
        assert printed() == ["fwd 1.0", "fwd 2.0", "bwd 1.0", "bwd 1.0"]


def test_callback_gets_plain_values_of_its_own():
    seen = []

    def f(x, n):
        debug.callback(
            lambda *args, **kwargs: seen.append((args, kwargs)), x, n, "a", k={"y": x * 2}
        )
        return np.sum(x * n)

    for g in (f, jit(f, static_argnums=1), grad(f), jit(grad(f), static_argnums=1)):
        seen.clear()
        g(XS, 2)
        [((x, n, text), kwargs)] = seen
        assert type(x) is np.ndarray and type(n) is int and n == 2 and text == "a"
        np.testing.assert_array_equal(kwargs["k"]["y"], 2 * XS)
        x[:] = 0.0
    np.testing.assert_array_equal(XS, [1.5, 2.5, 3.5])
    seen.clear()
    jit(lambda x: debug.callback(seen.append, x + 1))(1.0)
    assert type(seen[0]) is np.float64 and seen == [2.0]
    history = []

    def step(c, _):
        debug.callback(history.append, c)
        return c * 2, None

    jit(lambda x: scan(step, x, None, 3))(np.ones(2))
    np.testing.assert_array_equal(history, [[1, 1], [2, 2], [4, 4]])


def test_exceptions_of_effects(printed):
    def host(x):
        raise KeyError("mine")

    def f(x):
        debug.callback(host, x)
        return x

    for g in (f, jit(f), grad(f), vmap(f), jit(lambda x: scan(lambda c, x: (c, f(x)), 0.0, x))):
        with pytest.raises(KeyError, match="mine"):
            g(XS if g not in (f,) and "grad" not in repr(g) else 1.0)
    two(0.5)
    jit(two)(0.5)
    assert printed() == TWO * 2


def test_formats_are_checked_where_they_are_written(printed):
    for call, match in (
        (lambda: debug.print("{x}"), "'x'"),
        (lambda: debug.print("{} {}", 1.0), "Replacement index 1"),
        (lambda: debug.print("{", 1.0), "Single '{'"),
        (lambda: debug.print(1.0), "must be a format string, got float"),
        (lambda: debug.callback(1.0), "expected a function, got float"),
    ):
        with pytest.raises(ArgumentError, match=match):
            call()
    debug.print("{x:.2f} {y[0]} {z.shape} {{}} {0!r}", 1, x=1.0, y=XS, z=XS)
    assert printed() == ["1.00 1.5 (3,) {} 1"]


def test_threads_print_into_their_own_programs(capsys):
    ready = threading.Event()
    done = threading.Event()
    seen = []

    def f(x):
        ready.set()
        done.wait(10)  # the other thread prints while this one traces
        debug.callback(seen.append, "traced")
        return x

    thread = threading.Thread(target=lambda: jit(f)(1.0))
    thread.start()
    ready.wait(10)
    debug.callback(seen.append, "plain")
    assert seen == ["plain"]
    done.set()
    thread.join()
    assert seen == ["plain", "traced"]


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((None, 2), TypeError), ((2.5,), TypeError), (3, TypeError), ((-1, 2), ValueError)],
)
def test_a_shape_has_known_lengths(shape, kind):
    with pytest.raises(FuncgradError, match="ShapeDtypeStruct: got shape=") as caught:
        ShapeDtypeStruct(shape, float)
    assert isinstance(caught.value, kind)
    assert ShapeDtypeStruct([np.int64(2), 3], "f4").shape == (2, 3)
