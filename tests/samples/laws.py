"""What a sample must fulfil: NumPy's answer everywhere, right derivatives, vmap is the loop."""

import itertools

import numpy as np

from funcgrad import vmap
from funcgrad.core.record import trace
from funcgrad.core.trace import aval_of
from funcgrad.testing import check_grads, check_transforms

from . import Sample


def check_sample(sample: Sample, order: int = 2) -> None:
    """Assert that ``sample`` contains its primitive and keeps the laws."""
    f, args = sample.function, sample.args
    program, _ = trace(lambda *xs: _flat(f(*xs)), [aval_of(a) for a in args])
    assert sample.primitive in {eqn.primitive.name for eqn in program.equations}
    check_transforms(f, args)
    check_vmap(f, args)
    outputs = _flat(f(*args))
    if any(aval_of(a).inexact for a in args) and any(aval_of(out).inexact for out in outputs):
        check_grads(f, args, order=order)


def _flat(out):
    return list(out) if isinstance(out, tuple | list) else [out]


def check_vmap(f, args) -> None:
    """Compare `vmap`, over every choice of arguments, with a loop."""
    others = [_other(a) for a in args]
    batches = [
        np.stack([np.asarray(a), np.asarray(b), np.asarray(a)]) for a, b in zip(args, others)
    ]
    for chosen in itertools.product([True, False], repeat=len(args)):
        if not any(chosen):
            continue
        given = [b if c else a for a, b, c in zip(args, batches, chosen)]
        axes = tuple(0 if c else None for c in chosen)
        found = _flat(vmap(f, in_axes=axes)(*given))
        rows = [_flat(f(*[b[i] if c else b for b, c in zip(given, chosen)])) for i in range(3)]
        for k, out in enumerate(found):
            expected = np.stack([row[k] for row in rows])
            assert aval_of(out) == aval_of(expected), (out, expected, chosen)
            np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-12)


def _other(a):
    if not aval_of(a).inexact:
        return a
    return np.asarray(a)[..., ::-1] * 0.75 + 0.125 if np.ndim(a) else a * 0.75 + 0.125
