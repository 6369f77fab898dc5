"""`vjp`, `jvp` and `vmap`, one frame and one small interpreter each."""
