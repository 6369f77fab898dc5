"""The pair that an optimizer is, its hyperparameters, and how the two are made into one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeAlias

import numpy as np

from ..core.trace import Tracer
from ..errors import ArgumentError, entry
from ..tree.treedef import a
from .leaves import apply_updates, cast, map_leaves, mask_of

__all__ = [
    "NO_RATE",
    "Number",
    "Optimizer",
    "Rate",
    "check_in",
    "check_positive",
    "check_state",
    "descent",
    "maker",
    "need_params",
    "scheduled_value",
    "shown",
    "value_at",
]

P = ParamSpec("P")

Number: TypeAlias = float | Callable[[Any], Any]
"""A hyperparameter: a number, or a function from the number of updates made (an integer) to one."""
Rate: TypeAlias = Number
NO_RATE: Any = object()
"""What stands for the rate of a part of a chain that only gives the direction."""


class Optimizer(tuple[Any, Any]):
    """A pair of pure functions, ``init, update = opt``.

    It prints as the call that made it, and pickles as that where all that it was given does.

    Attributes:
        init: ``init(params)`` gives the state before the first update.
        update: ``update(grads, state, params=None)`` gives ``(updates, state)``; ``updates`` has
            the structure of ``params`` and is added to them by `apply_updates`. ``params`` may be
            left out where the optimizer does not need their values.
        call: The name and the arguments of the call that made it; None where that is not known.
    """

    call: tuple[str, Mapping[str, Any]] | None

    def __new__(
        cls,
        init: Callable[[Any], Any],
        update: Callable[..., tuple[Any, Any]],
        call: tuple[str, Mapping[str, Any]] | None = None,
    ) -> Optimizer:
        made = super().__new__(cls, (_as_entry(init), _as_entry(update)))
        made.call = call
        return made

    @property
    def init(self) -> Callable[[Any], Any]:
        """``init(params)``."""
        return self[0]

    @property
    def update(self) -> Callable[..., tuple[Any, Any]]:
        """``update(grads, state, params=None)``."""
        return self[1]

    @entry
    def step(self, params: Any, grads: Any, state: Any, **extra: Any) -> tuple[Any, Any]:
        """The parameters and the state after one update.

        Args:
            params: The parameters; they are not changed.
            grads: Their gradients.
            state: The state.
            **extra: What further arguments ``update`` takes, such as ``value=``.

        >>> from funcgrad import optim
        >>> opt = optim.sgd(0.5)
        >>> params, state = opt.step(np.ones(2), np.array([1.0, 2.0]), opt.init(np.ones(2)))
        >>> params
        array([0.5, 0. ])
        """
        updates, state = self.update(grads, state, params, **extra)
        return apply_updates(params, updates), state

    def _replace(self, **parts: Callable[..., Any]) -> Optimizer:
        """The pair with another function in the place of one, as of a NamedTuple."""
        found = {"init": self.init, "update": self.update, **parts}
        return Optimizer(found["init"], found["update"])

    def __repr__(self) -> str:
        if self.call is None:
            return f"Optimizer(init={self[0]!r}, update={self[1]!r})"
        name, arguments = self.call
        return f"{name}({', '.join([_argument(name, k, v) for k, v in arguments.items()])})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self.call is None:
            return Optimizer, tuple(self)
        return _remake, (self.call[0], dict(self.call[1]))


def _as_entry(f: Callable[..., Any]) -> Callable[..., Any]:
    return f if hasattr(f, "__entry__") else entry(f)


def _argument(name: str, key: str, value: Any) -> str:
    if key.startswith("*"):
        return ", ".join(map(repr, value))
    shown = getattr(value, "__name__", None) if callable(value) and not _prints(value) else None
    return f"{key}={shown or repr(value)}"


def _prints(value: Any) -> bool:
    return type(value).__repr__ not in (object.__repr__, type(_prints).__repr__)


_MAKERS: dict[str, Callable[..., Optimizer]] = {}


def maker(make: Callable[P, Optimizer]) -> Callable[P, Optimizer]:
    """``make`` as a function whose result knows the call that it was made by."""
    signature = inspect.signature(make)

    @functools.wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> Optimizer:
        found = make(*args, **kwargs)
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            kind = signature.parameters[name].kind
            arguments[f"*{name}" if kind is inspect.Parameter.VAR_POSITIONAL else name] = value
        for part, name in zip(found, ("init", "update"), strict=True):
            part.__module__ = "funcgrad.optim"
            part.__qualname__ = f"{make.__name__}(...).{name}"
        return Optimizer(*found, (make.__name__, arguments))

    _MAKERS[make.__name__] = made
    return made


def _remake(name: str, arguments: Mapping[str, Any]) -> Optimizer:
    positional: Sequence[Any] = ()
    named: dict[str, Any] = {}
    for key, value in arguments.items():
        if key.startswith("*"):
            positional = value
        else:
            named[key] = value
    return _MAKERS[name](*positional, **named)


def scheduled_value(state: Any, name: str) -> Any:
    """For a state's ``__getattr__``: the value that the next update uses of a hyperparameter."""
    values = None if name.startswith("_") else state.scheduled
    if values and name in values:
        return values[name]
    raise AttributeError(f"{type(state).__name__} has no {name}")


def inner_value(state: Any, name: str) -> Any:
    """For a wrapper's state's ``__getattr__``: the attribute of the state inside."""
    if name.startswith("_"):
        raise AttributeError(name)
    return getattr(state.inner, name)


def descent(
    called: str,
    kind: type[Any],
    hyper: Mapping[str, Number],
    rule: Callable[..., Callable[..., Sequence[Any]]],
    slots: Mapping[str, Callable[[Any], Any]],
    *,
    rate: Rate,
    needs_params: bool = False,
    mask: Any = None,
) -> Optimizer:
    """An optimizer whose update of each leaf depends on that leaf alone.

    Args:
        called: Its name, for messages.
        kind: Its state, a NamedTuple with the fields ``step``, ``learning_rate``, those of
            ``slots``, and ``scheduled``.
        hyper: Its hyperparameters by name, without the learning rate.
        rule: ``rule(down, t, **hyper)`` is called once an update, with the factor of the descent
            (minus the learning rate), the number t = 1, 2, ... of the update, and the
            hyperparameters; it gives ``leaf(g, p, *slots) -> (update, *slots)``.
        slots: For each of the state's own pytrees the function of the parameters that makes it; one
            that gives None stands for a slot that is not used.
        rate: The learning rate; `NO_RATE` for a part that only gives the direction, with 1 in
            the place of ``down``.
        needs_params: Whether the rule reads the values of the parameters.
        mask: Which parameters decay, of which the rule is told; see `mask_of`.
    """
    if rate is not NO_RATE:
        check_rate(called, rate)
    functions = {name: value for name, value in hyper.items() if callable(value)}
    constants = {name: value for name, value in hyper.items() if not callable(value)}

    def init(params: Any) -> Any:
        step = np.int64(0)
        made = {name: make(params) for name, make in slots.items()}
        return kind(
            step=step,
            learning_rate=None if rate is NO_RATE else rate_at(called, rate, step),
            **made,
            scheduled=_values(called, functions, step),
        )

    def update(grads: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, Any]:
        check_state(called, state, kind)
        if params is None:
            if needs_params:
                raise need_params(called)
            params = grads
        step = state.step + 1
        down = 1.0 if rate is NO_RATE else -state.learning_rate
        leaf = rule(down, step, **constants, **(state.scheduled or {}))
        used = [name for name in slots if getattr(state, name) is not None]
        given = [getattr(state, name) for name in used]
        decays = mask_of(called, mask, params)
        updates, *made = map_leaves(called, "gradient", leaf, grads, params, *given, decays=decays)
        after = state._replace(
            step=step,
            learning_rate=None if rate is NO_RATE else next_rate(called, rate, state, step),
            scheduled=_values(called, functions, step),
            **dict(zip(used, made, strict=True)),
        )
        return updates, after

    return Optimizer(init, update)


def _values(called: str, functions: Mapping[str, Any], step: Any) -> dict[str, Any] | None:
    """What the scheduled hyperparameters are at a step; None where there are none."""
    found = {name: value_at(called, name, f, step) for name, f in functions.items()}
    return found or None


def value_at(called: str, name: str, value: Number, step: Any) -> Any:
    """A hyperparameter after ``step`` updates, a float64 scalar.

    Raises:
        ArgumentError: It is no number, or a function that does not give one.
    """
    found: Any = _call(called, name, value, step) if callable(value) else value
    if not _is_real_scalar(found):
        raise ArgumentError(
            f"{called}: {name} must be a number, got {shown(found)}",
            "Write a number, or a function from the number of updates made to one.",
        )
    return cast(found, np.float64)


def _call(called: str, name: str, schedule: Callable[[Any], Any], step: Any) -> Any:
    try:
        return schedule(step)
    except TypeError as error:
        try:
            inspect.signature(schedule).bind(step)
        except TypeError:
            raise ArgumentError(
                f"{called}: the schedule of {name} does not take one argument: {error}",
                "Write a function of the number of updates made, as in lambda step: 0.1.",
            ) from None
        except ValueError:  # a function that does not tell its parameters
            raise error from None
        raise


def need_params(called: str) -> ArgumentError:
    """The error for an update that was not given the parameters."""
    return ArgumentError(
        f"{called}: update needs the parameters, and was called without them",
        "Write opt.update(grads, state, params), or params, state = opt.step(params, grads, "
        "state).",
    )


def shown(x: Any) -> str:
    """What was given in the place of an optimizer."""
    called = callable(x) and not isinstance(x, type) and hasattr(x, "__name__")
    return f"the function {x.__name__}, which is to be called" if called else repr(x)


def _is_real_scalar(x: Any) -> bool:
    if isinstance(x, Tracer):
        return x.aval.shape == () and x.aval.dtype.kind in "fiu"
    if isinstance(x, np.ndarray | np.generic):
        return x.shape == () and x.dtype.kind in "fiu"
    return isinstance(x, int | float) and not isinstance(x, bool)


def rate_at(called: str, learning_rate: Rate, step: Any) -> Any:
    """The learning rate for the update after ``step`` updates, a float64 scalar."""
    value: Any = learning_rate
    if callable(value):
        value = _call(called, "learning_rate", value, step)
    real = _is_real_scalar(value)
    if real and isinstance(value, Tracer):
        return cast(value, np.float64)
    if not real or not value >= 0:
        raise ArgumentError(
            f"{called}: the learning rate must be a number, not negative, got {value!r}",
            "Write a number such as 0.1, or a function from the step to one. "
            "Updates point downhill: to maximise, negate the cost.",
        )
    return np.float64(value)


def next_rate(called: str, learning_rate: Rate, state: Any, step: Any) -> Any:
    """The rate to keep in the state that has made ``step`` updates.

    A constant rate is carried on from the state before, so that one put there by
    ``state._replace(learning_rate=...)`` stays.
    """
    if callable(learning_rate):
        return rate_at(called, learning_rate, step)
    return state.learning_rate


def check_state(called: str, state: Any, kind: type) -> None:
    """Raise where the state of an update is something else, such as the parameters."""
    if not isinstance(state, kind):
        raise ArgumentError(
            f"{called}: update got {a(type(state).__name__)} in the place of its {kind.__name__}",
            "Write updates, state = opt.update(grads, state, params), where the first state is "
            "opt.init(params).",
        )


def check_rate(called: str, learning_rate: Rate) -> None:
    """Raise at once for a learning rate that is no number, rather than at the first `init`."""
    if not callable(learning_rate):
        rate_at(called, learning_rate, 0)


def check_in(called: str, low: float, high: float, **values: Any) -> None:
    """Raise where a hyperparameter that is no function is not in ``[low, high)``."""
    for name, value in values.items():
        if callable(value) or isinstance(value, Tracer):
            continue
        if not _is_real_scalar(value) or not low <= value < high:
            bound = f"at least {low}" if high == np.inf else f"at least {low} and less than {high}"
            raise ArgumentError(
                f"{called}: {name} must be {bound}, got {value!r}", f"See {called}."
            )


def check_positive(called: str, **values: Any) -> None:
    """Raise where a hyperparameter that is no function is not a positive number."""
    for name, value in values.items():
        if callable(value) or isinstance(value, Tracer):
            continue
        if not _is_real_scalar(value) or not 0 < value < np.inf:
            raise ArgumentError(
                f"{called}: {name} must be positive, got {value!r}", f"See {called}."
            )
