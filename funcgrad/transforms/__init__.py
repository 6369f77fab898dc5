"""Floor 4: the transformations: `vjp`, `jvp` and `vmap`, one frame and one small interpreter each."""
