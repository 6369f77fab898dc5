"""Samples of functions with rules of their own, and of effects."""

import numpy as np

from funcgrad import custom_jvp, debug

from . import Sample

X = np.array([0.3, -0.7, 1.1])


@custom_jvp
def product(x, y):
    return np.sin(x) * y


@product.defjvp
def rule(primals, tangents):
    (x, y), (tx, ty) = primals, tangents
    return product(x, y), np.cos(x) * y * tx + np.sin(x) * ty


def watched(x):
    debug.callback(lambda x: None, x)
    return np.sin(x) * x


SAMPLES = [
    Sample("custom_jvp", product, (X, X + 1.0)),
    Sample("custom_jvp", product, (np.float64(0.3), np.float64(2.0))),
    Sample("debug_callback", watched, (X,)),
]
