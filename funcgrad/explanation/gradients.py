"""The gradients of an evaluation, by the names of arguments and of values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..core.trace import Tracer
from ..errors import ArgumentError
from .assemble import stack_steps
from .evaluation import Contributions, GraphFrame

__all__ = ["Gradients", "gradients"]


class Gradients(Mapping[str, Any]):
    """The derivatives of the result, by the name of an argument or of a value.

    Arguments come under their names, as pytrees; so do values that the function gave a name with
    `funcgrad.name`: a name that was given twice has a list, and one in a loop a leading axis for
    the steps.
    """

    def __init__(self, found: dict[str, Any], reason: str) -> None:
        self._found, self._reason = found, reason

    def __getitem__(self, name: str) -> Any:
        if name in self._found:
            return self._found[name]
        if self._reason:
            raise ArgumentError(f"explain: there are no gradients: {self._reason}", _ONE_NUMBER)
        known = ", ".join(self._found) or "none"
        raise ArgumentError(
            f"explain: there is no gradient by {name!r}",
            f"The names are: {known}. Write h = funcgrad.name(h, {name!r}) in the function.",
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return "\n".join([f"{name}: {value}" for name, value in self._found.items()])


_ONE_NUMBER = (
    "Explain a function whose result is one float: explain(lambda x: np.sum(f(x)), x), or "
    "explain(lambda x: f(x)[0], x)."
)


def gradients(
    frame: GraphFrame,
    flow: Contributions,
    inputs: dict[int, Tracer],
    wanted: Sequence[Tracer],
    labels: Sequence[str],
) -> dict[str, Any]:
    """The derivatives by arguments and by what has a name."""
    found: dict[str, Any] = {}
    ids = {id(x) for x in wanted}
    for i, tracer in inputs.items():
        if id(tracer) in ids:
            found[labels[i]] = _gradient(flow, tracer)
    named: dict[str, list[Any]] = {}
    for label, _, _, tracers in frame.named:
        cts = [flow.total.get(id(x)) for x in tracers]
        values = [x.value for x in tracers]
        several = len(tracers) > 1
        ct = stack_steps(
            [np.zeros_like(v) if c is None else c for c, v in zip(cts, values, strict=True)],
            several,
        )
        named.setdefault(label, []).append(ct)
    for label, each in named.items():
        found[label] = each if len(each) > 1 else each[0]
    return found


def _gradient(flow: Contributions, tracer: Tracer) -> Any:
    ct = flow.total.get(id(tracer))
    aval = tracer.aval
    if ct is None:
        return np.zeros(aval.shape, aval.dtype)[()]
    return np.array(ct, aval.dtype)[()]
