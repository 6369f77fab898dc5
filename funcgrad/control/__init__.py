"""Primitives that hold programs: `call`, which is what `jit` is inside a transform."""
