"""The primitives, each declared in one place with all its rules.

`linear` and `kinds` say what a primitive *is* (linear, elementwise, bilinear) and derive its rules
from that; the other files declare the primitives by family.
"""
