"""SciPy's own functions called on a tracer: the error names what takes traced values."""

import importlib

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.special
import scipy.stats

from funcgrad import grad, jit, vmap
from funcgrad.core.scipy_names import COUNTERPARTS
from funcgrad.errors import ConcretizationError, GradientCutError

CALLS = {
    "special.logsumexp": lambda x: scipy.special.logsumexp(x),
    "special.softmax": lambda x: scipy.special.softmax(x)[0],
    "stats.norm.logpdf": lambda x: scipy.stats.norm.logpdf(x).sum(),
    "stats.norm.cdf": lambda x: scipy.stats.norm(0.0, 1.0).cdf(x).sum(),
    "stats.gamma.cdf": lambda x: scipy.stats.gamma.cdf(1.0, x).sum(),
    "stats.poisson.logpmf": lambda x: scipy.stats.poisson.logpmf(1, x).sum(),
    "stats.multivariate_normal.logpdf": lambda x: scipy.stats.multivariate_normal.logpdf(
        x, np.zeros(2)
    ),
    "linalg.expm": lambda x: scipy.linalg.expm(x * np.eye(2))[0, 0],
    "linalg.cho_factor": lambda x: scipy.linalg.cho_factor(x * np.eye(2))[0][0, 0],
    "integrate.trapezoid": lambda x: scipy.integrate.trapezoid(x),
    "integrate.solve_ivp": lambda x: scipy.integrate.solve_ivp(
        lambda t, y: -y * x, (0, 1), np.ones(2)
    ).y[0, -1],
    "integrate.quad": lambda x: scipy.integrate.quad(lambda t: x[0] * t, 0, 1)[0],
    "ndimage.map_coordinates": lambda x: scipy.ndimage.map_coordinates(np.ones(4), [x])[0],
    "signal.convolve": lambda x: scipy.signal.convolve(x, x)[0],
    "optimize.minimize": lambda x: scipy.optimize.minimize(lambda y: (y[0] - x[0]) ** 2, [0]).x[0],
}


@pytest.mark.parametrize("name", CALLS)
def test_the_error_names_the_counterpart(name):
    x = np.array([0.3, 0.5])
    written = rf"in scipy\.{name} (.|\n)*Write funcgrad\.scipy\.{name}, which takes traced values"
    with pytest.raises(GradientCutError, match=written):
        grad(CALLS[name])(x)
    with pytest.raises(ConcretizationError, match=written):
        jit(CALLS[name])(x)
    with pytest.raises(ConcretizationError, match=written):
        vmap(CALLS[name])(np.stack([x, x]))


def test_a_function_without_counterpart():
    with pytest.raises(GradientCutError, match=r"in scipy\.linalg\.hessenberg(.|\n)*pure_callback"):
        grad(lambda x: scipy.linalg.hessenberg(x * np.eye(2))[0][0, 0])(2.0)


def test_a_function_of_the_users_that_scipy_calls():
    with pytest.raises(GradientCutError, match="Use the numpy function"):
        grad(lambda x: scipy.integrate.quad(lambda t: float(x) * t, 0, 1)[0])(1.0)


def test_every_counterpart_is_listed():
    for room, names in COUNTERPARTS.items():
        ours = importlib.import_module(f"funcgrad.scipy.{room}")
        genuine = importlib.import_module(f"scipy.{room}")
        public = {n for n in ours.__all__ if hasattr(genuine, n) and not n[0].isupper()}
        expected = {n for n in public if not isinstance(getattr(genuine, n), np.ufunc)}
        assert expected <= set(names.split()) <= set(ours.__all__)
