"""Floor 8: control flow under the names and argument orders that JAX's users know."""

from .api.collective import all_gather, axis_index, axis_size, pmax, pmean, pmin, psum, psum_scatter
from .api.program import stop_gradient
from .api.transposition import linear_transpose
from .control.associative import associative_scan
from .control.checkpoint import checkpoint, checkpoint_name
from .control.cond import cond, select, switch
from .control.loops import fori_loop, map, scan, while_loop
from .control.roots import custom_linear_solve, custom_root

__all__ = [
    "all_gather",
    "associative_scan",
    "axis_index",
    "axis_size",
    "checkpoint",
    "checkpoint_name",
    "cond",
    "custom_linear_solve",
    "custom_root",
    "fori_loop",
    "linear_transpose",
    "map",
    "pmax",
    "pmean",
    "pmin",
    "psum",
    "psum_scatter",
    "scan",
    "select",
    "stop_gradient",
    "switch",
    "while_loop",
]
