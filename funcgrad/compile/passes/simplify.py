"""One walk over a program that folds constants, shares equal equations and simplifies.

Every rule keeps each bit of the result, signs of zeros, inf and nan included, but for one that is
documented: a product summed over an axis becomes a matrix product, whose order of summation is
BLAS's. The rules themselves stand in `rules`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, cast

import numpy as np

from ...core.backend import Profile
from ...core.ir import Atom, Aval, Equation, Jaxpr, Literal, Var, has_effect
from ...core.residuals import StepResiduals
from ...core.source_info import SourceInfo
from ...core.trace import aval_of
from ...ops.arithmetic import GeneralPower, ScalarPow
from ...ops.convert import Convert
from ...ops.kinds import Elementwise, MaskMul, QuietDiv, common_shape
from ...ops.linear import BroadcastTo
from ...ops.select import Choice, Keep, Select
from ...ops.unstack import Stack, Unstack
from . import algebra as rules
from .slices import elements, split_stack

__all__ = ["simplify"]

_ALIKE = (Keep, MaskMul, QuietDiv, Select)
"""Kernels that compute scalars as they do arrays."""
_FOLDED_BYTES = 1 << 20
"""Results of constants are computed at compile time up to this size."""


def simplify(
    jaxpr: Jaxpr, constants: Sequence[Any], weak: bool = True, profile: Profile | None = None
) -> tuple[Jaxpr, list[Any]]:
    """Simplify a program.

    Args:
        jaxpr: The program, without calls.
        constants: The values of its leading inputs, as far as they are known.
        weak: Whether results that are Python floats must stay so.
        profile: What pays on the backend.

    Returns:
        The program and its constants, those among them that were computed here too.
    """
    return _Walk(jaxpr, constants, profile or Profile()).walk(weak)


class _Walk:
    """The state of the walk.

    Attributes:
        profile: What pays on the backend.
        made: The equation that defines a variable of the new program.
        uses: How often a variable of the old program is read.
        elements: Those of short vectors that have variables of their own.
    """

    def __init__(self, jaxpr: Jaxpr, constants: Sequence[Any], profile: Profile) -> None:
        self.jaxpr, self.profile = jaxpr, profile
        self.inputs = [Var(strong(v.aval)) for v in jaxpr.inputs]
        self.env: dict[Var, Atom] = dict(zip(jaxpr.inputs, self.inputs, strict=True))
        self.values: dict[Var, Any] = dict(zip(self.inputs, constants, strict=False))
        self.new_constants: list[Var] = []
        self.made: dict[Var, Equation] = {}
        self.elements: dict[tuple[Var, int], Atom] = {}
        self.source_info: SourceInfo | None = None
        self.known: dict[Hashable, tuple[Atom, ...]] = {}
        self.equations: list[Equation] = []
        self.uses: dict[Var, int] = {}
        for eqn in jaxpr.equations:
            for a in eqn.inputs:
                if isinstance(a, Var):
                    self.uses[a] = self.uses.get(a, 0) + 1
        for a in jaxpr.outputs:
            if isinstance(a, Var):
                self.uses[a] = self.uses.get(a, 0) + 2  # never taken apart

    def take_repeated_constants(self) -> None:
        """Take constants that are broadcast for what they are: a smaller one, repeated."""
        for old in self.jaxpr.inputs:
            value = self.values.get(cast(Var, self.env[old]))
            if not isinstance(value, np.ndarray) or 0 not in value.strides or not value.size:
                continue
            once = value[tuple([slice(None) if step else slice(1) for step in value.strides])]
            source: Atom
            if once.size == 1:
                scalar = once[(0,) * once.ndim]
                source = Literal(scalar, aval_of(scalar))
            else:
                source = Var(aval_of(once))
                self.values[source] = once
                self.new_constants.append(source)
            self.env[old] = self.emit(BroadcastTo(value.shape), (source,))

    def walk(self, weak: bool) -> tuple[Jaxpr, list[Any]]:
        self.take_repeated_constants()
        env, uses = self.env, self.uses
        for eqn in self.jaxpr.equations:
            self.source_info = eqn.source_info
            inputs = [self.atom(a) for a in eqn.inputs]
            primitive, outputs = _restated(eqn, inputs)
            for old, new in zip(eqn.outputs, outputs, strict=True):
                uses[new] = uses.pop(old, 0)
            if primitive.multiple:
                found = self.apart(primitive, inputs, outputs)
                if found is None:
                    found = self.bind(primitive, inputs, outputs, eqn.source_info)
            else:
                found = (self.apply_rules(primitive, inputs, outputs[0], eqn.source_info),)
            for old, new, atom in zip(eqn.outputs, outputs, found, strict=True):
                env[old] = atom
                if atom is not new and isinstance(atom, Var):
                    uses[atom] = uses.get(atom, 0) + uses[new]
        outputs = [self.output(a) if weak else self.atom(a) for a in self.jaxpr.outputs]
        constants = list(self.values.values())
        count = len(constants) - len(self.new_constants)
        inputs = [*self.inputs[:count], *self.new_constants, *self.inputs[count:]]
        captured = self.jaxpr.captured + len(self.new_constants)
        return Jaxpr(inputs, self.equations, outputs, captured, self.jaxpr.name), constants

    def atom(self, a: Atom) -> Atom:
        """What an atom of the old program is in the new one."""
        if isinstance(a, Var):
            return self.env[a]
        aval = strong(a.aval)
        return a if aval is a.aval else Literal(np.float64(a.value), aval)

    def output(self, a: Atom) -> Atom:
        """A result of the program, weak where it was."""
        atom = self.atom(a)
        if a.aval.weak and not atom.aval.weak:
            return self.emit(Convert(a.aval.dtype, True), (atom,))
        return atom

    def apply_rules(
        self, primitive: Any, inputs: list[Atom], out: Var, source_info: SourceInfo | None
    ) -> Atom:
        """The atom for one equation, after all rules that apply to it."""
        while True:
            if isinstance(primitive, Elementwise) and out.aval.shape:
                scalars = self.scalars(primitive, inputs)
                one = None if scalars is None else self.emit(primitive, scalars)
                if one is not None and one.aval.dtype == out.aval.dtype:
                    return self.apply_rules(BroadcastTo(out.aval.shape), [one], out, source_info)
                inputs = self.without_broadcasts(primitive, inputs, out)
                parts = split_stack(self, primitive, inputs, out.aval.shape)
                if parts is not None:
                    primitive, inputs = Stack(0), parts
            rule = rules.RULES.get(type(primitive))
            found = rule(self, primitive, inputs, out.aval) if rule else None
            if found is None:
                break
            if isinstance(found, (Var, Literal)):
                if found.aval != out.aval:
                    break
                return found
            if found[0].aval(*[a.aval for a in found[1]]) != out.aval:
                break
            primitive, inputs = found[0], list(found[1])
        return self.bind(primitive, inputs, (out,), source_info)[0]

    def apart(
        self, primitive: Any, inputs: list[Atom], outputs: Sequence[Var]
    ) -> tuple[Atom, ...] | None:
        """The elements of a vector that is unstacked, where they are computed without it."""
        found = elements(self, inputs[0]) if isinstance(primitive, Unstack) else None
        if found is None or any(a.aval != v.aval for a, v in zip(found, outputs, strict=True)):
            return None
        return tuple(found)

    def emit(self, primitive: Any, inputs: Sequence[Atom]) -> Atom:
        """A new equation, for a rule that needs more than one."""
        out = Var(primitive.aval(*[a.aval for a in inputs]))
        return self.apply_rules(primitive, list(inputs), out, self.source_info)

    def scalars(self, primitive: Any, inputs: Sequence[Atom]) -> list[Atom] | None:
        """The operands as scalars, where all are scalars that were repeated.

        Not where NumPy computes scalars otherwise than arrays, to the last bit.
        """
        if not _computes_alike(primitive, inputs):
            return None
        found: list[Atom] = []
        for a in inputs:
            eqn = self.made.get(a) if isinstance(a, Var) and a.aval.shape else None
            if eqn is not None and type(eqn.primitive) is not BroadcastTo:
                return None
            source = a if eqn is None else eqn.inputs[0]
            if source.aval.shape:
                return None
            found.append(source)
        return found

    def without_broadcasts(self, primitive: Any, inputs: list[Atom], out: Var) -> list[Atom]:
        """Operands before they were broadcast, where the operation broadcasts them itself."""
        if isinstance(primitive, GeneralPower):
            return inputs  # NumPy takes the square root where one exponent of 0.5 is for all
        shape = out.aval.shape
        for i, a in enumerate(inputs):
            eqn = self.made.get(a) if isinstance(a, Var) else None
            if eqn is None or not rules.is_broadcast(eqn):
                continue
            rest = [x.aval.shape for j, x in enumerate(inputs) if j != i]
            source = eqn.inputs[0]
            if common_shape([source.aval.shape, *rest]) != shape:
                continue
            fewer = [*inputs[:i], source, *inputs[i + 1 :]]
            if primitive.aval(*[x.aval for x in fewer]) == out.aval:
                inputs = fewer
        return inputs

    def bind(
        self,
        primitive: Any,
        inputs: Sequence[Atom],
        outputs: Sequence[Var],
        source_info: SourceInfo | None,
    ) -> tuple[Atom, ...]:
        """The results of an equation: folded, known from an equal one, or new."""
        key: Hashable = None
        try:
            key = primitive, tuple([a if isinstance(a, Var) else _literal_key(a) for a in inputs])
            known = self.known.get(key)
            if known is not None and has_effect(primitive):
                known = None
        except TypeError:  # a parameter that is not hashable
            key = known = None
        if known is not None:
            return known
        found: tuple[Atom, ...] | None = None
        constant = all(isinstance(a, Literal) or a in self.values for a in inputs)
        if constant and not primitive.multiple and type(primitive) is not BroadcastTo:
            found = self.fold(primitive, inputs, outputs[0])
        if found is None:
            eqn = Equation(primitive, inputs, outputs, source_info)
            self.equations.append(eqn)
            for v in outputs:
                self.made[v] = eqn
            found = tuple(outputs)
        if key is not None:
            self.known[key] = found
        return found

    def fold(self, primitive: Any, inputs: Sequence[Atom], out: Var) -> tuple[Atom, ...] | None:
        """The value of an equation over constants, where it is small and can be computed."""
        operands = [a.value if isinstance(a, Literal) else self.values[a] for a in inputs]
        size = sum([x.nbytes for x in operands if isinstance(x, np.ndarray)])
        aval = out.aval
        if max(size, aval.size * aval.dtype.itemsize) > _FOLDED_BYTES or aval.size > 4 * size + 64:
            return None
        try:
            with np.errstate(all="ignore"):
                value = primitive.run(*operands)
        except Exception:  # what raises, raises when the program runs
            return None
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value[()]
        if aval_of(value) != aval:
            return None
        if not aval.shape and not isinstance(value, StepResiduals):
            return (Literal(value, aval),)
        self.values[out] = value
        self.new_constants.append(out)
        return (out,)


def _computes_alike(primitive: Any, inputs: Sequence[Atom]) -> bool:
    """Whether NumPy gives the same bits for arrays, for scalars, and for both together.

    By default it does not for powers, for complex numbers and for the signs of equal zeros in
    ``np.maximum`` and its kin, whose loops over arrays are others; nor do kernels that use those.
    """
    if isinstance(primitive, (Choice, GeneralPower, ScalarPow)):
        return False
    if any(a.aval.dtype.kind == "c" for a in inputs):
        return False
    return isinstance(primitive.numpy, np.ufunc) or type(primitive) in _ALIKE


def _restated(eqn: Equation, inputs: Sequence[Atom]) -> tuple[Any, list[Var]]:
    """The primitive of an equation and its results, for operands that may be strong by now."""
    primitive = eqn.primitive
    if not any(v.aval.weak for v in eqn.outputs):
        return primitive, [Var(v.aval) for v in eqn.outputs]
    if type(primitive) is Convert and primitive.dtype == np.float64:
        primitive = Convert(primitive.dtype, False)
    given: Any = primitive.aval(*[a.aval for a in inputs])
    return primitive, [Var(aval) for aval in (given if primitive.multiple else (given,))]


def strong(aval: Aval) -> Aval:
    """The type without weakness, for floats: promotion is done, and what is left is arithmetic.

    Weak integers keep it, because Python's do not overflow.
    """
    return aval.strong() if aval.weak and aval.dtype == np.float64 else aval


def _literal_key(a: Literal) -> Hashable:
    # repr tells 0.0 from -0.0 and equates nan with itself.
    return a.aval, repr(a.value)
