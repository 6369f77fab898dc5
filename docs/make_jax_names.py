"""Writes the second half of docs/coming-from-jax.md: what each name of JAX and Optax is here.

Run ``python docs/make_jax_names.py`` after a name was added. The names stand in
docs/jax-names.txt, as JAX 0.10.2 and Optax 0.2.8 have them; whether one is here is looked up. The
tables below say what the others are called here, and why the rest is not planned. A name that
stands nowhere is an error.
"""

from __future__ import annotations

import importlib
import re
import textwrap
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

DOCS = Path(__file__).parent
PAGE = DOCS / "coming-from-jax.md"
NAMES = DOCS / "jax-names.txt"
HEADING = "## Every name"
VERSIONS = "0.10.2", "0.2.8"
"""The JAX and the Optax whose names docs/jax-names.txt has."""
PRESENT, ALIAS, PLANNED, UNPLANNED = "present", "under another name", "planned", "not planned"
KINDS = (PRESENT, ALIAS, PLANNED, UNPLANNED)

HOMES: dict[str, str] = {
    "jax": "funcgrad",
    "jax.ops": "funcgrad.lax",
    "jax.image": "funcgrad.image",
    "jax.scipy.sparse.linalg": "funcgrad.scipy.sparse.linalg",
    "jax.test_util": "funcgrad.testing",
    "jax.ad_checkpoint": "funcgrad",
    "jax.custom_derivatives": "funcgrad",
    "jax.custom_batching": "funcgrad",
    "jax.core": "funcgrad.extend",
    "jax.stages": "funcgrad",
    "optax": "funcgrad.optim funcgrad.nn",
    "optax.losses": "funcgrad.nn funcgrad.optim",
    "optax.schedules": "funcgrad.optim",
    "optax.contrib": "funcgrad.optim",
    "optax.projections": "funcgrad.optim",
    "optax.tree": "funcgrad.tree",
    "optax.second_order": "funcgrad",
}
"""Where names of a module are looked up, in turn: ``jax.x`` in ``funcgrad.x``, but for these."""

ALIASES: dict[str, str] = {
    "jax.debug_nans": "funcgrad.debug.nans",
    "jax.debug_key_reuse": "funcgrad.random.checked",
    "jax.typeof": "funcgrad.extend.aval_of",
    "jax.fwd_and_bwd": "funcgrad.vjp",
    "jax.disable_jit": "funcgrad.jit",
    "jax.ops": "funcgrad.lax",
    "jax.custom_derivatives": "funcgrad.custom_vjp",
    "jax.stages": "funcgrad.jit",
    "jax.core": "funcgrad.extend",
    "jax.version": "funcgrad.__version__",
    "jax.dtypes": "funcgrad.numpy",
    "jax.export": "funcgrad.bridge",
    "jax.dlpack": "funcgrad.numpy.asarray",
    "jax.tree_util.KeyEntry": "funcgrad.tree.Path",
    "jax.lax.DotDimensionNumbers": "funcgrad.lax.dot_general",
    "jax.lax.ConvGeneralDilatedDimensionNumbers": "funcgrad.lax.ConvDimensionNumbers",
    "jax.lax.PrecisionLike": "funcgrad.lax.Precision",
    "jax.lax.broadcast_like": "funcgrad.numpy.broadcast_to",
    "jax.lax.broadcast_to_rank": "funcgrad.lax.expand_dims",
    "jax.lax.approx_max_k": "funcgrad.lax.top_k",
    "jax.lax.approx_min_k": "funcgrad.lax.top_k",
    "jax.lax.dtype": "funcgrad.numpy.result_type",
    "jax.lax.fft": "funcgrad.numpy.fft",
    "jax.lax.rng_uniform": "funcgrad.random.uniform",
    "jax.lax.rng_bit_generator": "funcgrad.random.bits",
    "jax.lax.shape_as_value": "funcgrad.numpy.shape",
    "jax.lax.conv_general_dilated_local": "funcgrad.lax.conv_general_dilated_patches",
    "jax.lax.linalg.qdwh": "funcgrad.scipy.linalg.polar",
    "jax.lax.linalg.symmetric_product": "funcgrad.numpy.matmul",
    "jax.scipy.special.bessel_jn": "funcgrad.scipy.special.jv",
    "jax.scipy.optimize.OptimizeResults": "funcgrad.scipy.optimize.OptimizeResult",
    "jax.scipy.signal.fftconvolve": "funcgrad.scipy.signal.convolve",
    "jax.scipy.signal.convolve2d": "funcgrad.scipy.signal.convolve",
    "jax.scipy.signal.correlate2d": "funcgrad.scipy.signal.correlate",
    "jax.scipy.interpolate.RegularGridInterpolator": "funcgrad.scipy.ndimage.map_coordinates",
    "jax.scipy.sparse.linalg.cg": "funcgrad.custom_linear_solve",
    "jax.scipy.sparse.linalg.gmres": "funcgrad.custom_linear_solve",
    "jax.scipy.sparse.linalg.bicgstab": "funcgrad.custom_linear_solve",
    "jax.test_util.check_jvp": "funcgrad.testing.check_rule",
    "jax.test_util.check_vjp": "funcgrad.testing.check_rule",
    "jax.errors.ConcretizationTypeError": "funcgrad.errors.ConcretizationError",
    "jax.errors.NonConcreteBooleanIndexError": "funcgrad.errors.ConcretizationError",
    "jax.errors.TracerArrayConversionError": "funcgrad.errors.ConcretizationError",
    "jax.errors.TracerBoolConversionError": "funcgrad.errors.ConcretizationError",
    "jax.errors.TracerIntegerConversionError": "funcgrad.errors.ConcretizationError",
    "jax.errors.UnexpectedTracerError": "funcgrad.errors.LeakedTracerError",
    "jax.errors.JAXIndexError": "funcgrad.errors.OutOfBoundsError",
    "jax.errors.JAXTypeError": "funcgrad.errors.FuncgradError",
    "jax.errors.JaxRuntimeError": "funcgrad.errors.FuncgradError",
    "jax.errors.JaxprTypeError": "funcgrad.errors.InvalidJaxprError",
    "jax.core.ShapedArray": "funcgrad.extend.Aval",
    "jax.core.AbstractValue": "funcgrad.extend.Aval",
    "jax.core.Atom": "funcgrad.extend.Var",
    "jax.core.Value": "funcgrad.Array",
    "jax.core.eval_jaxpr": "funcgrad.extend.run",
    "jax.stages.Wrapped": "funcgrad.jit",
    "jax.stages.Traced": "funcgrad.jit",
    "jax.stages.Lowered": "funcgrad.jit",
    "jax.stages.Compiled": "funcgrad.jit",
    "jax.dtypes.finfo": "funcgrad.numpy.finfo",
    "jax.dtypes.iinfo": "funcgrad.numpy.iinfo",
    "jax.dtypes.issubdtype": "funcgrad.numpy.issubdtype",
    "jax.dtypes.result_type": "funcgrad.numpy.result_type",
    "jax.dtypes.canonicalize_dtype": "funcgrad.numpy.dtype",
    "jax.dtypes.scalar_type_of": "funcgrad.numpy.dtype",
    "jax.dtypes.TypePromotionError": "funcgrad.errors.DtypeError",
    "jax.debug.breakpoint": "funcgrad.debug.callback",
    "jax.debug.log": "funcgrad.debug.print",
    "jax.custom_batching.sequential_vmap": "funcgrad.map",
}
"""What serves for a name, where the name itself is not there."""

_OTHER_PARTS = "with the optimizers, losses and layers of version 0.2"

REASONS: list[tuple[str, str, str]] = [
    (PLANNED, _OTHER_PARTS, """
        optax.adadelta optax.adafactor optax.adagrad optax.adamax optax.nadam optax.radam
        optax.lamb optax.lion optax.contrib.muon optax.contrib.prodigy
        optax.contrib.schedule_free* optax.contrib.ScheduleFreeState optax.contrib.MuonState
        optax.contrib.ProdigyState optax.contrib.reduce_on_plateau
        optax.contrib.ReduceLROnPlateauState optax.contrib.MuonDimensionNumbers
        optax.contrib.scale_by_muon optax.GradientTransformation* optax.OptState optax.scale
        optax.scale_by_adam optax.trace optax.scale_by_learning_rate optax.scale_by_schedule
        optax.scale_by_rms optax.scale_by_lion optax.scale_by_radam optax.scale_by_rss
        optax.scale_by_adamax optax.scale_by_trust_ratio optax.scale_by_stddev
        optax.scale_by_belief optax.scale_by_lbfgs optax.scale_by_sign optax.clip
        optax.global_norm optax.add_decayed_weights optax.apply_if_finite
        optax.incremental_update optax.periodic_update optax.ema optax.MultiSteps optax.masked
        optax.multi_transform optax.partition optax.inject_hyperparams
        optax.schedules.inject_hyperparams optax.identity optax.set_to_zero optax.lookahead
        optax.freeze optax.lbfgs optax.Schedule optax.schedules.Schedule optax.ScalarOrSchedule
        optax.projections.projection_box optax.projections.projection_non_negative
        optax.projections.projection_simplex optax.projections.projection_l2_ball
        optax.softmax_cross_entropy* optax.losses.softmax_cross_entropy*
        optax.sigmoid_binary_cross_entropy optax.losses.sigmoid_binary_cross_entropy
        optax.sigmoid_focal_loss optax.losses.sigmoid_focal_loss optax.huber_loss
        optax.losses.huber_loss optax.log_cosh optax.losses.log_cosh optax.l2_loss
        optax.losses.l2_loss optax.cosine_similarity optax.losses.cosine_similarity
        optax.cosine_distance optax.losses.cosine_distance optax.kl_divergence
        optax.losses.kl_divergence optax.losses.kl_divergence_with_log_targets optax.ctc_loss
        optax.losses.ctc_loss optax.smooth_labels optax.losses.smooth_labels
        optax.losses.triplet_margin_loss jax.nn.initializers.delta_orthogonal
        """),
    (UNPLANNED, "any pytree will do", "optax.Params optax.Updates"),
    (UNPLANNED, "states are named tuples of their optimizers here, flat and documented", """
        optax.*State optax.schedules.*State optax.contrib.*State optax.MaskedNode
        optax.LookaheadParams optax.ZoomLinesearchInfo optax.init_empty_state
        """),
    (UNPLANNED, "nobody has asked yet; it is a few lines with what is there", """
        optax.* optax.losses.* optax.schedules.* optax.contrib.* optax.projections.*
        optax.tree.* optax.assignment.* optax.perturbations.* optax.second_order.*
        """),
    (UNPLANNED, "there is one device, the processor: see accelerators.md", """
        jax.Device jax.*Sharding jax.P jax.Shard jax.*device* jax.devices jax.host_*
        jax.process_* jax.make_array_* jax.make_mesh jax.set_mesh jax.*mesh* jax.pmap
        jax.shard_map jax.smap jax.reshard jax.distributed jax.sharding jax.default_backend
        jax.local_* jax.auto_pcast jax.copy_to_host_async jax.memory jax.transfer_guard*
        jax.live_arrays jax.lax.all_to_all jax.lax.pbroadcast jax.lax.pcast jax.lax.ppermute
        jax.lax.precv jax.lax.psend jax.lax.pshuffle jax.lax.pswapaxes jax.lax.ragged_all_to_all
        jax.lax.platform_dependent jax.lax.with_sharding_constraint jax.debug.*sharding*
        jax.ad_checkpoint.Offloadable
        """),
    (UNPLANNED, "a mode; here it is an argument, a function, or always so: `config`", """
        jax.allow_f16_reductions jax.array_garbage_collection_guard jax.check_tracer_leaks
        jax.checking_leaks jax.debug_infs jax.default_matmul_precision jax.default_prng_impl
        jax.enable_* jax.explain_cache_misses jax.legacy_prng_key jax.log_compiles
        jax.no_execution jax.no_tracing jax.numpy_dtype_promotion jax.numpy_rank_promotion
        jax.softmax_custom_jvp jax.thread_guard jax.threefry_partitionable jax.make_user_context
        jax.jax2tf_associative_scan_reductions jax.ensure_compile_time_eval
        jax.core.ensure_compile_time_eval jax.core.eval_context
        """),
    (UNPLANNED, "about XLA, its compiler and what it stores", """
        jax.clear_caches jax.effects_barrier jax.ffi jax.lib jax.monitoring jax.profiler
        jax.interpreters jax.print_environment_info jax.stages.ArgInfo
        jax.stages.CompilerOptions jax.lax.optimization_barrier jax.lax.composite
        jax.lax.after_all jax.lax.create_token jax.lax.dce_sink jax.lax.stage
        jax.lax.AccuracyMode jax.lax.Tolerance jax.lax.DotAlgorithm* jax.lax.RandomAlgorithm
        jax.lax.FftType jax.lax.linalg.*Implementation jax.lax.linalg.SvdAlgorithm
        jax.nn.*scaled* jax.lax.scaled_dot jax.errors.InconclusiveDimensionOperation
        jax.core.max_dim jax.core.min_dim
        """),
    (UNPLANNED, "names of lines come from the source", "jax.named_call jax.named_scope"),
    (UNPLANNED, "values do not change; there are no references to them", """
        jax.Ref jax.new_ref jax.empty_ref jax.free_ref jax.freeze jax.ref
        """),
    (UNPLANNED, "the insides of JAX", """
        jax.ad jax.api_util jax.ds jax.core.Trace jax.core.Tracer jax.core.ParamDict
        jax.experimental jax.remove_size_one_mesh_axis_from_type jax.tree_util.default_registry
        jax.tree_util.flatten_one_level* jax.custom_derivatives.* jax.debug.*Effect
        jax.ad_checkpoint.Recompute jax.ad_checkpoint.Saveable
        jax.ad_checkpoint.print_saved_residuals
        """),
    (UNPLANNED, "a gradient that is not there is None", "jax.float0 jax.dtypes.float0"),
    (UNPLANNED, "NumPy does not have the dtype", """
        jax.numpy.bfloat16 jax.numpy.float4* jax.numpy.float6* jax.numpy.float8* jax.numpy.int1
        jax.numpy.int2 jax.numpy.int4 jax.numpy.uint1 jax.numpy.uint2 jax.numpy.uint4
        jax.dtypes.bfloat16 jax.dtypes.extended jax.dtypes.prng_key jax.dtypes.itemsize_bits
        """),
    (UNPLANNED, "NumPy 2 has it no more", "jax.numpy.complex_ jax.numpy.float_ jax.numpy.Comp*"),
    (UNPLANNED, "a key is an array, to be copied, stored and compared", """
        jax.random.clone jax.random.key_data jax.random.key_dtype jax.random.key_impl
        jax.random.wrap_key_data
        """),
    (UNPLANNED, "how `vmap` treats a function follows from what it does", "jax.custom_batching*"),
    (UNPLANNED, "nobody has asked yet; NumPy, SciPy and `pure_callback` serve", """
        jax.image jax.image.* jax.lax.bitcast_convert_type jax.lax.clz jax.lax.mulhi
        jax.lax.conv_*shape_tuple jax.lax.conv_general_permutations jax.lax.igamma_grad_a
        jax.lax.random_gamma_grad jax.lax.reduce_window_shape_tuple
        jax.lax.RaggedDotDimensionNumbers jax.lax.ragged_dot jax.lax.ragged_dot_general
        jax.lax.linalg.hessenberg jax.lax.linalg.householder_product jax.lax.linalg.ormqr
        jax.lax.linalg.cholesky_update jax.lax.linalg.lu_pivots_to_permutation
        jax.lax.linalg.tridiagonal jax.nn.identity jax.nn.log1mexp jax.nn.logmeanexp
        jax.nn.sparse_plus jax.nn.sparse_sigmoid jax.scipy.special.* jax.scipy.linalg.*
        jax.scipy.stats.* jax.scipy.signal.* jax.scipy.fft.* jax.scipy.cluster.*
        jax.scipy.spatial.*
        """),
]  # fmt: skip
"""By status and reason, patterns of the names that are not here; the first that fits decides."""

PRIMITIVES = (
    "The names of primitives, `jax.lax.*_p`, have no counterpart: `funcgrad.ops` is the floor of "
    "the primitives themselves, classes whose instances are applied. So `jax.ops` could not have "
    "its name here: `segment_sum` and its kin stand in `funcgrad.lax`."
)


class Name(NamedTuple):
    """A name of JAX's or Optax's."""

    module: str
    name: str
    kind: str
    what: str


def listed() -> dict[str, list[str]]:
    """The names of each module."""
    text = re.sub(r"\n +", " ", NAMES.read_text())
    rows = [line.partition(": ") for line in text.splitlines()]
    return {module: names.split() for module, _, names in rows}


def found(path: str) -> bool:
    """Whether ``funcgrad.x.y`` is there; a part of it may be a module that needs an extra."""
    here: object = importlib.import_module("funcgrad")
    for part in path.split(".")[1:]:
        try:
            inner = getattr(here, part)
        except AttributeError:
            return False
        except ImportError:
            return True
        # A folder of funcgrad's own that happens to be loaded is no public name.
        if isinstance(inner, ModuleType) and part not in getattr(here, "__all__", [part]):
            return False
        here = inner
    return True


def homes_of(module: str) -> list[str]:
    """Where the names of a module are looked up."""
    return HOMES.get(module, module.replace("jax", "funcgrad", 1)).split()


def classify() -> list[Name]:
    """Every name with what it is here.

    Raises:
        KeyError: A name is not here and stands in no table, or what serves for it is not here.
    """
    rows: list[Name] = []
    for module, names in listed().items():
        for name in names:
            path = f"{module}.{name}"
            home = next((h for h in homes_of(module) if found(f"{h}.{name}")), None)
            if home is not None and path not in ALIASES:
                rows.append(Name(module, name, PRESENT, home))
            elif path in ALIASES:
                if not found(ALIASES[path]):
                    raise KeyError(f"{ALIASES[path]} is to serve for {path}, and is not there")
                rows.append(Name(module, name, ALIAS, ALIASES[path]))
            else:
                rows.append(Name(module, name, *_reason(path)))
    return rows


def _reason(path: str) -> tuple[str, str]:
    for kind, why, patterns in REASONS:
        if any(fnmatchcase(path, pattern) for pattern in patterns.split()):
            return kind, why
    raise KeyError(f"{path} is not here: say in ALIASES what serves for it, or in REASONS why not")


def page() -> str:
    """The text of the page."""
    rows = classify()
    count = {kind: sum(row.kind == kind for row in rows) for kind in KINDS}
    lines = [
        PAGE.read_text().partition(HEADING)[0].rstrip(),
        "",
        HEADING,
        "",
        "Generated by `python docs/make_jax_names.py`; the tests check that it is up to date, and",
        "that what it calls present is there.",
        "",
        *textwrap.wrap(
            f"Of the {len(rows)} public names of JAX 0.10.2 and Optax 0.2.8 in these modules "
            f"{count[PRESENT]} are here, for {count[ALIAS]} another name serves, {count[PLANNED]} "
            f"are planned and {count[UNPLANNED]} are not. {PRIMITIVES}",
            100,
        ),
        "",
    ]
    for module in listed():
        own = [row for row in rows if row.module == module]
        present = [f"`{row.name}`" for row in own if row.kind == PRESENT]
        where = ", ".join([f"`{home}`" for home in homes_of(module)])
        lines += [f"### `{module}`: here {where}" if present else f"### `{module}`", ""]
        if present:
            lines += [*textwrap.wrap("Present: " + ", ".join(present) + ".", 100, **_WHOLE), ""]
        others = [row for row in own if row.kind != PRESENT]
        if others:
            lines += ["| name | here |", "| --- | --- |", *_table(others), ""]
    return "\n".join(lines).rstrip() + "\n"


_WHOLE = {"break_long_words": False, "break_on_hyphens": False}


def _table(rows: list[Name]) -> list[str]:
    """A row for each name that is called otherwise, and one for each reason."""
    lines = [f"| `{row.name}` | `{row.what}` |" for row in rows if row.kind == ALIAS]
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.kind != ALIAS:
            reasons.setdefault(f"{row.kind}: {row.what}", []).append(f"`{row.name}`")
    return lines + [f"| {', '.join(names)} | {why} |" for why, names in reasons.items()]


if __name__ == "__main__":
    PAGE.write_text(page())
