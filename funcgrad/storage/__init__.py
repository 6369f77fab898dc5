"""Pytrees in files, which last longer than the process: `funcgrad.save` and `funcgrad.load`."""
