"""`check`: whether a program is well formed, equation by equation."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import ArgumentError, InvalidJaxprError
from .ir import Atom, Jaxpr, Literal, Var
from .source_info import line_of

__all__ = ["check"]


def check(jaxpr: Jaxpr) -> Jaxpr:
    """Verify that ``jaxpr`` is well formed, nested programs included, and return it.

    Every variable is defined once and before its use, and every equation's outputs have the types
    that its primitive gives for its inputs.

    Raises:
        InvalidJaxprError: Saying which equation and why.
    """
    if not isinstance(jaxpr, Jaxpr):
        raise ArgumentError(
            f"check: expected a program, got {type(jaxpr).__name__}",
            "Write check(make_jaxpr(f)(x)).",
        )
    stack = [jaxpr]
    while stack:
        program = stack.pop()
        defined: set[Var] = set()
        _define(program.inputs, defined, program, "an input")
        for eqn in program.equations:
            what = f"equation {eqn.primitive} ({line_of(eqn.source_info)})"
            _check_defined(eqn.inputs, defined, program, what)
            given = eqn.primitive.aval(*[a.aval for a in eqn.inputs])
            expected = tuple(given) if eqn.primitive.multiple else (given,)
            stated = tuple(v.aval for v in eqn.outputs)
            if expected != stated:
                raise InvalidJaxprError(
                    f"{program.name}: {what} states {stated} and its primitive gives {expected}"
                )
            _define(eqn.outputs, defined, program, what)
            stack.extend([jaxpr for _, jaxpr in eqn.primitive.bodies()])
        _check_defined(program.outputs, defined, program, "the return")
    return jaxpr


def _define(variables: Iterable[Var], defined: set[Var], program: Jaxpr, what: str) -> None:
    for var in variables:
        if var in defined:
            raise InvalidJaxprError(f"{program.name}: {what} defines a variable a second time")
        defined.add(var)


def _check_defined(atoms: Iterable[Atom], defined: set[Var], program: Jaxpr, what: str) -> None:
    for atom in atoms:
        if isinstance(atom, Var) and atom not in defined:
            raise InvalidJaxprError(f"{program.name}: {what} uses an undefined variable {atom}")
        if isinstance(atom, Literal) and atom.aval.shape != ():
            raise InvalidJaxprError(f"{program.name}: {what} has a literal of type {atom.aval}")
