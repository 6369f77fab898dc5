"""Floor 8: what networks are made of, as functions: layers, activations, losses, initialisers.

They have no state: parameters, running statistics and keys are arguments, and what changes is
returned. Arrays and tracers take one path. Everything keeps the dtype of its input (float32 in,
float32 out; integers and booleans become float64, as NumPy's own functions make them). Activations
and losses are stable for inputs far outside the range of ``exp``: value and gradient are right at
+-1000 and raise no warning.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .activations import elu, gelu, leaky_relu, relu, sigmoid, silu, softplus, step, tanh
from .losses import binary_cross_entropy, cross_entropy, hinge, mae, mse, rmse
from .softmax import log_softmax, logsumexp, one_hot, softmax

if TYPE_CHECKING:
    from . import initializers
    from .attention import dot_product_attention
    from .convolution import conv, conv_transpose
    from .embeddings import embedding
    from .normalization import (
        BatchNormState,
        batch_norm,
        batch_norm_state,
        group_norm,
        layer_norm,
        rms_norm,
        standardize,
    )
    from .pooling import avg_pool, max_pool, min_pool
    from .regularization import dropout

__all__ = [
    "BatchNormState",
    "avg_pool",
    "batch_norm",
    "batch_norm_state",
    "binary_cross_entropy",
    "conv",
    "conv_transpose",
    "cross_entropy",
    "dot_product_attention",
    "dropout",
    "elu",
    "embedding",
    "gelu",
    "group_norm",
    "hinge",
    "initializers",
    "layer_norm",
    "leaky_relu",
    "log_softmax",
    "logsumexp",
    "mae",
    "max_pool",
    "min_pool",
    "mse",
    "one_hot",
    "relu",
    "rms_norm",
    "rmse",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "standardize",
    "step",
    "tanh",
]

# Layers and initialisers load when first asked for; None is for a module.
_LAZY = {
    "BatchNormState": "normalization",
    "avg_pool": "pooling",
    "batch_norm": "normalization",
    "batch_norm_state": "normalization",
    "conv": "convolution",
    "conv_transpose": "convolution",
    "dot_product_attention": "attention",
    "dropout": "regularization",
    "embedding": "embeddings",
    "group_norm": "normalization",
    "initializers": None,
    "layer_norm": "normalization",
    "max_pool": "pooling",
    "min_pool": "pooling",
    "rms_norm": "normalization",
    "standardize": "normalization",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'funcgrad.nn' has no attribute {name!r}")
    home = _LAZY[name]
    module = importlib.import_module(f".{home or name}", __name__)
    value = module if home is None else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
