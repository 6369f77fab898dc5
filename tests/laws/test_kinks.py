"""The table of docs/kinks.md: the derivative where there is none, or more than one.

`KINKS` is the table. The page holds what `page_table` makes of it, and every row is computed. After
a change, ``python tests/laws/test_kinks.py`` writes the table into the page.
"""

import re
from pathlib import Path

import numpy as np
import pytest

from funcgrad import grad, jacfwd, jit, nn, stop_gradient, vmap

PAGE = Path(__file__).resolve().parents[2] / "docs" / "kinks.md"

# Heading: rows of (function of x, point, derivative).
KINKS = {
    "Corners": [
        ("np.abs(x)", "0.0", "0.0"),
        ("np.abs(z)", "0j", "0.0"),
        ("np.hypot(x, x)", "0.0", "0.0"),
        ("np.linalg.norm(x)", "[0.0, 0.0]", "[0.0, 0.0]"),
        ("np.linalg.norm(x, 1)", "[0.0, 2.0]", "[0.0, 1.0]"),
        ("np.std(x)", "[3.0, 3.0]", "[0.0, 0.0]"),
        ("np.arctan2(x, x)", "0.0", "0.0"),
        ("nn.relu(x)", "0.0", "0.0"),
        ("nn.leaky_relu(x, 0.25)", "0.0", "0.25"),
    ],
    "Ties": [
        ("np.maximum(x, 0.0)", "0.0", "0.5"),
        ("np.minimum(x, 0.0)", "0.0", "0.5"),
        ("np.maximum(x, x)", "0.0", "1.0"),
        ("np.max(x)", "[2.0, 1.0, 2.0]", "[0.5, 0.0, 0.5]"),
        ("np.min(x)", "[2.0, 2.0, 2.0]", "[1/3, 1/3, 1/3]"),
        ("np.linalg.norm(x, np.inf)", "[1.0, -1.0]", "[0.5, -0.5]"),
        ("np.sum(nn.max_pool(x[None, :, None], (2,)))", "[3.0, 3.0]", "[0.5, 0.5]"),
        ("np.sort(x)[0]", "[1.0, 1.0]", "[1.0, 0.0]"),
        ("x[np.argmax(x)]", "[1.0, 1.0]", "[1.0, 0.0]"),
    ],
    "Bounds": [
        ("np.clip(x, 0.0, 1.0)", "0.0", "1.0"),
        ("np.clip(x, 0.0, 1.0)", "1.0", "1.0"),
        ("np.clip(x, 0.0, 1.0)", "-0.5", "0.0"),
        ("np.clip(x, 0.0, None)", "0.0", "1.0"),
        ("np.clip(x, None, 1.0)", "1.0", "1.0"),
        ("np.clip(0.0, x, 1.0)", "0.0", "0.0"),
        ("np.clip(0.0, x, 1.0)", "0.5", "1.0"),
        ("nn.hard_tanh(x)", "-1.0", "1.0"),
        ("nn.hard_tanh(x)", "1.0", "1.0"),
        ("nn.relu6(x)", "0.0", "1.0"),
        ("nn.relu6(x)", "6.0", "1.0"),
        ("nn.hard_sigmoid(x)", "-3.0", "1/6"),
        ("nn.hard_sigmoid(x)", "3.0", "1/6"),
        ("nn.hard_silu(x)", "-3.0", "-0.5"),
        ("nn.hard_silu(x)", "3.0", "1.5"),
    ],
    "Choices": [
        ("np.where(x > 0, np.log(x), 0.0)", "0.0", "0.0"),
        ("np.where(x > 0, x * np.log(x), 0.0)", "0.0", "0.0"),
        ("np.where(x == 0, 1.0, np.sin(x) / x)", "0.0", "0.0"),
        ("np.where(x > 0, np.sqrt(x), 0.0)", "0.0", "0.0"),
    ],
    "Infinite slopes": [
        ("np.sqrt(x)", "0.0", "np.inf"),
        ("np.cbrt(x)", "0.0", "np.inf"),
        ("np.log(x)", "0.0", "np.inf"),
        ("1 / x", "0.0", "-np.inf"),
        ("np.arcsin(x)", "1.0", "np.inf"),
        ("np.sqrt(x * x)", "0.0", "0.0"),
        ("np.sqrt(np.sum(x * x))", "[0.0, 0.0]", "[0.0, 0.0]"),
    ],
    "Infinite values": [
        ("nn.logsumexp(x)", "[np.inf, 0.0]", "[1.0, 0.0]"),
        ("nn.logsumexp(x)", "[np.inf, np.inf]", "[0.5, 0.5]"),
        ("nn.logsumexp(x)", "[-np.inf, 0.0]", "[0.0, 1.0]"),
        ("nn.logsumexp(x)", "[-np.inf, -np.inf]", "[0.0, 0.0]"),
        ("np.logaddexp(x[0], x[1])", "[np.inf, 0.0]", "[1.0, 0.0]"),
        ("np.hypot(x, 1.0)", "np.inf", "1.0"),
        ("np.sum(nn.softmax(x, where=x > 5) * np.arange(2.0))", "[1.0, 2.0]", "[0.0, 0.0]"),
        ("np.linalg.slogdet(x)[1]", "[[0.0, 0.0], [0.0, 1.0]]", "[[np.inf, 0.0], [0.0, 0.0]]"),
    ],
    "Powers": [
        ("x**0", "0.0", "0.0"),
        ("x**1", "0.0", "1.0"),
        ("x**2", "0.0", "0.0"),
        ("x**0.5", "0.0", "np.inf"),
        ("x**1.5", "0.0", "0.0"),
        ("x**-1.0", "0.0", "-np.inf"),
        ("0.0**x", "0.0", "0.0"),
        ("0.0**x", "1.0", "0.0"),
        ("np.prod(x)", "[0.0, 2.0, 3.0]", "[6.0, 0.0, 0.0]"),
        ("np.prod(x)", "[0.0, 0.0, 3.0]", "[0.0, 0.0, 0.0]"),
        ("np.sinc(x)", "0.0", "0.0"),
    ],
    "Steps": [
        ("np.sign(x)", "0.0", "0.0"),
        ("np.floor(x)", "1.0", "0.0"),
        ("np.round(x)", "0.5", "0.0"),
        ("np.heaviside(x, 0.5)", "0.0", "0.0"),
        ("x % 1.0", "2.0", "1.0"),
        ("np.copysign(1.0, x)", "0.0", "0.0"),
        ("x * stop_gradient(x)", "3.0", "3.0"),
    ],
}

ROWS = [pytest.param(*row, id=f"{row[0]} at {row[1]}") for rows in KINKS.values() for row in rows]
NAMES = {"np": np, "nn": nn, "stop_gradient": stop_gradient}


def function(text):
    return eval(f"lambda {'z' if 'z)' in text else 'x'}: {text}", NAMES)


def value(text):
    return np.array(eval(text, NAMES))[()]


def page_table():
    """The table as it stands in the page."""
    lines = []
    for heading, rows in KINKS.items():
        lines += [f"### {heading}", "", "| function | at | derivative |", "|---|---|---|"]
        for f, x, d in rows:
            x, d = (re.sub(r"np\.|\.0\b", "", text) for text in (x, d))
            lines.append(f"| `{f}` | `{x}` | `{d}` |")
        lines.append("")
    return "\n".join(lines)


def test_page_has_the_table():
    assert page_table() in PAGE.read_text()


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize(("f", "x", "expected"), ROWS)
def test_row(f, x, expected):
    f, x, expected = function(f), value(x), value(expected)
    found = [grad(f)(x), jit(grad(f))(x), vmap(grad(f))(np.stack([x, x]))[1]]
    if not np.iscomplexobj(x):
        found += [jacfwd(f)(x), jit(jacfwd(f))(x)]
    for d in found:
        np.testing.assert_array_equal(d, expected)


if __name__ == "__main__":
    head, _, _ = PAGE.read_text().partition("### ")
    PAGE.write_text(head + page_table())
