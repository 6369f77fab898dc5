"""How the linear equations of implicit derivatives are solved.

`Dense` builds the matrix, `Given` asks a function of the user's. Both are made of operations that
have derivatives themselves, so implicit derivatives have derivatives of any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import tree
from ...core.ir import Aval, Jaxpr
from ...core.record import run
from ...core.source_info import place_of
from ...core.trace import aval_of
from ...errors import StructureError
from ...ops.complex import imag, make_complex, real
from ...ops.convert import convert
from ...ops.kinds import neg
from ...ops.linear import reshape, zeros
from ...ops.shape import Concatenate, crop
from ...ops.solve import solve, transpose_matrices
from ...transforms.vjp import vjp
from ...transforms.vmap import vmap
from ...tree import TreeDef
from ..program.trace_body import to_aval, unlike
from .implicit import LinearMap, Point

__all__ = ["Dense", "Given"]


class Dense:
    """Builds the matrix of the linear map, all its columns at once, and solves by LU.

    For ``n`` unknowns ``n`` applications of the map, ``n**2`` numbers and ``n**3 / 3`` steps.
    Complex unknowns count twice: the map need only be linear over the reals.
    """

    def solve(self, point: Point, y: Sequence[Any]) -> Sequence[Any]:
        ravel = Ravel(y)
        columns = ravel.images(point.map())
        return ravel.back(solve(transpose_matrices(columns), ravel.column(y)))

    def solve_transposed(self, point: Point, ct: Sequence[Any]) -> Sequence[Any]:
        ravel = Ravel(ct, cotangents=True)
        rows = ravel.images(point.transpose())
        return ravel.back(solve(transpose_matrices(rows), ravel.column(ct)))


class Ravel:
    """Flat values as one real vector, and back.

    Args:
        values: Values of the types.
        cotangents: Whether they pair with tangents by ``Re(sum(ct * t))``: then a complex number
            is the pair of its real part and minus its imaginary part.
    """

    def __init__(self, values: Sequence[Any], cotangents: bool = False) -> None:
        self.avals = [aval_of(v).strong() for v in values]
        self.dtype: np.dtype[Any] = np.result_type(*[_real(a) for a in self.avals])
        self.sizes = [a.size * (1 + (a.dtype.kind == "c")) for a in self.avals]
        self.cotangents = cotangents

    def images(self, a: LinearMap) -> Any:
        """The images of the standard basis under ``a``, one a row."""
        size = sum(self.sizes)
        basis = np.eye(size, dtype=self.dtype)

        def image(e: Any) -> list[Any]:
            return [self.vector(a(self.back(e)))]

        return vmap(image, size, [basis], [True])[0]

    def vector(self, values: Sequence[Any]) -> Any:
        """The values as a vector."""
        parts: list[Any] = []
        for x, aval in zip(values, self.avals, strict=True):
            if aval.dtype.kind == "c":
                minor = imag(x)
                parts += [(real(x), aval), (neg(minor) if self.cotangents else minor, aval)]
            else:
                parts.append((x, aval))
        flat = [reshape(convert(x, self.dtype), (aval.size,)) for x, aval in parts]
        return flat[0] if len(flat) == 1 else Concatenate(0)(*flat)

    def column(self, values: Sequence[Any]) -> Any:
        """The values as a matrix of one column."""
        return reshape(self.vector(values), (sum(self.sizes), 1))

    def back(self, vector: Any) -> list[Any]:
        """The values, from a vector or a column."""
        vector = reshape(vector, (sum(self.sizes),))
        start = 0
        values: list[Any] = []
        for aval, size in zip(self.avals, self.sizes, strict=True):
            part = crop(vector, 0, start, start + size) if len(self.sizes) > 1 else vector
            start += size
            kind = _real(aval)
            if aval.dtype.kind == "c":
                major, minor = crop(part, 0, 0, aval.size), crop(part, 0, aval.size, size)
                minor = neg(minor) if self.cotangents else minor
                part = make_complex(convert(major, kind), convert(minor, kind))
            values.append(reshape(convert(part, aval.dtype), aval.shape))
        return values


def _real(aval: Aval) -> np.dtype[Any]:
    dtype: np.dtype[Any] = aval.dtype.type(0).real.dtype
    # LAPACK has no half precision.
    return dtype if dtype.itemsize >= 4 else np.dtype(np.float32)


class Given:
    """A function of the user's, ``tangent_solve(g, y)``, that gives ``t`` with ``g(t) = y``.

    The transposed equation is solved by its transpose: as a function of ``y`` it is linear.

    Args:
        program: Its program, ``(*theta, *x, *y) -> t``.
    """

    def __init__(self, program: Jaxpr) -> None:
        self._program = program

    def solve(self, point: Point, y: Sequence[Any]) -> Sequence[Any]:
        return run(self._program, [*point.theta, *point.x, *y])

    def solve_transposed(self, point: Point, ct: Sequence[Any]) -> Sequence[Any]:
        # A linear function has one derivative everywhere, and at the cotangent itself an iteration
        # takes the steps that this right side needs.
        _, tape = vjp(lambda *y: self.solve(point, y), ct)
        pulled = tape.pullback(ct)
        return [
            zeros(aval_of(c).strong()) if p is None else p for c, p in zip(ct, pulled, strict=True)
        ]


def on_tree(a: LinearMap, treedef: TreeDef, avals: Sequence[Aval]) -> Callable[[Any], Any]:
    """A linear map as the user sees it, on pytrees."""

    def apply(t: Any) -> Any:
        leaves = tree.flatten_up_to(treedef, t, "the linear map: its argument", "the unknown")
        return tree.unflatten(
            treedef, a([to_aval(x, aval) for x, aval in zip(leaves, avals, strict=True)])
        )

    return apply


def solution(
    found: Any, treedef: TreeDef, avals: Sequence[Aval], what: str, f: Callable[..., Any]
) -> list[Any]:
    """The leaves of what a solver of the user's returned, converted to ``avals``.

    Raises:
        StructureError: Where it has another structure.
        ShapeError: Where a leaf has another shape.
        DtypeError: Where a leaf cannot be converted to its type.
    """
    leaves, given = tree.flatten(found)
    if given != treedef:
        raise StructureError(
            f"{what}: {place_of(f)} returns {given}, and the unknown is {treedef}",
            "Return the structure of the unknown.",
        )
    return [
        fit(x, aval, f"{what}: {place_of(f)} returns", tree.path_string(path))
        for x, aval, path in zip(leaves, avals, treedef.paths(), strict=True)
    ]


def fit(x: Any, aval: Aval, returns: str, path: str) -> Any:
    """``x`` as ``aval``.

    Raises:
        ShapeError: Where it has another shape.
        DtypeError: Where it is complex and ``aval`` is not.
    """
    have = aval_of(x)
    lost = have.dtype.kind == "c" and aval.dtype.kind != "c"
    if have.shape != aval.shape or lost:
        raise unlike(
            have,
            aval,
            f"{returns} {have}{f' at {path}' if path else ''}, and the unknown is {aval}",
            "Return the type of the unknown.",
        )
    return to_aval(x, aval)
