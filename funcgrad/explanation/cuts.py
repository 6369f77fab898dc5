"""What cuts a derivative at one operation, in words, and which elements depend on which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from ..core.residuals import StepResiduals
from ..core.source_info import SourceInfo, line_of
from ..core.trace import aval_of
from ..ops.convolution import TrilinearForm
from ..ops.kinds import Elementwise
from ..ops.linalg import DotGeneral
from ..ops.linear import Linear
from .recording import Record

__all__ = ["Cause", "Cut", "cut_of", "depends_on"]

Cause = Literal[
    "unused",
    "integer conversion",
    "comparison",
    "rounding",
    "piecewise constant",
    "stop_gradient",
    "dead relu",
    "saturated",
    "masked branch",
    "branch not taken",
    "multiplied by zero",
    "stationary",
    "cancelled",
    "rule",
]


class Cut(NamedTuple):
    """Where a derivative ends.

    Attributes:
        cause: Why.
        text: The same in words.
        source_info: The user's place.
    """

    cause: Cause
    text: str
    source_info: SourceInfo | None

    @property
    def line(self) -> str:
        """``"train.py:12 in loss"``, or "" where that is not known."""
        return line_of(self.source_info)

    def __str__(self) -> str:
        return f"{self.cause}: {self.text}{f', at {self.line}' if self.line else ''}"


_COMPARES = frozenset(
    [
        "greater",
        "greater_equal",
        "less",
        "less_equal",
        "equal",
        "not_equal",
        "isclose",
        "isnan",
        "isinf",
        "isfinite",
        "signbit",
        "logical_and",
        "logical_or",
        "logical_xor",
        "logical_not",
        "attained",
        "window_attained",
        "any",
        "all",
    ]
)
_ROUNDS = frozenset(["floor", "ceil", "rint", "round", "trunc", "modf_integer", "floor_divide"])
_CHOOSES = frozenset(
    [
        "select",
        "keep",
        "maximum",
        "minimum",
        "fmax",
        "fmin",
        "share",
        "at_least",
        "at_most",
        "clip",
        "max",
        "min",
        "window_max",
        "window_min",
        "sort",
        "get_masked",
    ]
)
_SATURATES = frozenset(
    [
        "logistic",
        "logistic_slope",
        "expit",
        "log_expit",
        "tanh",
        "sech_squared",
        "exp",
        "exp2",
        "exp10",
        "expm1",
        "erf",
        "erfc",
        "ndtr",
        "log_ndtr",
        "normal_cdf",
        "arctan",
        "normalised",
        "log_normalised",
        "shares",
        "log_sum_exp",
        "label_loss",
        "logaddexp",
        "logaddexp2",
    ]
)
_MULTIPLIES = frozenset(
    ["mul", "div", "mask_mul", "quiet_div", "dot_general", "prod", "cum_prod", "convolve"]
)


def cut_of(record: Record, k: int) -> Cut:
    """Why no derivative passes an operation to its operand ``k``."""
    cause, text = _words(record, k)
    return Cut(cause, text, record.source_info)


def _words(record: Record, k: int) -> tuple[Cause, str]:
    primitive = record.primitive
    if primitive is None:
        if record.use == "branch":
            return "branch not taken", "only a branch that was not taken uses it"
        return "comparison", f"Python decides by it ({record.use})"
    name = primitive.name
    discrete = not any(out.aval.inexact for out in record.outs)
    if name == "stop_gradient":
        return "stop_gradient", "stop_gradient was called on it"
    if name in _COMPARES:
        return "comparison", f"{name} is piecewise constant"
    if name == "convert":
        return "integer conversion", f"it is converted to {primitive.dtype.name}"
    if name in _ROUNDS:
        return "rounding", f"{name} is piecewise constant"
    if discrete:
        return "integer conversion", f"the result of {name} is {record.outs[0].aval.dtype.name}"
    if primitive.discrete:
        return "piecewise constant", f"the derivative of {name} is 0"
    if name == "relu":
        return "dead relu", "the input of relu is not positive"
    if name in _CHOOSES:
        return "masked branch", f"{name} takes another value there"
    if name in _SATURATES:
        return "saturated", f"the derivative of {name} underflows to 0"
    if name in _MULTIPLIES or isinstance(primitive, TrilinearForm):
        return "multiplied by zero", f"the other factors of {name} are 0"
    if record.residuals is not None:
        return "rule", f"the rule of {primitive} gives 0"
    return "stationary", f"the derivative of {name} is 0 there"


def depends_on(
    record: Record, k: int, cts: Sequence[Any], random: np.random.Generator
) -> Any | None:
    """Which elements of operand ``k`` the results depend on where ``cts`` are not 0.

    An operation whose structure is not known is taken to depend on all of them.

    Returns:
        Booleans of the operand's shape; None where there are none.
    """
    primitive, operand = record.primitive, record.values[k]
    aval = aval_of(operand)
    shape, axes = aval.shape, getattr(primitive, "axes", None)
    some = [c for c in cts if c is not None]
    if any(isinstance(c, StepResiduals) for c in some):
        return np.ones(shape, bool)
    reached = [np.asarray(c) != 0 for c in some]
    if not any(r.any() for r in reached):
        return None
    if len(record.outs) == 1:
        (mask,) = reached
        if isinstance(primitive, Elementwise) or (mask.shape == shape and primitive.discrete):
            return _some(_unbroadcast(mask, shape))
        if axes is not None and len(record.values) == 1:
            if mask.shape == _without(shape, axes):
                return np.broadcast_to(np.expand_dims(mask, axes), shape)
            if mask.shape == shape:
                return np.broadcast_to(mask.any(axis=axes, keepdims=True), shape)
        if aval.inexact and record.outs[0].aval.inexact and _is_form(primitive):
            return _some(_by_rule(record, k, mask, random))
    return np.ones(shape, bool)


def _is_form(primitive: Any) -> bool:
    """Whether it is linear in each operand, so that any operands tell the structure."""
    return isinstance(primitive, Linear | DotGeneral | TrilinearForm)


def _by_rule(record: Record, k: int, mask: Any, random: np.random.Generator) -> Any:
    """Where the cotangent of an operand is not 0, with random numbers for all values."""

    def draw(value: Any) -> Any:
        aval = aval_of(value)
        if not aval.inexact:
            return value
        return random.uniform(1.0, 2.0, aval.shape).astype(aval.dtype)[()]

    (out,) = record.outs
    ct = np.where(mask, draw(out.value), 0).astype(out.aval.dtype)[()]
    wanted = [i == k for i in range(len(record.values))]
    operands = [draw(v) for v in record.values]
    found = record.primitive.vjp(ct, out.value, operands, wanted, False)[k]
    if found is None:
        return np.zeros(aval_of(record.values[k]).shape, bool)
    return np.asarray(found) != 0


def _some(mask: Any) -> Any | None:
    return mask if mask.any() else None


def _without(shape: tuple[int, ...], axes: Sequence[int]) -> tuple[int, ...]:
    return tuple([n for i, n in enumerate(shape) if i not in axes])


def _unbroadcast(mask: Any, shape: tuple[int, ...]) -> Any:
    """Which elements of an operand of a shape were broadcast to some of ``mask``."""
    mask = mask.any(axis=tuple(range(mask.ndim - len(shape)))) if mask.ndim > len(shape) else mask
    axes = tuple([i for i, n in enumerate(shape) if n == 1 and mask.shape[i] != 1])
    return np.asarray(mask.any(axis=axes, keepdims=True) if axes else mask)
