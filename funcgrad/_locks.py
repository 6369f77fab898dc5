"""Floor 0: the one lock of the package.

It is held for a few operations on a dict or a counter and never while other code runs, so one is
enough. A child process that is forked while another thread holds it gets a new one: who would let
go of the old one is not there.
"""

from __future__ import annotations

import os
from _thread import RLock  # what threading.RLock is, without the millisecond that it costs

shared = RLock()  # reentrant: a collection inside it may run code that takes it


def _renew() -> None:
    global shared
    shared = RLock()


if hasattr(os, "register_at_fork"):  # where there is fork
    os.register_at_fork(after_in_child=_renew)
