"""Floor 6: what to write instead of a NumPy function that cannot be traced, by its name."""

from __future__ import annotations

__all__ = ["ADVICE"]

_SET = (
    "A traced value cannot be written into. Write x = x.at[i].set(value), or numpy.where(mask, "
    "value, x)."
)
_FILE = (
    "Return the value from the transformed function and save it there; where no gradient is "
    "wanted, save stop_gradient(x)."
)
_SHAPE = (
    "The shape of its result depends on the numbers. Use numpy.where with a mask, or call it "
    "before the transform."
)
_QUANTILE = (
    "Sort and take: numpy.sort(x)[k], for even weights between neighbours a mean of two; "
    "numpy.median can be traced."
)
_HISTOGRAM = (
    "Counts carry no gradient. Call it with stop_gradient(x), or before the transform; for sums of "
    "weights numpy.bincount can be traced."
)
_POLYNOMIAL = "Write the sum of powers, for values Horner's scheme: y = y * x + c for each c."
_SETS = "It compares values and carries no gradient. Call it with stop_gradient(x)."
_DECOMPOSITION = (
    "numpy.linalg has solve, inv, det, slogdet, cholesky and norm for traced values; call this one "
    "with stop_gradient(x), or before the transform."
)
ADVICE: dict[str, str] = {
    "copyto": f"{_SET} In place of full_like(a, x), write funcgrad.numpy.full_like(a, x).",
    "place": _SET,
    "putmask": _SET,
    "partition": "Use numpy.sort(x).",
    "argpartition": "Use numpy.argsort(x).",
    "lexsort": "Use numpy.argsort(key, kind='stable') of one key after the other.",
    "save": _FILE,
    "savez": _FILE,
    "savez_compressed": _FILE,
    "savetxt": _FILE,
    "trim_zeros": _SHAPE,
    "apply_along_axis": "Use funcgrad.vmap, which maps a function over an axis.",
    "apply_over_axes": "Apply the function for one axis after the other.",
    "piecewise": "Use numpy.where, or numpy.select for several conditions.",
    "block": "Use numpy.concatenate of rows, each a numpy.concatenate of its blocks.",
    "insert": "Write numpy.concatenate([x[:i], values, x[i:]]).",
    "resize": "Use numpy.tile and x[:n], then reshape.",
    "ediff1d": "Write x[1:] - x[:-1].",
    "gradient": "Write (x[2:] - x[:-2]) / (2 * h) inside and one-sided differences at the ends.",
    "trapezoid": "Write numpy.sum((y[1:] + y[:-1]) / 2 * (x[1:] - x[:-1])).",
    "interp": "Find the interval with i = numpy.clip(numpy.searchsorted(xp, stop_gradient(x)), 1, "
    "len(xp) - 1) and write the line between xp[i - 1] and xp[i].",
    "convolve": "Sum shifted products, or multiply with a Toeplitz matrix of the fixed factor.",
    "correlate": "Sum shifted products, or multiply with a Toeplitz matrix of the fixed factor.",
    "cov": "Write d = x - x.mean(axis=1, keepdims=True), then d @ d.T / (n - 1).",
    "corrcoef": "Write the covariance d @ d.T of d = x - mean, and divide by the standard "
    "deviations.",
    "geomspace": "Write numpy.exp(numpy.linspace(numpy.log(a), numpy.log(b), n)).",
    "vander": "Write x[:, None] ** numpy.arange(n).",
    "unwrap": "Add the multiples of 2 pi that numpy.unwrap(stop_gradient(x)) adds.",
    "quantile": _QUANTILE,
    "percentile": _QUANTILE,
    "nanquantile": _QUANTILE,
    "nanpercentile": _QUANTILE,
    "nanmedian": "Choose the numbers with a mask first: numpy.median(x[mask]).",
    "nancumsum": "Write numpy.cumsum(numpy.where(numpy.isnan(x), 0, x)).",
    "nancumprod": "Write numpy.cumprod(numpy.where(numpy.isnan(x), 1, x)).",
    "nanargmax": "Write numpy.argmax(numpy.where(numpy.isnan(x), -numpy.inf, x)).",
    "nanargmin": "Write numpy.argmin(numpy.where(numpy.isnan(x), numpy.inf, x)).",
    "histogram": _HISTOGRAM,
    "histogram2d": _HISTOGRAM,
    "histogramdd": _HISTOGRAM,
    "histogram_bin_edges": _HISTOGRAM,
    "poly": _POLYNOMIAL,
    "polyval": _POLYNOMIAL,
    "polyadd": _POLYNOMIAL,
    "polysub": _POLYNOMIAL,
    "polymul": _POLYNOMIAL,
    "polydiv": _POLYNOMIAL,
    "polyder": _POLYNOMIAL,
    "polyint": _POLYNOMIAL,
    "polyfit": "Solve the normal equations with numpy.linalg.solve.",
    "roots": "Iterate Newton's method on the polynomial from numpy.roots(stop_gradient(c)).",
    "sort_complex": "Use numpy.sort.",
    "real_if_close": "Use numpy.real.",
    "isin": _SETS,
    "intersect1d": _SETS,
    "setdiff1d": _SETS,
    "setxor1d": _SETS,
    "union1d": _SETS,
    "unique_all": "Use numpy.unique.",
    "unique_counts": "Use numpy.unique.",
    "unique_inverse": "Use numpy.unique.",
    "unique_values": "Use numpy.unique.",
    "linalg.cond": _DECOMPOSITION,
    "linalg.eig": _DECOMPOSITION,
    "linalg.eigh": _DECOMPOSITION,
    "linalg.eigvals": _DECOMPOSITION,
    "linalg.eigvalsh": _DECOMPOSITION,
    "linalg.lstsq": "Solve the normal equations: numpy.linalg.solve(A.T @ A, A.T @ b).",
    "linalg.matrix_rank": _DECOMPOSITION,
    "linalg.pinv": "Where A has full column rank, write numpy.linalg.solve(A.T @ A, A.T).",
    "linalg.qr": _DECOMPOSITION,
    "linalg.svd": _DECOMPOSITION,
    "linalg.svdvals": _DECOMPOSITION,
    "linalg.tensorinv": "Reshape to a matrix and use numpy.linalg.inv.",
    "linalg.tensorsolve": "Reshape to matrices and use numpy.linalg.solve.",
}
