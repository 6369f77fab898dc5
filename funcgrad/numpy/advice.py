"""What to write instead of a NumPy function that cannot be traced, by its name."""

from __future__ import annotations

__all__ = ["ADVICE"]

_SET = (
    "A traced value cannot be written into. Write x = funcgrad.numpy.at(x)[i].set(value), or "
    "numpy.where(mask, value, x)."
)
_FILE = (
    "Return the value from the transformed function and save it there; where no gradient is "
    "wanted, save stop_gradient(x)."
)
ADVICE: dict[str, str] = {
    "copyto": f"{_SET} In place of full_like(a, x), write funcgrad.numpy.full_like(a, x).",
    "place": _SET,
    "putmask": _SET,
    "save": _FILE,
    "savez": _FILE,
    "savez_compressed": _FILE,
    "savetxt": _FILE,
    "roots": "Iterate Newton's method on the polynomial from numpy.roots(stop_gradient(c)).",
    "real_if_close": "Use numpy.real.",
}
