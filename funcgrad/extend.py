"""What those import who add primitives, rules and backends: the parts of the inside that stay.

Everything here is documented in ``docs/add-a-primitive.md`` and ``docs/add-a-backend.md`` and
changes only with a deprecation. Other modules of the inside may change with any version.
"""

from __future__ import annotations

from .control.program.call import Call
from .control.program.dependence import depends
from .control.program.derive import Split, derive, jvp_program, split_of, vmap_program
from .control.program.structured import Interpreter
from .control.program.trim import Liveness
from .core.backend import (
    Backend,
    BackendInfo,
    Executable,
    Profile,
    backends,
    compile_once,
    register,
)
from .core.check import check
from .core.ir import Aval, Equation, Jaxpr, Literal, Var, make_aval
from .core.primitive import Primitive, primitive
from .core.record import run, trace
from .core.trace import apply, aval_of, bind
from .numpy.dispatch import implements
from .numpy.promote import promoted_for
from .ops.kinds import Discrete, Elementwise, Over, add, div, mask_mul, mul, neg
from .ops.linear import Linear, Sum, broadcast_to, reshape, shape_of, transpose, zeros

__all__ = [
    "Aval",
    "Backend",
    "BackendInfo",
    "Call",
    "Discrete",
    "Elementwise",
    "Equation",
    "Executable",
    "Interpreter",
    "Jaxpr",
    "Linear",
    "Literal",
    "Liveness",
    "Over",
    "Primitive",
    "Profile",
    "Split",
    "Sum",
    "Var",
    "add",
    "apply",
    "aval_of",
    "backends",
    "bind",
    "broadcast_to",
    "check",
    "compile_once",
    "depends",
    "derive",
    "div",
    "implements",
    "jvp_program",
    "make_aval",
    "mask_mul",
    "mul",
    "neg",
    "primitive",
    "promoted_for",
    "register",
    "reshape",
    "run",
    "shape_of",
    "split_of",
    "trace",
    "transpose",
    "vmap_program",
    "zeros",
]
