"""The list of workloads."""

from __future__ import annotations

from benchmarks import (
    w1_lecture,
    w2_neuron,
    w3_spiral,
    w4_mlp,
    w5_elementwise,
    w6_chain,
    w7_hessian,
    w8_per_example,
    w9_start,
    w10_recurrent,
    w11_loops,
    w12_calls,
    w13_ode,
)
from benchmarks.cases import Case, Extent, Workload

_MODULES = (
    w1_lecture,
    w2_neuron,
    w3_spiral,
    w4_mlp,
    w5_elementwise,
    w6_chain,
    w7_hessian,
    w8_per_example,
    w9_start,
    w10_recurrent,
    w11_loops,
    w12_calls,
    w13_ode,
)


def all_workloads(extent: Extent) -> dict[str, Workload]:
    """The workloads by name, in order."""
    return {w.name: w for w in (module.workload(extent) for module in _MODULES)}


def find_case(name: str, extent: Extent) -> Case:
    """The case of that name.

    Raises:
        KeyError: if there is none.
    """
    for workload in all_workloads(extent).values():
        for case in workload.cases:
            if isinstance(case, Case) and case.name == name:
                return case
    raise KeyError(name)
