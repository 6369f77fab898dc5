"""Calls of functions that have rules of their own: arguments, results, and their leaves.

The rules of such a function take its arguments in its own order, defaults filled in; keyword-only
ones come by name. Of the leaves, tracers and arrays are operands; Python's numbers and all other
objects are passed on as they are, so an ``axis=0`` stays an int also where it is compiled.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ... import tree
from ...core.ir import Aval
from ...core.source_info import place_of
from ...core.trace import Tracer, aval_of
from ...errors import ArgumentError, DtypeError, FuncgradError, ShapeError, StructureError
from ...ops.convert import convert
from ...ops.select import stop_gradient
from ..program.trace_body import is_python_number

__all__ = [
    "Arguments",
    "Result",
    "RuleSignature",
    "Whose",
    "lock",
    "numbers_like",
    "pair_of",
    "spread",
]


def is_array(leaf: Any) -> bool:
    """Whether a leaf is a tracer or an array of numbers."""
    if isinstance(leaf, np.ndarray):
        return leaf.dtype.kind in "biufc"
    return isinstance(leaf, Tracer)


class Whose:
    """``"custom_vjp: bwd() at train.py:12"``, put into words where an error asks for it."""

    __slots__ = ("_end", "_f", "_what")

    def __init__(self, what: str, f: Callable[..., Any], end: str = "") -> None:
        self._what, self._f, self._end = what, f, end

    def __str__(self) -> str:
        return f"{self._what}: {place_of(self._f)}{self._end}"


class Arguments:
    """The arguments of one call.

    Attributes:
        labels: What errors call them, one an argument.
        keywords: The names of the last ones, which are keyword-only.
        nondiff: The positions of arguments through which no derivative passes.
        leaves: All leaves, in the order of the arguments.
        treedef: The structure of the list of arguments.
        operands: The positions of those leaves that are operands: tracers and arrays by default.
        fixed: The positions of the leaves of nondiff arguments.
        exact: For each operand whether no derivative passes: nondiff arguments, integers.
    """

    __slots__ = (
        "exact",
        "fixed",
        "keywords",
        "labels",
        "leaves",
        "nondiff",
        "operands",
        "treedef",
    )

    def __init__(
        self,
        values: Sequence[Any],
        labels: Sequence[str],
        keywords: Sequence[str],
        nondiff: Sequence[int],
        is_operand: Callable[[Any], bool] = is_array,
    ) -> None:
        self.labels, self.keywords, self.nondiff = labels, keywords, nondiff
        leaves, self.treedef = tree.flatten(list(values))
        owners = [path[0].key for path in self.treedef.paths()] if nondiff else ()
        self.fixed = fixed = [i for i, owner in enumerate(owners) if owner in nondiff]
        for i in fixed:
            if isinstance(leaves[i], Tracer):
                leaves[i] = stop_gradient(leaves[i])
        self.leaves = leaves
        self.operands = [i for i, leaf in enumerate(leaves) if is_operand(leaf)]
        self.exact = [i in fixed or not aval_of(leaves[i]).inexact for i in self.operands]

    @property
    def values(self) -> list[Any]:
        """The operands."""
        return [self.leaves[i] for i in self.operands]

    @property
    def constants(self) -> list[Any]:
        """The leaves that are no operands."""
        operands = set(self.operands)
        return [leaf for i, leaf in enumerate(self.leaves) if i not in operands]

    def rebuild(self, values: Sequence[Any]) -> list[Any]:
        """The arguments with other operands."""
        leaves = list(self.leaves)
        for i, value in zip(self.operands, values, strict=True):
            leaves[i] = value
        return tree.unflatten(self.treedef, leaves)

    def tangents(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Tangents of all arguments, from those of the operands.

        Zeros stand at floats that are no operands, None at what carries no derivative.
        """
        leaves: list[Any] = [np.float64(0.0) if _is_float(leaf) else None for leaf in self.leaves]
        for i in self.fixed:
            leaves[i] = None
        for i, value in zip(self.operands, values, strict=True):
            leaves[i] = value
        return tuple(tree.unflatten(self.treedef, leaves))

    def call(self, f: Callable[..., Any], values: Sequence[Any]) -> Any:
        """``f`` of the arguments with other operands."""
        args = self.rebuild(values)
        count = len(args) - len(self.keywords)
        return f(*args[:count], **dict(zip(self.keywords, args[count:], strict=True)))

    def drop(self) -> None:
        """Let go of the operands, which may be large."""
        for i in self.operands:
            self.leaves[i] = None

    def label(self, leaf: int) -> str:
        """What errors call a leaf: ``argument params['w']``."""
        owner, *rest = self.treedef.paths()[leaf]
        return f"argument {self.labels[owner.key]}{tree.path_string(rest)}"

    def spread(self, entries: Any, rule: Callable[..., Any], what: str) -> list[Any]:
        """What a rule returned for the arguments, one entry an argument, as one entry an operand.

        Args:
            entries: A tuple with an entry for each argument: a pytree of its structure, in which
                None stands for zeros.
            rule: The rule, for errors.
            what: The kind of function, for errors.

        Raises:
            StructureError: Where there is not one entry an argument, or one has another structure.
            DtypeError: For an entry of what is not differentiated.
        """
        count = len(self.labels)
        if not isinstance(entries, (tuple, list)) or len(entries) != count:
            got = f"{len(entries)} of them" if isinstance(entries, (tuple, list)) else "no tuple"
            raise StructureError(
                f"{what}: {place_of(rule)} must return a tuple with {count} "
                f"entr{'y' if count == 1 else 'ies'}, one for each argument "
                f"({', '.join(self.labels)}), and returned {got}",
                "Return a tuple in the order of the arguments, with None where there is no "
                "gradient.",
            )
        found: list[Any] = []
        for label, entry, treedef in zip(self.labels, entries, self.treedef.children, strict=True):
            if treedef is tree.LEAF:
                found.append(entry)
            else:
                found += spread(entry, treedef, Whose(what, rule, f" for {label}"), label)
        operands = dict.fromkeys(self.operands)
        for i, entry in enumerate(found):
            if entry is not None and i not in operands and not _is_float(self.leaves[i]):
                raise DtypeError(
                    f"{what}: {place_of(rule)} returned a gradient for {self.label(i)}, which is "
                    f"of type {type(self.leaves[i]).__name__}",
                    "Return None there.",
                )
        return [found[i] for i in self.operands]


def _is_float(leaf: Any) -> bool:
    return isinstance(leaf, (float, complex, np.inexact))


def spread(entry: Any, treedef: tree.TreeDef, what: Whose, other: str) -> list[Any]:
    """The leaves of ``entry``, whose structure is ``treedef``, None standing for any part of it."""
    if entry is None:
        return [None] * treedef.num_leaves
    if treedef is tree.LEAF:
        return [entry]
    try:
        return tree.flatten_up_to(treedef, entry, str(what), other)
    except StructureError:
        spread = tree.flatten_prefix(entry, treedef, str(what), other)
        given = [leaf for leaf in tree.leaves(entry) if leaf is not None]
        if len(given) != sum(leaf is not None for leaf in spread):
            raise
        return spread


class RuleSignature:
    """How a function takes its arguments, and which of them are not differentiated.

    Args:
        f: The function.
        nondiff_argnums: Positions, counted from 0.
        nondiff_argnames: Names.
        what: The kind of function, for errors.

    Raises:
        ArgumentError: Where ``f`` is no function or has no such arguments.
    """

    __slots__ = ("_f", "_names", "_parameters", "_simple")

    def __init__(
        self,
        f: Callable[..., Any],
        nondiff_argnums: int | Iterable[int],
        nondiff_argnames: str | Iterable[str],
        what: str,
    ) -> None:
        if not callable(f):
            raise ArgumentError(
                f"{what}: expected a function, got {type(f).__name__}",
                f"Write @{what} above the function's definition.",
            )
        self._f = f
        self._parameters = signature_of(f)
        parameters = self._parameters.parameters.values()
        positional = [p for p in parameters if p.kind <= p.POSITIONAL_OR_KEYWORD]
        self._simple = [p.name for p in positional] if len(positional) == len(parameters) else None
        numbers = (nondiff_argnums,) if type(nondiff_argnums) is int else tuple(nondiff_argnums)  # type: ignore[arg-type]
        names = (nondiff_argnames,) if type(nondiff_argnames) is str else tuple(nondiff_argnames)
        known = self._parameters.parameters
        wrong = [n for n in numbers if type(n) is not int or not 0 <= n < len(positional)]
        if wrong or any(name not in known for name in names):
            raise ArgumentError(
                f"{what}: {place_of(f)} has no argument {wrong[0] if wrong else names!r}; its "
                f"arguments are {', '.join(known) or 'none'}",
                'Name them, as in nondiff_argnames=("n",).',
            )
        self._names = {*names, *[positional[n].name for n in numbers]}

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """The arguments of a call, defaults included.

        Raises:
            TypeError: As a plain call does.
        """
        if self._simple is not None and not kwargs and len(args) == len(self._simple):
            nondiff = [i for i, name in enumerate(self._simple) if name in self._names]
            return Arguments(args, self._simple, (), nondiff)
        try:
            bound = self._parameters.bind(*args, **kwargs)
        except TypeError:
            self._f(*args, **kwargs)
            raise
        bound.apply_defaults()
        values: list[Any] = []
        labels: list[str] = []
        keywords: list[str] = []
        nondiff: list[int] = []
        for name, p in self._parameters.parameters.items():
            given = bound.arguments[name]
            start = len(values)
            if p.kind is p.VAR_POSITIONAL:
                values += given
                labels += [f"{name}[{i}]" for i in range(len(given))]
            elif p.kind is p.VAR_KEYWORD:
                values += given.values()
                labels += given
                keywords += given
            else:
                values.append(given)
                labels.append(name)
                if p.kind is p.KEYWORD_ONLY:
                    keywords.append(name)
            if name in self._names:
                nondiff += range(start, len(values))
        return Arguments(values, labels, keywords, nondiff)


def _anything(*args: Any, **kwargs: Any) -> None: ...


def signature_of(f: Callable[..., Any]) -> inspect.Signature:
    """The arguments that a call of ``f`` may give, and its rules take.

    What `functools.partial` has bound is part of the function, and a ufunc's options, as ``out``
    and ``where``, are not among its operands.
    """
    if isinstance(f, np.ufunc):
        names = ["x"] if f.nin == 1 else [f"x{i + 1}" for i in range(f.nin)]
        positional = inspect.Parameter.POSITIONAL_ONLY
        return inspect.Signature([inspect.Parameter(name, positional) for name in names])
    if isinstance(f, functools.partial) and isinstance(f.func, np.ufunc):
        return inspect.Signature([*signature_of(f.func).parameters.values()][len(f.args) :])
    try:
        found = inspect.signature(f)
    except (TypeError, ValueError):
        found = inspect.signature(_anything)
    if not isinstance(f, functools.partial):
        return found
    free = [p for name, p in found.parameters.items() if name not in f.keywords]
    return found.replace(parameters=free)


class Result:
    """What a function or a rule returned: its numbers, and all else.

    Python's integers are passed on as they are, so that a size stays a size.

    Attributes:
        treedef: The structure.
        leaves: All leaves.
        numbers: The positions of the numbers.
    """

    __slots__ = ("leaves", "numbers", "treedef")

    def __init__(self, result: Any) -> None:
        self.leaves, self.treedef = tree.flatten(result)
        self.numbers = [
            i
            for i, leaf in enumerate(self.leaves)
            if is_python_number(leaf) and type(leaf) not in (int, bool)
        ]

    def take(self) -> list[Any]:
        """The numbers, once: they may be large, and are not kept here."""
        found = [self.leaves[i] for i in self.numbers]
        for i in self.numbers:
            self.leaves[i] = None
        return found

    def rebuild(self, values: Sequence[Any]) -> Any:
        """The result with other numbers."""
        leaves = list(self.leaves)
        for i, value in zip(self.numbers, values, strict=True):
            leaves[i] = value
        return tree.unflatten(self.treedef, leaves)

    def with_none(self, values: Sequence[Any]) -> Any:
        """The structure with ``values`` for the numbers and None for other leaves."""
        leaves: list[Any] = [None] * len(self.leaves)
        for i, value in zip(self.numbers, values, strict=True):
            leaves[i] = value
        return tree.unflatten(self.treedef, leaves)

    def label(self, number: int) -> str:
        """What errors call a number: ``the result['w']``."""
        return self.label_of(self.numbers[number])

    def label_of(self, leaf: int) -> str:
        """What errors call a leaf."""
        return f"the result{tree.path_string(self.treedef.paths()[leaf])}"


def pair_of(result: Any, rule: Callable[..., Any], what: str, parts: str) -> tuple[Any, Any]:
    """The two parts of what a rule returned.

    Raises:
        StructureError: Where it is no pair.
    """
    if not isinstance(result, tuple) or len(result) != 2:
        got = f"a tuple of {len(result)}" if isinstance(result, tuple) else type(result).__name__
        raise StructureError(
            f"{what}: {place_of(rule)} must return a pair {parts}, got {got}",
            f"Return {parts}.",
        )
    return result


def numbers_like(
    values: Sequence[Any], avals: Sequence[Aval], labels: Callable[[int], str], whose: Whose
) -> list[Any]:
    """Tangents or cotangents that a rule returned, brought to the types that they must have.

    Args:
        values: What was returned, None for zeros.
        avals: The types of the values that they go with.
        labels: What errors call them, by position.
        whose: What returned them, for errors.

    Returns:
        The values, None where a value that carries no derivative is asked for.

    Raises:
        ShapeError: For another shape; naming the leaf and both types.
        DtypeError: For another kind of number, or for what is no number.
    """
    found: list[Any] = []
    for i, (value, aval) in enumerate(zip(values, avals, strict=True)):
        found.append(None if value is None else _number_like(value, aval, labels, i, whose))
    return found


def _number_like(value: Any, aval: Aval, labels: Any, i: int, whose: Whose) -> Any:
    try:
        given = aval_of(value)
    except FuncgradError as error:
        raise DtypeError(
            f"{whose} returned a {type(value).__name__} for {labels(i)}, which is {aval}",
            "Return an array of that type, or None for zeros.",
        ) from error
    if not aval.inexact:
        raise DtypeError(
            f"{whose} returned {given} for {labels(i)}, which is {aval} and carries no derivative",
            "Return None there.",
        )
    if given.shape != aval.shape:
        raise ShapeError(
            f"{whose} returned {given} for {labels(i)}, which is {aval}",
            f"Return the shape {aval.shape}; where the function broadcasts, sum over the axes "
            "that it adds.",
        )
    if not given.weak and not given.inexact:
        raise DtypeError(
            f"{whose} returned {given} for {labels(i)}, which is {aval}",
            f"Convert it with astype(numpy.{aval.dtype.name}).",
        )
    if given.dtype.kind == "c" and aval.dtype.kind != "c":
        raise DtypeError(
            f"{whose} returned {given} for {labels(i)}, which is {aval}",
            "Return its real part.",
        )
    if type(value) in (float, int, complex, bool):
        return aval.dtype.type(value)
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value[()]
    return convert(value, aval.dtype)


def lock(x: Any) -> Any:
    """``x``, for a rule to read: it is kept for others, and writing to it would change theirs."""
    if isinstance(x, np.ndarray):
        x = x.view()
        x.flags.writeable = False
    return x
