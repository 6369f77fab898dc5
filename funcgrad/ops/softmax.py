"""The last steps of softmax, log-softmax and log-sum-exp, with slopes that do not cancel.

Each is a function of ``x``; the further operands, ``e = exp(x - top)`` and what was made of it,
only spare the work, and derivatives are by ``x``. For softmax ``s`` the derivative is
``s (t - sum(s t))``, for its logarithm ``t - sum(s t)``. Where one ``s`` is near 1, ``1 - s`` is
the sum of the others: `Deviation` and its transpose `Balance` are computed so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.ir import Aval
from ..core.primitive import Primitive, primitive
from .kernels import array as array_kernels
from .kinds import add, mask_mul, mul, neg
from .linear import broadcast_to, everywhere, make, reshape, shape_of
from .reduce import expand, sum_over

__all__ = ["label_loss", "log_normalised", "log_sum_exp", "log_total", "normalised"]

Axes = tuple[int, ...]


def _product(masked: bool) -> Any:
    return mask_mul if masked else mul


class _Along(Primitive):
    """Along ``axes``, of operands with as many axes."""

    axes: tuple[int, ...]
    passes_mask = True

    def aval(self, *avals: Aval) -> Aval:
        return avals[0].strong()

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        axes = tuple([axis + 1 for axis in self.axes])
        return type(self)(axes, *self.parameters()[1:])(*everywhere(size, batched, operands))

    def _total(self, x: Any) -> Any:
        """The sum of ``x`` along the axes, at each of its places."""
        shape = shape_of(x)
        return broadcast_to(expand(sum_over(x, self.axes), shape, self.axes), shape)


@primitive
class Deviation(_Along):
    """``t - sum(s * t)`` for weights ``s`` that sum to 1; ``masked`` products are masked."""

    axes: tuple[int, ...]
    masked: bool
    numpy = array_kernels.deviation

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        _, s = operands
        t, moved = tangents
        found = None if t is None else self(t, s)
        if moved is not None:
            # The weights still sum to 1: what is added to all ``t`` alike does not count.
            turned = neg(self._total(_product(self.masked)(moved, out)))
            found = turned if found is None else add(found, turned)
        return found

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        _, s = operands
        ct_t = make(Balance, self.axes)(ct, s) if wanted[0] else None
        ct_s = neg(_product(masked or self.masked)(self._total(ct), out)) if wanted[1] else None
        return ct_t, ct_s


@primitive
class Balance(_Along):
    """``c - s * sum(c)`` for weights ``s`` that sum to 1: it sums to 0."""

    axes: tuple[int, ...]
    numpy = array_kernels.balance

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        c, s = operands
        t, moved = tangents
        found = None if t is None else self(t, s)
        if moved is not None:
            turned = neg(mul(self._total(c), moved))
            found = turned if found is None else add(found, turned)
        return found

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        c, s = operands
        ct_c = Deviation(self.axes, masked)(ct, s) if wanted[0] else None
        ct_s = neg(_product(masked)(self._total(c), ct)) if wanted[1] else None
        return ct_c, ct_s


@primitive
class Normalised(_Along):
    """The softmax ``e / total`` of ``x``."""

    axes: tuple[int, ...]
    numpy = "{1} / {2}"

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        t = tangents[0]
        return None if t is None else mul(Deviation(self.axes, False)(t, out), out)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        moved = Deviation(self.axes, masked)(ct, out)
        return _product(masked)(moved, out), None, None


@primitive
class LogNormalised(_Along):
    """The logarithm of the softmax of ``x``, ``shifted - log(total)``."""

    axes: tuple[int, ...]
    numpy = "{1} - {2}"

    def _softmax(self, operands: Sequence[Any]) -> Any:
        x, _, _, e, total = operands
        return make(Normalised, self.axes)(x, e, total)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        t = tangents[0]
        return None if t is None else Deviation(self.axes, False)(t, self._softmax(operands))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        found = make(Balance, self.axes)(ct, self._softmax(operands))
        return found, None, None, None, None


@primitive
class Shares(Normalised):
    """`Normalised` of what may have entries of inf, which are all there is then."""

    numpy = "shares({1}, {2}, {axes})"

    def run(self, x: Any, e: Any, total: Any) -> Any:
        return array_kernels.shares(e, total, self.axes)


@primitive
class LogSumExp(_Along):
    """``log + top``, the logarithm of the sum of ``exp(x)``: its derivative is the softmax."""

    axes: tuple[int, ...]
    numpy = "{1} + {2}"

    def aval(self, *avals: Aval) -> Aval:
        return avals[1].strong()

    def _softmax(self, operands: Sequence[Any]) -> Any:
        x, _, _, e, total = operands
        return make(Shares, self.axes)(x, e, total)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        t = tangents[0]
        if t is None:
            return None
        found = sum_over(mul(self._softmax(operands), t), self.axes)
        return reshape(found, shape_of(out))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        return _product(masked)(ct, self._softmax(operands)), None, None, None, None


@primitive
class LabelLoss(Primitive):
    """``log - picked``, the negative logarithm of the softmax of each row at its label."""

    numpy, passes_mask = "{2} - {3}", True

    def aval(self, *avals: Aval) -> Aval:
        return avals[2].strong()

    def _excess(self, operands: Sequence[Any]) -> Any:
        x, labels, _, _, e, total = operands
        return excess(make(Normalised, (len(shape_of(x)) - 1,))(x, e, total), labels)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        t = tangents[0]
        if t is None:
            return None
        return sum_over(mul(self._excess(operands), t), (len(shape_of(t)) - 1,))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        found = _product(masked)(reshape(ct, (*shape_of(ct), 1)), self._excess(operands))
        return found, None, None, None, None, None

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*everywhere(size, batched, operands))


@primitive
class Excess(Primitive):
    """Rows ``s``, which sum to 1 and move so, less the rows of the identity that labels say."""

    numpy, passes_mask, saves = array_kernels.excess, True, False

    def aval(self, s: Aval, labels: Aval) -> Aval:
        return s.strong()

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return tangents[0]

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        return ct, None

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*everywhere(size, batched, operands))


@primitive
class LogTotal(_Along):
    """``log(total)`` for the total of ``e``, of which the largest is 1; read for its value only."""

    axes: tuple[int, ...]
    numpy, discrete, saves = array_kernels.log_total, True, False

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return None

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        return None, None


excess = Excess()


def normalised(x: Any, e: Any, total: Any, axes: Axes) -> Any:
    """`Normalised`; ``total`` has the axes of ``x``, with length 1."""
    return make(Normalised, axes)(x, e, total)


def log_normalised(x: Any, shifted: Any, log: Any, e: Any, total: Any, axes: Axes) -> Any:
    """`LogNormalised`; ``log`` and ``total`` have the axes of ``x``, with length 1."""
    return make(LogNormalised, axes)(x, shifted, log, e, total)


def log_total(total: Any, e: Any, axes: Axes) -> Any:
    """`LogTotal`; ``total`` has the axes of ``e``, with length 1."""
    return make(LogTotal, axes)(total, e)


def log_sum_exp(x: Any, log: Any, top: Any, e: Any, total: Any, axes: Axes) -> Any:
    """`LogSumExp`; ``log``, ``top`` and ``total`` have the axes of ``x``, with length 1."""
    return make(LogSumExp, axes)(x, log, top, e, total)


def label_loss(x: Any, labels: Any, log: Any, picked: Any, e: Any, total: Any) -> Any:
    """`LabelLoss` of rows ``x``: ``log`` and ``picked`` have a number for each, ``total`` a row."""
    return LabelLoss()(x, labels, log, picked, e, total)
