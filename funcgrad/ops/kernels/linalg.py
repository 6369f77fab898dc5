"""The NumPy that decompositions and their rules run; see `funcgrad.ops.kernels`.

Each function uses nothing but ``np`` and itself: generated source holds a copy of its text.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def inverse_gaps(w: Any, sign: Any) -> Any:
    """``1 / (w[j] + sign * w[i])`` for each pair, 0 where the divisor is 0 up to rounding.

    LAPACK's values are those of a matrix within a few ``eps`` of the given one: nearer values have
    no gap that means anything. Where ``numpy.errstate`` says that division by zero raises, two
    values that coincide do.
    """
    sums = w[..., None, :] + sign * w[..., :, None]
    n = w.shape[-1]
    most = np.max(np.abs(w), axis=-1, initial=0)[..., None, None]
    zero = np.abs(sums) <= (16 + n) * np.finfo(w.dtype).eps * most
    if np.geterr()["divide"] == "raise" and (zero & ~np.eye(n, dtype=bool)).any():
        raise FloatingPointError("divide by zero: eigenvalues or singular values coincide")
    return np.divide(1, sums, out=np.zeros_like(sums), where=~zero)


def inverses(s: Any) -> Any:
    """``1 / s``, 0 where ``s`` is 0 up to the rounding of the largest of its row."""
    most = np.max(np.abs(s), axis=-1, initial=0)[..., None]
    zero = np.abs(s) <= (16 + s.shape[-1]) * np.finfo(s.dtype).eps * most
    if np.geterr()["divide"] == "raise" and zero.any():
        raise FloatingPointError("divide by zero: a singular value is 0")
    return np.divide(1, s, out=np.zeros_like(s), where=~zero)


def quiet_inverse(x: Any) -> Any:
    """``numpy.linalg.inv``, with nan for the matrices of a stack that are singular."""
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        if x.ndim == 2:
            return np.full(x.shape, np.nan, x.dtype)
        return np.stack([quiet_inverse(part) for part in x])


def complex_eig(x: Any) -> Any:
    """``numpy.linalg.eig``, always complex: NumPy's dtype depends on the numbers."""
    w, v = np.linalg.eig(x)
    dtype = np.result_type(x.dtype, np.complex64)
    return w.astype(dtype), v.astype(dtype)


def complex_eigvals(x: Any) -> Any:
    """``numpy.linalg.eigvals``, always complex."""
    return np.linalg.eigvals(x).astype(np.result_type(x.dtype, np.complex64))


def stacked_lstsq(a: Any, b: Any, rcond: Any) -> Any:
    """The solutions of ``numpy.linalg.lstsq`` for two stacks of matrices of one length."""
    if a.ndim == 2:
        return np.linalg.lstsq(a, b, rcond)[0]
    out = np.empty((*a.shape[:-2], a.shape[-1], b.shape[-1]), b.dtype)
    for position in np.ndindex(a.shape[:-2]):
        out[position] = np.linalg.lstsq(a[position], b[position], rcond)[0]
    return out


def cofactors(x: Any, *directions: Any) -> Any:
    """The cofactors of each matrix of a stack, or how they move in each of the directions at once.

    That is the gradient of a derivative of the determinant, a polynomial, whatever the rank. Of a
    regular matrix it follows from the inverse. Else ``x`` is moved by ``r W`` times each of the
    roots of unity, ``W`` the product of the singular vectors of small singular values, and the mean
    taken: as a polynomial of a degree below the number of roots has its value at 0 for its mean.
    """
    eps, order = np.finfo(x.dtype).eps, len(directions)
    if order >= x.shape[-1]:  # they are of degree n - 1
        return np.zeros(x.shape, x.dtype)
    # What cancels with the inverse grows with its size, and once more for each direction.
    small = eps ** (0.5 / (order + 1))
    try:
        inverse = np.linalg.inv(x)
        sizes = np.max(np.abs(x), axis=(-2, -1), initial=0)
        sizes = sizes * np.max(np.abs(inverse), axis=(-2, -1), initial=0)
        if not (sizes * small > 0.125).any():  # nor nan
            return regular_cofactors(x, inverse, *directions)
    except np.linalg.LinAlgError:
        pass
    if x.ndim > 2:
        return np.stack([cofactors(*parts) for parts in zip(x, *directions)])
    u, s, vh = np.linalg.svd(x)
    zero = s <= 4 * len(s) * eps * s[0]
    if np.sum(zero) > order + 1:
        return np.zeros(x.shape, x.dtype)
    count = int(np.sum(s <= small * s[0]))
    r = s[-count - 1] if count < len(s) else s.dtype.type(1)
    if count and not zero[-count]:  # not farther than need be from one that is more than rounding
        r = max(r * (s[-count] / r) ** (1 / (order + 2)), 2 * s[-count])
    w = u[:, len(s) - count :] @ vh[len(s) - count :]
    roots = np.exp(2j * np.pi * np.arange(count + 1) / (count + 1))
    kind = np.result_type(x, np.complex64)
    if count < 2 and x.dtype.kind == "f":
        roots, kind = np.real(roots), x.dtype
    total = np.zeros(x.shape, np.result_type(x, np.complex64))
    for step in (r * roots).astype(kind):
        moved = x + step * w
        total += regular_cofactors(moved, np.linalg.inv(moved), *directions)
    total /= count + 1
    return total.astype(x.dtype) if x.dtype.kind == "c" else np.real(total).astype(x.dtype)


def regular_cofactors(x: Any, inverse: Any, *directions: Any) -> Any:
    """`cofactors` of regular matrices.

    With ``y_i = inverse @ direction_i`` and ``e_i`` whose squares are 0, the adjugate of ``1 + sum
    e_i y_i`` has at ``prod_S e_i`` the coefficient ``a(S) = d(S) - sum_S y_i a(S - i)``, and the
    determinant ``d(S) = tr(y_i a(S - i))``, for any ``i`` of ``S``.
    """
    moves = [inverse @ t for t in directions]
    unit = np.eye(x.shape[-1], dtype=x.dtype)
    found = [np.broadcast_to(unit, x.shape)]
    for chosen in range(1, 2 ** len(moves)):
        parts = [y @ found[chosen - (1 << i)] for i, y in enumerate(moves) if chosen >> i & 1]
        determinant = np.trace(parts[0], axis1=-2, axis2=-1)
        found.append(determinant[..., None, None] * unit - sum(parts))
    adjugate = np.linalg.det(x)[..., None, None] * (found[-1] @ inverse)
    return np.swapaxes(adjugate, -1, -2).copy()


def inverse_or_infinite(x: Any) -> Any:
    """``numpy.linalg.inv``; for singular matrices the cofactors over 0, and 0 where those are 0."""
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        if x.ndim > 2:
            return np.stack([inverse_or_infinite(part) for part in x])
        turned = cofactors(x).T
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(turned == 0, turned, turned / np.zeros_like(turned))
