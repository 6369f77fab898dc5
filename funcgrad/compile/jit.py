"""`jit`. Trace once a signature, compile, and from then on call the compiled program.

A call goes first through the entry functions that `dispatch` wrote for the signatures seen last;
what they do not recognise comes to the slow path here, which takes the arguments apart, looks for
the program, and traces where there is none. With tracers among the arguments the program becomes
one `Call` equation of the transform around it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, NamedTuple, Self, overload

from .. import tree
from .._stack import DEFAULT, POINTS, STATE, pointing
from ..control.callbacks.pure_callback import of_type
from ..control.program.call import Call
from ..control.program.draws import Draws
from ..core.backend import backend_named, explained
from ..core.portable import Portable
from ..core.record import run
from ..core.trace import Tracer, apply
from ..core.warning import warn
from ..errors import ArgumentError, entry, trim
from .calls.dispatch import entry_for
from .calls.retraces import Retraces, advice, retraces
from .calls.signature import Signature, StaticArguments
from .stages import Compiled, Lowered, Traced

__all__ = ["CacheInfo", "Compiled", "Jitted", "Lowered", "jit"]

_PROGRAMS_MOST = 256
"""How many compiled programs a jitted function keeps."""
_ENTRIES_MOST = 4
"""How many signatures have an entry function."""


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


class Jitted(Portable):
    """A compiled function, made by `jit`.

    Attributes:
        __wrapped__: The function it was made from.
    """

    __wrapped__: Callable[..., Any]

    def __new__(cls, f: Callable[..., Any], options: dict[str, Any]) -> Self:
        # Each has a class of its own, so that calling it calls its entry function and nothing else.
        own: Any = type("Jitted", (cls,), {"kind": cls})
        return super().__new__(own)

    def __init__(self, f: Callable[..., Any], options: dict[str, Any]) -> None:
        functools.update_wrapper(self, f, updated=())
        self._options = options
        numbers, names = options["static_argnums"], options["static_argnames"]
        self._static = StaticArguments(f, numbers, names)
        self._backend = backend_named(options["backend"])
        self.clear_cache()

    def clear_cache(self) -> None:
        """Forget all compiled programs."""
        self._programs: dict[Any, Traced] = {}
        self._entries: list[FunctionType] = []
        self._warned: set[str] = set()
        self._misses = 0
        self._enter(self._call)

    def _enter(self, entry: Callable[..., Any]) -> None:
        type(self).__call__ = staticmethod(entry)  # type: ignore[method-assign, assignment]

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._call(*args, **kwargs)

    def _call(self, /, *args: Any, **kwargs: Any) -> Any:
        """The slow path."""
        state = STATE.get()
        try:
            if state is not POINTS:
                STATE.set(POINTS if state is DEFAULT else pointing(state))
            signature = self._static.signature(args, kwargs)
            values = signature.values()
            traced, is_new = self._find_or_trace(signature)
            outer = traced.outer()
            if outer or any(isinstance(v, Tracer) for v in values):
                return traced.unflatten(self._bind(traced, values))
            if is_new and traced.is_long:
                return traced.interpret(values)
            if not traced.entered:
                self._add_entry(traced)
            return traced(values)
        except Exception as error:
            trim(error)
            raise
        finally:
            if state is not POINTS:
                STATE.set(state)

    def _bind(self, traced: Traced, values: list[Any]) -> Any:
        operands = [*traced.captured, *values]
        if self._options["inline"]:
            try:
                return run(traced.jaxpr, operands)
            except Exception as error:
                found = explained(error)
                if found is error:
                    raise
                raise found from None
        return apply(Call(traced.jaxpr), operands, None)

    def _find_or_trace(self, signature: Signature) -> tuple[Traced, bool]:
        """The program for a signature, and whether it was traced just now."""
        found = self._programs.get(signature.key)
        if found is not None and found.holds():
            return found, False
        self._misses += 1
        if found is None:  # otherwise the transforms that it was traced in are other ones
            self._warn_of_retraces(signature)
        draws = None if "draws" in self._warned else Draws(self.__wrapped__, "jit")
        found = Traced(self.__wrapped__, signature, self._backend)
        if draws is not None and draws.warn():
            self._warned.add("draws")
        _make_room(self._programs)
        self._programs[signature.key] = found
        return found, True

    def _warn_of_retraces(self, signature: Signature) -> None:
        kept = [traced.signature for traced in self._programs.copy().values()]
        for text in advice(signature, kept, self._warned):
            warn(f"jit: {self!r} was traced {text}")

    def _add_entry(self, traced: Traced) -> None:
        traced.entered = True
        program = traced.program
        parts = traced.signature, traced.result, traced.constants
        entry = program.entry(*parts) or entry_for(program, *parts)
        if entry is None:
            return
        # Threads at the same time may lose an entry, and never make a circle: newest come first.
        self._entries = entries = [entry, *self._entries[: _ENTRIES_MOST - 1]]
        for here, following in zip(entries, [*entries[1:], self._call], strict=True):
            here.__globals__["miss"] = following
        self._enter(entry)

    @entry
    def lower(self, /, *args: Any, **kwargs: Any) -> Lowered:
        """The program for arguments of these types.

        A `ShapeDtypeStruct` may stand in the place of an array.

        >>> print(jit(lambda x: 2.0 * x).lower(3.0))  # doctest: +ELLIPSIS
        <lambda>(a: f64*[]):
            b: f64*[] = mul 2.0 a  # ...
            c: f64[] = convert[dtype=float64, weak=False] b  # ...
            return c
        """
        args, kwargs = tree.map(of_type, (args, kwargs))
        signature = self._static.signature(args, kwargs)
        return Lowered(self._find_or_trace(signature)[0], self._static)

    @entry
    def trace(self, /, *args: Any, **kwargs: Any) -> Lowered:
        """The same as `lower`, which JAX parts in two."""
        return self.lower(*args, **kwargs)

    @entry
    def eval_shape(self, /, *args: Any, **kwargs: Any) -> Any:
        """The result for such arguments, with a `ShapeDtypeStruct` for each array and number."""
        return self.lower(*args, **kwargs).out_info

    @entry
    def source(self, /, *args: Any, **kwargs: Any) -> str:
        """The text of the function that calls with arguments of these types run."""
        return self.lower(*args, **kwargs).compile().source()

    def cache_info(self) -> CacheInfo:
        """How often it was traced, and how many programs it has."""
        return CacheInfo(self._misses, _PROGRAMS_MOST, len(self._programs))

    def retraces(self) -> Retraces:
        """The programs that it has, and for each but the first in what its call differed.

        Printed, it is one program a line; as a tuple it has ``programs``, each with ``arguments``
        and ``differences``.

        >>> import numpy as np
        >>> f = jit(lambda x, n=2: x * n)
        >>> _ = f(np.ones(3)), f(np.ones(4)), f(np.ones(4), n=3.0)
        >>> print(f.retraces())
        jit(<lambda>): 3 programs
        1. x: float64[3]
        2. x: float64[3] -> float64[4]
        3. arguments by name: none -> n
        """
        signatures = [traced.signature for traced in self._programs.copy().values()]
        return retraces(self.__wrapped__, repr(self), signatures, self._misses)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else _Bound(self, instance)

    def __repr__(self) -> str:
        return f"jit({getattr(self.__wrapped__, '__qualname__', self.__wrapped__)})"

    @staticmethod
    def empty() -> Jitted:
        """One that is to be filled."""
        return Jitted.__new__(Jitted, len, {})

    def _parts(self) -> Any:
        return self.__wrapped__, self._options

    def _fill(self, parts: Any) -> None:
        Jitted.__init__(self, *parts)


class _Bound:
    # A jitted method of an instance, which is the first argument, like any other: traced if it is a
    # pytree (a dataclass is), else static, if nothing of it may change.

    __slots__ = ("__func__", "__self__")
    __doc__ = property(lambda self: self.__func__.__doc__)  # type: ignore[assignment]

    def __init__(self, function: Jitted, instance: Any) -> None:
        self.__func__, self.__self__ = function, instance

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self.__func__(self.__self__, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.__func__, name)
        return (
            functools.partial(found, self.__self__)
            if name in ("lower", "trace", "eval_shape", "source")
            else found
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Bound)
            and self.__func__ is other.__func__
            and self.__self__ is other.__self__
        )

    def __hash__(self) -> int:
        return hash((id(self.__func__), id(self.__self__)))

    def __reduce__(self) -> Any:
        return getattr, (self.__self__, self.__func__.__wrapped__.__name__)


def _make_room(programs: dict[Any, Any]) -> None:
    """Drop the oldest programs, while other threads may be at it too."""
    while len(programs) >= _PROGRAMS_MOST:
        try:
            oldest = next(iter(programs))
        except (StopIteration, RuntimeError):
            continue
        programs.pop(oldest, None)


@overload
def jit(f: Callable[..., Any], **options: Any) -> Jitted: ...


@overload
def jit(f: None = None, **options: Any) -> Callable[[Callable[..., Any]], Jitted]: ...


@entry
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

    At the first call with arguments of new types ``f`` runs once, on tracers, which records its
    program; the program is simplified and compiled, and later calls run it without ``f``.

    Arrays and numbers among the arguments are traced. Strings, None, booleans, enum members,
    dtypes, functions and other hashable objects are static: each new value is traced anew. What
    ``f`` closes over is part of the program as it was when it was traced: docs/what-jit-freezes.md.

    The object of a jitted method is an argument too. A dataclass is traced, field by field. An
    object of another class that has attributes, and no ``__eq__``, is refused: it may change and
    be equal to what it was.

    Args:
        f: A function of pytrees. None to give options to a decorator: ``@jit(inline=True)``.
        static_argnums: Positions of arguments that are static though they are numbers, such as a
            shape or a number of steps, or though they may change, as an object with attributes:
            what they are when ``f`` is traced is frozen. They must be hashable.
        static_argnames: The same by name.
        donate_argnums: Positions of arguments that the caller will not use again, so that a backend
            may use their memory.
        donate_argnames: The same by name.
        backend: The name of the backend; by default ``"numpy"``.
        inline: Inside another transform, record the equations of ``f`` in the place of a call.

    Returns:
        A function of the same arguments, with the methods ``lower`` (``trace``), ``source``,
        ``retraces``, ``eval_shape``, ``cache_info`` and ``clear_cache``. Arrays that it returns are
        the caller's own.

    Raises:
        ArgumentError: Where ``f`` is no function or the options do not fit it; when it is called,
            where a static argument is not hashable, or may change and was not named.

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
