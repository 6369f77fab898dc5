"""Calls of NumPy's functions: a row is a call and its arguments; bad calls follow.

Every array of a row is traced. What the function gives without a transform is NumPy's own answer,
which every transform must give too.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import funcgrad.numpy as fnp


class Call(NamedTuple):
    """A row.

    Attributes:
        text: What it shows.
        function: The call.
        args: Arguments away from kinks.
        order: Up to which order derivatives are compared with differences; 0 where there are none.
        abstract: Whether it can be traced without values.
        rtol: The relative tolerance between transforms, None for a few units in the last place.
        kind: Of a bad call, the error where it is not NumPy's own.
    """

    text: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    order: int = 2
    abstract: bool = True
    rtol: float | None = None
    kind: type[Exception] | None = None


def call(text, function, *args, **options):
    """A `Call`, whose text is given first."""
    return Call(text, function, args, **options)


RNG = np.random.default_rng(11)
V = np.array([0.9, -1.3, 2.2, 0.4, -0.7, 1.6])
U = np.array([0.3, 1.7, -0.6, 0.8])
M = RNG.normal(size=(3, 4))
X = RNG.normal(size=(2, 3, 4))
UP = np.array([-2.0, -0.9, 0.1, 0.75, 1.4, 3.0])
C = U + 1j * U[::-1]
F = M.astype(np.float32)
H = V.astype(np.float16)
N = np.array([3, 1, 4, 1, 5, 9])
B = np.array([True, False, True, True])
G = M.copy()
G[1, 2] = G[0, 0] = G[1, 3] = np.nan
S = 1.25


CALLS = [
    # assembly
    call("block", lambda x, y: np.block([[x, y], [y * 2, x]]), M, M[:, :1] * np.ones((1, 4))),
    call("block ranks", lambda x, y: np.block([x, y, 1.0]), M[0], V),
    call("block rows", lambda x, y: np.block([[x], [y]]), M, U),
    call("block mixed", lambda x: np.block([[[x, x]], [[x, 2]]][:1]), S),
    call("block one", lambda x: np.block(x) * 1, M),
    call("block ints", lambda x, y: np.block([x, y]), N, V),
    call("insert", lambda x, y: np.insert(x, 2, y), V, S),
    call("insert negative", lambda x, y: np.insert(x, -1, y), V, S),
    call("insert places", lambda x, y: np.insert(x, [4, 1, 1], y), V, U[:3]),
    call("insert negative places", lambda x, y: np.insert(x, [-2, 1], y), V, U[:2]),
    call("insert many at one", lambda x, y: np.insert(x, [1], y), V, U),
    call("insert axis", lambda x, y: np.insert(x, 1, y, axis=1), M, V[:3]),
    call("insert axis many", lambda x, y: np.insert(x, [1], y[:, :2], axis=1), M, M),
    call("insert axis one", lambda x: np.insert(x, 1, 5, axis=0), M),
    call("insert slice", lambda x: np.insert(x, slice(0, 3), 7.0), V),
    call("insert bools", lambda x: np.insert(x, np.array([1, 0, 0, 1, 0, 0], bool), 7.0), V),
    call("insert none", lambda x: np.insert(x, [], 7.0), V),
    call("insert float in int", lambda x: np.insert(x, 1, 2.75), N, order=0),
    call("resize", lambda x: np.resize(x, (2, 7)), V),
    call("resize int", lambda x: np.resize(x, 3), M),
    call("resize none", lambda x: np.resize(x, (0, 2)), M),
    call("trim_zeros", lambda x: np.trim_zeros(x * [0, 0, 1, 1, 1, 0]), V, abstract=False),
    call("trim_zeros f", lambda x: np.trim_zeros(x * [0, 0, 1, 1, 1, 0], "f"), V, abstract=False),
    call("trim_zeros all", lambda x: np.trim_zeros(x * 0), V, abstract=False),
    call("vander", lambda x: np.vander(x), U),
    call("vander increasing", lambda x: np.vander(x, 3, increasing=True), V),
    call("vander zero", lambda x: np.vander(x, 4), np.array([0.0, 1.0])),
    call("vander ints", lambda x: np.vander(x, 3), N, order=0),
    call("vander one", lambda x: np.vander(x, 1), V),
    call("geomspace", lambda x, y: np.geomspace(x, y, 5), S, 7.5, rtol=1e-13),
    call("geomspace negative", lambda x, y: np.geomspace(x, y, 4, endpoint=False), -S, -9.0,
         rtol=1e-13),
    call("geomspace arrays", lambda x, y: np.geomspace(x, y, 4, axis=1), V**2, V**2 + 1,
         rtol=1e-13),
    # calculus
    call("trapezoid", lambda y: np.trapezoid(y), V),
    call("trapezoid x", lambda y, x: np.trapezoid(y, x), V, UP),
    call("trapezoid dx", lambda y, d: np.trapezoid(y, dx=d, axis=0), M, S),
    call("trapezoid axis", lambda y, x: np.trapezoid(y, x, axis=1), X, UP[:3]),
    call("trapezoid x full", lambda y, x: np.trapezoid(y, x), M, np.sort(M)),
    call("trapezoid ints", lambda y: np.trapezoid(y), N, order=0),
    call("trapezoid float32", lambda y: np.trapezoid(y, dx=0.5), F, order=1),
    call("ediff1d", lambda x: np.ediff1d(x), M),
    call("ediff1d edges", lambda x, y: np.ediff1d(x, to_end=y, to_begin=[1.0, 2.0]), V, S),
    call("ediff1d int", lambda x: np.ediff1d(x, to_end=2), N, order=0),
    call("gradient", lambda f: np.gradient(f), V),
    call("gradient all axes", lambda f: np.gradient(f), M),
    call("gradient axis", lambda f: np.gradient(f, 0.5, axis=1), M),
    call("gradient axes", lambda f: np.gradient(f, 2, S, axis=(1, 0)), M),
    call("gradient at points", lambda f, x: np.gradient(f, x), V, UP),
    call("gradient second edges", lambda f, x: np.gradient(f, x, edge_order=2), V, UP),
    call("gradient second even", lambda f: np.gradient(f, 0.1, edge_order=2), V),
    call("gradient of ints", lambda f: np.gradient(f), N, order=0),
    call("gradient float32", lambda f: np.gradient(f, axis=0), F, order=1),
    call("unwrap", lambda p: np.unwrap(p * 7), V),
    call("unwrap axis", lambda p: np.unwrap(p * 9, axis=0), M),
    call("unwrap period", lambda p: np.unwrap(p, period=1.5, discont=1.0), V),
    call("unwrap ints", lambda p: np.unwrap(p, period=4), N, order=0),
    call("unwrap odd ints", lambda p: np.unwrap(p, period=5), N, order=0),
    call("unwrap float32", lambda p: np.unwrap(p * 9), F, order=1),
    call("interp", lambda x, xp, fp: np.interp(x, np.sort(xp), fp), M, UP, V),
    call("interp number", lambda x, fp: np.interp(x, UP, fp), 0.3, V),
    call("interp ends", lambda x, fp: np.interp(x, UP, fp, left=-1.0, right=0.5), M * 3, V),
    call("interp at points", lambda x, fp: np.interp(x, UP, fp), UP, V, order=0),
    call("interp one", lambda x, xp, fp: np.interp(x, xp, fp), V, UP[:1], V[:1], order=1),
    call("interp period", lambda x, fp: np.interp(x, UP, fp, period=4.5), M, V),
    call("interp complex", lambda x, fp: np.interp(x, UP[:4], fp), M, C),
    call("interp float32", lambda x: np.interp(x, UP, V), F, order=0),
    call("i0", lambda x: np.i0(x), V * 4),
    call("i0 ints", lambda x: np.i0(x), N, order=0),
    call("i0 float32", lambda x: np.i0(x), F, order=0),
    # convolution
    call("convolve", lambda a, v: np.convolve(a, v), V, U),
    call("convolve same", lambda a, v: np.convolve(a, v, "same"), U, V),
    call("convolve same even", lambda a, v: np.convolve(a, v, mode="same"), V, U),
    call("convolve valid", lambda a, v: np.convolve(a, v, "valid"), V, U),
    call("convolve valid swapped", lambda a, v: np.convolve(a, v, "valid"), U, V),
    call("convolve number", lambda a, v: np.convolve(a, v), S, V),
    call("convolve complex", lambda a, v: np.convolve(a, v), V, C),
    call("convolve ints", lambda a, v: np.convolve(a, v), N, N[:3], order=0),
    call("convolve dtypes", lambda a, v: np.convolve(a, v), N, F[0], order=0),
    call("correlate", lambda a, v: np.correlate(a, v), V, U),
    call("correlate swapped", lambda a, v: np.correlate(a, v), U, V),
    call("correlate same", lambda a, v: np.correlate(a, v, "same"), V, U),
    call("correlate same swapped", lambda a, v: np.correlate(a, v, "same"), U, V),
    call("correlate same odd", lambda a, v: np.correlate(a, v, "same"), U[:3], V),
    call("correlate full", lambda a, v: np.correlate(a, v, "full"), U, V),
    call("correlate complex", lambda a, v: np.correlate(a, v, "full"), C, C[:2] * 1j),
    # counting
    call("histogram weights", lambda w: np.histogram(V, [-2, 0, 1, 3], weights=w)[0], V),
    call("histogramdd", lambda w: np.histogramdd([V, V], 3, weights=w)[0], V),
    call("histogram2d", lambda w: np.histogram2d(V, -V, 3, weights=w)[0], V),
    call("histogram", lambda a: np.histogram(a, [-2.0, 0.0, 1.0, 3.0]), V, order=0),
    call("histogram range", lambda a: np.histogram(a, 4, (-1, 2)), V, order=0),
    call("histogram bins", lambda a: np.histogram(a, 3), V, order=0),
    call("histogram of ints", lambda a: np.histogram(a, 4), N, order=0),
    call("histogram at edges", lambda a: np.histogram(a, [0, 1, 2, 3]), np.arange(4.0), order=0),
    call("histogram equal", lambda a: np.histogram(a, 2), np.ones(3), order=0),
    call("histogram density", lambda a, w: np.histogram(a, 3, density=True, weights=w), V, V**2),
    call("histogram float32", lambda a: np.histogram(a, 5, (0.0, 1.0)), F, order=0),
    call("histogram auto", lambda a: np.histogram(a, "sturges")[0], V, order=0, abstract=False),
    call("histogram_bin_edges", lambda a: np.histogram_bin_edges(a, 5), V),
    call("histogram_bin_edges range", lambda a: np.histogram_bin_edges(a, 5, (0, 1)), V, order=0),
    # covariance
    call("cov", lambda m: np.cov(m), M),
    call("cov columns", lambda m: np.cov(m, rowvar=False, bias=True), M),
    call("cov two", lambda m, y: np.cov(m, y), V, UP),
    call("cov number", lambda m: np.cov(m, ddof=0), V),
    call("cov weights", lambda m, w: np.cov(m, aweights=w), M, U**2),
    call("cov all weights", lambda m, w: np.cov(m, fweights=[1, 2, 0, 3], aweights=w), M, U**2),
    call("cov fweights", lambda m: np.cov(m, fweights=[1, 2, 0, 3]), M),
    call("cov complex", lambda m: np.cov(m), M + 1j * M[::-1]),
    call("cov float32", lambda m: np.cov(m, dtype=np.float32), F, order=1, rtol=1e-5),
    call("corrcoef", lambda x: np.corrcoef(x), M),
    call("corrcoef two", lambda x, y: np.corrcoef(x, y)[0, 1], V, UP),
    call("corrcoef one", lambda x: np.corrcoef(x), V, order=1),
    # ordering
    call("partition", lambda a: np.partition(a, 2)[2], V),
    call("partition axis", lambda a: np.partition(a, (0, 1), axis=0)[:2], M),
    call("argpartition", lambda a: np.argpartition(a, 3)[3], V, order=0),
    call("lexsort", lambda a, b: np.lexsort((a, b)), V, N, order=0),
    call("lexsort matrix", lambda a: np.lexsort(np.round(a)), M, order=0),
    call("lexsort axis", lambda a, b: np.lexsort((a, b), axis=0), M, np.round(M), order=0),
    call("sort_complex", lambda a: np.sort_complex(a), V),
    call("sort_complex ints", lambda a: np.sort_complex(a), N.astype(np.int16), order=0),
    call("isin", lambda a, b: np.isin(a, b), N.reshape(2, 3), np.array([1, 9]), order=0),
    call("isin invert", lambda a: np.isin(a, [1.0, 0.9], invert=True), V, order=0),
    call("intersect1d", lambda a: np.intersect1d(a, V[1:4]), V, order=0, abstract=False),
    call("intersect1d indices", lambda a: np.intersect1d(a, V[1:4], return_indices=True), V,
         order=0, abstract=False),
    call("union1d", lambda a, b: np.union1d(a, b), V, U, abstract=False),
    call("setdiff1d", lambda a: np.setdiff1d(a, V[1:4]), V, order=0, abstract=False),
    call("setdiff1d unique", lambda a: np.setdiff1d(a, V[1:4], True), V, order=0, abstract=False),
    call("setxor1d", lambda a, b: np.setxor1d(a, b), V, U, abstract=False),
    call("unique_values", lambda a: np.sort(np.unique_values(a)), V, abstract=False),
    call("unique_counts", lambda a: tuple(np.unique_counts(a)), N, order=0, abstract=False),
    call("unique_inverse", lambda a: tuple(np.unique_inverse(a)), N, order=0, abstract=False),
    call("unique_all", lambda a: tuple(np.unique_all(a)), N, order=0, abstract=False),
    call("searchsorted", lambda a, v: np.searchsorted(a, v), UP, V, order=0),
    call("searchsorted sorter", lambda a: np.searchsorted(a, U, sorter=np.argsort(V)), V, order=0),
    call("digitize", lambda x: np.digitize(x, UP), M, order=0),
    call("digitize right", lambda x, b: np.digitize(x, np.sort(b), right=True), UP, UP, order=0),
    call("digitize falling", lambda x, b: np.digitize(x, b), UP, UP[::-1].copy(), order=0),
    call("digitize falling right", lambda x: np.digitize(x, UP[::-1], True), UP, order=0),
    # polynomials
    call("polyval", lambda p, x: np.polyval(p, x), U, M),
    call("polyval number", lambda p, x: np.polyval(p, x), U, S),
    call("polyval ints", lambda p, x: np.polyval(p, x), N, 3, order=0),
    call("polyadd", lambda p, q: np.polyadd(p, q), U, V),
    call("polysub", lambda p, q: np.polysub(p, q), U, V),
    call("polymul", lambda p, q: np.polymul(p, q), U, V),
    call("polymul leading zeros", lambda p, q: np.polymul(p * [0, 1, 1, 1], q), U, V,
         abstract=False),
    call("polydiv", lambda p, q: np.polydiv(p, q), V, U[:3], rtol=1e-12),
    call("polydiv number", lambda p, q: np.polydiv(p, q), V, U[:1], rtol=1e-12),
    call("polydiv larger", lambda p, q: np.polydiv(p, q), U, V),
    call("polyder", lambda p: np.polyder(p), V),
    call("polyder twice", lambda p: np.polyder(p, 2), V),
    call("polyint", lambda p: np.polyint(p), V),
    call("polyint twice", lambda p, k: fnp.polyint(p, 2, k), V, U[:2]),
    call("polyint one constant", lambda p, k: fnp.polyint(p, 2, k), V, S),
    call("polyint ints", lambda p: np.polyint(p), N, order=0),
    call("poly", lambda z: np.poly(z), V),
    call("poly ints", lambda z: np.poly(z), N, order=0),
    call("poly pairs", lambda z: np.poly(np.concatenate([z, np.conj(z)])), C, abstract=False,
         order=1),
    call("polyfit", lambda x, y: np.polyfit(x, y, 2), UP, V, rtol=1e-9),
    call("polyfit weights", lambda y, w: np.polyfit(UP, y, 2, w=w), V, V**2, rtol=1e-9),
    call("polyfit columns", lambda y: np.polyfit(UP[:3], y, 1), M, rtol=1e-9),
    call("polyfit cov", lambda y: np.polyfit(UP, y, 2, cov=True), V, rtol=1e-9),
    # quantiles
    *[
        call(f"quantile {method}", lambda a, m=method: np.quantile(a, [0.0, 0.15, 0.61, 1.0],
             method=m), V, rtol=1e-13)
        for method in (
            *("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "linear", "hazen"),
            *("interpolated_inverted_cdf", "weibull", "median_unbiased", "normal_unbiased"),
            *("lower", "higher", "midpoint", "nearest"),
        )
    ],
    call("quantile of q", lambda a, q: np.quantile(a, q), V, 0.37),
    call(
        "quantile, weighted",
        lambda a: np.quantile(a, [0.0, 0.3, 1], 1, method="inverted_cdf", weights=[0, 2, 1, 1]),
        M,
    ),
    call(
        "nanpercentile, weighted",
        lambda a: np.nanpercentile(a, 40, weights=np.abs(a), method="inverted_cdf"),
        M,
    ),
    call("quantile axes", lambda a: np.quantile(a, [[0.2], [0.7]], axis=(0, 2)), X),
    call("quantile keepdims", lambda a: np.quantile(a, 0.4, axis=1, keepdims=True), M),
    call("quantile nan", lambda a: np.quantile(a, 0.4, axis=1), G, order=0),
    call("quantile ints", lambda a: np.quantile(a, 0.4), N, order=0),
    call("quantile ints lower", lambda a: np.quantile(a, 0.4, method="lower"), N, order=0),
    call("quantile float32", lambda a: np.quantile(a, 0.4), F, order=1),
    call("quantile float32 array", lambda a: np.quantile(a, [0.4]), F, order=0),
    call("quantile whole", lambda a: np.quantile(a, 1), V),
    call("quantile whole of ints", lambda a: np.quantile(a, [0, 1]), N, order=0),
    call("quantile float16", lambda a: np.quantile(a, 0.3), H, order=0),
    call("percentile", lambda a: np.percentile(a, 30), V),
    call("percentile float32", lambda a: np.percentile(a, 30), F, order=1),
    call("percentile array", lambda a, q: np.percentile(a, q, axis=0), M, np.array([12.0, 81.0])),
    call("nanquantile", lambda a: np.nanquantile(a, [0.2, 0.7], axis=1), G, order=0),
    call("nanquantile all", lambda a: np.nanquantile(a, 0.4), M),
    call("nanquantile hazen", lambda a: np.nanquantile(a, 0.4, 0, method="hazen"), G, order=0),
    call("nanquantile kept", lambda a: np.nanquantile(a, 0.4, 1, keepdims=True), G, order=0),
    call("nanquantile lower", lambda a: np.nanquantile(a, 0.4, 1, method="lower"), G, order=0),
    call("nanpercentile", lambda a: np.nanpercentile(a, 60, axis=1), G, order=0),
    call("nanmedian", lambda a: np.nanmedian(a, axis=0), G, order=0),
    call("nanmedian all", lambda a: np.nanmedian(a), M),
    call("nanmedian kept", lambda a: np.nanmedian(a, axis=(0, 1), keepdims=True), G, order=0),
    call("nanmedian ints", lambda a: np.nanmedian(a), N, order=0),
    call("nancumsum", lambda a: np.nancumsum(a, axis=1), G, order=0),
    call("nancumsum all", lambda a: np.nancumsum(a), M),
    call("nancumprod", lambda a: np.nancumprod(a, axis=0), G, order=0),
    call("nancumprod all", lambda a: np.nancumprod(a, axis=1), M),
    call("nanargmax", lambda a: np.nanargmax(a, axis=1), G, order=0),
    call("nanargmin", lambda a: np.nanargmin(a), G, order=0),
    # applying
    call("apply_along_axis", lambda a: np.apply_along_axis(lambda v: v * np.sum(v), 0, a), M),
    call("apply_along_axis number", lambda a: np.apply_along_axis(np.prod, 1, a), X),
    call("apply_along_axis matrix",
         lambda a: np.apply_along_axis(lambda v: np.outer(v, v[:2]), 1, a), X),
    call("apply_over_axes", lambda a: np.apply_over_axes(np.sum, a, [0, 2]), X),
    call("piecewise",
         lambda x: np.piecewise(x, [x < 0, x > 1], [lambda v: v**2, 0.5, lambda v: v * 3]), V),
    call("piecewise one",
         lambda x: np.piecewise(x, [x > 0.5], [np.log, lambda v: v]), np.abs(M) + 0.1),
    call("piecewise number", lambda x: np.piecewise(x, [x > 0], [np.exp, 2.0]), S),
    call("piecewise ints", lambda x: np.piecewise(x, [x > 3], [lambda v: v * 0.7, 1]), N, order=0),
]  # fmt: skip

ERRORS = [
    call("block depths", lambda x: np.block([x, [x]]), V),
    call("block empty", lambda x: np.block([[x], []]), V),
    call("block tuple", lambda x: np.block([(x, x)]), V),
    call("block shapes", lambda x: np.block([[x, x], [x]]), V),
    call("insert outside", lambda x: np.insert(x, 9, 1.0), V),
    call("insert outside places", lambda x: np.insert(x, [9, 1], 1.0), V),
    call("insert too many", lambda x: np.insert(x, [1, 2], [1.0, 2.0, 3.0]), V),
    call("insert axis", lambda x: np.insert(x, 1, 1.0, axis=2), V),
    call("resize", lambda x: np.resize(x, (2, -3)), V),
    call("vander", lambda x: np.vander(x), M),
    call("vander negative", lambda x: np.vander(x, -1), V),
    call("geomspace", lambda x: np.geomspace(x, 0.0), S),
    call("trapezoid", lambda y: np.trapezoid(y, UP), U),
    call("trapezoid axis", lambda y: np.trapezoid(y, axis=2), U),
    call("ediff1d", lambda x: np.ediff1d(x, to_end=1j), V),
    call("gradient short", lambda x: np.gradient(x), V[:1]),
    call("gradient order", lambda x: np.gradient(x, edge_order=3), V),
    call("gradient many", lambda x: np.gradient(x, 1.0, 2.0), V),
    call("gradient points", lambda x: np.gradient(x, UP[:3]), V),
    call("gradient axis", lambda x: np.gradient(x, axis=1), V),
    call("interp", lambda x: np.interp(x, UP, U), V),
    call("interp empty", lambda x: np.interp(x, [], []), V),
    call("interp period", lambda x: np.interp(x, UP, V, period=0), V),
    call("i0", lambda x: np.i0(x), C),
    call("convolve", lambda x: np.convolve(x, V), M),
    call("convolve empty", lambda x: np.convolve(x, []), V),
    call("convolve mode", lambda x: np.convolve(x, V, "half"), V),
    call("correlate", lambda x: np.correlate(V, x), M),
    call("histogram", lambda x: np.histogram(x, 0), V),
    call("histogram edges", lambda x: np.histogram(x, [2, 1]), V),
    call("histogram weights", lambda x: np.histogram(x, 2, weights=U), V),
    call("histogram range", lambda x: np.histogram(x, 2, (2, 1)), V),
    call("histogram bins", lambda x: np.histogram(x, 2.5), V),
    call("cov", lambda x: np.cov(x), X),
    call("cov ddof", lambda x: np.cov(x, ddof=1.5), M),
    call("cov fweights", lambda x: np.cov(x, fweights=[1.5, 1, 1, 1]), M),
    call("cov aweights", lambda x: np.cov(x, aweights=[1.5, 1]), M),
    call("partition", lambda x: np.partition(x, 6), V),
    call("partition float", lambda x: np.partition(x, 1.0), V),
    call("lexsort", lambda x: np.lexsort((x, x[:2])), V),
    call("searchsorted", lambda x: np.searchsorted(x, 1.0), M),
    call("searchsorted side", lambda x: np.searchsorted(x, 1.0, "middle"), UP),
    call("searchsorted sorter", lambda x: np.searchsorted(x, 1.0, sorter=[0, 1]), UP),
    call("digitize", lambda x: np.digitize(x, [1, 3, 2]), V),
    call("digitize complex", lambda x: np.digitize(x, UP), C),
    call("polymul", lambda x: np.polymul(x, x), M),
    call("polyder", lambda x: np.polyder(x, -1), V),
    call("polyint", lambda x: np.polyint(x, 3, [1.0, 2.0]), V),
    call("poly", lambda x: np.poly(x), M),
    call("polyfit lengths", lambda x: np.polyfit(UP, x, 1), U),
    call("polyfit degree", lambda x: np.polyfit(UP, x, -1), V),
    call("polyfit matrix", lambda x: np.polyfit(x, x, 1), M),
    call("quantile", lambda x: np.quantile(x, 1.5), V),
    call("percentile", lambda x: np.percentile(x, -1), V),
    call("quantile method", lambda x: np.quantile(x, 0.5, method="middle"), V),
    call("quantile complex", lambda x: np.quantile(x, 0.5), C),
    call("quantile bool", lambda x: np.quantile(x, 0.5), B),
    call("quantile empty", lambda x: np.quantile(x, 0.5), V[:0]),
    call("quantile axis", lambda x: np.quantile(x, 0.5, axis=1), V),
    call("nanargmax", lambda x: np.nanargmax(x), V * np.nan, abstract=False),
    call("apply_along_axis", lambda x: np.apply_along_axis(np.sum, 0, x), M[:, :0]),
    call("apply_over_axes", lambda x: np.apply_over_axes(lambda v, axis: v[0, 0], x, [0]), X),
    call("piecewise", lambda x: np.piecewise(x, [x > 0], [1.0, 2.0, 3.0]), V),
]  # fmt: skip
