"""Floor 8: control flow under the names and argument orders that JAX's users know."""

from .control.checkpoint import checkpoint, checkpoint_name
from .control.cond import cond, select, switch
from .control.loops import fori_loop, map, scan, while_loop

__all__ = [
    "checkpoint",
    "checkpoint_name",
    "cond",
    "fori_loop",
    "map",
    "scan",
    "select",
    "switch",
    "while_loop",
]
