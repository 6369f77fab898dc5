"""Every single rewrite of the compiler, checked by value: the program before and after it.

`Validator` stands around the places where `funcgrad.compile` accepts what a rule gives. Every
variable of a program that is simplified has a value here, random where it is an argument's; what
takes the place of an equation must have the value, dtype and shape that the equation has, to the
bit but for sums of products, whose order is BLAS's. Whole programs are checked and run before and
after their passes.
"""

import contextlib
import functools
import warnings

import numpy as np

from funcgrad.compile import stages
from funcgrad.compile.passes import algebra as rules
from funcgrad.compile.passes import pipeline as passes
from funcgrad.compile.passes import simplify
from funcgrad.compile.source import backend as numpy_source
from funcgrad.control.flow.while_loop import BatchedWhile, While
from funcgrad.core.check import check
from funcgrad.core.ir import Literal
from funcgrad.core.residuals import StepResidualsAval
from funcgrad.core.trace import aval_of
from funcgrad.ops.index import Scatter, ScatterAdd, ScatterOnto, ScatterSum, Update
from funcgrad.ops.kinds import Elementwise
from funcgrad.ops.linalg import DotGeneral
from funcgrad.ops.linear import Sum
from funcgrad.ops.unstack import Stack, Unstack

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, np.inf, -np.inf, np.nan]
LARGEST = 1 << 12
ROUGH = 1e4
UNKNOWN = type("Unknown", (), {"__repr__": lambda self: "unknown"})()


class RewriteError(AssertionError):
    """A rewrite changed a value or a type."""


def number(rng, aval, special=0.2):
    """A random value of a type; `UNKNOWN` for tapes and for large arrays."""
    if isinstance(aval, StepResidualsAval) or aval.size > LARGEST:
        return UNKNOWN
    kind, shape = aval.dtype.kind, aval.shape
    if kind == "b":
        value = rng.random(shape) < 0.5
    elif kind in "iu":
        value = rng.integers(0, 3, shape)
    else:
        value = rng.normal(size=shape)
        if rng.random() < special:
            value = np.where(rng.random(shape) < 0.4, rng.choice(SPECIAL, shape), value)
        if kind == "c":
            value = value + 1j * rng.normal(size=shape)
    if kind not in "biufc":
        return UNKNOWN
    with np.errstate(all="ignore"):
        value = np.asarray(value).astype(aval.dtype)
    return value if shape else value.item() if aval.weak else value[()]


def same(actual, expected, units=0.0, eps=0.0):
    """Whether two values are of one type and equal: to the bit, or within ``units`` of rounding.

    Those are counted at the largest element of an array, as sums of products are rounded. NumPy
    rounds products of complex numbers in its loops over arrays otherwise than those of scalars.
    """
    if aval_of(actual) != aval_of(expected):
        return False
    a, e = np.asarray(actual), np.asarray(expected)
    if e.dtype.kind not in "fc":
        return np.array_equal(a, e)
    if e.dtype.kind == "f" and not units:
        signs = np.signbit(a) & (a == a), np.signbit(e) & (e == e)
        return np.array_equal(a, e, equal_nan=True) and np.array_equal(*signs)
    there = np.isfinite(e)
    scale = max(float(np.max(np.abs(e[there]), initial=0.0)), 1.0 if units else 0.0)
    eps = max(eps, np.finfo(e.dtype).eps)
    return bool(np.all(np.abs(a[there] - e[there]) <= max(units, 4) * eps * scale))


KNOWN = (Elementwise, Scatter, ScatterAdd, ScatterOnto, ScatterSum, Update, Stack, Unstack)


def known(primitive):
    """Whether a rule may know a primitive; the results of others are as good as arguments."""
    return isinstance(primitive, (*KNOWN, *rules.RULES))


def takes(primitive, operands):
    """Whether a primitive may be run: LAPACK and SciPy's functions may hang where inf or nan is."""
    plain = known(primitive) and ".special" not in type(primitive).__module__
    return plain or all(map(_is_tame, operands))


def evaluate(jaxpr, args):
    """The results of a program; None where it cannot be run on these."""
    env = dict(zip(jaxpr.inputs, args, strict=True))
    for eqn in jaxpr.equations:
        operands = [a.value if isinstance(a, Literal) else env[a] for a in eqn.inputs]
        if not takes(eqn.primitive, operands):
            return None
        out = eqn.primitive.run(*operands)
        env.update(zip(eqn.outputs, out if eqn.primitive.multiple else [out], strict=True))
    return [a.value if isinstance(a, Literal) else env[a] for a in jaxpr.outputs]


def holds(jaxpr, kinds):
    """Whether an equation of a program, or of one in it, is of some kinds."""
    pending = [jaxpr]
    while pending:
        for eqn in pending.pop().equations:
            if isinstance(eqn.primitive, kinds):
                return True
            pending.extend([p for _, p in eqn.primitive.bodies()])
    return False


def runnable(jaxpr):
    """Whether a program may be run on random numbers: it ends, and nobody sees that it did."""
    return not (jaxpr.effect or jaxpr.foreign or holds(jaxpr, (While, BatchedWhile)))


class Validator:
    """Checks every rewrite while it is installed.

    Attributes:
        rewrites: How many were compared.
        programs: How many programs were, before and after their passes.
        rules: The names of the rules whose results were.
    """

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)
        self.rewrites = self.programs = 0
        self.rules = set()

    @contextlib.contextmanager
    def installed(self):
        """Stand around the compiler's places."""
        patches = [
            (simplify._Walk, "take_repeated_constants", self._repeated_constants),
            (simplify._Walk, "bind", self._bind),
            (simplify._Walk, "apply_rules", self._simplified),
            (simplify._Walk, "apart", self._apart),
            (passes, "optimise", self._optimise),
            (stages, "optimise", self._optimise),
            (numpy_source.NumpyProgram, "__init__", self._compiled),
            *[
                (passes, name, self._checked)
                for name in ("inline_calls", "dead_code", "simplify", "without_unread")
            ],
        ]
        before = [(where, name, vars(where)[name]) for where, name, _ in patches]
        table = dict(rules.RULES)
        try:
            for (where, name, around), (_, _, original) in zip(patches, before, strict=True):
                setattr(where, name, around(original))
            rules.RULES.update({kind: self._noted(rule) for kind, rule in table.items()})
            yield self
        finally:
            for where, name, original in before:
                setattr(where, name, original)
            rules.RULES.update(table)

    # Values of the variables of a walk.

    def _values(self, walk):
        values = walk.__dict__.get("sampled")
        if values is None:
            values = walk.sampled = {}
            walk.applied, walk.invented = [], set()
            for var in walk.inputs:
                given = walk.values.get(var, self)
                values[var] = number(self.rng, var.aval) if given is self else _small(given)
        return values

    def _value(self, walk, atom):
        if isinstance(atom, Literal):
            return atom.value
        values = self._values(walk)
        if atom not in values:  # a constant that was computed
            values[atom] = _small(walk.values[atom]) if atom in walk.values else UNKNOWN
        return values[atom]

    def _run(self, walk, primitive, inputs):
        """The result of an equation, None where it cannot be had."""
        if not known(primitive):
            return None
        operands = [self._value(walk, a) for a in inputs]
        if any(x is UNKNOWN for x in operands) or not takes(primitive, operands):
            return None
        try:
            with np.errstate(all="ignore"):
                value = primitive.run(*operands)
        except Exception:  # arguments that it does not take
            return None
        if primitive.multiple:
            return [_plain(x) for x in value]
        return _plain(value)

    def _bind(self, original):
        def bind(walk, primitive, inputs, outputs, place):
            found = original(walk, primitive, inputs, outputs, place)
            values = self._values(walk)
            new = [v for v in found if not isinstance(v, Literal) and v not in values]
            new = [v for v in new if v not in walk.values]
            if new:
                value = self._run(walk, primitive, inputs)
                if value is None:
                    value = [number(self.rng, v.aval) for v in outputs]
                    walk.invented.update(outputs)
                elif not primitive.multiple:
                    value = [value]
                values.update(zip(outputs, value, strict=True))
            return found

        return bind

    # Rewrites.

    def _noted(self, rule):
        @functools.wraps(rule)
        def noted(walk, primitive, inputs, aval):
            found = rule(walk, primitive, inputs, aval)
            if found is not None:
                self._values(walk)
                walk.applied.append(rule.__name__)
            return found

        return noted

    def _compare(self, walk, what, expected, atom, units=0.0):
        actual = self._value(walk, atom)
        if expected is None or actual is UNKNOWN or atom in walk.invented:
            return
        self.rewrites += 1
        if not same(actual, expected, units):
            raise RewriteError(
                f"{what} was rewritten to something else by {walk.applied[-6:]}:\n"
                f"{actual!r}\nis not\n{expected!r}"
            )

    def _simplified(self, original):
        def simplified(walk, primitive, inputs, out, place):
            self._values(walk)
            start = len(walk.applied)
            given = list(inputs)
            expected = self._run(walk, primitive, given)
            atom = original(walk, primitive, inputs, out, place)
            if atom.aval != out.aval:
                raise RewriteError(f"{primitive}: {atom.aval} in the place of {out.aval}")
            sums = type(primitive) in (Sum, DotGeneral) or any(
                _is_dot(walk, a) for a in (atom, *given)
            )
            self._compare(walk, primitive, expected, atom, 1e3 if sums else 0.0)
            self.rules.update(walk.applied[start:])
            return atom

        return simplified

    def _apart(self, original):
        def apart(walk, primitive, inputs, outputs):
            found = original(walk, primitive, inputs, outputs)
            if found is not None:
                expected = self._run(walk, primitive, inputs)
                for atom, e in zip(found, expected or (), strict=False):
                    self._compare(walk, primitive, e, atom)
                self.rules.add("elements")
            return found

        return apart

    def _repeated_constants(self, original):
        def repeated_constants(walk):
            self._values(walk)
            original(walk)
            for old, new in zip(walk.jaxpr.inputs, walk.inputs, strict=True):
                self._compare(walk, "a constant", self._value(walk, new), walk.env[old])

        return repeated_constants

    # Passes.

    def _checked(self, original):
        def checked(jaxpr, *args, **options):
            found = original(jaxpr, *args, **options)
            check(found[0] if isinstance(found, tuple) else found)
            return found

        return checked

    def _optimise(self, original):
        def optimise(jaxpr, constants=(), weak=True, profile=None):
            found, kept = original(jaxpr, constants, weak, profile)

            def function(*args):  # whose floats are strong now
                args = [np.float64(x) if type(x) is float else x for x in args]
                return evaluate(found, [*kept, *args])

            self._whole(jaxpr, constants, function, found)
            return found, kept

        return optimise

    def _compiled(self, original):
        def __init__(program, jaxpr, constants, owned, names=(), weak=()):  # noqa: N807
            original(program, jaxpr, constants, owned, names, weak)

            def function(*args):  # some of which come as Python's numbers
                given = zip(args, weak or [False] * len(args), strict=True)
                return program.function(*[np.asarray(x).item() if w else x for x, w in given])

            self._whole(jaxpr, constants, function, program)

        return __init__

    def _whole(self, jaxpr, constants, function, became):
        """Compare a function of arguments with the program that it came of."""
        if not runnable(jaxpr):
            return
        args = [number(self.rng, aval, 0.0) for aval in jaxpr.in_avals[len(constants) :]]
        if any(x is UNKNOWN for x in (*args, *map(_small, constants))):
            return
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = evaluate(jaxpr, [*constants, *args])
            except Exception:  # arguments that it does not take
                return
            if expected is None:
                return
            actual = function(*args)
        if actual is None:
            return
        self.programs += 1
        kinds = {v.aval.dtype for eqn in jaxpr.equations for v in eqn.outputs}
        eps = max([np.finfo(kind).eps for kind in kinds if kind.kind in "fc"], default=0.0)
        for a, e in zip(actual, expected, strict=True):
            if not _is_array(e):
                continue
            # How far a last bit goes in a whole program nobody knows.
            one_type = aval_of(a).strong() == aval_of(e).strong()
            if not one_type or not same(np.asarray(a), np.asarray(e), ROUGH, eps):
                text = became.source() if hasattr(became, "source") else became
                raise RewriteError(f"{jaxpr}\nbecame\n{text}\nwhich gives {a!r}, not {e!r}")


def _is_dot(walk, atom):
    eqn = walk.made.get(atom)
    return eqn is not None and isinstance(eqn.primitive, DotGeneral)


def _is_array(x):
    return isinstance(x, np.ndarray | np.generic | bool | int | float | complex)


def _is_tame(x):
    return not _is_array(x) or bool(np.all(np.abs(x) < 100))


def _small(x):
    return x if _is_array(x) and np.size(x) <= LARGEST else UNKNOWN


def _plain(x):
    """A result as programs have them: without axes, a scalar."""
    return x[()] if isinstance(x, np.ndarray) and not x.ndim else _small(x)
