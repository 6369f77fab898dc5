"""Dot_general, the one bilinear contraction behind matmul, dot, tensordot and einsum.

It says which axes meet as einsum does, ``'ij,jk->ik'``, and so its derivatives and its batched form
are other contractions of the same kind, found by rewriting that text. The NumPy that it runs is
planned once for each text: matrix products wherever BLAS can do them, on views, without copies.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.ir import Aval, make_aval
from ..core.primitive import Primitive, primitive
from ..errors import COMPILED, DtypeError, ShapeError
from .kernels.array import contract
from .kinds import add, mask_mul
from .linear import broadcast_to, reshape, shape_of, transpose

__all__ = ["DotGeneral", "dot_general"]

_LETTERS = "ijklmnopqrstuvwxyzabcdefgh"
_KNOWN: dict[str, DotGeneral] = {}
_KNOWN_MOST = 4096


@primitive
class DotGeneral(Primitive):
    """``einsum(spec, x, y)`` where every axis is batch, free or contracted.

    A letter in both operands and the result is a batch axis, one in an operand and the result a
    free axis, one in the operands alone a contracted axis; no letter stands in one place alone or
    twice in one operand. Complex numbers are not conjugated. Make one with `dot_general`, which
    knows the ones that exist.

    With result ``z`` and cotangent ``ct``, ``'ij,jk->ik'`` has the cotangents ``'ik,jk->ij'`` of
    ``(ct, y)`` and ``'ij,ik->jk'`` of ``(x, ct)``: ``ct @ y.T`` and ``x.T @ ct``.
    """

    spec: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        operands, out = self.spec.split("->")
        x, y = operands.split(",")
        if (
            any(len(set(labels)) != len(labels) for labels in (x, y, out))
            or set(x) - set(y + out)
            or set(y) - set(x + out)
            or set(out) - set(x + y)
        ):
            raise ValueError(f"dot_general: {self.spec!r} is not a contraction of two operands")
        self.labels = x, y, out
        self.sums = set(x + y) != set(out)
        self.template = plan(x, y, out)
        if self.template.startswith("contract"):
            self.__dict__["numpy"] = contract
        self.run = _compile(self.template)

    def source(self, *operands: str) -> str:
        return self.template.format(*operands)

    def aval(self, x: Aval, y: Aval) -> Aval:
        if x.dtype != y.dtype:
            raise DtypeError(
                f"dot_general: the operands' dtypes differ: {x} and {y}",
                "Bind numpy.matmul instead of the primitive; it promotes by NEP 50.",
            )
        a, b, out = self.labels
        size = dict(zip(a, x.shape, strict=True))
        for c, n in zip(b, y.shape, strict=True):
            if size.setdefault(c, n) != n:
                raise ShapeError(
                    f"dot_general {self.spec}: axis {a.index(c)} of {x} meets axis {b.index(c)} "
                    f"of {y}, and their lengths differ",
                    "Transpose or reshape one of them, so that the axes that are summed together "
                    "have one length.",
                )
        return make_aval(tuple([size[c] for c in out]), x.dtype)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        x, y = operands
        tx, ty = tangents
        from_x = None if tx is None else self(tx, y)
        if ty is None:
            return from_x
        from_y = self(x, ty)
        return from_y if from_x is None else add(from_x, from_y)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        x, y = operands
        a, b, c = self.labels
        cx = cy = None
        if wanted[0]:
            cx = _product(f"{c},{b}->{a}", ct, y, masked, 0)
        if wanted[1]:
            cy = _product(f"{a},{c}->{b}", x, ct, masked, 1)
        return cx, cy

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        # A batch that one operand alone has is one more free axis: still one matrix product.
        a, b, out = self.labels
        fresh = next(c for c in _LETTERS + _LETTERS.upper() if c not in a + b)
        first, second = (fresh if is_batched else "" for is_batched in batched)
        return dot_general(f"{first}{a},{second}{b}->{fresh}{out}")(*operands)


def dot_general(spec: str) -> DotGeneral:
    """The `DotGeneral` for ``spec``, one object for all texts that differ in letters only."""
    found = _KNOWN.get(spec)
    if found is None:
        names: dict[str, str] = {}
        fresh = iter(_LETTERS + _LETTERS.upper())
        letters = [
            c if c in ",->" else names.get(c) or names.setdefault(c, next(fresh)) for c in spec
        ]
        canonical = "".join(letters)
        if len(_KNOWN) >= _KNOWN_MOST:
            _KNOWN.clear()
        found = _KNOWN.get(canonical) or DotGeneral(canonical)
        _KNOWN[canonical] = _KNOWN[spec] = found
    return found


def _product(spec: str, x: Any, y: Any, masked: bool, ct_at: int) -> Any:
    """A cotangent; where nothing is summed it is an elementwise product and keeps to the mask."""
    primitive = dot_general(spec)
    if masked and not primitive.sums:
        a, b, out = primitive.labels
        factors = _spread_axes(x, a, out), _spread_axes(y, b, out)
        return mask_mul(factors[ct_at], factors[1 - ct_at])
    ct = (x, y)[ct_at]
    if type(ct) is np.ndarray and ct.size >= _LARGE and 0 in ct.strides and primitive.sums:
        return _of_repeated(primitive, [x, y], ct_at)
    return primitive(x, y)


_LARGE = 1024
"""Products of fewer elements cost less than looking for a quicker way."""


def _of_repeated(primitive: DotGeneral, operands: list[Any], at: int) -> Any:
    """A product whose operand ``at`` may repeat rows without storing them: each is used once.

    The cotangent of a sum is such an array: one number, broadcast.
    """
    repeated, labels = operands[at], primitive.labels[at]
    other, out = primitive.labels[1 - at], primitive.labels[2]
    once = [
        c in out and c not in other and not stride
        for c, stride in zip(labels, repeated.strides, strict=True)
    ]
    size = dict(zip(labels + other, (*repeated.shape, *shape_of(operands[1 - at])), strict=True))
    operands[at] = repeated[tuple([slice(1 if o else None) for o in once])]
    product = primitive(*operands)
    return broadcast_to(product, tuple([size[c] for c in out])) if any(once) else product


def _spread_axes(x: Any, labels: str, out: str) -> Any:
    """``x`` with its axes where ``out`` has them, and length 1 for the others."""
    x = transpose(x, tuple(sorted(range(len(labels)), key=lambda i: out.index(labels[i]))))
    size = dict(zip(sorted(labels, key=out.index), shape_of(x), strict=True))
    return reshape(x, tuple([size.get(c, 1) for c in out]))


def plan(x: str, y: str, out: str) -> str:
    """The NumPy expression, a template over ``{0}`` and ``{1}``, that computes ``x,y->out``."""
    batch = [c for c in out if c in x and c in y]
    kept_x = [c for c in x if c in out and c not in y]
    kept_y = [c for c in y if c in out and c not in x]
    summed = [c for c in x if c not in out]
    if not summed:
        return f"{_align('{0}', x, out)} * {_align('{1}', y, out)}"
    simple = len(kept_x) <= 1 and len(kept_y) <= 1 and len(summed) == 1
    if batch and not kept_x and not kept_y:
        return f"np.einsum('{x},{y}->{out}', {{0}}, {{1}})"
    if batch and not simple:
        return f"contract({{0}}, {{1}}, '{x},{y}->{out}')"
    if batch:
        return _batch_spec(x, y, out, batch, kept_x, kept_y, summed)
    if simple:
        return _matrices(x, y, out, kept_x, kept_y)
    return _tensordot(x, y, out, kept_x, kept_y, summed)


def _align(name: str, labels: str, out: str) -> str:
    """``name`` with new axes of length 1 where ``out`` has a letter that it lacks."""
    ordered = sorted(labels, key=out.index)
    text = _transpose(name, labels, ordered)
    index = [":" if c in labels else "None" for c in out]
    while index and index[0] == "None":
        del index[0]
    return f"{text}[{', '.join(index)}]" if "None" in index else text


def _transpose(name: str, labels: str, order: Sequence[str]) -> str:
    if list(labels) == list(order):
        return name
    if list(labels) == list(order)[::-1]:
        return f"{name}.T"
    if list(labels[:-2]) == list(order[:-2]) and labels[-2:] == order[-1] + order[-2]:
        return f"{name}.mT"
    return f"np.transpose({name}, {tuple([labels.index(c) for c in order])})"


def _matrices(x: str, y: str, out: str, kept_x: list[str], kept_y: list[str]) -> str:
    """Products of vectors and matrices, transposed as views; BLAS takes them as they are."""
    if kept_x and kept_y:
        first, second = ("{0}", x), ("{1}", y)
        if out[0] in kept_y:
            first, second = second, first
        left = first[0] if first[1][0] == out[0] else f"{first[0]}.T"
        right = second[0] if second[1][1] == out[1] else f"{second[0]}.T"
        return f"{left} @ {right}"
    if kept_x:
        return "{0} @ {1}" if x[0] in kept_x else "{1} @ {0}"
    if kept_y:
        return "{0} @ {1}" if y[1] in kept_y else "{1} @ {0}"
    return "{0} @ {1}"


def _batch_spec(
    x: str,
    y: str,
    out: str,
    batch: list[str],
    kept_x: list[str],
    kept_y: list[str],
    summed: list[str],
) -> str:
    """A stack of such products."""
    left = _stack("{0}", x, [*batch, *kept_x, *summed], 2 if kept_x else 1)
    right = _stack("{1}", y, [*batch, *summed, *kept_y], 2 if kept_y else 1)
    if not kept_x:
        return _reorder(f"({left}[..., None, :] @ {right})[..., 0, :]", [*batch, *kept_y], out)
    if not kept_y:
        return _reorder(f"({left} @ {right}[..., None])[..., 0]", [*batch, *kept_x], out)
    if out.index(kept_y[0]) < out.index(kept_x[0]):
        left = _stack("{1}", y, [*batch, *kept_y, *summed], 2)
        right = _stack("{0}", x, [*batch, *summed, *kept_x], 2)
        kept_x, kept_y = kept_y, kept_x
    return _reorder(f"{left} @ {right}", [*batch, *kept_x, *kept_y], out)


def _stack(name: str, labels: str, order: list[str], core: int) -> str:
    text = _transpose(name, labels, order)
    # BLAS needs one of the core axes contiguous; a copy is far cheaper than doing without.
    return f"np.ascontiguousarray({text})" if labels[-1] not in order[-core:] else text


def _reorder(text: str, order: list[str], out: str) -> str:
    if order == list(out):
        return text
    return f"np.transpose({text}, {tuple([order.index(c) for c in out])})"


def _tensordot(
    x: str, y: str, out: str, kept_x: list[str], kept_y: list[str], summed: list[str]
) -> str:
    first, second, order = ("{0}", x), ("{1}", y), kept_x + kept_y
    if order != list(out) and kept_y + kept_x == list(out):
        first, second, order = second, first, kept_y + kept_x
    axes = tuple([tuple([labels.index(c) for c in summed]) for _, labels in (first, second)])
    text = f"np.tensordot({first[0]}, {second[0]}, {axes})"
    return f"{text}[()]" if not out else _reorder(text, order, out)


_FUNCTIONS: dict[str, Callable[..., Any]] = {"{0} @ {1}": operator.matmul}


def _compile(template: str) -> Callable[..., Any]:
    function = _FUNCTIONS.get(template)
    if function is None:
        text = f"lambda x, y: {template.format('x', 'y')}"
        code = compile(text, f"<{template}, {COMPILED}>", "eval")
        function = _FUNCTIONS[template] = eval(code, {"np": np, "contract": contract})
    return function
