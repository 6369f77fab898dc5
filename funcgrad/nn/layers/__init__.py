"""Layers: dataclasses of parameters that can be called, pytrees like any other."""
