"""What networks are made of, as functions: layers, activations, losses, initialisers.

They have no state: parameters, running statistics and keys are arguments, and what changes is
returned. Arrays and tracers take one path. Everything keeps the dtype of its input (float32 in,
float32 out; integers and booleans become float64, as NumPy's own functions make them). Activations
and losses are stable for inputs far outside the range of ``exp``: value and gradient are right at
+-1000 and raise no warning.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ..errors import publish, publish_all
from .activations import elu, gelu, leaky_relu, relu, sigmoid, silu, softplus, step, tanh
from .activations import silu as swish
from .categorical import log_softmax, logsumexp, one_hot, softmax
from .losses import binary_cross_entropy, cross_entropy, hinge, mae, mse, rmse

if TYPE_CHECKING:
    from . import initializers
    from .attention import dot_product_attention
    from .bounded import (
        celu,
        glu,
        hard_sigmoid,
        hard_silu,
        hard_tanh,
        log_sigmoid,
        mish,
        relu6,
        selu,
        soft_sign,
        squareplus,
    )
    from .bounded import hard_silu as hard_swish
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
    "celu",
    "conv",
    "conv_transpose",
    "cross_entropy",
    "dot_product_attention",
    "dropout",
    "elu",
    "embedding",
    "gelu",
    "glu",
    "group_norm",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "hinge",
    "initializers",
    "layer_norm",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "mae",
    "max_pool",
    "min_pool",
    "mish",
    "mse",
    "one_hot",
    "relu",
    "relu6",
    "rms_norm",
    "rmse",
    "selu",
    "sigmoid",
    "silu",
    "soft_sign",
    "softmax",
    "softplus",
    "squareplus",
    "standardize",
    "step",
    "swish",
    "tanh",
]

# Layers and initialisers load when first asked for; None is for a module.
_LAZY = {
    "BatchNormState": "normalization",
    "avg_pool": "pooling",
    "batch_norm": "normalization",
    "batch_norm_state": "normalization",
    "celu": "bounded",
    "conv": "convolution",
    "conv_transpose": "convolution",
    "dot_product_attention": "attention",
    "dropout": "regularization",
    "embedding": "embeddings",
    "glu": "bounded",
    "group_norm": "normalization",
    "hard_sigmoid": "bounded",
    "hard_silu": "bounded",
    "hard_swish": "bounded",
    "hard_tanh": "bounded",
    "initializers": None,
    "layer_norm": "normalization",
    "log_sigmoid": "bounded",
    "max_pool": "pooling",
    "min_pool": "pooling",
    "mish": "bounded",
    "relu6": "bounded",
    "rms_norm": "normalization",
    "selu": "bounded",
    "soft_sign": "bounded",
    "squareplus": "bounded",
    "standardize": "normalization",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'funcgrad.nn' has no attribute {name!r}")
    home = _LAZY[name]
    module = importlib.import_module(f".{home or name}", __name__)
    value = module if home is None else getattr(module, name)
    globals()[name] = value
    return publish(globals(), name)


def __dir__() -> list[str]:
    return sorted(__all__)


publish_all(globals())
