"""The names of `funcgrad.data` and where they stand; `core.lazy` reads this at run time."""

from .batching import Batches as Batches
from .batching import batches as batches
