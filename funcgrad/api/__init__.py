"""Floor 7: the transforms as users call them, with errors that say the fix.

`arguments` and `leaves` stand at the border (what goes in, what comes out), `gradient`, `jacobian`,
`mapping` and `program` hold the transforms.
"""

from .gradient import grad, hvp, jvp, linearize, value_and_grad, vjp
from .jacobian import hessian, jacfwd, jacobian, jacrev
from .mapping import vmap
from .program import make_jaxpr, stop_gradient

__all__ = [
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linearize",
    "make_jaxpr",
    "stop_gradient",
    "value_and_grad",
    "vjp",
    "vmap",
]
