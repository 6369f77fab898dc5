"""The few numerical functions that primitives run and that NumPy does not have.

Each uses nothing but ``np``: the numpy backend copies their text into the source it generates, so
that this source runs by itself. Each computes a scalar and the same element of an array alike, to
the bit, and keeps Python's numbers Python's.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def divide(x: Any, y: Any) -> Any:
    """``x / y``, with NumPy's inf and nan where Python's numbers would raise."""
    try:
        return x / y
    except ZeroDivisionError:
        return np.true_divide(x, y).item()


def floor_divide(x: Any, y: Any) -> Any:
    """``x // y``, with NumPy's inf and nan where Python's floats would raise."""
    try:
        return x // y
    except ZeroDivisionError:
        if type(x) is not float:
            raise
        return np.floor_divide(x, y).item()


def remainder(x: Any, y: Any) -> Any:
    """``x % y``, with NumPy's nan where Python's floats would raise."""
    try:
        return x % y
    except ZeroDivisionError:
        if type(x) is not float:
            raise
        return np.remainder(x, y).item()


def power(x: Any, y: Any) -> Any:
    """``x ** y``, with NumPy's inf and nan where Python's numbers would raise or turn complex."""
    if type(y) is int and type(x) is int and y < 0:
        raise ValueError("Integers to negative integer powers are not allowed.")
    try:
        value = x**y
    except (ZeroDivisionError, OverflowError):
        kind = complex if complex in (type(x), type(y)) else float
        return np.power(kind(x), kind(y)).item()
    return np.nan if type(value) is complex and complex not in (type(x), type(y)) else value


def quiet_divide(x: Any, y: Any) -> Any:
    """``x / y`` without a warning where ``y`` is 0: for derivatives infinite at a finite point."""
    if isinstance(x, float) and isinstance(y, float) and y:
        value = float(x) / float(y)
        return value if type(x) is float and type(y) is float else np.float64(value)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value = np.true_divide(x, y)
    return value.item() if {type(x), type(y)} <= {bool, int, float, complex} else value


def quiet_power(x: Any, y: Any) -> Any:
    """``np.power(x, y)`` without warnings, for derivatives infinite at a finite point."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.power(x, y)


def quiet_rsqrt(x: Any) -> Any:
    """``1 / sqrt(x)`` without warnings, for derivatives infinite at a finite point."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 / np.sqrt(x)


def log_or_zero(x: Any) -> Any:
    """``log(x)``, and 0 at 0: what ``x ** y`` multiplies in its derivative by ``y``."""
    with np.errstate(invalid="ignore"):
        return np.log(np.where(np.equal(x, 0), 1, x))[()]


def mask_mul(ct: Any, p: Any) -> Any:
    """``ct * p``, and 0 where either factor is exactly 0 though the other is inf or nan."""
    if isinstance(ct, float) and isinstance(p, float):
        value = float(ct) * float(p)
        if value - value != 0:  # inf or nan
            if ct == 0 or p == 0:
                value = 0.0
            elif type(ct) is not float or type(p) is not float:
                return np.multiply(ct, p)  # which tells of overflow
        return value if type(ct) is float and type(p) is float else np.float64(value)
    with np.errstate(invalid="ignore"):
        product = np.multiply(ct, p)
        # A nan anywhere is a nan in the smallest: one pass that writes nothing.
        smallest = product.min() if product.size else 0
        if smallest != smallest:
            spoiled = (product != product) & (np.equal(ct, 0) | np.equal(p, 0))
            product = np.where(spoiled, 0, product)[()]
    return product.item() if {type(ct), type(p)} <= {bool, int, float, complex} else product


def difference(x: Any, y: Any) -> Any:
    """``x - y``, and 0 where both are the same infinity."""
    with np.errstate(invalid="ignore"):
        found = np.subtract(x, y)
        smallest = found.min() if found.size else 0
        if smallest != smallest:  # inf - inf, or a nan
            found = np.where(np.equal(x, y), 0, found)[()]
    return found


def logistic(x: Any) -> Any:
    """``1 / (1 + exp(-x))``; 0 where the exponential overflows, below the least normal number."""
    with np.errstate(over="ignore"):
        e = np.exp(-x)
    e += 1
    return np.divide(1, e, out=e if isinstance(e, np.ndarray) else None)


def logistic_slope(s: Any, x: Any) -> Any:
    """``s (1 - s)`` of ``s = logistic(x)``, as ``s / (1 + exp(x))``, since ``1 - s`` cancels."""
    with np.errstate(over="ignore"):
        e = np.exp(x)
    e += 1
    return np.divide(s, e, out=e if isinstance(e, np.ndarray) else None)


def complex_sech_squared(t: Any, x: Any) -> Any:
    """``1 - t**2`` of ``t = tanh(x)``, as ``((1 + t) exp(-x))**2``, of ``-x`` left of the axis."""
    sign = np.where(np.real(x) < 0, -1, 1).astype(np.result_type(np.real(x)))
    return np.square((1 + sign * t) * np.exp(-sign * x))


def keep(condition: Any, x: Any, where: bool) -> Any:
    """``x`` where ``condition`` is ``where``, else 0: a product, which is faster than np.where.

    So the zeros have the signs of ``x``, but for those of inf and nan.
    """
    if not isinstance(x, np.ndarray) and not isinstance(condition, np.ndarray):
        return x if bool(condition) is where else zero_of(x)
    with np.errstate(invalid="ignore"):
        product = np.multiply(x, condition if where else np.logical_not(condition))
        smallest = product.min() if product.size else 0
        if smallest != smallest:  # 0 * inf, or a nan
            spoiled = (product != product) & np.not_equal(condition, where)
            product = np.where(spoiled, 0, product)[()]
    return product


def zero_of(x: Any) -> Any:
    """``0 * x`` for a scalar, and 0 for inf and nan."""
    with np.errstate(invalid="ignore"):
        zero = x * 0
    return zero if zero == zero else type(x)(0)


def share(g: Any, x: Any, y: Any, nan_loses: bool) -> Any:
    """``g`` where ``x > y``, 0 where ``x < y``, half of it elsewhere; where both are nan too."""
    won, lost = x > y, x < y
    if nan_loses:
        won, lost = np.logical_or(won, np.isnan(y)), np.logical_or(lost, np.isnan(x))
    if not isinstance(won, np.ndarray) and not isinstance(g, np.ndarray):
        part = 0.5 * g if won == lost else g if won else zero_of(g)
        if type(g) not in (float, complex) or {type(x), type(y)} <= {float, complex}:
            return part
        return np.result_type(x, y).type(part)
    dtype = np.result_type(g, x, y).type  # any of them may be a Python scalar
    weight = np.subtract(won, lost, dtype=dtype) * 0.5 + 0.5
    with np.errstate(invalid="ignore"):
        product = np.multiply(g, weight)
        smallest = product.min() if product.size else 0
        if smallest != smallest:  # 0 * inf, or a nan
            product = np.where((product != product) & (weight == 0), 0, product)[()]
    return product


def euclidean_norm(x: Any, axes: Any) -> Any:
    """``sqrt(sum(|x|**2))`` over ``axes``, as `numpy.linalg.norm` computes it."""
    if len(axes) == x.ndim:
        flat = x.ravel("K")
        if flat.dtype.kind == "c":
            return np.sqrt(flat.real.dot(flat.real) + flat.imag.dot(flat.imag))
        return np.sqrt(flat.dot(flat))
    squares = x.real * x.real + x.imag * x.imag if x.dtype.kind == "c" else x * x
    return np.sqrt(np.add.reduce(squares, axes))


def euclidean_norm_of_scaled(x: Any, axes: Any) -> Any:
    """``sqrt(sum(|x|**2))`` over ``axes``, also where squares underflow or overflow."""
    if x.dtype.kind == "c":
        x, axes = np.stack([x.real, x.imag]), (0, *[axis + 1 for axis in axes])
    with np.errstate(over="ignore", under="ignore"):
        y, n = scaled_norm(x, axes)
        top = np.max(np.abs(x), axis=axes, initial=0)
        most = np.max(np.abs(y), axis=axes, initial=0)
        n = np.where(most == 0, most, np.reshape(n, most.shape))
        exponent = np.frexp(top)[1] - np.frexp(most)[1]
        n = np.where(np.isinf(top), top, np.ldexp(n, exponent))
    return n if n.ndim else n[()]


def scaled_norm(x: Any, axes: Any) -> Any:
    """``(y, n)``: a multiple of a real ``x``, and its Euclidean norm over ``axes``, which stay.

    It is ``x`` itself where its squares neither underflow nor overflow, else ``x`` times a power of
    two. Infinities count as ones among zeros, as `numpy.arctan2` takes them. A norm of 0 is 1.
    """
    limits = np.finfo(x.dtype)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        n = np.sqrt(np.sum(x * x, axis=axes, keepdims=True))
        least = np.sqrt(limits.tiny) / limits.eps
        if not ((n > least) & (n < limits.max)).all():
            top = np.max(np.abs(x), axis=axes, keepdims=True, initial=0)
            x = np.where(np.isinf(top), np.where(np.isinf(x), np.sign(x), x * 0), x)
            exponent = np.where((n > least) & (n < limits.max), 0, np.frexp(top)[1])
            x = np.ldexp(x, -exponent)
            n = np.sqrt(np.sum(x * x, axis=axes, keepdims=True))
            n = np.where(n == 0, x.dtype.type(1), n)
    return x, n


def direction(x: Any, n: Any, axes: Any) -> Any:
    """``x / |x|`` over ``axes``, of which ``n`` is the norm unless its squares underflow; 0 at 0.

    The numbers of a complex ``x`` are points of the plane.
    """
    x = np.asarray(x)
    limits = np.finfo(x.dtype)
    n = np.reshape(n, [1 if i in axes else length for i, length in enumerate(x.shape)])
    if ((n > np.sqrt(limits.tiny) / limits.eps) & (n < limits.max)).all():
        return x / n
    if x.dtype.kind == "c":
        parts, n = scaled_norm(np.stack([x.real, x.imag]), (0, *[axis + 1 for axis in axes]))
        return make_complex(*(parts / n))
    y, n = scaled_norm(x, axes)
    return y / n


def point_direction(x: Any) -> Any:
    """``x / |x|`` of complex numbers, also where squares underflow or overflow; 0 at 0."""
    return direction(x, np.abs(x), ())


def cosine(x: Any, y: Any) -> Any:
    """``x / hypot(x, y)``, also where squares underflow or overflow; 0 at the origin."""
    parts, n = scaled_norm(np.array(np.broadcast_arrays(x, y), np.result_type(x, y)), (0,))
    return parts[0] / n[0]


def sinc_derivative(x: Any, order: int) -> Any:
    """The derivative of sin(u)/u of the given order, at u = pi * x.

    By parts, ``f_n = (sin(u + n pi / 2) - n f_(n-1)) / u`` from ``f_0 = sin(u) / u``, which loses
    no precision for ``|u| > n``; nearer to 0 the Taylor series, which converges there at once.
    """
    u = np.pi * x
    near = np.less_equal(np.abs(u), order + 1)
    far = np.where(near, order + 2, u)
    value = np.sin(far) / far
    for n in range(1, order + 1):
        value = ((np.sin, np.cos)[n % 2](far) * (1, 1, -1, -1)[n % 4] - n * value) / far
    small = np.where(near, u, 0)
    first = order + order % 2  # the powers of u in the series have the parity of the order
    # d^n/du^n of (-1)^(k/2) u^k / (k+1)! is (-1)^(k/2) u^(k-n) / ((k-n)! (k+1)): its coefficients.
    term = (-1) ** (first // 2) * small ** (first - order)
    series = term / (first + 1)
    for k in range(first + 2, first + 2 * order + 32, 2):
        term = -term * small * small / ((k - order) * (k - order - 1))
        series = series + term / (k + 1)
    return np.where(near, series, value)[()]


def make_complex(x: Any, y: Any) -> Any:
    """``x + 1j * y`` without arithmetic: signs of zeros and infinities stay."""
    parts = np.broadcast_arrays(x, y)
    z = np.empty(parts[0].shape, np.result_type(*parts, np.complex64))
    z.real, z.imag = parts
    return z[()]


def convert(x: Any, dtype: Any, weak: bool) -> Any:
    """``x`` as ``dtype``, a Python scalar if ``weak``; a complex one that becomes real is cut."""
    if np.dtype(dtype).kind in "fiu" and np.iscomplexobj(x):
        x = x.real
    if isinstance(x, np.ndarray):
        return x.astype(dtype)
    value = np.dtype(dtype).type(x)
    return value.item() if weak else value
