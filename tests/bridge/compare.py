"""Results of JAX's beside those of NumPy's."""

import numpy as np

from funcgrad import tree

# Relative and absolute, by the bits of the mantissa.
TOLERANCES = {52: (1e-9, 1e-11), 23: (3e-4, 1e-5), 10: (1e-2, 1e-2)}


def difference(expected, found):
    """What differs, as text; empty where nothing does."""
    expected, found = np.asarray(expected), np.asarray(found)
    if (expected.shape, expected.dtype) != (found.shape, found.dtype):
        return f"{found.dtype}{found.shape}, expected {expected.dtype}{expected.shape}"
    if expected.dtype.kind not in "fc":
        return "" if np.array_equal(expected, found) else f"{found}, expected {expected}"
    relative, absolute = TOLERANCES[np.finfo(expected.dtype).nmant]
    with np.errstate(all="ignore"):
        if np.allclose(found, expected, rtol=relative, atol=absolute, equal_nan=True):
            return ""
    return f"{found}, expected {expected}"


def assert_same(expected, found):
    """Two pytrees are equal, up to the rounding of their dtypes."""
    assert tree.structure(expected) == tree.structure(found)
    for path, a, b in zip(
        tree.structure(expected).paths(), tree.leaves(expected), tree.leaves(found), strict=True
    ):
        assert difference(a, b) == "", tree.path_string(path)
