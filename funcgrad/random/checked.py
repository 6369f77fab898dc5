"""`checked`, which finds keys that are used twice.

A frame whose tracers are the keys. It computes as plain NumPy does and takes note of each key that
is drawn from or split; programs that reach it as one operation (jit, loops, branches) are run with
a note at each draw inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from .. import tree
from ..api.transformed import Transformed, require_function
from ..core.ir import Aval, Equation, Jaxpr
from ..core.primitive import Primitive
from ..core.record import AbstractFrame
from ..core.refusal import raise_leaked
from ..core.source_info import SourceInfo, line_of
from ..core.trace import Frame, Tracer, apply, aval_of
from ..errors import ArgumentError, KeyReuseError
from ..ops.random import FOLD, SPLIT, Binomial, LogGamma, Poisson, RandomBits

__all__ = ["checked", "watch"]

_WATCHING: ContextVar[tuple[KeyFrame, ...]] = ContextVar("funcgrad_watched_keys", default=())


class KeyFrame(Frame):
    """Takes note of the keys that are used, by value."""

    __slots__ = ("programs", "uses")

    def __init__(self) -> None:
        super().__init__("random.checked")
        self.uses: dict[bytes, str] = {}
        self.programs: dict[int, tuple[Jaxpr, Jaxpr]] = {}

    def lift(self, key: Any) -> Any:
        """A tracer for an array of words."""
        return self.tracer(key, aval_of(key))

    def process(self, primitive: Any, args: Sequence[Any], source_info: SourceInfo | None) -> Any:
        source_info = self.here(source_info)
        values = [a.value if isinstance(a, Tracer) and a.frame is self else a for a in args]
        if _uses_up(primitive):
            self.note(primitive, _value(values[0]), source_info)
        out = apply(self.watching(primitive).hand_on(values), values, source_info)
        if primitive.multiple:
            return tuple([self._lift_words(value) for value in out])
        return self._lift_words(out)

    def _lift_words(self, value: Any) -> Any:
        # Words alone can be keys; what is drawn comes out as it is.
        words = getattr(value, "dtype", None) == np.uint64 and np.ndim(value) > 0
        return self.lift(value) if words else value

    def concrete(self, tracer: Tracer, use: str) -> Any:
        if self.closed:
            raise_leaked(self, tracer)
        return tracer.value

    def note(self, primitive: Any, keys: Any, source_info: SourceInfo | None) -> None:
        """Take note of the use of each of an array of keys.

        Raises:
            KeyReuseError: One was used before.
        """
        if keys is None:
            return
        split = isinstance(primitive, RandomBits) and primitive.use == SPLIT
        use = f"{'split' if split else 'drawn from'} at {line_of(source_info) or 'an unknown line'}"
        for words in np.reshape(keys, (-1, 2)):
            before = self.uses.setdefault(words.tobytes(), "")
            if before:
                raise KeyReuseError(
                    f"random.checked: the key {words.tolist()} was used twice: it was {before}, "
                    f"and {use}",
                    "Split it, first, second = random.split(key), and use each part once.",
                )
            self.uses[words.tobytes()] = use

    def watching(self, primitive: Any) -> Any:
        """``primitive``, with notes in the programs that it holds."""
        # What is computed again was noted where it was computed first.
        if not primitive.multiple or primitive.recomputes:
            return primitive
        return primitive.with_bodies(self._program)

    def _program(self, jaxpr: Jaxpr) -> Jaxpr:
        known = self.programs.get(id(jaxpr))
        if known is None:
            equations = [
                Equation(self._with_note(eqn), eqn.inputs, eqn.outputs, eqn.source_info)
                for eqn in jaxpr.equations
            ]
            same = all(a.primitive is b.primitive for a, b in zip(jaxpr.equations, equations))
            found = (
                jaxpr
                if same
                else Jaxpr(jaxpr.inputs, equations, jaxpr.outputs, jaxpr.captured, jaxpr.name)
            )
            known = self.programs[id(jaxpr)] = jaxpr, found
        return known[1]

    def _with_note(self, eqn: Equation) -> Any:
        primitive = eqn.primitive
        if _uses_up(primitive):
            return Noted(primitive, self, eqn.source_info)
        return self.watching(primitive)


def _uses_up(primitive: Any) -> bool:
    if isinstance(primitive, RandomBits):
        return primitive.use != FOLD
    return isinstance(primitive, Binomial | LogGamma | Poisson)


def _value(key: Any) -> Any:
    """What a key stands for at the bottom of older frames, None where there is no value."""
    while isinstance(key, Tracer):
        key = key.value
    return key


class Noted(Primitive):
    """A draw within a program; when it is run, its key is noted first."""

    draw: Any
    frame: Any
    source_info: SourceInfo | None
    name, effect, foreign = "noted", True, True
    fields = ("draw", "frame", "source_info")

    @property
    def discrete(self) -> bool:  # type: ignore[override]
        return self.draw.discrete

    def run(self, *operands: Any) -> Any:
        self.frame.note(self.draw, operands[0], self.source_info)
        return self.draw.run(*operands)

    def aval(self, *avals: Aval) -> Any:
        return self.draw.aval(*avals)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return self.draw.jvp(out, operands, tangents)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        return self.draw.vjp(ct, out, operands, wanted, masked)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        # The draw's own rule, with this in place of the draw.
        return type(self.draw).vmap(self, size, batched, operands)


def watch(key: Any) -> Any:
    """``key``, as a tracer of the innermost `checked` if there is one."""
    watching = _WATCHING.get()
    if not watching:
        return key
    frame = watching[-1]
    inner = key
    while isinstance(inner, Tracer):
        if inner.frame is frame:
            return key
        inner = inner.value
    return frame.lift(key) if inner is not None and not isinstance(key, Tracer) else key


def checked(f: Callable[..., Any]) -> Callable[..., Any]:
    """``f``, in which no key may be used twice.

    A key is used by each function that draws from it, and by `split`; `fold_in` leaves it for other
    numbers. Keys are compared by value, so that one made twice from a seed counts too. Inside of
    ``f`` draws within `jit`, loops, branches and `vmap` are seen.

    Args:
        f: A function of pytrees. It runs on values, so `checked` stands outside of `jit`.

    Returns:
        A function of the same arguments with the same results.

    Raises:
        KeyReuseError: Naming the two places.
        ArgumentError: It is called while `jit` traces.

    >>> import funcgrad.random as random
    >>> def f(key):
    ...     first, second = random.split(key)
    ...     return random.normal(first) + random.normal(second)
    >>> float(checked(f)(random.key(0))) == float(f(random.key(0)))
    True
    """
    require_function(f, "random.checked")

    def call(*args: Any, **kwargs: Any) -> Any:
        leaves, treedef = tree.flatten((args, kwargs))
        if any(isinstance(x, Tracer) and isinstance(x.frame, AbstractFrame) for x in leaves):
            raise ArgumentError(
                "random.checked: keys are compared by value, and while jit traces there is none",
                "Write random.checked(jit(f)) in place of jit(random.checked(f)).",
            )
        frame = KeyFrame()
        outer = _WATCHING.get()
        try:
            _WATCHING.set((*outer, frame))
            given, named = tree.unflatten(treedef, [frame._lift_words(x) for x in leaves])
            out, out_treedef = tree.flatten(f(*given, **named))
            return tree.unflatten(
                out_treedef,
                [x.value if isinstance(x, Tracer) and x.frame is frame else x for x in out],
            )
        finally:
            _WATCHING.set(outer)
            frame.closed = True

    return Transformed(call, checked, f, {})
