"""When a function is traced again and again for one reason, and what to write instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from .signature import Signature

__all__ = ["advice"]

_MOST = {"functions": 8, "shapes": 31}
"""How many programs may differ in one thing alone before a warning says so."""


def advice(signature: Signature, kept: Iterable[Signature], warned: set[str]) -> list[str]:
    """What to say of a call that is traced because it differs from those that programs are kept of.

    Args:
        signature: The call.
        kept: The calls that programs are kept of.
        warned: The causes of which something was said before; grows.

    Returns:
        The warnings, which go on from "f was traced".
    """
    kept, found = list(kept), []
    for cause, most in _MOST.items():
        if cause in warned or len(kept) < most:
            continue
        kin = [other for other in kept if signature.differs_in(other, cause)]
        if len(kin) >= most:
            warned.add(cause)
            found.append(f"{len(kin) + 1} times for {_text(cause, signature, kin)}")
    return found


def _text(cause: str, signature: Signature, kin: Sequence[Signature]) -> str:
    each = [list(signature.differences(other)) for other in kin]
    counts = Counter([difference.label for differences in each for difference in differences])
    most = max(counts.values())
    labels = [label for label, count in counts.items() if count == most]
    named = ", ".join(labels[:3]) + (", ..." if len(labels) > 3 else "")
    if cause == "functions":
        return (
            f"functions of the same text as {named}. A lambda or nested function is a new object "
            "each time it is made: make it once, outside the loop."
        )
    those = [d for differences in each for d in differences if d.label == labels[0]]
    shown = list(dict.fromkeys([*[d.other for d in those], those[-1].own]))
    return (
        f"other shapes of {named}: {', '.join(shown[-3:])}, ... Every new shape is traced and "
        "compiled: pad to a few lengths and mask, cut the data into parts of one length, or call "
        "the function without jit."
    )
