"""`pure_callback`, a Python function of plain arrays in traced and compiled code."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from ... import tree
from ...core.ir import Aval, make_aval
from ...core.primitive import Primitive, primitive
from ...core.source_info import SourceInfo
from ...core.trace import Tracer, apply, aval_of
from ...errors import ArgumentError, DtypeError, FuncgradError, MissingRuleError, ShapeError, entry
from ...ops.linear import Sum, zeros
from ..custom.arguments import Whose, numbers_like
from ..custom.closures import refuse
from ..program.trace_body import join
from .host import Batches, Host, each_element, on_host, plain_result

__all__ = ["PureCallback", "ShapeDtypeStruct", "pure_callback"]

_METHODS = ("sequential", "expand_dims", "broadcast_all")


def _lengths(shape: Any) -> tuple[int, ...]:
    try:
        lengths = tuple(map(operator.index, shape))
    except TypeError:
        raise ArgumentError(
            f"ShapeDtypeStruct: got shape={shape!r}, and a shape is a tuple of integers",
            "Write every length, as in (3, 2); a program is of one shape, and jit traces anew for "
            "others.",
        ) from None
    if any(n < 0 for n in lengths):
        raise ShapeError(
            f"ShapeDtypeStruct: got shape={shape!r}, with a negative length",
            "Write every length, from 0 on.",
        )
    return lengths


class ShapeDtypeStruct:
    """The shape and dtype of an array that is not there.

    Args:
        shape: The shape, known lengths all of them.
        dtype: The dtype, or what `numpy.dtype` makes one of.

    Raises:
        ArgumentError: A length is no integer.
        ShapeError: A length is negative.

    >>> ShapeDtypeStruct((2, 3), float)
    ShapeDtypeStruct(shape=(2, 3), dtype=float64)
    """

    __slots__ = ("dtype", "shape")

    @entry
    def __init__(self, shape: Sequence[int], dtype: Any) -> None:
        self.shape = _lengths(shape)
        self.dtype: np.dtype[Any] = np.dtype(dtype)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=int))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ShapeDtypeStruct):
            return NotImplemented
        return self.shape == other.shape and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __repr__(self) -> str:
        return f"ShapeDtypeStruct(shape={self.shape}, dtype={self.dtype.name})"


def of_type(x: Any) -> Any:
    """For a `ShapeDtypeStruct` an array of that type that takes no memory; else ``x``."""
    if not isinstance(x, ShapeDtypeStruct):
        return x
    return np.broadcast_to(x.dtype.type(0), x.shape)[()]


class Results:
    """What a function was declared to return.

    Attributes:
        avals: The types of its leaves.
    """

    __slots__ = ("_treedef", "avals")

    def __init__(self, declared: Any) -> None:
        leaves, self._treedef = tree.flatten(declared)
        self.avals = [self._declared(leaf, i) for i, leaf in enumerate(leaves)]

    def _declared(self, leaf: Any, i: int) -> Aval:
        shape, dtype = getattr(leaf, "shape", None), getattr(leaf, "dtype", None)
        if isinstance(shape, tuple) and isinstance(dtype, np.dtype) and dtype.kind in "biufc":
            return make_aval(shape, dtype.newbyteorder("="))
        path = tree.path_string(self._treedef.paths()[i])
        raise ArgumentError(
            f"pure_callback: result_shape_dtypes{path} must say a shape and a dtype, got {leaf!r}",
            "Write funcgrad.ShapeDtypeStruct(shape, dtype), or an array like the result.",
        )

    def rebuild(self, leaves: Sequence[Any]) -> Any:
        """The pytree of results."""
        return tree.unflatten(self._treedef, leaves)

    def check_results(self, result: Any, avals: Sequence[Aval], source: str) -> list[Any]:
        """The leaves of what the function returned.

        Args:
            result: What it returned.
            avals: The types that its leaves must have.
            source: The function, for errors.

        Raises:
            StructureError, ShapeError, DtypeError: Where it is not what was declared; naming the
                leaf and both types.
        """
        what = f"pure_callback: {source} returned a result that"
        found = tree.flatten_up_to(self._treedef, result, what, "result_shape_dtypes")
        return [
            self._check_results(x, aval, i, source)
            for i, (x, aval) in enumerate(zip(found, avals, strict=True))
        ]

    def _check_results(self, x: Any, aval: Aval, i: int, source: str) -> Any:
        try:
            given = aval_of(x)
        except FuncgradError:
            given = None
        if given is None or isinstance(x, Tracer):
            raise DtypeError(
                self._returned(source, f"a {type(x).__name__}", i, aval),
                "Return arrays and numbers.",
            )
        if given.shape != aval.shape:
            raise ShapeError(
                self._returned(source, given, i, aval),
                "Declare the shape that it returns, or reshape what it returns.",
            )
        if join(given, aval) != aval:
            raise DtypeError(
                self._returned(source, given, i, aval),
                f"Declare dtype {given.dtype.name}, or convert what it returns with astype.",
            )
        # A copy: the function may write to its array again.
        return np.array(x, dtype=aval.dtype)[()]

    def _returned(self, source: str, given: Any, i: int, aval: Aval) -> str:
        path = tree.path_string(self._treedef.paths()[i])
        return f"pure_callback: {source} returned {given} for the result{path}, declared as {aval}"


class Function:
    """A function of flat operands that runs Python code.

    Attributes:
        host: The call of the user's function.
        results: What it was declared to return.
        vjp: The user's function for its derivative, or None.
    """

    __slots__ = ("host", "results", "vjp")

    def __init__(self, host: Host, results: Results, vjp: Callable[..., Any] | None) -> None:
        self.host, self.results, self.vjp = host, results, vjp

    @property
    def avals(self) -> list[Aval]:
        """The types of the results, for one element."""
        return self.results.avals

    def __str__(self) -> str:
        return str(self.host)

    def __call__(self, operands: Sequence[Any], avals: Sequence[Aval]) -> list[Any]:
        """The results, of the types ``avals``."""
        return self.results.check_results(self.host(operands), avals, self.host.source)

    def no_derivative(self, mode: str) -> MissingRuleError:
        """The error where a derivative is wanted that is not there."""
        if self.vjp is None:
            return MissingRuleError(
                f"pure_callback: {self.host.source} has no derivative, and {mode} asks for it",
                "Pass vjp=, or call it in a function with a custom_vjp or custom_jvp.",
            )
        return MissingRuleError(
            f"pure_callback: {self.host.source} has a vjp, which serves reverse mode alone, and "
            f"{mode} asks for more",
            "Call it in a function with a custom_jvp, whose rule may call pure_callback again.",
        )


class Pullback:
    """The pullback of a `Function` by its ``vjp``: of operands, results and their cotangents.

    Args:
        of: The function.
        operands: The types of its operands, for one element.

    Attributes:
        avals: The types of the results: the cotangents of the operands in ``kept``.
        kept: The operands through which a derivative passes.
    """

    __slots__ = ("avals", "kept", "of")

    vjp = None

    def __init__(self, of: Function, operands: Sequence[Aval]) -> None:
        self.of = of
        exact = of.host.arguments.exact
        self.kept = [i for i, fixed in enumerate(exact) if not fixed]
        self.avals = [operands[i].strong() for i in self.kept]

    def __str__(self) -> str:
        return f"vjp of {self.of}"

    def __call__(self, values: Sequence[Any], avals: Sequence[Aval]) -> list[Any]:
        """The cotangents, of the types ``avals``, zeros where the user's function gives None."""
        of, arguments = self.of, self.of.host.arguments
        vjp: Any = of.vjp
        count = len(arguments.operands)
        args = arguments.rebuild([plain_result(x) for x in values[:count]])
        each = iter([plain_result(x) for x in values[count:]])
        out = of.results.rebuild([next(each) for _ in of.avals])
        ct = of.results.rebuild([next(each) if aval.inexact else None for aval in of.avals])
        names = arguments.keywords
        split = len(args) - len(names)
        kwargs = dict(zip(names, args[split:], strict=True))
        entries = on_host(vjp)(tuple(args[:split]), out, ct, **kwargs)
        if isinstance(entries, (tuple, list)):
            entries = (*entries, *[None] * len(names))
        found = arguments.spread(entries, vjp, "pure_callback")
        cts = numbers_like(
            [found[i] for i in self.kept],
            avals,
            lambda i: arguments.label(arguments.operands[self.kept[i]]),
            Whose("pure_callback", vjp),
        )
        return [zeros(a) if c is None else np.array(c)[()] for c, a in zip(cts, avals, strict=True)]

    def no_derivative(self, mode: str) -> MissingRuleError:
        """The error where a derivative is wanted: there is none."""
        return MissingRuleError(
            f"pure_callback: {mode} asks for a derivative of the vjp of {self.of.host.source}",
            "Call it in a function with a custom_vjp, whose rules are traced and so have "
            "derivatives of their own.",
        )


@primitive
class PureCallback(Primitive):
    """``function`` of the operands, mapped over ``batches`` as ``method`` says."""

    function: Any
    method: str
    batches: Batches
    multiple = True
    foreign = True

    def __str__(self) -> str:
        return f"{self.name}[{self.function}]"

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        return tuple(self._whole(self.function.avals))

    def _whole(self, avals: Sequence[Aval]) -> list[Aval]:
        """The types for the whole batch of those for one element."""
        lead = tuple([size for size, _ in self.batches])
        return [make_aval((*lead, *aval.shape), aval.dtype) for aval in avals]

    def run(self, *operands: Any) -> tuple[Any, ...]:
        avals = self.function.avals
        if not self.batches:
            return tuple(self.function(operands, avals))
        whole = self._whole(avals)
        if self.method != "sequential":
            return tuple(self.function(self._align(operands), whole))
        rows = [self.function(x, avals) for x in each_element(self.batches, operands)]
        return tuple(
            [
                np.array([row[k] for row in rows], aval.dtype).reshape(aval.shape)
                for k, aval in enumerate(whole)
            ]
        )

    def _align(self, operands: Sequence[Any]) -> list[Any]:
        """The operands with an axis for each batch."""
        found: list[Any] = []
        for i, x in enumerate(operands):
            has = [flags[i] for _, flags in self.batches]
            sizes = [size for size, _ in self.batches]
            inner = np.shape(x)[sum(has) :]
            lead = [n if b else 1 for n, b in zip(sizes, has, strict=True)]
            x = np.reshape(x, (*lead, *inner))
            if self.method == "broadcast_all":
                x = np.broadcast_to(x, (*sizes, *inner))
            found.append(x)
        return found

    def forward(self, values: Sequence[Any], source_info: SourceInfo | None) -> tuple[Any, Any]:
        """The results, and no residuals."""
        return apply(self, values, source_info), ()

    def backward(
        self,
        ct: Sequence[Any],
        out: Sequence[Any],
        operands: Sequence[Any],
        wanted: Sequence[bool],
        masked: bool,
        residuals: Any,
    ) -> list[Any]:
        """The cotangents of the operands, None for those that have none."""
        function = self.function
        if function.vjp is None:
            error = function.no_derivative("reverse mode")
            some = next(c for c in ct if c is not None)
            return [
                refuse(error, x, some) if want and aval_of(x).inexact else None
                for x, want in zip(operands, wanted, strict=True)
            ]
        own = [sum(flags[i] for _, flags in self.batches) for i in range(len(operands))]
        inputs = [aval_of(x) for x in operands]
        elements = [make_aval(a.shape[n:], a.dtype) for a, n in zip(inputs, own, strict=True)]
        pullback = Pullback(function, elements)
        cts = [
            zeros(aval_of(x).strong()) if c is None else c
            for c, x in zip(ct, out, strict=True)
            if aval_of(x).inexact
        ]
        more = [True] * (len(out) + len(cts))
        batches = tuple([(size, (*flags, *more)) for size, flags in self.batches])
        method = "sequential" if self.method == "sequential" else "broadcast_all"
        found = apply(PureCallback(pullback, method, batches), [*operands, *out, *cts], None)
        pulled: list[Any] = [None] * len(operands)
        for i, c in zip(pullback.kept, found, strict=True):
            lacking = [k for k, (_, flags) in enumerate(self.batches) if not flags[i]]
            pulled[i] = Sum(tuple(lacking))(c) if lacking else c
        return pulled

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], source_info: SourceInfo | None
    ) -> NoReturn:
        """Raises: a callback has no forward mode."""
        raise self.function.no_derivative("forward mode")

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        batches = ((size, tuple(batched)), *self.batches)
        return apply(PureCallback(self.function, self.method, batches), operands, None)


def pure_callback(
    callback: Callable[..., Any],
    result_shape_dtypes: Any,
    /,
    *args: Any,
    vmap_method: str = "sequential",
    vjp: Callable[..., Any] | None = None,
    **kwargs: Any,
) -> Any:
    """Call a Python function of plain arrays, from traced and compiled code too.

    The function gets NumPy arrays and scalars and may do with them what it likes, such as calling
    SciPy. It must be pure: how often it is called is not defined, and a call whose result nobody
    reads is left out. An exception that it raises comes out as it is.

    Args:
        callback: The function.
        result_shape_dtypes: What it returns: a pytree of `ShapeDtypeStruct` or of anything that has
            a shape and a dtype. What comes back is checked against it.
        *args: Pytrees for the function. Python's integers and booleans, strings and other objects
            are passed on as they are.
        vmap_method: What `vmap` makes of it. ``"sequential"``: one call for each element of the
            batch. ``"expand_dims"``: one call for the batch; every argument has a leading axis, of
            length 1 where it is not mapped, and the result must have the full one.
            ``"broadcast_all"``: likewise, with all arguments repeated to the full axis.
        vjp: The derivative in reverse mode: ``vjp(args, out, ct, **kwargs)`` gets plain values too,
            and returns a tuple with the cotangent of each of ``args``, None for zeros. Under
            ``vmap`` it is called as ``callback`` is (``"broadcast_all"`` for ``"expand_dims"``).
        **kwargs: More arguments, through which no derivative passes.

    Returns:
        What the function returns.

    Raises:
        ArgumentError: For other arguments than these.
        StructureError, ShapeError, DtypeError: Where the function returns something else than
            declared.
        MissingRuleError: Where a derivative is asked for that is not there.

    >>> import math
    >>> from funcgrad import grad
    >>> def gamma(x):
    ...     shape = ShapeDtypeStruct((), float)
    ...     return pure_callback(math.gamma, shape, x, vjp=lambda args, out, ct: (1.5 * ct,))
    >>> gamma(4.0), grad(gamma)(4.0)
    (np.float64(6.0), np.float64(1.5))
    """
    for name, f in (("callback", callback), ("vjp", vjp)):
        if not callable(f) and not (name == "vjp" and f is None):
            raise ArgumentError(
                f"pure_callback: {name} must be a function, got {type(f).__name__}",
                "Write pure_callback(f, result_shape_dtypes, x).",
            )
    if vmap_method not in _METHODS:
        raise ArgumentError(
            f"pure_callback: vmap_method must be one of {', '.join(map(repr, _METHODS))}, got "
            f"{vmap_method!r}",
            'Leave it out, or write vmap_method="broadcast_all" for a function of whole batches.',
        )
    results = Results(result_shape_dtypes)
    host = Host(callback, args, kwargs)
    operands = host.arguments.values
    host.arguments.drop()
    function = Function(host, results, vjp)
    return results.rebuild(apply(PureCallback(function, vmap_method, ()), operands, None))
