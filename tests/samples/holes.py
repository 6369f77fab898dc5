"""What stands for the holes of `samples.calls`' rows where every axis is tried."""

import re

HOLES = re.compile(r"\{(axis|maybe|axes)\}")
PLAIN = {"{flag}": "True", "{n}": "1", "{dtype}": "float"}
SHAPES = {
    "square": [(3, 3), (2, 3, 3)],
    "matrix": [(), (3,), (2, 3), (2, 3, 4)],
    "vector": [(), (3,), (2, 3)],
    "flat": [(3, 3)],
    "cube": [(3,), (3, 3), (3, 3, 3)],
    "any": [(), (3,), (2, 1), (2, 3, 4)],
}
