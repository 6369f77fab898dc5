"""`from_torch`: a function or module of PyTorch's in programs of funcgrad's."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..core.ir import Aval, make_aval
from ..errors import ArgumentError, DtypeError, entry
from . import require
from .foreign import Batches, Known, flat_function, restrict

require.torch("from_torch")

import numpy as np  # noqa: E402
import torch  # noqa: E402

__all__ = ["from_torch"]


@entry
def from_torch(f: Any, *, order: int = 1) -> Callable[..., Any]:
    """A function or module of PyTorch's as a function of NumPy's arrays.

    Its derivatives are PyTorch's (`torch.func.vjp` and `torch.func.jvp`), and `vmap` of it is
    `torch.func.vmap`. What ``f`` returns without writing to its arguments is not copied; what it is
    given is, since it might.

    Args:
        f: A function of tensors, or a `torch.nn.Module`, whose parameters become the first
            argument: a dict of arrays by their names. ``from_torch(module).params`` has them, as
            copies. Buffers stay in the module. It must be pure: a module that draws random numbers
            or counts in training is put to ``module.eval()`` first.
        order: How often it may be differentiated.

    Returns:
        ``g(*args)``, for a module ``g(params, *args)``. Results are NumPy's arrays.

    Raises:
        ArgumentError: ``f`` is no function, or ``order`` no number.
        MissingExtraError: PyTorch is not installed.
        MissingRuleError: It is differentiated more often than ``order`` says.

    >>> import funcgrad as fg
    >>> import torch
    >>> norm = from_torch(lambda x: torch.sqrt((x**2).sum()))
    >>> norm(np.array([3.0, 4.0])), fg.grad(norm)(np.array([3.0, 4.0]))
    (np.float64(5.0), array([0.6, 0.8]))
    """
    module = f if isinstance(f, torch.nn.Module) else None
    if module is not None:
        f = _with_parameters(module)
    known = Known(_TORCH, f, order)

    @functools.wraps(f)
    def evaluate(*args: Any, **kwargs: Any) -> Any:
        return known(_flatten, args, kwargs)

    call = entry(evaluate)
    if module is None:
        return call
    call.__name__ = call.__qualname__ = type(module).__name__
    call.params = {  # type: ignore[attr-defined]
        name: np.array(x.detach().cpu().numpy()) for name, x in module.named_parameters()
    }
    return call


def _with_parameters(module: Any) -> Callable[..., Any]:
    names = {name for name, _ in module.named_parameters()}

    def call(params: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(params, dict) or set(params) != names:
            got = sorted(params) if isinstance(params, dict) else type(params).__name__
            raise ArgumentError(
                f"from_torch: the first argument of a module is its parameters, {sorted(names)}, "
                f"and got {got}",
                "Pass what from_torch(module).params gives, or a dict of those names.",
            )
        return torch.func.functional_call(module, params, args, kwargs)

    call.__name__ = type(module).__name__
    return call


def _flatten(f: Any, treedef: Any, rest: dict[int, Any], numbers: Sequence[int]) -> Any:
    return flat_function(f, treedef, rest, numbers, _require_tensor)


def _require_tensor(x: Any) -> Any:
    if not isinstance(x, torch.Tensor):
        raise DtypeError(
            f"from_torch: the function returned a {type(x).__name__}",
            "Return tensors, and pytrees of them.",
        )
    return x


_DTYPES = {
    np.dtype(name): getattr(torch, "bool" if name == "bool" else name)
    for name in (
        *("bool", "uint8", "int8", "int16", "int32", "int64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    )
}
_NUMPY = {kind: dtype for dtype, kind in _DTYPES.items()}


def _tensor(x: Any) -> Any:
    """A tensor of its own."""
    array = np.array(x)
    if array.dtype not in _DTYPES:
        raise DtypeError(
            f"from_torch: an argument is {array.dtype}, a dtype that PyTorch does not have",
            "Convert it with astype, as to int64.",
        )
    return torch.from_numpy(array)


class _Torch:
    """What PyTorch does with flat functions; see `foreign.Kind`."""

    name = "from_torch"

    def avals(self, f: Any, avals: Sequence[Aval]) -> Sequence[Aval]:
        with torch.no_grad():
            found = f(*[_tensor(np.ones(aval.shape, aval.dtype)) for aval in avals])
        for x in found:
            if x.dtype not in _NUMPY:
                raise DtypeError(
                    f"from_torch: the function returns {x.dtype}{list(x.shape)}, a dtype that "
                    "NumPy does not have",
                    "Convert it in the function, as with x.float().",
                )
        return [make_aval(tuple(x.shape), _NUMPY[x.dtype]) for x in found]

    def call(self, f: Any, batches: Batches, operands: Sequence[Any]) -> Sequence[Any]:
        for size, flags in reversed(batches):
            axes = tuple([0 if flag else None for flag in flags])
            f = torch.func.vmap(f, in_dims=axes) if any(flags) else _repeat(f, size)
        given = [_tensor(x) for x in operands]
        with torch.no_grad():
            found = f(*given)
        return [_array(x) for x in found]

    def pullback(self, f: Any, count: int, wanted: Sequence[int], given: Sequence[int]) -> Any:
        def pull(*args: Any) -> tuple[Any, ...]:
            part = restrict(f, args[:count], wanted, given)
            with torch.enable_grad():
                pullback: Any = torch.func.vjp(part, *[args[i] for i in wanted])[1]
                return tuple(pullback(tuple(args[count:])))

        return pull

    def push(self, f: Any, count: int, moving: Sequence[int], given: Sequence[int]) -> Any:
        def push(*args: Any) -> tuple[Any, ...]:
            part = restrict(f, args[:count], moving, given)
            points = tuple([args[i] for i in moving])
            return tuple(torch.func.jvp(part, points, tuple(args[count:]))[1])

        return push


def _repeat(f: Any, size: int) -> Any:
    def repeated(*operands: Any) -> tuple[Any, ...]:
        return tuple([x.expand((size, *x.shape)).clone() for x in f(*operands)])

    return repeated


def _array(x: Any) -> Any:
    """A result as an array: its memory, where nobody else has it."""
    x = x.detach()
    if x.is_conj() or x.is_neg() or x.device.type != "cpu":
        x = x.resolve_conj().resolve_neg().cpu()
    return np.array(x.numpy())


_TORCH = _Torch()
