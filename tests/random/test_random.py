"""funcgrad.random: NumPy's Philox, the same numbers everywhere, SciPy's laws, keys used twice."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples.laws import check_sample, check_vmap
from samples.random import BITS, GAMMA, KEY, KEYS, NORMAL, A
from scipy import special, stats

import funcgrad
from funcgrad import (
    checkpoint,
    cond,
    errors,
    fori_loop,
    grad,
    hessian,
    jit,
    jvp,
    random,
    scan,
    value_and_grad,
    vmap,
    while_loop,
)
from funcgrad.ops.kernels import random as kernels
from funcgrad.ops.random import log_gamma
from funcgrad.testing import check_grads, check_transforms

N = 20_000
WORD = 2**64 - 1


@pytest.mark.parametrize("sample", [*BITS, *NORMAL], ids=lambda s: s.primitive)
def test_samples(sample):
    check_sample(sample)


@pytest.mark.parametrize("sample", GAMMA, ids=lambda s: s.primitive)
def test_samples_without_differences(sample):
    f, args = sample.function, sample.args
    if sample.primitive == "log_gamma":
        check_transforms(f, args)
    np.testing.assert_array_equal(jit(f)(*args), f(*args))
    check_vmap(f, args)


# The bits


@given(st.integers(0, 2**128 - 1), st.integers(0, 9))
def test_keys_and_bits_are_those_of_numpys_philox(seed, n):
    key = random.key(seed)
    np.testing.assert_array_equal(key, np.random.Philox(key=seed).state["state"]["key"])
    np.testing.assert_array_equal(random.bits(key, n), np.random.Philox(key=seed).random_raw(n))


@given(
    st.lists(st.tuples(*[st.integers(0, WORD)] * 3), min_size=1, max_size=4),
    st.integers(0, 40),
    st.integers(0, 5),
    st.sampled_from([1, 50]),
)
def test_many_keys_give_what_each_gives(rows, size, use, times):
    # Few keys go through NumPy's generator, many through arithmetic on arrays.
    table = np.array(rows * times, np.uint64)
    found = kernels.philox_words(table[:, :2], table[:, 2], size, use)
    for row, (a, b, data) in zip(found, table[: len(rows)], strict=False):
        counter = np.array([0, 0, data, use], np.uint64)
        generator = np.random.Philox(key=np.array([a, b]), counter=counter)
        np.testing.assert_array_equal(row, generator.random_raw(size))
    np.testing.assert_array_equal(found, np.tile(found[: len(rows)], (times, 1)))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
@pytest.mark.parametrize("shape", [(), 3, (2, 5), (0,)])
def test_narrow_bits_are_parts_of_words(dtype, shape):
    found = random.bits(KEY, shape, dtype)
    size = np.prod(shape, dtype=int)
    part = np.dtype(dtype).newbyteorder("<")
    raw = np.random.Philox(key=KEY).random_raw(size + 1).astype("<u8").view(part)
    np.testing.assert_array_equal(found, raw[:size].reshape(np.shape(found)))
    assert found.dtype == dtype and np.shape(found) == np.zeros(shape).shape


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_numbers_are_those_of_numpys_generator(dtype):
    expected = np.random.Generator(np.random.Philox(key=11)).random((3, 5), dtype=dtype)
    np.testing.assert_array_equal(random.uniform(random.key(11), (3, 5), dtype), expected)


def test_new_keys():
    keys = random.split(KEY, 5)
    np.testing.assert_array_equal(keys[:2], random.split(KEY))
    np.testing.assert_array_equal(random.split(KEY, (5, 1))[:, 0], keys)
    raw = np.random.Philox(key=KEY, counter=np.array([0, 0, 0, 1], np.uint64)).random_raw(10)
    np.testing.assert_array_equal(keys, raw.reshape(5, 2))
    folded = [random.fold_in(KEY, i) for i in (0, 1, 2**63, -1)]
    np.testing.assert_array_equal(folded[3], random.fold_in(KEY, WORD))
    together = {k.tobytes() for k in [KEY, *keys, *folded]}
    assert len(together) == 10
    assert random.PRNGKey is random.key
    np.testing.assert_array_equal(random.key(-1), [WORD, 0])


def test_seeds_and_numbers_may_be_traced():
    for seed in (0, 5, np.int32(7), np.uint64(WORD), -3):
        np.testing.assert_array_equal(jit(random.key)(seed), random.key(seed))
        np.testing.assert_array_equal(
            jit(lambda s: random.fold_in(KEY, s))(seed), random.fold_in(KEY, seed)
        )
    seeds = np.arange(-2, 3)
    np.testing.assert_array_equal(vmap(random.key)(seeds), [random.key(s) for s in seeds])

    def step(i, total):
        return total + random.normal(random.fold_in(KEY, i))

    expected = sum(random.normal(random.fold_in(KEY, i)) for i in range(4))
    np.testing.assert_allclose(jit(lambda: fori_loop(0, 4, step, 0.0))(), expected, rtol=1e-14)


# One number everywhere

COV = np.array([[2.0, 0.3], [0.3, 0.5]])
LOGITS = np.array([[0.1, -1.0, 2.0], [0.0, 0.0, -np.inf]])
DRAWS = {
    "bits": lambda k: random.bits(k, (5,), np.uint8),
    "split": lambda k: random.split(k, 3),
    "uniform": lambda k: random.uniform(k, (3, 2)),
    "uniform between": lambda k: random.uniform(k, (3,), np.float32, -1.0, np.arange(3)),
    "uniform scalar": lambda k: random.uniform(k),
    "normal": lambda k: random.normal(k, (5,)),
    "normal scalar": lambda k: random.normal(k),
    "normal float32": lambda k: random.normal(k, (2, 3), np.float32),
    "normal float16": lambda k: random.normal(k, 3, np.float16),
    "normal complex": lambda k: random.normal(k, (2,), complex),
    "normal none": lambda k: random.normal(k, (2, 0)),
    "randint": lambda k: random.randint(k, (4,), -3, 9),
    "randint scalar": lambda k: random.randint(k, (), 0, 5, np.int8),
    "randint wide": lambda k: random.randint(k, (3,), -(2**63), 2**63),
    "bernoulli": lambda k: random.bernoulli(k, 0.3, (6,)),
    "rademacher": lambda k: random.rademacher(k, (6,)),
    "exponential": lambda k: random.exponential(k, (4,)),
    "gumbel": lambda k: random.gumbel(k, (4,)),
    "laplace": lambda k: random.laplace(k, (4,)),
    "logistic": lambda k: random.logistic(k, (4,)),
    "cauchy": lambda k: random.cauchy(k, (4,)),
    "maxwell": lambda k: random.maxwell(k, (4,)),
    "double_sided_maxwell": lambda k: random.double_sided_maxwell(k, 1.0, 2.0, (4,)),
    "lognormal": lambda k: random.lognormal(k, 0.5, (4,)),
    "pareto": lambda k: random.pareto(k, np.array([1.0, 3.0])),
    "rayleigh": lambda k: random.rayleigh(k, 2.0, (4,)),
    "weibull_min": lambda k: random.weibull_min(k, 2.0, 1.5, (4,)),
    "triangular": lambda k: random.triangular(k, 0.0, 1.0, 4.0, (4,)),
    "wald": lambda k: random.wald(k, 2.0, (4,)),
    "truncated_normal": lambda k: random.truncated_normal(k, -1.0, np.array([0.5, 2.0])),
    "gamma": lambda k: random.gamma(k, np.array([0.1, 1.0, 7.0])),
    "gamma scalar": lambda k: random.gamma(k, 2.0),
    "gamma float32": lambda k: random.gamma(k, 2.0, (3,), np.float32),
    "loggamma": lambda k: random.loggamma(k, 1e-3, (4,)),
    "beta": lambda k: random.beta(k, 2.0, np.array([0.5, 3.0])),
    "dirichlet": lambda k: random.dirichlet(k, [0.5, 1.0, 3.0], (2,)),
    "chisquare": lambda k: random.chisquare(k, 3.0, (4,)),
    "t": lambda k: random.t(k, 3.0, (4,)),
    "f": lambda k: random.f(k, 3.0, 7.0, (4,)),
    "generalized_normal": lambda k: random.generalized_normal(k, 3.0, (4,)),
    "ball": lambda k: random.ball(k, 3, 2, (2,)),
    "poisson": lambda k: random.poisson(k, np.array([0.5, 30.0, 1e6])),
    "binomial": lambda k: random.binomial(k, np.array([3, 40, 10**6]), 0.3),
    "multinomial": lambda k: random.multinomial(k, 50, [0.2, 0.5, 0.3], shape=(2, 3)),
    "orthogonal": lambda k: random.orthogonal(k, 3, (2,)),
    "orthogonal complex": lambda k: random.orthogonal(k, 2, (), complex, m=3),
    "geometric": lambda k: random.geometric(k, 0.2, (4,)),
    "categorical": lambda k: random.categorical(k, LOGITS),
    "categorical shape": lambda k: random.categorical(k, LOGITS, shape=(4, 2)),
    "categorical without": lambda k: random.categorical(k, LOGITS, 0, (2, 3), replace=False),
    "multivariate_normal": lambda k: random.multivariate_normal(k, np.zeros(2), COV, (3,)),
    "permutation": lambda k: random.permutation(k, 6),
    "permutation of rows": lambda k: random.permutation(k, np.arange(12).reshape(4, 3)),
    "permutation independent": lambda k: random.permutation(k, np.ones((3, 4)) * KEY[0], 1, True),
    "choice": lambda k: random.choice(k, 5, (3,)),
    "choice of rows": lambda k: random.choice(k, np.arange(12.0).reshape(3, 4), (2,), axis=1),
    "choice without": lambda k: random.choice(k, 5, (2, 2), replace=False),
    "choice weighed": lambda k: random.choice(k, 4, (5,), p=np.array([0.1, 0.0, 0.5, 0.4])),
    "choice weighed without": lambda k: random.choice(k, 4, (3,), False, [0.1, 0.0, 0.5, 0.4]),
}


@pytest.mark.parametrize("name", DRAWS)
def test_the_same_numbers_everywhere(name):
    f = DRAWS[name]
    plain = f(KEY)
    for found in (jit(f)(KEY), jit(f, backend="run")(KEY), jit(jit(f))(KEY)):
        assert found.dtype == plain.dtype and np.shape(found) == np.shape(plain)
        np.testing.assert_array_equal(found, plain)
    keys = random.split(KEY, 120)  # as many as take the other way to the bits
    for batch in (KEYS, keys):
        # A product of matrices may sum in another order for many than for one.
        rtol = 1e-14 if name == "multivariate_normal" else 0
        for found in (vmap(f)(batch), jit(vmap(f))(batch)):
            np.testing.assert_allclose(found, np.stack([f(k) for k in batch]), rtol=rtol)
    nested = vmap(vmap(f))(KEYS.reshape(2, 2, 2))
    np.testing.assert_allclose(nested.reshape(vmap(f)(KEYS).shape), vmap(f)(KEYS), rtol=rtol)
    assert (
        not np.array_equal(f(random.key(1)), plain)
        or np.size(plain) == 0
        or name.endswith(
            ("scalar", "independent", "rademacher", "bernoulli", "without", "categorical")
        )
    )


def test_every_public_function_is_drawn_from():
    public = {n for n in random.__all__ if inspect.isfunction(getattr(random, n))}
    assert public - {n.split()[0] for n in DRAWS} == {"PRNGKey", "checked", "fold_in", "key"}


@pytest.mark.parametrize("name", ["gamma", "poisson", "binomial", "truncated_normal", "randint"])
def test_a_batch_of_parameters_shares_the_key(name):
    f = {
        "gamma": lambda a: random.gamma(KEY, a, (3,)),
        "poisson": lambda a: random.poisson(KEY, a * 9, (3,)),
        "binomial": lambda a: random.binomial(KEY, np.ceil(a * 30), a / 4, (3,)),
        "truncated_normal": lambda a: random.truncated_normal(KEY, -a, a, (3,)),
        "randint": lambda a: random.randint(KEY, (3,), 0, (a * 10).astype(int)),
    }[name]
    params = np.array([0.5, 1.0, 3.0])
    np.testing.assert_array_equal(vmap(f)(params), np.stack([f(a) for a in params]))


def test_traced_parameters():
    np.testing.assert_array_equal(
        jit(lambda lo, hi: random.randint(KEY, (5,), lo, hi))(-4, 6),
        random.randint(KEY, (5,), -4, 6),
    )
    assert jit(lambda hi: random.randint(KEY, (2,), 3, hi))(3).tolist() == [3, 3]
    p = np.array([0.1, 0.0, 0.5, 0.4])
    for replace in (True, False):
        np.testing.assert_array_equal(
            jit(lambda p: random.choice(KEY, 4, (3,), replace, p))(p),  # noqa: B023
            random.choice(KEY, 4, (3,), replace, p),
        )
    np.testing.assert_array_equal(
        jit(lambda a: random.choice(KEY, a, (3,)))(p), random.choice(KEY, p, (3,))
    )


# The distributions

E2 = np.array([0.2, 0.5, 0.3])
LAWS = {
    "uniform": (lambda k: random.uniform(k, N, float, -1.0, 3.0), stats.uniform(-1, 4)),
    "uniform32": (lambda k: random.uniform(k, N, np.float32), stats.uniform()),
    "normal": (lambda k: random.normal(k, N), stats.norm()),
    "normal32": (lambda k: random.normal(k, N, np.float32), stats.norm()),
    "normal imaginary": (lambda k: random.normal(k, N, complex).imag, stats.norm(0, 0.5**0.5)),
    "exponential": (lambda k: random.exponential(k, N), stats.expon()),
    "gumbel": (lambda k: random.gumbel(k, N), stats.gumbel_r()),
    "laplace": (lambda k: random.laplace(k, N), stats.laplace()),
    "logistic": (lambda k: random.logistic(k, N), stats.logistic()),
    "cauchy": (lambda k: random.cauchy(k, N), stats.cauchy()),
    "maxwell": (lambda k: random.maxwell(k, N), stats.maxwell()),
    "double_sided_maxwell": (
        lambda k: np.abs(random.double_sided_maxwell(k, 1.0, 2.0, N) - 1.0),
        stats.maxwell(0, 2),
    ),
    "lognormal": (lambda k: random.lognormal(k, 0.5, N), stats.lognorm(0.5)),
    "pareto": (lambda k: random.pareto(k, 3.0, N), stats.pareto(3)),
    "rayleigh": (lambda k: random.rayleigh(k, 2.0, N), stats.rayleigh(0, 2)),
    "weibull_min": (
        lambda k: random.weibull_min(k, 2.0, 1.5, N),
        stats.weibull_min(1.5, 0, 2),
    ),
    "triangular": (lambda k: random.triangular(k, -1.0, 0.0, 4.0, N), stats.triang(0.2, -1, 5)),
    "wald": (lambda k: random.wald(k, 2.0, N), stats.invgauss(2.0)),
    "truncated_normal": (
        lambda k: random.truncated_normal(k, -0.5, 2.0, N),
        stats.truncnorm(-0.5, 2),
    ),
    "truncated_normal tail": (
        lambda k: random.truncated_normal(k, 9.0, np.inf, N),
        stats.truncnorm(9, np.inf),
    ),
    "gamma": (lambda k: random.gamma(k, 2.5, N), stats.gamma(2.5)),
    "gamma 1": (lambda k: random.gamma(k, 1, N), stats.gamma(1)),
    "gamma small": (lambda k: random.gamma(k, 0.05, N), stats.gamma(0.05)),
    "gamma large": (lambda k: random.gamma(k, 1e5, N), stats.gamma(1e5)),
    "gamma32": (lambda k: random.gamma(k, 0.5, N, np.float32), stats.gamma(0.5)),
    "loggamma": (lambda k: random.loggamma(k, 0.3, N), stats.loggamma(0.3)),
    "beta": (lambda k: random.beta(k, 0.4, 2.0, N), stats.beta(0.4, 2)),
    "dirichlet": (lambda k: random.dirichlet(k, E2, N)[:, 1], stats.beta(0.5, 0.5)),
    "chisquare": (lambda k: random.chisquare(k, 3.0, N), stats.chi2(3)),
    "t": (lambda k: random.t(k, 3.0, N), stats.t(3)),
    "f": (lambda k: random.f(k, 3.0, 7.0, N), stats.f(3, 7)),
    "generalized_normal": (lambda k: random.generalized_normal(k, 3.0, N), stats.gennorm(3)),
    "ball": (
        lambda k: np.sum(random.ball(k, 3, 2, N) ** 2, axis=-1) ** 1.5,
        stats.uniform(),
    ),
    "multivariate_normal": (
        lambda k: random.multivariate_normal(k, [1.0, 2.0], COV, N) @ np.array([1.0, -2.0]),
        stats.norm(-3, np.sqrt(2 - 4 * 0.3 + 4 * 0.5)),
    ),
}


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("seed", [0, 1])
def test_distributions_by_kolmogorov_and_smirnov(name, seed):
    draw, law = LAWS[name]
    x = draw(random.key(seed))
    assert x.shape == (N,)
    assert stats.kstest(x.astype(float), law.cdf).pvalue > 1e-3
    if name not in ("cauchy", "f", "pareto", "t"):  # whose fourth moments are infinite or large
        mean, var, kurtosis = (float(m) for m in law.stats("mvk"))
        assert abs(np.mean(x, dtype=float) - mean) < 4.5 * np.sqrt(var / N)
        spread = 4.5 * np.sqrt((kurtosis + 2) / N)
        assert name in ("lognormal", "wald") or abs(np.var(x, dtype=float) / var - 1) < spread


def test_a_wrong_distribution_is_found():
    x = random.normal(random.key(0), N) * 1.05
    assert stats.kstest(x, stats.norm.cdf).pvalue < 1e-3


WHOLE = {
    "randint": (lambda k: random.randint(k, N, -2, 5), stats.randint(-2, 5)),
    "randint8": (lambda k: random.randint(k, N, 0, 256, np.uint8), stats.randint(0, 256)),
    "bernoulli": (lambda k: random.bernoulli(k, 0.3, N), stats.bernoulli(0.3)),
    "rademacher": (lambda k: random.rademacher(k, N) > 0, stats.bernoulli(0.5)),
    "geometric": (lambda k: random.geometric(k, 0.3, N), stats.geom(0.3)),
    "poisson 0.1": (lambda k: random.poisson(k, 0.1, N), stats.poisson(0.1)),
    "poisson 9.9": (lambda k: random.poisson(k, 9.9, N), stats.poisson(9.9)),
    "poisson 10": (lambda k: random.poisson(k, 10.0, N), stats.poisson(10)),
    "poisson 200": (lambda k: random.poisson(k, 200, N), stats.poisson(200)),
    "poisson 1e6": (lambda k: random.poisson(k, 1e6, N) // 100, None),
    "binomial 7": (lambda k: random.binomial(k, 7, 0.3, N), stats.binom(7, 0.3)),
    "binomial 7 flipped": (lambda k: random.binomial(k, 7, 0.8, N), stats.binom(7, 0.8)),
    "binomial 40": (lambda k: random.binomial(k, 40, 0.25, N), stats.binom(40, 0.25)),
    "binomial 300": (lambda k: random.binomial(k, 300, 0.5, N), stats.binom(300, 0.5)),
    "binomial 300 flipped": (lambda k: random.binomial(k, 300, 0.9, N), stats.binom(300, 0.9)),
    "binomial 1e9": (lambda k: random.binomial(k, 10**9, 3e-8, N), stats.binom(10**9, 3e-8)),
    "multinomial": (
        lambda k: random.multinomial(k, 20, [1.0, 2.0, 7.0], shape=(N, 3))[:, 1],
        stats.binom(20, 0.2),
    ),
    "categorical": (
        lambda k: random.categorical(k, np.log(E2), shape=N),
        stats.rv_discrete(values=(range(3), E2)),
    ),
    "choice": (
        lambda k: random.choice(k, 3, N, p=E2),
        stats.rv_discrete(values=(range(3), E2)),
    ),
    "choice uniform": (lambda k: random.choice(k, 6, N), stats.randint(0, 6)),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers_by_chi_square(name):
    draw, law = WHOLE[name]
    x = draw(random.key(2)).astype(int)
    low, high = x.min(), x.max()
    observed = np.bincount(x - low)
    if law is None:
        edges = np.arange(low, high + 2) * 100 - 1
        expected = np.diff(stats.poisson(1e6).cdf(edges)) * N
    else:
        expected = law.pmf(np.arange(low, high + 1)) * N
    often = expected > 8
    observed = np.array([*observed[often], observed[~often].sum()])
    expected = np.array([*expected[often], max(N - expected[often].sum(), 1e-9)])
    if expected[-1] < 1:
        assert observed[-1] <= 3
        observed, expected = (
            observed[:-1],
            expected[:-1] * observed[:-1].sum() / expected[:-1].sum(),
        )
    assert stats.chisquare(observed, expected).pvalue > 1e-3


def test_binomial_and_multinomial_arguments():
    n = [3, -1, 2.5, np.nan, 0, 5, 5]
    p = [0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 1.0]
    assert random.binomial(KEY, n, p).tolist()[1:] == [-1, -1, -1, 0, 0, 5]
    assert random.binomial(KEY, 3, [np.nan, -0.1, 1.1]).tolist() == [-1, -1, -1]
    counts = random.multinomial(KEY, np.array([10, 0]), [0.2, 0.0, 0.8])
    assert counts.shape == (2, 3) and counts.dtype == np.int64
    assert counts.sum(axis=1).tolist() == [10, 0] and not counts[:, 1].any()
    assert random.multinomial(KEY, 4, [1.0]).tolist() == [4]
    counts = random.multinomial(KEY, 10**6, np.full(50, 0.02))
    assert abs(counts[-1] - 20000) < 6 * np.sqrt(20000)
    with pytest.raises(errors.ShapeError, match="must be an array of probabilities"):
        random.multinomial(KEY, 4, 0.5)
    with pytest.raises(errors.ShapeError, match="must end in the 2 classes"):
        random.multinomial(KEY, 4, [0.5, 0.5], shape=(3,))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
@pytest.mark.parametrize("n, m", [(3, None), (4, 2), (2, 4), (1, None)])
def test_orthogonal_matrices(dtype, n, m):
    q = random.orthogonal(KEY, n, (2,), dtype, m)
    assert q.shape == (2, n, m or n) and q.dtype == dtype
    short = q if n >= (m or n) else np.swapaxes(q, -1, -2)
    product = np.conj(np.swapaxes(short, -1, -2)) @ short
    eye = np.broadcast_to(np.eye(product.shape[-1]), product.shape)
    np.testing.assert_allclose(product, eye, atol=1e-6)


def test_orthogonal_matrices_are_uniform():
    """By Haar's measure an entry has mean 0 and variance 1/n, and its fourth moment 3/(n(n+2))."""
    q = random.orthogonal(random.key(9), 3, (20000,))
    np.testing.assert_allclose(q.mean(axis=0), 0.0, atol=0.02)
    np.testing.assert_allclose((q**2).mean(axis=0), 1 / 3, rtol=0.03)
    np.testing.assert_allclose((q**4).mean(axis=0), 1 / 5, rtol=0.05)
    np.testing.assert_allclose(np.mean(np.linalg.det(q)), 0.0, atol=0.03)


def test_permutations_are_all_as_likely():
    orders = vmap(lambda k: random.permutation(k, 3))(random.split(random.key(4), 6000))
    assert np.all(np.sort(orders, axis=1) == np.arange(3))
    counts = np.unique(orders @ np.array([9, 3, 1]), return_counts=True)[1]
    assert counts.size == 6 and stats.chisquare(counts).pvalue > 1e-3
    drawn = vmap(lambda k: random.choice(k, 3, (2,), False, E2))(random.split(random.key(5), 6000))
    # The first is of probability p, the second of p among those left.
    first = np.bincount(drawn[:, 0])
    assert stats.chisquare(first, 6000 * E2).pvalue > 1e-3
    pair = np.mean((drawn[:, 0] == 1) & (drawn[:, 1] == 0))
    np.testing.assert_allclose(pair, 0.5 * 0.2 / 0.5, atol=0.02)
    lanes = random.permutation(KEY, np.tile(np.arange(5), (50, 1)), 1, independent=True)
    assert np.all(np.sort(lanes, axis=1) == np.arange(5)) and len(np.unique(lanes, axis=0)) > 20


def test_draws_of_different_keys_and_uses_do_not_correlate():
    keys = random.split(KEY, 8)
    columns = [random.normal(k, 4000) for k in [KEY, *keys]]
    columns += [random.normal(random.fold_in(KEY, i), 4000) for i in range(4)]
    columns += [special.ndtri(random.gamma(KEY, 1.0, 4000) * 0 + random.uniform(keys[0], 4000))]
    correlation = np.corrcoef(columns[:-1]) - np.eye(len(columns) - 1)
    assert np.abs(correlation).max() < 5 / np.sqrt(4000)
    half = random.normal(KEY, 4000)
    assert abs(np.corrcoef(half[:2000], half[2000:])[0, 1]) < 5 / np.sqrt(2000)


# Gradients


def test_location_and_scale():
    z = random.normal(KEY, 5)

    def f(mean, sigma):
        return mean + sigma * random.normal(KEY, 5)

    check_grads(f, (1.0, 2.0), order=2)
    np.testing.assert_array_equal(jvp(f, (1.0, 2.0), (0.0, 1.0))[1], z)
    for call, args in [
        (lambda a, b: random.uniform(KEY, (4,), float, a, b), (-1.0, 2.0)),
        (lambda s: random.lognormal(KEY, s, (4,)), (0.5,)),
        (lambda b: random.pareto(KEY, b, (4,)), (2.0,)),
        (lambda s, c: random.weibull_min(KEY, s, c, (4,)), (2.0, 1.5)),
        (lambda s: random.rayleigh(KEY, s, (4,)), (2.0,)),
        (lambda a, b, c: random.triangular(KEY, a, b, c, (6,)), (0.0, 1.0, 3.0)),
        (lambda a, b: random.truncated_normal(KEY, a, b, (4,)), (-0.5, 1.5)),
        (lambda a, b: random.truncated_normal(KEY, a, b, (4,)), (3.0, 4.0)),
        (lambda m: random.double_sided_maxwell(KEY, m, 2.0 * m, (4,)), (0.5,)),
        (lambda x: random.permutation(KEY, x), (np.arange(4.0),)),
        (lambda x: random.choice(KEY, x, (6,)), (np.arange(4.0),)),
        (
            lambda m, c: random.multivariate_normal(KEY, m, c @ c.T + np.eye(2), (3,)),
            (np.ones(2), COV),
        ),
    ]:
        check_grads(call, args, order=2)


@pytest.mark.parametrize("a", [1e-3, 0.04, 0.6, 1.0, 3.0, 40.0, 1e4])
@pytest.mark.parametrize("u", [1e-6, 0.03, 0.4, 0.8, 0.999, 1 - 1e-7])
def test_the_slope_of_gamma_variates_is_that_of_their_quantile(a, u):
    def quantile(a):
        return special.gammaincinv(a, u) if u < 0.7 else special.gammainccinv(a, 1 - u)

    z = quantile(a)
    if z < 1e-250:
        pytest.skip("the quantile underflows")
    h = a * 1e-4
    slopes = [(np.log(quantile(a + s)) - np.log(quantile(a - s))) / (2 * s) for s in (h, h / 2)]
    expected = (4 * slopes[1] - slopes[0]) / 3
    np.testing.assert_allclose(-kernels.gamma_slope(a, np.log(z), 1), expected, rtol=1e-7)


def test_gradients_of_gamma_variates():
    z, t = jvp(lambda a: log_gamma(KEY, a), (A,), (np.ones_like(A),))
    np.testing.assert_array_equal(t, -kernels.gamma_slope(A, z, 1))
    np.testing.assert_allclose(grad(lambda a: np.sum(log_gamma(KEY, a)))(A), t, rtol=1e-15)
    # d E[z^2] / d a, where E[z^2] = a (a + 1).
    a, key = 1.7, random.key(3)
    _, slope = value_and_grad(lambda a: np.mean(random.gamma(key, a, 20000) ** 2))(a)
    np.testing.assert_allclose(slope, 2 * a + 1, rtol=0.05)
    # d E[x] / d a = b / (a + b)^2 for beta variates.
    slope = grad(lambda a: np.mean(random.beta(key, a, 2.0, 20000)))(0.8)
    np.testing.assert_allclose(slope, 2.0 / 2.8**2, rtol=0.05)
    # The second derivative is that of the quantile too.
    value = random.gamma(KEY, 2.0)
    u, h = special.gammainc(2.0, value), 1e-3
    bend = [special.gammaincinv(2.0 + s, u) for s in (-h, 0.0, h)] @ np.array([1.0, -2.0, 1.0])
    np.testing.assert_allclose(hessian(lambda a: random.gamma(KEY, a))(2.0), bend / h**2, rtol=1e-5)
    # A linear function of the variate's logarithm has gradient where the variate underflows.
    assert np.isfinite(grad(lambda a: random.loggamma(random.key(1), a))(1e-4))


def test_the_kernels_of_special_functions():
    x = np.concatenate([np.linspace(-30, 8, 400), [-np.inf, np.inf]])
    np.testing.assert_allclose(kernels.normal_cdf(x), special.ndtr(x), rtol=2e-13, atol=1e-300)
    p = np.concatenate([np.logspace(-290, -1, 300), np.linspace(0, 1, 201)])
    np.testing.assert_allclose(kernels.normal_quantile(p), special.ndtri(p), rtol=4e-15)
    with np.errstate(invalid="raise"):
        assert np.isnan(kernels.normal_cdf(np.nan)) and np.isnan(kernels.normal_quantile(2.0))
    a = np.logspace(-4, 6, 300)
    np.testing.assert_allclose(kernels.digamma(a), special.digamma(a), rtol=1e-11)
    for n in range(1, 5):
        np.testing.assert_allclose(kernels.polygamma(a, n), special.polygamma(n, a), rtol=1e-14)
    k = np.arange(200.0)
    np.testing.assert_allclose(kernels.log_factorial(k), special.gammaln(k + 1), rtol=1e-14)


def test_bounds_of_the_draws():
    least = np.zeros((2,), np.uint64)
    assert kernels.unit_interval(least)[0] > 0 and kernels.unit_interval(~least)[0] < 1
    x = random.truncated_normal(KEY, [-np.inf, 5.0, -9.0, 0.0], [np.inf, 5.1, -8.9, 0.0], (50, 4))
    assert np.all(np.isfinite(x)) and np.all((x[:, 1] >= 5.0) & (x[:, 1] <= 5.1))
    assert np.all((x[:, 2] >= -9.0) & (x[:, 2] <= -8.9)) and np.all(x[:, 3] == 0)
    assert np.isnan(random.gamma(KEY, [-1.0, np.nan])).all()
    np.testing.assert_array_equal(random.gamma(KEY, [0.0, np.inf]), [0.0, np.inf])
    assert random.poisson(KEY, [-1.0, np.nan, 0.0]).tolist() == [-1, -1, 0]
    assert random.geometric(KEY, [-1.0, np.nan, 0.0, 1.0]).tolist() == [-1, -1, -1, 1]
    assert random.randint(KEY, 50, 250, 256, np.uint8).min() >= 250
    wide = random.randint(KEY, 200, 0, 2**64, np.uint64)
    assert wide.max() > 2**63 and wide.dtype == np.uint64
    assert set(random.choice(KEY, 4, 200, p=[0.5, 0.0, 0.5, 0.0])) == {0, 2}


# Errors


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: random.normal(0, (3,)), errors.DtypeError, "a key is an array of two uint64"),
        (lambda: random.normal((3,)), errors.DtypeError, "the key is the first argument"),
        (lambda: random.normal(np.zeros(2)), errors.DtypeError, r"got float64\[2\]"),
        (lambda: random.normal(KEYS), errors.ShapeError, "vmap"),
        (lambda: random.key(1.5), errors.DtypeError, "expected an integer"),
        (lambda: random.key(2**128), errors.OutOfBoundsError, "does not fit"),
        (lambda: random.fold_in(KEY, 0.5), errors.DtypeError, "expected an integer"),
        (lambda: random.normal(KEY, -1), errors.ShapeError, "negative lengths"),
        (lambda: random.normal(KEY, (), int), errors.DtypeError, "dtype must be"),
        (lambda: random.bits(KEY, (), np.int8), errors.ArgumentError, "unsigned"),
        (lambda: random.randint(KEY, (), 3, 3), errors.ArgumentError, "minval=3"),
        (lambda: random.randint(KEY, (), 0, 257, np.uint8), errors.ArgumentError, "uint8"),
        (lambda: random.randint(KEY, (), 0.0, 2), errors.DtypeError, "must be integers"),
        (lambda: random.gamma(KEY, np.ones(3), (2,)), errors.ShapeError, "do not broadcast"),
        (lambda: random.gamma(KEY, 1j), errors.DtypeError, "must be real"),
        (lambda: random.choice(KEY, 3, (4,), False), errors.ShapeError, "4 elements of 3"),
        (lambda: random.choice(KEY, 3, p=[0.5, 0.5]), errors.ShapeError, "p has shape"),
        (lambda: random.choice(KEY, 2, p=[0.5, -0.5]), errors.ArgumentError, "p must be"),
        (lambda: random.categorical(KEY, LOGITS, shape=(3,)), errors.ShapeError, "must end in"),
        (lambda: random.gumbel(KEY, mode="odd"), errors.ArgumentError, "mode="),
        (lambda: random.dirichlet(KEY, 1.0), errors.ShapeError, "concentrations"),
        (
            lambda: random.multivariate_normal(KEY, np.ones(3), COV),
            errors.ShapeError,
            "covariance",
        ),
        (
            lambda: random.multivariate_normal(KEY, np.ones(2), COV, method="lu"),
            errors.ArgumentError,
            "'lu'",
        ),
        (
            lambda: random.multivariate_normal(KEY, np.ones(2), -COV),
            np.linalg.LinAlgError,
            "positive definite",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


# Keys that are used twice


def first(key):
    return random.normal(key, 3)


def second(key):
    return random.uniform(key, 3)


def looped(key):
    return scan(lambda c, x: (c + random.normal(key), x), 0.0, np.arange(3))[0]


def folded(key):
    def step(c, i):
        return c + random.normal(random.fold_in(key, i)), i

    return scan(step, 0.0, np.arange(3))[0]


def carried(key):
    def step(state):
        key, total = state
        key, own = random.split(key)
        return key, total + random.uniform(own)

    return while_loop(lambda s: s[1] < 2.0, step, (key, 0.0))[1]


def branched(key):
    x = random.uniform(key)
    return cond(x > -1.0, lambda k: random.normal(k), lambda k: 0.0, random.split(key)[0])


def from_seeds():
    return random.normal(random.key(1)) + random.normal(random.key(1))


def noise(w, key):
    return np.sum(w * random.bernoulli(key, 0.5, (3,)))


TWICE = {
    "drawn twice": lambda key: first(key) + second(key),
    "drawn in a loop": lambda key: sum(first(key) for _ in range(2)),
    "drawn and split": lambda key: (first(key), random.split(key)),
    "split twice": lambda key: (random.split(key), random.split(key)),
    "in jit": jit(lambda key: first(key) + second(key)),
    "in and out of jit": lambda key: jit(first)(key) + second(key),
    "in two jits": lambda key: jit(first)(key) + jit(first)(key),
    "in scan": looped,
    "in scan in jit": jit(looped),
    "in a branch": branched,
    "in a branch in jit": jit(branched),
    "gamma": lambda key: random.gamma(key, 1.0) + random.gamma(key, 2.0),
    "poisson": lambda key: random.poisson(key, 1.0) + random.gamma(key, 2.0),
    "binomial": lambda key: random.binomial(key, 3, 0.5) + random.binomial(key, 3, 0.1),
    "multinomial": lambda key: (random.multinomial(key, 3, [0.5, 0.5]), first(key)),
    "a copied key": lambda key: first(np.array(key)) + first(key),
    "of the same seed": lambda key: from_seeds(),
    "of a batch": lambda key: vmap(first)(np.stack([key, key])),
    "split parts": lambda key: first(random.split(key)[0]) + first(random.split(key, 3)[0]),
    "under grad": lambda key: grad(lambda w: noise(w, key) + noise(w, key))(np.ones(3)),
    "in grad in jit": lambda key: jit(grad(lambda w, k: noise(w, k) + noise(w, k)))(
        np.ones(3), key
    ),
    "folded alike": lambda key: first(random.fold_in(key, 1)) + second(random.fold_in(key, 1)),
}
ONCE = {
    "split": lambda key: [first(k) for k in random.split(key, 3)],
    "folded": lambda key: [first(random.fold_in(key, i)) for i in range(3)],
    "folded in scan": folded,
    "folded in scan in jit": jit(folded),
    "carried": carried,
    "carried in jit": jit(carried),
    "vmap": lambda key: vmap(first)(random.split(key, 4)),
    "vmap of jit": lambda key: vmap(jit(first))(random.split(key, 4)),
    "vmap of others": lambda key: vmap(lambda a: random.gamma(key, a))(np.ones(3)),
    "grad": lambda key: grad(noise)(np.ones(3), key),
    "grad of jit": lambda key: grad(jit(noise))(np.ones(3), key),
    "checkpoint": lambda key: grad(checkpoint(noise))(np.ones(3), key),
    "checkpoint in jit": lambda key: jit(grad(checkpoint(noise)))(np.ones(3), key),
    "grad of scan": lambda key: grad(
        lambda w: scan(lambda c, k: (c * noise(w, k), c), 1.0, random.split(key, 3))[0]
    )(np.ones(3)),
    "t and beta": lambda key: [
        f(k)
        for f, k in zip(
            (lambda k: random.t(k, 3.0), lambda k: random.beta(k, 1.0, 2.0)), random.split(key)
        )
    ],
    "a key as a value": lambda key: (int(key[0]), str(key), np.asarray(key).tolist()),
}


@pytest.mark.parametrize("name", TWICE)
def test_keys_used_twice_are_found(name):
    f = TWICE[name]
    f(random.key(5))
    with pytest.raises(errors.KeyReuseError, match=r"used twice.*test_random\.py.*test_random"):
        random.checked(f)(random.key(5))
    # The check is of one call: the next starts anew.
    random.checked(first)(random.key(5))
    random.checked(first)(random.key(5))


@pytest.mark.parametrize("name", ONCE)
def test_keys_used_once_pass(name):
    f = ONCE[name]
    expected, found = f(random.key(5)), random.checked(f)(random.key(5))
    for a, b in zip(funcgrad.tree.leaves(expected), funcgrad.tree.leaves(found), strict=True):
        assert type(a) is type(b)
        np.testing.assert_array_equal(a, b)


def test_checked_under_other_transforms():
    def f(w, key):
        k1, k2 = random.split(key)
        return np.sum(w * random.normal(k1, 3)) * random.gamma(k2, w[0])

    w = np.ones(3)
    np.testing.assert_array_equal(grad(random.checked(f))(w, KEY), grad(f)(w, KEY))
    np.testing.assert_array_equal(vmap(random.checked(first))(KEYS), vmap(first)(KEYS))
    with pytest.raises(errors.KeyReuseError):
        grad(random.checked(lambda w, k: noise(w, k) * noise(w, k)))(w, KEY)
    with pytest.raises(errors.ArgumentError, match=r"checked\(jit\(f\)\)"):
        jit(random.checked(first))(KEY)
    assert "checked" in repr(random.checked(first))


def test_a_checked_key_that_leaks_says_so():
    kept = []
    random.checked(lambda k: kept.append(k))(KEY)
    with pytest.raises(errors.LeakedTracerError, match=r"random\.checked"):
        first(kept[0])


def test_the_message_names_both_places():
    def f(key):
        x = random.normal(key)
        return x + random.uniform(key)

    with pytest.raises(errors.KeyReuseError) as raised:
        random.checked(f)(random.key(9))
    line = f.__code__.co_firstlineno
    assert raised.value.what == (
        "random.checked: the key [9, 0] was used twice: it was drawn from at "
        f"test_random.py:{line + 1} in f, and drawn from at test_random.py:{line + 2} in f"
    )
    assert raised.value.fix.startswith("Split it")
