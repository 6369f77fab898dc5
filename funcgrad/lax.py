"""Floor 8: control flow and convolutions under the names and argument orders of JAX's users."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .api.collective import all_gather, axis_index, axis_size, pmax, pmean, pmin, psum, psum_scatter
from .api.program import stop_gradient
from .api.transposition import linear_transpose
from .control.associative import associative_scan
from .control.checkpoint import checkpoint, checkpoint_name
from .control.cond import cond, select, switch
from .control.loops import fori_loop, map, scan, while_loop
from .control.roots import custom_linear_solve, custom_root

if TYPE_CHECKING:
    from .nn.convolution import (
        conv_general_dilated,
        conv_general_dilated_patches,
        conv_transpose,
        conv_with_general_padding,
    )
    from .nn.convolution import convolve_layers as conv
    from .nn.dimension_numbers import ConvDimensionNumbers, conv_dimension_numbers
    from .nn.padding import padtype_to_pads
    from .nn.pooling import reduce_window

__all__ = [
    "ConvDimensionNumbers",
    "all_gather",
    "associative_scan",
    "axis_index",
    "axis_size",
    "checkpoint",
    "checkpoint_name",
    "cond",
    "conv",
    "conv_dimension_numbers",
    "conv_general_dilated",
    "conv_general_dilated_patches",
    "conv_transpose",
    "conv_with_general_padding",
    "custom_linear_solve",
    "custom_root",
    "fori_loop",
    "linear_transpose",
    "map",
    "padtype_to_pads",
    "pmax",
    "pmean",
    "pmin",
    "psum",
    "psum_scatter",
    "reduce_window",
    "scan",
    "select",
    "stop_gradient",
    "switch",
    "while_loop",
]

# Where the convolutions live, which load when first asked for.
_LAZY = {
    "ConvDimensionNumbers": "dimension_numbers",
    "conv": "convolution",
    "conv_dimension_numbers": "dimension_numbers",
    "conv_general_dilated": "convolution",
    "conv_general_dilated_patches": "convolution",
    "conv_transpose": "convolution",
    "conv_with_general_padding": "convolution",
    "padtype_to_pads": "padding",
    "reduce_window": "pooling",
}
_ALIASES = {"conv": "convolve_layers"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'funcgrad.lax' has no attribute {name!r}")
    module = importlib.import_module(f".nn.{_LAZY[name]}", __package__)
    value = getattr(module, _ALIASES.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
