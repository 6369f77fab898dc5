"""Functions that generated source calls and that no primitive runs.

They use nothing but ``np``: their text is copied into the source.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np


def one_of(functions: Any, index: Any) -> Any:
    """The function of that number; unlike indexing, nothing counts from the end."""
    if 0 <= index < len(functions):
        return functions[index]
    raise IndexError(f"switch: index {index} is out of range for {len(functions)} branches")


def branches_taken(functions: Any, index: Any) -> Iterator[Any]:
    """The functions that some element takes by its index, each with which elements do."""
    for k in np.unique(index):
        yield one_of(functions, k), index == k


def feed(elements: Any) -> Any:
    """The index that gives each element operands: its own, or where left out those of the first."""
    return (
        ... if elements.all() else np.where(elements, np.arange(len(elements)), np.argmax(elements))
    )
