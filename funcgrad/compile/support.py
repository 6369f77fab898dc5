"""Floor 6: functions that generated source calls and that no primitive runs.

They use nothing but ``np``: their text is copied into the source.
"""

from __future__ import annotations

from typing import Any


def one_of(functions: Any, index: Any) -> Any:
    """The function of that number; unlike indexing, nothing counts from the end."""
    if 0 <= index < len(functions):
        return functions[index]
    raise IndexError(f"switch: index {index} is out of range for {len(functions)} branches")
