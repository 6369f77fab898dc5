"""`config`, which says of each of JAX's settings what it is here; none changes anything.

There is no global mode (DESIGN, law 8): what a setting of JAX's switches on is a function, an
argument, or how things always are.
"""

from __future__ import annotations

from typing import Any, NoReturn

from ..core.warning import warn
from ..errors import ArgumentError, UnknownAttributeError, entry

__all__ = ["config"]

_ALWAYS: dict[str, tuple[Any, str]] = {
    "enable_x64": (True, "float64 is the default; for float32 make the arrays float32"),
    "disable_jit": (
        False,
        'write jit(f, backend="run"), or set the environment variable FUNCGRAD_BACKEND=run',
    ),
    "debug_nans": (False, "write debug.nans(f)(x), which finds where a nan comes from"),
    "debug_infs": (False, "write numpy.errstate(over='raise', divide='raise') around the call"),
    "check_tracer_leaks": (True, "a leaked tracer always raises, and says where it was made"),
    "numpy_rank_promotion": ("allow", "arrays broadcast as NumPy's do"),
    "numpy_dtype_promotion": ("standard", "dtypes are promoted as NumPy 2 does"),
    "platform_name": ("cpu", "docs/accelerators.md says how a function runs on another device"),
    "platforms": ("cpu", "docs/accelerators.md says how a function runs on another device"),
    "default_device": (None, "docs/accelerators.md says how a function runs on another device"),
    "log_compiles": (False, "f.cache_info() of a jitted function counts; retraces warn"),
    "explain_cache_misses": (False, "retraces of a jitted function warn, and say what differed"),
    "enable_custom_prng": (True, "random.key makes typed keys"),
    "debug_key_reuse": (False, "write random.checked(f)(key)"),
}
"""What a setting always is, and what to write for another value."""

_MEANINGLESS = [
    "array_garbage_collection_guard",
    "compilation_cache_dir",
    "cpu_collectives_implementation",
    "cpu_enable_async_dispatch",
    "default_matmul_precision",
    "default_prng_impl",
    "dump_ir_to",
    "enable_checks",
    "enable_compilation_cache",
    "enable_pgle",
    "exec_time_optimization_effort",
    "hlo_source_file_canonicalization_regex",
    "include_full_tracebacks_in_locations",
    "jaxpr_debug",
    "legacy_prng_key",
    "memory_fitting_effort",
    "no_execution",
    "num_cpu_devices",
    "optimization_level",
    "persistent_cache_min_compile_time_secs",
    "persistent_cache_min_entry_size_bytes",
    "pmap_shmap_merge",
    "random_seed_offset",
    "softmax_custom_jvp",
    "threefry_partitionable",
    "traceback_filtering",
    "traceback_in_locations_limit",
    "transfer_guard",
    "transfer_guard_device_to_device",
    "transfer_guard_device_to_host",
    "transfer_guard_host_to_device",
    "use_shardy_partitioner",
]
"""Settings of how XLA compiles, and of devices, that nothing here corresponds to."""


class _Config:
    """JAX's settings: `update` accepts what is the case, and says of others what to write."""

    __slots__ = ()

    @entry
    def update(self, name: str, value: Any) -> None:
        """Ask for a setting.

        A value that is how things are here is accepted. Settings without meaning, of how XLA
        compiles and of devices, are accepted with a warning.

        Args:
            name: JAX's name for it, with or without ``jax_``.
            value: What it is to be.

        Raises:
            ArgumentError: It cannot be that; the message says what to write instead.

        >>> config.update("jax_enable_x64", True)
        """
        short = name.removeprefix("jax_") if isinstance(name, str) else name
        if short in _MEANINGLESS:
            warn(f"config: {name!r} has no meaning here")
            return
        if short not in _ALWAYS:
            raise ArgumentError(
                f"config.update: there is no setting {name!r}",
                f"Those with a meaning here are {', '.join(_ALWAYS)}.",
            )
        always, instead = _ALWAYS[short]
        if value != always and not (short == "platforms" and value in ("", None)):
            raise ArgumentError(
                f"config.update: {name!r} is always {always!r} here, and cannot be {value!r}",
                f"{instead[0].upper()}{instead[1:]}.",
            )

    @entry
    def __getattr__(self, name: str) -> Any:
        short = name.removeprefix("jax_")
        if short in _ALWAYS:
            return _ALWAYS[short][0]
        if name.startswith("__"):
            raise AttributeError(name)
        raise UnknownAttributeError(
            f"config: there is no setting {name!r}",
            f"Those with a meaning here are {', '.join(_ALWAYS)}.",
        )

    @entry
    def __setattr__(self, name: str, value: Any) -> None:
        self.update(name, value)

    @entry
    def __delattr__(self, name: str) -> NoReturn:
        raise ArgumentError(f"config: the setting {name!r} cannot be deleted", "Leave it.")

    def __repr__(self) -> str:
        return "config (settings are arguments and functions here; see help(config.update))"

    def __reduce__(self) -> str:
        return "config"


config = _Config()
