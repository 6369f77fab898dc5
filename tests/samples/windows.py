"""Uses of the primitives of convolution and pooling: strides, dilations, groups, one to three axes.

The points of the extrema have no ties; those of a tie are kinks.
"""

import numpy as np

from funcgrad import grad
from funcgrad.ops import convolution as conv
from funcgrad.ops import pooling as pool

from . import Sample


def wave(*shape):
    return np.sin(np.arange(float(np.prod(shape))) * 0.7 + 0.2).reshape(shape)


# images, kernels, strides, dilation, groups
CASES = [
    (wave(2, 3, 7), wave(2, 3, 3), (1,), (1,), 1),
    (wave(2, 4, 7), wave(6, 2, 2), (2,), (3,), 2),
    (wave(2, 2, 5, 4), wave(3, 2, 3, 2), (1, 2), (1, 1), 1),
    (wave(1, 3, 6, 5), wave(3, 1, 2, 3), (3, 1), (2, 1), 3),
    (wave(1, 2, 3, 4, 3), wave(2, 2, 2, 2, 1), (1, 2, 1), (1, 1, 2), 1),
    (wave(2, 4), wave(4, 2), (), (), 2),  # no spatial axis
    (wave(2, 2, 2), wave(2, 2, 4), (1,), (1,), 1),  # no window fits
    (wave(0, 2, 5), wave(2, 2, 3), (1,), (1,), 1),  # an empty batch
]


def convolutions():
    for x, w, *over in CASES:
        shape, window = x.shape[2:], w.shape[2:]
        y = wave(*conv.convolution(x, w, *over).shape)
        yield Sample("convolution", lambda x, w, o=over: conv.convolution(x, w, *o), (x, w))
        yield Sample(
            "convolution_input",
            lambda y, w, n=shape, o=over: conv.convolution_input(y, w, n, *o),
            (y, w),
        )
        yield Sample(
            "convolution_kernel",
            lambda x, y, n=window, o=over: conv.convolution_kernel(x, y, n, *o),
            (x, y),
        )


# arrays, windows, strides, dilation
PLACES = [
    (wave(9), (2,), (1,), (1,)),
    (wave(2, 9), (3,), (2,), (2,)),
    (wave(2, 5, 6), (2, 3), (2, 1), (1, 2)),
    (wave(3, 4, 3), (1, 2, 3), (1, 1, 2), (2, 1, 1)),
    (wave(2, 3), (4,), (1,), (1,)),  # no window fits
]


def pools():
    for x, *over in PLACES:
        yield Sample("windows", lambda x, o=over: pool.windows(x, *o), (x,))
        y, shape = wave(*pool.windows(x, *over).shape), x.shape[x.ndim - len(over[0]) :]
        yield Sample("overlap_add", lambda y, n=shape, o=over: pool.overlap_add(y, n, *o), (y,))
        yield Sample("window_sum", lambda x, o=over: pool.window_sum(x, *o), (x,))
        yield Sample("window_max", lambda x, o=over: pool.window_max(x, *o), (x,))
        yield Sample("window_min", lambda x, o=over: pool.window_min(x, *o), (x,))
        yield Sample(
            "window_attained",
            lambda x, o=over: grad(lambda x: np.sum(pool.window_max(x, *o) ** 2))(x),
            (x,),
        )


CONVOLUTIONS = list(convolutions())
POOLS = list(pools())
SAMPLES = [*CONVOLUTIONS, *POOLS]
