"""The NumPy that random numbers run; see `funcgrad.ops.kernels`.

Each function uses nothing but ``np``: generated source holds a copy of its text. All randomness is
Philox4x64-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011),
a function of a key of two words and a counter of four. The words of the counter are, from the
lowest: the number of the block, from 1; 0; a number that is folded in; what the bits are for.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def philox_blocks(key: Any, block: Any, data: Any, use: Any) -> Any:
    """Philox for each of many keys and counters at once: a block of four words each.

    Args:
        key: Shape ``(..., 2)``.
        block: The lowest word of the counter; broadcasts with ``data`` and the keys.
        data: The third word of the counter.
        use: The fourth.
    """
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    factors = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
    shape = np.broadcast_shapes(key.shape[:-1], np.shape(block), np.shape(data))
    a = np.array(np.broadcast_to(key[..., 0], shape), ndmin=1)
    b = np.array(np.broadcast_to(key[..., 1], shape), ndmin=1)
    c0 = np.array(np.broadcast_to(block, shape), np.uint64, ndmin=1)
    c2 = np.array(np.broadcast_to(data, shape), np.uint64, ndmin=1)
    c1, c3 = np.zeros_like(c0), np.full_like(c0, use)
    for step in range(10):
        if step:
            a += np.uint64(0x9E3779B97F4A7C15)
            b += np.uint64(0xBB67AE8584CAA73B)
        halves = []
        for factor, c in zip(factors, (c0, c2)):
            # The high word of a product of two words, from the products of their halves.
            middle = (c >> half) * (factor & low) + ((c & low) * (factor & low) >> half)
            other = (c & low) * (factor >> half) + (middle & low)
            halves.append((c >> half) * (factor >> half) + (middle >> half) + (other >> half))
        c0, c1, c2, c3 = halves[1] ^ c1 ^ a, c2 * factors[1], halves[0] ^ c3 ^ b, c0 * factors[0]
    return np.stack([c0, c1, c2, c3], -1).reshape((*shape, 4))


def philox_words(key: Any, data: Any, size: Any, use: Any) -> Any:
    """The first ``size`` words for each key of ``(..., 2)``: those of ``numpy.random.Philox``.

    ``numpy.random.Philox(key=key, counter=[0, 0, data, use]).random_raw(size)``, by that where it
    is faster: for few keys and for many words.
    """
    if key.ndim == 1 and np.ndim(data) == 0:
        counter = np.array([0, 0, data, use], np.uint64)
        return np.random.Philox(key=key, counter=counter).random_raw(size)
    shape = np.broadcast_shapes(key.shape[:-1], np.shape(data))
    count = int(np.prod(shape, dtype=int))
    if count > 96 and size <= 32:
        blocks = -(-size // 4)
        numbers = np.arange(1, blocks + 1, dtype=np.uint64)
        words = philox_blocks(key[..., None, :], numbers, np.asarray(data)[..., None], use)
        return words.reshape((*shape, 4 * blocks))[..., :size]
    out = np.empty((count, size), np.uint64)
    keys = np.broadcast_to(key, (*shape, 2)).reshape((count, 2))
    datas = np.broadcast_to(data, shape).reshape(count)
    if count:
        counter = np.array([0, 0, datas[0], use], np.uint64)
        generator = np.random.Philox(key=keys[0], counter=counter)
        state = generator.state
        for i in range(count):
            if i:
                counter[2] = datas[i]
                state["state"] = {"counter": counter, "key": keys[i]}
                generator.state = state
            out[i] = generator.random_raw(size)
    return out.reshape((*shape, size))


def unit_interval(words: Any) -> Any:
    """Numbers in the middle of each of ``2**52`` parts of ``(0, 1)``; neither end occurs."""
    return ((words >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def log_gamma_draws(key: Any, a: Any) -> Any:
    """Logarithms of gamma variates of shape parameters ``a``, at least one axis less for each key.

    The keys are ``(lead..., 2)`` and ``a`` is ``(lead..., rest...)``; axes of ``lead`` that are 1
    for the keys are repeated. Each element has blocks of its own, so that its value depends on its
    parameter alone: in every round a normal, a uniform for the test and one for ``a < 1``.

    Marsaglia and Tsang, "A simple method for generating gamma variables", 2000; for ``a < 1`` the
    variate of ``a + 1`` times ``u**(1 / a)``, here as a sum of logarithms, which cannot vanish.
    """
    a, lead = np.asarray(a), key.ndim - 1
    shape = a.shape[:lead]
    size = int(np.prod(a.shape[lead:], dtype=int))
    keys = np.broadcast_to(key, (*shape, 2)).reshape((-1, 2))
    flat = a.astype(np.float64).reshape((len(keys), size))
    words = philox_words(keys, 0, 4 * size, 3).reshape((len(keys), size, 4))
    rows, columns = np.nonzero(np.isfinite(flat) & (flat >= 0))
    out = np.where(flat == np.inf, np.inf, np.nan)
    words = words[rows, columns]
    with np.errstate(divide="ignore", invalid="ignore"):
        left = flat[rows, columns]
        extra = np.where(left < 1, np.log(unit_interval(words[..., 3])) / left, 0.0)
        d = np.where(left < 1, left + 1, left) - 1 / 3
        step = 0
        while rows.size:
            u = unit_interval(words)
            x = np.sqrt(-2 * np.log(u[..., 0])) * np.cos(2 * np.pi * u[..., 1])
            log_v = 3 * np.log1p(x / np.sqrt(9 * d))
            bound = 0.5 * x * x + d - d * np.exp(log_v) + d * log_v
            done = np.log(u[..., 2]) < bound
            out[rows[done], columns[done]] = (np.log(d) + log_v + extra)[done]
            rows, columns, d, extra = rows[~done], columns[~done], d[~done], extra[~done]
            step += 1
            words = philox_blocks(keys[rows], columns + 1, step, 3)
    return out.reshape(a.shape).astype(a.dtype)[()]


def log_factorial(k: Any) -> Any:
    """``log(k!)`` for whole ``k >= 0``, by Stirling's series above 10."""
    small = np.cumsum(np.log(np.maximum(np.arange(10.0), 1)))
    x = np.maximum(k, 9.0) + 1
    r = 1 / (x * x)
    series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r / 1188)))) / x
    large = (x - 0.5) * np.log(x) - x + 0.5 * np.log(2 * np.pi) + series
    return np.where(k < 10, small[np.clip(k, 0, 9).astype(np.int64)], large)


def poisson_draws(key: Any, rate: Any) -> Any:
    """Poisson variates of the given rates as int64; axes as in `log_gamma_draws`; -1 where invalid.

    Below 10 by inversion of one uniform; above by transformed rejection (Hoermann, "The transformed
    rejection method for generating Poisson random variables", 1993, PTRS).
    """
    rate, lead = np.asarray(rate), key.ndim - 1
    shape = rate.shape[:lead]
    size = int(np.prod(rate.shape[lead:], dtype=int))
    keys = np.broadcast_to(key, (*shape, 2)).reshape((-1, 2))
    flat = rate.astype(np.float64).reshape((len(keys), size))
    words = philox_words(keys, 0, 4 * size, 4).reshape((len(keys), size, 4))
    out = np.full(flat.shape, -1, np.int64)
    rows, columns = np.nonzero((flat >= 0) & (flat < 10))
    left, u = flat[rows, columns], unit_interval(words[rows, columns, 0])
    part = np.exp(-left)
    total, k = part.copy(), 0
    while rows.size:
        done = (u <= total) | (k > 200)
        out[rows[done], columns[done]] = k
        keep = ~done
        rows, columns, u, left = rows[keep], columns[keep], u[keep], left[keep]
        k += 1
        part = part[keep] * left / k
        total = total[keep] + part
    rows, columns = np.nonzero((flat >= 10) & (flat < 2.0**62))
    left, words, step = flat[rows, columns], words[rows, columns], 0
    while rows.size:
        u, v = unit_interval(words[..., 0]) - 0.5, unit_interval(words[..., 1])
        b = 0.931 + 2.53 * np.sqrt(left)
        a = -0.059 + 0.02483 * b
        near = 0.5 - np.abs(u)
        k = np.floor((2 * a / near + b) * u + left + 0.43)
        quick = (near >= 0.07) & (v <= 0.9277 - 3.6224 / (b - 2))
        valid = (k >= 0) & (k < 2.0**63) & ((near >= 0.013) | (v <= near))
        bound = k * np.log(left) - left - log_factorial(np.maximum(k, 0))
        exact = np.log(v * (1.1239 + 1.1328 / (b - 3.4)) / (a / (near * near) + b)) <= bound
        done = quick | (valid & exact)
        out[rows[done], columns[done]] = k[done].astype(np.int64)
        rows, columns, left = rows[~done], columns[~done], left[~done]
        step += 1
        words = philox_blocks(keys[rows], columns + 1, step, 4)
    return out.reshape(rate.shape)[()]


def binomial_draws(key: Any, n: Any, p: Any) -> Any:
    """Binomial variates as int64, of ``n`` trials each; axes as in `log_gamma_draws`.

    -1 where ``n`` is no whole number from 0 to ``2**53`` or ``p`` is not from 0 to 1. Where ``n p``
    or ``n (1 - p)`` is below 10 by inversion of one uniform; above by transformed rejection
    (Hoermann, "The generation of binomial random variates", 1993, BTRS).
    """
    n, p, lead = np.asarray(n, np.float64), np.asarray(p, np.float64), key.ndim - 1
    shape = n.shape[:lead]
    size = int(np.prod(n.shape[lead:], dtype=int))
    keys = np.broadcast_to(key, (*shape, 2)).reshape((-1, 2))
    trials, chance = n.reshape((len(keys), size)), p.reshape((len(keys), size))
    words = philox_words(keys, 0, 4 * size, 5).reshape((len(keys), size, 4))
    with np.errstate(invalid="ignore"):
        valid = (trials >= 0) & (trials <= 2.0**53) & (np.floor(trials) == trials)
        valid &= (chance >= 0) & (chance <= 1)
        flip = chance > 0.5
        less = np.where(flip, 1 - chance, chance)
        few = trials * less < 10
    out = np.full(trials.shape, -1, np.int64)
    rows, columns = np.nonzero(valid & few)
    left, q, u = trials[rows, columns], less[rows, columns], unit_interval(words[rows, columns, 0])
    part, k = np.exp(left * np.log1p(-q)), 0
    total, odds = part.copy(), q / (1 - q)
    while rows.size:
        done = (u <= total) | (k >= left) | (k > 200)
        out[rows[done], columns[done]] = k
        keep = ~done
        rows, columns, u, left, odds = rows[keep], columns[keep], u[keep], left[keep], odds[keep]
        part = part[keep] * (left - k) / (k + 1) * odds
        k += 1
        total = total[keep] + part
    rows, columns = np.nonzero(valid & ~few)
    left, q, words, step = trials[rows, columns], less[rows, columns], words[rows, columns], 0
    while rows.size:
        u, v = unit_interval(words[..., 0]) - 0.5, unit_interval(words[..., 1])
        width = np.sqrt(left * q * (1 - q))
        b = 1.15 + 2.53 * width
        a = -0.0873 + 0.0248 * b + 0.01 * q
        near = 0.5 - np.abs(u)
        k = np.floor((2 * a / near + b) * u + left * q + 0.5)
        quick = (near >= 0.07) & (v <= 0.92 - 4.2 / b)
        inside = (k >= 0) & (k <= left)
        k = np.clip(k, 0, left)
        mode = np.floor((left + 1) * q)
        ratio = log_factorial(mode) + log_factorial(left - mode)
        ratio = ratio - log_factorial(k) - log_factorial(left - k)
        ratio = ratio + (k - mode) * np.log(q / (1 - q))
        bound = np.log(v * (2.83 + 5.1 / b) * width / (a / (near * near) + b))
        done = inside & (quick | (bound <= ratio))
        out[rows[done], columns[done]] = k[done].astype(np.int64)
        rows, columns, left, q = rows[~done], columns[~done], left[~done], q[~done]
        step += 1
        words = philox_blocks(keys[rows], columns + 1, step, 5)
    with np.errstate(invalid="ignore"):
        turned = np.where(valid, trials, 0.0).astype(np.int64) - out
    return np.where(valid & flip, turned, out).reshape(n.shape)[()]


def digamma(x: Any) -> Any:
    """The derivative of ``log(gamma(x))`` for ``x > 0``, by its series above 10."""
    shift = np.zeros_like(x)
    for _ in range(10):
        small = x < 10
        shift = np.where(small, shift + 1 / np.where(small, x, 1), shift)
        x = np.where(small, x + 1, x)
    r = 1 / (x * x)
    series = r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132)))))
    return np.log(x) - 0.5 / x - series - shift


def polygamma(x: Any, order: Any) -> Any:
    """The ``order``-th derivative of the digamma function for ``x > 0``; 0 is that itself.

    By its recurrence up to ``20 + order`` and its asymptotic series there (DLMF 5.15.5, 5.15.8).
    """
    dtype = np.asarray(x).dtype
    x = np.asarray(x, np.float64)
    if order == 0:
        return digamma(x).astype(dtype)[()]
    factorial = np.cumprod(np.maximum(np.arange(order + 18.0), 1))
    with np.errstate(over="ignore", divide="ignore"):
        near = sum(1 / (x + k) ** (order + 1) for k in range(20 + order))
        y = x + (20 + order)
        far = factorial[order - 1] / y**order + factorial[order] / (2 * y ** (order + 1))
        bernoulli = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
        for k, number in enumerate(bernoulli, 1):
            far = far + number * factorial[2 * k + order - 1] / factorial[2 * k] / y ** (
                2 * k + order
            )
        found = (-1) ** (order + 1) * (factorial[order] * near + far)
    return found.astype(dtype)[()]


def moments_of(cumulants: Any, order: Any) -> Any:
    """``p^(n) / p`` for the derivatives ``cumulants[k - 1]`` of ``log(p)``: Bell's polynomials."""
    found = [np.ones_like(cumulants[0]) if order == 0 else 1.0]
    for n in range(order):
        ways, total = 1, 0.0
        for k in range(n + 1):
            total = total + ways * cumulants[k] * found[n - k]
            ways = ways * (n - k) // (k + 1)
        found.append(total)
    return found[order]


def gamma_slope(a: Any, log_z: Any, order: Any) -> Any:
    """The ``order``-th derivative by ``a`` of ``P(a, z)``, the distribution function, over ``z p``.

    ``p`` is the density ``z**(a-1) exp(-z) / gamma(a)``, and ``log_z`` the logarithm of ``z``. The
    integral of the density's derivative is taken over the tail on the other side of ``z`` than the
    mode, where the first one has one sign: ``t = z exp(-v)`` below ``a``, ``t = z (1 + v)`` above.
    By the double exponential rule (Takahasi and Mori, 1974) for ``v`` from 0 on.
    """
    dtype = np.result_type(a, log_z)
    a, log_z = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(log_z, np.float64))
    with np.errstate(all="ignore"):
        z = np.exp(log_z)
        rest = [-polygamma(a, k) for k in range(1, order)]
        center = log_z - digamma(a)
        below = z <= a
        slope, bend = np.abs(a - z), np.where(below, z, a)
        width = 2 / (slope + np.sqrt(slope * slope + 2 * bend))
        width = np.maximum(width, 1 / np.where(below, a, z))
        total = np.zeros(np.shape(z))
        for t in np.arange(-4.0, 5.6, 0.0625):
            v = width * np.exp(t - np.exp(-t))
            log_y = np.log1p(v)
            lower = np.exp(-a * v - z * np.expm1(-v)) * moments_of([center - v, *rest], order)
            upper = np.exp(a * log_y - z * v) * moments_of([center + log_y, *rest], order)
            total += np.where(below, lower, -upper / (1 + v)) * v * (1 + np.exp(-t))
    return (total * 0.0625).astype(dtype)[()]


def beta_slope(a: Any, b: Any, x: Any, i: Any, j: Any) -> Any:
    """``d^(i+j) I / da^i db^j`` of the incomplete beta integral ``I`` over ``x (1 - x) p``.

    ``p`` is the density ``x**(a-1) (1-x)**(b-1) / beta(a, b)``. As `gamma_slope`, over the tail on
    the other side of ``x`` than the mean: ``t = x exp(-v)`` below it, ``1 - t = (1 - x) exp(-v)``
    above.
    """
    dtype = np.result_type(a, b, x)
    a, b, x = np.broadcast_arrays(*[np.asarray(n, np.float64) for n in (a, b, x)])
    with np.errstate(all="ignore"):
        lower = x * (a + b) <= a
        # The power of the end of the tail, the other one, and the distances from both ends.
        p, q = np.where(lower, a, b), np.where(lower, b, a)
        near, far = np.where(lower, x, 1 - x), np.where(lower, 1 - x, x)
        sums = [polygamma(a + b, k) for k in range(i + j + 1)]
        end = [sums[k] - polygamma(p, k) for k in range(i + j + 1)]
        other = [sums[k] - polygamma(q, k) for k in range(i + j + 1)]
        # Which derivative is by the power of the end.
        slope = np.maximum(p - (q - 1) * near / far, 0.0)
        bend = np.maximum((q - 1) * near / (far * far), 0.0)
        width = np.maximum(2 / (slope + np.sqrt(slope * slope + 2 * bend)), 1 / p)
        total = np.zeros(np.shape(x))
        for t in np.arange(-4.0, 5.6, 0.0625):
            v = width * np.exp(t - np.exp(-t))
            # log((1 - t) / far): 1 - t = far + near (1 - exp(-v)).
            ratio = np.log1p(-near * np.expm1(-v) / far)
            first = np.log(near) - v + end[0]
            second = np.log(far) + ratio + other[0]
            kappa = {}
            for k in range(i + j + 1):
                for m in range(i + j + 1 - k):
                    kappa[k, m] = sums[k + m - 1] if k and m else (end if k else other)[k + m - 1]
            kappa[1, 0], kappa[0, 1] = first, second
            weight = np.exp(-p * v + (q - 1) * ratio) * v * (1 + np.exp(-t)) / far
            straight = mixed_moments(kappa, i, j)
            turned = straight if i == j else mixed_moments(kappa, j, i)
            total += weight * np.where(lower, straight, -turned)
    return (total * 0.0625).astype(dtype)[()]


def mixed_moments(kappa: Any, i: Any, j: Any) -> Any:
    """As `moments_of` in two variables: ``kappa[k, m]`` are the derivatives of ``log(p)``."""
    found = {(0, 0): 1.0}
    for n in range(i + 1):
        for m in range(j + 1):
            if (n, m) == (0, 0):
                continue
            # One derivative falls on log(p), the others on it or on what it multiplies.
            u, w = (n - 1, m) if n else (n, m - 1)
            total, left = 0.0, 1
            for k in range(u + 1):
                right = 1
                for o in range(w + 1):
                    step = kappa[k + 1, o] if n else kappa[k, o + 1]
                    total = total + left * right * step * found[u - k, w - o]
                    right = right * (w - o) // (o + 1)
                left = left * (u - k) // (k + 1)
            found[n, m] = total
    return found[i, j]


def normal_cdf(x: Any) -> Any:
    """The probability that a standard normal variate is below ``x``, precise in both tails.

    By its series around 0, all of whose terms have one sign, and beyond 3 by the continued fraction
    ``density(x) / (x + 1 / (x + 2 / (x + ...)))``.
    """
    dtype = np.asarray(x).dtype
    x = np.asarray(x, np.float64)
    far = np.maximum(np.abs(x), 3.0)
    fraction = far
    for k in range(60, 0, -1):
        fraction = far + k / fraction
    tail = np.exp(-0.5 * far * far) / (np.sqrt(2 * np.pi) * fraction)
    near = np.clip(x, -3.0, 3.0)
    term = series = near
    for k in range(3, 101, 2):
        term = term * near * near / k
        series = series + term
    middle = 0.5 + series * np.exp(-0.5 * near * near) / np.sqrt(2 * np.pi)
    found = np.where(x < -3, tail, np.where(x > 3, 1 - tail, middle))
    return np.where(np.isnan(x), np.nan, found).astype(dtype)[()]


def normal_quantile(p: Any) -> Any:
    """The inverse of `normal_cdf` (Wichura, "Algorithm AS 241", 1988): rational approximations."""
    dtype = np.asarray(p).dtype
    p = np.asarray(p, np.float64)

    def ratio(r: Any, over: Any, under: Any) -> Any:
        return np.polyval(over, r) / np.polyval(under, r)

    with np.errstate(divide="ignore", invalid="ignore"):
        q = p - 0.5
        center = q * ratio(
            0.180625 - q * q,
            (
                *(2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4),
                *(4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3),
                *(1.3314166789178437745e2, 3.3871328727963666080e0),
            ),
            (
                *(5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4),
                *(2.1213794301586595867e4, 5.3941960214247511077e3, 6.8718700749205790830e2),
                *(4.2313330701600911252e1, 1.0),
            ),
        )
        r = np.sqrt(-np.log(np.minimum(p, 1 - p)))
        shoulder = ratio(
            r - 1.6,
            (
                *(7.74545014278341407640e-4, 2.27238449892691845833e-2),
                *(2.41780725177450611770e-1, 1.27045825245236838258e0),
                *(3.64784832476320460504e0, 5.76949722146069140550e0),
                *(4.63033784615654529590e0, 1.42343711074968357734e0),
            ),
            (
                *(1.05075007164441684324e-9, 5.47593808499534494600e-4),
                *(1.51986665636164571966e-2, 1.48103976427480074590e-1),
                *(6.89767334985100004550e-1, 1.67638483018380384940e0),
                *(2.05319162663775882187e0, 1.0),
            ),
        )
        tail = ratio(
            r - 5.0,
            (
                *(2.01033439929228813265e-7, 2.71155556874348757815e-5),
                *(1.24266094738807843860e-3, 2.65321895265761230930e-2),
                *(2.96560571828504891230e-1, 1.78482653991729133580e0),
                *(5.46378491116411436990e0, 6.65790464350110377720e0),
            ),
            (
                *(2.04426310338993978564e-15, 1.42151175831644588870e-7),
                *(1.84631831751005468180e-5, 7.86869131145613259100e-4),
                *(1.48753612908506148525e-2, 1.36929880922735805310e-1),
                *(5.99832206555887937690e-1, 1.0),
            ),
        )
        outer = np.where(r <= 5, shoulder, np.where(r == np.inf, np.inf, tail))
        found = np.where(np.abs(q) <= 0.425, center, np.where(q < 0, -outer, outer))
    return found.astype(dtype)[()]
