"""The functions of SciPy's that JAX is trusted with: value by value, far out and near to 0."""

import jax
import numpy as np
import pytest
import scipy.special

from funcgrad.bridge.namespace import SPECIAL

FAR = np.concatenate(
    [np.linspace(-30, 30, 61), *[s * np.geomspace(1e-8, 1e4, 25) for s in (1.0, -1.0)]]
)
UNIT = np.linspace(0.001, 0.999, 23)
POSITIVE = np.linspace(0.1, 20.0, 12)
X = np.concatenate([FAR, UNIT])
POINTS = {
    1: (X,),
    2: np.broadcast_arrays(POSITIVE[:, None], X),
    3: np.broadcast_arrays(POSITIVE[:, None, None], POSITIVE[:, None], UNIT),
}
# Double precision to nine digits; single to what its function rounds to near a zero.
TOLERANCES = {np.float64: (1e-9, 1e-13), np.float32: (1e-3, 4e-6)}


@pytest.mark.parametrize("dtype", TOLERANCES, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("name", SPECIAL)
def test_a_function(name, dtype):
    function = getattr(scipy.special, name)
    args = [np.asarray(x, dtype) for x in POINTS[function.nin]]
    relative, absolute = TOLERANCES[dtype]
    with jax.enable_x64(True), np.errstate(all="ignore"):
        expected, found = function(*args), np.asarray(SPECIAL[name](*args))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=relative, atol=absolute)
