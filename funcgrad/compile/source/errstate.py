"""Whether somebody asked NumPy to look at overflow, which Python's floats do not.

A compiled program computes float64 scalars in Python's floats, whose overflow, underflow and nan
pass in silence. Under a state of errors that asks for more than NumPy's default one does, the
program runs in NumPy's numbers, which obey. The state is a context variable of NumPy's, whose
default is one object: to see that it is another costs some 30 ns, to read it 800 ns.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._stack import DEFAULT, POINTS, STATE, reports

__all__ = ["asks", "state", "usual"]

state = STATE.get
"""The state of NumPy's errors, as an object that is another one after every change."""
usual = DEFAULT, POINTS
"""The default state, and what stands for it within funcgrad."""

_SILENT = {
    "over": ("warn", "ignore"),
    "invalid": ("warn", "ignore"),
    "under": ("ignore",),
}
"""What no one asks for: the default, and less. Who sets a state and resets it, has it again."""

_last: tuple[Any, bool] = POINTS, False


def asks() -> bool:
    """Whether overflow, underflow or nan are to be told of otherwise than by default."""
    global _last
    now = state()
    known, answer = _last
    if known is not now:
        modes = np.geterr()
        if reports():  # what is to warn is told to funcgrad, which warns at the user's line
            modes = {kind: "warn" if mode == "log" else mode for kind, mode in modes.items()}
        answer = any(modes[kind] not in silent for kind, silent in _SILENT.items())
        _last = now, answer
    return answer
