"""Functions that have rules of their own: what `custom_vjp` and `custom_jvp` share.

A call with traced operands is a `RuleCall`, which never stands in a program. Where the frame that
meets it holds values, the rule runs on them as plain Python; in a batch it runs on one element, in
the batch's own frame; where a program is recorded, function and rule are traced (`staging`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Protocol

from ...core.axes import any_open
from ...core.ir import Aval
from ...core.portable import Portable
from ...core.primitive import Primitive
from ...core.record import AbstractFrame
from ...core.source_info import SourceInfo, name_of, place_of
from ...core.trace import ActiveFrame, Frame, Tracer, apply, aval_of
from ...errors import trim
from ...ops.linear import zeros
from ...transforms.vjp import TapeFrame
from ...transforms.vmap import BatchFrame
from ..program.structured import Interpreter
from .arguments import Arguments, Result, RuleSignature
from .batching import batch_of, elements, is_abstract, parts
from .captured import Reopened, newest_of, tracers_within, values_below
from .closures import Opaque, check_closure, opaque

__all__ = ["CustomFunction", "LoweredRule", "MappedRule", "Rule", "RuleCall", "UserRule"]


class Rule(Protocol):
    """A function and its rule on flat operands, for one call.

    Attributes:
        what: The kind of function, for errors.
        function: The function, for errors.
        exact: For each operand whether no derivative passes.
        result: What the function returned last; whatever calls it sets this.
    """

    what: str
    function: Callable[..., Any]
    exact: Sequence[bool]

    @property
    def result(self) -> Result:
        """What the function returned last."""
        ...

    @property
    def closed_over(self) -> Sequence[Tracer]:
        """The traced values that its functions are known to close over."""
        ...

    def primal(self, values: Sequence[Any]) -> list[Any]:
        """The results."""
        ...


class UserRule:
    """The functions that a user stated, for one call."""

    what: ClassVar[str]

    def __init__(
        self, function: Callable[..., Any], parts: Sequence[Any], arguments: Arguments
    ) -> None:
        self.function = function
        self.arguments = arguments
        self.exact = arguments.exact
        self.result: Any = None
        self.needed: Sequence[Any] = ()
        self._parts = function, *parts

    @property
    def closed_over(self) -> Sequence[Tracer]:
        """The traced values that the functions are known to close over."""
        return tracers_within(*self._parts, *self.arguments.constants)

    def below(self, values: Sequence[Any]) -> list[Any]:
        """What captured values stand for outside of the rule: themselves."""
        return list(values)

    def captured(self, values: Sequence[Any]) -> None:
        """Take note of what the function's program captured."""
        self.needed = [x for x in values if isinstance(x, Tracer)]


class InnerRule:
    """A rule whose functions close over values of ``frame``, for operands without that frame."""

    def __init__(self, inner: Any, frame: Any) -> None:
        self.inner, self.frame = inner, frame
        self.what, self.function, self.exact = inner.what, inner.function, inner.exact
        self.needed: Sequence[Any] = ()
        self._open = Reopened(frame)

    @property
    def result(self) -> Result:
        """What the function returned last."""
        return self.inner.result

    @result.setter
    def result(self, result: Result) -> None:
        self.inner.result = result

    @property
    def closed_over(self) -> Sequence[Tracer]:
        """The traced values, of older frames, that its functions close over."""
        found = values_below(self.frame, self.inner.closed_over)
        return [x for x in found if isinstance(x, Tracer)]

    def below(self, values: Sequence[Any]) -> list[Any]:
        """What captured values stand for outside of the rule."""
        return self.inner.below(values)

    def captured(self, values: Sequence[Any]) -> None:
        """Take note of what the function's program captured."""
        self.needed = [x for x in values if isinstance(x, Tracer)]


class MappedRule(InnerRule):
    """The rule of one element, for a batch.

    It runs in the batch's own frame, so that what it closes over is of one piece with it.
    """

    frame: BatchFrame

    def __init__(self, inner: Any, frame: BatchFrame, batched: Sequence[bool]) -> None:
        super().__init__(inner, frame)
        self.batched = batched

    def primal(self, values: Sequence[Any]) -> list[Any]:
        """The results."""
        return self.whole(self.inner.primal(elements(self.frame, values, self.batched)), values)

    def whole(self, found: Sequence[Any], given: Sequence[Any]) -> list[Any]:
        """The batch of each result, None for None.

        Args:
            found: The results.
            given: What the rule was called with: nothing newer can come out of it.
        """
        frame = self.frame
        newest = newest_of(given)
        level = max(frame.level, newest.level if newest is not None else 0)
        check_closure(found, level + 1, self.what, self.function)
        return [None if x is None else batch_of(frame, x) for x in found]


class LoweredRule(InnerRule):
    """The rule to which what belongs to ``frame``, a frame that differentiates, is constant.

    Attributes:
        hidden: For each result what stands for it in that frame, where it depends on it.
        met: A value of that frame that the function's program captured.
    """

    def __init__(self, inner: Any, frame: Frame) -> None:
        super().__init__(inner, frame)
        self.hidden: list[Any] = []
        self.met: Any = None

    def primal(self, values: Sequence[Any]) -> list[Any]:
        """The results."""
        return self.results(self.inner.primal(values))

    def traced(self, values: Sequence[Any]) -> bool:
        """Whether the rule is being traced: then it captures what belongs to the frame."""
        newest = newest_of(values)
        return newest is not None and newest.level > self.frame.level

    def own(self, values: Sequence[Any]) -> list[Any]:
        """Tangents or cotangents, of which those that are newer than the frame become its own.

        Its operations must meet nothing that is.
        """
        frame = self.frame
        found: list[Any] = []
        for x in values:
            if isinstance(x, Tracer) and x.frame.level > frame.level:
                forward = isinstance(frame, ActiveFrame) and not isinstance(frame, TapeFrame)
                t = zeros(x.aval.strong()) if forward and x.aval.inexact else None
                x = frame.tracer(x, x.aval, None, t)
            found.append(x)
        return found

    def results(self, found: Sequence[Any]) -> list[Any]:
        """The results without the frame, which are remembered."""
        own = own_tracers(self.frame, found)
        self.hidden = [x if mine else None for x, mine in zip(found, own, strict=True)]
        return values_below(self.frame, found)

    def below(self, values: Sequence[Any]) -> list[Any]:
        """What captured values stand for outside of the rule."""
        return values_below(self.frame, self.inner.below(values))

    def captured(self, values: Sequence[Any]) -> None:
        """Take note of what the function's program captured."""
        super().captured(values)
        self.met = first_of(self.frame, values)

    def marked(self, found: Sequence[Any]) -> list[Any]:
        """Results of a call, which raise where a derivative by what is hidden is asked for."""
        hidden = [self.met if x is None else x for x in self.hidden]
        return marked(self, self.frame, found, hidden)


def marked(rule: Any, frame: Frame, found: Sequence[Any], hidden: Sequence[Any]) -> list[Any]:
    """Results in which ``frame`` is told what else they depend on, None for nothing."""
    if not isinstance(frame, ActiveFrame):
        return list(found)
    mark = Opaque(rule.what, place_of(rule.function), True)
    return [
        x if other is None or not aval_of(x).inexact else mark(x, other)
        for x, other in zip(found, hidden, strict=True)
    ]


def first_of(frame: Frame, values: Sequence[Any]) -> Any:
    """The first tracer of ``frame`` among values."""
    return next((x for x, own in zip(values, own_tracers(frame, values), strict=True) if own), None)


class RuleCall(Primitive):
    """A call of a function with a rule, by whatever frame meets it first.

    Fields: the rule, the newest frame among the operands, and which operands are its tracers.
    """

    fields = ("rule", "frame", "active")
    rule: Any
    frame: Any
    active: tuple[bool, ...]
    multiple = True
    passes_mask = True
    mapped: ClassVar[type[MappedRule]]
    lowered: ClassVar[type[LoweredRule]]
    stage: ClassVar[Callable[..., tuple[Primitive, list[Any]]]]

    def __str__(self) -> str:
        return f"{self.rule.what} {name_of(self.rule.function)}"

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        return ()

    def run(self, *operands: Any) -> tuple[Any, ...]:
        return tuple(self.rule.primal(operands))

    def interpret(self, operands: Sequence[Any], by: Interpreter) -> Sequence[Any]:
        return self.rule.primal(operands)

    def hand_on(self, values: Sequence[Any]) -> Primitive:
        newest = newest_of(values)
        return (
            self if newest is None else type(self)(self.rule, newest, own_tracers(newest, values))
        )

    @classmethod
    def call(cls, rule: Rule, operands: Sequence[Any]) -> Sequence[Any]:
        """The results for operands, by the newest frame among them and what is closed over."""
        newest = newest_of(operands)
        if newest is None:
            return opaque(rule.primal(operands), rule.what, rule.function)
        if not isinstance(newest, AbstractFrame):  # which finds out by tracing
            inner = newest_of(rule.closed_over)
            if inner is not None and inner.level >= newest.level:
                found = cls._inside(rule, inner, operands)
                if found is not None:
                    return found
        return apply(cls(rule, newest, own_tracers(newest, operands)), operands, None)

    @classmethod
    def _inside(cls, rule: Any, frame: Frame, operands: Sequence[Any]) -> Sequence[Any] | None:
        """The results where the functions close over values of a frame that is no operand's."""
        own = own_tracers(frame, operands)
        if is_place(frame):
            return None if any(own) else frame.process(cls(rule, frame, own), operands, None)
        lowered = cls.lowered(rule, frame)
        return lowered.marked(cls.call(lowered, operands))

    def check(self, values: Sequence[Any]) -> None:
        """Raise where a result or residual belongs to the frame: the function closes over it."""
        check_closure(values, self.frame.level, self.rule.what, self.rule.function)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        given = *operands, *self.rule.closed_over
        if not any(map(is_abstract, given)) and not any_open():
            mapped = self.mapped(self.rule, self.frame, tuple(batched))
            return tuple(self.call(mapped, operands))
        avals = [
            aval_of(x).element() if b else aval_of(x) if isinstance(x, Tracer) else None
            for x, b in zip(operands, batched, strict=True)
        ]
        program, captured = type(self).stage(self.rule, operands, avals)
        values, flags = parts(self.frame, captured)
        self.check(values)
        for x, b, aval in zip(operands, batched, avals, strict=True):
            if aval is not None:
                values.append(x)
                flags.append(b)
        return program.vmap(size, flags, values)

    def staged(self, frame: Frame, args: Sequence[Any], source_info: SourceInfo | None) -> Any:
        """Records the function and its rule as one equation."""
        avals = [aval_of(a) if isinstance(a, Tracer) else None for a in args]
        program, captured = type(self).stage(self.rule, args, avals)
        operands = [a for a in args if isinstance(a, Tracer)]
        return self._recorded(program, captured, self.rule.needed, operands, source_info)

    def _recorded(
        self,
        program: Primitive,
        captured: Sequence[Any],
        needed: Sequence[Any],
        operands: Sequence[Any],
        source_info: SourceInfo | None,
    ) -> Any:
        """The results of the equation.

        A frame of derivatives has no part in it where it is that of captured values alone.
        """
        newest = newest_of([*captured, *operands])
        if newest is None or any(own_tracers(newest, operands)) or is_place(newest):
            return apply(program, [*captured, *operands], source_info)
        below = values_below(newest, captured), values_below(newest, needed)
        found = self._recorded(program, *below, operands, source_info)
        hidden = first_of(newest, needed)
        return marked(self.rule, newest, found, [hidden] * len(found))


def is_place(frame: Frame) -> bool:
    """Whether a frame takes part in operations whatever they are, as derivatives do not."""
    return isinstance(frame, BatchFrame | AbstractFrame)


def own_tracers(frame: Frame, operands: Sequence[Any]) -> tuple[bool, ...]:
    """Which of the operands are tracers of ``frame``."""
    return tuple([isinstance(x, Tracer) and x.frame is frame for x in operands])


class CustomFunction(Portable):
    """A function with a rule of its own.

    Attributes:
        __wrapped__: The function as it was written.
    """

    __wrapped__: Callable[..., Any]
    what: ClassVar[str]
    made_by: ClassVar[type[RuleCall]]

    def __init__(
        self,
        f: Callable[..., Any],
        nondiff_argnums: int | Iterable[int],
        nondiff_argnames: str | Iterable[str],
    ) -> None:
        self._signature = RuleSignature(f, nondiff_argnums, nondiff_argnames, self.what)
        functools.update_wrapper(self, f, updated=())

    def nondiff(self, /, *args: Any, **kwargs: Any) -> list[int]:
        """Which arguments of a call, in the function's order, are not differentiated."""
        return list(self._signature.bind(args, kwargs).nondiff)

    def rule_for(self, arguments: Arguments) -> Any:
        """The rule for one call."""
        raise NotImplementedError

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        try:
            arguments = self._signature.bind(args, kwargs)
            rule = self.rule_for(arguments)
            values = arguments.values
            arguments.drop()
            found = self.made_by.call(rule, values)
            return rule.result.rebuild(found)  # what it returned last, in the call
        except Exception as error:
            trim(error)
            raise

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def _parts(self) -> Any:
        return {name: value for name, value in vars(self).items() if name != "_by_name"}

    def _fill(self, parts: Any) -> None:
        vars(self).update(parts)

    def __copy__(self) -> CustomFunction:
        # As a plain function: its copy is itself.
        return self

    def __deepcopy__(self, memo: Any) -> CustomFunction:
        return self

    def __repr__(self) -> str:
        return f"{self.what}({getattr(self.__wrapped__, '__qualname__', self.__wrapped__)})"
