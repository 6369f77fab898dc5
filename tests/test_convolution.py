"""Convolutions: loops written out and SciPy's correlation, JAX's where it is installed, bad input."""

import pytest
from samples.laws import check_sample
from samples.windows import SAMPLES


@pytest.mark.parametrize("index", range(len(SAMPLES)))
def test_samples(index):
    check_sample(SAMPLES[index])
