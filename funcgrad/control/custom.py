"""Floor 5: functions that have rules of their own: what `custom_vjp` and `custom_jvp` share.

A call with traced operands is a `RuleCall`, which never stands in a program. Where the frame that
meets it holds values, the rule runs on them as plain Python; in a batch it runs on one element, in
the batch's own frame; where a program is recorded, function and rule are traced (`staging`).
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, ClassVar, Protocol

from ..core.axes import any_open
from ..core.ir import Aval, Place
from ..core.primitive import Primitive
from ..core.trace import Frame, Tracer, apply, aval_of
from ..errors import trim
from ..transforms.vmap import BatchFrame
from .bodies import name_of
from .custom_arguments import Arguments, Result, Signature
from .elements import elements, is_abstract, lanes_of, parts
from .refusals import check_closure, opaque

__all__ = ["CustomFunction", "MappedRule", "Rule", "RuleCall"]


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

    def primal(self, values: Sequence[Any]) -> list[Any]:
        """The results."""
        ...


class MappedRule:
    """The rule of one element, for a batch.

    It runs in the batch's own frame, so that what it closes over is of one piece with it.
    """

    def __init__(self, inner: Any, frame: BatchFrame, batched: Sequence[bool]) -> None:
        self.inner, self.frame, self.batched = inner, frame, batched
        self.what, self.function, self.exact = inner.what, inner.function, inner.exact
        self._users, self._was_closed = 0, False
        self._lock = Lock()

    @contextmanager
    def reopened(self) -> Generator[BatchFrame, None, None]:
        """The batch's frame, open also after the batch has returned: for a backward pass."""
        frame = self.frame
        with self._lock:
            if not self._users:
                self._was_closed = frame.closed
            self._users += 1
            frame.closed = False
        try:
            yield frame
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    frame.closed = self._was_closed

    @property
    def result(self) -> Result:
        """What the function returned last, for one element."""
        return self.inner.result

    def primal(self, values: Sequence[Any]) -> list[Any]:
        """The results."""
        return self.whole(self.inner.primal(elements(self.frame, values, self.batched)))

    def whole(self, found: Sequence[Any]) -> list[Any]:
        """The batch of each result, None for None."""
        frame = self.frame
        others = [x for x in found if not (isinstance(x, Tracer) and x.frame is frame)]
        check_closure(others, frame, self.what, self.function)
        return [None if x is None else lanes_of(frame, x) for x in found]


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
    stage: ClassVar[Callable[..., tuple[Primitive, list[Any]]]]

    def __str__(self) -> str:
        return f"{self.rule.what} {name_of(self.rule.function)}"

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        return ()

    def run(self, *operands: Any) -> tuple[Any, ...]:
        return tuple(self.rule.primal(operands))

    def handed_on(self, values: Sequence[Any]) -> Primitive:
        newest = newest_of(values)
        return self if newest is None else type(self)(self.rule, newest, own_of(newest, values))

    @classmethod
    def call(cls, rule: Rule, operands: Sequence[Any]) -> Sequence[Any]:
        """The results for operands, by the newest frame among them."""
        newest = newest_of(operands)
        if newest is None:
            return opaque(rule.primal(operands), rule.what, rule.function)
        return apply(cls(rule, newest, own_of(newest, operands)), operands, None)

    def check(self, values: Sequence[Any]) -> None:
        """Raise where a result or residual belongs to the frame: the function closes over it."""
        check_closure(values, self.frame, self.rule.what, self.rule.function)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        if not any(map(is_abstract, operands)) and not any_open():
            mapped = self.mapped(self.rule, self.frame, tuple(batched))
            return tuple(self.call(mapped, operands))
        avals = [
            aval_of(x).element() if b else aval_of(x) if isinstance(x, Tracer) else None
            for x, b in zip(operands, batched, strict=True)
        ]
        program, captured = type(self).stage(self.rule, operands, avals)
        values, flags = parts(self.frame, captured)
        for x, b, aval in zip(operands, batched, avals, strict=True):
            if aval is not None:
                values.append(x)
                flags.append(b)
        return program.vmap(size, flags, values)

    def staged(self, frame: Frame, args: Sequence[Any], place: Place | None) -> Any:
        """Records the function and its rule as one equation."""
        avals = [aval_of(a) if isinstance(a, Tracer) else None for a in args]
        program, captured = type(self).stage(self.rule, args, avals)
        return apply(program, [*captured, *[a for a in args if isinstance(a, Tracer)]], place)


def newest_of(operands: Sequence[Any]) -> Frame | None:
    """The newest frame among the operands."""
    newest: Frame | None = None
    for x in operands:
        if isinstance(x, Tracer) and (newest is None or x.frame.level > newest.level):
            newest = x.frame
    return newest


def own_of(frame: Frame, operands: Sequence[Any]) -> tuple[bool, ...]:
    """Which of the operands are tracers of ``frame``."""
    return tuple([isinstance(x, Tracer) and x.frame is frame for x in operands])


class CustomFunction:
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
        self._signature = Signature(f, nondiff_argnums, nondiff_argnames, self.what)
        functools.update_wrapper(self, f, updated=())

    def nondiff(self, *args: Any, **kwargs: Any) -> list[int]:
        """Which arguments of a call, in the function's order, are not differentiated."""
        return list(self._signature.bind(args, kwargs).nondiff)

    def rule_for(self, arguments: Arguments) -> Any:
        """The rule for one call."""
        raise NotImplementedError

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
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

    def __reduce_ex__(self, protocol: Any) -> Any:
        name = getattr(self, "__qualname__", "")
        found: Any = sys.modules.get(getattr(self, "__module__", None) or "")
        for part in name.split("."):
            found = getattr(found, part, None)
        return name if found is self else super().__reduce_ex__(protocol)

    def __copy__(self) -> CustomFunction:
        # As a plain function: its copy is itself.
        return self

    def __deepcopy__(self, memo: Any) -> CustomFunction:
        return self

    def __repr__(self) -> str:
        return f"{self.what}({getattr(self.__wrapped__, '__qualname__', self.__wrapped__)})"
