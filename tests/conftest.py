"""What every test shares: Hypothesis draws the same examples on every run.

``HYPOTHESIS_PROFILE=explore python -m pytest`` draws new ones, to find what the fixed ones miss.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "fixed",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", settings.get_profile("fixed"), derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))
