"""Errors as data: what can fail in a program has a number, and the program returns the first.

XLA cannot raise. Each site, an index, a singular matrix, the bound of a loop's residuals, computes
whether it failed, and one int32 goes from site to site and through the bodies of loops and
branches. Whoever called the program reads it and raises funcgrad's error, at the user's line.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..control.program.derive import derive
from ..core.ir import Jaxpr
from ..core.source_info import SourceInfo, line_of
from ..errors import FuncgradError
from . import require

require.jax("funcgrad.bridge")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

__all__ = ["Checks", "Failure", "Site", "can_fail"]

_INDEXED = frozenset(
    {"get_item", "get_masked", "scatter", "scatter_add", "index_set", "index_add", "scatter_onto"}
)
_FAILING = frozenset(
    {"cholesky", "cond", "batched_cond", "ensure", "inv", "refuse", "solve", "solve_banded"}
    | {"solve_triangular", "while", "batched_while"}
)


def can_fail(jaxpr: Jaxpr) -> bool:
    """Whether a program, or one that it holds, has a site."""

    def find() -> bool:
        for eqn in jaxpr.equations:
            primitive = eqn.primitive
            if primitive.name in _FAILING or any(can_fail(body) for _, body in primitive.bodies()):
                return True
            if primitive.name in _INDEXED and len(eqn.inputs) > 1:
                return True
        return False

    return derive(jaxpr, "can fail", find)


class Site(NamedTuple):
    """Something that can fail.

    Attributes:
        make: Makes the error.
        line: Where the user wrote it.
        bound: Whether it is the bound on the steps of a loop.
    """

    make: Callable[[], Exception]
    line: str
    bound: bool

    def error(self) -> Exception:
        """The error, at the user's line."""
        error = self.make()
        if isinstance(error, FuncgradError):
            error.where = self.line
            error.says(error.what)
        elif self.line:
            error.add_note(f"In the program, for {self.line}.")
        return error


class Checks:
    """The sites of one program, and the number of the first that failed so far.

    Attributes:
        sites: What can fail; the number of a site is its position, counted from 1.
        code: An int32, 0 where nothing failed; None where nothing could.
    """

    def __init__(self) -> None:
        self.sites: list[Site] = []
        self.code: Any = None

    def add_site(
        self,
        bad: Any,
        make: Callable[[], Exception],
        source_info: SourceInfo | None,
        bound: bool = False,
    ) -> None:
        """A new site, which fails where ``bad``; see `Site`."""
        self.sites.append(Site(make, line_of(source_info), bound))
        code = jnp.where(bad, np.int32(len(self.sites)), np.int32(0))
        self.code = code if self.code is None else jnp.where(self.code != 0, self.code, code)

    @contextmanager
    def inside(self, code: Any) -> Generator[None]:
        """A program inside, before which ``code`` failed."""
        outer, self.code = self.code, code
        try:
            yield
        finally:
            self.code = outer


class Failure:
    """What failed first in a call of a function of `to_jax` with ``checks=True``, if anything.

    It is a pytree of one int32, so that it may come out of `jax.jit`.

    Attributes:
        code: The number of the site; 0 where nothing failed.
    """

    def __init__(self, code: Any, sites: list[Site]) -> None:
        self.code, self._sites = code, sites

    def error(self) -> Exception | None:
        """The error, None where nothing failed. It waits for the device."""
        number = int(self.code)
        return self._sites[number - 1].error() if number else None

    def throw(self) -> None:
        """Raise the error, if there is one. It waits for the device."""
        error = self.error()
        if error is not None:
            raise error

    def __repr__(self) -> str:
        return f"Failure(code={self.code})"


jax.tree_util.register_pytree_node(
    Failure,
    lambda failure: ((failure.code,), _Identity(failure._sites)),
    lambda aux, children: Failure(children[0], aux.value),
)


class _Identity:
    """Auxiliary data that is compared by identity."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)
