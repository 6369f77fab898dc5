"""A traced function of SciPy's has the dtype that it has when called plainly.

`CALLS` has a row for each way that a function takes its arguments; a function without a row fails.
Exempt are numbers that SciPy gives as Python's, and dtypes that depend on the numbers (eig).
"""

import numpy as np
import pytest
import scipy.special as special

from funcgrad import jit, jvp, stop_gradient, vmap
from funcgrad.core.trace import aval_of
from funcgrad.scipy import linalg
from funcgrad.scipy import special as ours

DTYPES = (np.float32, np.float64, np.int64, np.int32)
V = np.array([1.5, 2.25, 3.0])
A = np.array([[4.0, 1.0, 0.5], [1.0, 5.0, 1.0], [0.5, 1.0, 6.0]])
F = np.float32([1.0, 2.0, 3.0])
WITHIN_ONE = {"betainc", "betaincc", "betaincinv", "ellipe", "ellipk", "erfcinv", "erfinv"}
WITHIN_ONE |= {"gammaincinv", "gammainccinv", "logit", "ndtri", "stdtrit"}


def _ufunc_calls(name):
    """Each operand traced, beside a Python float, an int, or a float32."""
    function, count = getattr(ours, name), getattr(special, name).nin
    for place in range(count):
        for other in (2.0, 2, np.float32(2.0)) if count > 1 else (None,):
            yield lambda x, k=place, o=other: function(*[x if i == k else o for i in range(count)])


OF_ONE_RESULT = [
    name
    for name in ours.__all__
    if isinstance(getattr(special, name, None), np.ufunc) and getattr(special, name).nout == 1
]
CALLS = {
    "zeta": [
        lambda x: ours.zeta(x),
        lambda x: ours.zeta(x[0]),
        lambda x: ours.zeta(x, 2.0),
        lambda x: ours.zeta(2.0, x),
        lambda x: ours.zeta(2, x),
        lambda x: ours.zeta(np.float32(2.0), x),
    ],
    "polygamma": [
        lambda x: ours.polygamma(1, x),
        lambda x: ours.polygamma(0, x),
        lambda x: ours.polygamma([0, 1, 2], x),
        lambda x: ours.polygamma(np.float32(1.0), x),
    ],
    "multigammaln": [lambda x: ours.multigammaln(x, 2), lambda x: ours.multigammaln(x[0], 1)],
    "logsumexp": [
        lambda x: ours.logsumexp(x),
        lambda x: ours.logsumexp(x[0]),
        lambda x: ours.logsumexp(x, axis=0, keepdims=True),
        lambda x: ours.logsumexp(x, return_sign=True),
        lambda x: ours.logsumexp(x, b=2.0, return_sign=True),
        lambda x: ours.logsumexp(x, b=2),
        lambda x: ours.logsumexp(x, b=[1.0, 2.0, 3.0]),
        lambda x: ours.logsumexp(x, b=F),
        lambda x: ours.logsumexp(x, b=np.array([1, 2, 3])),
        lambda x: ours.logsumexp(F, b=x),
    ],
    "softmax": [lambda x: ours.softmax(x)],
    "log_softmax": [lambda x: ours.log_softmax(x)],
    "factorial": [lambda x: ours.factorial(x), lambda x: ours.factorial(x[1])],
    "comb": [
        lambda x: ours.comb(x, 1),
        lambda x: ours.comb(5.0, x),
        lambda x: ours.comb(x, np.float32(1.0)),
        lambda x: ours.comb(x, 1, repetition=True),
    ],
    "perm": [lambda x: ours.perm(x, 1), lambda x: ours.perm(x, np.float32(1.0))],
    "sici": [lambda x: ours.sici(x)],
    "shichi": [lambda x: ours.shichi(x)],
    "fresnel": [lambda x: ours.fresnel(x)],
    "lambertw": [lambda x: ours.lambertw(x)],
    "softplus": [lambda x: ours.softplus(x)],
    **{name: list(_ufunc_calls(name)) for name in OF_ONE_RESULT},
}

MATRIX_CALLS = {
    "block_diag": [
        lambda x: linalg.block_diag(x, x[:1]),
        lambda x: linalg.block_diag(x, np.ones((2, 2), np.float32)),
        lambda x: linalg.block_diag(np.int8([[1]]), x),
        lambda x: linalg.block_diag(x, [[1, 2]]),
    ],
    "toeplitz": [lambda x: linalg.toeplitz(x[0]), lambda x: linalg.toeplitz(x[0], [1, 2])],
    "hankel": [lambda x: linalg.hankel(x[0]), lambda x: linalg.hankel(x[0], [1.0, 2.0])],
    "circulant": [lambda x: linalg.circulant(x[0])],
    "khatri_rao": [lambda x: linalg.khatri_rao(x, x)],
    "cho_factor": [lambda x: linalg.cho_factor(x)[0]],
    "cho_solve": [lambda x: linalg.cho_solve((x, True), x), lambda x: linalg.cho_solve((A, 1), x)],
    "lu_factor": [lambda x: linalg.lu_factor(x)],
    # Without derivative.
    "schur": [
        lambda x: linalg.schur(stop_gradient(x)),
        lambda x: linalg.schur(stop_gradient(x), "c"),
    ],
    "lu_solve": [lambda x: linalg.lu_solve((x, np.arange(3)), x)],
    "lstsq": [lambda x: linalg.lstsq(x, x[0])[0], lambda x: linalg.lstsq(x, F)[3]],
    "eig": [lambda x: linalg.eig(x)[0]],
    "norm": [lambda x: linalg.norm(x), lambda x: linalg.norm(x[0], 3)],
    "expm_frechet": [lambda x: linalg.expm_frechet(x / 8, x), lambda x: linalg.expm_frechet(x, A)],
    "solve": [lambda x: linalg.solve(x, x), lambda x: linalg.solve(x, F)],
    "solve_triangular": [
        lambda x: linalg.solve_triangular(x, x),
        lambda x: linalg.solve_triangular(x, F),
    ],
    "solve_banded": [
        lambda x: linalg.solve_banded((1, 1), x, x),
        lambda x: linalg.solve_banded((1, 1), x, F),
    ],
    "solve_sylvester": [lambda x: linalg.solve_sylvester(x, x, x)],
    "solve_continuous_lyapunov": [lambda x: linalg.solve_continuous_lyapunov(x, x)],
    "solve_lyapunov": [lambda x: linalg.solve_lyapunov(x, x)],
    "solve_discrete_lyapunov": [lambda x: linalg.solve_discrete_lyapunov(0.1 * x, x)],
    **{
        function.__name__: [function]
        for function in (
            linalg.cholesky,
            linalg.coshm,
            linalg.cosm,
            linalg.det,
            linalg.eigh,
            linalg.eigvals,
            linalg.eigvalsh,
            linalg.expm,
            linalg.inv,
            linalg.logm,
            linalg.lu,
            linalg.pinv,
            linalg.polar,
            linalg.qr,
            linalg.sinhm,
            linalg.sinm,
            linalg.sqrtm,
            linalg.svd,
            linalg.svdvals,
            linalg.tanhm,
            linalg.tanm,
        )
    },
}

ROWS = [
    pytest.param(call, V / 4 if name in WITHIN_ONE else V, id=f"{name}-{i}")
    for name, calls in CALLS.items()
    for i, call in enumerate(calls)
] + [
    pytest.param(call, A, id=f"linalg.{name}-{i}")
    for name, calls in MATRIX_CALLS.items()
    for i, call in enumerate(calls)
]


def test_every_function_has_a_row():
    assert CALLS.keys() == set(ours.__all__)
    assert MATRIX_CALLS.keys() == set(linalg.__all__)


def types(result, drop=0):
    leaves = result if isinstance(result, tuple) else (result,)
    return [(aval_of(leaf).dtype, np.shape(leaf)[drop:]) for leaf in leaves]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.__name__)
@pytest.mark.parametrize("call, x", ROWS)
def test_the_dtype_is_that_of_the_plain_call(call, x, dtype):
    x = x.astype(dtype)
    plain = types(call(x))
    assert types(jit(call)(x)) == plain
    assert types(vmap(call)(np.stack([x, x])), 1) == plain
    if x.dtype.kind == "f":
        try:
            found = jvp(call, (x,), (np.ones_like(x),))
        except Exception as error:
            if "no closed form" in str(error):
                return
            raise
        assert types(found[0]) == plain


@pytest.mark.parametrize("shape, order", [((3,), 2), ((3,), None), ((2, 3), 1), ((2, 3), np.inf)])
def test_norms_that_scipy_gives_as_python_numbers_are_float64(shape, order):
    x = np.ones(shape, np.float32)
    norm = lambda x: linalg.norm(x, order)  # noqa: E731
    assert type(norm(x)) is float
    assert jit(norm)(x).dtype == jvp(norm, (x,), (x,))[0].dtype == np.float64
