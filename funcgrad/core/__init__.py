"""Floors 1 and 2: the typed program (`ir`), tracing (`trace`), the protocol of a primitive."""
