"""The name of `funcgrad.flatten_util`; `core.lazy` reads this at run time."""

from .tree import ravel as _ravel

ravel_pytree = _ravel
