"""Uses of the primitive of `funcgrad.nn`."""

import numpy as np

from funcgrad.nn.categorical import log_total

from . import Sample

X = np.linspace(1.0, 4.3, 12).reshape(3, 4)

SAMPLES = [
    Sample("log_total", lambda x: log_total(x), (X,)),
    Sample("log_total", lambda x: log_total(x), (2.5,)),
]
