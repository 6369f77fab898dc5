"""Control flow under every transform: cond, switch, scan, while_loop, map, checkpoint."""

import re
import tracemalloc
from functools import partial

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import checkpoint_policies as policies
from funcgrad import errors, grad, hessian, jit, jvp, lax, vjp, vmap
from funcgrad.testing import check_chains, check_grads, check_transforms

RNG = np.random.default_rng(0)


def close(a, b, rtol=1e-10):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12)


class TestCond:
    @staticmethod
    def branchy(x, y):
        return fg.cond(y > 0, lambda x: np.sin(x) * x, lambda x: x**3, x)

    @staticmethod
    def plain(x, y):
        return np.sin(x) * x if y > 0 else x**3

    @pytest.mark.parametrize("y", [1.0, -1.0])
    @pytest.mark.parametrize("transform", [grad, lambda f: jit(grad(f)), lambda f: grad(jit(f))])
    def test_derivatives(self, y, transform):
        close(transform(self.branchy)(2.0, y), grad(self.plain)(2.0, y))
        close(
            transform(lambda x: transform(self.branchy)(x, y))(2.0),
            grad(lambda x: grad(self.plain)(x, y))(2.0),
        )

    @pytest.mark.parametrize("y", [1.0, -1.0])
    def test_laws(self, y):
        check_transforms(self.branchy, (2.0, y))
        check_grads(lambda x: self.branchy(x, y), (2.0,), order=2)

    def test_batched_predicate(self):
        xs, ys = np.array([1.0, 2.0, 3.0]), np.array([1.0, -1.0, 1.0])
        for f, plain in [
            (self.branchy, self.plain),
            (grad(self.branchy), grad(self.plain)),
            (grad(grad(self.branchy)), grad(grad(self.plain))),
        ]:
            expected = [plain(x, y) for x, y in zip(xs, ys, strict=True)]
            close(vmap(f)(xs, ys), expected)
            close(jit(vmap(f))(xs, ys), expected)
            nested = vmap(vmap(f, (0, None)), (None, 0))(xs, ys)
            close(nested, [[plain(x, y) for x in xs] for y in ys])

    def test_untaken_lanes_are_fed_taken_operands(self):
        x = np.array([5.0, 6.0, 7.0])
        pick = lambda i: fg.cond(i < 3, lambda i: fg.numpy.take(x, i), lambda i: 0.0, i)  # noqa: E731
        np.testing.assert_array_equal(vmap(pick)(np.array([1, 5])), [6.0, 0.0])
        np.testing.assert_array_equal(jit(vmap(pick))(np.array([1, 5])), [6.0, 0.0])

    def test_untaken_branch_makes_no_warning_and_no_nan(self):
        f = lambda x: fg.cond(x > 0, np.log, lambda x: 0.0 * x, x)  # noqa: E731
        close(vmap(grad(f))(np.array([-1.0, 0.0, 2.0])), [0.0, 0.0, 0.5])

    def test_branch_that_no_lane_takes_is_not_run(self):
        def fails(x):
            return x / np.zeros(())

        f = lambda x: fg.cond(x > 0, lambda x: x, fails, x)  # noqa: E731
        np.testing.assert_array_equal(vmap(f)(np.array([1.0, 2.0])), [1.0, 2.0])

    def test_closure_and_pytrees(self):
        def f(w, p):
            out = fg.cond(p, lambda: {"a": w * 2, "n": 1}, lambda: {"a": w * w, "n": 2})
            return out["a"] * out["n"]

        close(grad(f)(3.0, True), 2.0)
        close(jit(grad(f))(3.0, np.False_), 12.0)

    def test_weak_and_strong_meet(self):
        x = np.float32(2.0)
        assert fg.cond(True, lambda: 1.0, lambda: x).dtype == np.float32

    def test_switch(self):
        branches = [lambda x: x, lambda x: x * x, np.sin]
        f = lambda i, x: fg.switch(i, branches, x)  # noqa: E731
        close([f(i, 3.0) for i in range(3)], [3.0, 9.0, np.sin(3.0)])
        close(vmap(grad(f, 1))(np.arange(3), np.full(3, 3.0)), [1.0, 6.0, np.cos(3.0)])
        for call in (f, jit(f)):
            with pytest.raises(IndexError, match="index 3 is out of range for 3 branches"):
                call(np.int64(3), 1.0)

    def test_structures_differ(self):
        with pytest.raises(errors.StructureError, match="return different structures"):
            fg.cond(True, lambda x: x, lambda x: (x, x), 1.0)

    def test_types_differ(self):
        with pytest.raises(errors.ShapeError, match=r"float64\[2\] and float64\[\] at \['a'\]"):
            fg.cond(True, lambda x: {"a": np.stack([x, x])}, lambda x: {"a": x}, np.float64(1.0))

    def test_predicate(self):
        with pytest.raises(errors.DtypeError, match=r"boolean scalar, got float64\[\]"):
            jit(lambda p: fg.cond(p, lambda: 1.0, lambda: 2.0))(1.0)
        with pytest.raises(errors.DtypeError, match=r"boolean scalar, got bool\[2\]"):
            fg.cond(np.array([True, False]), lambda: 1.0, lambda: 2.0)

    def test_select(self):
        x = np.array([1.0, 2.0])
        np.testing.assert_array_equal(lax.select(x > 1.5, x, -x), [-1.0, 2.0])
        with pytest.raises(errors.ShapeError, match="select: got"):
            lax.select(True, x, 1)


def newton(a):
    """The square root of ``a`` by Newton's iteration."""
    return fg.while_loop(lambda s: np.abs(s * s - a) > 1e-13 * a, lambda s: 0.5 * (s + a / s), a)


class TestWhile:
    XS = np.array([2.0, 3.0, 100.0, 0.5])

    @pytest.mark.parametrize("transform", [lambda f: f, jit], ids=["plain", "jit"])
    def test_newton_in_both_modes(self, transform):
        for a in self.XS:
            close(transform(newton)(a), np.sqrt(a))
            close(transform(grad(newton))(a), 0.5 / np.sqrt(a))
            close(transform(lambda x: jvp(newton, (x,), (1.0,))[1])(a), 0.5 / np.sqrt(a))
            close(transform(grad(grad(newton)))(a), -0.25 * a**-1.5)
            close(transform(lambda x: jvp(grad(newton), (x,), (1.0,))[1])(a), -0.25 * a**-1.5)

    @pytest.mark.parametrize("transform", [lambda f: f, jit], ids=["plain", "jit"])
    def test_lanes_of_different_length(self, transform):
        xs = self.XS
        close(transform(vmap(newton))(xs), np.sqrt(xs))
        close(transform(vmap(grad(newton)))(xs), 0.5 / np.sqrt(xs))
        close(transform(vmap(grad(grad(newton))))(xs), -0.25 * xs**-1.5)
        total = lambda x: np.sum(vmap(newton)(x) ** 3)  # noqa: E731
        close(transform(grad(total))(xs), 1.5 * np.sqrt(xs))
        close(transform(hessian(total))(xs), np.diag(0.75 / np.sqrt(xs)))

    def test_lanes_of_lanes(self):
        xs = np.outer([1.0, 2.5, 3.0], self.XS)
        close(vmap(vmap(newton))(xs), np.sqrt(xs))
        close(vmap(vmap(grad(newton)))(xs), 0.5 / np.sqrt(xs))
        inner = lambda x: np.sum(vmap(newton)(x))  # noqa: E731
        close(vmap(grad(inner))(xs), 0.5 / np.sqrt(xs))
        close(jit(vmap(grad(inner)))(xs), 0.5 / np.sqrt(xs))
        close(vmap(hessian(inner))(xs)[1], np.diag(-0.25 * xs[1] ** -1.5))

    def test_finished_lanes_are_frozen(self):
        # A lane that went on would divide by zero.
        f = lambda x: fg.while_loop(lambda c: c[1] > 0, lambda c: (c[0] / c[1], c[1] - 1), x)  # noqa: E731
        a, n = vmap(f)((np.array([24.0, 24.0]), np.array([3.0, 4.0])))
        close(a, [4.0, 1.0])
        close(n, [0.0, 0.0])

    def test_chains(self):
        check_chains(newton, 0.7, length=2, exact=[0.7**0.5, 0.5 * 0.7**-0.5, -0.25 * 0.7**-1.5])

    def test_no_step(self):
        assert grad(lambda x: fg.while_loop(lambda s: s > 10, lambda s: s * s, x))(2.0) == 1.0

    def test_condition(self):
        with pytest.raises(errors.DtypeError, match=r"boolean scalar, got float64\[\]"):
            fg.while_loop(lambda x: x, lambda x: x, 1.0)

    def test_constant_condition(self):
        # A condition that reads nothing of the carry, and a body that does nothing.
        f = jit(grad(lambda x: fg.while_loop(lambda c: False, lambda c: c, x)))
        assert f(1.5) == 1.0

    def test_carry_changes(self):
        with pytest.raises(
            errors.ShapeError, match=r"the carry\['a'\] begins as float64\[\] and .* float64\[2\]"
        ):
            fg.while_loop(
                lambda c: c["a"] > 0, lambda c: {"a": np.stack([c["a"]] * 2)}, {"a": np.float64(1)}
            )
        with pytest.raises(errors.StructureError, match="begins as"):
            fg.while_loop(lambda c: c[0] > 0, lambda c: c[0], (1.0, 2.0))


NO_CONDITIONS = [
    *((True,), [True], {"a": True}, {True}, (), None, "x", object(), lambda: True),
    *(1, 1.0, 1j, np.int64(1), np.float64(1), np.array([True]), np.array([[True]]), np.array([])),
    np.array("x"),
    np.array(True, dtype=object),
]
NO_INTEGERS = [
    *((2,), [2], {"a": 2}, (), None, "2", object(), True, 1.0, 1j, np.True_, np.float64(1)),
    *(np.array([2]), np.array([]), np.array(True), np.array("x"), np.array(2, dtype=object)),
]


def named(value):
    shown = str(getattr(value, "shape", value))
    return type(value).__name__ + (f" {shown}" if " at 0x" not in shown else "")


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "jit"])
class TestWhatDecides:
    """A condition is one boolean, an index and a bound one integer, and nothing else."""

    @pytest.mark.parametrize("no", NO_CONDITIONS, ids=named)
    def test_conditions(self, no, compiled):
        def run(f):
            with pytest.raises((errors.DtypeError, errors.ShapeError)):
                (jit(f) if compiled else f)(1.0)

        run(lambda x: fg.while_loop(lambda c: no, lambda c: c + 1, x))
        run(lambda x: fg.cond(no, lambda x: x, lambda x: -x, x))
        run(lambda x: fg.select(no, x, -x))

    @pytest.mark.parametrize("no", NO_INTEGERS, ids=named)
    def test_integers(self, no, compiled):
        def run(f):
            with pytest.raises(errors.DtypeError):
                (jit(f) if compiled else f)(1.0)

        run(lambda x: fg.switch(no, [lambda x: x] * 3, x))
        run(lambda x: fg.fori_loop(no, 2, lambda i, c: c, x))
        run(lambda x: fg.fori_loop(0, no, lambda i, c: c, x))

    def test_containers_of_a_traced_condition(self, compiled):
        for wrap in (lambda p: (p,), lambda p: [p], lambda p: {"a": p}, lambda p: (p, None)):
            with pytest.raises(errors.DtypeError, match="must be a boolean scalar, got"):
                f = lambda x, w=wrap: fg.while_loop(lambda c: w(c < 3), lambda c: c + 1, x)  # noqa: E731
                (jit(f) if compiled else f)(1.0)


def rnn(cell, loop):
    """The loss of an RNN whose steps ``loop`` takes."""

    def loss(params, h, xs):
        last, outs = loop(lambda h, x: cell(params, h, x), h, xs)
        return np.sum(last**2) + np.mean(outs**2)

    return loss


def unrolled(step, h, xs):
    outs = []
    for x in xs:
        h, out = step(h, x)
        outs.append(out)
    return h, np.stack(outs)


def tanh_cell(params, h, x):
    h = np.tanh(h @ params["w"] + x @ params["u"] + params["b"])
    return h, h


def lstm_cell(params, state, x):
    h, c = state[:4], state[4:]
    z = h @ params["w"] + x @ params["u"] + params["b"]
    i, f, g, o = z[:4], z[4:8], z[8:12], z[12:]
    c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
    h = np.tanh(c) / (1 + np.exp(-o))
    return np.concatenate([h, c]), h


class TestScan:
    CELLS = {"tanh": (tanh_cell, 4, 4), "lstm": (lstm_cell, 8, 16)}

    @pytest.mark.parametrize("name", CELLS)
    def test_rnn_over_200_steps_is_the_unrolled_one(self, name):
        cell, state, width = self.CELLS[name]
        params = {
            "w": RNG.normal(size=(4, width)) * 0.3,
            "u": RNG.normal(size=(3, width)) * 0.3,
            "b": RNG.normal(size=width) * 0.1,
        }
        h, xs = np.zeros(state), RNG.normal(size=(200, 3))
        scanned, plain = rnn(cell, fg.scan), rnn(cell, unrolled)
        close(scanned(params, h, xs), plain(params, h, xs))
        expected = grad(plain, (0, 1, 2))(params, h, xs)
        for got in (grad(scanned, (0, 1, 2)), jit(grad(scanned, (0, 1, 2)))):
            fg.tree.map(lambda a, b: close(a, b, 1e-8), got(params, h, xs), expected)
        v = fg.tree.map(np.ones_like, params)
        hv = lambda f: jvp(grad(lambda p: f(p, h, xs)), (params,), (v,))[1]  # noqa: E731
        fg.tree.map(lambda a, b: close(a, b, 1e-7), hv(scanned), hv(plain))

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"checkpoint": "sqrt"},
            {"checkpoint": 3},
            {"unroll": 4},
            {"reverse": True},
            {"reverse": True, "checkpoint": "sqrt"},
            {"reverse": True, "unroll": 3},
        ],
        ids=str,
    )
    def test_options(self, options):
        xs = RNG.normal(size=(11, 2))

        def loop(step, h, xs):
            steps = xs[::-1] if options.get("reverse") else xs
            h, outs = unrolled(step, h, steps)
            return h, outs[::-1] if options.get("reverse") else outs

        def loss(w, scan):
            last, outs = scan(lambda c, x: (np.tanh(w * c + x), c * x), np.zeros(2), xs)
            return np.sum(last) + np.sum(outs * xs)

        w = np.array([0.3, -0.4])
        ours = lambda w: loss(w, lambda *a: fg.scan(*a, **options))  # noqa: E731
        plain = lambda w: loss(w, loop)  # noqa: E731
        close(ours(w), plain(w))
        close(grad(ours)(w), grad(plain)(w))
        close(jit(grad(ours))(w), grad(plain)(w))
        close(hessian(ours)(w), hessian(plain)(w), 1e-8)

    def test_batched(self):
        xs = RNG.normal(size=(3, 5, 2))
        f = lambda w, x: fg.scan(lambda c, x: (np.sin(w * c + x), c), np.zeros(2), x)  # noqa: E731
        w = RNG.normal(size=(3, 2))
        for axes in [(None, 0), (0, None), (0, 0)]:
            args = (w if axes[0] == 0 else w[0], xs if axes[1] == 0 else xs[0])
            last, outs = vmap(f, axes)(*args)
            for i in range(3):
                one = [a[i] if axis == 0 else a for a, axis in zip(args, axes, strict=True)]
                close(last[i], f(*one)[0])
                close(outs[i], f(*one)[1])

    def test_program_does_not_grow(self):
        def size(n):
            f = lambda x: fg.scan(lambda c, _: (np.sin(c), None), x, length=n)[0]  # noqa: E731
            return len(str(fg.make_jaxpr(grad(f))(1.0)))

        assert abs(size(10_000) - size(10)) < 50

    def test_zero_steps(self):
        f = lambda x: fg.scan(lambda c, x: (c * x, c), x, np.zeros((0,)))  # noqa: E731
        last, outs = f(2.0)
        assert last == 2.0 and outs.shape == (0,)
        assert grad(lambda x: f(x)[0])(2.0) == 1.0

    def test_weak_carry_takes_the_bodys_type(self):
        last, _ = fg.scan(lambda c, x: (c + x, None), 0.0, np.ones(3, np.float32))
        assert last == 3.0 and last.dtype == np.float32

    def test_integer_carry(self):
        f = lambda x: fg.scan(lambda c, _: ((c[0] + 1, c[1] * x), c[0]), (0, 1.0), length=4)  # noqa: E731
        (n, p), counts = f(2.0)
        assert (n, p) == (4, 16.0)
        np.testing.assert_array_equal(counts, range(4))
        assert grad(lambda x: f(x)[0][1])(2.0) == 32.0

    def test_bad_input(self):
        with pytest.raises(errors.ShapeError, match=r"3 for xs\['a'\], 4 for xs\['b'\]"):
            fg.scan(lambda c, x: (c, None), 0.0, {"a": np.ones(3), "b": np.ones(4)})
        with pytest.raises(errors.ShapeError, match="has no axis to scan over"):
            fg.scan(lambda c, x: (c, None), 0.0, 1.0)
        with pytest.raises(errors.ArgumentError, match="neither xs nor length"):
            fg.scan(lambda c, x: (c, None), 0.0)
        with pytest.raises(errors.StructureError, match="must return a pair"):
            fg.scan(lambda c, x: c, 0.0, np.ones(3))
        with pytest.raises(errors.DtypeError, match=r"begins as float64\[2\] and .* float32\[2\]"):
            fg.scan(lambda c, x: (c.astype(np.float32), None), np.ones(2), np.ones(3))

    def test_an_exception_in_the_body_passes(self):
        def body(c, x):
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            fg.scan(body, 0.0, np.ones(3))


# Control flow that asks for one type and gets another: the call, what it calls itself, and what its
# message says, from a function that changes the type.
WRONG_TYPES = {
    "scan": (lambda f: fg.scan(lambda c, _: (f(c), None), np.ones(2), None, 3), "the carry begins"),
    "scan, unrolled": (
        lambda f: fg.scan(lambda c, _: (f(c), None), np.ones(2), None, 4, unroll=2),
        "the carry begins",
    ),
    "scan, segmented": (
        lambda f: fg.scan(lambda c, _: (f(c), None), np.ones(2), None, 4, checkpoint="sqrt"),
        "the carry begins",
    ),
    "while_loop": (
        lambda f: fg.while_loop(lambda c: np.sum(c) < 5.0, f, np.ones(2)),
        "the carry begins",
    ),
    "fori_loop": (lambda f: fg.fori_loop(0, 3, lambda i, c: f(c), np.ones(2)), "the carry begins"),
    "fori_loop, traced": (
        lambda f: jit(lambda n: fg.fori_loop(0, n, lambda i, c: f(c), np.ones(2)))(3),
        "the carry begins",
    ),
    "cond": (lambda f: fg.cond(True, lambda x: x, f, np.ones(2)), "the branches return"),
    "switch": (lambda f: fg.switch(0, [lambda x: x, f], np.ones(2)), "the branches return"),
    "fixed_point": (lambda f: fg.fixed_point(f, np.ones(2)), "the unknown is"),
}


@pytest.mark.parametrize("name", WRONG_TYPES)
@pytest.mark.parametrize(
    ("change", "cls", "got"),
    [
        (lambda c: c.astype(np.complex64), errors.DtypeError, r"complex64\[2\]"),
        (lambda c: c[:1], errors.ShapeError, r"float64\[1\]"),
        (lambda c: (c, c), errors.StructureError, r"\(\*, \*\)"),
    ],
    ids=["dtype", "shape", "structure"],
)
def test_another_type(name, change, cls, got):
    call, says = WRONG_TYPES[name]
    with pytest.raises(cls) as caught:
        call(change)
    message = str(caught.value)
    assert message.startswith(f"{name.partition(',')[0]}: {says}"), message
    assert re.search(got, message) and "test_control.py" in message, message
    assert "loops.py" not in message and "several" not in message


def test_branches_are_named_in_the_order_of_the_call():
    def yes(x):
        return x

    def no(x):
        return x[:1]

    for changed in (lambda x: x[:1], lambda x: (x, x), lambda x: x.astype(np.float32)):
        no.__code__ = changed.__code__
        with pytest.raises(errors.FuncgradError, match=r"from yes\(\) at .* and no\(\) at"):
            fg.cond(False, yes, no, np.ones(2))
        with pytest.raises(errors.FuncgradError, match=r"from no\(\) at .* and yes\(\) at"):
            fg.switch(0, [no, yes], np.ones(2))


class TestOtherLoops:
    def test_fori(self):
        f = lambda x, n: fg.fori_loop(0, n, lambda i, s: s * x + i, 1.0)  # noqa: E731

        def plain(x, n):
            s = 1.0
            for i in range(n):
                s = s * x + i
            return s

        close(f(1.5, 5), plain(1.5, 5))
        close(jit(f)(1.5, 5), plain(1.5, 5))
        close(grad(f)(1.5, 5), grad(plain)(1.5, 5))
        close(grad(jit(f))(1.5, 5), grad(plain)(1.5, 5))
        close(
            vmap(jit(grad(f)), (None, 0))(1.5, np.arange(4)),
            [grad(plain)(1.5, n) for n in range(4)],
        )

    def test_fori_bounds(self):
        assert fg.fori_loop(5, 2, lambda i, x: x * 0, 3.0) == 3.0
        with pytest.raises(errors.DtypeError, match="upper must be an integer"):
            fg.fori_loop(0, 2.5, lambda i, x: x, 1.0)

    @pytest.mark.parametrize("size", [None, 1, 2, 5, 7])
    def test_map(self, size):
        xs = RNG.normal(size=(5, 2))
        f = lambda w: fg.map(lambda x: np.sin(x * w), xs, batch_size=size)  # noqa: E731
        close(f(2.0), np.sin(xs * 2))
        close(grad(lambda w: np.sum(f(w)))(2.0), np.sum(xs * np.cos(xs * 2)))

    def test_nested(self):
        def f(x):
            def outer(c, x):
                inner = fg.while_loop(lambda s: s < 4.0, lambda s: s * 1.5 + x * x, c)
                return fg.cond(inner > 5.0, lambda v: v / 4, lambda v: v * 0.5 + x, inner), inner

            last, seen = fg.scan(outer, 1.0, x)
            return last + np.sum(seen)

        def plain(x):
            c, total = 1.0, 0.0
            for i in range(len(x)):
                while c < 4.0:
                    c = c * 1.5 + x[i] * x[i]
                total = total + c
                c = c / 4 if c > 5.0 else c * 0.5 + x[i]
            return c + total

        x = np.array([0.3, 0.7, 1.1, 0.2])
        close(f(x), plain(x))
        for g in (grad(f), jit(grad(f)), grad(jit(f))):
            close(g(x), grad(plain)(x))
        close(hessian(f)(x), hessian(plain)(x), 1e-8)
        close(jit(hessian(f))(x), hessian(plain)(x), 1e-8)
        xs = np.stack([x, x[::-1], 2 * x])
        close(vmap(grad(f))(xs), [grad(plain)(a) for a in xs])
        close(jit(vmap(grad(f)))(xs), [grad(plain)(a) for a in xs])


def _tape_of(pullback):
    return pullback._pull.__self__


class TestCheckpoint:
    @staticmethod
    def f(x):
        h = lax.checkpoint_name(np.sin(x) * 2, "h")
        return np.sum(np.sin(h @ np.ones((3, 2))))

    @pytest.mark.parametrize(
        ("policy", "residuals"),
        [
            (None, 0),
            (policies.nothing_saveable, 0),
            (policies.dots_saveable, 2),
            (policies.save_only_these_names("h"), 3),
            (policies.save_only_these_names("g"), 0),
            (
                policies.save_from_both_policies(
                    policies.dots_saveable, policies.save_only_these_names("h")
                ),
                5,
            ),
            (policies.everything_saveable, 3 + 3 + 3 + 2 + 2 + 1),
        ],
    )
    def test_policies(self, policy, residuals):
        g = fg.checkpoint(self.f, policy=policy)
        x = np.arange(3.0)
        close(g(x), self.f(x))
        for transform in (grad, lambda f: jit(grad(f)), hessian):
            close(transform(g)(x), transform(self.f)(x))
        xs = np.stack([x, x + 1])
        close(vmap(grad(g))(xs), vmap(grad(self.f))(xs))
        _, pullback = vjp(g, x)
        (entry,) = _tape_of(pullback)._entries
        assert sum(np.size(value) for value in entry[4]) == residuals

    def test_residuals_are_not_kept(self):
        x = RNG.normal(size=50)
        deep = lambda x: np.sum(np.sin(np.sin(np.sin(np.sin(x)))))  # noqa: E731

        def kept(f):
            _, pullback = vjp(f, x)
            return sum(
                a.nbytes
                for entry in _tape_of(pullback)._entries
                for a in [*entry[2], *(entry[4] or ())]
                if isinstance(a, np.ndarray)
            )

        assert kept(fg.checkpoint(deep)) < kept(deep) / 2

    def test_memory_of_a_checkpointed_scan_grows_with_the_square_root(self):
        def peak(steps, **options):
            def last(w):
                f = lambda c, _: (np.tanh(w * c + 1.0), None)  # noqa: E731
                return np.sum(fg.scan(f, np.ones(256), length=steps, **options)[0])

            g, w = jit(grad(last)), np.full(256, 0.5)
            g(w)
            tracemalloc.start()
            g(w)
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return most / w.nbytes

        assert peak(1000) > 1000
        assert peak(1000, checkpoint="sqrt") < 6 * np.sqrt(1000)
        assert peak(10_000, checkpoint="sqrt") < 6 * np.sqrt(10_000)


def test_unrolled_fori_loop():
    def f(x, unroll):
        return fg.fori_loop(0, 7, lambda i, c: np.sin(c) + 0.1 * i, x, unroll=unroll)

    for unroll in (1, 2, 7, 9):
        np.testing.assert_allclose(f(0.3, unroll), f(0.3, 1), rtol=1e-15)
        slope = jit(grad(lambda x, n=unroll: f(x, n)))(0.3)
        np.testing.assert_allclose(slope, grad(lambda x: f(x, 1))(0.3), rtol=1e-14)
    with pytest.raises(errors.ArgumentError, match="unroll=2 needs bounds"):
        jit(lambda n: fg.fori_loop(0, n, lambda i, c: c + i, 0, unroll=2))(3)
    with pytest.raises(errors.ArgumentError, match="positive int"):
        f(0.3, 0)


def test_static_arguments_of_checkpoint():
    @partial(fg.checkpoint, static_argnums=1, static_argnames="power")
    def f(x, steps, training=False, *, power=1):
        for _ in range(steps):
            x = np.sin(x) ** power if training else np.cos(x)
        return x

    for steps, training in ((1, True), (3, False)):
        plain = f.__wrapped__
        expected = grad(lambda x: plain(x, steps, training, power=2))(0.4)  # noqa: B023
        found = grad(lambda x: f(x, steps, training, power=2))(0.4)  # noqa: B023
        np.testing.assert_allclose(found, expected, rtol=1e-15)
        compiled = jit(grad(lambda x: f(x, steps, training=training, power=2)))(0.4)  # noqa: B023
        np.testing.assert_allclose(compiled, expected, rtol=1e-14)
    assert "checkpoint" in str(fg.make_jaxpr(lambda x: f(x, 2, True))(0.4))
    with pytest.raises(errors.ArgumentError, match="checkpoint: static_argnames has 'depth'"):
        fg.checkpoint(np.sin, static_argnames="depth")
    with pytest.raises(errors.ArgumentError, match="checkpoint: static_argnums has 3"):
        fg.checkpoint(lambda x: x, static_argnums=3)
    text = r"checkpoint: an int(.|\n)*static_argnames"
    with pytest.raises(errors.ConcretizationError, match=text):
        grad(fg.checkpoint(lambda x, n: sum(x for _ in range(n))))(1.0, 2)
