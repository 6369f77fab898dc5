"""Side-by-side timings against JAX, PyTorch, HIPS autograd and hand-written NumPy.

Outside the floors of ``funcgrad``: nothing in the package imports this one. ``python -m
benchmarks`` runs the workloads; ``benchmarks/README.md`` says what each of them is.

Order of reading: ``cases`` (what a workload consists of), ``measure`` (how a time is taken),
``child`` (what runs in a fresh process), ``report`` (tables and JSON), then the workloads
``w1_lecture`` to ``w9_start``.
"""
