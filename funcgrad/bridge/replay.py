"""The interpreter: a program of funcgrad's, equation by equation, with JAX's operations.

An equation is evaluated by the first that there is of: a rule of `funcgrad.bridge.rules`; the
primitive's own NumPy, where that is a template or a ufunc that JAX has under its name; the programs
that it holds; its NumPy on the host. JAX sees values alone: derivatives and batches were made by
funcgrad before, so no rule of JAX's for them is asked, and kinks stay funcgrad's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..control.program.structured import Interpreter
from ..core.ir import Equation, Jaxpr, Literal, Var, live_equations
from ..core.residuals import StepResiduals, StepResidualsAval
from ..core.source_info import line_of
from ..errors import ArgumentError, InvalidJaxprError
from .checks import Checks, can_fail
from .host import call_host
from .namespace import NAMESPACE, ufunc_named
from .per_step import from_steps

__all__ = ["RULES", "Options", "Replay", "formula", "rule"]

RULES: dict[str, Callable[..., Any]] = {}
"""By the name of a primitive: ``rule(replay, equation, *operands)`` gives its result."""


def rule(*names: str) -> Callable[[Any], Any]:
    """Declare how primitives are evaluated: ``(replay, equation, *operands) -> result``."""

    def declare(f: Any) -> Any:
        for name in names:
            RULES[name] = f
        return f

    return declare


def formula(*names: str) -> Callable[[Any], Any]:
    """Declare how primitives are evaluated: ``(primitive, *operands) -> result``."""

    def declare(f: Any) -> Any:
        def evaluate(replay: Replay, eqn: Equation, *operands: Any) -> Any:
            return f(eqn.primitive, *operands)

        for name in names:
            RULES[name] = evaluate
        return f

    return declare


class Options:
    """How programs are replayed.

    Attributes:
        steps: The bound on the steps of loops that are differentiated in reverse; None for none.
        host: ``"callback"`` to run what JAX does not have on the host, ``"refuse"`` to raise.
        precision: The precision of sums of products.
        what: Who replays, as errors name it.

    Raises:
        ArgumentError: An option is none of those.
    """

    __slots__ = ("host", "precision", "steps", "what")

    def __init__(
        self,
        what: str = "to_jax",
        steps: int | None = None,
        host: str = "callback",
        precision: Any = "highest",
    ) -> None:
        if steps is not None and (type(steps) is not int or steps < 1):
            raise ArgumentError(
                f"{what}: got steps={steps!r}, and a bound on steps is a positive integer",
                "Write steps=100: no loop that is differentiated takes more.",
            )
        if host not in ("callback", "refuse"):
            raise ArgumentError(
                f"{what}: got host={host!r}",
                'Write host="callback", or host="refuse" to be told what JAX does not have.',
            )
        try:
            self.precision = lax.Precision(precision)
        except ValueError:
            raise ArgumentError(
                f"{what}: got precision={precision!r}",
                'Write precision="highest", "high" or "default".',
            ) from None
        self.what, self.steps, self.host = what, steps, host


class Replay(Interpreter):
    """One replay of a program.

    Attributes:
        options: How.
        checks: The sites, None where nothing is checked.
        host: The names of the primitives that ran on the host.
        raised: Where exceptions of functions on the host go, which XLA makes errors of its own of.
    """

    def __init__(self, options: Options, checks: Checks | None, raised: list[Exception]) -> None:
        self.options, self.checks, self.raised = options, checks, raised
        self.host: set[str] = set()
        self._lines: list[Any] = [None]

    def run(self, jaxpr: Jaxpr, args: Sequence[Any]) -> list[Any]:
        """The results of a program."""
        env: dict[Var, Any] = {}
        for v, x in zip(jaxpr.inputs, args, strict=True):
            env[v] = _admit(x, v.aval)
        for eqn in live_equations(jaxpr, jaxpr.outputs):
            operands = [
                np.asarray(a.value, _canonical(a.aval.dtype)) if isinstance(a, Literal) else env[a]
                for a in eqn.inputs
            ]
            self._lines.append(eqn.source_info or self._lines[-1])
            found = self.evaluate(eqn, operands)
            self._lines.pop()
            results = found if eqn.primitive.multiple else (found,)
            for v, x in zip(eqn.outputs, results, strict=True):
                env[v] = _checked(x, v, eqn)
        return [
            jnp.asarray(a.value, _canonical(a.aval.dtype)) if isinstance(a, Literal) else env[a]
            for a in jaxpr.outputs
        ]

    def evaluate(self, eqn: Equation, operands: Sequence[Any]) -> Any:
        """The result of an equation."""
        primitive = eqn.primitive
        found = RULES.get(primitive.name)
        if found is not None:
            return found(self, eqn, *operands)
        numpy = primitive.numpy
        if isinstance(numpy, np.ufunc):
            function = ufunc_named(numpy.__name__, operands[0].dtype)
            if function is not None:
                return function(*operands)
        elif isinstance(numpy, str):
            try:
                return _template(numpy, len(operands), primitive.fields)(primitive, *operands)
            except AttributeError:
                pass  # it names what JAX does not have
        elif primitive.interpret is not None:
            return primitive.interpret(operands, self)
        return call_host(self, eqn, operands)

    def body(self, jaxpr: Jaxpr, args: Sequence[Any], code: Any = None) -> tuple[list[Any], Any]:
        """The results of a program inside, and what failed there or before, ``code``.

        Loops end where something failed, also before them: what came of it might never end.
        """
        if self.checks is None:
            return self.run(jaxpr, args), None
        with self.checks.inside(code):
            return self.run(jaxpr, args), self.checks.code

    def failing(self, *programs: Jaxpr) -> bool:
        """Whether something in programs may fail, or may have failed before them."""
        checks = self.checks
        return checks is not None and (checks.code is not None or any(map(can_fail, programs)))

    def code(self, failing: bool) -> Any:
        """What failed so far, for a program that may fail; else None."""
        if not failing or self.checks is None:
            return None
        return np.int32(0) if self.checks.code is None else self.checks.code

    def check(self, bad: Callable[[], Any], make: Callable[[], Exception]) -> None:
        """A site, which fails where ``bad()``."""
        if self.checks is not None:
            self.checks.add_site(bad(), make, self._lines[-1])

    def check_bound(self, bad: Any, make: Callable[[], Exception]) -> None:
        """The bound of a loop's steps, which it fails to keep where ``bad``."""
        if self.checks is not None:
            self.checks.add_site(bad, make, self._lines[-1], bound=True)

    def fail(self, code: Any) -> None:
        """What failed, in a program inside or before it."""
        if self.checks is not None and code is not None:
            self.checks.code = code

    @property
    def line(self) -> str:
        """The user's line of the equation under way."""
        return line_of(self._lines[-1])

    def steps_bound(self) -> int:
        """The bound on the steps of a loop that leaves residuals.

        Raises:
            ArgumentError: There is none.
        """
        if self.options.steps is None:
            where = f", at {self.line}" if self.line else ""
            raise ArgumentError(
                f"{self.options.what}: reverse mode of a while_loop keeps what each step leaves, "
                f"and how many steps there may be is not known{where}",
                "Give a bound, as in to_jax(f, steps=100); or write a scan or fori_loop of known "
                "length.",
            )
        return self.options.steps


def _canonical(dtype: np.dtype[Any]) -> Any:
    return jax.dtypes.canonicalize_dtype(dtype)


def _admit(x: Any, aval: Any) -> Any:
    """An operand of a program as an array of its type; residuals of loops as they are."""
    if isinstance(aval, StepResidualsAval):
        return from_steps(x) if isinstance(x, StepResiduals) else x
    dtype = _canonical(aval.dtype)
    if isinstance(x, jax.Array) and x.dtype == dtype and not getattr(x, "weak_type", False):
        return x
    return jnp.asarray(x, dtype)


def _checked(x: Any, v: Var, eqn: Equation) -> Any:
    """A result, which is of the type that the program says."""
    aval = v.aval
    if isinstance(aval, StepResidualsAval):
        return x
    dtype = _canonical(aval.dtype)
    if np.shape(x) != aval.shape or x.dtype != dtype:
        raise InvalidJaxprError(
            f"bridge: {eqn.primitive} gave {x.dtype}{list(np.shape(x))} in JAX, and the program "
            f"says {aval}, at {line_of(eqn.source_info)}"
        )
    return x


@functools.lru_cache(512)
def _template(text: str, count: int, fields: tuple[str, ...]) -> Callable[..., Any]:
    """A template as a function of the primitive and its operands."""
    names = [f"x{i}" for i in range(count)]
    body = text.format(*names, **{field: f"self.{field}" for field in fields})
    return eval(f"lambda self, {', '.join(names)}: {body}", {"np": NAMESPACE})
