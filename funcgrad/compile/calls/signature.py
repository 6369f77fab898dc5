"""What a call of a jitted function is compiled for: structure, types, static values.

Arrays and numbers are *traced*, known to the program by type alone. All else is *static*, part of
the program: strings, None, booleans, enum members, dtypes, functions, other hashable objects that
are no arrays and cannot change unseen (`changing`), and the arguments that `jit` was told to take
so.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from enum import Enum
from types import CodeType
from typing import Any

import numpy as np

from ... import tree
from ...control.static_arguments import StaticNames
from ...core.ir import Aval
from ...core.plain import key_text
from ...core.source_info import place_of
from ...core.trace import Tracer, aval_of
from ...errors import ArgumentError, DtypeError
from ...tree.treedef import a, exact
from .static_values import change_of

__all__ = [
    "Difference",
    "Signature",
    "StaticArguments",
    "argument_names",
    "aval_if_traced",
    "parameter_names",
]

_STATIC = frozenset({str, bool, type(None)})
_NUMBERS = frozenset({float, int, complex})


class Difference:
    """One thing in which two calls differ.

    Attributes:
        cause: ``"structure"``, ``"shapes"``, ``"types"`` of values that are traced, ``"functions"``
            of one text, or ``"values"`` of what is static.
    """

    __slots__ = ("_one", "_other", "_position", "cause")

    def __init__(self, cause: str, one: Signature, other: Signature, position: int | None) -> None:
        self.cause, self._one, self._other, self._position = cause, one, other, position

    @property
    def label(self) -> str:
        """What differs."""
        position = self._position
        return "the structure of the arguments" if position is None else self._one.label(position)

    @property
    def own(self) -> str:
        """What it is in the one call."""
        return self._shown(self._one)

    @property
    def other(self) -> str:
        """What it is in the other."""
        return self._shown(self._other)

    def _shown(self, signature: Signature) -> str:
        if self._position is None:
            return _short(str(signature.treedef))
        return signature.shown(self._position)

    def __str__(self) -> str:
        return f"{self.label} is {self.own} and was {self.other}"


class Signature:
    """One call of a jitted function, taken apart.

    Attributes:
        treedef: The structure of ``(args, kwargs)`` without the arguments declared static.
        leaves: All leaves, in order.
        traced: The positions of the traced ones.
        avals: The types of the traced ones.
        statics: The values of the arguments declared static, by position or name.
        keywords: The names of the arguments given by name, in the order of the call.
        key: What the compiled program is kept under.
    """

    __slots__ = ("_parts", "avals", "key", "keywords", "leaves", "statics", "traced", "treedef")

    def __init__(
        self,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        statics: dict[int | str, Any],
        keywords: tuple[str, ...],
    ) -> None:
        self.leaves, self.treedef = tree.flatten((tuple(args), kwargs))
        self.statics, self.keywords = statics, keywords
        self.traced: list[int] = []
        self.avals: list[Aval] = []
        parts: list[Hashable] = []
        for i, leaf in enumerate(self.leaves):
            try:
                aval = aval_if_traced(leaf)
            except DtypeError as error:
                got = error.what.removeprefix("funcgrad: ").removesuffix(" cannot be traced")
                got = got.rstrip(",")
                raise DtypeError(
                    f"jit: {self.label(i)} is {got}, which cannot be traced", error.fix
                ) from None
            if aval is None:
                parts.append(self._static_key(leaf, i))
            else:
                parts.append(aval)
                self.traced.append(i)
                self.avals.append(aval)
        for slot, value in statics.items():
            parts.append((slot, _declared_key(slot, value)))
        # By id, because == of structures leaves the order of keys aside. Who keeps the key must
        # keep the structure.
        self._parts = tuple(parts)
        self.key: Hashable = (id(self.treedef), self._parts)

    def values(self) -> list[Any]:
        """The traced leaves, as a program takes them: of native byte order, 0-d ones scalars."""
        return [
            _admitted(self.leaves[i], aval) for i, aval in zip(self.traced, self.avals, strict=True)
        ]

    def differences(self, other: Signature) -> Iterator[Difference]:
        """In what this call differs from ``other``, argument by argument; lazily."""
        mine, theirs = self._parts, other._parts
        if self.treedef is not other.treedef or len(mine) != len(theirs):
            yield Difference("structure", self, other, None)
            return
        for position, (own, others) in enumerate(zip(mine, theirs, strict=True)):
            if own is not others and own != others:
                yield Difference(_cause(own, others, position, self, other), self, other, position)

    def differs_in(self, other: Signature, cause: str) -> bool:
        """Whether this call differs from ``other`` in nothing but ``cause``."""
        return all(difference.cause == cause for difference in self.differences(other))

    def label(self, position: int) -> str:
        """A leaf of the arguments as errors name it: ``argument 0['w']``."""
        slot, path = self.slot(position)
        return f"argument {slot!r}{tree.path_string(path)}"

    @property
    def count(self) -> int:
        """How many positions there are: leaves, and arguments declared static."""
        return len(self._parts)

    def part(self, position: int) -> Hashable:
        """What is compared at a position: a type, or what stands for a static value."""
        return self._parts[position]

    def value(self, position: int) -> tuple[int | str | None, Any]:
        """The argument declared static at a position behind the leaves, and its value.

        A leaf has no such argument: its place is None.
        """
        count = len(self.leaves)
        if position < count:
            return None, self.leaves[position]
        return list(self.statics.items())[position - count]

    def shown(self, position: int) -> str:
        """What stands at a position, in the words of an error or warning."""
        part = self._parts[position]
        if isinstance(part, Aval):
            return str(part)
        value = self.value(position)[1]
        return place_of(value) if isinstance(_code(value), CodeType) else _short(repr(value))

    def slot(self, position: int) -> tuple[int | str, tree.Path]:
        """The argument that stands at a position, or in which a leaf does, and where in it."""
        declared, _ = self.value(position)
        if declared is not None:
            return declared, ()
        of_keyword, argument, *path = self.treedef.paths()[position]
        slot = argument.key if of_keyword.key else self._number(argument.key)
        return slot, tuple(path)

    def slot_name(self, index: int, names: Sequence[str]) -> str:
        """The name of the positional argument ``index`` among those that are not static."""
        slot = self._number(index)
        return names[slot] if slot < len(names) else f"argument {slot}"

    def _number(self, index: int) -> int:
        """The number of a positional argument in the call, from that among the others."""
        taken = {p for p in self.statics if isinstance(p, int)}
        slots = (n for n in itertools.count() if n not in taken)
        return next(itertools.islice(slots, index, None))

    def _static_key(self, leaf: Any, position: int) -> Hashable:
        if type(leaf) in _STATIC:
            return type(leaf), leaf
        kind = type(leaf).__qualname__
        if not isinstance(leaf, (Enum, type, np.generic)) and hasattr(leaf, "__array__"):
            raise ArgumentError(
                f"jit: {self.label(position)} is {a(kind)}, which is no NumPy array",
                "Convert it with numpy.asarray.",
            )
        try:
            hash(leaf)
        except TypeError:
            raise ArgumentError(
                f"jit: {self.label(position)} is {a(kind)}, which is neither an array, nor "
                "a pytree, nor hashable",
                "Make it a dataclass, or call tree.register for its class; or give it __hash__ and "
                "__eq__, and it is static.",
            ) from None
        change = change_of(leaf)
        if change is not None:
            slot, path = self.slot(position)
            name = f"static_arg{'nums' if isinstance(slot, int) else 'names'}={slot!r}"
            alone = "pass it as an argument of its own and " if path else ""
            raise ArgumentError(
                f"jit: {self.label(position)} is {change.got}",
                f"{change.fix}; or, to freeze it as it is when the function is traced, {alone}"
                f"name it: jit(f, {name}).",
            )
        return exact(leaf)

    def rebuild(self, values: Iterable[Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments with other values in place of the traced leaves."""
        leaves = list(self.leaves)
        for i, value in zip(self.traced, values, strict=True):
            leaves[i] = value
        args, kwargs = tree.unflatten(self.treedef, leaves)
        args, kwargs = list(args), dict(kwargs)
        for slot in sorted(p for p in self.statics if isinstance(p, int)):
            args.insert(slot, self.statics[slot])
        kwargs.update({p: v for p, v in self.statics.items() if isinstance(p, str)})
        return args, kwargs


def aval_if_traced(leaf: Any) -> Aval | None:
    """The type of a leaf that is traced, None for one that is static.

    Raises:
        DtypeError: For arrays that cannot be traced.
    """
    kind = type(leaf)
    if kind is np.ndarray or kind in _NUMBERS or isinstance(leaf, Tracer):
        return aval_of(leaf)
    if kind in _STATIC:
        return None
    if isinstance(leaf, np.generic):
        return aval_of(leaf) if leaf.dtype.kind in "biufc" else None
    return aval_of(leaf) if isinstance(leaf, np.ndarray) else None


def parameter_names(f: Callable[..., Any]) -> list[str]:
    """The names of the positional parameters; none where ``f`` does not tell them."""
    try:
        return [
            p.name
            for p in inspect.signature(f).parameters.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        return []


def argument_names(f: Callable[..., Any], signature: Signature) -> list[str]:
    """What the traced leaves are called where people read: ``params_w`` for ``params["w"]``."""
    positional = parameter_names(f)
    taken = {slot for slot in signature.statics if isinstance(slot, int)}
    slots = [i for i in range(len(positional) + len(taken)) if i not in taken]
    found: list[str] = []
    paths = signature.treedef.paths()
    for i in signature.traced:
        of_keyword, argument, *rest = [entry.key for entry in paths[i]]
        if not of_keyword:
            slot = slots[argument] if argument < len(slots) else argument
            argument = positional[slot] if slot < len(positional) else f"x{slot}"
        found.append("_".join(map(key_text, (argument, *rest))))
    return found


def _admitted(leaf: Any, aval: Aval) -> Any:
    if isinstance(leaf, np.ndarray):
        if not leaf.ndim:
            return aval.dtype.type(leaf[()])
        if type(leaf) is not np.ndarray or leaf.dtype is not aval.dtype:
            return np.asarray(leaf, dtype=aval.dtype)
    return leaf


def _cause(own: Any, others: Any, position: int, one: Signature, other: Signature) -> str:
    if isinstance(own, Aval) and isinstance(others, Aval):
        same = own.dtype == others.dtype and own.weak == others.weak
        return "shapes" if same else "types"
    (slot, value), (other_slot, other_value) = one.value(position), other.value(position)
    if slot != other_slot or isinstance(own, Aval) or isinstance(others, Aval):
        return "types"
    code, other_code = _code(value), _code(other_value)
    same = code == other_code and isinstance(code, CodeType)
    return "functions" if same else "values"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _code(value: Any) -> Hashable:
    """A function's code, a partial's function's code, another value itself."""
    while isinstance(value, functools.partial):
        value = value.func
    return getattr(value, "__code__", value)


def _declared_key(slot: int | str, value: Any) -> Hashable:
    if isinstance(value, Tracer):
        raise ArgumentError(
            f"jit: the static argument {slot!r} is a traced value, {value.aval}",
            "Take it out of static_argnums and static_argnames, or compute it outside the "
            "transform.",
        )
    try:
        hash(value)
    except TypeError:
        raise ArgumentError(
            f"jit: the static argument {slot!r} is a {type(value).__qualname__}, which is not "
            "hashable",
            "Pass a hashable value, such as a tuple for a list, or let it be traced.",
        ) from None
    return exact(value)


class StaticArguments(StaticNames):
    """Which arguments of a function `jit` was told to take as static.

    Args:
        f: The function.
        argnums: An int or several; negative ones count from the last parameter.
        argnames: A name or several.

    Raises:
        ArgumentError: Where they are no ints and names, or the function has no such parameter.
    """

    __slots__ = ()

    def __init__(self, f: Callable[..., Any], argnums: Any, argnames: Any) -> None:
        super().__init__(f, argnums, argnames, "jit")

    def signature(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Signature:
        """A call, taken apart."""
        keywords = tuple(kwargs)
        if not (self.numbers or self.names):
            return Signature(args, kwargs, {}, keywords)
        left = [a for n, a in enumerate(args) if n not in self.numbers]
        rest = {k: v for k, v in kwargs.items() if k not in self.names}
        return Signature(left, rest, self.among(args, kwargs), keywords)
