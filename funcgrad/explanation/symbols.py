"""How operations are shown: their symbols and the formulas of their local derivatives.

In formulas ``u`` and ``v`` are the operands, ``y`` is the result, and what stands in brackets is 1
where it is true and 0 elsewhere.
"""

from __future__ import annotations

from typing import Any

__all__ = ["formula_of", "symbol_of"]

_SHOWN: dict[str, tuple[str, tuple[str, ...]]] = {
    "add": ("+", ("1", "1")),
    "sub": ("\N{MINUS SIGN}", ("1", "\N{MINUS SIGN}1")),
    "mul": ("\N{MULTIPLICATION SIGN}", ("v", "u")),
    "div": ("\N{DIVISION SLASH}", ("1/v", "\N{MINUS SIGN}u/v\N{SUPERSCRIPT TWO}")),
    "quiet_div": ("\N{DIVISION SLASH}", ("1/v", "\N{MINUS SIGN}u/v\N{SUPERSCRIPT TWO}")),
    "mask_mul": ("\N{MULTIPLICATION SIGN}", ("v", "u")),
    "neg": ("neg", ("\N{MINUS SIGN}1",)),
    "square": ("u\N{SUPERSCRIPT TWO}", ("2u",)),
    "reciprocal": ("1/u", ("\N{MINUS SIGN}1/u\N{SUPERSCRIPT TWO}",)),
    "pow": ("pow", ("v\N{DOT OPERATOR}y/u", "y\N{DOT OPERATOR}log u")),
    "exp": ("exp", ("e\N{MODIFIER LETTER SMALL U}",)),
    "expm1": ("expm1", ("e\N{MODIFIER LETTER SMALL U}",)),
    "log": ("log", ("1/u",)),
    "log1p": ("log1p", ("1/(1+u)",)),
    "sqrt": ("\N{SQUARE ROOT}", ("1/(2y)",)),
    "sin": ("sin", ("cos u",)),
    "cos": ("cos", ("\N{MINUS SIGN}sin u",)),
    "tan": ("tan", ("1+y\N{SUPERSCRIPT TWO}",)),
    "tanh": ("tanh", ("1\N{MINUS SIGN}y\N{SUPERSCRIPT TWO}",)),
    "sinh": ("sinh", ("cosh u",)),
    "cosh": ("cosh", ("sinh u",)),
    "arctan": ("arctan", ("1/(1+u\N{SUPERSCRIPT TWO})",)),
    "logistic": ("\N{GREEK SMALL LETTER SIGMA}", ("y(1\N{MINUS SIGN}y)",)),
    "relu": ("relu", ("[u > 0]",)),
    "abs": ("|u|", ("sign u",)),
    "maximum": (
        "max",
        ("[u \N{GREATER-THAN OR EQUAL TO} v]", "[v \N{GREATER-THAN OR EQUAL TO} u]"),
    ),
    "minimum": ("min", ("[u \N{LESS-THAN OR EQUAL TO} v]", "[v \N{LESS-THAN OR EQUAL TO} u]")),
    "sum": ("\N{N-ARY SUMMATION}", ()),
    "prod": ("\N{N-ARY PRODUCT}", ()),
    "dot_general": ("@", ()),
    "greater": (">", ()),
    "greater_equal": ("\N{GREATER-THAN OR EQUAL TO}", ()),
    "less": ("<", ()),
    "less_equal": ("\N{LESS-THAN OR EQUAL TO}", ()),
    "equal": ("=", ()),
    "not_equal": ("\N{NOT EQUAL TO}", ()),
    "remainder": ("mod", ("1",)),
    "transpose": ("\N{MODIFIER LETTER CAPITAL T}", ()),
    "get_item": ("[ ]", ()),
}


def symbol_of(primitive: Any) -> str:
    """What stands in the box of an operation."""
    shown = getattr(primitive, "shown", None) or _SHOWN.get(primitive.name)
    if shown is not None:
        return shown[0]
    exponent = getattr(primitive, "exponent", None)
    if primitive.name == "scalar_pow" and exponent is not None:
        return f"u^{exponent:g}" if exponent != 2 else "u\N{SUPERSCRIPT TWO}"
    if primitive.interpret is not None:
        return str(primitive).partition("[")[0].replace("call ", "")
    return primitive.name


def formula_of(primitive: Any, position: int) -> str:
    """The local derivative by an operand as mathematics; empty where none is stated."""
    shown = getattr(primitive, "shown", None) or _SHOWN.get(primitive.name)
    if shown is not None and position < len(shown[1]):
        return shown[1][position]
    exponent = getattr(primitive, "exponent", None)
    if primitive.name == "scalar_pow" and exponent is not None:
        if exponent == 2:
            return "2u"
        return f"{exponent:g}u^{exponent - 1:g}"
    return ""
