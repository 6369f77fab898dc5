"""SciPy's special functions: SciPy's values and dtypes, right derivatives, limits, tails."""

import numpy as np
import pytest
from samples.laws import check_sample
from samples.special import SAMPLES

names = [f"{s.primitive}-{i}" for i, s in enumerate(SAMPLES)]


@pytest.mark.parametrize("sample", SAMPLES, ids=names)
def test_samples(sample):
    check_sample(sample)
