"""The protocol of a primitive, and the decorator that declares one.

A primitive is a class: its annotated fields are its parameters, its methods are its rules. An
instance is the primitive with its parameters filled in (``Sum(axes=(0,))``) and is called with
operands. `Primitive.numpy` is the NumPy that it both *runs* eagerly and *emits* as source, one text
or one function, so that the two cannot drift.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np

from ..errors import COMPILED, MissingRuleError
from .ir import Aval, Jaxpr
from .plain import AS_THEY_ARE, plain
from .source_info import Mention
from .trace import apply

__all__ = ["REGISTRY", "Primitive", "literal", "primitive"]

REGISTRY: dict[str, type[Primitive]] = {}
"""Every declared primitive by name; the tests walk it."""


class Primitive:
    """One operation with all its rules.

    Rule arguments are named alike everywhere: ``ct`` cotangent, ``t`` tangent, ``out`` primal
    result, ``x, y`` operands. Rules are written with other primitives, so that they work on arrays
    and on tracers: given tracers they record, which is how a transformed program comes to be.

    Attributes:
        numpy: A ufunc, a function of `funcgrad.ops.kernels`, or a template such as
            ``"np.sum({0}, axis={axes})"`` over operands and fields.
        multiple: True where the result is a tuple of values.
        discrete: True where no derivative passes (comparisons, integer results, stop_gradient).
        saves: False where no derivative rule reads the operands' values.
        masks: True where the cotangents of the operands are masked from here on (select-like rules,
            partials that are infinite at a finite point).
        passes_mask: True where a masked cotangent stays masked (elementwise and shape operations).
        effect: True where running it is seen outside, as printing is. It happens once each time the
            program is run and in order: passes neither drop, share nor move it.
        foreign: True where it runs Python code of the user's. Its exceptions are the user's, and a
            program that holds it is not run again where Python's arithmetic raises.
        staged: A method ``staged(frame, args, place)`` that records something else in its place in
            an abstract frame, and returns the results, or None to be recorded itself.
        forward: A structured primitive's method ``forward(values, place) -> (out, residuals)``, or
            None. With it goes ``backward(ct, out, operands, wanted, masked, residuals)`` in place
            of `vjp`; residuals are not None.
        mentions: The fields that are functions and are only named, in texts and errors.
        collective: True for operations across a mapped axis (`funcgrad.ops.collective`), whose last
            operand is the index of that axis.
        inlined: True where the results are those of its one program at the operands and nothing is
            lost where the program's equations stand in its place.
        loops: True where per-step residuals among its results have one entry for each step.
        recomputes: True where running it computes again what an earlier equation computed.
        interpret: A method ``interpret(operands, by) -> results`` that runs the programs which the
            primitive holds equation by equation, or None. ``by`` is a
            `funcgrad.control.program.structured.Interpreter`.
        element: A method ``element(count) -> (primitive, batched)`` of a primitive that holds
            programs of one element of a batch: what it does to one, and which of the ``count``
            operands have a leading axis for the elements; or None.
        trim: A method ``trim(equation, liveness) -> Equation | None`` that leaves out of the
            programs which the primitive holds what is unread, or None. ``liveness`` is a
            `funcgrad.control.program.trim.Liveness`.
    """

    name: ClassVar[str] = "primitive"
    fields: ClassVar[tuple[str, ...]] = ()
    numpy: ClassVar[Any] = None
    multiple: ClassVar[bool] = False
    saves: ClassVar[bool] = True
    masks: ClassVar[bool] = False
    passes_mask: ClassVar[bool] = False
    discrete: bool = False
    effect: ClassVar[bool] = False
    foreign: ClassVar[bool] = False
    staged: ClassVar[Any] = None
    forward: ClassVar[Any] = None
    collective: ClassVar[bool] = False
    mentions: ClassVar[tuple[str, ...]] = ()
    inlined: ClassVar[bool] = False
    loops: ClassVar[bool] = False
    recomputes: bool = False
    interpret: ClassVar[Any] = None
    element: ClassVar[Any] = None
    trim: ClassVar[Any] = None
    run: Callable[..., Any]

    __slots__ = ("__dict__",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        fields = self.fields
        if kwargs:
            args = (*args, *[kwargs.pop(field) for field in fields[len(args) :] if field in kwargs])
        if kwargs or len(args) != len(fields):
            raise TypeError(f"{self.name} takes {fields}, got {args} and {kwargs}")
        own = self.__dict__
        for field, value in zip(fields, args):
            own[field] = value if type(value) in AS_THEY_ARE else plain(value)

    def parameters(self) -> tuple[Any, ...]:
        """The values of its fields, in order."""
        own = self.__dict__
        return tuple([own[field] for field in self.fields])

    def __eq__(self, other: object) -> bool:
        return self is other or (
            type(self) is type(other) and self.parameters() == other.parameters()  # type: ignore[attr-defined]
        )

    def __hash__(self) -> int:
        cls = type(self)
        return hash((cls, self.parameters())) if cls.fields else hash(cls)

    def __reduce__(self) -> tuple[Any, ...]:
        named = zip(self.fields, self.parameters(), strict=True)
        return type(self), tuple([Mention.of(x) if f in self.mentions else x for f, x in named])

    def __str__(self) -> str:
        shown = [
            f"{field}={_parameter_text(value)}"
            for field, value in zip(self.fields, self.parameters(), strict=True)
            if not isinstance(value, Jaxpr)
        ]
        return f"{self.name}[{', '.join(shown)}]" if shown else self.name

    def __repr__(self) -> str:
        return str(self)

    def __call__(self, *args: Any) -> Any:
        return apply(self, args, None)

    def hand_on(self, values: Sequence[Any]) -> Primitive:
        """The primitive for ``values``, from a frame that looks on and has an older one compute."""
        return self

    def bodies(self) -> Iterator[tuple[str, Jaxpr]]:
        """The programs that it holds, each with its role, for printing, checking and walking.

        The role is the name of the field, with a number where the field is a tuple of programs; a
        primitive among the fields gives those that it holds.
        """
        for field, value in zip(self.fields, self.parameters(), strict=True):
            if isinstance(value, Jaxpr):
                yield field, value
            elif isinstance(value, tuple):
                held = [(f"{field}[{k}]", x) for k, x in enumerate(value) if isinstance(x, Jaxpr)]
                yield from held
            elif isinstance(value, Primitive):
                yield from value.bodies()

    def with_bodies(self, change: Callable[[Jaxpr], Jaxpr]) -> Primitive:
        """The primitive with ``change`` of the programs that are fields of its own."""

        def changed(value: Any) -> Any:
            if isinstance(value, Jaxpr):
                return change(value)
            if isinstance(value, tuple) and any(isinstance(x, Jaxpr) for x in value):
                found = tuple([changed(x) for x in value])
                return value if all(a is b for a, b in zip(found, value, strict=True)) else found
            return value

        given = self.parameters()
        found = [changed(value) for value in given]
        if all(a is b for a, b in zip(given, found, strict=True)):
            return self
        return type(self)(*found)

    def body_flags(self, flags: Sequence[bool]) -> list[tuple[Jaxpr, list[bool]]]:
        """The programs that it runs, each with which inputs depend on operands that are marked."""
        return []

    def depends(self, flags: Sequence[bool], count: int) -> list[bool]:
        """For each of ``count`` results, whether it depends on an operand that ``flags`` marks."""
        return [any(flags)] * count

    def adapt(self, args: Sequence[Any]) -> Sequence[Any]:
        """The operands as they are recorded: Python scalars take the dtype of the others."""
        return args

    def source(self, *operands: str) -> str:
        """The NumPy expression for named operands; what `run` computes."""
        numpy = self.numpy
        if isinstance(numpy, str):
            own = {field: literal(self.__dict__[field]) for field in self.fields}
            return numpy.format(*operands, **own)
        if isinstance(numpy, np.ufunc):
            return f"np.{numpy.__name__}({', '.join(operands)})"
        if callable(numpy):
            return f"{numpy.__name__}({', '.join([*operands, *map(literal, self.parameters())])})"
        raise self._missing("source")

    def aval(self, *avals: Aval) -> Any:
        """The type of the result (a tuple of types where ``multiple``)."""
        raise self._missing("aval")

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The tangent of the result; a None among ``tangents`` is a zero, so is a None result."""
        raise self._missing("jvp")

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        """The cotangents of the operands.

        Args:
            ct: The cotangent of ``out``; where ``multiple`` a tuple with None for zeros.
            out: The primal result.
            operands: The primal operands.
            wanted: For which operands a cotangent is asked; the others' entries are ignored.
            masked: Whether products with ``ct`` are masked (DESIGN, law 5).

        Returns:
            One cotangent an operand, None for a zero.
        """
        raise self._missing("vjp")

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        """Apply it to operands with a leading axis of length ``size`` where ``batched``.

        Returns:
            The result, with that leading axis.
        """
        raise self._missing("vmap")

    def _missing(self, rule: str) -> MissingRuleError:
        return MissingRuleError(
            f"{self.name}: this primitive has no {rule} rule",
            f"Define {type(self).__name__}.{rule} (docs/add-a-primitive.md), or keep it out of "
            "this transform.",
        )


def _parameter_text(value: Any) -> str:
    if isinstance(value, np.dtype):
        return value.name
    name = getattr(value, "__name__", None)
    return name if isinstance(name, str) else repr(value).replace(" ", "")


def literal(value: Any) -> str:
    """A parameter as Python source, in which ``np`` is all that is known.

    Raises:
        MissingRuleError: Where it is none of the objects that have a text. A ``repr`` that is not
            Python's own or NumPy's is not asked: what it gives would be executed.
    """
    cls = type(value)
    if isinstance(value, tuple):
        return (
            f"({''.join([literal(part) + ', ' for part in value]).rstrip(' ')})" if value else "()"
        )
    if isinstance(value, np.dtype) and value.kind in "biufc":
        return f"np.dtype({value.str!r})"
    if isinstance(value, slice):
        return f"slice({literal(value.start)}, {literal(value.stop)}, {literal(value.step)})"
    if cls not in AS_THEY_ARE:
        raise MissingRuleError(
            f"primitive: a parameter is a {cls.__qualname__}, which has no text in source",
            "Declare it as an int, a float, a str, a tuple of such or a dtype, or define "
            "Primitive.source.",
        )
    if isinstance(value, float | complex | np.inexact) and not np.isfinite(value):
        if isinstance(value, complex | np.complexfloating):
            text = f"complex({literal(float(value.real))}, {literal(float(value.imag))})"
        else:
            text = "np.nan" if value != value else "np.inf" if value > 0 else "-np.inf"
        return f"np.{value.dtype.name}({text})" if isinstance(value, np.generic) else text
    return repr(value)


P = TypeVar("P", bound=type[Primitive])


def primitive(cls: P) -> P:
    """Declare a primitive: collect its fields, derive ``run`` from ``numpy``, register it.

    Generates no code: dozens of generated classes would cost the whole start-up budget.

    Raises:
        ValueError: Where another primitive has the name.
    """
    own = [
        field
        for field, kind in inspect.get_annotations(cls).items()
        if not str(kind).startswith("ClassVar")
    ]
    cls.fields = (*cls.fields, *own)
    if "name" not in cls.__dict__:
        cls.name = _snake_case(cls.__name__)
    known = REGISTRY.get(cls.name, cls)
    # The same class again: its module was interrupted while it loaded, or a cell is run again.
    if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ValueError(f"a primitive {cls.name!r} is declared already")
    REGISTRY[cls.name] = cls
    if "run" not in cls.__dict__ and cls.numpy is not None:
        cls.run = _run_of(cls)
    elif any("Jaxpr" in str(kind) for kind in inspect.get_annotations(cls).values()):
        cls.run = _explaining(cls.run)
    return cls


def _explaining(run: Callable[..., Any]) -> Callable[..., Any]:
    """``run`` of a primitive that holds programs: what they raise has the user's line."""

    @functools.wraps(run)
    def run_programs(self: Primitive, *operands: Any) -> Any:
        try:
            return run(self, *operands)
        except Exception as error:
            from .backend import explained

            found = explained(error)
            if found is error:
                raise
            raise found from None

    return run_programs


def _snake_case(name: str) -> str:
    return "".join(["_" + c if c.isupper() else c for c in name]).lower().removeprefix("_")


def _run_of(cls: type[Primitive]) -> Any:
    numpy = cls.numpy
    if isinstance(numpy, str):
        return _run_template
    if not cls.fields:
        return staticmethod(numpy)

    def run_with_fields(self: Primitive, *operands: Any) -> Any:
        return numpy(*operands, *self.parameters())

    return run_with_fields


def _run_template(self: Primitive, *operands: Any) -> Any:
    # Compiled at first use, once a class and number of operands.
    cls = type(self)
    cache: dict[int, Callable[..., Any]] = cls.__dict__.get("_compiled") or {}
    function = cache.get(len(operands))
    if function is None:
        names = [f"x{i}" for i in range(len(operands))]
        own = {field: f"self.{field}" for field in self.fields}
        text = f"lambda self, {', '.join(names)}: {self.numpy.format(*names, **own)}"
        code = compile(text, f"<{self.name}, {COMPILED}>", "eval")
        function = cache[len(operands)] = eval(code, {"np": np})
        cls._compiled = cache  # type: ignore[attr-defined]
    return function(self, *operands)
