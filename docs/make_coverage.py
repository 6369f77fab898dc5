"""Writes docs/numpy-coverage.md: what funcgrad does with each public function of NumPy.

Run ``python docs/make_coverage.py`` after a function was added. What can be traced is what
`funcgrad.numpy` registers; the tables here say which of these have no derivative, and why the
others cannot be traced. A function that stands nowhere is an error.
"""

from __future__ import annotations

import types
from pathlib import Path
from typing import NamedTuple

import numpy as np

from funcgrad.numpy.dispatch import IMPLEMENTED
from funcgrad.numpy.modules import load_all

PAGE = Path(__file__).with_name("numpy-coverage.md")
DIFFERENTIABLE, TRACED = "differentiable", "traced, no derivative by nature"
EAGER, UNPLANNED = "eager only", "not planned"
KINDS = (DIFFERENTIABLE, TRACED, EAGER, UNPLANNED)

NO_DERIVATIVE: dict[str, str] = {
    "true or false": (
        "all allclose any array_equal array_equiv equal greater greater_equal isclose iscomplex "
        "iscomplexobj isfinite isfortran isin isinf isnan isneginf isposinf isreal isrealobj less "
        "less_equal logical_and logical_not logical_or logical_xor may_share_memory not_equal "
        "shares_memory signbit"
    ),
    "places or counts": (
        "argmax argmin argpartition argsort argwhere count_nonzero diag_indices_from "
        "digitize flatnonzero ix_ lexsort nanargmax nanargmin nonzero ravel_multi_index "
        "searchsorted tril_indices_from triu_indices_from unravel_index linalg.matrix_rank"
    ),
    "integers": (
        "bitwise_and bitwise_count bitwise_invert bitwise_left_shift bitwise_not bitwise_or "
        "bitwise_right_shift bitwise_xor gcd invert lcm left_shift packbits right_shift unpackbits"
    ),
    "constant between jumps": (
        "around ceil fix floor floor_divide heaviside rint round sign spacing trunc"
    ),
    "a shape, a dtype or a text": (
        "array2string array_repr array_str can_cast common_type einsum_path min_scalar_type ndim "
        "result_type shape size"
    ),
    "does not depend on the numbers": "empty_like ones_like zeros_like",
}
"""By reason, the traced functions through which no derivative passes."""

CANNOT: dict[tuple[str, str], str] = {
    (EAGER, "makes an array of plain arguments, which traced values combine with"): (
        "arange bartlett blackman diag_indices empty eye frombuffer fromfile fromfunction fromiter "
        "from_dlpack fromregex fromstring genfromtxt hamming hanning identity indices kaiser load "
        "loadtxt mask_indices ones tri tril_indices triu_indices zeros fft.fftfreq fft.rfftfreq"
    ),
    (EAGER, "writes into an array: at(x)[i].set(value) gives a new one"): "copyto place putmask",
    (EAGER, "writes a file: return the value and save it outside"): (
        "save savetxt savez savez_compressed"
    ),
    (EAGER, "about the memory of an array, which a traced value has not"): (
        "asfortranarray require"
    ),
    (EAGER, "raises by the numbers: check outside, or use funcgrad.debug"): "asarray_chkfinite",
    (EAGER, "about dtypes, shapes and Python objects, which are plain while tracing"): (
        "broadcast_shapes isdtype isscalar issubdtype iterable mintypecode promote_types typename"
    ),
    (EAGER, "a text of one number"): (
        "base_repr binary_repr format_float_positional format_float_scientific"
    ),
    (EAGER, "the number of its zeros, and their order, depend on the numbers"): "roots",
    (EAGER, "its dtype depends on the numbers: numpy.real"): "real_if_close",
    (EAGER, "settings and facts of NumPy, not of values"): (
        "get_include get_printoptions getbufsize geterr geterrcall info printoptions "
        "set_printoptions setbufsize seterr seterrcall show_config show_runtime test"
    ),
    (UNPLANNED, "dates are no numbers"): (
        "busday_count busday_offset datetime_as_string datetime_data is_busday isnat"
    ),
    (UNPLANNED, "numpy.matrix is not for new programs"): "asmatrix bmat",
    (UNPLANNED, "calls Python on objects, element by element"): "frompyfunc nested_iters",
    (UNPLANNED, "a deprecated name: vstack, trapezoid, isin"): "row_stack trapz in1d",
}
"""By status and reason, the functions that cannot be traced."""


class Function(NamedTuple):
    """A row of the page."""

    name: str
    kind: str
    reason: str


def public() -> dict[str, object]:
    """The public functions of numpy, numpy.linalg and numpy.fft by name, ``linalg.norm``."""
    found: dict[str, object] = {}
    for prefix, module in (("", np), ("linalg.", np.linalg), ("fft.", np.fft)):
        for name in module.__all__ if prefix else dir(np):
            value = getattr(module, name)
            if name[0] != "_" and callable(value) and not isinstance(value, type):
                found[prefix + name] = value
    return {
        name: f
        for name, f in found.items()
        if not isinstance(f, types.ModuleType) and not type(f).__module__.startswith("numpy.lib")
    }


def classify() -> list[Function]:
    """Every public function with its status.

    Raises:
        KeyError: A function stands in no table, or in one that it does not belong in.
    """
    load_all()
    without = {n: why for why, names in NO_DERIVATIVE.items() for n in names.split()}
    cannot = {n: key for key, names in CANNOT.items() for n in names.split()}
    rows = []
    for name, function in sorted(public().items()):
        if name in cannot:
            rows.append(Function(name, *cannot[name]))
        elif function not in IMPLEMENTED:
            raise KeyError(f"numpy.{name} cannot be traced: give the reason in CANNOT")
        elif name in without:
            rows.append(Function(name, TRACED, without[name]))
        else:
            rows.append(Function(name, DIFFERENTIABLE, ""))
    stale = without.keys() & {row.name for row in rows if row.kind != TRACED}
    if stale:
        raise KeyError(f"stands in two tables: {sorted(stale)}")
    return rows


def page() -> str:
    """The text of the page."""
    rows = classify()
    count = {kind: sum(row.kind == kind for row in rows) for kind in KINDS}
    traced = count[DIFFERENTIABLE] + count[TRACED]
    version = ".".join(np.__version__.split(".")[:2])
    lines = [
        "# NumPy's functions",
        "",
        "Generated by `python docs/make_coverage.py`; the tests check that it is up to date, and",
        "differentiate every function that it calls differentiable.",
        "",
        f"Of the {len(rows)} public functions of NumPy {version}, `numpy.linalg` and `numpy.fft`, "
        f"{traced} take traced",
        f"values: {count[DIFFERENTIABLE]} are differentiable, {count[TRACED]} have no derivative "
        f"by nature. {count[EAGER]} are eager only, {count[UNPLANNED]} not planned.",
        "",
        "Plain `numpy` called on a traced value reaches `funcgrad.numpy`. The few functions for",
        "which NumPy has no protocol (`array`, `asarray`, `asanyarray`, `ascontiguousarray`,",
        "`full`, `isfortran`), and lists of traced values in the place of arrays, are taken by",
        "`funcgrad.numpy.array` and so on.",
        "",
        "- *differentiable*: derivatives pass in both modes.",
        "- *traced, no derivative by nature*: takes traced values; its result is discrete.",
        "- *eager only*: takes plain values, inside transforms too; a traced value is refused with",
        "  what to write instead.",
        "- *not planned*: refuses traced values and will.",
        "",
        "| function | status | why |",
        "| --- | --- | --- |",
        *[f"| `{row.name}` | {row.kind} | {row.reason} |" for row in rows],
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
