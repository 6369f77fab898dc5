"""Which module has which function of NumPy's, so that a module loads when first used.

Most programs use a few dozen of NumPy's functions. The module of a function is loaded when a traced
value first meets the function, and when it is first taken from `funcgrad.numpy`.
"""

from __future__ import annotations

from types import ModuleType

from ..core import lazy

__all__ = ["MODULES", "MODULE_OF", "load", "load_all"]

MODULES: dict[str, str] = {
    "applying": "apply_along_axis apply_over_axes piecewise",
    "arithmetic": (
        "add copysign divide divmod float_power floor_divide fmod frexp heaviside ldexp mod "
        "modf multiply negative nextafter positive pow power reciprocal remainder spacing "
        "square subtract true_divide"
    ),
    "assembly": "block geomspace insert resize trim_zeros vander",
    "bits": "packbits unpackbits",
    "brackets": "c_ r_",
    "calculus": "ediff1d gradient i0 interp trapezoid unwrap",
    "complex": "abs absolute conj conjugate fabs sign",
    "contraction": "einsum einsum_path",
    "convolution": "convolve correlate",
    "counting": "histogram histogram2d histogram_bin_edges histogramdd",
    "covariance": "corrcoef cov",
    "create": (
        "arange array asanyarray asarray ascontiguousarray astype copy empty eye full "
        "identity linspace logspace ones tri zeros"
    ),
    "discrete": (
        "bitwise_and bitwise_count bitwise_invert bitwise_left_shift bitwise_not bitwise_or "
        "bitwise_right_shift bitwise_xor ceil equal floor gcd greater greater_equal invert "
        "isfinite isinf isnan lcm left_shift less less_equal logical_and logical_not "
        "logical_or logical_xor not_equal right_shift rint signbit trunc"
    ),
    "elementary": (
        "allclose angle around clip fix imag isclose iscomplex isneginf isposinf isreal "
        "nan_to_num real round sinc where"
    ),
    "exponential": "cbrt exp exp2 expm1 log log10 log1p log2 logaddexp logaddexp2 sqrt",
    "extrema": "fmax fmin maximum minimum",
    "fft": "fft",
    "index": "choose fill_diagonal put put_along_axis select take take_along_axis",
    "inquire": (
        "array2string array_equal array_equiv array_repr array_str can_cast common_type "
        "iscomplexobj isfortran isrealobj may_share_memory min_scalar_type result_type "
        "shares_memory"
    ),
    "join": (
        "append array_split column_stack concat concatenate dsplit dstack hsplit hstack repeat "
        "roll split stack tile unstack vsplit vstack"
    ),
    "like": "empty_like full_like meshgrid ones_like zeros_like",
    "linalg": "linalg",
    "matrices": "diag diagflat diagonal trace tril triu",
    "nans": (
        "nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmin nanprod nanstd "
        "nansum nanvar"
    ),
    "ordering": (
        "argpartition intersect1d isin lexsort partition setdiff1d setxor1d sort_complex "
        "union1d unique_all unique_counts unique_inverse unique_values"
    ),
    "padding": "pad",
    "searching": (
        "argwhere bincount compress delete diag_indices_from digitize extract flatnonzero "
        "ix_ nonzero ravel_multi_index searchsorted tril_indices_from triu_indices_from "
        "unique unravel_index"
    ),
    "polynomials": "poly polyadd polyder polydiv polyfit polyint polymul polysub polyval",
    "products": "cross dot inner kron matmul matvec outer tensordot vdot vecdot vecmat",
    "quantiles": "nanmedian nanpercentile nanquantile percentile quantile",
    "reduce": "all amax amin any argmax argmin count_nonzero max min prod ptp sum",
    "scan": "argsort cumprod cumsum cumulative_prod cumulative_sum diff sort",
    "shapes": (
        "atleast_1d atleast_2d atleast_3d broadcast_arrays broadcast_to expand_dims flip "
        "fliplr flipud matrix_transpose moveaxis ndim permute_dims ravel reshape rollaxis "
        "rot90 shape size squeeze swapaxes transpose"
    ),
    "statistics": "average mean median std var",
    "trigonometric": (
        "acos acosh arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin asinh atan "
        "atan2 atanh cos cosh deg2rad degrees hypot rad2deg radians sin sinh tan tanh"
    ),
    "update": "at",
}
"""For each module the functions of NumPy's whose counterparts it registers or that it names."""

MODULE_OF: dict[str, str] = {
    name: module for module, names in MODULES.items() for name in names.split()
}


def load(module: str) -> ModuleType:
    """The module of that name; loading it registers its counterparts."""
    return lazy.load(f"{__package__}.{module}")


def load_all() -> None:
    """Load every module, for those who look at all that is registered."""
    for module in MODULES:
        load(module)
