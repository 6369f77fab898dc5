"""`custom_gradient`, a function that returns its result together with its pullback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...core.record import run, trace
from ...core.trace import aval_of
from ...errors import ArgumentError
from .arguments import Arguments, Result, lock, pair_of
from .custom_vjp import VjpCall, cotangents_of
from .function import CustomFunction, UserRule

__all__ = ["CustomGradientFunction", "custom_gradient"]


class _GradientRule(UserRule):
    """The rule of a `custom_gradient` in one call."""

    what = "custom_gradient"

    def __init__(self, owner: CustomGradientFunction, arguments: Arguments) -> None:
        super().__init__(owner.__wrapped__, [], arguments)

    def _call(self, values: Sequence[Any]) -> tuple[list[Any], Callable[..., Any]]:
        returned = self.arguments.call(self.function, values)
        out, pullback = pair_of(returned, self.function, self.what, "(out, vjp function)")
        if not callable(pullback):
            raise ArgumentError(
                f"custom_gradient: the second part of the result must be a function, got "
                f"{type(pullback).__name__}",
                "Return (out, vjp), where vjp(ct) gives a tuple with one entry an argument.",
            )
        self.result = Result(out)
        return self.result.take(), pullback

    def primal(self, values: Sequence[Any]) -> list[Any]:
        """The results."""
        return self._call(values)[0]

    def forward(self, values: Sequence[Any], close: bool) -> tuple[list[Any], list[Any], Any]:
        """The results, what the pullback closes over, and a context for `backward`.

        Args:
            values: The operands.
            close: Whether the pullback must be traced: what it closes over are then the leaves.
        """
        found, pullback = self._call(values)
        result, avals = self.result, [aval_of(v) for v in values]

        def pull(cts: Sequence[Any]) -> list[Any]:
            entries = pullback(result.with_none([lock(c) for c in cts]))
            if len(self.arguments.labels) == 1 and not isinstance(entries, tuple):
                entries = (entries,)
            return cotangents_of(self.arguments, entries, avals, pullback, self.what)

        if not close:
            return found, [], pull
        kinds = [aval_of(x).strong() for x in found]
        given: list[bool] = []

        def flat(*cts: Any) -> list[Any]:
            each = iter(cts)
            pulled = pull([next(each) if aval.inexact else None for aval in kinds])
            given[:] = [c is not None for c in pulled]
            return [c for c in pulled if c is not None]

        inputs = [aval for aval in kinds if aval.inexact]
        program, captured = trace(flat, inputs, name="vjp", what=self.what)
        return found, captured, (program, given)

    def backward(self, context: Any, leaves: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
        """The cotangents of the operands, None for zeros."""
        if not isinstance(context, tuple):
            return context(cts)
        program, given = context
        found = iter(run(program, [*leaves, *[c for c in cts if c is not None]]))
        return [next(found) if some else None for some in given]


class CustomGradientFunction(CustomFunction):
    """A function with a pullback of its own, made by `custom_gradient`."""

    what = "custom_gradient"
    made_by = VjpCall

    def rule_for(self, arguments: Arguments) -> Any:
        return _GradientRule(self, arguments)


def custom_gradient(f: Callable[..., Any]) -> CustomGradientFunction:
    """The function whose result and reverse-mode rule ``f`` returns together.

    `custom_vjp` in one function: what the backward pass reads is what the inner one closes over.

    Args:
        f: A function that returns a pair: its result, and a function that takes the result's
            cotangent and returns a tuple with one entry for each argument of ``f`` (the entry
            itself, where there is one argument), None for zeros.

    Returns:
        A function of the same arguments that returns the result. Forward mode raises.

    Raises:
        ArgumentError: Where ``f`` is no function or does not return one.
        StructureError: Where it returns no pair.

    >>> import numpy as np
    >>> from funcgrad import grad
    >>> @custom_gradient
    ... def log1pexp(x):
    ...     e = np.exp(x)
    ...     return np.log(1.0 + e), lambda ct: ct * (1.0 - 1.0 / (1.0 + e))
    >>> grad(log1pexp)(100.0)
    np.float64(1.0)
    """
    return CustomGradientFunction(f, (), ())
