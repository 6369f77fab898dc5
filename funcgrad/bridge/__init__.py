"""funcgrad's programs on other engines, and other engines' functions in funcgrad's programs.

`to_jax` replays a program with JAX's operations, so that XLA, GPUs, sharding over many devices,
donation and ahead-of-time export apply to it; ``jit(f, backend="jax")`` does so behind NumPy's
arrays. `from_jax` and `from_torch` make differentiable functions of foreign ones. Needs the extras
``funcgrad[jax]`` and ``funcgrad[torch]``.
"""

from ..core.lazy import attach

__getattr__, __dir__ = attach(globals())
