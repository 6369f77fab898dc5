"""Floor 5: primitives that hold programs: `call`, which is what `jit` is inside a transform."""
