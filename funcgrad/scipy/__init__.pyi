"""The modules of `funcgrad.scipy`; `core.lazy` reads this at run time."""

from . import integrate as integrate
from . import linalg as linalg
from . import ndimage as ndimage
from . import optimize as optimize
from . import signal as signal
from . import special as special
from . import stats as stats
