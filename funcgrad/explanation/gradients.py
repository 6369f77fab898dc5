"""The gradients of an evaluation, by the names of arguments and of values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .. import tree
from ..core.trace import Tracer
from ..errors import ArgumentError
from .arguments import Labels
from .assemble import stack_steps
from .evaluation import GraphFrame
from .sweep import Contributions

__all__ = ["Gradients", "gradients"]


class Gradients(Mapping[str, Any]):
    """The derivatives of the result, by the name of an argument or of a value.

    Arrays and numbers among the arguments come under names such as ``"x"`` and ``"params['w']"``;
    ``gradients["params"]`` is the whole pytree. So do values that the function gave a name with
    `funcgrad.name`: a name that was given twice has a list, and one in a loop a leading axis for
    the steps.
    """

    def __init__(self, found: dict[str, Any], whole: dict[str, Any], reason: str) -> None:
        self._found, self._whole, self._reason = found, whole, reason

    def __getitem__(self, name: str) -> Any:
        if name in self._found:
            return self._found[name]
        if name in self._whole:
            return self._whole[name]
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
    wanted: Mapping[int, Tracer],
    labels: Labels,
    treedef: tree.TreeDef,
) -> Gradients:
    """The derivatives by arguments and by what has a name.

    Args:
        frame: What was recorded.
        flow: What flowed back.
        wanted: The leaves of the arguments that the result is differentiated by.
        labels: What the arguments are called.
        treedef: Their structure.
    """
    by_leaf = {i: _gradient(flow, tracer) for i, tracer in wanted.items()}
    found = {labels.leaves[i]: [ct] for i, ct in by_leaf.items()}
    for named in frame.named:
        each = [
            _zeros(x) if ct is None else ct
            for x, ct in [(x, flow.total.get(id(x))) for x in named.tracers]
        ]
        found.setdefault(named.label, []).append(stack_steps(each, named.loops))
    by_name = {name: each if len(each) > 1 else each[0] for name, each in found.items()}
    return Gradients(by_name, _by_argument(labels, by_leaf, treedef), "")


def _by_argument(
    labels: Labels, by_leaf: Mapping[int, Any], treedef: tree.TreeDef
) -> dict[str, Any]:
    """The derivatives by whole arguments, as pytrees with None at leaves that are not floats."""
    leaves = [by_leaf.get(i) for i in range(len(labels.leaves))]
    args, kwargs = tree.unflatten(treedef, leaves)
    return {
        name: args[position] if isinstance(position, int) else kwargs[position]
        for position, name in labels.arguments.items()
        if any(labels.positions[i] == position for i in by_leaf)
    }


def _gradient(flow: Contributions, tracer: Tracer) -> Any:
    ct = flow.total.get(id(tracer))
    return _zeros(tracer) if ct is None else np.array(ct, tracer.aval.dtype)[()]


def _zeros(tracer: Tracer) -> Any:
    return np.zeros(tracer.aval.shape, tracer.aval.dtype)[()]
