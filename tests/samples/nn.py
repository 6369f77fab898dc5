"""Uses of the primitives of softmax and its family."""

import numpy as np

from funcgrad import nn, stop_gradient
from funcgrad.ops import softmax

from . import Sample

X = np.linspace(1.0, 4.3, 12).reshape(3, 4) * np.array([[1.0], [-1.0], [6.0]])
C = np.cos(X)
LABELS = np.array([1, 3, 3])


def _of_weights(primitive):
    return lambda c, x: primitive(c, nn.softmax(x, primitive.axes))


def _made(x):
    e = np.exp(x - stop_gradient(x).max(axis=1, keepdims=True))
    return e, e.sum(axis=1, keepdims=True)


SAMPLES = [
    *[
        Sample(primitive.name, _of_weights(primitive), (C, X))
        for axes in ((1,), (0, 1))
        for primitive in (
            softmax.Balance(axes),
            softmax.Deviation(axes, False),
            softmax.Deviation(axes, True),
        )
    ],
    Sample("soft_sign", nn.soft_sign, (X,)),
    Sample("normalised", nn.softmax, (X,)),
    Sample("normalised", lambda x: nn.softmax(x, None), (X,)),
    Sample("log_normalised", nn.log_softmax, (X,)),
    Sample("log_normalised", lambda x: nn.log_softmax(x, (0, 1)), (X,)),
    Sample("log_sum_exp", lambda x: nn.logsumexp(x, 0, True), (X,)),
    Sample("log_sum_exp", nn.logsumexp, (X,)),
    Sample("shares", lambda x: softmax.Shares((1,))(x, *_made(x)), (X,)),
    Sample("label_loss", lambda x: nn.cross_entropy(x, LABELS), (X,)),
    Sample("excess", lambda x: softmax.excess(nn.softmax(x), LABELS), (X,)),
    Sample("log_total", lambda x: nn.logsumexp(x, 1), (X,)),
    Sample("log_total", nn.logsumexp, (X,)),
]
