"""The backend ``jit(f, backend="jax")``: NumPy in and out, JAX's engine between, checks on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.backend import Executable, Profile, register
from ..core.ir import Jaxpr
from . import require

require.jax('jit(f, backend="jax")')

import jax  # noqa: E402
import numpy as np  # noqa: E402

from .program import Program  # noqa: E402
from .replay import Options  # noqa: E402

__all__ = ["JaxBackend"]

_FIRST_BOUND, _GROWTH = 64, 8
"""The bound on the steps of loops that leave residuals, and by what it grows where it is passed."""


class JaxExecutable(Executable):
    """A program on JAX's engine.

    Attributes:
        function: Takes and gives NumPy's arrays and scalars.
    """

    def __init__(self, jaxpr: Jaxpr, constants: Sequence[Any]) -> None:
        super().__init__(self._run)
        self._jaxpr, self._constants = jaxpr, list(constants)
        self._effect = jaxpr.effect
        self._scalars = [not aval.shape for aval in jaxpr.out_avals]
        self._bound = _FIRST_BOUND
        self._program = self._replayed()

    def _replayed(self) -> Program:
        options = Options("jit", self._bound)
        return Program(self._jaxpr, self._constants, options, True)

    @property
    def calls_numpy(self) -> bool:
        """Nothing of NumPy's runs that warns."""
        return False

    def _run(self, *args: Any) -> tuple[Any, ...]:
        program = self._program
        try:
            with jax.enable_x64(True):
                results, code = program(args)
                # Copies, which are the caller's own and writeable.
                found = [np.array(x) for x in results]
                number = 0 if code is None else int(code)
                if self._effect:
                    jax.effects_barrier()
        except Exception:
            if program.raised:
                raise program.raised.pop() from None
            raise
        if number:
            site = program.sites[number - 1]
            if not site.bound:
                raise site.error()
            self._bound *= _GROWTH
            self._program = self._replayed()
            return self._run(*args)
        return tuple([x[()] if s else x for x, s in zip(found, self._scalars, strict=True)])

    def located(self, error: Exception) -> Exception:
        """The exception itself, which has the user's line."""
        return error


class JaxBackend:
    """Programs on JAX's engine, by XLA.

    Slices and vectors stay whole: what costs there is not how many operations there are.
    """

    name = "jax"
    profile = Profile(dot_length=0, element_length=0, stack_length=0)

    def supports(self, primitive: Any) -> bool:
        return True

    def compile(
        self,
        jaxpr: Jaxpr,
        constants: Sequence[Any] = (),
        *,
        owned: bool = True,
        names: Sequence[str] = (),
        weak: Sequence[bool] = (),
    ) -> Executable:
        return JaxExecutable(jaxpr, constants)


register(JaxBackend())
