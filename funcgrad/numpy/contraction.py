"""Einsum for tracers, as sums, diagonals and contractions of two operands at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.overwritten import share
from ..core.trace import aval_of
from ..errors import ShapeError
from ..ops.linalg import dot_general
from ..ops.linear import broadcast_to, reshape, shape_of, transpose
from ..ops.reduce import sum_over
from ..ops.shape import Diagonal
from .arguments import cast, is_given, operand, operands
from .dispatch import implements, refuse
from .shapes import moveaxis
from .summation import summed_first

__all__ = ["einsum", "einsum_path"]

# In ASCII order, in which an implicit result has its axes.
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _fail(subscripts: str, what: str) -> ShapeError:
    return ShapeError(
        f"numpy.einsum: {subscripts!r}: {what}",
        "Write one letter for each axis of each operand, as in 'ij,jk->ik'.",
    )


def _split_subscripts(arguments: Sequence[Any]) -> tuple[str, list[Any]]:
    """The subscripts and the operands, from either way to call einsum."""
    if isinstance(arguments[0], str):
        return arguments[0].replace(" ", ""), list(arguments[1:])
    rest = list(arguments)
    out = rest.pop() if len(rest) % 2 else None
    texts = [_sublist(labels) for labels in rest[1::2]]
    subscripts = ",".join(texts) + ("" if out is None else "->" + _sublist(out))
    return subscripts, rest[::2]


def _sublist(labels: Sequence[Any]) -> str:
    return "".join(["..." if label is Ellipsis else _LETTERS[label] for label in labels])


@lru_cache(1024)
def _parse(subscripts: str, ranks: tuple[int, ...]) -> tuple[tuple[str, ...], str]:
    """Letters for every axis of every operand and of the result; those of ``...`` are new ones."""
    left, arrow, right = subscripts.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise _fail(subscripts, f"{len(terms)} terms for {len(ranks)} operands")
    if not set(subscripts) <= set(_LETTERS + ".,->"):
        raise _fail(subscripts, "only letters name axes")
    free = [c for c in _LETTERS if c not in subscripts]
    most = 0
    for term, rank in zip(terms, ranks, strict=True):
        dots = term.count(".")
        if dots and (dots != 3 or "..." not in term):
            raise _fail(subscripts, "'...' stands for several axes, '.' for nothing")
        covered = rank - (len(term) - dots)
        if covered < 0 or (covered and not dots):
            raise _fail(subscripts, f"the term {term!r} for an operand of {rank} axes")
        most = max(most, covered) if dots else most
    wide = "".join(free[:most])
    labels = [
        term.replace("...", wide[most - (rank - len(term) + 3) :]) if "..." in term else term
        for term, rank in zip(terms, ranks, strict=True)
    ]
    if arrow:
        if most and "..." not in right:
            raise _fail(subscripts, "the result must have the '...' of the operands")
        out = right.replace("...", wide)
    else:
        once = "".join(terms).replace(".", "")
        out = wide + "".join([c for c in sorted(set(once)) if once.count(c) == 1])
    if "." in out or len(set(out)) < len(out) or set(out) - set("".join(labels)):
        raise _fail(subscripts, "an axis of the result must stand once there, and in an operand")
    return tuple(labels), out


def _diagonals(subscripts: str, x: Any, labels: str) -> tuple[Any, str]:
    """``x`` with one axis for each letter: the diagonal over those that have the same."""
    for c in sorted(set(labels)):
        while labels.count(c) > 1:
            i = labels.index(c)
            j = labels.index(c, i + 1)
            if shape_of(x)[i] != shape_of(x)[j]:
                raise _fail(subscripts, f"the axes {c!r} of {aval_of(x)} differ in length")
            x = Diagonal(0)(moveaxis(x, (i, j), (-2, -1)))
            labels = labels[:i] + labels[i + 1 : j] + labels[j + 1 :] + c
    return x, labels


def _sum_letters(x: Any, labels: str, keep: set[str]) -> tuple[Any, str]:
    axes = tuple([i for i, c in enumerate(labels) if c not in keep])
    left = "".join([c for c in labels if c in keep])
    dtype = aval_of(x).dtype
    if axes and dtype.kind in "biu":
        return cast(np.sum(x, axes), dtype), left  # einsum does not widen, as sums do
    return sum_over(x, axes), left


def _order_letters(x: Any, labels: str, out: str) -> Any:
    return transpose(x, tuple([labels.index(c) for c in out]))


def _contract(terms: list[tuple[Any, str]], out: str, as_they_are: bool) -> tuple[Any, str]:
    """Operands and their letters as one with the letters ``out``.

    The products of all are added up, as NumPy's are: a sum over one operand alone, done first,
    would make inf of ``inf * 0 + inf * 1``. What is summed last is a matrix product, with the
    operand without which the others make the smallest product. Operands that NumPy converts it
    reads through a buffer, and multiplies one by one.
    """
    keep = set(out)
    lengths = {c: n for x, labels in terms for c, n in zip(labels, shape_of(x), strict=True)}
    if len(terms) == 2 and as_they_are:
        first = summed_first((terms[0][1], terms[1][1]), out, tuple(lengths.items()))
        if first is not None:
            position, alone = first
            x, labels = terms[position]
            terms[position] = _sum_letters(x, labels, set(labels) - set(alone))
    elif len(terms) > 2:
        sizes = [
            math.prod([lengths[c] for c in set("".join([names for _, names in rest]))])
            for rest in [terms[:i] + terms[i + 1 :] for i in range(len(terms))]
        ]
        last = terms.pop(sizes.index(min(sizes)))
        everything = set("".join([names for _, names in terms]))
        product = terms[0]
        for term in terms[1:]:
            product = _product(product, term, everything)
        terms = [product, last]
    if len(terms) == 1:
        return _sum_letters(*terms[0], keep)
    return _sum_letters(*_product(terms[0], terms[1], keep), keep)


def _product(x: tuple[Any, str], y: tuple[Any, str], keep: set[str]) -> tuple[Any, str]:
    """Two operands multiplied, and summed over the letters of both that are not in ``keep``."""
    (a, labels_a), (b, labels_b) = x, y
    both = [c for c in labels_a if c in labels_b and c in keep]
    left = [c for c in labels_a if c not in labels_b]
    right = [c for c in labels_b if c not in labels_a]
    out = "".join([*both, *left, *right])
    return dot_general(f"{labels_a},{labels_b}->{out}")(a, b), out


@lru_cache(256)
def _path(
    labels: tuple[str, ...], out: str, shapes: tuple[tuple[int, ...], ...], optimize: Any
) -> list[tuple[int, ...]]:
    """Which operands to contract with each other, one after the other."""
    arrays = [np.broadcast_to(0.0, shape) for shape in shapes]
    subscripts = f"{','.join(labels)}->{out}"
    way = "greedy" if optimize is True else optimize
    return np.einsum_path(subscripts, *arrays, optimize=way)[0][1:]  # type: ignore[return-value]


@implements(np.einsum)
def einsum(*operands_: Any, out: Any = None, optimize: Any = False, **kwargs: Any) -> Any:
    """``numpy.einsum``; products of parts of the operands are summed first as ``optimize`` says."""
    refuse("einsum", out=out)
    dtype = kwargs.pop("dtype", None)
    kwargs.pop("casting", None)
    kwargs.pop("order", None)
    if kwargs:
        raise TypeError(f"Did not understand the following kwargs: {sorted(kwargs)}")
    subscripts, given_operands = _split_subscripts(operands_)
    xs = [operand(x) for x in given_operands]
    if is_given(dtype):
        xs = [cast(x, dtype) for x in xs]
    terms, target = _parse(subscripts, tuple([len(shape_of(x)) for x in xs]))
    labels = list(terms)
    for i, x in enumerate(xs):
        if len(set(labels[i])) < len(labels[i]):
            xs[i], labels[i] = _diagonals(subscripts, x, labels[i])
    _without_ones(subscripts, xs, labels)
    if len(xs) == 1:
        x, names = _sum_letters(xs[0], labels[0], set(target))
        result = _order_letters(x, names, target)
        if names == labels[0]:
            share(given_operands[0], result)  # nothing was summed: in NumPy it is a view
        return result
    path: Any = [range(len(xs))]
    if len(xs) > 2 and optimize is not False and optimize is not None:
        way = tuple(optimize) if isinstance(optimize, list) else optimize
        shapes = tuple([shape_of(x) for x in xs])
        known = isinstance(way, tuple) and way[:1] == ("einsum_path",)
        path = way[1:] if known else _path(tuple(labels), target, shapes, way)
    for group in path:
        group = sorted(group, reverse=True)
        own = [xs.pop(i) for i in group]
        as_they_are = len({aval_of(x).dtype for x in own}) == 1
        picked = list(zip(operands(own), [labels.pop(i) for i in group], strict=True))
        left = set().union(target, *labels) - set(target)
        out_here = "".join([c for c in target if any(c in names for _, names in picked)])
        kept = [c for c in sorted(left) if any(c in names for _, names in picked)]
        x, names = _contract(picked[::-1], out_here + "".join(kept), as_they_are)
        xs.append(x)
        labels.append(names)
    return _order_letters(xs[0], labels[0], target)


def _without_ones(subscripts: str, xs: list[Any], labels: list[str]) -> None:
    """Drop axes of length 1 that meet longer ones: they broadcast."""
    length: dict[str, int] = {}
    for x, names in zip(xs, labels, strict=True):
        for n, c in zip(shape_of(x), names, strict=True):
            known = length.setdefault(c, n)
            if known == 1:
                length[c] = n
            elif n not in (1, known):
                raise _fail(subscripts, f"the axes {c!r} have lengths {known} and {n}")
    for i, (x, names) in enumerate(zip(xs, labels, strict=True)):
        shape = shape_of(x)
        # A sum over no elements is 0, whatever the others are: they meet none of its elements.
        none = tuple([0 if length[c] == 0 else n for n, c in zip(shape, names, strict=True)])
        if none != shape:
            xs[i] = x = broadcast_to(x, none)
            shape = none
        kept = [j for j, c in enumerate(names) if shape[j] == length[c]]
        if len(kept) < len(names):
            xs[i] = reshape(x, tuple([shape[j] for j in kept]))
            labels[i] = "".join([names[j] for j in kept])


@implements(np.einsum_path)
def einsum_path(*operands_: Any, optimize: Any = "greedy", einsum_call: bool = False) -> Any:
    """``numpy.einsum_path``, which depends on shapes only."""
    subscripts, given_operands = _split_subscripts(operands_)
    arrays = [np.broadcast_to(0.0, shape_of(operand(x))) for x in given_operands]
    return np.einsum_path(subscripts, *arrays, optimize=optimize)
