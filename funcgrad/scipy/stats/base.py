"""What distributions share: their arguments, their support, and the public methods.

A distribution states formulas on its support, at standardised values. Here they are applied where
the value is inside, with a point of the support in place of the others, so that no derivative
passes through numbers that do not count; invalid parameters give nan, as SciPy has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from scipy import special

from ...core.trace import aval_of
from ...errors import ArgumentError, DtypeError
from ...numpy.arguments import cast, operand
from ...numpy.dispatch import has_tracer

__all__ = ["Continuous", "Distribution", "Floating", "Formula", "is_known", "log", "real", "where"]

Floating = Any
"""An array, a number or a tracer."""

_NUMBERS = frozenset({bool, int, float})


def log(x: Any) -> Any:
    """The natural logarithm, -inf at 0 without a warning."""
    return special.xlogy(1.0, x)


def real(x: Any) -> Any:
    """``x`` in float64, or in the wider dtype that it has.

    Raises:
        DtypeError: It is complex.
    """
    x = operand(x)
    dtype = aval_of(x).dtype
    if dtype.kind not in "biuf":
        raise DtypeError(f"scipy.stats: got {aval_of(x)}", "Give real numbers.")
    return cast(x, np.promote_types(dtype, np.float64))


def where(condition: Any, x: Any, y: Any) -> Any:
    """`numpy.where`, with a scalar in place of an array of no axes."""
    value = np.where(condition, x, y)
    return value[()] if isinstance(value, np.ndarray) else value


class Distribution:
    """A family of distributions.

    Attributes:
        name: SciPy's.
        shapes: The names of its shape parameters.
        others: The names and defaults of the parameters after them.
    """

    name: ClassVar[str]
    shapes: ClassVar[tuple[str, ...]] = ()
    others: ClassVar[Mapping[str, Any]] = {}

    def __repr__(self) -> str:
        return f"<funcgrad.scipy.stats.{self.name}>"

    def parameters(self, method: str, args: Sequence[Any], given: Mapping[str, Any]) -> list[Any]:
        """The values of all parameters, shapes first.

        Raises:
            TypeError: One is missing, unknown, or given twice.
        """
        names = [*self.shapes, *self.others]
        called = f"scipy.stats.{self.name}.{method}"
        if len(args) > len(names):
            raise ArgumentError(
                f"{called}: takes at most {len(names)} parameters, got {len(args)}",
                f"The parameters are {', '.join(names) or 'none'}.",
            )
        values = {**self.others, **dict(zip(names, args, strict=False))}
        for key in given:
            if key not in names:
                from ..._keywords import near

                meant = near(key, names)
                raise ArgumentError(
                    f"{called}: got an unexpected keyword argument {key!r}",
                    (f"Write {meant}=. " if meant else "")
                    + f"The parameters are {', '.join(names) or 'none'}.",
                )
            if key in names[: len(args)]:
                raise ArgumentError(
                    f"{called}: got multiple values for argument {key!r}",
                    "Give it by position or by name.",
                )
        values.update(given)
        missing = [name for name in self.shapes if name not in values]
        if missing:
            raise ArgumentError(
                f"{called}: misses {', '.join(missing)}",
                f"The parameters are {', '.join(names)}.",
            )
        return [x if type(x) in _NUMBERS else real(x) for x in (values[name] for name in names)]

    def valid(self, *shapes: Any) -> Any:
        """Where the shape parameters are valid; by default where they are positive."""
        found: Any = True
        for shape in shapes:
            found = found & (shape > 0)
        return found


def is_known(condition: Any) -> bool:
    """Whether a condition is known to hold everywhere."""
    return not has_tracer(condition) and bool(np.all(condition))


Formula = Callable[..., Any]


class Continuous(Distribution):
    """A continuous distribution with location and scale.

    A subclass states formulas for the standard distribution, inside of its support.

    Attributes:
        low: The lower end of the support.
        high: The upper end of the support.
        middle: A point inside.
        includes_low: Whether the formulas hold at the lower end.
    """

    others: ClassVar[Mapping[str, Any]] = {"loc": 0, "scale": 1}
    low: ClassVar[float] = -math.inf
    high: ClassVar[float] = math.inf
    middle: ClassVar[float] = 1.0
    includes_low: ClassVar[bool] = True

    def _logpdf(self, y: Any, *shapes: Any) -> Any:
        raise NotImplementedError

    def _cdf(self, y: Any, *shapes: Any) -> Any:
        raise NotImplementedError

    def _sf(self, y: Any, *shapes: Any) -> Any:
        raise NotImplementedError

    def _ppf(self, q: Any, *shapes: Any) -> Any:
        raise NotImplementedError

    def _isf(self, q: Any, *shapes: Any) -> Any:
        raise NotImplementedError

    def _pdf(self, y: Any, *shapes: Any) -> Any:
        return np.exp(self._logpdf(y, *shapes))

    def _logcdf(self, y: Any, *shapes: Any) -> Any:
        return log(self._cdf(y, *shapes))

    def _logsf(self, y: Any, *shapes: Any) -> Any:
        return log(self._sf(y, *shapes))

    def pdf(self, x: Floating, *args: Any, **kwds: Any) -> Any:
        """The probability density at ``x``.

        Args:
            x: Real numbers, any shape.
            *args: The shape parameters, then ``loc=0`` and ``scale=1``; all broadcast.
            **kwds: The same by name.

        Returns:
            Of the broadcast shape; 0 outside of the support, nan for invalid parameters.
        """
        value, scale = self._standard("pdf", self._pdf, 0.0, 0.0, x, args, kwds)
        return value if scale is None else value / scale

    def logpdf(self, x: Floating, *args: Any, **kwds: Any) -> Any:
        """The logarithm of the density at ``x``, computed without it: see `pdf`."""
        value, scale = self._standard("logpdf", self._logpdf, -np.inf, -np.inf, x, args, kwds)
        return value if scale is None else value - np.log(scale)

    def cdf(self, x: Floating, *args: Any, **kwds: Any) -> Any:
        """The probability of values up to ``x``: see `pdf`."""
        return self._standard("cdf", self._cdf, 0.0, 1.0, x, args, kwds)[0]

    def logcdf(self, x: Floating, *args: Any, **kwds: Any) -> Any:
        """The logarithm of `cdf`."""
        return self._standard("logcdf", self._logcdf, -np.inf, 0.0, x, args, kwds)[0]

    def sf(self, x: Floating, *args: Any, **kwds: Any) -> Any:
        """The probability of values beyond ``x``, which does not cancel as ``1 - cdf`` does."""
        return self._standard("sf", self._sf, 1.0, 0.0, x, args, kwds)[0]

    def logsf(self, x: Floating, *args: Any, **kwds: Any) -> Any:
        """The logarithm of `sf`."""
        return self._standard("logsf", self._logsf, 0.0, -np.inf, x, args, kwds)[0]

    def ppf(self, q: Floating, *args: Any, **kwds: Any) -> Any:
        """The value below which the probability is ``q``, the inverse of `cdf`.

        Args:
            q: Probabilities; nan results where they are none.
            *args: As for `pdf`.
            **kwds: As for `pdf`.
        """
        return self._quantile("ppf", self._ppf, self.low, self.high, q, args, kwds)

    def isf(self, q: Floating, *args: Any, **kwds: Any) -> Any:
        """The value beyond which the probability is ``q``, the inverse of `sf`."""
        return self._quantile("isf", self._isf, self.high, self.low, q, args, kwds)

    def _locate(
        self, method: str, args: Sequence[Any], kwds: Mapping[str, Any]
    ) -> tuple[list[Any], Any, Any]:
        """Shapes, location and scale, nan where invalid; the scale None where it is 1."""
        *shapes, loc, scale = self.parameters(method, args, kwds)
        valid = self.valid(*shapes) & (scale > 0)
        if not is_known(valid):
            *shapes, scale = [where(valid, value, np.nan) for value in (*shapes, scale)]
            return shapes, loc, scale
        return shapes, loc, None if type(scale) in _NUMBERS and scale == 1 else scale

    def _standard(
        self,
        method: str,
        formula: Formula,
        below: float,
        above: float,
        x: Any,
        args: Sequence[Any],
        kwds: Mapping[str, Any],
    ) -> tuple[Any, Any]:
        """``formula`` at ``(x - loc) / scale`` in the support, else ``below`` and ``above``."""
        shapes, loc, scale = self._locate(method, args, kwds)
        y = real(x)
        if type(loc) not in _NUMBERS or loc != 0:
            y = y - loc
        if scale is not None:
            y = y / scale
        if self.low == -math.inf:
            return formula(y, *shapes), scale
        lower = y < self.low if self.includes_low else y <= self.low
        upper = y >= self.high if self.high == math.inf else y > self.high
        value = formula(where(lower | upper, self.middle, y), *shapes)
        if below == above:
            return where(lower | upper, below, value), scale
        return where(lower, below, where(upper, above, value)), scale

    def _quantile(
        self,
        method: str,
        formula: Formula,
        first: float,
        last: float,
        q: Any,
        args: Sequence[Any],
        kwds: Mapping[str, Any],
    ) -> Any:
        """``formula`` of probabilities strictly between 0 and 1, ``first`` at 0, ``last`` at 1."""
        shapes, loc, scale = self._locate(method, args, kwds)
        q = real(q)
        inside = (q > 0) & (q < 1)
        value = formula(where(inside, q, 0.5), *shapes)
        edge = where(q == 0, first, where(q == 1, last, np.nan))
        value = where(inside, value, edge)
        return (value if scale is None else value * scale) + loc
