"""The user's line: whose code a frame of the stack runs, and where NumPy's warnings point.

NumPy gives a warning the line that called it, which inside of a transform is one of funcgrad's: all
of the user's would share it, and Python shows one warning a line. So where NumPy would warn it is
told, for the time of a call, to report to `_REPORTS`, which finds the line that is meant and warns
there. Where the user has chosen something else (`numpy.errstate`), that stays.
"""

from __future__ import annotations

import contextvars
import os
import sys
import warnings
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, TypeAlias

import numpy as np

__all__ = [
    "COMPILED",
    "DEFAULT",
    "ENTRY",
    "LIBRARIES",
    "LINE_FINDER",
    "LINE_FINDERS",
    "PACKAGE",
    "POINTED",
    "POINTING",
    "POINTING_NAMES",
    "POINTS",
    "SITE",
    "STATE",
    "Line",
    "pointed",
    "pointing",
    "reports",
    "users_line",
]

PACKAGE = os.path.dirname(sys._getframe().f_code.co_filename) + os.sep
"""Where the package's code says that it stands, which is elsewhere than its files where these were
compiled before they were installed and their sources are not there."""
SITE = os.path.dirname(os.path.dirname(os.path.abspath(np.__file__))) + os.sep
"""Where installed libraries are."""
LIBRARIES = (PACKAGE, *(os.path.join(SITE, name) + os.sep for name in ("numpy", "scipy")))
COMPILED = "compiled by funcgrad"
"""What the file names of generated code have in them."""
ENTRY = f"<entry of a function {COMPILED}>"
"""What stands for a file in the code that recognises the calls of a jitted function."""

Line: TypeAlias = tuple[str, int]
"""A file and a line in it."""

LINE_FINDERS: dict[CodeType, Callable[[FrameType], Line | None]] = {}
"""For code that computes what somebody else has written, such as a backward pass: from its frame to
the line that it computes, if it is known."""
LINE_FINDER = "__find_line__"
"""The name under which generated code has the same function among its globals."""


def users_line() -> str:
    """The innermost line on the stack that no installed library has; "" if it is in no file."""
    frame = sys._getframe(1)
    found = None
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(LIBRARIES) and COMPILED not in file:
            if not file.startswith(SITE):
                found = frame
                break
            found = found or frame
        frame = frame.f_back
    if found is None or found.f_code.co_filename.startswith("<"):
        return ""
    code = found.f_code
    return f"{os.path.basename(code.co_filename)}:{found.f_lineno} in {code.co_name}"


class _Reports:
    """What NumPy writes to in place of warning."""

    def write(self, text: str) -> None:
        """Warn at the user's line of what NumPy has to say."""
        message = text.removeprefix("Warning: ").rstrip("\n")
        found: Line | None = None
        users: FrameType | None = sys._getframe(1)
        while users is not None:
            code = users.f_code
            if code.co_filename.startswith(LIBRARIES):
                find_line = LINE_FINDERS.get(code)
            elif COMPILED in code.co_filename:
                find_line = users.f_globals.get(LINE_FINDER)
            else:
                found = found or (code.co_filename, users.f_lineno)
                break
            if find_line is not None and found is None:
                found = find_line(users)
            users = users.f_back
        if found is None:
            warnings.warn(message, RuntimeWarning, stacklevel=2)
            return
        space = _globals_of(found[0], users)
        registry = space.setdefault("__warningregistry__", {})
        module = space.get("__name__") or found[0].removesuffix(".py")
        warnings.warn_explicit(message, RuntimeWarning, *found, module=module, registry=registry)


_UNKNOWN: dict[str, dict[str, Any]] = {}
"""What stands for the globals of files whose module is not known, such as a notebook's cells."""


def _globals_of(file: str, frame: FrameType | None) -> dict[str, Any]:
    """The globals of the module in a file, where the warnings that it has shown are remembered."""
    while frame is not None:
        if frame.f_code.co_filename == file:
            return frame.f_globals
        frame = frame.f_back
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) == file:
            return vars(module)
    while len(_UNKNOWN) > 256:
        _UNKNOWN.pop(next(iter(_UNKNOWN)), None)
    return _UNKNOWN.setdefault(file, {})


_REPORTS = _Reports()


def reports() -> bool:
    """Whether NumPy reports to funcgrad where it would warn."""
    return np.geterrcall() is _REPORTS


def _state() -> tuple[Any, Any]:
    """The context variable in which NumPy keeps its error state, and the state that reports.

    NumPy has no public name for it; setting it takes a tenth of the time of `numpy.errstate`.
    """
    with np.errstate(divide="log", over="log", invalid="log", under="ignore", call=_REPORTS):
        for variable, value in contextvars.copy_context().items():
            if variable.name == "numpy.ufunc.extobj":
                return variable, value
    return contextvars.ContextVar("funcgrad_no_state", default=None), object()


STATE, POINTS = _state()
"""NumPy's error state in this context, and the default one but that it reports to us."""
DEFAULT = contextvars.Context().run(STATE.get)
"""NumPy's default state, which is one object."""

_last: tuple[Any, Any] = (None, None)


def pointing(state: Any) -> Any:
    """The state in which NumPy reports where ``state``, which is not the default, would warn."""
    global _last
    before, after = _last
    if state is after:
        return state
    if state is not before:
        modes: dict[str, Any] = dict(np.geterr())
        warned = {kind: "log" for kind, mode in modes.items() if mode == "warn"}
        theirs = {"call", "log"} & {*modes.values()} and not reports()
        after = state
        if warned and not theirs:
            with np.errstate(**warned, call=_REPORTS):  # type: ignore[arg-type]
                after = STATE.get()
        _last = state, after
    return after


def pointed(f: Callable[..., Any]) -> Callable[..., Any]:
    """``f``, where NumPy warns inside of it with the warnings at the user's line."""

    def call(*args: Any) -> Any:
        state = STATE.get()
        try:
            if state is not POINTS:
                STATE.set(POINTS if state is DEFAULT else pointing(state))
            return f(*args)
        finally:
            if state is not POINTS:
                STATE.set(state)

    return call


POINTING = "if state is not POINTS: STATE.set(POINTS if state is DEFAULT else pointing(state))"
"""What an entry written as text does first within its ``try``, after ``state = STATE.get()``.

As `errors.entry` does it. No token is kept, which an interrupt between setting and keeping would
lose: ``finally`` sets the state again that was found.
"""
POINTED = "if state is not POINTS: STATE.set(state)"
"""What it does in ``finally``."""
POINTING_NAMES = {"STATE": STATE, "POINTS": POINTS, "DEFAULT": DEFAULT, "pointing": pointing}
