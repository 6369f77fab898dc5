"""`custom_vjp`, a function whose reverse-mode rule the user states.

In a gradient that is not compiled, ``fwd`` and ``bwd`` see plain arrays: they may branch on them,
print them or call SciPy.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

import numpy as np

from ... import tree
from ...core.ir import Aval
from ...core.source_info import SourceInfo, name_of, place_of
from ...core.trace import aval_of
from ...errors import ArgumentError, DtypeError, LeakedTracerError, entry
from ...ops.linear import Sum, zeros
from ...transforms.vjp import TapeFrame
from .arguments import Arguments, Result, Whose, lock, numbers_like, pair_of
from .batching import batch_of, elements, parts
from .captured import values_below
from .closures import leak_error
from .custom_vjp_call import forward_mode, stage
from .function import CustomFunction, LoweredRule, MappedRule, RuleCall, UserRule

__all__ = ["CustomVjpFunction", "VjpCall", "cotangents_of", "custom_vjp"]


class _UserRule(UserRule):
    """The rule of a `custom_vjp` in one call."""

    what = "custom_vjp"

    def __init__(self, owner: CustomVjpFunction, arguments: Arguments) -> None:
        super().__init__(owner.__wrapped__, [owner.fwd, owner.bwd], arguments)
        self._fwd, self._bwd = owner.fwd, owner.bwd

    def primal(self, values: Sequence[Any]) -> list[Any]:
        self.result = Result(self.arguments.call(self.function, values))
        return self.result.take()

    def forward(self, values: Sequence[Any], close: bool) -> tuple[list[Any], list[Any], Any]:
        """The results, the leaves of the residuals, and a context for `backward`.

        Args:
            values: The operands.
            close: Whether everything traced must be among the leaves: tracers in the context will
                be of no use in the backward pass.
        """
        if self._fwd is None:
            raise ArgumentError(
                f"custom_vjp: {place_of(self.function)} has no rule yet",
                f"Write {name_of(self.function)}.defvjp(fwd, bwd) below it.",
            )
        returned = self.arguments.call(self._fwd, values)
        out, residuals = pair_of(returned, self._fwd, self.what, "(out, residuals)")
        self.result = result = Result(out)
        leaves, treedef = tree.flatten(residuals)
        return result.take(), leaves, (treedef, result, [aval_of(v) for v in values])

    def backward(self, context: Any, leaves: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
        """The cotangents of the operands, None for zeros."""
        treedef, result, avals = context
        bwd: Any = self._bwd
        residuals = tree.unflatten(treedef, [lock(x) for x in leaves])
        entries = bwd(residuals, result.with_none([lock(c) for c in cts]))
        return cotangents_of(self.arguments, entries, avals, bwd, self.what)


def cotangents_of(
    arguments: Arguments, entries: Any, avals: Sequence[Aval], rule: Callable[..., Any], what: str
) -> list[Any]:
    """The cotangents of the operands, from what a rule returned for the arguments.

    Raises:
        StructureError, ShapeError, DtypeError: Where it does not fit, naming the leaf.
    """
    found = arguments.spread(entries, rule, what)
    whose = Whose(what, rule)

    def label(i: int) -> str:
        return arguments.label(arguments.operands[i])

    for i, (value, aval) in enumerate(zip(found, avals, strict=True)):
        if value is not None and aval.inexact and arguments.exact[i]:
            raise DtypeError(
                f"{whose} returned a gradient for {label(i)}, which is a nondiff argument",
                "Return None there, or take it out of nondiff_argnames.",
            )
    return numbers_like(found, avals, label, whose)


class _MappedRule(MappedRule):
    """The rule of one element, for a batch."""

    def forward(self, values: Sequence[Any], close: bool) -> tuple[list[Any], list[Any], Any]:
        """The results, the leaves of the residuals, and a context for `backward`."""
        given = elements(self.frame, values, self.batched)
        found, leaves, context = self.inner.forward(given, True)
        leaves, flags = parts(self.frame, leaves)
        return self.whole(found, values), leaves, (context, flags)

    def backward(self, context: Any, leaves: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
        """The cotangents of the operands, summed over the batch where it is not batched."""
        context, flags = context
        with self._open.again() as frame:
            cts = [None if c is None else frame.input(c) for c in cts]
            found = self.inner.backward(context, elements(frame, leaves, flags), cts)
            pulled: list[Any] = []
            for c, batched in zip(found, self.batched, strict=True):
                if c is not None:
                    c = batch_of(frame, c)
                    c = c if batched else Sum((0,))(c)
                pulled.append(c)
            return pulled


class _LoweredRule(LoweredRule):
    """The rule to which what belongs to a frame that differentiates is constant."""

    def forward(self, values: Sequence[Any], close: bool) -> tuple[list[Any], list[Any], Any]:
        """The results, the leaves of the residuals, and a context for `backward`."""
        traced = self.traced(values)
        found, leaves, context = self.inner.forward(values, close)
        return self.results(found), values_below(self.frame, leaves), (context, traced)

    def backward(self, context: Any, leaves: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
        """The cotangents of the operands, None for zeros."""
        context, traced = context
        with self._open.again():
            found = self.inner.backward(context, leaves, cts if traced else self.own(cts))
            return values_below(self.frame, found)


class VjpCall(RuleCall):
    """A call of a function with a reverse-mode rule."""

    name = "custom_vjp_call"
    mapped = _MappedRule
    lowered = _LoweredRule
    stage = staticmethod(stage)

    def forward(self, values: Sequence[Any], source_info: SourceInfo | None) -> tuple[Any, Any]:
        """The results, and the residuals for `backward`."""
        given = [lock(v) for v in values]
        out, leaves, context = self.rule.forward(given, False)
        self.check([*out, *leaves])
        known = {id(v) for v in given}
        tape = self.frame if isinstance(self.frame, TapeFrame) else TapeFrame()
        kept = [
            tape.keep(x, source_info) if isinstance(x, np.ndarray) and id(x) not in known else x
            for x in leaves
        ]
        return tuple(out), (kept, context)

    def backward(
        self,
        ct: Sequence[Any],
        out: Sequence[Any],
        operands: Sequence[Any],
        wanted: Sequence[bool],
        masked: bool,
        residuals: Any,
    ) -> list[Any]:
        """The cotangents of the operands, None for zeros."""
        leaves, context = residuals
        avals = [aval_of(x) for x in out]
        cts = [
            zeros(aval.strong()) if c is None and aval.inexact else c
            for c, aval in zip(ct, avals, strict=True)
        ]
        try:
            return self.rule.backward(context, leaves, cts)
        except LeakedTracerError as error:
            raise leak_error(self.rule.what, place_of(self.rule.function)) from error

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], source_info: SourceInfo | None
    ) -> NoReturn:
        """Raises: there is no rule for forward mode."""
        raise forward_mode(self.rule.what, self.rule.function)


class CustomVjpFunction(CustomFunction):
    """A function with a reverse-mode rule, made by `custom_vjp`.

    Attributes:
        fwd: The forward pass.
        bwd: The backward pass.
    """

    what = "custom_vjp"
    made_by = VjpCall
    fwd: Callable[..., Any] | None = None
    bwd: Callable[..., Any] | None = None

    @entry
    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """State the rule.

        Args:
            fwd: Takes the arguments of the function, in its order, and returns ``(out,
                residuals)``: its result, and a pytree of whatever ``bwd`` reads.
            bwd: Takes ``(residuals, ct)``, where ``ct`` has the structure of the result, with None
                at leaves that are not floats. Returns a tuple with one entry for each argument of
                the function: its cotangent, a pytree of its structure; None stands for zeros, and
                for what is not differentiated.

        Raises:
            ArgumentError: Where one is no function.
        """
        for name, rule in (("fwd", fwd), ("bwd", bwd)):
            if not callable(rule):
                raise ArgumentError(
                    f"defvjp: {name} must be a function, got {type(rule).__name__}",
                    f"Write {name_of(self.__wrapped__)}.defvjp(fwd, bwd).",
                )
        self.fwd, self.bwd = fwd, bwd

    def rule_for(self, arguments: Arguments) -> Any:
        return _UserRule(self, arguments)


def custom_vjp(
    f: Callable[..., Any] | None = None,
    nondiff_argnums: int | Iterable[int] = (),
    nondiff_argnames: str | Iterable[str] = (),
) -> Any:
    """Give a function a reverse-mode derivative of your own.

    The vector-Jacobian product of ``y = f(x)`` is ``ct -> ct @ J``; the rule states it in two
    functions, one that runs ``f`` and keeps what the other reads (`CustomVjpFunction.defvjp`).
    The order of arguments is that of ``f`` everywhere, nondiff ones included.

    Args:
        f: A function of pytrees, with a pytree as result. None to give options to a decorator.
        nondiff_argnums: Positions of arguments through which no derivative passes.
        nondiff_argnames: Names of such arguments. Their entry in what ``bwd`` returns is None.

    Returns:
        A function of the same arguments, with the method ``defvjp``. In a gradient that is not
        compiled its rule runs on plain values. A derivative with respect to traced values that it
        closes over raises; so does forward mode, which needs a `custom_jvp`.

    Raises:
        ArgumentError: Where ``f`` is no function or lacks a nondiff argument; in a derivative,
            where no rule was given.

    >>> from funcgrad import grad
    >>> @custom_vjp
    ... def multiply(x, y):
    ...     return x * y
    >>> def forward(x, y):
    ...     return x * y, (x, y)
    >>> def backward(residuals, ct):
    ...     x, y = residuals
    ...     return ct * y, ct * x
    >>> multiply.defvjp(forward, backward)
    >>> grad(multiply, argnums=(0, 1))(2.0, 3.0)
    (np.float64(3.0), np.float64(2.0))
    """
    if f is None:
        return functools.partial(
            custom_vjp, nondiff_argnums=nondiff_argnums, nondiff_argnames=nondiff_argnames
        )
    return CustomVjpFunction(f, nondiff_argnums, nondiff_argnames)
