"""Floor 8: activations and losses, written in plain NumPy so that arrays and tracers take one path.

Everything here keeps the dtype of its input (float32 in, float32 out; integers and booleans become
float64, as NumPy's own functions make them) and is stable for inputs far outside the range of
``exp``: value and gradient are right at +-1000 and raise no warning.
"""

from .activations import elu, gelu, leaky_relu, relu, sigmoid, silu, softplus, step, tanh
from .losses import binary_cross_entropy, cross_entropy, hinge, mae, mse, rmse
from .softmax import log_softmax, logsumexp, one_hot, softmax

__all__ = [
    "binary_cross_entropy",
    "cross_entropy",
    "elu",
    "gelu",
    "hinge",
    "leaky_relu",
    "log_softmax",
    "logsumexp",
    "mae",
    "mse",
    "one_hot",
    "relu",
    "rmse",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "step",
    "tanh",
]
