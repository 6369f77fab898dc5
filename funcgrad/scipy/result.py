"""Floor 6: what `root` and `minimize` return: SciPy's fields, as a pytree."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ..core.trace import Tracer

__all__ = ["OptimizeResult", "code_of"]

_MESSAGES: dict[str, int] = {}
_MESSAGES_MOST = 4096
_LOCK = threading.Lock()


def code_of(message: str) -> int:
    """A number for a message, so that compiled programs can carry it."""
    with _LOCK:
        if message not in _MESSAGES and len(_MESSAGES) >= _MESSAGES_MOST:
            message = "(SciPy gave too many different messages to keep them all)"
        return _MESSAGES.setdefault(message, len(_MESSAGES))


@dataclass(repr=False)
class OptimizeResult:
    """The result of `root` and `minimize`; fields that a method does not report are None.

    Attributes:
        x: The solution; it has derivatives with respect to what the function depends on.
        success: Whether the search says that it found one.
        status: The method's number for how it ended.
        fun: The function at ``x``; of `minimize`, with its derivatives.
        jac: Of `minimize`, the gradient at ``x``, which is 0 up to the tolerance; no derivatives.
        nfev: How often the function was evaluated.
        njev: How often its derivative was.
        nhev: How often its Hessian was.
        nit: How many iterations there were.
    """

    x: Any
    success: Any
    status: Any
    fun: Any
    message_code: Any
    jac: Any = None
    nfev: Any = None
    njev: Any = None
    nhev: Any = None
    nit: Any = None

    @property
    def message(self) -> Any:
        """How the search ended, in SciPy's words; in a traced program None.

        In a batch an array of texts.
        """
        if isinstance(self.message_code, Tracer):
            return None
        texts = np.array(list(_MESSAGES), dtype=object)
        return texts[self.message_code]

    def keys(self) -> list[str]:
        """The fields that are reported, as of SciPy's results."""
        names = [f.name for f in fields(self) if f.name != "message_code"]
        return ["message", *[name for name in names if getattr(self, name) is not None]]

    def __getitem__(self, key: str) -> Any:
        if key not in self.keys():
            raise KeyError(key)
        return getattr(self, key)

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __repr__(self) -> str:
        names = self.keys()
        width = max(map(len, names))
        lines = []
        for name in names:
            first, *rest = repr(self[name]).splitlines() if name != "message" else [self.message]
            indent = " " * (width + 3)
            lines.append("\n".join([f"{name:>{width + 1}}: {first}", *[indent + r for r in rest]]))
        return "\n".join(lines)

    def __reduce__(self) -> Any:
        # The numbers of messages are this process's own.
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return _restored, (values, self.message)


def _restored(values: dict[str, Any], message: Any) -> OptimizeResult:
    if isinstance(message, str):
        values["message_code"] = np.int64(code_of(message))
    elif message is not None:
        codes = [code_of(text) for text in message.ravel()]
        values["message_code"] = np.array(codes, np.int64).reshape(message.shape)
    return OptimizeResult(**values)
