"""Floor 3: comparisons, logic, rounding, integer arithmetic: no derivative, or zero everywhere."""

from __future__ import annotations

import operator

import numpy as np

from ..core.primitive import primitive
from .kinds import Discrete

__all__ = ["equal", "greater", "less"]


@primitive
class Greater(Discrete):
    """``x > y``."""

    numpy, symbol, result, weak = np.greater, ">", "bool", True
    run = staticmethod(operator.gt)


@primitive
class Less(Discrete):
    """``x < y``."""

    numpy, symbol, result, weak = np.less, "<", "bool", True
    run = staticmethod(operator.lt)


@primitive
class Equal(Discrete):
    """``x == y``."""

    numpy, symbol, result, weak = np.equal, "==", "bool", True
    run = staticmethod(operator.eq)


greater, less, equal = Greater(), Less(), Equal()
