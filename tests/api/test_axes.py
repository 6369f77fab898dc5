"""Every axis that a function takes, in every spelling, in bounds and out: NumPy's answer or error.

The rows of `samples.calls` with an axis in them are called with every axis from two below the
lowest to one above the highest, every pair and every triple of them; so are methods.
"""

import ast
import inspect
import itertools
import operator
import re
import warnings

import numpy as np
import pytest
from samples.calls import ROWS
from samples.drawn_calls import public
from samples.holes import HOLES, PLAIN, SHAPES

import funcgrad.numpy as fnp
from funcgrad import jit, make_jaxpr, tree, vjp
from funcgrad.core.trace import aval_of
from funcgrad.errors import NotTraceableError
from funcgrad.testing.laws import same_answer

METHODS = [
    *[
        f"x.{name}(axis={{axes}})"
        for name in ("sum", "prod", "mean", "std", "var", "max", "min", "any", "all")
    ],
    *[f"x.{name}({{maybe}})" for name in ("argmax", "argmin", "cumsum", "cumprod")],
    *("x.squeeze({axes})", "x.repeat(2, {maybe})", "x.take([0, -1], {maybe})"),
    *("x.compress([True, False], {maybe})", "x.argsort({maybe})", "x.swapaxes({axis}, {axis})"),
    *("x.diagonal(0, {axis}, {axis})", "x.trace(0, {axis}, {axis})"),
    *("x.transpose({axis})", "x.transpose(({axis},))", "x.transpose({axis}, {axis})"),
    *("x.transpose({axis}, {axis}, {axis})", "x.transpose([{axis}, {axis}])"),
    *("np.add.reduce(x, {axes})", "np.multiply.reduce(x, axis={axes}, keepdims=True)"),
    *("np.maximum.reduce(x, {axes})", "np.add.accumulate(x, {axis})"),
    *("np.multiply.accumulate(x, axis={axis})", "np.logical_or.reduce(x, {axes})"),
]
CASES = [
    (name, row.text.replace("{f}", name), row.shapes, row.abstract)
    for row in ROWS
    for name in row.names.split()
    if HOLES.search(row.text) and ({*"fc"} & {*row.kinds})
] + [(text.partition("(")[0], text, "any", True) for text in METHODS]


def spellings(hole, rank):
    single = [*range(-rank - 1, rank + 1)]
    if hole == "axis":
        return single
    if hole == "maybe":
        return [None, *single]
    return [None, *single, (), *[(a,) for a in single], *itertools.product(single, repeat=2)]


def filled(text, rank):
    for plain, value in PLAIN.items():
        text = text.replace(plain, value)
    holes = HOLES.findall(text)
    for values in itertools.product(*[spellings(hole, rank) for hole in holes]):
        given = iter(values)
        yield HOLES.sub(lambda _, given=given: str(next(given)), text)


def outcome(run):
    try:
        return run(), None
    except Exception as error:
        return None, public(type(error))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def test_axes_are_numpys(case):
    _, text, shapes, abstract = case
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for shape in SHAPES[shapes]:
            x = np.random.default_rng(3).normal(size=shape)
            y = x * 2 if shape else x + 1
            for call in filled(text, len(shape)):
                check(call, x, y, abstract)


def check(call, x, y, abstract):
    f = eval(f"lambda x, y: {call}", {"np": np, "fnp": fnp})
    expected, numpys = outcome(lambda: f(np.asarray(x), y))
    given, error = outcome(lambda: vjp(lambda x: f(x, y), x)[0])
    at = f"{call} of {aval_of(x)}"
    assert error is None if numpys is None else error and issubclass(error, numpys), (
        f"{at}: {error or given}, where NumPy gives {numpys or expected}"
    )
    if numpys is None:
        same_answer(given, expected, at, 1e-9)
    if not abstract:
        return
    recorded, error = outcome(lambda: make_jaxpr(f)(x, y))
    if numpys is not None and error is None:  # an index out of bounds raises where it runs
        _, error = outcome(lambda: jit(f)(x, y))
    assert error is None if numpys is None else error and issubclass(error, numpys), (
        f"{at}, recorded: {error}, where NumPy gives {numpys or expected}"
    )
    if numpys is None:
        types = [out.aval.strong() for out in recorded.outputs]
        assert types == [aval_of(leaf).strong() for leaf in tree.leaves(expected)], at


AXES = {"axis", "axes", "axis1", "axis2", "axisa", "axisb", "axisc", "source", "destination"}
REFUSED = {"matmul": ["axes", "axis"], "vecdot": ["axes"]}
"""Arguments of generalised ufuncs that raise where they are given."""
REFUSED |= {name: ["axes", "axis"] for name in ("matvec", "vecmat")}


def test_every_parameter_that_is_an_axis_stands_in_a_row():
    given = {}
    for row in ROWS:
        for name in row.names.split():
            try:
                signature = inspect.signature(operator.attrgetter(name)(np))
            except ValueError:  # of a function written in C
                continue
            found = given.setdefault(name, [AXES & {*signature.parameters}, set()])
            if name == "rollaxis":
                found[0].add("start")
            text = row.text.replace("{f}", name)
            text = re.sub(r"\{(\w+)\}", r"\1", text)
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                    f"np.{name}",
                    f"fnp.{name}",
                ):
                    named = {k.arg: k.value for k in node.keywords if k.arg != "inplace"}
                    bound = signature.bind(*node.args, **named).arguments
                    found[1].update(
                        p
                        for p, value in bound.items()
                        if isinstance(value, ast.AST)
                        and re.search("axis|maybe|axes", ast.unparse(value))
                    )
    missing = {name: sorted(axes - found) for name, (axes, found) in given.items() if axes - found}
    assert missing == REFUSED


@pytest.mark.parametrize("name", REFUSED)
def test_axes_of_generalised_ufuncs_are_refused(name):
    x = np.ones((3, 3))
    for option in REFUSED[name]:
        with pytest.raises(NotTraceableError, match=option):
            vjp(lambda x: getattr(np, name)(x, x, **{option: [-1, -1, -1]}), x)  # noqa: B023
