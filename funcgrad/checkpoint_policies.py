"""Policies of `checkpoint`: which values a forward pass keeps for its backward pass.

A policy is a function of an equation of the program; where it returns True the equation's results
are kept, and the backward pass does not compute them again. The names are JAX's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from ._publish import publish_all
from .core.ir import Equation
from .errors import ArgumentError

__all__ = [
    "Policy",
    "dots_saveable",
    "everything_saveable",
    "nothing_saveable",
    "save_from_both_policies",
    "save_only_these_names",
]

Policy: TypeAlias = Callable[[Equation], bool]
"""Says of an equation whether its results are kept for the backward pass."""


_PRODUCTS = ("dot_general", "convolution", "convolution_input", "convolution_kernel")


def nothing_saveable(eqn: Equation) -> bool:
    """Keep nothing but the operands: the least memory; what `checkpoint` does by itself."""
    return False


def everything_saveable(eqn: Equation) -> bool:
    """Keep every value, as without `checkpoint`."""
    return True


def dots_saveable(eqn: Equation) -> bool:
    """Keep the results of matrix products and convolutions, which cost most to compute again."""
    if not isinstance(eqn, Equation):
        raise ArgumentError(
            f"dots_saveable: expected an equation, got {type(eqn).__name__}",
            "Pass the policy itself: checkpoint(f, policy=checkpoint_policies.dots_saveable).",
        )
    return eqn.primitive.name in _PRODUCTS


def save_only_these_names(*names: str) -> Policy:
    """Keep the values that `checkpoint_name` gave one of these names.

    Args:
        *names: The names.

    >>> import numpy as np
    >>> from funcgrad import checkpoint, checkpoint_name, grad
    >>> f = lambda x: np.sin(checkpoint_name(np.exp(x), "e"))
    >>> grad(checkpoint(f, policy=save_only_these_names("e")))(0.0) == np.cos(1.0)
    np.True_
    """
    return _Names(names)


def save_from_both_policies(first: Policy, second: Policy) -> Policy:
    """Keep what either policy keeps.

    Args:
        first: A policy.
        second: Another.
    """
    return _Either(first, second)


class _Names(NamedTuple):
    """A policy; a tuple, that it compares and pickles by its names."""

    names: tuple[str, ...]

    def __call__(self, eqn: Equation) -> bool:
        return eqn.primitive.name == "name" and eqn.primitive.label in self.names


class _Either(NamedTuple):
    first: Policy
    second: Policy

    def __call__(self, eqn: Equation) -> bool:
        return self.first(eqn) or self.second(eqn)


publish_all(globals())
