"""Why a gradient is zero: where the derivative was cut on every way from the result to it.

The evaluation is recorded operation by operation and gone through backwards, as for a gradient.
Where an operation is reached by a cotangent and hands none on, because it is discrete, its
derivative is 0 there, or what it hands on cancels, the cut is noted, and a ghost goes on from there
in place of the cotangent. A zero of the gradient was made by the cuts whose ghosts arrive at it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import tree
from ..api.gradient import grad
from ..api.leaves import describe, is_inexact
from ..compile.calls.signature import parameter_names
from ..core.residuals import StepResiduals
from ..core.source_info import SourceInfo, line_of
from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, entry
from ..ops.steps import plus
from .cuts import Cut, cut_of, depends_on
from .recording import Record, RecordingFrame, pull

__all__ = ["ZeroGradients", "Zeros", "why_zero"]

_HELPERS = frozenset(["stop_gradient", "piecewise constant", "comparison", "integer conversion"])
_REAL, _PENDING = -1, -2
"""The keys of the cotangent, and of what goes through integers and has not been named yet."""


@dataclass(frozen=True, slots=True)
class Zeros:
    """The zeros of the gradient by one array or number among the arguments.

    Attributes:
        argument: Its name: ``"params['w']"``.
        count: How many elements of the gradient are 0.
        size: How many elements there are.
        causes: What cut the derivative and how many of the zeros it explains, most first. One zero
            may have several. Empty where none of these elements is used for the result.
    """

    argument: str
    count: int
    size: int
    causes: tuple[tuple[Cut, int], ...]

    def __str__(self) -> str:
        size = "the gradient is 0" if self.size == 1 else f"{self.count} of {self.size} are 0"
        lines = [f"{self.argument}: {size}"]
        for cut, count in self.causes:
            part = "" if count == self.count else f" ({count} of these)"
            lines.append(f"    {cut}{part}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class ZeroGradients:
    """What `why_zero` found.

    Attributes:
        function: The function, as errors name it.
        zeros: One entry for each array or number whose gradient has zeros.
    """

    function: str
    zeros: tuple[Zeros, ...]

    def __str__(self) -> str:
        if not self.zeros:
            return f"why_zero: no gradient of {self.function} has a zero"
        return "\n".join([f"why_zero: zero gradients of {self.function}", *map(str, self.zeros)])

    __repr__ = __str__


@entry
def why_zero(
    f: Callable[..., Any],
    /,
    *args: Any,
    argnums: int | tuple[int, ...] | None = None,
    **kwargs: Any,
) -> ZeroGradients:
    """What cut the derivative for each gradient of ``f`` that is zero, and where.

    ``f`` is called twice, plainly: once for its gradient, and once to record what it does. Programs
    of `jit`, loops and branches are looked into.

    Args:
        f: A function whose result is a float scalar, as for `grad`.
        *args: Its arguments.
        argnums: Which arguments to look at; by default all that have floats in them.
        **kwargs: Further arguments of ``f``.

    Returns:
        For each array or number whose gradient has zeros, the cuts that made them: an unused input,
        a conversion to integers, a comparison, rounding, `stop_gradient`, a dead relu, a saturated
        function, a branch that is masked or was not taken, a product with zero, contributions that
        cancel. Printed, a cut a line.

    Raises:
        ArgumentError: ``f`` is no function, or it is called inside of a transform.
        DtypeError, ShapeError: As `grad` does.

    >>> import numpy as np
    >>> from funcgrad import nn
    >>> def loss(w, b):
    ...     return np.sum(nn.relu(w - 3.0)) + np.round(b)
    >>> print(why_zero(loss, np.array([1.0, 4.0]), 0.7))  # doctest: +ELLIPSIS
    why_zero: zero gradients of loss() ...
    w: 1 of 2 are 0
        dead relu: the input of relu is not positive, at ...
    b: the gradient is 0
        rounding: round is piecewise constant, at ...
    """
    if not callable(f):
        raise ArgumentError(
            f"why_zero: expected a function, got {type(f).__name__}",
            "Write why_zero(f, x): the function, then its arguments.",
        )
    if any(isinstance(leaf, Tracer) for leaf in tree.leaves((args, kwargs))):
        raise ArgumentError(
            "why_zero: values are looked at, and inside of a transform there are tracers",
            "Call it outside, on arrays and numbers: why_zero(grad(f), x) in place of "
            "grad(lambda x: why_zero(f, x)).",
        )
    if argnums is None:
        numbers = tuple([i for i, a in enumerate(args) if any(map(is_inexact, tree.leaves(a)))])
    else:
        numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    gradients = grad(f, argnums=numbers)(*args, **kwargs) if numbers else ()
    if not numbers:
        raise ArgumentError(
            "why_zero: no argument has a float in it",
            "Pass floats: 1.0, not 1; a gradient by an integer is not defined.",
        )
    frame = RecordingFrame("why_zero")
    inputs: list[list[Tracer]] = []
    given = list(args)
    try:
        for i in numbers:
            leaves, treedef = tree.flatten(args[i])
            lifted = [frame.lift(x) if is_inexact(x) else x for x in leaves]
            inputs.append([x for x in lifted if isinstance(x, Tracer)])
            given[i] = tree.unflatten(treedef, lifted)
        result = f(*given, **kwargs)
    finally:
        frame.closed = True
    with np.errstate(all="ignore"):
        sweep = _Sweep(frame, result)
        sweep.run()
    names, found = parameter_names(f), list[Zeros]()
    for i, traced, gradient in zip(numbers, inputs, gradients, strict=True):
        name = _name(f, names, i)
        leaves, treedef = tree.flatten(gradient)
        paths = treedef.paths()
        of_floats = [j for j, x in enumerate(leaves) if x is not None]
        for j, tracer in zip(of_floats, traced, strict=True):
            path = tree.path_string(paths[j])
            zeros = sweep.explain(f"{name}{path}", tracer, leaves[j])
            if zeros is not None:
                found.append(zeros)
    return ZeroGradients(describe(f), tuple(found))


def _without_helpers(causes: list[tuple[Cut, int]]) -> list[tuple[Cut, int]]:
    """The causes without those that only keep numbers in bounds inside of a library's function.

    What stands at one instruction is one call of the user's. A largest element that is subtracted
    before an exponential, and takes no part in the derivative, is not what it was called for.
    """
    told = [cut for cut, _ in causes if cut.cause not in _HELPERS]
    places = {cut.source_info for cut in told}
    return [(c, n) for c, n in causes if c.cause not in _HELPERS or c.source_info not in places]


def _name(f: Callable[..., Any], names: Sequence[str], number: int) -> str:
    if number < len(names):
        return names[number]
    variadic = [p.name for p in _parameters(f) if p.kind is p.VAR_POSITIONAL]
    return f"{variadic[0]}[{number - len(names)}]" if variadic else f"argument {number}"


def _parameters(f: Callable[..., Any]) -> Iterable[inspect.Parameter]:
    try:
        return inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return ()


class _Sweep:
    """The way back over a recording.

    For each value that is reached it keeps the cotangent and the ghosts of the cuts, by key.
    """

    def __init__(self, frame: RecordingFrame, result: Any) -> None:
        self._frame = frame
        self._found: dict[int, dict[int, Any]] = {}
        self._touched: dict[int, Any] = {}
        self._lost = False
        self._masked: set[int] = set()
        self._uses: set[int] = set()
        self._cuts: list[Cut] = []
        self._keys: dict[Cut, int] = {}
        self._random = np.random.default_rng(0)
        if isinstance(result, Tracer) and result.frame is frame:
            self._add(result, _REAL, result.aval.dtype.type(1))

    def run(self) -> None:
        """From the last operation to the first."""
        for record in reversed(self._frame.records):
            for a in record.args:
                if isinstance(a, Tracer):
                    self._uses.add(id(a))
            if record.primitive is None:
                self._read(record)
                continue
            signals: dict[int, list[Any]] = {}
            for i, out in enumerate(record.outs):
                self._note_cancelled(out)
                for key, signal in self._found.pop(id(out), {}).items():
                    signals.setdefault(key, [None] * len(record.outs))[i] = signal
            masked = any(id(out) in self._masked for out in record.outs)
            for key, cts in signals.items():
                self._pull(record, key, cts, masked)

    def explain(self, name: str, tracer: Tracer, gradient: Any) -> Zeros | None:
        """The zeros of a gradient, and which cuts arrive at them."""
        zero = np.asarray(gradient) == 0
        count = int(np.count_nonzero(zero))
        if not count:
            return None
        touched = self._touched.get(id(tracer), False)
        self._note_cancelled(tracer)
        causes: list[tuple[Cut, int]] = []
        unexplained = zero.copy()
        for key, ghost in self._found.get(id(tracer), {}).items():
            if key >= 0:
                hit = zero & (np.asarray(ghost) != 0)
                unexplained &= ~hit
                if hit.any():
                    causes.append((self._cuts[key], int(np.count_nonzero(hit))))
        causes = sorted(_without_helpers(causes), key=lambda cause: -cause[1])
        summed = int(np.count_nonzero(unexplained & touched))
        if summed:  # to a rounding error here, and to 0 in the gradient
            text = "the contributions of all uses of it add up to 0"
            causes.append((Cut("cancelled", text, None), summed))
        left = int(np.count_nonzero(unexplained)) - summed
        if left:
            used = id(tracer) in self._uses
            text = "the result does not depend on it" if used else "no operation uses it"
            cut = Cut("unused", text, None)
            if self._lost and used:
                cut = Cut(
                    "rule", "the way through a derivative of while_loop is not followed", None
                )
            causes.append((cut, left))
        return Zeros(name, count, zero.size, tuple(causes))

    def _pull(self, record: Record, key: int, cts: list[Any], masked: bool) -> None:
        """Hand a cotangent or a ghost from the results of an operation to its operands."""
        primitive, args = record.primitive, record.args
        wanted = [isinstance(a, Tracer) and a.aval.inexact for a in args]
        floats = [c if o.aval.inexact else None for c, o in zip(cts, record.outs, strict=True)]
        pulled = pull(record, floats, wanted, masked)
        for k, a in enumerate(args):
            if not isinstance(a, Tracer):
                continue
            if isinstance(record.values[k], StepResiduals):  # which have no elements to mark
                if key == _REAL and pulled[k] is not None:
                    self._add(a, key, pulled[k])
                self._lost = True
                continue
            reach = depends_on(record, k, cts, self._random)
            if reach is None:
                continue
            if not a.aval.inexact:
                self._ghost(a, _PENDING if key == _REAL else key, reach)
                continue
            ct = pulled[k]
            if ct is not None and key == _REAL:
                self._add(a, key, ct)
            elif ct is not None:
                self._ghost(a, key, np.asarray(ct) != 0)
            if (masked and primitive.passes_mask) or primitive.masks:
                self._masked.add(id(a))
            blocked = reach if ct is None else reach & (np.asarray(ct) == 0)
            if not blocked.any():
                continue
            for cut, where in self._name(record, k, floats, wanted, blocked):
                self._ghost(a, self._key(cut), where)
                if key >= 0:
                    self._ghost(a, key, where)

    def _name(
        self, record: Record, k: int, cts: list[Any], wanted: list[bool], blocked: Any
    ) -> Iterable[tuple[Cut, Any]]:
        """The cuts at the elements of an operand that a cotangent does not get through to."""
        # What a positive cotangent gets through to was lost by adding up.
        positive = [
            c if c is None or isinstance(c, StepResiduals) else self._like(c, np.asarray(c) != 0)
            for c in cts
        ]
        through = pull(record, positive, wanted, False)[k]
        cancelled = blocked & (through is not None and np.asarray(through) != 0)
        if cancelled.any():
            text = f"what {record.primitive.name} hands on adds up to 0"
            yield Cut("cancelled", text, record.source_info), cancelled
        rest = blocked & ~cancelled
        if rest.any():
            yield cut_of(record, k), rest

    def _read(self, record: Record) -> None:
        """What Python itself read, or a branch that was not taken would have."""
        outs = record.outs
        if outs and not any(id(out) in self._found for out in outs):
            return
        for a in record.args:
            everywhere = np.ones(a.aval.shape, bool)
            if not a.aval.inexact:
                self._ghost(a, _PENDING, everywhere)
            else:
                self._ghost(a, self._key(cut_of(record, 0)), everywhere)

    def _note_cancelled(self, tracer: Tracer) -> None:
        """Start a ghost where contributions arrived whose sum is 0."""
        found = self._found.get(id(tracer))
        touched = self._touched.pop(id(tracer), None)
        if found is None or touched is None:
            return
        gone = touched & (np.asarray(found[_REAL]) == 0)
        if gone.any():
            place: SourceInfo | None = tracer.source_info
            made = line_of(place)
            of = f"the value made at {made}" if made else "it"
            cut = Cut("cancelled", f"the contributions of all uses of {of} add up to 0", None)
            self._ghost(tracer, self._key(cut), gone)

    def _key(self, cut: Cut) -> int:
        key = self._keys.setdefault(cut, len(self._cuts))
        if key == len(self._cuts):
            self._cuts.append(cut)
        return key

    def _add(self, tracer: Tracer, key: int, ct: Any) -> None:
        found = self._found.setdefault(id(tracer), {})
        found[key] = plus(found[key], ct) if key in found else ct
        if isinstance(ct, StepResiduals):
            return
        some = np.asarray(ct) != 0
        before = self._touched.get(id(tracer))
        self._touched[id(tracer)] = some if before is None else before | some

    def _ghost(self, tracer: Tracer, key: int, where: Any) -> None:
        """Let a ghost arrive at elements of a value."""
        if np.any(where):
            found = self._found.setdefault(id(tracer), {})
            before = found.get(key)
            reach = where if before is None else where | (np.asarray(before) != 0)
            found[key] = self._like(tracer.value, reach)

    def _like(self, value: Any, where: Any) -> Any:
        """Positive random numbers where told, 0 elsewhere, of the type of a value.

        Their sums and differences do not vanish by chance, and they neither grow nor fade.
        """
        aval = aval_of(value)
        dtype = aval.dtype if aval.inexact else np.dtype(np.float64)
        drawn = np.where(where, self._random.uniform(1.0, 2.0, aval.shape), 0.0)
        return drawn.astype(dtype)[()]
