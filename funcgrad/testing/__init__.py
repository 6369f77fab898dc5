"""The laws as functions that users can call on their own functions.

`check_grads` compares derivatives with numerical ones, `check_transforms` every transform with the
plain call, `check_chains` compositions of transforms, `check_rule` the rules that users state with
numerical derivatives; `strategies` draws random arrays and programs with Hypothesis. funcgrad's own
tests are made of these.
"""

from .._publish import publish_all
from .gradients import check_grads, derivative, numerical_jvp
from .laws import CHAIN, check_chains, check_transforms
from .rules import check_rule

__all__ = [
    "CHAIN",
    "check_chains",
    "check_grads",
    "check_rule",
    "check_transforms",
    "derivative",
    "numerical_jvp",
]

publish_all(globals())
