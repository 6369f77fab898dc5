"""`custom_jvp`, a function whose forward-mode rule the user states; reverse mode follows.

The rule is linear in the tangents, so reverse mode is the pullback of ``t -> rule(x, t)``, taken at
``t = 0``: no transposition pass is needed. In a derivative that is not compiled the rule sees plain
arrays as primals.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ...core.ir import Jaxpr, live_equations
from ...core.record import run, trace
from ...core.source_info import SourceInfo, name_of, place_of
from ...core.trace import Tracer, aval_of
from ...errors import ArgumentError, DtypeError, entry
from ...ops.kinds import add
from ...ops.linear import zeros
from ...transforms.vjp import vjp
from ...transforms.vmap import repeat
from .arguments import Arguments, Result, Whose, lock, numbers_like, pair_of, spread
from .batching import elements
from .captured import values_below
from .custom_jvp_call import check_independent, stage, with_bodies
from .function import CustomFunction, LoweredRule, MappedRule, RuleCall, UserRule
from .recursion import Knot, staging_of

__all__ = ["CustomJvpFunction", "JvpCall", "custom_jvp"]


class _UserRule(UserRule):
    """The rule of a `custom_jvp` in one call."""

    what = "custom_jvp"

    def __init__(self, owner: CustomJvpFunction, arguments: Arguments) -> None:
        super().__init__(owner.__wrapped__, [owner.rule], arguments)
        self._rule = owner.rule

    def primal(self, values: Sequence[Any]) -> list[Any]:
        self.result = Result(self.arguments.call(self.function, values))
        return self.result.take()

    def push(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        rule: Any = self._rule
        if rule is None:
            raise ArgumentError(
                f"custom_jvp: {place_of(self.function)} has no rule yet",
                f"Write it below, under @{name_of(self.function)}.defjvp.",
            )
        full = [
            zeros(aval_of(x).strong()) if t is None and not exact else t
            for x, t, exact in zip(values, tangents, self.exact, strict=True)
        ]
        arguments = self.arguments
        given = arguments.tangents([lock(t) for t in full])
        returned = rule(tuple(arguments.rebuild(values)), given)
        out, pushed = pair_of(returned, rule, self.what, "(out, tangent)")
        self.result = result = Result(out)
        whose = Whose(self.what, rule)
        found = spread(
            pushed, result.treedef, Whose(self.what, rule, ", its tangent"), "its result"
        )
        for leaf, t in enumerate(found):
            if t is not None and leaf not in result.numbers:
                raise DtypeError(
                    f"{whose} returned a tangent for {result.label_of(leaf)}, which carries no "
                    "derivative",
                    "Return None there.",
                )
        results = result.take()
        avals = [aval_of(x) for x in results]
        ts = numbers_like([found[i] for i in result.numbers], avals, result.label, whose)
        return results, ts


class _MappedRule(MappedRule):
    """The rule of one element, for a batch."""

    def push(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """The results and their tangents, None for zeros."""
        # All tangents become the batch's own: they may be newer than it, and its operations must
        # meet nothing that is.
        frame = self.frame
        whole = [
            t if t is None or b else repeat(t, frame.size)
            for t, b in zip(tangents, self.batched, strict=True)
        ]
        ts = elements(frame, whole, [t is not None for t in whole])
        found, pushed = self.inner.push(elements(frame, values, self.batched), ts)
        given = *values, *tangents
        return self.whole(found, given), self.whole(pushed, given)


class _LoweredRule(LoweredRule):
    """The rule to which what belongs to a frame that differentiates is constant."""

    def push(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """The results and their tangents, None for zeros."""
        given = tangents if self.traced(values) else self.own(tangents)
        found, pushed = self.inner.push(values, given)
        return self.results(found), values_below(self.frame, pushed)


def _of_results(program: Jaxpr, part: slice) -> Jaxpr:
    """What computes some of the results."""
    outputs = program.outputs[part]
    equations = live_equations(program, outputs)
    return Jaxpr(program.inputs, equations, outputs, program.captured, program.name)


class JvpCall(RuleCall):
    """A call of a function with a forward-mode rule."""

    name = "custom_jvp_call"
    mapped = _MappedRule
    lowered = _LoweredRule
    stage = staticmethod(stage)

    def forward(self, values: Sequence[Any], source_info: SourceInfo | None) -> tuple[Any, Any]:
        """The results, and as residuals the linear map of tangents, a program."""
        rule = self.rule
        given = [lock(v) for v in values]
        results: list[Any] = []
        there: list[bool] = []
        unknown: list[bool] = []

        def tangent_map(*ts: Any) -> list[Any]:
            nonlocal results
            each = iter(ts)
            tangents = [next(each) if own else None for own in self.active]
            results, pushed = rule.push(given, tangents)
            there.extend(t is not None for t in pushed)
            unknown.extend(isinstance(x, Tracer) and x.frame is ts[0].frame for x in results)
            # A loop that pushes tangents gives values, too, which do not depend on them.
            late = [x for x, own in zip(results, unknown, strict=True) if own]
            return [*late, *[t for t in pushed if t is not None]]

        avals = [aval_of(x).strong() for x, own in zip(values, self.active, strict=True) if own]
        name = name_of(rule.function)
        with staging_of(Knot(rule.function)):
            program, captured = trace(tangent_map, avals, name=name, what=rule.what, effects=False)
        captured = rule.below(captured)
        self.check([*captured, *[x for x, own in zip(results, unknown, strict=True) if not own]])
        late = sum(unknown)
        if late:
            check_independent(program, len(avals), late, rule)
            values_of = _of_results(program, slice(late))
            found = iter(run(values_of, [*captured, *map(zeros, avals)]))
            results = [next(found) if own else x for x, own in zip(results, unknown, strict=True)]
            program = _of_results(program, slice(late, None))
        on = [*[False] * len(captured), *[True] * len(avals)]
        program = with_bodies(program, on, (rule.function,))
        return tuple(results), (program, captured, there)

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
        program, captured, there = residuals
        inputs = [zeros(aval) for aval in program.in_avals[len(captured) :]]
        with np.errstate(all="ignore"):  # the map is linear: its values at 0 are of no interest
            _, tape = vjp(lambda *ts: run(program, [*captured, *ts]), inputs, self.rule.what)
        cts = [c for c, some in zip(ct, there, strict=True) if some]
        found = iter(tape.pullback(cts, masked=masked))
        return [next(found) if own else None for own in self.active]

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], source_info: SourceInfo | None
    ) -> tuple[Any, list[Any]]:
        """The results and their tangents, None for zeros."""
        out, pushed = self.rule.push(values, tangents)
        self.check([*out, *pushed])
        return tuple(out), pushed


class CustomJvpFunction(CustomFunction):
    """A function with a forward-mode rule, made by `custom_jvp`.

    Attributes:
        rule: The rule.
    """

    what = "custom_jvp"
    made_by = JvpCall
    rule: Callable[..., Any] | None = None

    @entry
    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """State the rule; a decorator, too.

        Args:
            rule: Takes ``(primals, tangents)``, two tuples with one entry for each argument of the
                function, in its order. The tangent of an argument is a pytree of its structure,
                with None at leaves that are no floats and at nondiff arguments. Returns ``(out,
                tangent)``: the function's result, and the result's tangent, a pytree of its
                structure in which None stands for zeros. It must be linear in the tangents.

        Returns:
            ``rule``.

        Raises:
            ArgumentError: Where it is no function.
        """
        if not callable(rule):
            raise ArgumentError(
                f"defjvp: expected a function, got {type(rule).__name__}",
                f"Write @{name_of(self.__wrapped__)}.defjvp above the rule.",
            )
        self.rule = rule
        return rule

    @entry
    def defjvps(self, *rules: Callable[..., Any] | None) -> None:
        """State the rule by one function an argument, for a result that is a single array.

        Args:
            *rules: For each argument of the function a function ``(t, out, *arguments)`` that gives
                what the argument's tangent ``t`` adds to the tangent of the result ``out``, or None
                where the result does not depend on it.

        Raises:
            ArgumentError: Where one is neither.
        """
        for rule in rules:
            if rule is not None and not callable(rule):
                raise ArgumentError(
                    f"defjvps: expected functions and None, got {type(rule).__name__}",
                    f"Write {name_of(self.__wrapped__)}.defjvps(lambda t, out, x: ...).",
                )

        def combined(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
            if len(rules) != len(primals):
                raise ArgumentError(
                    f"defjvps: got {len(rules)} rules for the {len(primals)} arguments of "
                    f"{place_of(self.__wrapped__)}",
                    "Give one an argument; None where the result does not depend on it.",
                )
            out = self(*primals)
            total = None
            for rule, t in zip(rules, tangents, strict=True):
                if rule is not None and t is not None:
                    part = rule(t, out, *primals)
                    total = part if total is None else add(total, part)
            return out, total

        self.rule = combined

    def rule_for(self, arguments: Arguments) -> Any:
        return _UserRule(self, arguments)


def custom_jvp(
    f: Callable[..., Any] | None = None,
    nondiff_argnums: int | Iterable[int] = (),
    nondiff_argnames: str | Iterable[str] = (),
) -> Any:
    """Give a function a derivative of your own, for both modes.

    The rule states the Jacobian-vector product of ``y = f(x)``, ``t -> J @ t``
    (`CustomJvpFunction.defjvp`). Reverse mode is the transpose of that linear map. The order of
    arguments is that of ``f`` everywhere, nondiff ones included.

    Args:
        f: A function of pytrees, with a pytree as result. None to give options to a decorator.
        nondiff_argnums: Positions of arguments through which no derivative passes.
        nondiff_argnames: Names of such arguments. The rule gets None as their tangents.

    Returns:
        A function of the same arguments, with the methods ``defjvp`` and ``defjvps``. A derivative
        with respect to traced values that it closes over raises.

    Raises:
        ArgumentError: Where ``f`` is no function or lacks a nondiff argument; in a derivative,
            where no rule was given.

    >>> import numpy as np
    >>> from funcgrad import grad
    >>> @custom_jvp
    ... def log1pexp(x):
    ...     return np.log(1.0 + np.exp(x))
    >>> @log1pexp.defjvp
    ... def rule(primals, tangents):
    ...     (x,), (t,) = primals, tangents
    ...     return log1pexp(x), t * (1.0 - 1.0 / (1.0 + np.exp(x)))
    >>> grad(log1pexp)(100.0)
    np.float64(1.0)
    """
    if f is None:
        return functools.partial(
            custom_jvp, nondiff_argnums=nondiff_argnums, nondiff_argnames=nondiff_argnames
        )
    return CustomJvpFunction(f, nondiff_argnums, nondiff_argnames)
