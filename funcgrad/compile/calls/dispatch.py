"""Generated entry functions, which recognise a call that they have seen before.

A jitted function is called more often than anything else here, so for each signature it gets a
function of its own, whose text takes apart exactly that structure of arguments and compares exactly
those types. Where anything differs it hands the call on to the next one, and the last to the slow
path; so a check may be stricter than it need be, but never laxer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from ..._stack import POINTED, POINTING, POINTING_NAMES
from ...core.backend import Executable
from ...core.ir import Aval
from ...errors import ENTRY, trim
from ...tree import TreeDef, unflatten
from ...tree.containers import DataclassKind, MappingKind, NamedTupleKind, NoneKind, SequenceKind
from .signature import Signature
from .static_values import grows
from .wide import is_wide, wide_entry

__all__ = ["entry_for"]

_PYTHON = {"f": "float", "i": "int", "c": "complex"}
_DEPTH_MOST = 32
"""How deep an expression is nested; Python's parser ends at 200 parentheses."""


class _UnsupportedError(Exception):
    """A container whose children cannot be had by an expression, or a value that may change."""


class _Node(NamedTuple):
    """A part of the arguments that is still to be taken apart."""

    name: str
    treedef: TreeDef
    first: int  # the position of its first leaf


def entry_for(
    program: Executable,
    signature: Signature,
    result: TreeDef,
    constants: dict[int, Any],
) -> FunctionType | None:
    """The entry function for calls of one signature.

    Args:
        program: Takes the traced leaves, gives a tuple of results.
        signature: What the program was compiled for.
        result: The structure of the result.
        constants: The result's leaves that the program does not give, by position.

    Returns:
        The function, whose global ``miss`` is what it hands other calls on to; None where the
        arguments hold containers of a registered class or objects that may change in ways that
        are not seen at once, or the result is nested very deep.
    """
    if is_wide(signature, result):
        return wide_entry(program, signature, result, constants)
    try:
        writer = _Entry(signature)
    except _UnsupportedError:
        return None
    writer.call_program(result, constants, program.calls_numpy)
    text = "\n".join(
        [
            "def entry(*args, **kwargs):",
            "    try:",
            *[f"        {line}" for line in writer.lines],
            "    except Exception as error:",
            "        trim(error)",
            "        raise",
        ]
    )
    space: dict[str, Any] = {
        **writer.bound,
        "__name__": __name__,
        "program": program.function,
        "located": program.located,
        "trim": trim,
        **POINTING_NAMES,
        "ndarray": np.ndarray,
    }
    try:
        exec(compile(text, ENTRY, "exec"), space)
    except (SyntaxError, RecursionError, MemoryError):  # a result nested deeper than Python parses
        return None
    return space["entry"]


class _Entry:
    """Writes an entry function.

    Attributes:
        lines: Its body.
        bound: The objects that it names.
    """

    def __init__(self, signature: Signature) -> None:
        self.lines: list[str] = []
        self.bound: dict[str, Any] = {}
        self._numbers = itertools.count()
        self._signature = signature
        self._avals = dict(zip(signature.traced, signature.avals, strict=True))
        self._values: dict[int, str] = {}
        nodes = self._arguments()
        while nodes:
            nodes = self._level(nodes)

    def _bind(self, value: Any) -> str:
        name = f"bound_{len(self.bound)}"
        self.bound[name] = value
        return name

    def _text(self, name: str) -> str:
        """A name as source; a class of the user's would say itself what that is."""
        return repr(name) if type(name) is str else self._bind(name)

    def _fresh(self, count: int) -> list[str]:
        return [f"x{next(self._numbers)}" for _ in range(count)]

    def _check(self, failures: list[str]) -> None:
        """Hand the call on where one of ``failures`` is true."""
        if failures:
            self.lines.append(f"if {' or '.join(failures)}: return miss(*args, **kwargs)")

    def _arguments(self) -> list[_Node]:
        """Take ``args`` and ``kwargs`` apart."""
        signature = self._signature
        positional, keywords = signature.treedef.children
        statics = signature.statics
        count = len(positional.children) + sum(isinstance(slot, int) for slot in statics)
        names = signature.keywords
        wrong = f"tuple(kwargs) != {self._bind(names)}" if names else "kwargs"
        self._check([f"len(args) != {count}", wrong])
        slots: dict[int | str, str] = dict(enumerate(self._fresh(count)))
        if count:
            self.lines.append(f"{', '.join(slots.values())}, = args")
        if names:
            slots.update(zip(names, self._fresh(len(names)), strict=True))
            self.lines.append(f"{', '.join([slots[n] for n in names])}, = kwargs.values()")
        self._check([self._differs(slots.pop(slot), x) for slot, x in statics.items()])
        left = [name for slot, name in slots.items() if isinstance(slot, int)]
        # The leaves of kwargs come in the order of the sorted names.
        left += [slots[name] for name in keywords.key[1]]
        return _nodes(left, [*positional.children, *keywords.children], 0)

    def _level(self, nodes: list[_Node]) -> list[_Node]:
        """Check leaves, and open containers: first that they are what they should be."""
        failures: list[str] = []
        opened: list[str] = []
        inside: list[_Node] = []
        for node in nodes:
            treedef = node.treedef
            if treedef.kind is None:
                failures += self._leaf(node)
                continue
            names = self._fresh(len(treedef.children))
            failures += self._open(node, names, opened)
            inside += _nodes(names, treedef.children, node.first)
        self._check(failures)
        self.lines += opened
        return inside

    def _open(self, node: _Node, names: list[str], opened: list[str]) -> list[str]:
        """How a container may differ; in ``opened`` the line that names its children."""
        name, kind, children = node.name, node.treedef.kind, ", ".join(names)
        if isinstance(kind, NoneKind):
            return [f"{name} is not None"]
        assert kind is not None
        differs = [f"type({name}) is not {self._bind(kind.cls)}"]
        if isinstance(kind, (SequenceKind, NamedTupleKind)):
            differs.append(f"len({name}) != {len(names)}")
            if names:
                opened.append(f"{children}, = {name}")
        elif isinstance(kind, MappingKind):
            factory, keys = node.treedef.data
            differs.append(f"tuple({name}) != {self._bind(keys)}")
            if any(type(key) is not str for key in keys):
                raise _UnsupportedError  # 1 equals True
            if factory is not None:
                differs.append(f"{name}.default_factory is not {self._bind(factory)}")
            by_key = dict(zip(node.treedef.key[1], names, strict=True))
            if names:
                opened.append(f"{', '.join([by_key[key] for key in keys])}, = {name}.values()")
        elif isinstance(kind, DataclassKind):
            fields, static = node.treedef.data
            # A field that is not set fails the check of its value, for no leaf is `miss`.
            for child, field in zip(names, fields, strict=True):
                opened.append(f"{child} = getattr({name}, {self._text(field)}, miss)")
            for field, value in static:
                got = f"getattr({name}, {self._text(field)}, miss)"
                differs.append(self._differs(got, value))
            missing = {f.name for f in kind.cls.__dataclass_fields__.values()}  # type: ignore[attr-defined]
            missing -= {*fields, *[field for field, _ in static]}
            differs += [f"hasattr({name}, {self._text(field)})" for field in sorted(missing)]
        else:
            raise _UnsupportedError
        return differs

    def _leaf(self, node: _Node) -> list[str]:
        """How a leaf may differ."""
        name, position = node.name, node.first
        aval = self._avals.get(position)
        if aval is None:
            value = self._signature.leaves[position]
            grown = grows(value)
            if grown is None:
                raise _UnsupportedError
            return [self._differs(name, value), *([f"{name}.__dict__"] if grown else [])]
        self._values[position] = name
        return self._wrong_type(name, aval)

    def _wrong_type(self, name: str, aval: Aval) -> list[str]:
        if aval.weak:
            return [f"type({name}) is not {_PYTHON[aval.dtype.kind]}"]
        if not aval.shape:
            return [f"type({name}) is not {self._bind(aval.dtype.type)}"]
        return [
            f"type({name}) is not ndarray",
            f"{name}.dtype is not {self._bind(aval.dtype)}",
            f"{name}.shape != {aval.shape}",
        ]

    def _differs(self, name: str, value: Any) -> str:
        """When a static value is another one; where in doubt it is."""
        known = self._bind(value)
        if type(value) in (str, int):
            return f"type({name}) is not {type(value).__name__} or {name} != {known}"
        return f"{name} is not {known}"

    def call_program(self, result: TreeDef, constants: dict[int, Any], points: bool) -> None:
        """Call the program, with NumPy's warnings at the user's lines, and build the result."""
        values = [self._values[position] for position in self._signature.traced]
        call = f"program({', '.join(values)})"
        count = result.num_leaves
        leaves = [self._bind(constants[i]) if i in constants else f"r{i}" for i in range(count)]
        built = self._build(result, iter(leaves), 0)
        self.lines += ["state = STATE.get()", "try:", f"    {POINTING}"] if points else ["try:"]
        if built == f"({', '.join(leaves)},)" and not constants:
            self.lines.append(f"    return {call}")
        else:
            names = [leaf for i, leaf in enumerate(leaves) if i not in constants]
            self.lines.append(f"    {', '.join(names)}, = {call}" if names else f"    {call}")
        self.lines += [
            "except Exception as error:",
            "    where = located(error)",
            "    if where is error: raise",
            "    raise where from None",
        ]
        if points:
            self.lines += ["finally:", f"    {POINTED}"]
        self.lines.append(f"return {built}")

    def _build(self, treedef: TreeDef, leaves: Iterator[str], depth: int) -> str:
        """The expression that makes a result."""
        kind = treedef.kind
        if kind is None:
            return next(leaves)
        if depth == _DEPTH_MOST:
            names = ", ".join(itertools.islice(leaves, treedef.num_leaves))
            return f"{self._bind(unflatten)}({self._bind(treedef)}, [{names}])"
        children = [self._build(child, leaves, depth + 1) for child in treedef.children]
        if isinstance(kind, NoneKind):
            return "None"
        listed = ", ".join(children)
        if kind.cls is tuple:
            return f"({listed},)" if children else "()"
        if kind.cls is list:
            return f"[{listed}]"
        if kind.cls is dict and all(type(key) is str for key in treedef.key[1]):
            by_key = dict(zip(treedef.key[1], children, strict=True))
            return "{" + ", ".join([f"{key!r}: {by_key[key]}" for key in treedef.data[1]]) + "}"
        return f"{self._bind(treedef.join)}([{listed}])"


def _nodes(names: list[str], treedefs: Any, first: int) -> list[_Node]:
    found: list[_Node] = []
    for name, treedef in zip(names, treedefs, strict=True):
        found.append(_Node(name, treedef, first))
        first += treedef.num_leaves
    return found
