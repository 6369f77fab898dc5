"""Derivatives that nobody has stated: they raise where they are wanted, and only there.

A compiled program is split into forward and backward with respect to all its inputs, before it is
known which gradients are asked for. So a missing derivative is an equation, `Refuse`, which is dead
code unless somebody reads it. `Opaque` marks what a function with a rule of its own closes over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from ...core.ir import Aval
from ...core.primitive import Primitive, primitive
from ...core.source_info import SourceInfo, place_of
from ...core.trace import Tracer, apply, aval_of
from ...errors import MissingRuleError
from ...ops.linear import broadcast_to
from ...ops.select import stop_gradient

__all__ = ["Opaque", "Refuse", "check_closure", "closure_error", "leak_error", "opaque", "refuse"]


@primitive
class Refuse(Primitive):
    """A derivative of type ``result`` that does not exist: raises ``what`` and ``fix``."""

    what: str
    fix: str
    result: Aval
    discrete = True
    saves = False

    def __str__(self) -> str:
        return self.name

    def aval(self, *avals: Aval) -> Aval:
        return self.result

    def run(self, *operands: Any) -> NoReturn:
        raise MissingRuleError(self.what, self.fix)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return Refuse(self.what, self.fix, self.result.batch(size))(*operands)


def refuse(error: MissingRuleError, like: Any, ct: Any) -> Any:
    """In place of the cotangent of ``like``: ``error``, if anybody reads it.

    Args:
        error: What to raise.
        like: The operand.
        ct: A cotangent of the results: where it is there, ``error`` is raised at once.
    """
    return apply(Refuse(error.what, error.fix, aval_of(like).strong()), [ct], None)


def closure_error(what: str, name: str, aval: Aval) -> MissingRuleError:
    """The error for a derivative with respect to what a function with a rule closes over."""
    return MissingRuleError(
        f"{what}: {name} closes over a traced value, {aval}, and has no rule for the derivative "
        "with respect to it",
        "Pass it as an argument of its own, for which the rule returns a gradient.",
    )


def leak_error(what: str, name: str) -> MissingRuleError:
    """The error where a rule reads a traced value that is no more."""
    return MissingRuleError(
        f"{what}: the rule of {name} closes over a traced value whose transform has returned",
        "Pass it as an argument, or return it among the residuals.",
    )


def check_closure(values: Sequence[Any], level: int, what: str, f: Callable[..., Any]) -> None:
    """Raise where values that a rule computed belong to a frame of ``level`` or a newer one.

    Raises:
        MissingRuleError: `closure_error`.
    """
    for value in values:
        if isinstance(value, Tracer) and value.frame.level >= level:
            raise closure_error(what, place_of(f), value.aval)


@primitive
class Opaque(Primitive):
    """The first operand; the second is the same value with what a function closes over in it.

    The function ``function`` with a rule of its own has no say in a derivative by what it closes
    over, which would pass its rule by: it raises where it is asked for. Of frames within each other
    all are told, or the newest ``alone``.
    """

    rule: str
    function: str
    alone: bool
    numpy = "{0}"
    saves = False

    def __str__(self) -> str:
        return self.name

    def aval(self, x: Aval, hidden: Aval) -> Aval:
        return x

    def forward(self, values: Sequence[Any], source_info: SourceInfo | None) -> tuple[Any, Any]:
        """The first operand, and no residuals."""
        return values[0] if self.alone else apply(self, values, source_info), ()

    def backward(
        self,
        ct: Any,
        out: Any,
        operands: Sequence[Any],
        wanted: Sequence[bool],
        masked: bool,
        residuals: Any,
    ) -> list[Any]:
        """The cotangent, and the error in place of the other one."""
        _, hidden = operands
        error = closure_error(self.rule, self.function, aval_of(hidden))
        return [ct, refuse(error, hidden, ct) if wanted[1] else None]

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], source_info: SourceInfo | None
    ) -> tuple[Any, Any]:
        """The first operand and its tangent; raises `closure_error` where the other has one."""
        if tangents[1] is not None:
            raise closure_error(self.rule, self.function, aval_of(values[1]))
        return values[0] if self.alone else apply(self, values, source_info), tangents[0]

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        x, hidden = operands
        if not batched[0]:
            x = broadcast_to(x, (size, *aval_of(x).shape))
        return self(x, hidden)


def opaque(values: Sequence[Any], what: str, f: Callable[..., Any]) -> Sequence[Any]:
    """The results of a call of ``f`` with plain arguments, with traced ones marked."""
    if not any(isinstance(x, Tracer) for x in values):
        return values
    mark = Opaque(what, place_of(f), False)
    return [
        mark(stop_gradient(x), x) if isinstance(x, Tracer) and x.aval.inexact else x for x in values
    ]
