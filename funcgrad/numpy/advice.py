"""Floor 6: what to write instead of a NumPy function that cannot be traced, by its name."""

from __future__ import annotations

__all__ = ["ADVICE"]

_SET = (
    "A traced value cannot be written into. Write `x = x.at[i].set(value)`, or numpy.where(mask, "
    "value, x)."
)
_RANDOM = (
    "Draw numbers that do not depend on the traced value, and scale and shift them: "
    "`mean + sigma * rng.standard_normal(shape)`."
)
_FILE = (
    "Return the value from the transformed function and write it there; for a gradient's sake "
    "pass stop_gradient(x)."
)
_SHAPE = (
    "The shape of its result depends on the numbers. Use numpy.where with a mask, or call it "
    "before the transform."
)

ADVICE: dict[str, str] = {
    "copyto": _SET + " In place of full_like(a, x), write funcgrad.numpy.full_like(a, x).",
    "put": _SET,
    "place": _SET,
    "putmask": _SET,
    "put_along_axis": "A traced value cannot be written into. Write "
    "funcgrad.numpy.put_along_axis(x, indices, values, axis), which returns the new array.",
    "fill_diagonal": _SET + " For a diagonal, numpy.where(numpy.eye(n, dtype=bool), value, x).",
    "save": _FILE,
    "savez": _FILE,
    "savez_compressed": _FILE,
    "savetxt": _FILE,
    "nonzero": _SHAPE,
    "flatnonzero": _SHAPE,
    "argwhere": _SHAPE,
    "unique": _SHAPE,
    "extract": _SHAPE,
    "compress": _SHAPE,
    "delete": _SHAPE,
    "trim_zeros": _SHAPE,
    "apply_along_axis": "Use funcgrad.vmap, which maps a function over an axis.",
    "apply_over_axes": "Apply the function for one axis after the other.",
    "piecewise": "Use numpy.where, or numpy.select for several conditions.",
    "ndenumerate": "Use enumerate(x.ravel()).",
    "may_share_memory": "A traced value has no memory of its own.",
}
