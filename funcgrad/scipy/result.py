"""What `root`, `minimize` and `solve_ivp` return: SciPy's fields, as a pytree."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ..core.trace import Tracer

__all__ = ["OdeResult", "OptimizeResult", "code_of"]

_MESSAGES: dict[str, int] = {}
_MESSAGES_MOST = 4096
_NUMBERS = itertools.count()


def code_of(message: str) -> int:
    """A number for a message, so that compiled programs can carry it."""
    # No lock, which a child process might find locked: threads at the same time waste a number.
    if message not in _MESSAGES and len(_MESSAGES) >= _MESSAGES_MOST:
        message = "(SciPy gave too many different messages to keep them all)"
    found = _MESSAGES.get(message)
    return _MESSAGES.setdefault(message, next(_NUMBERS)) if found is None else found


class Reported:
    """What the results share: items by name, as SciPy's have, and the message.

    Attributes:
        message_code: A number for the message.
    """

    message_code: Any

    @property
    def message(self) -> Any:
        """How it ended, in SciPy's words; in a traced program None.

        In a batch an array of texts.
        """
        if isinstance(self.message_code, Tracer):
            return None
        known = {code: text for text, code in _MESSAGES.copy().items()}
        texts = np.array([known.get(code) for code in range(max(known) + 1)], dtype=object)
        return texts[self.message_code]

    def names(self) -> list[str]:
        """All fields but the message."""
        return [f.name for f in fields(self) if f.name != "message_code"]  # type: ignore[arg-type]

    def keys(self) -> list[str]:
        """The fields that are reported, as of SciPy's results."""
        return ["message", *[name for name in self.names() if getattr(self, name) is not None]]

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
        values = {name: getattr(self, name) for name in self.names()}
        return _restore, (type(self), values, self.message)


def _restore(cls: type[Reported], values: dict[str, Any], message: Any) -> Reported:
    code: Any = None
    if isinstance(message, str):
        code = np.int64(code_of(message))
    elif message is not None:
        codes = [code_of(text) for text in message.ravel()]
        code = np.array(codes, np.int64).reshape(message.shape)
    return cls(message_code=code, **values)  # type: ignore[call-arg]


@dataclass(repr=False)
class OptimizeResult(Reported):
    """The result of `root` and `minimize`; fields that a method does not report are None.

    Attributes:
        x: The solution; it has derivatives with respect to what the function depends on.
        success: Whether the search says that it found one.
        status: The method's number for how it ended.
        fun: The function at ``x``; of `minimize`, with its derivatives.
        message_code: A number for the message.
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


@dataclass(repr=False)
class OdeResult(Reported):
    """The result of `solve_ivp`.

    Attributes:
        t: The times, shape ``(n,)``.
        y: The states at these times, shape ``(d, n)``; nan where the solver did not come so far.
        sol: The solution as a function, with ``dense_output``; of plain values alone.
        t_events: For each event its times; of plain values alone.
        y_events: For each event the states; of plain values alone.
        nfev: How often the function was evaluated.
        njev: How often its Jacobian was.
        nlu: How many matrices were factored.
        status: 0 at the end, 1 at an event that ended it, -1 where a step failed.
        message_code: A number for the message.
        success: Whether ``status >= 0``.
    """

    t: Any
    y: Any
    nfev: Any
    njev: Any
    nlu: Any
    status: Any
    message_code: Any
    success: Any
    sol: Any = None
    t_events: Any = None
    y_events: Any = None
