"""linear_transpose, vectorize, associative_scan, values with Jacobians."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import fori_loop, grad, hessian, jacfwd, jit, jvp, scan, vmap
from funcgrad.api.jacobian import value_and_jacfwd, value_and_jacobian, value_and_jacrev
from funcgrad.api.transposition import linear_transpose
from funcgrad.api.vectorize import vectorize
from funcgrad.control.flow.associative_scan import associative_scan
from funcgrad.testing import check_grads, check_transforms

RNG = np.random.default_rng(7)
A = RNG.normal(size=(3, 4))
Z = RNG.normal(size=(4, 4)) + 1j * RNG.normal(size=(4, 4))


class Kind:
    """What stands for an array of a type."""

    def __init__(self, shape, dtype):
        self.shape, self.dtype = shape, dtype


def recurrence(x):
    return scan(lambda c, x: (0.5 * c + x, c), 0.0, x)[1]


def repeated(x):
    b = A[:, :3]
    return fori_loop(0, 3, lambda i, x: b @ x, scan(lambda c, _: (b @ c, None), x, None, 2)[0])


MAPS = {
    "matrix": (lambda x: A @ x, np.zeros(4)),
    "complex": (lambda x: Z @ x, np.zeros(4, complex)),
    "cumsum": (lambda x: np.cumsum(x[::-1]) * 2.0, np.zeros(4)),
    "scan": (recurrence, np.zeros(4)),
    "loops over a matrix": (repeated, np.zeros(3)),
    "jitted loops": (jit(repeated), np.zeros(3)),
    "jitted": (jit(lambda x: A.T @ (A @ x)), np.zeros(4)),
    "masked": (lambda x: np.where(A[0] > 0, x, -x), np.zeros(4)),
    "to a scalar": (lambda x: x @ A[0], np.zeros(4)),
    "from a scalar": (lambda x: A[0] * x, np.float64(0.0)),
}


@pytest.mark.parametrize("name", MAPS)
def test_the_transpose_of_a_linear_map(name):
    f, x = MAPS[name]
    image = np.asarray(f(x))
    matrix = jacfwd(f, holomorphic=np.iscomplexobj(x))(x).reshape(image.size, x.size)
    ct = RNG.normal(size=image.shape) * (1 + 0.5j if np.iscomplexobj(x) else 1)
    for primal in (x, Kind(x.shape, x.dtype)):
        (found,) = linear_transpose(f, primal)(ct)
        np.testing.assert_allclose(np.ravel(found), np.ravel(ct) @ matrix, rtol=1e-12)
        assert np.shape(found) == np.shape(x)
    t = linear_transpose(f, x)
    np.testing.assert_allclose(jit(lambda c: t(c)[0])(ct), t(ct)[0], rtol=1e-14)


C = RNG.normal(size=(3, 4)) + 1j * RNG.normal(size=(3, 4))
REAL_MAPS = {
    "R to C, times i": (lambda x: 1j * x, False),
    "R to C, matrix": (lambda x: C @ x, False),
    "R to C, fft": (lambda x: np.fft.fft(x), False),
    "R to C, rfft": (lambda x: np.fft.rfft(x), False),
    "R to C, astype": (lambda x: x.astype(complex) * C[0], False),
    "R to C, where": (lambda x: np.where(A[0] > 0, x, 1j * x), False),
    "R to C, cond": (lambda x: fg.cond(A[0, 0] > 0, lambda x: 1j * x, lambda x: x + 0j, x), False),
    "R to C, scan": (lambda x: scan(lambda c, s: (1j * c + s, c), 0j * x[0], x)[1], False),
    "R to C, jit": (jit(lambda x: C @ x), False),
    "R to C, checkpoint": (fg.checkpoint(lambda x: C @ x), False),
    "R to C, vmap": (lambda x: vmap(lambda s: C[0] * s)(x), False),
    "C to R, real": (lambda z: np.real(z), True),
    "C to R, imag": (lambda z: np.imag(z), True),
    "C to R, matrix": (lambda z: (C @ z).imag + A @ z.real, True),
    "C to R, irfft": (lambda z: np.fft.irfft(z), True),
    "C to C, conj": (lambda z: C @ np.conj(z), True),
    "C to C, real": (lambda z: z.real * (1 + 2j), True),
    "C to C, in loops": (lambda z: fori_loop(0, 3, lambda i, z: np.conj(z) * 1j, z), True),
}


@pytest.mark.parametrize("name", REAL_MAPS)
def test_real_and_complex_numbers_pair_by_the_real_inner_product(name):
    f, takes_complex = REAL_MAPS[name]

    def draw(like):
        real = RNG.normal(size=np.shape(like))
        return real + 1j * RNG.normal(size=real.shape) if np.iscomplexobj(like) else real

    def inner(a, b):
        return np.real(np.sum(a * b))

    x = np.zeros(4, complex if takes_complex else float)
    pullbacks = [linear_transpose(f, x), fg.vjp(f, draw(x))[1]]
    pullbacks += [lambda ct: linear_transpose(jit(f), x)(ct), jit(lambda ct: fg.vjp(f, x)[1](ct))]
    linear = fg.linearize(f, draw(x))[1]
    for _ in range(4):
        t = draw(x)
        image = f(t)
        ct = draw(image)
        for pull in pullbacks:
            (found,) = pull(ct)
            assert found.dtype == x.dtype and found.shape == x.shape
            np.testing.assert_allclose(inner(found, t), inner(ct, image), rtol=1e-12)
        np.testing.assert_allclose(linear(t), image, rtol=1e-12)
        np.testing.assert_allclose(jvp(f, (x,), (t,))[1], image, rtol=1e-12)


def test_a_real_cotangent_of_a_complex_result_is_one_with_imaginary_part_zero():
    f = lambda x: 1j * x  # noqa: E731
    assert linear_transpose(f, 1.0)(1.0) == (0.0,)  # Re(1 * i)
    assert linear_transpose(f, 1.0)(1j) == (-1.0,)  # Re(i * i)
    assert linear_transpose(f, 1j)(1.0) == (1j,)


@pytest.mark.parametrize("name", [n for n in REAL_MAPS if n.startswith("R to C")])
def test_a_jacobian_from_real_to_complex_numbers_raises(name):
    f, _ = REAL_MAPS[name]
    for transform in (jacfwd, fg.jacrev, fg.jacobian, value_and_jacobian):
        with pytest.raises(fg.errors.DtypeError, match="output must be real, got"):
            transform(f)(np.ones(4))
    with pytest.raises(fg.errors.FuncgradError, match="output must be"):
        grad(f)(np.ones(4))


def test_transposes_of_pytrees():
    f = lambda x, y: {"s": 2.0 * x["a"] + y, "t": x["b"][::-1]}  # noqa: E731
    x = {"a": np.zeros(2), "b": np.zeros(3)}
    t = linear_transpose(f, x, 0.0)
    gx, gy = t({"s": np.array([1.0, 2.0]), "t": np.arange(3.0)})
    np.testing.assert_array_equal(gx["a"], [2.0, 4.0])
    np.testing.assert_array_equal(gx["b"], [2.0, 1.0, 0.0])
    assert gy == 3.0
    gx, gy = t({"s": None, "t": np.arange(3.0)})
    np.testing.assert_array_equal(gx["a"], np.zeros(2))
    assert gy == 0.0 and type(gy) is np.float64


def test_what_a_linear_map_closes_over_is_differentiated():
    f = lambda a: np.sum(linear_transpose(lambda x: np.sin(a) * x, 0.0)(2.0)[0])  # noqa: E731
    np.testing.assert_allclose(grad(f)(0.3), 2.0 * np.cos(0.3))
    np.testing.assert_allclose(jit(grad(f))(0.3), 2.0 * np.cos(0.3))
    np.testing.assert_allclose(vmap(grad(f))(np.array([0.3, 0.5])), 2.0 * np.cos([0.3, 0.5]))


def curved(x):
    y = 3.0 * x
    return np.sin(y) * 2.0


def messages():
    def at(f, by=0):
        return f"test_linear.py:{f.__code__.co_firstlineno + by}"

    vjp_fix = "\nClose over what it is not linear in, or use vjp, which takes any function.\n"
    yield (
        lambda: linear_transpose(curved, 0.0),
        f"linear_transpose: curved() at {at(curved)} is not linear: its derivative, at "
        f"{at(curved, 2)} in curved, depends on the argument's value.{vjp_fix}",
    )
    for f in (lambda x: x * x, lambda x: abs(x), lambda x: np.where(x > 0, x, 0.0)):
        yield (
            lambda f=f: linear_transpose(f, np.zeros(2)),
            f"linear_transpose: <lambda>() at {at(f)} is not linear: its derivative, at {at(f)} in "
            f"<lambda>, depends on the argument's value.{vjp_fix}",
        )
    loop = lambda x: fori_loop(0, 3, lambda i, x: x * np.sin(x), x)  # noqa: E731
    yield (
        lambda: linear_transpose(loop, 0.5),
        f"linear_transpose: <lambda>() at {at(loop)} is not linear: its derivative, at {at(loop)} "
        f"in <lambda>, depends on the argument's value.{vjp_fix}",
    )
    affine = lambda x: x + 1.0  # noqa: E731
    yield (
        lambda: linear_transpose(affine, np.zeros(2)),
        f"linear_transpose: <lambda>() at {at(affine)} is not linear: at zero its result, computed "
        f"at {at(affine)} in <lambda>, is not zero.\n"
        "Leave the constant term out, or use vjp, which takes any function.\n",
    )
    yield (
        lambda: linear_transpose(lambda x: x, {"n": 1}),
        "linear_transpose: primal 0['n'] is int64[], in which no function is linear.\n"
        "Give floats, and close over what the function is not linear in.\n",
    )
    compare = lambda x: x > 0  # noqa: E731
    yield (
        lambda: linear_transpose(compare, np.zeros(2)),
        f"linear_transpose: the output must be float arrays, got bool[2] from <lambda>() at "
        f"{at(compare)}.\nReturn floats alone.\n",
    )
    yield (
        lambda: linear_transpose(lambda x: x),
        "linear_transpose: no primal was given.\nWrite linear_transpose(f, x, ...).\n",
    )
    yield (
        lambda: linear_transpose(lambda x: x, np.zeros(2))(np.zeros(3)),
        "linear_transpose: the cotangent has type float64[3], and the value that it goes with has "
        "type float64[2].\nGive it the shape of that value.\n",
    )
    product = lambda a, x: a @ x  # noqa: E731
    signature = "(m,n),(n)->(m)"
    mapped = vectorize(product, signature=signature)
    yield (
        lambda: vectorize(product, signature="(m,n),(n)>(m)"),
        "vectorize: '(m,n),(n)>(m)' is not a signature.\n"
        'Write the core dimensions of arguments and results, as in "(m,n),(n)->(m)"; () for a '
        "scalar.\n",
    )
    yield (
        lambda: mapped(A),
        f"vectorize: the signature {signature!r} has 2 arguments, and <lambda>() at {at(product)} "
        "was called with 1.\nGive one argument an entry, and name the others in excluded.\n",
    )
    yield (
        lambda: mapped(A, np.ones(3)),
        "vectorize: the core dimension 'n' of argument 1 has length 3, and was 4 before.\n"
        "Give all arguments the same length along it.\n",
    )
    yield (
        lambda: mapped(1.0, np.ones(4)),
        "vectorize: argument 0 has shape (), and the core dimensions (m,n).\n"
        "Give it at least those axes.\n",
    )
    yield (
        lambda: vectorize(product, signature="(m,n),(n)->(n)")(A, np.ones(4)),
        f"vectorize: a result of <lambda>() at {at(product)} has shape (3,), and the core "
        "dimensions (n), n=4.\nReturn what the signature says.\n",
    )
    yield (
        lambda: vectorize(product, signature="(m,n),(n)->(m),()")(A, np.ones(4)),
        f"vectorize: the signature has 2 results, and <lambda>() at {at(product)} returns "
        "float64[3].\nReturn a tuple with one array a result.\n",
    )
    yield (
        lambda: vectorize(lambda x, y: x + y)(np.ones(3), np.ones(2)),
        "vectorize: the arguments' shapes (3,), (2,) before the core dimensions do not broadcast.\n"
        "Reshape one of them; x[:, None] adds an axis.\n",
    )
    yield (
        lambda: vectorize(lambda x: x)("text"),
        "vectorize: argument 0 is a str, which does not broadcast.\n"
        "Convert it with numpy.asarray, or write excluded={0}.\n",
    )
    yield (
        lambda: vectorize(lambda x: x, excluded={1.5}),
        "vectorize: excluded must hold positions and names, got {1.5}.\n"
        "Write excluded={0, 'name'}.\n",
    )
    first = lambda a, b: a[0]  # noqa: E731
    yield (
        lambda: associative_scan(first, np.ones(4)),
        f"associative_scan: the operands are float64[2] and <lambda>() at {at(first)} returns "
        "float64[].\nWork on whole stretches along axis 0; funcgrad.vmap turns a function of two "
        "elements into one of stretches.\n",
    )
    pair = lambda a, b: (a, b)  # noqa: E731
    yield (
        lambda: associative_scan(pair, np.ones(4)),
        f"associative_scan: elems is * and <lambda>() at {at(pair)} returns (*, *).\n"
        "Return the structure of an operand.\n",
    )
    yield (
        lambda: associative_scan(np.add, {"a": np.ones(4), "b": np.ones(3)}),
        "associative_scan: the lengths along axis 0 differ: 4 for elems['a'], 3 for elems['b'].\n"
        "Scan over leaves of one length.\n",
    )
    yield (
        lambda: associative_scan(np.add, np.ones(4), axis=1),
        "associative_scan: elems has shape (4,), and no axis 1.\n"
        "Scan along an axis that every leaf has.\n",
    )
    yield (
        lambda: associative_scan(np.add, ["text"]),
        "associative_scan: elems[0] is a str, which is no array.\n"
        "Convert it with numpy.asarray, or close over it.\n",
    )


MESSAGES = list(messages())


@pytest.mark.parametrize("index", range(len(MESSAGES)))
def test_errors(index):
    call, expected = MESSAGES[index]
    with pytest.raises(fg.errors.FuncgradError) as caught:
        call()
    assert str(caught.value).startswith(expected), str(caught.value)


VECTORIZED = {
    "(m,n),(n)->(m)": (lambda a, x: a @ x, [(4, 1, 2, 3), (5, 3)]),
    "(n)->(),(n),(n,n)": (lambda x: (np.sum(x), 2.0 * x, np.outer(x, x)), [(2, 1, 3)]),
    "(),(k)->(k)": (lambda x, y: x * np.sort(y), [(3, 1), (1, 4, 2)]),
    "->()": (lambda: np.float64(3.0), []),
    None: (lambda x, y: x * y + 1.0, [(3, 1), (4,)]),
}


@pytest.mark.parametrize("signature", VECTORIZED)
def test_vectorize_is_numpys(signature):
    f, shapes = VECTORIZED[signature]
    args = [RNG.normal(size=shape) for shape in shapes]
    found = vectorize(f, signature=signature)(*args)
    if not args:
        assert found == 3.0
        return
    expected = np.vectorize(f, signature=signature)(*args)
    several = isinstance(expected, tuple)
    for a, b in zip(found, expected, strict=True) if several else [(found, expected)]:
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-14)
    g = vectorize(f, signature=signature)
    check_transforms(g, tuple(args))
    check_grads(g, tuple(args), order=1)


def test_vectorize_excludes():
    power = vectorize(lambda x, n, *, shift: x**n + shift, excluded={1, "shift"})
    np.testing.assert_allclose(power(np.ones((2, 2)) * 3, 2, shift=1.0), np.full((2, 2), 10.0))
    seen = []
    vectorize(lambda x, options: seen.append(options) or x, excluded={1})([1.0, 2.0], {"a": "b"})
    assert seen == [{"a": "b"}]
    by_name = vectorize(lambda x, *, y: x + y)(np.ones(3), y=np.ones((2, 1)))
    np.testing.assert_array_equal(by_name, np.full((2, 3), 2.0))


@pytest.mark.parametrize("shape", [(), (1,), (0,), (1, 1), (2, 1, 0), (1, 3)])
def test_vectorize_keeps_axes_of_length_one(shape):
    x = RNG.normal(size=shape)
    found = vectorize(lambda x: 2.0 * x)(x)
    np.testing.assert_array_equal(found, 2.0 * x)
    assert np.shape(found) == shape
    row = vectorize(lambda x: x @ x, signature="(n)->()")(RNG.normal(size=(*shape, 2)))
    assert np.shape(row) == shape


@pytest.mark.parametrize("transform", [value_and_jacfwd, value_and_jacrev, value_and_jacobian])
def test_values_with_jacobians(transform):
    runs = []

    def f(x, y):
        runs.append(1)
        return {"a": x * y, "b": np.sum(x)}, {"n": 3}

    x, y = np.array([1.0, 2.0]), 3.0
    (value, aux), jacobian = transform(f, (0, 1), has_aux=True)(x, y)
    assert len(runs) == 1 and aux == {"n": 3}
    np.testing.assert_array_equal(value["a"], x * y)
    assert value["b"] == 3.0 and type(value["b"]) is np.float64
    np.testing.assert_array_equal(jacobian["a"][0], y * np.eye(2))
    np.testing.assert_array_equal(jacobian["a"][1], x)
    np.testing.assert_array_equal(jacobian["b"][0], np.ones(2))
    assert jacobian["b"][1] == 0.0
    value, slope = transform(lambda x: x**3)(2.0)
    assert (value, slope) == (8.0, 12.0)
    value, row = jit(transform(lambda x: np.sin(x) @ x))(x)
    np.testing.assert_allclose(value, np.sin(x) @ x)
    np.testing.assert_allclose(row, np.cos(x) * x + np.sin(x))
    np.testing.assert_allclose(
        vmap(transform(lambda x: x * x))(A)[1], 2.0 * A[:, :, None] * np.eye(4)
    )


def test_the_value_is_the_callers_own():
    x = np.ones(2)
    value, _ = value_and_jacrev(lambda x: x)(x)
    value[:] = 5.0
    np.testing.assert_array_equal(x, np.ones(2))


def prefixes(combine, elements):
    """All prefixes, one after the other."""
    found = [elements[0]]
    for x in elements[1:]:
        found.append(combine(found[-1], x))
    return np.stack(found)


@pytest.mark.parametrize("length", range(1, 20))
def test_prefixes_of_any_length(length):
    x = RNG.normal(size=(length, 3))
    np.testing.assert_allclose(associative_scan(np.add, x), np.cumsum(x, axis=0), rtol=1e-12)
    np.testing.assert_array_equal(
        associative_scan(np.maximum, x.T, axis=-1), np.maximum.accumulate(x.T, axis=-1)
    )
    np.testing.assert_allclose(
        associative_scan(np.add, x, reverse=True), np.cumsum(x[::-1], axis=0)[::-1], rtol=1e-12
    )


def test_the_order_of_operands():
    """Matrix products do not commute; the earlier element is the first operand."""
    m = RNG.normal(size=(7, 2, 2))
    np.testing.assert_allclose(
        associative_scan(np.matmul, m), prefixes(np.matmul, m), rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(
        associative_scan(np.matmul, m, reverse=True),
        prefixes(np.matmul, m[::-1])[::-1],
        rtol=1e-10,
        atol=1e-12,
    )


def linear_recurrence(a, b):
    """``x[k] = a[k] x[k-1] + b[k]`` by prefixes of affine maps."""

    def after(first, second):
        return {"a": second["a"] * first["a"], "b": second["a"] * first["b"] + second["b"]}

    return associative_scan(after, {"a": a, "b": b})["b"]


def test_a_recurrence_as_an_associative_scan():
    a, b = RNG.uniform(0.5, 1.0, size=9), RNG.normal(size=9)
    x, expected = 0.0, []
    for k in range(9):
        x = a[k] * x + b[k]
        expected.append(x)
    np.testing.assert_allclose(linear_recurrence(a, b), expected, rtol=1e-12)
    one_by_one = lambda a, b: scan(lambda x, ab: (ab[0] * x + ab[1],) * 2, 0.0, (a, b))[1]  # noqa: E731
    weights = RNG.normal(size=9)
    for transform in (grad, lambda f, n: jit(grad(f, n)), hessian):
        found = transform(lambda a, b: weights @ np.sin(linear_recurrence(a, b)), (0, 1))(a, b)
        same = transform(lambda a, b: weights @ np.sin(one_by_one(a, b)), (0, 1))(a, b)
        for f, s in zip(fg.tree.leaves(found), fg.tree.leaves(same), strict=True):
            np.testing.assert_allclose(f, s, rtol=1e-9, atol=1e-12)
    check_transforms(linear_recurrence, (a, b))
    check_grads(linear_recurrence, (a, b), order=2)


def test_few_calls_for_many_elements():
    calls, work = [], []

    def combine(a, b):
        calls.append(1)
        work.append(len(a))
        return a + b

    associative_scan(combine, np.ones(1024))
    assert len(calls) <= 2 * 10 and sum(work) <= 2 * 1024


@pytest.mark.parametrize("length", [0, 1, 4])
def test_prefixes_are_owned(length):
    x = np.ones((length, 2))
    found = associative_scan(np.add, x, reverse=True)
    assert found.flags.owndata and found.flags.writeable
    assert not np.may_share_memory(found, x)


def test_jvp_and_vjp_with_aux():
    f = lambda x: (np.sin(x), {"double": 2.0 * x, "text": "seen"})  # noqa: E731
    value, tangent, aux = jvp(f, (0.5,), (1.0,), has_aux=True)
    assert (value, tangent) == (np.sin(0.5), np.cos(0.5))
    assert aux == {"double": 1.0, "text": "seen"}
    value, pullback, aux = fg.vjp(f, 0.5, has_aux=True)
    assert (value, pullback(2.0)) == (np.sin(0.5), (2.0 * np.cos(0.5),))
    assert aux == {"double": 1.0, "text": "seen"}
    np.testing.assert_array_equal(vmap(lambda: 3.0, axis_size=4)(), np.full(4, 3.0))
