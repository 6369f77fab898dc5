"""`vectorize`: generalised ufuncs by NumPy's rules of broadcasting, by nested vmap."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, ShapeError, entry
from ..numpy.create import asarray
from ..ops.linear import reshape
from ..transforms import vmap as batch
from .leaves import describe, own_result, type_of
from .transformed import Transformed, require_function

__all__ = ["vectorize"]

Shape = tuple[int, ...]
Core = tuple[str, ...]

_NAMES = r"\(\s*(?:\w+(?:\s*,\s*\w+)*)?\s*\)"
_SIGNATURE = re.compile(
    rf"\s*(?:{_NAMES}(?:\s*,\s*{_NAMES})*)?\s*->\s*{_NAMES}(?:\s*,\s*{_NAMES})*\s*"
)


@entry
def vectorize(
    pyfunc: Callable[..., Any],
    *,
    excluded: Iterable[int | str] = (),
    signature: str | None = None,
) -> Callable[..., Any]:
    """``pyfunc``, a function of scalars or small arrays, for arrays that broadcast.

    As `numpy.vectorize`, and unlike it not a loop in Python: ``pyfunc`` runs once, under one `vmap`
    for each axis of the broadcast arguments.

    Args:
        pyfunc: A function of arrays; without a signature, of scalars.
        excluded: The positions and names of arguments that are passed on as they are.
        signature: The core dimensions, as in ``"(m,n),(n)->(m)"``: each argument's last axes, which
            ``pyfunc`` gets, and those of its results. What stands before them broadcasts.

    Returns:
        A function of the same arguments.

    Raises:
        ArgumentError: For a signature that is none, or another number of arguments or results.
        ShapeError: Where arguments lack core dimensions, these differ, or the others do not
            broadcast.

    >>> import numpy as np
    >>> f = vectorize(lambda a, x: np.dot(a, x), signature="(m,n),(n)->(m)")
    >>> f(np.ones((4, 1, 2, 3)), np.ones((5, 3))).shape
    (4, 5, 2)
    >>> vectorize(lambda x, y: np.maximum(x, y) - 1.0)(
    ...     np.array([[1.0], [5.0]]), np.array([2.0, 3.0])
    ... )
    array([[1., 2.],
           [4., 4.]])
    """
    require_function(pyfunc, "vectorize")
    left = frozenset(excluded)
    if not all(isinstance(position, (int, str)) for position in left):
        raise ArgumentError(
            f"vectorize: excluded must hold positions and names, got {excluded!r}",
            "Write excluded={0, 'name'}.",
        )
    parsed = None if signature is None else _parse(signature)

    def call(*args: Any, **kwargs: Any) -> Any:
        positions: list[int | str] = [i for i in range(len(args)) if i not in left]
        positions += [name for name in kwargs if name not in left]
        values = [args[p] if isinstance(p, int) else kwargs[p] for p in positions]
        values = [asarray(v) if isinstance(v, (list, tuple)) else v for v in values]
        if parsed is not None and len(parsed[0]) != len(values):
            raise ArgumentError(
                f"vectorize: the signature {signature!r} has {len(parsed[0])} arguments, and "
                f"{describe(pyfunc)} was called with {len(values)}",
                "Give one argument an entry, and name the others in excluded.",
            )

        def core(*given: Any) -> Any:
            new_args, new_kwargs = list(args), dict(kwargs)
            for position, value in zip(positions, given, strict=True):
                if isinstance(position, int):
                    new_args[position] = value
                else:
                    new_kwargs[position] = value
            return pyfunc(*new_args, **new_kwargs)

        cores = [()] * len(values) if parsed is None else parsed[0]
        results = None if parsed is None else parsed[1]
        sizes: dict[str, int] = {}
        loops = [
            _loop(value, names, sizes, position)
            for value, names, position in zip(values, cores, positions, strict=True)
        ]
        return _over_loops(core, values, loops, cores, _with_checks(results, sizes, pyfunc))

    options = {"excluded": excluded, "signature": signature}
    return Transformed(call, vectorize, pyfunc, options)


def _parse(signature: str) -> tuple[list[Core], list[Core]]:
    if not isinstance(signature, str) or not _SIGNATURE.fullmatch(signature):
        raise ArgumentError(
            f"vectorize: {signature!r} is not a signature",
            'Write the core dimensions of arguments and results, as in "(m,n),(n)->(m)"; () for a '
            "scalar.",
        )
    arguments, results = signature.split("->")
    return _cores(arguments), _cores(results)


def _cores(text: str) -> list[Core]:
    return [tuple(re.findall(r"\w+", part)) for part in re.findall(_NAMES, text)]


def _loop(value: Any, names: Core, sizes: dict[str, int], position: int | str) -> Shape:
    """The axes of an argument that broadcast; the lengths of its core dimensions go into sizes."""
    if not isinstance(value, (Tracer, np.ndarray, np.generic, int, float, complex)):
        raise ArgumentError(
            f"vectorize: argument {position!r} is {type_of(value)}, which does not broadcast",
            f"Convert it with numpy.asarray, or write excluded={{{position!r}}}.",
        )
    shape = aval_of(value).shape
    count = len(names)
    if len(shape) < count:
        raise ShapeError(
            f"vectorize: argument {position!r} has shape {shape}, and the core dimensions "
            f"({','.join(names)})",
            "Give it at least those axes.",
        )
    split = len(shape) - count
    for name, n in zip(names, shape[split:], strict=True):
        if sizes.setdefault(name, n) != n:
            raise ShapeError(
                f"vectorize: the core dimension {name!r} of argument {position!r} has length {n}, "
                f"and was {sizes[name]} before",
                "Give all arguments the same length along it.",
            )
    return shape[:split]


def _with_checks(
    results: list[Core] | None, sizes: dict[str, int], f: Callable[..., Any]
) -> Callable[[Any], list[Any]]:
    """A function that takes the results apart and compares them with the signature."""

    def check(found: Any) -> list[Any]:
        if results is None:
            return tree.leaves(found)
        each = list(found) if isinstance(found, (tuple, list)) else [found]
        if len(each) != len(results) or (len(results) > 1 and each[0] is found):
            raise ArgumentError(
                f"vectorize: the signature has {len(results)} results, and {describe(f)} returns "
                f"{type_of(found)}"
                + (f" of {len(each)}" if isinstance(found, (tuple, list)) else ""),
                "Return a tuple with one array a result.",
            )
        lengths = dict(sizes)
        for x, names in zip(each, results, strict=True):
            shape = aval_of(x).shape
            expected = tuple([lengths.setdefault(n, m) for n, m in zip(names, shape, strict=False)])
            if shape != expected or len(shape) != len(names):
                raise ShapeError(
                    f"vectorize: a result of {describe(f)} has shape {shape}, and the core "
                    f"dimensions ({','.join(names)})"
                    + "".join([f", {n}={lengths[n]}" for n in names if n in lengths]),
                    "Return what the signature says.",
                )
        return each

    return check


def _over_loops(
    core: Callable[..., Any],
    values: Sequence[Any],
    loops: Sequence[Shape],
    cores: Sequence[Core],
    check: Callable[[Any], list[Any]],
) -> Any:
    """``core`` under one vmap an axis of the broadcast loops."""
    try:
        broadcast = np.broadcast_shapes(*loops)
    except ValueError:
        raise ShapeError(
            f"vectorize: the arguments' shapes {', '.join(map(str, loops))} before the core "
            "dimensions do not broadcast",
            "Reshape one of them; x[:, None] adds an axis.",
        ) from None
    rank = len(broadcast)
    # Axes of length 1 are dropped from the arguments and given back to the results.
    mapped: list[list[bool]] = []
    squeezed: list[Any] = []
    for value, loop, names in zip(values, loops, cores, strict=True):
        padded = (1,) * (rank - len(loop)) + tuple(loop)
        own_axes = [n != 1 for n in padded]
        shape = aval_of(value).shape
        kept = tuple([n for n in padded if n != 1]) + shape[len(shape) - len(names) :]
        mapped.append(own_axes)
        squeezed.append(reshape(value, kept))
    treedef: Any = None

    def level(axis: int, given: Sequence[Any]) -> list[Any]:
        nonlocal treedef
        if axis == rank:
            found = core(*given)
            treedef = tree.structure(found)
            return check(found)
        flags = [axes[axis] for axes in mapped]
        if not any(flags):
            return level(axis + 1, given)
        return batch.vmap(lambda *xs: level(axis + 1, xs), broadcast[axis], given, flags)

    found = level(0, squeezed)
    count = sum(n != 1 for n in broadcast)
    taken = {id(v) for v in values}
    results = [
        own_result(reshape(x, (*broadcast, *aval_of(x).shape[count:])), taken) for x in found
    ]
    return tree.unflatten(treedef, results)
