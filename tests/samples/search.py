"""Uses of binary search, convolution and I_0 by way of NumPy's functions."""

import numpy as np

from . import Sample

A = np.array([-1.5, -0.25, 0.5, 0.5, 2.0])
V = np.sin(np.arange(6.0) * 1.3).reshape(2, 3) * 2
X, Y = np.cos(np.arange(7.0)), np.sin(np.arange(4.0) + 0.5)

SAMPLES = [
    Sample("bessel_i0", lambda x: np.i0(x), (V,)),
    Sample("bessel_i0", lambda x: np.i0(x), (0.75,)),
    Sample("searchsorted", lambda a, v: np.searchsorted(a, v), (A, V)),
    Sample("searchsorted", lambda a, v: np.searchsorted(a, v, "right"), (A, A)),
    Sample("searchsorted", lambda v: np.searchsorted(A, v), (V,)),
    Sample("searchsorted", lambda a: np.searchsorted(a, 0.5), (A,)),
    Sample("searchsorted", lambda a, v: np.searchsorted(a, v), (np.arange(3), np.arange(5))),
    Sample("convolve", lambda x, y: np.convolve(x, y), (X, Y)),
    Sample("convolve", lambda x, y: np.convolve(x, y), (Y, X + 1j * X[::-1])),
    Sample("convolve", lambda x: np.convolve(x, x, "same"), (X,)),
    Sample("convolve", lambda x: np.correlate(x, Y), (X,)),
    Sample("convolve", lambda x, y: np.convolve(x, y), (np.arange(3), np.arange(4))),
]
