"""Attributes and methods of tracers, those of `numpy.ndarray`. Installed at import.

What would write into a traced value raises and says what to write instead; so does what would take
a value out of it. An attribute that arrays have and tracers do not names the NumPy function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from ..core.overwritten import part
from ..core.trace import Tracer
from ..errors import ArgumentError, TracerAssignmentError, UnknownAttributeError, entry, trim
from ..ops.convert import Convert
from ..ops.linear import reshape
from .arguments import cast
from .dispatch import counterpart_of, name_of, refuse
from .inplace import copy_tracer
from .promote import strong

__all__ = ["install"]


def install(namespace: Any) -> None:
    """Give `Tracer` the attributes and methods of an array.

    Args:
        namespace: The array API's namespace, `funcgrad.numpy`.
    """

    def array_namespace(self: Tracer, *, api_version: str | None = None) -> Any:
        return namespace

    for name, function in _METHODS.items():
        setattr(Tracer, name, entry(_method(name, function)))
    for name, advice in _WRITING.items():
        setattr(Tracer, name, entry(_writing(name, advice)))
    for name, (read, advice) in _ATTRIBUTES.items():
        getter = read if name in _FACTS else entry(read)
        setattr(Tracer, name, property(getter, entry(_unwriteable(name, advice))))
    functions: list[Any] = [
        *(astype, reshape_, transpose, flatten, ravel, copy, clip, item, tolist, nonzero),
        *(choose, compress, conj, conjugate, to_device),
    ]
    for function in functions:
        setattr(Tracer, function.__name__.rstrip("_"), entry(function))
    special: dict[str, Any] = {
        "__setitem__": _setitem,
        "__delitem__": _delitem,
        "__len__": _len,
        "__iter__": _iter,
        "__contains__": _contains,
        "__copy__": lambda self: copy_tracer(self),
        "__deepcopy__": lambda self, memo: copy_tracer(self),
        "__array_namespace__": array_namespace,
    }
    for name in _CONVERSIONS:
        special[name] = vars(Tracer)[name]
    for name, function in special.items():
        setattr(Tracer, name, entry(function))
    Tracer.__getitem__ = entry(_getitem)  # type: ignore[attr-defined]
    Tracer.__getattr__ = _getattr  # type: ignore[attr-defined]


_CONVERSIONS = (
    *("__bool__", "__float__", "__int__", "__complex__", "__index__", "__array__", "__hash__"),
    *("__str__", "__repr__", "__format__", "__reduce__"),
)
_FACTS = ("shape", "dtype", "ndim", "size", "itemsize", "nbytes", "device")
"""Attributes that every tracer has, leaked ones too."""

_METHODS: dict[str, Any] = {
    name: getattr(np, name)
    for name in (
        *("sum", "prod", "mean", "std", "var", "max", "min", "argmax", "argmin", "any", "all"),
        *("cumsum", "cumprod", "round", "repeat", "take", "swapaxes", "squeeze", "diagonal"),
        *("trace", "dot", "argsort", "searchsorted"),
    )
}


def _method(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Tracer, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__ = name
    method.__qualname__ = f"Tracer.{name}"
    method.__doc__ = f"`numpy.{name}` of this value."
    return method


def astype(
    self: Tracer,
    dtype: Any,
    order: str = "K",
    casting: Any = "unsafe",
    subok: bool = True,
    copy: bool = True,
) -> Any:
    """This value converted to ``dtype``."""
    if casting != "unsafe" and not np.can_cast(self.aval.dtype, dtype, casting):
        raise TypeError(
            f"Cannot cast array data from {self.aval.dtype!r} to {np.dtype(dtype)!r} according to "
            f"the rule {casting!r}"
        )
    from .create import laid, numeric

    out = cast(self, numeric(dtype))
    return copy_tracer(out) if out is self and copy else laid(self, out, order)


def reshape_(self: Tracer, *shape: Any, order: Any = "C", copy: Any = None) -> Any:
    """`numpy.reshape`; the shape as one tuple or as several integers."""
    return np.reshape(self, shape[0] if len(shape) == 1 else shape, order)


def transpose(self: Tracer, *axes: Any) -> Any:
    """`numpy.transpose`; the axes as one tuple or as several integers."""
    return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)


def flatten(self: Tracer, order: Any = "C") -> Any:
    """One dimension; a copy."""
    return copy_tracer(np.ravel(self, order))


def ravel(self: Tracer, order: Any = "C") -> Any:
    """`numpy.ravel` of this value."""
    return np.ravel(self, order)


def copy(self: Tracer, order: Any = "C") -> Any:
    """The value under a new name, which an operator in place does not reach."""
    if order != "C":
        from .orders import require_order

        require_order(order)
    return copy_tracer(strong(self))


def clip(self: Tracer, min: Any = None, max: Any = None, out: Any = None) -> Any:
    """`numpy.clip` of this value."""
    refuse("clip", out=out)
    return np.clip(self, min, max)


def conj(self: Tracer) -> Any:
    """The complex conjugate; of real numbers, booleans too, it is this value itself."""
    aval = self.aval
    if aval.dtype.kind != "c":
        return Convert(np.dtype(int), True)(self) if aval.weak and aval.dtype.kind == "b" else self
    out: Any = np.conjugate(self)
    return Convert(aval.dtype, True)(out) if aval.weak else out


def conjugate(self: Tracer) -> Any:
    """See `conj`."""
    return conj(self)


def choose(self: Tracer, choices: Any, out: Any = None, mode: Any = "raise") -> Any:
    """`numpy.choose` by this value."""
    return np.choose(self, choices, out, mode)


def compress(self: Tracer, condition: Any, axis: Any = None, out: Any = None) -> Any:
    """`numpy.compress` of this value."""
    return np.compress(condition, self, axis, out)


def nonzero(self: Tracer) -> Any:
    """`numpy.nonzero` of this value."""
    return np.nonzero(self)


def item(self: Tracer, *args: Any) -> Any:
    """A Python number; raises where it would cut a gradient or there is no value."""
    if args:
        key = args[0] if len(args) == 1 else args
        x: Any = self
        return item(x[key] if isinstance(key, tuple) else x.ravel()[key])
    if self.aval.size != 1:
        raise ArgumentError(
            f"item: can only convert an array of size 1 to a Python scalar, got {self.aval}",
            "Index first, as in x[i].",
        )
    return np.asarray(self.frame.concrete(self, "item")).item()


def to_device(self: Tracer, device: Any, /, *, stream: Any = None) -> Any:
    """``x`` itself, on the one device there is, ``"cpu"``, as NumPy."""
    np.empty(0).to_device(device, stream=stream)  # NumPy's errors
    return self


def tolist(self: Tracer) -> Any:
    """Nested lists of traced scalars, through which gradients pass."""
    if not self.aval.shape:
        return self
    return [part.tolist() for part in _iter(self)]


def _getitem(self: Tracer, key: Any) -> Any:
    """``x[key]`` the first time; from then on `getitem` stands in this method's place."""
    from .getitem import getitem

    Tracer.__getitem__ = getitem  # type: ignore[attr-defined]
    return getitem(self, key)


def _at(self: Tracer) -> Any:
    from .update import At

    return At(self)


def _len(self: Tracer) -> int:
    if not self.aval.shape:
        raise TypeError("len() of unsized object")
    return self.aval.shape[0]


def _iter(self: Tracer) -> Iterator[Any]:
    shape = self.aval.shape
    if not shape:
        raise TypeError("iteration over a 0-d array")
    from ..ops.unstack import unstack

    parts = unstack(self) if shape[0] else ()
    if len(shape) > 1:
        part(self, parts)
    return iter(parts)


def _contains(self: Tracer, value: Any) -> bool:
    return bool(np.any(np.equal(self, value)))


def _setitem(self: Tracer, key: Any, value: Any) -> NoReturn:
    raise TracerAssignmentError(
        f"assignment: a traced value, {self.aval}, cannot be written into",
        "Write x = at(x)[i].set(value), with at from funcgrad.numpy, or numpy.where(mask, value, "
        "x); x = at(x)[i].add(value) for x[i] += value. It takes plain arrays too, which x.at does "
        "not.",
    )


def _delitem(self: Tracer, key: Any) -> NoReturn:
    raise TracerAssignmentError(
        f"del: elements of a traced value, {self.aval}, cannot be deleted",
        "Build the array of the others: numpy.concatenate([x[:i], x[i + 1:]]).",
    )


_SET = "Write x = funcgrad.numpy.at(x)[i].set(value), or numpy.where(mask, value, x)."
_WRITING = {
    "fill": "Write x = numpy.full_like(x, value), or funcgrad.numpy.full_like for a traced value.",
    "sort": "Write x = numpy.sort(x).",
    "partition": "Write x = numpy.sort(x).",
    "put": _SET,
    "itemset": _SET,
    "setfield": _SET,
    "resize": "Write x = x.reshape(shape), or numpy.resize(x, shape).",
    "setflags": "A traced value has no memory of its own; it never changes.",
    "byteswap": "A traced value has no memory of its own.",
}


def _writing(name: str, advice: str) -> Callable[..., NoReturn]:
    def method(self: Tracer, *args: Any, **kwargs: Any) -> NoReturn:
        raise TracerAssignmentError(
            f"{name}: a traced value, {self.aval}, cannot be written into", advice
        )

    method.__name__ = name
    method.__qualname__ = f"Tracer.{name}"
    method.__doc__ = f"Raises: traced values never change. {advice}"
    return method


_ATTRIBUTES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "shape": (lambda self: self.aval.shape, "Write x = x.reshape(shape)."),
    "dtype": (lambda self: self.aval.dtype, "Write x = x.astype(dtype)."),
    "ndim": (lambda self: len(self.aval.shape), "Write x = x.reshape(shape)."),
    "size": (lambda self: self.aval.size, "Write x = x.reshape(shape)."),
    "itemsize": (lambda self: self.aval.dtype.itemsize, "Write x = x.astype(dtype)."),
    "nbytes": (
        lambda self: self.aval.size * self.aval.dtype.itemsize,
        "Write x = x.astype(dtype).",
    ),
    "T": (lambda self: np.transpose(self), _SET),
    "mT": (lambda self: np.matrix_transpose(self), _SET),
    "real": (lambda self: np.real(self), "Write x = value + 1j * x.imag."),
    "imag": (lambda self: np.imag(self), "Write x = x.real + 1j * value."),
    "flat": (lambda self: reshape(strong(self), (self.aval.size,)), _SET),
    "at": (_at, _SET),
    "device": (lambda self: "cpu", "There is one device."),
}


def _unwriteable(name: str, advice: str) -> Callable[[Any, Any], NoReturn]:
    def write(self: Tracer, value: Any) -> NoReturn:
        raise TracerAssignmentError(
            f"x.{name} = ...: a traced value, {self.aval}, never changes", advice
        )

    return write


_NO_COUNTERPART = {
    "tobytes": "It needs a value; return the traced value and call it on the result.",
    "tofile": "It needs a value; return the traced value and call it on the result.",
    "dump": "It needs a value; return the traced value and call it on the result.",
    "dumps": "It needs a value; return the traced value and call it on the result.",
    "view": "A traced value has no memory of its own; convert it with x.astype(dtype).",
    "getfield": "A traced value has no memory of its own.",
    "argpartition": "Use numpy.argsort(x).",
    "base": "A traced value has no memory of its own.",
    "ctypes": "A traced value has no memory of its own.",
    "data": "A traced value has no memory of its own.",
    "flags": "A traced value has no memory of its own.",
    "strides": "A traced value has no memory of its own.",
    "ptp": "NumPy 2 has it as a function: numpy.ptp(x).",
    "newbyteorder": "A traced value is in native byte order.",
    # What users of other libraries write.
    "backward": "A gradient is a function: write grad(f)(x).",
    "grad": "A gradient is what grad(f)(x) returns.",
    "requires_grad": "What is differentiated is an argument: write grad(f)(x).",
    "detach": "Write stop_gradient(x).",
    "numpy": "NumPy's functions take it as it is.",
    "block_until_ready": "Leave it out: results are there when a call returns.",
}


def _getattr(self: Tracer, name: str) -> NoReturn:
    if name.startswith("__"):
        raise AttributeError(f"a traced value has no attribute {name!r}")
    try:
        _refuse_attribute(self, name)
    except UnknownAttributeError as error:
        trim(error)
        raise


def _refuse_attribute(self: Tracer, name: str) -> NoReturn:
    advice = _NO_COUNTERPART.get(name)
    function = getattr(np, name, None)
    if advice is None:
        import difflib

        near = difflib.get_close_matches(name, [n for n in dir(self) if n[0] != "_"], 1)
        if counterpart_of(function) is not None or isinstance(function, np.ufunc):
            advice = f"There is the function {name_of(function)}(x)."
        elif near:
            advice = f"The nearest that it has is {near[0]}."
        else:
            advice = "It has the attributes of numpy.ndarray."
    raise UnknownAttributeError(f"a traced value, {self.aval}, has no attribute {name!r}", advice)
