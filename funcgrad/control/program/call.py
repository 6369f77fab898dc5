"""`Call`, one equation that stands for a whole program.

`jit` inside another transform binds it. Its rules transform the program that it holds, once for
each way in which they are asked to, and bind a call of what comes out. A forward pass that will be
differentiated is such a call: it gives the results together with the *residuals*, the values that
the backward pass reads, so that nothing is computed twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.backend import compile_once
from ...core.ir import Aval, Equation, Jaxpr
from ...core.primitive import Primitive, primitive
from ...core.source_info import SourceInfo
from ...core.trace import apply, aval_of
from ...errors import InvalidJaxprError
from ...ops.convert import convert
from .dependence import depends
from .derive import (
    derive,
    inexact_cotangents,
    jvp_program,
    split_of,
    step_residual_types,
    vmap_program,
)
from .structured import Interpreter
from .trace_body import to_aval
from .trim import Liveness, reads, where_kept, with_inputs

__all__ = ["Call", "OneProgram"]


class OneProgram(Primitive):
    """A primitive that runs one program at its operands.

    Attributes:
        jaxpr: The program.
    """

    jaxpr: Jaxpr

    def hold(self, jaxpr: Jaxpr) -> OneProgram:
        """The primitive that runs another program in the same way."""
        raise NotImplementedError

    def interpret(self, operands: Sequence[Any], by: Interpreter) -> list[Any]:
        return by.run(self.jaxpr, operands)

    def body_flags(self, flags: Sequence[bool]) -> list[tuple[Jaxpr, list[bool]]]:
        return [(self.jaxpr, list(flags))]

    def depends(self, flags: Sequence[bool], count: int) -> list[bool]:
        return depends(self.jaxpr, flags)

    def trim(self, eqn: Equation, program: Liveness) -> Equation | None:
        jaxpr = self.jaxpr
        wanted = [v in program.live for v in eqn.outputs]
        outputs = where_kept(wanted, jaxpr.outputs)
        body = program.simplify(
            Jaxpr(jaxpr.inputs, jaxpr.equations, outputs, jaxpr.captured, jaxpr.name)
        )
        if body is None:
            return None
        keep = reads(body)
        body = with_inputs(body, keep, sum(keep[: body.captured]))
        operands, results = where_kept(keep, eqn.inputs), where_kept(wanted, eqn.outputs)
        return Equation(self.hold(body), operands, results, eqn.source_info)


@primitive
class Call(OneProgram):
    """The results of ``jaxpr`` at the operands, which have the types of its inputs."""

    jaxpr: Jaxpr
    multiple = True
    passes_mask = True
    inlined = True

    def __str__(self) -> str:
        return f"call {self.jaxpr.name}"

    def hold(self, jaxpr: Jaxpr) -> Call:
        return Call(jaxpr)

    @property
    def masks(self) -> bool:  # type: ignore[override]
        equations = self.jaxpr.equations
        return derive(self.jaxpr, "masks", lambda: any(eqn.primitive.masks for eqn in equations))

    def run(self, *operands: Any) -> tuple[Any, ...]:
        return compile_once(self.jaxpr, owned=False)(*operands)

    def adapt(self, args: Sequence[Any]) -> Sequence[Any]:
        # What loops keep from step to step is strong, also where it began as a Python number.
        given = [aval_of(x) for x in args]
        return [
            to_aval(x, aval) if aval.weak != g.weak and aval.dtype == g.dtype else x
            for x, g, aval in zip(args, given, self.jaxpr.in_avals, strict=True)
        ]

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        if list(avals) != self.jaxpr.in_avals:
            raise InvalidJaxprError(
                f"call: {self.jaxpr.name} takes {self.jaxpr.in_avals} and got {list(avals)}"
            )
        return tuple(self.jaxpr.out_avals)

    def forward(self, values: Sequence[Any], source_info: SourceInfo | None) -> tuple[Any, Any]:
        """The results, and the residuals for `backward`."""
        split = split_of(self.jaxpr)
        found = apply(Call(split.forward), [*split.captured, *values], source_info)
        residuals = [values[i] if of_input else found[i] for of_input, i in split.residuals]
        return tuple(found[: len(self.jaxpr.outputs)]), residuals

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
        pullback = split_of(self.jaxpr).pullbacks[masked]
        key = "backward", tuple(wanted), masked
        program, given = derive(self.jaxpr, key, lambda: pullback.restrict(wanted))
        captured = [residuals[x] if is_residual else x for is_residual, x in pullback.captured]
        cts = inexact_cotangents(ct, self.jaxpr.out_avals)
        found = iter(apply(Call(program), [*captured, *cts], None))
        return [next(found) if some else None for some in given]

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], source_info: SourceInfo | None
    ) -> tuple[Any, list[Any]]:
        """The results and their tangents, None for zeros."""
        active = tuple([t is not None for t in tangents])
        program, captured, given = derive(
            self.jaxpr, ("jvp", active), lambda: jvp_program(self.jaxpr, active)
        )
        ts = [convert(t, aval_of(t).dtype) for t in tangents if t is not None]
        found = apply(Call(program), [*captured, *values, *ts], source_info)
        rest = iter(found[len(given) :])
        return tuple(found[: len(given)]), [next(rest) if some else None for some in given]

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        step_residuals = step_residual_types(operands)
        key = "vmap", size, tuple(batched), step_residuals
        program, captured = derive(
            self.jaxpr, key, lambda: vmap_program(self.jaxpr, size, batched, step_residuals)
        )
        return apply(Call(program), [*captured, *operands], None)
