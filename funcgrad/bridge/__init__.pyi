"""The public names and where they stand; `core.lazy` reads this at run time."""

from .checks import Failure as Failure
from .foreign_jax import from_jax as from_jax
from .foreign_torch import from_torch as from_torch
from .outward import to_jax as to_jax
from .pytrees import register_pytree as register_pytree
