"""Control flow, dynamic slices and convolutions as JAX's users know them, by name."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .api.collective import all_gather, axis_index, axis_size, pmax, pmean, pmin, psum, psum_scatter
from .api.program import stop_gradient
from .api.transposition import linear_transpose
from .control.checkpoint import checkpoint, checkpoint_name
from .control.flow.associative_scan import associative_scan
from .control.flow.conditionals import cond, select, switch
from .control.flow.loops import fori_loop, map, scan, while_loop
from .control.implicit.custom_root import custom_linear_solve, custom_root
from .errors import publish, publish_all

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
    from .numpy.slices import (
        dynamic_index_in_dim,
        dynamic_slice,
        dynamic_slice_in_dim,
        dynamic_update_index_in_dim,
        dynamic_update_slice,
        dynamic_update_slice_in_dim,
    )

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
    "dynamic_index_in_dim",
    "dynamic_slice",
    "dynamic_slice_in_dim",
    "dynamic_update_index_in_dim",
    "dynamic_update_slice",
    "dynamic_update_slice_in_dim",
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

# Where the names live that load when first asked for.
_LAZY = {
    "ConvDimensionNumbers": "nn.dimension_numbers",
    "conv": "nn.convolution",
    "conv_dimension_numbers": "nn.dimension_numbers",
    "conv_general_dilated": "nn.convolution",
    "conv_general_dilated_patches": "nn.convolution",
    "conv_transpose": "nn.convolution",
    "conv_with_general_padding": "nn.convolution",
    "dynamic_index_in_dim": "numpy.slices",
    "dynamic_slice": "numpy.slices",
    "dynamic_slice_in_dim": "numpy.slices",
    "dynamic_update_index_in_dim": "numpy.slices",
    "dynamic_update_slice": "numpy.slices",
    "dynamic_update_slice_in_dim": "numpy.slices",
    "padtype_to_pads": "nn.padding",
    "reduce_window": "nn.pooling",
}
_ALIASES = {"conv": "convolve_layers"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'funcgrad.lax' has no attribute {name!r}")
    module = importlib.import_module(f".{_LAZY[name]}", __package__)
    value = getattr(module, _ALIASES.get(name, name))
    globals()[name] = value
    return publish(globals(), name)


def __dir__() -> list[str]:
    return sorted(__all__)


publish_all(globals())
