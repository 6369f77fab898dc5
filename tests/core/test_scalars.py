"""The numbers in a call, traced: Python's give way to float32 as they do when they are written.

Each number that stands in a row of `samples.calls` becomes an argument, a Python number or one of
NumPy's, of `jit` and of `vjp`. What is given has NumPy's value and type, or the call is refused.
"""

import ast
import warnings

import numpy as np
import pytest
from samples.calls import ROWS
from samples.drawn_calls import tolerance
from samples.holes import HOLES, PLAIN
from samples.holes import SHAPES as ALL_SHAPES

import funcgrad.numpy as fnp
from funcgrad import jit, tree, vjp
from funcgrad.errors import FuncgradError
from funcgrad.testing.laws import same_answer

SHAPES = {name: shapes[-1] for name, shapes in ALL_SHAPES.items()}
SHAPES |= {"any": (2, 3), "matrix": (2, 3), "vector": (3,), "filled": (4,)}
DTYPES = {"f": ["f2", "f4", "f8"], "i": ["i1"], "b": ["?"], "c": ["c8"], "u": ["u1"]}
KINDS = [lambda v: v, np.float32, np.float64, np.float16, np.int32]


class Lift(ast.NodeTransformer):
    """Numbers become names, kept in ``numbers``."""

    def __init__(self):
        self.numbers = []

    def visit_Constant(self, node):
        if type(node.value) not in (int, float):
            return node
        self.numbers.append(node.value)
        return ast.parse(f"numbers[{len(self.numbers) - 1}]", mode="eval").body


def lifted(text):
    """A function of the operands and the numbers, and the numbers."""
    for plain, value in PLAIN.items():
        text = text.replace(plain, value)
    lift = Lift()
    body = ast.unparse(lift.visit(ast.parse(HOLES.sub("0", text), mode="eval")))
    return eval(f"lambda x, y, numbers: {body}", {"np": np, "fnp": fnp}), lift.numbers


CASES = [
    (name, row)
    for row in ROWS
    if row.abstract  # others need values, which jit has not
    for name in row.names.split()
    if lifted(row.text.replace("{f}", name))[1]
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1].text}")
def test_traced_numbers(case):
    name, row = case
    f, numbers = lifted(row.text.replace("{f}", name))
    rng = np.random.default_rng(5)
    values = rng.uniform(0.3, 3, SHAPES[row.shapes])
    for kind in row.kinds.replace("s", ""):
        for dtype in DTYPES[kind]:
            if row.normal and dtype == "f2":
                continue
            x = (values + 1j * values[::-1] if kind == "c" else values).astype(dtype)
            y = (x[::-1] * 1.25).astype(dtype)
            for place, number in enumerate(numbers):
                for make in KINDS:
                    if make is not np.int32 or number == int(number):
                        check(f, x, y, numbers, place, make(number))


def check(f, x, y, numbers, place, number):
    def g(x, y, number):
        return f(x, y, [*numbers[:place], number, *numbers[place + 1 :]])

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            expected = g(x, y, number)
        except (TypeError, ValueError, IndexError):
            return
        leaves = tree.leaves(expected)
        if any(np.asarray(leaf).dtype.kind not in "biufc" for leaf in leaves):
            return
        results = {"jit": lambda: jit(g)(x, y, number)}
        if isinstance(number, float | np.floating):
            results["vjp"] = lambda: vjp(lambda number: g(x, y, number), number)[0]
        for name, run in results.items():
            try:
                found = run()
            except (TypeError, OverflowError):  # it has no value: a length, an axis, a dtype
                continue
            except ValueError as error:  # initial= of an array, which NumPy does not ask us for
                assert isinstance(error.__cause__, FuncgradError)
                continue
            rtol = tolerance([x, *leaves])
            same_answer(found, expected, f"{name} of {type(number).__name__} {number}", rtol)
