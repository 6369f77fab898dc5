"""W9: from the start of the process to the first gradient printed and the process ended.

The program is the lecture function's gradient of W1, as a newcomer would type it in each library.
The program by hand only imports NumPy and prints the formula: nobody can be faster.
"""

from __future__ import annotations

from benchmarks.cases import PROCESS, Bar, Extent, Key, Programs, Workload

NAME = "W9 process start"

_FUNCTION = """
def f(x, y, z):
    return (2*x + y + 3*z)**2 + (x + 3*y + 4*z)**2 * np.log(x**2 + y**2 + z**2)
"""

_PRINT = """
print(*(float(g) for g in gradient))
"""

SOURCES = {
    "by hand": """
import numpy as np
x, y, z = 1.0, 1.0, 1.0
a, b, s = 2*x + y + 3*z, x + 3*y + 4*z, x*x + y*y + z*z
c, d = 2*b*np.log(s), 2*b*b/s
gradient = 4*a + c + d*x, 2*a + 3*c + d*y, 6*a + 4*c + d*z
"""
    + _PRINT,
    "funcgrad": """
import numpy as np
from funcgrad import grad
"""
    + _FUNCTION
    + """
gradient = grad(f, argnums=(0, 1, 2))(1.0, 1.0, 1.0)
"""
    + _PRINT,
    "jax": """
import jax
import jax.numpy as np
jax.config.update("jax_enable_x64", True)
"""
    + _FUNCTION
    + """
gradient = jax.grad(f, argnums=(0, 1, 2))(1.0, 1.0, 1.0)
"""
    + _PRINT,
    "torch": """
import torch
import torch as np
"""
    + _FUNCTION
    + """
args = [torch.tensor(1.0, dtype=torch.float64, requires_grad=True) for _ in range(3)]
gradient = torch.autograd.grad(f(*args), args)
"""
    + _PRINT,
    "autograd": """
import autograd.numpy as np
from autograd import grad
"""
    + _FUNCTION
    + """
gradient = grad(f, (0, 1, 2))(1.0, 1.0, 1.0)
"""
    + _PRINT,
}


def workload(extent: Extent) -> Workload:
    return Workload(
        "W9",
        "process start to first gradient printed",
        (Programs(NAME, SOURCES),),
        (
            Bar(
                "whole process / autograd",
                ((Key(NAME, "funcgrad", PROCESS), Key(NAME, "autograd", PROCESS)),),
                1.0,
            ),
        ),
    )
