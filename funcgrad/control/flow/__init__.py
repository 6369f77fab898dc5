"""Branches and loops: the primitives, and the functions that users call."""
