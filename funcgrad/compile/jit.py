"""Floor 6: `jit`. Trace once a signature, compile, and from then on call the compiled program."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from .. import tree
from ..control.call import Call
from ..core.backend import backend_named
from ..core.ir import Jaxpr
from ..core.trace import Tracer, apply, aval_of, run, trace
from ..errors import ArgumentError, FuncgradError, trim
from ..ops.convert import Convert
from . import numpy_source as numpy_source  # registers the backend
from .signature import Signature, StaticArguments, traced_aval

__all__ = ["CacheInfo", "Jitted", "jit"]

_MOST = 256
"""How many compiled programs a jitted function keeps."""


class CacheInfo(NamedTuple):
    """What a jitted function has compiled.

    Attributes:
        misses: How often it was traced.
        maxsize: How many programs it keeps.
        currsize: How many it has.
    """

    misses: int
    maxsize: int
    currsize: int


class Traced:
    """One program of a jitted function.

    Attributes:
        jaxpr: The program, captured values first.
        captured: Their values.
        treedef: The structure of the arguments; held because its id is in the key.
        result: The structure of the result.
        constants: The result's leaves that are no numbers, by position.
    """

    __slots__ = ("_program", "backend", "captured", "constants", "jaxpr", "result", "treedef")

    def __init__(self, f: Callable[..., Any], signature: Signature, backend: Any) -> None:
        self.treedef = signature.treedef
        self.constants: dict[int, Any] = {}
        self.backend = backend
        self._program: Any = None

        def flat(*tracers: Any) -> list[Any]:
            args, kwargs = signature.rebuild(tracers)
            leaves, self.result = tree.flatten(f(*args, **kwargs))
            found: list[Any] = []
            for i, leaf in enumerate(leaves):
                if isinstance(leaf, bool) or traced_aval(leaf) is not None:
                    found.append(_strong(leaf))
                else:
                    self.constants[i] = leaf
            return found

        name = getattr(f, "__name__", type(f).__name__)
        self.jaxpr, self.captured = trace(flat, signature.avals, name=name)

    @property
    def outer(self) -> list[Tracer]:
        """The captured tracers of transforms around it."""
        return [x for x in self.captured if isinstance(x, Tracer)]

    def program(self) -> Any:
        """The compiled program, of the traced leaves."""
        if self._program is None:
            self._program = self.backend.compile(self.jaxpr, self.captured)
        return self._program

    def unflatten(self, results: Iterable[Any]) -> Any:
        """The result from the program's results."""
        if self.constants:
            each = iter(results)
            count = self.result.num_leaves
            results = [
                self.constants[i] if i in self.constants else next(each) for i in range(count)
            ]
        return tree.unflatten(self.result, results)


def _strong(x: Any) -> Any:
    """A result: strong, for a result's 0-d arrays are NumPy scalars."""
    aval = aval_of(x)
    if not aval.weak:
        return x
    return Convert(aval.dtype, False)(x) if isinstance(x, Tracer) else aval.dtype.type(x)


class Jitted:
    """A compiled function, made by `jit`."""

    __wrapped__: Callable[..., Any]

    def __init__(self, f: Callable[..., Any], options: dict[str, Any]) -> None:
        functools.update_wrapper(self, f, updated=())
        self._options = options
        self._static = StaticArguments(
            f, options.get("static_argnums", ()), options.get("static_argnames", ())
        )
        self._backend = backend_named(options.get("backend"))
        self._inline = options.get("inline", False)
        self._programs: dict[Any, Traced] = {}
        self._traces = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            signature = self._signature(args, kwargs)
            traced = self._traced(signature)
            values = signature.values
            if traced.outer or any(isinstance(v, Tracer) for v in values):
                operands = [*traced.captured, *values]
                if self._inline:
                    return traced.unflatten(run(traced.jaxpr, operands))
                return traced.unflatten(apply(Call(traced.jaxpr), operands, None))
        except FuncgradError as error:
            raise trim(error) from error.__cause__
        return traced.unflatten(traced.program()(*values))

    def _signature(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Signature:
        return Signature(*self._static.split(args, kwargs))

    def _traced(self, signature: Signature) -> Traced:
        """The program for a signature, from the cache or by tracing."""
        found = self._programs.get(signature.key)
        if found is not None and not any(x.frame.closed for x in found.outer):
            return found
        self._traces += 1
        found = Traced(self.__wrapped__, signature, self._backend)
        while len(self._programs) >= _MOST:
            self._programs.pop(next(iter(self._programs)), None)
        self._programs[signature.key] = found
        return found

    def jaxpr(self, *args: Any, **kwargs: Any) -> Jaxpr:
        """The program for arguments of these types."""
        return self._traced(self._signature(args, kwargs)).jaxpr

    def cache_info(self) -> CacheInfo:
        """How many programs it has compiled."""
        return CacheInfo(self._traces, _MOST, len(self._programs))

    def clear_cache(self) -> None:
        """Forget all compiled programs."""
        self._programs = {}

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"jit({getattr(self.__wrapped__, '__qualname__', self.__wrapped__)})"

    def __reduce__(self) -> Any:
        found: Any = sys.modules.get(getattr(self, "__module__", None) or "")
        name = getattr(self, "__qualname__", "")
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is self:
            return name
        return _rebuild, (self.__wrapped__, self._options)


def _rebuild(f: Callable[..., Any], options: dict[str, Any]) -> Jitted:
    return Jitted(f, options)


def jit(
    f: Callable[..., Any] | None = None,
    *,
    static_argnums: int | Iterable[int] = (),
    static_argnames: str | Iterable[str] = (),
    donate_argnums: int | Iterable[int] = (),
    donate_argnames: str | Iterable[str] = (),
    backend: str | None = None,
    inline: bool = False,
) -> Any:
    """Compile a function of arrays.

    At the first call with arguments of new types ``f`` runs once on tracers, which records its
    program; the program is simplified and compiled, and later calls run it without ``f``.

    Args:
        f: The function; it must not depend on anything but its arguments, for what it closes over
            is part of the program as it was when traced.
        static_argnums: Positions of arguments whose *values* are part of the program; each new
            value is traced anew. They must be hashable.
        static_argnames: The same by name.
        donate_argnums: Positions of arguments that the caller will not use again, whose memory may
            be used for results.
        donate_argnames: The same by name.
        backend: The name of the backend; by default the preferred one.
        inline: Inside another transform, record the program's equations in the place of a call.

    Returns:
        A function of the same arguments.

    Raises:
        ArgumentError: Where ``f`` cannot be called, or the options do not fit it.

    >>> @jit
    ... def f(x, y):
    ...     return x * y + 1.0
    >>> f(2.0, 3.0)
    np.float64(7.0)
    """
    options: dict[str, Any] = {
        "static_argnums": static_argnums,
        "static_argnames": static_argnames,
        "donate_argnums": donate_argnums,
        "donate_argnames": donate_argnames,
        "backend": backend,
        "inline": inline,
    }
    if f is None:
        return functools.partial(jit, **options)
    if not callable(f):
        raise ArgumentError(
            f"jit: expected a function, got {type(f).__name__}",
            "Write jit(f)(x): compile the function, then call it.",
        )
    return Jitted(f, options)
