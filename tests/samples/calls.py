"""Every traced function of NumPy: how it is called, for arguments of all dtypes and shapes.

A row is the text of a call over the operands ``x``, ``y`` and ``z``, with options in braces that
`test_calls` fills in: ``{axis}`` an axis, ``{maybe}`` an axis or None, ``{axes}`` also a tuple of
them, ``{flag}`` a boolean, ``{n}`` a small integer, ``{dtype}`` a dtype. Among the options are
wrong ones: an axis that is not there, one that stands twice.
"""

import inspect
from typing import NamedTuple

import numpy as np


class Row(NamedTuple):
    """How functions are called.

    Attributes:
        names: The functions, as docs/numpy-coverage.md names them; ``{f}`` in the text.
        text: The call.
        shapes: Of ``x``: "any", "vector" and "matrix" (mostly of that rank), "filled" (vectors),
            "square" (stacks of square matrices, mostly), "flat" (one matrix), "cube" (all axes of
            length 3).
        kinds: The kinds of dtype of the operands, ``s`` for Python's numbers.
        abstract: Whether it can be traced without values.
        normal: Whether the numbers are far from special ones, and of a precision that LAPACK has.
    """

    names: str
    text: str
    shapes: str = "any"
    kinds: str = "biufcs"
    abstract: bool = True
    normal: bool = False


ONE = "np.{f}(x)"
TWO = "np.{f}(x, y)"

ROWS = [
    # ufuncs
    Row(
        "abs absolute acos acosh arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan "
        "atanh bitwise_count bitwise_invert bitwise_not cbrt ceil conj conjugate cos cosh "
        "deg2rad degrees exp exp2 expm1 fabs floor frexp invert isfinite isinf isnan log log10 "
        "log1p log2 logical_not modf negative positive rad2deg radians reciprocal rint sign "
        "signbit sin sinh spacing sqrt square tan tanh trunc",
        ONE,
    ),
    Row(
        "add arctan2 atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift "
        "bitwise_xor copysign divide divmod equal float_power floor_divide fmax fmin fmod gcd "
        "greater greater_equal heaviside hypot lcm ldexp left_shift less less_equal logaddexp "
        "logaddexp2 logical_and logical_or logical_xor maximum minimum mod multiply nextafter "
        "not_equal pow power remainder right_shift subtract true_divide",
        TWO,
    ),
    # reductions
    Row("sum prod nansum nanprod", "np.{f}(x, axis={axes}, keepdims={flag})"),
    Row("sum prod nansum nanprod mean", "np.{f}(x, axis={axes}, dtype={dtype})"),
    Row("sum prod max min", "np.{f}(x, axis={axes}, where=y > 0, initial=1)"),
    Row("any all", "np.{f}(x, axis={axes}, where=y > 0)"),
    Row("size", "np.{f}(x, {axes})"),
    Row("amax amin max min ptp all any", "np.{f}(x, axis={axes}, keepdims={flag})"),
    Row("mean std var nanmean nanstd nanvar", "np.{f}(x, axis={axes}, keepdims={flag})"),
    Row("std var nanstd nanvar", "np.{f}(x, axis={maybe}, ddof={n})"),
    Row(
        "mean std var nanmean nanstd nanvar",
        "np.{f}(x, axis={maybe}, dtype={dtype}, keepdims={flag})",
        kinds="biufs",
        normal=True,
    ),
    Row(
        "mean std var nanmean nanstd nanvar",
        "fnp.{f}(x, axis={maybe}, dtype=complex, where=y > 0)",
        normal=True,
    ),
    Row(
        "std var nanstd nanvar",
        "fnp.{f}(x, axis={maybe}, dtype=np.int32, where=y > 0)",
        shapes="vector",
        kinds="biuf",
    ),
    Row(
        "std var nanstd nanvar",
        "np.{f}(x, axis={axis}, dtype=np.float32, mean=np.mean(x))",
        kinds="biuf",
    ),
    Row("nanmax nanmin", "np.{f}(x, axis={axes}, keepdims={flag})"),
    Row("median nanmedian", "np.{f}(x, axis={axes}, keepdims={flag})"),
    Row("median nanmedian", "np.{f}(x, axis=({axis}, {axis}))"),
    Row("quantile nanquantile", "np.{f}(x, 0.3, axis={maybe}, keepdims={flag})", kinds="iuf"),
    Row("percentile nanpercentile", "np.{f}(x, [10, 75], axis={maybe})", kinds="iuf"),
    Row("quantile percentile", "np.{f}(x, {n} / 2, method='nearest')", kinds="iuf"),
    Row(
        "quantile nanquantile",
        "np.{f}(x, 0.3, axis={maybe}, weights=np.abs(x) % 4 + 1, method='inverted_cdf')",
        kinds="iuf",
        normal=True,
    ),
    Row("argmax argmin nanargmax nanargmin", "np.{f}(x, axis={maybe}, keepdims={flag})"),
    Row("count_nonzero", "np.{f}(x, axis={axes}, keepdims={flag})"),
    Row("average", "np.{f}(x, axis={axes}, keepdims={flag})"),
    Row("average", "np.{f}(x, axis={maybe}, weights=np.abs(x) + 1, returned=True)"),
    Row("cumsum cumprod nancumsum nancumprod", "np.{f}(x, axis={maybe})"),
    Row("cumsum cumprod", "np.{f}(x, axis={maybe}, dtype={dtype})"),
    Row("cumulative_sum cumulative_prod", "np.{f}(x, axis={maybe}, include_initial={flag})"),
    Row("linalg.norm", "np.{f}(x, axis={axes}, keepdims={flag})"),
    Row("linalg.norm", "np.{f}(x, {n}, axis={maybe})"),
    Row("linalg.norm", "np.{f}(x, np.inf, axis={axes})"),
    Row("linalg.vector_norm", "np.{f}(x, axis={axes}, keepdims={flag}, ord={n})"),
    Row("linalg.matrix_norm", "np.{f}(x, keepdims={flag})", shapes="matrix"),
    Row("trace", "np.{f}(x, {n} - 1, {axis}, {axis})", shapes="matrix"),
    Row("trapezoid", "np.{f}(x, dx=0.5, axis={axis})"),
    Row("corrcoef cov", "np.{f}(x, rowvar={flag})", normal=True),
    Row("corrcoef cov", "np.{f}(x, dtype={dtype})", normal=True),
    Row("linalg.trace", "np.{f}(x, dtype={dtype})", shapes="square", kinds="biuf"),
    Row("trace", "np.{f}(x, dtype={dtype})", shapes="square", kinds="biuf"),
    Row("nancumsum nancumprod", "np.{f}(x, axis={maybe}, dtype={dtype})"),
    Row("cumulative_sum cumulative_prod", "np.{f}(x, axis={maybe}, dtype={dtype})"),
    # order
    Row("sort", "np.{f}(x, axis={maybe})"),
    Row("argsort", "np.{f}(x, axis={maybe}, kind='stable')"),
    Row("partition", "np.{f}(x, 0)[..., :1]", normal=True),
    Row("partition", "np.sort(np.{f}(x, {n} - 1, axis={axis}), {axis})", "vector", normal=True),
    Row(
        "argpartition",
        "np.take(np.take_along_axis(x, np.{f}(x, 0, axis={axis}), {axis}), 0, {axis})",
        normal=True,
        kinds="iuf",
    ),
    Row("lexsort", "np.{f}((x, x), axis={axis})", kinds="biufs"),
    Row("sort_complex", ONE),
    Row("searchsorted", "np.{f}(np.sort(x), y)", shapes="vector"),
    Row("digitize", "np.{f}(y, [-1.0, 0.5, 2.0], right={flag})", kinds="biufs"),
    Row("unique unique_all unique_counts unique_inverse", ONE, abstract=False),
    Row("unique_values", "np.sort(np.{f}(x))", abstract=False),
    Row("unique", "np.{f}(x, axis={maybe}, return_counts=True)", abstract=False),
    Row("intersect1d setdiff1d setxor1d union1d", TWO, abstract=False),
    Row("isin", TWO),
    Row("trim_zeros", ONE, shapes="vector", abstract=False),
    *(
        [Row("trim_zeros", "np.{f}(x, axis={maybe})", abstract=False)]
        if "axis" in inspect.signature(np.trim_zeros).parameters  # NumPy 2.2
        else []
    ),
    Row("nonzero flatnonzero argwhere", ONE, abstract=False),
    Row("extract", "np.{f}(x > 0, x)", abstract=False),
    Row("compress", "np.{f}([True, False, True], x, axis={maybe})"),
    # shapes
    Row("atleast_1d atleast_2d atleast_3d ravel squeeze transpose", ONE),
    Row("astype", "np.{f}(x, {dtype})", kinds="biufc"),
    Row("expand_dims squeeze", "np.{f}(x, {axes})"),
    Row("flip", "np.{f}(x, axis={axes})"),
    Row("fliplr flipud matrix_transpose linalg.matrix_transpose", ONE, shapes="matrix"),
    Row("rot90", "np.{f}(x, {n})", shapes="matrix"),
    Row("rot90", "np.{f}(x, {n}, axes=({axis}, {axis}))", shapes="matrix"),
    Row("moveaxis swapaxes", "np.{f}(x, {axis}, {axis})"),
    Row("rollaxis", "np.{f}(x, {axis}, {axis})", kinds="biufc"),
    Row("moveaxis", "np.{f}(x, ({axis}, {axis}), [{axis}, 0])", shapes="matrix"),
    Row("transpose permute_dims", "np.{f}(x, ({axis}, {axis}))", shapes="matrix"),
    Row("transpose", "np.{f}(x, [{axis}, {axis}, {axis}])", shapes="cube"),
    Row("transpose", "np.{f}(x, {axis})", shapes="vector"),
    Row("reshape", "np.{f}(x, ({n}, -1))"),
    Row("reshape", "np.{f}(x, ({n}, {n}), order='F')"),
    Row("ravel", "np.{f}(x, order='F')"),
    Row("resize", "np.{f}(x, ({n}, 2))"),
    Row("roll", "np.{f}(x, {n}, axis={maybe})"),
    Row("roll", "np.{f}(x, {n}, axis=({axis}, {axis}))"),
    Row("repeat", "np.{f}(x, {n}, axis={maybe})"),
    Row("tile", "np.{f}(x, ({n}, 2))"),
    Row("broadcast_to", "np.{f}(x, (2, 3))"),
    Row("broadcast_arrays meshgrid", TWO),
    Row("ix_", "np.{f}(x, x)", shapes="vector", kinds="iu"),
    Row("diag", "np.{f}(x, {n} - 1)", shapes="matrix"),
    Row("tril triu", "np.{f}(x, {n} - 1)", shapes="square"),
    Row("diagflat", "np.{f}(x, {n} - 1)"),
    Row("diagonal", "np.{f}(x, {n} - 1, {axis}, {axis})", shapes="matrix"),
    Row("linalg.diagonal linalg.trace", "np.{f}(x, offset={n} - 1)", shapes="square"),
    Row("diag_indices_from", ONE, shapes="square"),
    Row("tril_indices_from triu_indices_from", ONE, shapes="matrix", kinds="biufc"),
    Row("fill_diagonal", "fnp.{f}(x, 2, inplace=False)", shapes="square", kinds="iufc"),
    Row("split array_split", "np.{f}(x, {n}, axis={axis})", kinds="biufc"),
    Row("split", "np.{f}(x, [1, 2], axis={axis})", kinds="biufc"),
    Row("hsplit vsplit dsplit", "np.{f}(x, {n})"),
    Row("unstack", "np.{f}(x, axis={axis})", kinds="biufc"),
    Row("vander", "np.{f}(x, {n}, increasing={flag})", shapes="vector"),
    Row("fft.fftshift fft.ifftshift", "np.{f}(x, axes={axes})", shapes="square"),
    Row("pad", "np.{f}(x, {n}, constant_values=2)"),
    Row("pad", "np.{f}(x, (1, {n}), mode='edge')"),
    Row("pad", "np.{f}(x, {n}, mode='reflect')"),
    Row("pad", "np.{f}(x, (1, {n}), mode='reflect', reflect_type='odd')", kinds="iuf"),
    Row("pad", "np.{f}(x, {n}, mode='symmetric', reflect_type='odd')", kinds="iuf"),
    Row("pad", "np.{f}(x, {n}, mode='wrap')"),
    Row("pad", "np.{f}(x, {n}, mode='linear_ramp', end_values=(1, 3))", kinds="if", normal=True),
    Row("pad", "np.{f}(x, {n}, mode='mean', stat_length={n} + 1)", kinds="iuf", normal=True),
    Row("pad", "np.{f}(x, {n}, mode='median')", kinds="iuf", normal=True),
    Row("pad", "np.{f}(x, (1, {n}), mode='maximum', stat_length={n})", kinds="iuf"),
    # joining
    Row("concatenate concat stack", "np.{f}([x, y], axis={axis})"),
    Row("concatenate", "np.{f}([x, y], axis=None)"),
    Row("hstack vstack dstack column_stack block", "np.{f}([x, y])"),
    Row("append", "np.{f}(x, y)"),
    Row("append", "np.{f}(x, x, axis={maybe})"),
    # Python's complex numbers are NumPy's once they are traced; insert alone refuses the first.
    Row("insert", "np.{f}(x, {n}, y, axis=None)", kinds="biufc"),
    Row("insert", "np.{f}(x, 0, 2, axis={maybe})"),
    Row("delete", "np.{f}(x, {n}, axis={maybe})"),
    # choices
    Row("where", "np.{f}(x > 0, x, y)", kinds="biufs"),
    Row("where", "np.{f}(x, y, x)"),
    Row("select", "np.{f}([x != 0, y != 0], [x, y], 2)"),
    Row("choose", "np.{f}(x != 0, [x, y])"),
    Row("piecewise", "np.{f}(x, [x != 0], [np.square, 1])"),
    Row("clip", "np.{f}(x, -1, y)"),
    Row("clip", "np.{f}(x, None, 1.5)"),
    Row("nan_to_num", "np.{f}(x, nan=1.0)"),
    # places
    Row("take", "np.{f}(x, [0, -1], axis={maybe})"),
    Row("take", "np.{f}(x, {n})"),
    Row(
        "take_along_axis", "np.{f}(x, np.argsort(x, {axis}, kind='stable'), {axis})", kinds="biufc"
    ),
    Row(
        "put_along_axis",
        "fnp.{f}(x, np.argmax(x, {axis}, keepdims=True), 2, {axis}, inplace=False)",
        kinds="biufc",
    ),
    Row("put", "fnp.{f}(x, [0, 0, -1], [1, 2, 3], inplace=False)", kinds="iufc"),
    Row("unravel_index", "np.{f}(x % 3, (3, 2))", kinds="iu", abstract=False),
    Row("ravel_multi_index", "np.{f}((x % 3, 1), (3, 2))", kinds="iu", abstract=False),
    # rounding and comparing
    Row("around round", "np.{f}(x, {n})"),
    Row("fix i0 sinc isneginf isposinf", ONE, kinds="biufs"),
    Row("angle imag real isreal iscomplex", ONE),
    Row("imag real", "x.{f}"),
    Row("conj conjugate", "x.{f}()", kinds="biufc"),
    Row("angle", "np.{f}(x, deg=True)"),
    Row("iscomplexobj isrealobj ndim shape size", ONE),
    Row("isclose allclose", "np.{f}(x, y, rtol=0.5)"),
    Row("array_equal array_equiv", TWO),
    Row("unwrap", "np.{f}(x, axis={axis})"),
    # differences and samples
    Row("diff", "np.{f}(x, {n}, axis={axis})"),
    Row("diff", "np.{f}(x, axis={axis}, prepend=y)"),
    Row("ediff1d", "np.{f}(x, to_end=y)"),
    Row("gradient", "np.{f}(x, axis={axes})"),
    Row("gradient", "np.{f}(x, 0.5)"),
    Row("interp", "np.{f}(x, [-1.0, 0.5, 2.0], [3.0, 1.0, 4.0])", kinds="biufs"),
    Row("histogram", "np.{f}(x, bins=[-2, 0, 1, 3])", kinds="biuf"),
    Row("histogram_bin_edges", "np.{f}(x, bins=4)", kinds="iuf", abstract=False),
    Row("histogramdd", "np.{f}(x, bins=[3] * np.shape(x)[1])[0]", shapes="flat", kinds="iuf"),
    Row("histogram2d", "np.{f}(x, y, bins=[[-2, 0, 1], 3])[0]", shapes="vector", kinds="iuf"),
    Row("packbits", "np.{f}(x, axis={maybe})", kinds="biu"),
    Row("unpackbits", "np.{f}(x.astype(np.uint8), axis={maybe})", shapes="filled", kinds="iu"),
    Row("bincount", "np.{f}(np.ravel(x) % 4, minlength=4)", kinds="iu", abstract=False),
    # products
    Row("matmul linalg.matmul dot inner kron", TWO),
    # A Python number is no vector, which traces say before they know that it does not fit.
    Row("linalg.vecdot vecdot", TWO, kinds="biufc"),
    Row("outer linalg.outer vdot", TWO),
    Row("matvec vecmat", TWO),
    Row("tensordot linalg.tensordot", "np.{f}(x, y, axes=0)"),
    Row("tensordot linalg.tensordot", "np.{f}(x, x, axes=1)", shapes="square"),
    Row("tensordot linalg.tensordot", "np.{f}(x, x, axes=({axis}, {axis}))", shapes="cube"),
    Row("tensordot", "np.{f}(x, x, ([0, {axis}], [{axis}, {axis}]))", shapes="cube"),
    Row("vecdot linalg.vecdot", "np.{f}(x, x, axis={axis})", shapes="cube"),
    Row("einsum", "np.{f}('...i,...i->...', x, y)"),
    Row("einsum", "np.{f}('ij,jk', x, y)", shapes="matrix"),
    Row("einsum", "np.{f}('ij->ji', x)", shapes="matrix"),
    Row("linalg.multi_dot", "np.{f}([x, y, x])", shapes="square"),
    Row("cross linalg.cross", TWO, shapes="vector"),
    Row("cross linalg.cross", "np.{f}(x, x[::-1], axis={axis})", shapes="cube"),
    Row("cross", "np.{f}(x, x[::-1], {axis}, {axis}, {axis})", shapes="cube"),
    Row("convolve", "np.{f}(x, y, mode='full')", shapes="vector"),
    Row("correlate", "np.{f}(x, y, mode='same')", shapes="vector"),
    # polynomials
    Row("polyval", TWO, shapes="filled"),
    Row("polyadd polysub", TWO, shapes="filled"),
    Row("polymul", TWO, shapes="filled", kinds="fc", normal=True),
    Row("polydiv", "np.{f}(x, [2.0, 1.0])", "filled", "fc", abstract=False, normal=True),
    Row("polyder", ONE, shapes="filled"),
    Row("polyint", "np.{f}(x, {n})", shapes="filled"),
    Row("poly", ONE, shapes="filled", kinds="biuf", normal=True),
    Row("polyfit", "np.{f}([0.0, 1.0, 3.0, 4.0], np.resize(x, 4), 1)", kinds="iuc", normal=True),
    # matrices
    Row("linalg.inv linalg.det linalg.slogdet linalg.pinv", ONE, shapes="square", normal=True),
    Row("linalg.cond linalg.matrix_rank linalg.svdvals", ONE, shapes="square", normal=True),
    Row("linalg.svd linalg.qr linalg.eigh linalg.eigvalsh", ONE, shapes="square", normal=True),
    Row("linalg.eig linalg.eigvals", ONE, shapes="square", kinds="c", normal=True),
    Row("linalg.eig", "[v + 0j for v in np.{f}(x)]", "square", "biuf", normal=True),
    Row("linalg.eigvals", "np.{f}(x) + 0j", "square", "biuf", normal=True),
    Row("linalg.svd", "np.{f}(x, full_matrices={flag})", shapes="square", normal=True),
    Row("linalg.cholesky", "np.{f}(x @ x.mT + 3 * np.eye(x.shape[-1]))", "square", normal=True),
    Row("linalg.solve", "np.{f}(x, x[..., :1] * 2)", shapes="square", normal=True),
    Row("linalg.lstsq", "np.{f}(x, x[..., 0])[0]", shapes="flat", normal=True),
    # Of residuals jit and vmap know no shape where the rank is short: see test_decompose.
    Row("linalg.lstsq", "np.{f}(x, np.ones(x.shape[:1]))[::2]", shapes="flat", normal=True),
    Row("linalg.lstsq", "np.{f}(x, np.eye(x.shape[0]))[2:3]", shapes="flat", normal=True),
    Row(
        "linalg.lstsq",
        "np.{f}(x[..., :1] * [1.0, {n}], np.eye(x.shape[0]))[1:]",
        shapes="flat",
        normal=True,
        abstract=False,
    ),
    Row("linalg.matrix_power", "np.{f}(x, {n})", shapes="square"),
    Row("linalg.tensorinv", "np.{f}(x, ind={n})", shapes="square", normal=True),
    Row("linalg.tensorsolve", "np.{f}(x, x[0])", shapes="square", normal=True),
    Row("linalg.tensorsolve", "np.{f}(x, x[0], ({axis},))", shapes="square", normal=True),
    # fft
    Row("fft.fft fft.ifft fft.rfft fft.irfft fft.hfft fft.ihfft", "np.{f}(x, axis={axis})"),
    Row("fft.fft fft.irfft", "np.{f}(x, {n} + 1, norm='ortho')"),
    Row("fft.rfft", "np.{f}(x, {n} + 1, norm='ortho')", kinds="biuf"),
    Row("fft.fft2 fft.ifft2 fft.rfft2 fft.irfft2", ONE, shapes="matrix"),
    Row("fft.fft2 fft.ifft2 fft.rfft2 fft.irfft2", "np.{f}(x, axes=({axis}, {axis}))"),
    Row("fft.fftn fft.ifftn fft.rfftn fft.irfftn", "np.{f}(x, axes=({axis},))"),
    Row("fft.fftn fft.irfftn", "np.{f}(x, (2, 3), ({axis}, {axis}))"),
    # making
    Row("array asarray asanyarray ascontiguousarray copy", "fnp.{f}(x)"),
    Row("zeros_like ones_like", "np.{f}(x, dtype={dtype})"),
    Row("empty_like", "np.zeros_like(np.{f}(x, dtype={dtype}))"),
    Row("full_like", "np.{f}(x, 3, dtype={dtype})"),
    Row("full", "fnp.{f}((2, 3), x)"),
    Row("linspace", "np.{f}(x, y, 4, axis={axis})", kinds="fc"),
    Row("logspace geomspace", "np.{f}(np.abs(x) + 1, 2.0, 3)", kinds="f"),
    Row("logspace geomspace", "np.{f}(np.abs(x) + 1, 2.0, 3, axis={axis})", kinds="f"),
    Row("apply_along_axis", "np.{f}(np.square, {axis}, x)"),
    Row("apply_over_axes", "np.{f}(np.sum, x, [{axis}])", kinds="biufc"),
    # dtypes
    Row("result_type", "np.zeros(2, np.{f}(x, y))"),
    Row("min_scalar_type", "np.zeros(2, np.{f}(x))", shapes="square"),
    Row("common_type", "np.zeros(2, np.{f}(x))", kinds="biufc"),
    Row("can_cast", "np.{f}(x.dtype, {dtype})", kinds="biufc"),
    Row("may_share_memory shares_memory", "np.{f}(x, np.ones(2))"),
]
