"""Forward mode. A frame whose tracers carry a value and a tangent.

Every operation is computed at once on the values, and its ``jvp`` rule on the tangents. With
concrete values and tangents that are tracers of an abstract frame, the rules record the linear map
alone: that is `linearize`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.source_info import SourceInfo
from ..core.trace import ActiveFrame, Frame, Tracer, apply, aval_of, belongs
from ..ops.linear import zeros
from .vjp import copied_place, vjp

__all__ = ["JvpFrame", "jvp"]


class JvpFrame(ActiveFrame):
    """Computes values and tangents side by side; what carries no tangent comes out plain.

    Attributes:
        linear: True for `linearize`: values are computed apart from tangents everywhere, so that
            only what acts on tangents is recorded.
    """

    __slots__ = ("linear",)

    def __init__(self, what: str = "jvp", linear: bool = False) -> None:
        super().__init__(what)
        self.linear = linear

    def argument(self, value: Any, tangent: Any) -> Tracer:
        """The tracer for an argument with a tangent."""
        own = native_arrays(value)
        source_info = copied_place(value, own) if isinstance(value, np.ndarray) else None
        return self.tracer(own, aval_of(value), source_info, tangent)

    def process(self, primitive: Any, args: Sequence[Any], source_info: SourceInfo | None) -> Any:
        source_info = self.here(source_info)
        values: list[Any] = []
        tangents: list[Any] = []
        for a in args:
            if isinstance(a, Tracer) and a.frame is self:
                values.append(a.value)
                tangents.append(a.tangent)
            else:
                values.append(a)
                tangents.append(None)
        if primitive.forward is not None:
            if self.linear:
                out, t = _push_by_transpose(primitive, values, tangents, source_info)
            else:
                out, t = primitive.jvp_forward(values, tangents, source_info)
        else:
            out = apply(primitive, values, source_info)
            if primitive.discrete:
                return out
            t = self._tangent(primitive, out, values, tangents, source_info)
        if primitive.multiple:
            return tuple(
                [
                    v if tv is None else self.tracer(v, aval_of(v), source_info, tv)
                    for v, tv in zip(out, t)
                ]
            )
        return out if t is None else self.tracer(out, aval_of(out), source_info, t)

    def _tangent(
        self, primitive: Any, out: Any, values: Any, tangents: Any, source_info: SourceInfo | None
    ) -> Any:
        # What the rule records stands for this operation's derivative: show its line.
        older: list[Frame] = []
        for x in (*values, *tangents):
            if isinstance(x, Tracer) and x.frame.source_info is None:
                x.frame.source_info = source_info
                older.append(x.frame)
        try:
            return primitive.jvp(out, values, tangents)
        finally:
            for frame in older:
                frame.source_info = None


def _push_by_transpose(
    primitive: Any, values: Sequence[Any], tangents: Sequence[Any], source_info: SourceInfo | None
) -> tuple[Any, Any]:
    """The results, and their tangents by the transpose of the pullback.

    A primitive that holds a program computes results and tangents in one; here the results come
    from its forward pass, on values alone, and the tangents from ``<ct, J t> = <ct J, t>``: the vjp
    of ``ct -> ct J``, which is linear, applied to them.
    """
    out, residuals = primitive.forward(values, source_info)
    results = out if primitive.multiple else (out,)
    wanted = [t is not None for t in tangents]
    avals = [aval_of(x) for x in results]
    inexact = [aval.inexact for aval in avals]

    def pull(*chosen: Any) -> list[Any]:
        each = iter(chosen)
        cts = tuple([next(each) if i else None for i in inexact])
        ct = cts if primitive.multiple else cts[0]
        pulled = primitive.backward(ct, out, values, wanted, False, residuals)
        return [
            zeros(aval_of(x).strong()) if g is None else g
            for g, x, w in zip(pulled, values, wanted, strict=True)
            if w
        ]

    _, tape = vjp(pull, [zeros(aval.strong()) for aval in avals if aval.inexact])
    found = iter(tape.pullback([t for t in tangents if t is not None]))
    pushed = [next(found) if i else None for i in inexact]
    return out, pushed if primitive.multiple else pushed[0]


def jvp(
    f: Callable[..., Sequence[Any]],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    what: str = "jvp",
    linear: bool = False,
    plain: bool = False,
) -> tuple[list[Any], list[Any]]:
    """Push ``tangents`` through ``f``, a function of flat values with a flat sequence as result.

    Args:
        f: The function.
        primals: Where to differentiate; inexact values.
        tangents: One a primal, of its type; None for zero.
        what: The transform's name, for errors.
        linear: Whether the results must not depend on the tangents, which then are tracers of an
            abstract frame; see `JvpFrame`.
        plain: Whether the primals are the user's own, and lie in memory as in a plain call.

    Returns:
        The results' values, and their tangents, None for zero.
    """
    frame = JvpFrame(what, linear)
    frame.plain = plain
    try:
        inputs = [
            x if t is None else frame.argument(x, t) for x, t in zip(primals, tangents, strict=True)
        ]
        outputs = f(*inputs)
        ours = [belongs(out, frame) for out in outputs]
        return (
            [out.value if own else out for out, own in zip(outputs, ours, strict=True)],
            [out.tangent if own else None for out, own in zip(outputs, ours, strict=True)],
        )
    finally:
        frame.closed = True


def native_arrays(x: Any) -> Any:
    """Arrays in native byte order, other values as they are."""
    return np.asarray(x, dtype=aval_of(x).dtype) if isinstance(x, np.ndarray) else x
