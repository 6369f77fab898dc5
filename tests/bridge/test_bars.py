"""The bars: what the bridge costs beside programs written for JAX by hand, see `bars.py`.

The least of many ratios is compared: a machine that does other things besides only adds to them.
"""

import jax
import pytest
from bridge import bars


@pytest.mark.parametrize("case", bars.CASES)
def test_a_call(case):
    with jax.enable_x64(True):
        assert min(bars.calls(case)) <= 1.1


@pytest.mark.parametrize("case", bars.CASES)
def test_the_first_call(case):
    with jax.enable_x64(True):
        assert min(bars.first_calls(case)) <= 1.6


def test_the_overhead_of_the_backend():
    with jax.enable_x64(True):
        assert min(bars.overheads()) <= 60
