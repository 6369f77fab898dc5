"""Floor 5: derivatives that nobody has stated: they raise where they are wanted, and only there.

A compiled program is split into forward and backward with respect to all its inputs, before it is
known which gradients are asked for. So a missing derivative is an equation, `Refuse`, which is dead
code unless somebody reads it. `Opaque` marks what a function with a rule of its own closes over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from ..core.ir import Aval, Place
from ..core.primitive import Primitive, primitive
from ..core.trace import Frame, Tracer, apply, aval_of
from ..errors import MissingRuleError
from .bodies import place_of

__all__ = ["Opaque", "Refuse", "check_closure", "closed_over", "leaked", "opaque", "refuse"]


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


def closed_over(what: str, name: str, aval: Aval) -> MissingRuleError:
    """The error for a derivative with respect to what a function with a rule closes over."""
    return MissingRuleError(
        f"{what}: {name} closes over a traced value, {aval}, and has no rule for the derivative "
        "with respect to it",
        "Pass it as an argument of its own, for which the rule returns a gradient.",
    )


def leaked(what: str, name: str) -> MissingRuleError:
    """The error where a rule reads a traced value that is no more."""
    return MissingRuleError(
        f"{what}: the rule of {name} closes over a traced value whose transform has returned",
        "Pass it as an argument, or return it among the residuals.",
    )


def check_closure(values: Sequence[Any], frame: Frame, what: str, f: Callable[..., Any]) -> None:
    """Raise where values that a rule computed from plain ones belong to ``frame`` or a newer one.

    Raises:
        MissingRuleError: `closed_over`.
    """
    for value in values:
        if isinstance(value, Tracer) and value.frame.level >= frame.level:
            raise closed_over(what, place_of(f), value.aval)


@primitive
class Opaque(Primitive):
    """The operand, which the function ``function`` with a rule of its own closes over.

    The function was called with plain arguments alone, so its rule has no say; a derivative would
    pass it by.
    """

    rule: str
    function: str
    numpy = "{0}"
    saves = False

    def __str__(self) -> str:
        return self.name

    def aval(self, x: Aval) -> Aval:
        return x

    def forward(self, values: Sequence[Any], place: Place | None) -> tuple[Any, Any]:
        """The operand, and no residuals."""
        return apply(self, values, place), ()

    def backward(
        self,
        ct: Any,
        out: Any,
        operands: Sequence[Any],
        wanted: Sequence[bool],
        masked: bool,
        residuals: Any,
    ) -> list[Any]:
        """The error, in place of the cotangent."""
        (x,) = operands
        return [refuse(closed_over(self.rule, self.function, aval_of(x)), x, ct)]

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], place: Place | None
    ) -> NoReturn:
        """Raises `closed_over`."""
        raise closed_over(self.rule, self.function, aval_of(values[0]))

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*operands)


def opaque(values: Sequence[Any], what: str, f: Callable[..., Any]) -> Sequence[Any]:
    """The results of a call of ``f`` with plain arguments, with traced ones marked."""
    if not any(isinstance(x, Tracer) for x in values):
        return values
    mark = Opaque(what, place_of(f))
    return [mark(x) if isinstance(x, Tracer) and x.aval.inexact else x for x in values]
