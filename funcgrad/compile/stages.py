"""One program of a jitted function: traced, lowered, compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .. import tree
from ..control.callbacks.pure_callback import ShapeDtypeStruct
from ..core.axes import WATCHING, Axis, is_open
from ..core.backend import Backend, Executable, backend_named
from ..core.ir import Jaxpr
from ..core.record import trace, uncollected
from ..core.source_info import line_of, name_of
from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, entry
from ..ops.convert import Convert
from ..tree import LEAF, TreeDef
from .calls.signature import Signature, StaticArguments, argument_names, aval_if_traced
from .passes.pipeline import optimise

__all__ = ["Compiled", "Lowered", "Traced", "build"]

_LONG = 20_000
"""Equations of which compiling takes a second, and running them one by one a twentieth of that."""


@uncollected
def build(
    jaxpr: Jaxpr,
    constants: Sequence[Any] = (),
    *,
    owned: bool = True,
    names: Sequence[str] = (),
    backend: Backend | None = None,
) -> Executable:
    """A program through the passes, once, and compiled.

    Args:
        jaxpr: The program.
        constants: The values of its leading inputs.
        owned: See `Backend.compile`.
        names: See `Backend.compile`.
        backend: What compiles it; by default the preferred one.

    Raises:
        ArgumentError: Where the backend does not support a primitive.
    """
    backend = backend_named() if backend is None else backend
    weak = [aval.weak for aval in jaxpr.in_avals[len(constants) :]]
    if backend.profile is not None:
        jaxpr, constants = optimise(jaxpr, constants, profile=backend.profile)
    for eqn in jaxpr.equations:
        if not backend.supports(eqn.primitive):
            raise ArgumentError(
                f"jit: the backend {backend.name!r} does not support {eqn.primitive.name}, at "
                f"{line_of(eqn.source_info)}",
                'Leave backend= out, or write backend="numpy".',
            )
    return backend.compile(jaxpr, constants, owned=owned, names=names, weak=weak)


class Traced:
    """One program of a jitted function.

    Attributes:
        signature: What it was traced for.
        jaxpr: The program, captured values first.
        captured: Their values.
        result: The structure of the result.
        constants: The result's leaves that are no numbers, by position.
        axes: The named axes that it asked for.
        entered: Whether an entry function was asked for.
    """

    entered = False

    def __init__(self, f: Callable[..., Any], signature: Signature, backend: Backend) -> None:
        self.signature = signature
        self.result: TreeDef = LEAF
        self.constants: dict[int, Any] = {}
        self._f = f
        self._backend = backend
        self._program: Executable | None = None

        def flat(*tracers: Any) -> list[Any]:
            args, kwargs = signature.rebuild(tracers)
            leaves, self.result = tree.flatten(f(*args, **kwargs))
            found: list[Any] = []
            for i, leaf in enumerate(leaves):
                if isinstance(leaf, bool) or aval_if_traced(leaf) is not None:
                    found.append(_strong(leaf))
                else:
                    self.constants[i] = leaf
            return found

        name = name_of(f)
        self.axes: list[Axis] = []
        outer = WATCHING.get()
        try:
            WATCHING.set((*outer, self.axes))
            self.jaxpr, self.captured = trace(flat, signature.avals, name=name)
        finally:
            WATCHING.set(outer)
        # What was passed is not needed any more, and may be large.
        for i in signature.traced:
            signature.leaves[i] = None

    def outer(self) -> list[Tracer]:
        """The tracers that it was traced with, which belong to transforms around this one."""
        captured = [x for x in self.captured if isinstance(x, Tracer)]
        return [*captured, *[axis.index for axis in self.axes]]

    def holds(self) -> bool:
        """Whether the transforms that it was traced in are still there."""
        return not any(x.frame.closed for x in self.outer()) and all(map(is_open, self.axes))

    @property
    def is_long(self) -> bool:
        """Whether compiling it pays only where it is called again."""
        long = self._program is None and len(self.jaxpr.equations) > _LONG
        return long and self._backend is backend_named()

    def interpret(self, values: list[Any]) -> Any:
        """The result for values of the traced leaves, from the program as it was traced."""
        program = backend_named("run").compile(self.jaxpr, self.captured)
        return self._results(program, values)

    @property
    def program(self) -> Executable:
        """The compiled program: of the traced leaves, to the tuple of results that are numbers."""
        if self._program is None:
            names = argument_names(self._f, self.signature)
            self._program = build(self.jaxpr, self.captured, names=names, backend=self._backend)
        return self._program

    def source(self) -> str:
        """The program's text."""
        return self.program.source() or str(self.jaxpr)

    def __call__(self, values: list[Any]) -> Any:
        return self._results(self.program, values)

    def _results(self, program: Executable, values: list[Any]) -> Any:
        try:
            results = program(*values)
        except Exception as error:
            located = program.located(error)
            if located is error:
                raise
            raise located from None
        return self.unflatten(results)

    def unflatten(self, results: Iterable[Any]) -> Any:
        """The result, from the numbers in it."""
        if self.constants:
            each = iter(results)
            results = [
                self.constants[i] if i in self.constants else next(each)
                for i in range(self.result.num_leaves)
            ]
        return tree.unflatten(self.result, results)


def _strong(x: Any) -> Any:
    """A result: NumPy's scalar for Python's."""
    aval = aval_of(x)
    if not aval.weak:
        return x
    return Convert(aval.dtype, False)(x) if isinstance(x, Tracer) else aval.dtype.type(x)


class Lowered:
    """A traced program that is not compiled yet; ``print`` shows it.

    Attributes:
        jaxpr: The program; its first inputs are what the function closed over.
    """

    def __init__(self, traced: Traced, static: StaticArguments) -> None:
        self._traced, self._static = traced, static
        self.jaxpr: Jaxpr = traced.jaxpr

    def lower(self) -> Lowered:
        """This program itself: tracing and lowering are one step here."""
        return self

    @property
    def out_info(self) -> Any:
        """The result, with a `ShapeDtypeStruct` for each array and number."""
        types = [ShapeDtypeStruct(aval.shape, aval.dtype) for aval in self.jaxpr.out_avals]
        return self._traced.unflatten(types)

    def compile(self) -> Compiled:
        """The compiled program."""
        return Compiled(self._traced, self._static)

    def as_text(self) -> str:
        """The program as it prints."""
        return str(self.jaxpr)

    def __repr__(self) -> str:
        return str(self.jaxpr)


class Compiled:
    """A compiled program: a function of arguments of the types that it was lowered for."""

    def __init__(self, traced: Traced, static: StaticArguments) -> None:
        self._traced, self._static = traced, static
        _ = traced.program

    def source(self) -> str:
        """The text of the generated function."""
        return self._traced.source()

    @entry
    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        signature = self._static.signature(args, kwargs)
        if signature.key != self._traced.signature.key:
            given = ", ".join([aval.short() for aval in signature.avals])
            expected = ", ".join([aval.short() for aval in self._traced.signature.avals])
            raise ArgumentError(
                f"jit: the program was compiled for ({expected}) and called with ({given}): "
                f"{next(signature.differences(self._traced.signature))}",
                "Call the jitted function itself, which compiles what it needs.",
            )
        return self._traced(signature.values())
