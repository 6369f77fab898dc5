"""Products of arrays."""

import pytest
from samples.laws import check_sample
from samples.linalg import SAMPLES


@pytest.mark.parametrize("sample", SAMPLES)
def test_samples(sample):
    check_sample(sample)
