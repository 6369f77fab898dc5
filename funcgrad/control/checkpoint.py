"""`checkpoint`: trade the memory of a forward pass for running it again.

The forward pass of `Checkpoint` keeps its operands, and of what it computes only what the policy
names; the backward pass is one program that runs the forward again and then back. Neither is
inlined by compilers, so that no common subexpression joins the two runs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from types import MethodType
from typing import Any

import numpy as np

from ..checkpoint_policies import Policy, nothing_saveable
from ..core.backend import compile_once
from ..core.ir import Aval, Equation, Jaxpr, Literal, Var
from ..core.portable import Portable
from ..core.primitive import primitive
from ..core.record import trace
from ..core.source_info import SourceInfo, name_of
from ..core.trace import Tracer, apply, aval_of
from ..errors import ArgumentError, entry
from ..ops.convert import convert
from ..transforms.vjp import vjp
from ..tree.treedef import a
from .callbacks.debug import without_effects
from .program.call import OneProgram
from .program.derive import (
    cache,
    inexact_cotangents,
    jvp_program,
    step_residual_types,
    vmap_program,
)
from .program.trace_body import Operands, scalar, trace_body
from .static_arguments import StaticNames

__all__ = ["Checkpoint", "checkpoint"]


_BACKWARD = "backward of "
"""What the name of a backward pass begins with, which runs the program again."""


@primitive
class Checkpoint(OneProgram):
    """The results of ``jaxpr`` at the operands; its backward pass runs it again."""

    jaxpr: Jaxpr
    policy: Policy
    multiple = True
    passes_mask = True

    def __str__(self) -> str:
        return f"checkpoint {self.jaxpr.name}"

    @property
    def recomputes(self) -> bool:  # type: ignore[override]
        return self.jaxpr.name.startswith(_BACKWARD)

    def run(self, *operands: Any) -> tuple[Any, ...]:
        return compile_once(self.jaxpr)(*operands)

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        return tuple(self.jaxpr.out_avals)

    def saved_variables(self) -> list[Var]:
        """The variables that the policy keeps."""
        return [v for eqn in self.jaxpr.equations if self._keeps(eqn) for v in eqn.outputs]

    def _keeps(self, eqn: Equation) -> bool:
        kept = self.policy(eqn)
        if not isinstance(kept, (bool, np.bool_)):
            kind = "function" if callable(kept) else type(kept).__name__
            raise ArgumentError(
                f"checkpoint: the policy {name_of(self.policy)} returned {a(kind)}, "
                "not True or False",
                "Pass a policy, as in policy=checkpoint_policies.save_only_these_names('h').",
            )
        return bool(kept)

    def forward(self, values: Sequence[Any], source_info: SourceInfo | None) -> tuple[Any, Any]:
        """The results, and what the policy keeps."""
        jaxpr, saved = self.jaxpr, self.saved_variables()
        if not saved:
            return apply(self, values, source_info), []
        extended = cache(
            self,
            "forward",
            lambda: Jaxpr(
                jaxpr.inputs, jaxpr.equations, [*jaxpr.outputs, *saved], jaxpr.captured, jaxpr.name
            ),
        )
        found = apply(Checkpoint(extended, self.policy), values, source_info)
        count = len(jaxpr.outputs)
        return tuple(found[:count]), list(found[count:])

    def backward(
        self,
        ct: Sequence[Any],
        out: Sequence[Any],
        operands: Sequence[Any],
        wanted: Sequence[bool],
        masked: bool,
        residuals: Sequence[Any],
    ) -> list[Any]:
        """The cotangents of the wanted operands, None for the others and for zeros."""
        key = "backward", tuple(wanted), masked
        program, captured, given = cache(self, key, lambda: self._backward(tuple(wanted), masked))
        cts = inexact_cotangents(ct, self.jaxpr.out_avals)
        again = Checkpoint(program, nothing_saveable)
        found = iter(apply(again, [*captured, *operands, *residuals, *cts], None))
        return [next(found) if g else None for g in given]

    def _backward(
        self, wanted: tuple[bool, ...], masked: bool
    ) -> tuple[Jaxpr, list[Any], list[bool]]:
        # What has an effect had it in the forward pass.
        jaxpr, saved = without_effects(self.jaxpr), self.saved_variables()
        count, kept = len(jaxpr.inputs), len(saved)
        inexact = [aval.inexact for aval in jaxpr.out_avals]
        given: list[bool] = []

        def backward(*args: Any) -> list[Any]:
            held = dict(zip(saved, args[count : count + kept], strict=True))
            each = iter(args[count + kept :])
            cts = [next(each) if i else None for i in inexact]

            def again(*chosen: Any) -> list[Any]:
                rest = iter(chosen)
                inputs = [next(rest) if w else x for w, x in zip(wanted, args, strict=False)]
                return _run_with(jaxpr, inputs, held)

            chosen = [x for w, x in zip(wanted, args, strict=False) if w]
            _, tape = vjp(again, chosen)
            pulled = iter(tape.pullback(cts, masked=masked))
            found = [next(pulled) if w else None for w in wanted]
            given.extend(c is not None for c in found)
            return [c for c in found if c is not None]

        avals = [*jaxpr.in_avals, *[v.aval for v in saved]]
        avals += [a.strong() for a in jaxpr.out_avals if a.inexact]
        program, captured = trace(backward, avals, name=f"{_BACKWARD}{jaxpr.name}")
        return program, captured, given

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], source_info: SourceInfo | None
    ) -> tuple[Any, list[Any]]:
        """The results and their tangents, None for zeros."""
        active = tuple([t is not None for t in tangents])
        program, captured, given = cache(
            self, ("jvp", active), lambda: jvp_program(self.jaxpr, active)
        )
        ts = [convert(t, aval_of(t).dtype) for t in tangents if t is not None]
        found = apply(Checkpoint(program, self.policy), [*captured, *values, *ts], source_info)
        rest = iter(found[len(given) :])
        return tuple(found[: len(given)]), [next(rest) if g else None for g in given]

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        flags, residual_types = tuple(batched), step_residual_types(operands)
        program, captured = cache(
            self,
            ("vmap", size, flags, residual_types),
            lambda: vmap_program(self.jaxpr, size, flags, residual_types),
        )
        return apply(Checkpoint(program, self.policy), [*captured, *operands], None)

    def hold(self, jaxpr: Jaxpr) -> Checkpoint:
        return Checkpoint(jaxpr, self.policy)


def _run_with(jaxpr: Jaxpr, inputs: Sequence[Any], held: dict[Var, Any]) -> list[Any]:
    """Evaluate ``jaxpr`` with the values of some variables given; their computation is dead."""
    env: dict[Var, Any] = dict(zip(jaxpr.inputs, inputs, strict=True))
    for eqn in jaxpr.equations:
        operands = [a.value if isinstance(a, Literal) else env[a] for a in eqn.inputs]
        out = apply(eqn.primitive, operands, eqn.source_info)
        results = out if eqn.primitive.multiple else (out,)
        for var, value in zip(eqn.outputs, results, strict=True):
            if var in held and isinstance(value, Tracer):
                value.value = held[var]
            env[var] = value
    return [a.value if isinstance(a, Literal) else env[a] for a in jaxpr.outputs]


def checkpoint(
    f: Callable[..., Any] | None = None,
    *,
    policy: Policy | None = None,
    static_argnums: int | Iterable[int] = (),
    static_argnames: str | Iterable[str] = (),
) -> Callable[..., Any]:
    """``f``, whose intermediate values are computed again in the backward pass instead of kept.

    Args:
        f: A function of pytrees; None to use it as a decorator with options. Booleans, strings and
            other arguments that are no numbers are not traced.
        policy: What is kept all the same: one of `funcgrad.checkpoint_policies`, or a function of
            an equation; by default nothing.
        static_argnums: Positions of arguments that are not traced though they are numbers.
        static_argnames: The same by name.

    Returns:
        A function of the same arguments.

    Raises:
        ArgumentError: Where ``f`` is no function, or has no such parameter.

    >>> import numpy as np
    >>> from funcgrad import grad
    >>> grad(checkpoint(lambda x: np.sin(np.sin(x))))(0.0)
    np.float64(1.0)
    """
    if f is None:
        return functools.partial(
            checkpoint,
            policy=policy,
            static_argnums=static_argnums,
            static_argnames=static_argnames,
        )
    if not callable(f):
        raise ArgumentError(
            f"checkpoint: expected a function, got {type(f).__name__}", "Write checkpoint(f)(x)."
        )
    return Checkpointed(f, policy or nothing_saveable, static_argnums, static_argnames)


class Checkpointed(Portable):
    """A function whose intermediate values are computed again, made by `checkpoint`.

    Attributes:
        __wrapped__: The function it was made from.
    """

    __wrapped__: Callable[..., Any]

    def __init__(self, f: Callable[..., Any], policy: Policy, argnums: Any, argnames: Any) -> None:
        self._made_of = (f, policy, argnums, argnames)
        self._static = StaticNames(f, argnums, argnames, "checkpoint")
        functools.update_wrapper(self, f, updated=())

    @entry
    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._call(args, kwargs)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        f, policy, *_ = self._made_of
        kept = self._static.among(args, kwargs)
        left = [None if n in kept else a for n, a in enumerate(args)]
        rest = {name: a for name, a in kwargs.items() if name not in kept}
        given = Operands((left, rest), flags=False)

        def rebuild(values: Sequence[Any]) -> tuple[Any, ...]:
            return (given.rebuild(values),)

        def call(both: Any) -> Any:
            merged = [kept.get(n, a) for n, a in enumerate(both[0])]
            return f(*merged, **both[1], **{k: v for k, v in kept.items() if type(k) is str})

        call.__name__ = name_of(f)
        body = trace_body(call, given.avals, rebuild, "checkpoint")
        found = apply(Checkpoint(body.jaxpr, policy), [*body.captured, *given.values], None)
        return body.rebuild([scalar(x) for x in found])

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        return f"checkpoint({getattr(self.__wrapped__, '__qualname__', self.__wrapped__)})"

    def _parts(self) -> Any:
        return self._made_of

    def _fill(self, parts: Any) -> None:
        Checkpointed.__init__(self, *parts)
