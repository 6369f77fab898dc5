"""Vectorisation. A frame whose tracers stand for one element of a batched value.

The batch axis of a traced value is always its first; every operation is computed at once for the
whole batch by its primitive's ``vmap`` rule. What is not batched stays a plain value.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NoReturn

import numpy as np

from ..core.axes import OPEN, Axis
from ..core.refusal import no_value, raise_leaked
from ..core.residuals import StepResidualsAval
from ..core.source_info import SourceInfo
from ..core.trace import Frame, Tracer, aval_of
from ..errors import ConcretizationError, FuncgradError
from ..ops.linear import BroadcastTo
from ..ops.steps import RepeatSteps

__all__ = ["BatchFrame", "unmapped", "vmap"]


class _Unmapped:
    """A result of a ``vmap`` rule that does not depend on the batch and has no axis for it."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def unmapped(value: Any, size: int) -> Any:
    """What a ``vmap`` rule with several results returns for one that is the same in all elements.

    Step residuals are repeated: whether they are batched holds for all their entries.
    """
    return (
        repeat(value, size) if isinstance(aval_of(value), StepResidualsAval) else _Unmapped(value)
    )


class BatchFrame(Frame):
    """Computes for a whole batch what the traced function writes for one element."""

    __slots__ = ("size",)

    def __init__(self, size: int, what: str = "vmap") -> None:
        super().__init__(what)
        self.size = size

    def input(self, value: Any, source_info: SourceInfo | None = None) -> Tracer:
        """The tracer for a value whose first axis is the batch."""
        return self.tracer(value, aval_of(value).element(), source_info)

    def process(self, primitive: Any, args: Sequence[Any], source_info: SourceInfo | None) -> Any:
        source_info = self.here(source_info)
        values: list[Any] = []
        batched: list[bool] = []
        older: list[Frame] = []
        for a in args:
            own = isinstance(a, Tracer) and a.frame is self
            if own:
                a = a.value
            if isinstance(a, Tracer) and a.frame.source_info is None:
                a.frame.source_info = source_info
                older.append(a.frame)
            values.append(a)
            batched.append(own)
        try:
            if primitive.collective and batched[-1]:
                # Across this very axis: what all its elements share is not batched.
                out = primitive.collect(self.size, batched[0], values[0])
                return self.input(out, source_info) if primitive.differs else out
            out = primitive.vmap(self.size, batched, values)
        except ValueError as error:
            if not isinstance(error, FuncgradError):
                # NumPy's text counts the axis of the batch; the types of one element say it better.
                primitive.aval(*[aval_of(a) for a in primitive.adapt(args)])
            raise
        finally:
            for frame in older:
                frame.source_info = None
        if primitive.multiple:
            return tuple(
                [v.value if type(v) is _Unmapped else self.input(v, source_info) for v in out]
            )
        return self.input(out, source_info)

    def concrete(self, tracer: Tracer, use: str) -> NoReturn:
        if self.closed:
            raise_leaked(self, tracer)
        raise no_value(
            self,
            tracer,
            use,
            ConcretizationError,
            f"needs one value, and this {tracer.aval} stands for {self.size}, one for each element "
            "of the batch",
        )

    def show(self, tracer: Tracer) -> None:
        # No format of one number fits a batch of them: `text` shows it.
        return None

    def text(self, tracer: Tracer) -> str:
        value = tracer.value
        if isinstance(value, Tracer) and value.value is None:
            return tracer.aval.short()
        return f"{tracer.aval.short()} for each of {self.size}: {value}"


def vmap(
    f: Callable[..., Sequence[Any]],
    size: int,
    values: Sequence[Any],
    batched: Sequence[bool],
    name: Hashable = None,
) -> list[Any]:
    """Map ``f``, a function of flat values with a flat sequence as result, over first axes.

    Args:
        f: The function of one element.
        size: The length of the batch.
        values: The arguments, with the batch as first axis where ``batched``.
        batched: One an argument.
        name: The name by which collectives in ``f`` find the batch, where it has one.

    Returns:
        The results, each with the batch as first axis.
    """
    frame = BatchFrame(size)
    inputs = [frame.input(v) if b else v for v, b in zip(values, batched, strict=True)]
    outer = OPEN.get()
    try:
        if name is not None:
            axis = Axis(name, size, frame.input(np.arange(size, dtype=np.int64)))
            OPEN.set((*outer, axis))
        outputs = f(*inputs)
        return [
            out.value if isinstance(out, Tracer) and out.frame is frame else repeat(out, size)
            for out in outputs
        ]
    finally:
        if name is not None:
            OPEN.set(outer)
        frame.closed = True


def repeat(value: Any, size: int) -> Any:
    """``value``, which does not depend on the batch, once for each of its elements."""
    aval = aval_of(value)
    if isinstance(aval, StepResidualsAval):
        return RepeatSteps(size, 0)(value)
    return BroadcastTo((size, *aval.shape))(value)
