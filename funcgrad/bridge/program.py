"""A traced program as a function of JAX's arrays, compiled by `jax.jit`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core.ir import Jaxpr
from ..core.residuals import StepResidualsAval
from ..core.source_info import line_of
from ..core.trace import Tracer
from ..errors import ArgumentError, DtypeError
from . import rules
from .checks import Checks, Site
from .replay import Options, Replay

__all__ = ["Program"]

_ = rules  # loaded, they are declared


class Program:
    """A program of funcgrad's, replayed by JAX.

    What it captured is not part of the compiled program, but its first arguments.

    Attributes:
        options: How it is replayed.
        sites: What can fail, once it was called.
        host: The primitives that run on the host, once it was called.
        raised: The exceptions of functions on the host, newest last.
    """

    def __init__(
        self, jaxpr: Jaxpr, captured: Sequence[Any], options: Options, checks: bool
    ) -> None:
        if any(isinstance(x, Tracer) for x in captured):
            raise ArgumentError(
                f"{options.what}: the function closes over a traced value of a transform around it",
                "Pass it as an argument, or put the transform inside: to_jax(grad(f)).",
            )
        self.options, self.host = options, set[str]()
        self.sites: list[Site] = []
        self.raised: list[Exception] = []
        self._jaxpr = jaxpr
        # Copies: what JAX is handed on a CPU it may take as it is, and the owner may write to it.
        self._captured = [np.array(x) if isinstance(x, np.ndarray) else x for x in captured]
        self._arrays = [i for i, x in enumerate(captured) if isinstance(x, np.ndarray)]
        self._on_device: list[Any] | None = None
        self._wide = _wide_line(jaxpr)
        name = f"funcgrad_{jaxpr.name}"
        self._checks = checks

        def replay(arrays: Sequence[Any], values: Sequence[Any]) -> tuple[list[Any], Any]:
            captured = list(self._captured)
            for i, x in zip(self._arrays, arrays, strict=True):
                captured[i] = x
            replay = Replay(options, Checks() if checks else None, self.raised)
            found = replay.run(jaxpr, [*captured, *values])
            self.host |= replay.host
            if replay.checks is None:
                return found, None
            if not self.sites:
                self.sites = replay.checks.sites
            return found, replay.checks.code

        replay.__name__ = replay.__qualname__ = "".join([c if c.isalnum() else "_" for c in name])
        self._compiled = jax.jit(replay)

    def __call__(self, values: Sequence[Any]) -> tuple[list[Any], Any]:
        """The results, and the code of what failed, None where nothing can.

        Raises:
            DtypeError: The program has 64-bit values and JAX has them switched off.
        """
        if self._wide is not None and not jax.config.jax_enable_x64:  # type: ignore[attr-defined]
            what, line = self._wide
            raise DtypeError(
                f"{self.options.what}: the program has {what}{f', at {line}' if line else ''}, and "
                "JAX's 64-bit types are switched off: it would compute in 32 bits and say nothing",
                'Write jax.config.update("jax_enable_x64", True) first, or call it in '
                "`with jax.enable_x64(True):`; or make the values float32 and int32.",
            )
        return self._compiled(self.arrays(), list(values))

    def arrays(self) -> list[Any]:
        """What it captured, on the device."""
        if self._on_device is None:
            with jax.ensure_compile_time_eval():
                self._on_device = [jnp.array(self._captured[i]) for i in self._arrays]
        return self._on_device


def _wide_line(jaxpr: Jaxpr) -> tuple[str, str] | None:
    """The first value of 64 bits that is no Python number, and its line; None without any."""
    for v in jaxpr.inputs:
        if _is_wide(v.aval):
            return str(v.aval), ""
    for eqn in jaxpr.equations:
        for v in eqn.outputs:
            if _is_wide(v.aval):
                return f"{eqn.primitive.name} of type {v.aval}", line_of(eqn.source_info)
        for _, body in eqn.primitive.bodies():
            found = _wide_line(body)
            if found is not None:
                return found
    return None


def _is_wide(aval: Any) -> bool:
    while isinstance(aval, StepResidualsAval):
        aval = aval.entry
    return not aval.weak and aval.dtype in (np.float64, np.complex128, np.int64, np.uint64)
