"""Rules of one element under `vmap`: into the frame of the batch and out of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.ir import Jaxpr
from ...core.record import run
from ...core.trace import Tracer
from ...transforms.vmap import BatchFrame, repeat

__all__ = ["batch_of", "batch_run", "elements", "is_abstract", "parts"]


def is_abstract(value: Any) -> bool:
    """Whether a value is, or stands for, a variable of a program that is being recorded."""
    while isinstance(value, Tracer):
        if value.value is None:
            return True
        value = value.value
    return False


def elements(frame: BatchFrame, values: Sequence[Any], batched: Sequence[bool]) -> list[Any]:
    """One element of each value: a tracer of ``frame`` where it is batched."""
    return [frame.input(v) if b else v for v, b in zip(values, batched, strict=True)]


def parts(frame: BatchFrame, values: Sequence[Any]) -> tuple[list[Any], list[bool]]:
    """What elements stand for, and which of them are batched; anything may be among them."""
    flags = [isinstance(v, Tracer) and v.frame is frame for v in values]
    return [v.value if own else v for v, own in zip(values, flags, strict=True)], flags


def batch_of(frame: BatchFrame, value: Any) -> Any:
    """The whole batch for an element; a value that does not depend on it is repeated."""
    if isinstance(value, Tracer) and value.frame is frame:
        return value.value
    return repeat(value, frame.size)


def batch_run(
    jaxpr: Jaxpr, size: int, args: Sequence[Any], batched: Sequence[bool]
) -> tuple[list[Any], list[bool]]:
    """The results of a program of one element for a batch, and which of them are batched."""
    frame = BatchFrame(size)
    try:
        return parts(frame, run(jaxpr, elements(frame, args, batched)))
    finally:
        frame.closed = True
