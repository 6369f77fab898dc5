"""What the lectures share: their numbers as they print them, the pictures, the command line."""

import argparse
import importlib
import re
import sys
from pathlib import Path

import numpy as np

EXAMPLES = Path(__file__).resolve().parents[1]


def example(name):
    """One of the larger examples, which stand one folder up."""
    if str(EXAMPLES) not in sys.path:
        sys.path.append(str(EXAMPLES))
    return importlib.import_module(name)


def shows(values, *texts):
    """Assert that numbers, rounded to the decimals of the texts, are the texts; print them."""
    numbers = np.ravel(values)
    rounded = [
        f"{v:.{len(text.partition('.')[2])}f}" for v, text in zip(numbers, texts, strict=True)
    ]
    assert rounded == list(texts), f"the lecture shows {texts}, got {rounded}"
    return ", ".join(rounded)


def close(got, expected, tolerance=1e-12):
    """Assert that numbers are equal up to rounding."""
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


def by_name(explained):
    """The derivative by each value, under the name of the variable that it was assigned to."""
    return {row.name: row.gradient for row in explained.table()}


def folder(argv, text):
    """The folder for the pictures, from the command line."""
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="folder of the pictures")
    out = parser.parse_args(argv).out
    out.mkdir(parents=True, exist_ok=True)
    return out


def side_by_side(explanations, path):
    """Save the pictures of several explanations as one, in a row and equally high."""
    pictures = [explained.to_svg() for explained in explanations]
    sizes = [re.search(r'width="(\d+)" height="(\d+)"', picture) for picture in pictures]
    x, height, inside = 0, max(int(size[2]) for size in sizes), []
    for picture, size in zip(pictures, sizes, strict=True):
        width, own = size.groups()
        picture = picture.replace("<svg ", f'<svg x="{x}" ', 1)
        inside.append(re.sub(rf'(height="|0 0 {width} ){own}"', rf'\g<1>{height}"', picture))
        x += int(width)
    size = f'width="{x}" height="{height}" viewBox="0 0 {x} {height}"'
    text = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(inside)}</svg>'
    path.write_text(text, encoding="utf-8")
    print(f"picture: {path}")


def save(picture, path):
    """Save a figure of matplotlib's or an explanation, and say where."""
    if hasattr(picture, "savefig"):
        import matplotlib.pyplot as plt

        picture.savefig(path, dpi=110)
        plt.close(picture)
    else:
        picture.save(path)
    print(f"picture: {path}")
