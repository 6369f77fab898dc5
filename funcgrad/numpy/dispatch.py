"""How NumPy's own functions reach funcgrad, and what those say that do not.

`implements` registers the counterpart of a NumPy function. ``np.sum(tracer)`` comes to it through
``__array_function__``; ``funcgrad.numpy.sum``, which `implements` returns, comes to it directly,
looks into lists for tracers, and calls NumPy's own function where there is none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from types import NotImplementedType
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ..core.trace import ScalarTracer, Tracer
from ..errors import PASSING, NotTraceableError, trim
from .modules import MODULE_OF, load, load_all

__all__ = [
    "IMPLEMENTED",
    "counterpart_of",
    "has_tracer",
    "implements",
    "not_traceable",
    "refuse",
    "register",
]

P = ParamSpec("P")
R = TypeVar("R")

IMPLEMENTED: dict[Any, Callable[..., Any]] = {}
"""For each NumPy function that has a counterpart in a module that is loaded, the counterpart."""

_TRACERS = frozenset({Tracer, ScalarTracer})


def implements(
    *functions: Any, more: Sequence[str] = ()
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare the decorated function the counterpart of NumPy's.

    The counterpart has NumPy's parameters under NumPy's names, is called where a tracer is among
    the arguments (in a list too), and refuses what it does not take with `refuse`. In its place the
    module holds a function with NumPy's signature and documentation that calls the counterpart
    where a tracer is among the arguments and NumPy's own function elsewhere. That function pickles
    by reference, so its name in the module must be the decorated function's.

    Args:
        *functions: The NumPy function, and others that do the same.
        more: Parameters that NumPy's function does not have; where one is given the counterpart is
            called, tracers or not.
    """
    genuine = functions[0]

    def decorate(counterpart: Callable[P, R]) -> Callable[P, R]:
        for function in functions:
            IMPLEMENTED[function] = counterpart

        def public(*args: Any, **kwargs: Any) -> Any:
            for a in args:
                kind = type(a)
                if kind in _TRACERS or ((kind is list or kind is tuple) and has_tracer(a)):
                    return counterpart(*args, **kwargs)
            if kwargs:
                for a in kwargs.values():
                    kind = type(a)
                    if kind in _TRACERS or ((kind is list or kind is tuple) and has_tracer(a)):
                        return counterpart(*args, **kwargs)
            return genuine(*args, **kwargs)

        PASSING.add(public.__code__)
        public = _taking(more, counterpart, public) if more else public
        public.__name__ = counterpart.__name__
        public.__qualname__ = counterpart.__qualname__
        public.__module__ = counterpart.__module__
        public.__doc__ = "\n\n".join(
            [doc for doc in (counterpart.__doc__, genuine.__doc__) if doc is not None]
        )
        public.__wrapped__ = genuine  # type: ignore[attr-defined]
        return public

    return decorate


def _taking(
    more: Sequence[str], counterpart: Callable[..., Any], public: Callable[..., Any]
) -> Any:
    def extended(*args: Any, **kwargs: Any) -> Any:
        if kwargs and (not kwargs.keys().isdisjoint(more) or kwargs.get("mode") == "fill"):
            return counterpart(*args, **kwargs)
        return public(*args, **kwargs)

    PASSING.add(extended.__code__)
    return extended


def register(function: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare the decorated function, which takes arrays too, the counterpart of NumPy's.

    Unlike `implements` it leaves the function as it is: for functions that do more than NumPy's.
    """

    def decorate(counterpart: Callable[P, R]) -> Callable[P, R]:
        IMPLEMENTED[function] = counterpart
        return counterpart

    return decorate


def counterpart_of(function: Any) -> Callable[..., Any] | None:
    """The counterpart of a NumPy function, or None; loads the module that it stands in."""
    counterpart = IMPLEMENTED.get(function)
    if counterpart is None:
        name = name_of(function)
        if name.startswith("scipy.special."):
            load("special")  # enters handlers of ufuncs
            return None
        home = MODULE_OF.get(name.removeprefix("numpy.").partition(".")[0])
        if home is not None:
            load(home)
            counterpart = IMPLEMENTED.get(function)
    return counterpart


def has_tracer(value: Any) -> bool:
    """Whether ``value`` is a tracer, or a list or tuple with one in it, however deep."""
    stack = [value]
    while stack:
        v = stack.pop()
        kind = type(v)
        if kind in _TRACERS:
            return True
        if kind is list or kind is tuple:
            stack.extend(v)
    return False


def _array_function(
    self: Tracer,
    func: Callable[..., Any],
    types: Sequence[type],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Any | NotImplementedType:
    """NumPy's protocol (NEP 18): ``func`` was called with a tracer among its arguments."""
    try:
        counterpart = IMPLEMENTED.get(func) or counterpart_of(func)
        if counterpart is not None:
            return counterpart(*args, **kwargs)
        if any(t not in _TRACERS and not issubclass(t, np.ndarray) for t in types):
            return NotImplemented
        raise not_traceable(func)
    except Exception as error:
        trim(error)
        raise


Tracer.__array_function__ = _array_function  # type: ignore[attr-defined]


def name_of(function: Any) -> str:
    """The name that users know a NumPy function by: ``numpy.linalg.norm``."""
    name = getattr(function, "__name__", str(function))
    module = getattr(function, "__module__", None)
    if module is None:  # SciPy's ufuncs do not say where they are from, nor do NumPy's before 2.2
        theirs = getattr(sys.modules.get("scipy.special._ufuncs"), name, None) is function
        module = "scipy.special" if theirs else "numpy"
    return f"{module}.{name.lstrip('_')}"


def not_traceable(function: Any) -> NotTraceableError:
    """The error for a NumPy function without counterpart, naming what to use instead."""
    from .advice import ADVICE

    name = name_of(function)
    advice = ADVICE.get(name.removeprefix("numpy."))
    if advice is None:
        near = nearest_name(name)
        advice = (
            (f"The nearest that can be traced is {near}. " if near else "")
            + "Where no gradient passes, compute it before the transform; else write it with "
            "numpy functions that can be traced."
        )
    return NotTraceableError(f"{name} has no counterpart that can be traced", advice)


def nearest_name(name: str) -> str | None:
    """The covered NumPy function whose name is nearest to ``name``, if one is near."""
    import difflib

    load_all()
    last = name.rpartition(".")[2]
    covered = {name_of(f).rpartition(".")[2]: name_of(f) for f in list(IMPLEMENTED)}
    found = difflib.get_close_matches(last, sorted(covered), n=1, cutoff=0.8)
    return covered[found[0]] if found else None


def refuse(name: str, **given: Any) -> None:
    """Raise where a parameter that a counterpart does not take was given.

    Args:
        name: The NumPy function, as ``"sum"``.
        **given: The parameters; None stands for not given.

    Raises:
        NotTraceableError: Naming the first that was given.
    """
    for parameter, value in given.items():
        if value is None:
            continue
        if parameter == "out":
            fix = "Leave out= away and use the result: a traced value cannot be written into."
        else:
            fix = f"Leave {parameter}= away; funcgrad.numpy.{name} does not take it."
        raise NotTraceableError(
            f"numpy.{name}: {parameter}= cannot be used with a traced value", fix
        )
