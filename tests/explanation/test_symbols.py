"""How operations are shown: formulas are the derivatives, and a primitive may state its own."""

import re

import numpy as np
import pytest

from funcgrad import explain
from funcgrad.core import primitive as protocol
from funcgrad.explanation import symbols
from funcgrad.explanation.symbols import formula_of, symbol_of
from funcgrad.extend import Elementwise, mul
from funcgrad.ops.arithmetic import ScalarPow
from tests.samples import every_primitive

every_primitive()
STATED = {name: formulas for name, (_, formulas) in symbols._SHOWN.items() if formulas}
SIGNS = {
    "\N{MINUS SIGN}": "-",
    "\N{SUPERSCRIPT TWO}": "**2",
    "\N{DOT OPERATOR}": "*",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
    "e\N{MODIFIER LETTER SMALL U}": "np.exp(u)",
}


def python(formula):
    """The mathematics of a formula as Python."""
    for sign, text in SIGNS.items():
        formula = formula.replace(sign, text)
    formula = re.sub(r"\b(sinh|cosh|sin|cos|log|sign) (\w)", r"np.\1(\2)", formula)
    formula = re.sub(r"(\d)([uy])", r"\1*\2", formula).replace("y(", "y*(")
    return formula.replace("/u**2", "/(u**2)").strip("[]")


@pytest.mark.parametrize("name", STATED)
def test_a_formula_is_the_derivative(name):
    operation = protocol.REGISTRY[name]()
    at = [0.75, 1.5][: len(STATED[name])] if name != "remainder" else [1.75, 1.5]
    found = explain(operation, *at)
    (node,) = [n for n in found.graph.nodes if n.kind == "operation"]
    for k, formula in enumerate(STATED[name]):
        values = {"u": at[0], "v": at[-1], "y": float(found.value), "np": np}
        assert node.operands[k].formula == formula
        np.testing.assert_allclose(float(eval(python(formula), values)), node.operands[k].local)


@pytest.mark.parametrize("exponent", [2, 3, -1, 0.5, 1])
def test_a_power_has_the_formula_of_its_exponent(exponent):
    found = explain(lambda x: x**exponent, 1.75)
    nodes = [n for n in found.graph.nodes if n.operation == "scalar_pow"]
    for node in nodes:
        text = node.operands[0].formula.replace("^", "**")
        value = eval(python(text).replace("u**", "*u**").replace("**u", "*u"), {"u": 1.75})
        np.testing.assert_allclose(value, node.operands[0].local)
    assert symbol_of(ScalarPow(3, True)) == "u^3"


def test_a_primitive_may_state_how_it_is_shown_and_need_not(monkeypatch):
    monkeypatch.setattr(protocol, "REGISTRY", dict(protocol.REGISTRY))

    @protocol.primitive
    class Third(Elementwise):
        numpy = "{0} / 3"
        partials = (lambda out, x: mul(x, 0.0) + 1 / 3,)

    assert (symbol_of(Third()), formula_of(Third(), 0)) == ("third", "")
    Third.shown = "\N{VULGAR FRACTION ONE THIRD}", ("1/3",)
    found = explain(lambda x: Third()(x), 1.5)
    (node,) = [n for n in found.graph.nodes if n.kind == "operation"]
    assert node.symbol == "\N{VULGAR FRACTION ONE THIRD}"
    assert (node.operands[0].formula, node.operands[0].local) == ("1/3", 1 / 3)
    assert formula_of(Third(), 1) == ""
