"""Optimizers made of optimizers: one after the other, one for each group, one for some leaves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..errors import ArgumentError
from .base import Optimizer, check_state, inner_value, maker, shown, value_at
from .leaves import mask_of

__all__ = [
    "ChainState",
    "InjectHyperparamsState",
    "MaskedState",
    "PartitionState",
    "chain",
    "freeze",
    "inject_hyperparams",
    "labels_by_path",
    "masked",
    "multi_transform",
    "partition",
]


class ChainState(NamedTuple):
    """The state of a `chain`.

    What its parts have, such as ``learning_rate``, is an attribute of it too, of the first part
    that has it.

    Attributes:
        states: The states of its parts, in order.
    """

    states: tuple[Any, ...]

    @property
    def step(self) -> Any:
        """The number of updates made, of the first part that counts them."""
        return self._first("step")

    @property
    def learning_rate(self) -> Any:
        """The rate that the next update will use, of the first part that has one."""
        return self._first("learning_rate")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._first(name)

    def _first(self, name: str) -> Any:
        for state in self.states:
            found = getattr(state, name, None)
            if found is not None:
                return found
        raise AttributeError(f"no part of this chain has a {name}")


def _require(called: str, *optimizers: Any) -> None:
    wrong = [one for one in optimizers if not isinstance(one, Optimizer)]
    if not optimizers or wrong:
        raise ArgumentError(
            f"{called}: expected one or more optimizers, got {shown(wrong[0]) if wrong else '()'}",
            "Write chain(clip_by_global_norm(1.0), adam(1e-3)) for example.",
        )


@maker
def chain(*optimizers: Optimizer) -> Optimizer:
    """Optimizers one after the other: each takes the updates of the one before as its gradient.

    Args:
        *optimizers: At least one. The last is usually one that descends, such as `adam`; the others
            change the gradient, such as `clip_by_global_norm`.

    Returns:
        An `Optimizer` with the state `ChainState`.

    Raises:
        ArgumentError: There is no optimizer, or an argument is not one.

    >>> from funcgrad import optim
    >>> opt = optim.chain(optim.clip_by_global_norm(1.0), optim.sgd(0.1))
    >>> opt
    chain(clip_by_global_norm(max_norm=1.0), sgd(learning_rate=0.1, momentum=None, nesterov=False))
    >>> updates, state = opt.update(np.array([30.0, 40.0]), opt.init(np.zeros(2)))
    >>> updates, state.learning_rate
    (array([-0.06, -0.08]), np.float64(0.1))
    """
    _require("chain", *optimizers)

    def init(params: Any) -> ChainState:
        return ChainState(tuple([one.init(params) for one in optimizers]))

    def update(grads: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, ChainState]:
        check_state("chain", state, ChainState)
        if len(state.states) != len(optimizers):
            raise ArgumentError(
                f"chain: the state is of a chain of {len(state.states)}, and this one has "
                f"{len(optimizers)} parts",
                "Make the state anew with opt.init(params).",
            )
        states: list[Any] = []
        for one, own in zip(optimizers, state.states, strict=True):
            grads, own = one.update(grads, own, params, **extra)
            states.append(own)
        return grads, ChainState(tuple(states))

    return Optimizer(init, update)


class MaskedState(NamedTuple):
    """The state of `masked` and `freeze`.

    What the inner state has, such as ``learning_rate``, is an attribute of it too.

    Attributes:
        inner: The state of the optimizer inside, of the leaves that it gets.
    """

    inner: Any

    __getattr__ = inner_value


def _hide(x: Any, flags: Sequence[bool], params: Any, what: str) -> Any:
    """A pytree of the structure of ``params`` with None where not flagged."""
    treedef = tree.structure(params)
    leaves = tree.flatten_up_to(treedef, x, what, "params")
    return tree.unflatten(treedef, [v if on else None for v, on in zip(leaves, flags, strict=True)])


def _take_turns(
    flags: Sequence[bool], chosen: Any, others: Sequence[Any], params: Any
) -> list[Any]:
    """Leaf by leaf ``chosen``, a pytree that was hidden, where flagged, else ``others``."""
    leaves = tree.flatten_up_to(tree.structure(params), chosen, "the updates", "params")
    return [a if on else b for a, b, on in zip(leaves, others, flags, strict=True)]


@maker
def masked(inner: Optimizer, mask: Any) -> Optimizer:
    """An optimizer for some of the leaves; the others' gradients pass as they are.

    Args:
        inner: The optimizer.
        mask: A pytree of bools, or a function from the parameters to one.

    Returns:
        An `Optimizer` with the state `MaskedState`.

    >>> from funcgrad import optim
    >>> opt = optim.masked(optim.scale(-1.0), {"w": True, "b": False})
    >>> opt.update({"w": 1.0, "b": 1.0}, opt.init({"w": 0.0, "b": 0.0}))[0]
    {'w': np.float64(-1.0), 'b': 1.0}
    """
    _require("masked", inner)
    return _some("masked", inner, lambda params: mask_of("masked", mask, params), True)


@maker
def freeze(inner: Optimizer, frozen: Any) -> Optimizer:
    """An optimizer that leaves some parameters as they are.

    Args:
        inner: The optimizer of the others.
        frozen: Which: a regular expression that is searched for in their paths (``"layers.0.w"``),
            a pytree of bools, or a function from the parameters to one.

    Returns:
        An `Optimizer` with the state `MaskedState`; frozen parameters have the update None.

    >>> from funcgrad import optim
    >>> opt = optim.freeze(optim.sgd(0.1), "embed")
    >>> params = {"embed": np.ones(2), "head": np.ones(2)}
    >>> opt.step(params, params, opt.init(params))[0]
    {'embed': array([1., 1.]), 'head': array([0.9, 0.9])}
    """
    _require("freeze", inner)

    def kept(params: Any) -> list[bool]:
        if isinstance(frozen, str):
            pattern = re.compile(frozen)
            return [pattern.search(path) is None for path in _paths(params)]
        return [not on for on in mask_of("freeze", frozen, params) or ()]

    return _some("freeze", inner, kept, False)


def _some(called: str, inner: Optimizer, flags_of: Callable[[Any], Any], passes: bool) -> Optimizer:
    def init(params: Any) -> MaskedState:
        return MaskedState(inner.init(_hide(params, flags_of(params), params, called)))

    def update(grads: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, MaskedState]:
        check_state(called, state, MaskedState)
        like = grads if params is None else params
        flags = flags_of(like)
        hidden = _hide(grads, flags, like, f"{called}: the gradient")
        shown_ = None if params is None else _hide(params, flags, like, called)
        updates, own = inner.update(hidden, state.inner, shown_, **extra)
        treedef = tree.structure(like)
        rest = tree.flatten_up_to(treedef, grads, f"{called}: the gradient", "params")
        rest = rest if passes else [None] * len(rest)
        return tree.unflatten(treedef, _take_turns(flags, updates, rest, like)), MaskedState(own)

    return Optimizer(init, update)


def _paths(params: Any) -> list[str]:
    """The path of each leaf in words: ``"layers.0.w"``."""
    return [".".join([str(entry.key) for entry in path]) for path in tree.structure(params).paths()]


def labels_by_path(*rules: tuple[str, Hashable], default: Hashable = None) -> Callable[[Any], Any]:
    """Labels for `partition`: by regular expressions that are searched for in a leaf's path.

    Args:
        *rules: Pairs of a regular expression and a label; the first that fits counts. A path reads
            ``"layers.0.w"``.
        default: The label where none fits; by default that is an error.

    Returns:
        A function from the parameters to a pytree of labels.

    Raises:
        ArgumentError: When it is called, where a leaf has no label.

    >>> labels_by_path((r"bias$", "none"), default="decay")({"bias": 1.0, "w": 2.0})
    {'bias': 'none', 'w': 'decay'}
    """
    compiled = [(re.compile(pattern), label) for pattern, label in rules]

    def labels(params: Any) -> Any:
        found: list[Any] = []
        for path in _paths(params):
            label = next((label for p, label in compiled if p.search(path)), default)
            if label is None:
                raise ArgumentError(
                    f"labels_by_path: no rule fits the parameter {path}",
                    'Add a rule for it, or a default: labels_by_path(..., default="rest").',
                )
            found.append(label)
        return tree.unflatten(tree.structure(params), found)

    return labels


class PartitionState(NamedTuple):
    """The state of `partition`.

    Attributes:
        inner: The states of the groups, by label.
    """

    inner: dict[Any, Any]


@maker
def partition(transforms: Mapping[Any, Optimizer], param_labels: Any) -> Optimizer:
    """An optimizer for each group of parameters.

    Args:
        transforms: The optimizers, by label.
        param_labels: The label of each parameter: a pytree of labels of the structure of the
            parameters or a prefix of it, or a function from the parameters to one
            (`labels_by_path` makes one from regular expressions).

    Returns:
        An `Optimizer` with the state `PartitionState`.

    Raises:
        ArgumentError: A label has no optimizer.

    >>> from funcgrad import optim
    >>> groups = {"slow": optim.sgd(0.01), "fast": optim.sgd(1.0), "none": optim.set_to_zero()}
    >>> opt = optim.partition(groups, {"w": "slow", "b": "fast", "c": "none"})
    >>> params = {"w": 1.0, "b": 1.0, "c": 1.0}
    >>> opt.update(params, opt.init(params))[0]
    {'w': np.float64(-0.01), 'b': np.float64(-1.0), 'c': np.float64(0.0)}
    """
    if not isinstance(transforms, Mapping):
        raise ArgumentError(
            f"partition: expected a dict of optimizers by label, got {type(transforms).__name__}",
            'Write partition({"slow": sgd(0.01), "fast": adam(0.1)}, labels), for example.',
        )
    _require("partition", *transforms.values())

    def labels_of(params: Any) -> list[Any]:
        found = param_labels(params) if callable(param_labels) else param_labels
        labels = tree.flatten_prefix(found, params, "partition: the labels", "params")
        unknown = [label for label in labels if label not in transforms]
        if unknown:
            raise ArgumentError(
                f"partition: the label {unknown[0]!r} has no optimizer",
                f"The labels are: {', '.join(map(repr, transforms))}.",
            )
        return labels

    def init(params: Any) -> PartitionState:
        labels = labels_of(params)
        states = {
            label: one.init(_hide(params, [x == label for x in labels], params, "partition"))
            for label, one in transforms.items()
        }
        return PartitionState(states)

    def update(
        grads: Any, state: Any, params: Any = None, **extra: Any
    ) -> tuple[Any, PartitionState]:
        check_state("partition", state, PartitionState)
        like = grads if params is None else params
        labels, treedef = labels_of(like), tree.structure(like)
        updates: list[Any] = [None] * len(labels)
        states: dict[Any, Any] = {}
        for label, one in transforms.items():
            flags = [x == label for x in labels]
            hidden = _hide(grads, flags, like, "partition: the gradient")
            own_params = None if params is None else _hide(params, flags, like, "partition")
            found, states[label] = one.update(hidden, state.inner[label], own_params, **extra)
            updates = _take_turns(flags, found, updates, like)
        return tree.unflatten(treedef, updates), PartitionState(states)

    return Optimizer(init, update)


multi_transform = partition


class InjectHyperparamsState(NamedTuple):
    """The state of an optimizer that `inject_hyperparams` made.

    The hyperparameters are attributes of it too (``state.learning_rate``).

    Attributes:
        step: The number of updates made, ``np.int64``.
        hyperparams: What the next update will use, by name; a dict that may be changed between
            updates: ``state.hyperparams["learning_rate"] = 0.01``.
        inner: The state of the optimizer.
    """

    step: Any
    hyperparams: dict[str, Any]
    inner: Any

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self.hyperparams:
            return self.hyperparams[name]
        raise AttributeError(f"InjectHyperparamsState has no {name}")


def inject_hyperparams(
    inner_factory: Callable[..., Optimizer], static_args: str | Sequence[str] = ()
) -> Callable[..., Optimizer]:
    """``inner_factory``, whose numbers are kept in the state, where they may be changed.

    Args:
        inner_factory: What makes the optimizer, such as `adam`.
        static_args: Names of arguments that stay as they are.

    Returns:
        A function of the same arguments. Numbers among them, and functions of the step, become
        ``state.hyperparams``.

    >>> from funcgrad import optim
    >>> opt = optim.inject_hyperparams(optim.sgd)(learning_rate=0.1)
    >>> state = opt.init(1.0)
    >>> state.hyperparams["learning_rate"] = np.float64(0.5)
    >>> opt.update(1.0, state)[0]
    np.float64(-0.5)
    """
    signature = inspect.signature(inner_factory)
    static = {static_args} if isinstance(static_args, str) else set(static_args)
    name = getattr(inner_factory, "__name__", "inject_hyperparams")

    def make(*args: Any, **kwargs: Any) -> Optimizer:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        numbers: dict[str, Any] = {}
        for key, value in bound.arguments.items():
            plain = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            if key not in static and (plain or callable(value)):
                numbers[key] = value
        rest = {k: v for k, v in bound.arguments.items() if k not in numbers}
        functions = {k: v for k, v in numbers.items() if callable(v)}

        def inner(values: Mapping[str, Any]) -> Optimizer:
            return inner_factory(**rest, **values)

        def init(params: Any) -> InjectHyperparamsState:
            step = np.int64(0)
            values = {k: value_at(name, k, v, step) for k, v in numbers.items()}
            return InjectHyperparamsState(step, values, inner(values).init(params))

        def update(
            grads: Any, state: Any, params: Any = None, **extra: Any
        ) -> tuple[Any, InjectHyperparamsState]:
            check_state(name, state, InjectHyperparamsState)
            own = inner(state.hyperparams)
            inside = state.inner
            if hasattr(inside, "learning_rate") and "learning_rate" in state.hyperparams:
                inside = inside._replace(learning_rate=state.hyperparams["learning_rate"])
            updates, inside = own.update(grads, inside, params, **extra)
            step = state.step + 1
            values = {
                **state.hyperparams,
                **{k: value_at(name, k, v, step) for k, v in functions.items()},
            }
            return updates, InjectHyperparamsState(step, values, inside)

        return Optimizer(init, update)

    return make
