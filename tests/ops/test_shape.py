"""Shapes, axes, joining, padding: NumPy's answer under every transform, right derivatives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples.laws import check_sample
from samples.shape import SAMPLES, M, N, V, X

import funcgrad.numpy.join as join
from funcgrad import grad, jvp, make_jaxpr, vjp, vmap
from funcgrad.errors import NotTraceableError, ShapeError
from funcgrad.testing import check_grads, check_transforms

F = M.astype(np.float32)
C = M + 1j * X[0]
E0 = np.zeros((0, 3))
CUBE = np.arange(27.0).reshape(3, 3, 3)

names = [f"{s.primitive}-{i}" for i, s in enumerate(SAMPLES)]


@pytest.mark.parametrize("sample", SAMPLES, ids=names)
def test_samples(sample):
    check_sample(sample)


CALLS = {
    "reshape": (lambda x: np.reshape(x, (2, -1)), (M,)),
    "reshape int": (lambda x: np.reshape(x, -1), (X,)),
    "reshape order F": (lambda x: np.reshape(x, (4, 3), order="F"), (M,)),
    "reshape empty": (lambda x: np.reshape(x, (3, -1)), (E0,)),
    "reshape method": (lambda x: x.reshape(4, 3).T, (M,)),
    "ravel": (lambda x: np.ravel(x), (X,)),
    "ravel F": (lambda x: np.ravel(x, "F"), (X,)),
    "ravel scalar": (lambda x: np.ravel(x), (2.5,)),
    "transpose": (lambda x: np.transpose(x, (1, -1, 0)), (X,)),
    "transpose vector": (lambda x: np.transpose(x), (V,)),
    "matrix_transpose": (lambda x: np.matrix_transpose(x), (X,)),
    "moveaxis": (lambda x: np.moveaxis(x, -1, 0), (X,)),
    "swapaxes": (lambda x: np.swapaxes(x, -3, 1), (X,)),
    "rollaxis": (lambda x: np.rollaxis(x, 2), (X,)),
    "rollaxis start": (lambda x: np.rollaxis(x, 0, 3), (X,)),
    "rollaxis middle": (lambda x: np.rollaxis(x, 2, 1), (X,)),
    "squeeze": (lambda x: np.squeeze(x, axis=-1), (M[:, :1],)),
    "squeeze two": (lambda x: np.squeeze(x, axis=(0, 2)), (M[None, :, None],)),
    "expand_dims": (lambda x: np.expand_dims(x, 1), (M,)),
    "expand_dims two": (lambda x: np.expand_dims(x, (-1, 1)), (V,)),
    "expand_dims scalar": (lambda x: np.expand_dims(x, 0), (1.5,)),
    "broadcast_to": (lambda x: np.broadcast_to(x, (5, 3, 4)), (M,)),
    "broadcast_to int": (lambda x: np.broadcast_to(x, 3), (2.0,)),
    "broadcast_to empty": (lambda x: np.broadcast_to(x, (0, 3, 4)), (M,)),
    "broadcast_arrays": (lambda x, y: tuple(np.broadcast_arrays(x, y)), (M, V)),
    "atleast_1d": (lambda x, y: tuple(np.atleast_1d(x, y)), (0.5, M)),
    "atleast_2d": (lambda x: np.atleast_2d(x), (V,)),
    "atleast_3d": (lambda x, y, z: tuple(np.atleast_3d(x, y, z)), (0.5, V, M)),
    "concatenate dtypes": (lambda x, y: np.concatenate([x, y]), (F, N)),
    "concatenate float32 and 64": (lambda x, y: np.concatenate([x, y], axis=1), (F, M)),
    "concatenate dtype": (lambda x, y: np.concatenate((x, y), dtype=np.float32), (M, N)),
    "concatenate one": (lambda x: np.concatenate([x]), (M,)),
    "concatenate constants": (lambda x: np.concatenate([x, np.ones((1, 4)), x]), (M,)),
    "concatenate lists": (lambda x: join.concatenate([[x, 1.0], [2.0, x * x]]), (0.5,)),
    "concatenate an array": (lambda x: np.concatenate(x), (X,)),
    "concatenate empty": (lambda x, y: np.concatenate([x, y]), (E0, M[:, :3])),
    "stack": (lambda x, y: np.stack([x, y], axis=1), (M, M * 2)),
    "stack scalars": (lambda x, y: np.stack([x, 1, y]), (0.5, 2.5)),
    "stack dtypes": (lambda x, y: np.stack([x, y]), (N, C)),
    "vstack": (lambda x, y: np.vstack([x, y]), (M, V)),
    "vstack scalars": (lambda x: np.vstack([x, 1.0]), (0.5,)),
    "hstack": (lambda x, y: np.hstack([x, y]), (M, M[:, :1])),
    "hstack vectors": (lambda x, y: np.hstack((x, y)), (V, V[:2])),
    "hstack scalars": (lambda x, y: np.hstack((x, y)), (0.25, 0.5)),
    "dstack": (lambda x, y: np.dstack([x, y]), (M, M + 1)),
    "dstack vectors": (lambda x, y: np.dstack([x, y]), (V, V + 1)),
    "column_stack": (lambda x, y: np.column_stack([x, y]), (M[:, 0], M)),
    "append": (lambda x, y: np.append(x, y), (M, V)),
    "append axis": (lambda x, y: np.append(x, y, axis=0), (M, V[None])),
    "split": (lambda x: tuple(np.split(x, 2, axis=1)), (M,)),
    "split at": (lambda x: tuple(np.split(x, [1, 3, 5, -1], axis=1)), (M,)),
    "array_split": (lambda x: tuple(np.array_split(x, 3, axis=-1)), (M,)),
    "vsplit": (lambda x: tuple(np.vsplit(x, [1])), (M,)),
    "hsplit": (lambda x: tuple(np.hsplit(x, 2)), (M,)),
    "hsplit vector": (lambda x: tuple(np.hsplit(x, 2)), (V,)),
    "dsplit": (lambda x: tuple(np.dsplit(x, 4)), (X,)),
    "tile": (lambda x: np.tile(x, 2), (M,)),
    "tile more": (lambda x: np.tile(x, (2, 2, 1)), (V,)),
    "tile scalar": (lambda x: np.tile(x, (2, 3)), (1.5,)),
    "tile none": (lambda x: np.tile(x, (0, 2)), (M,)),
    "repeat": (lambda x: np.repeat(x, 2), (M,)),
    "repeat axis": (lambda x: np.repeat(x, 2, axis=-1), (X,)),
    "repeat each": (lambda x: np.repeat(x, [2, 0, 1], axis=0), (M,)),
    "repeat one": (lambda x: np.repeat(x, [3], axis=0), (M,)),
    "roll": (lambda x: np.roll(x, 5), (M,)),
    "roll axis": (lambda x: np.roll(x, -1, axis=1), (M,)),
    "roll axes": (lambda x: np.roll(x, 2, axis=(0, 1)), (M,)),
    "roll twice": (lambda x: np.roll(x, (1, 2), axis=(0, 0)), (M,)),
    "roll empty": (lambda x: np.roll(x, 1, axis=0), (E0,)),
    "flip": (lambda x: np.flip(x, -1), (X,)),
    "flip none": (lambda x: np.flip(x, ()), (X,)),
    "flip scalar": (lambda x: np.flip(x), (1.5,)),
    "flipud": (lambda x: np.flipud(x), (M,)),
    "fliplr": (lambda x: np.fliplr(x), (X,)),
    "rot90": (lambda x: np.rot90(x), (M,)),
    "rot180": (lambda x: np.rot90(x, 2), (M,)),
    "rot270": (lambda x: np.rot90(x, -1, axes=(2, 0)), (X,)),
    "rot360": (lambda x: np.rot90(x, 4), (M,)),
    "pad": (lambda x: np.pad(x, 2), (M,)),
    "pad widths": (lambda x: np.pad(x, ((1, 0), (0, 2))), (M,)),
    "pad pair": (lambda x: np.pad(x, (1, 2), constant_values=-1.5), (V,)),
    "pad ints": (lambda x: np.pad(x, 1, constant_values=2.75), (N,)),
    "pad minus zero": (lambda x: np.signbit(np.pad(x, 1, constant_values=-0.0)), (V,)),
    "pad by sides": (lambda x: np.pad(x, 1, constant_values=((1.0, 2.0), (3.0, 4.0))), (M,)),
    "pad with a traced value": (lambda x, y: np.pad(x, 1, constant_values=y), (M, 0.5)),
    "pad with several": (lambda x, y: np.pad(x, 1, constant_values=(y, 1.0)), (M, 0.5)),
    "pad with all": (lambda x, y: np.pad(x, 1, constant_values=((y, 1), (2, y))), (M, 0.5)),
    "pad edge": (lambda x: np.pad(x, ((2, 1), (0, 3)), mode="edge"), (M,)),
    "pad reflect": (lambda x: np.pad(x, ((2, 1), (1, 5)), mode="reflect"), (M,)),
    "pad symmetric": (lambda x: np.pad(x, 4, mode="symmetric"), (M,)),
    "pad wrap": (lambda x: np.pad(x, (1, 6), mode="wrap"), (V,)),
    "pad maximum": (lambda x: np.pad(x, 1, mode="maximum"), (M,)),
    "pad minimum": (lambda x: np.pad(x, ((1, 2), (0, 1)), mode="minimum"), (M,)),
    "pad mean": (lambda x: np.pad(x, 1, mode="mean"), (M,)),
    "pad median": (lambda x: np.pad(x, 2, mode="median", stat_length=((3, 2), (5, 4))), (M,)),
    "pad ramp": (lambda x: np.pad(x, (2, 1), mode="linear_ramp", end_values=(3.0, 1.0)), (M,)),
    "pad ramp to a value": (lambda x, y: np.pad(x, 2, "linear_ramp", end_values=y), (M, 0.5)),
    "pad reflect odd": (lambda x: np.pad(x, (1, 2), "reflect", reflect_type="odd"), (M,)),
    "pad symmetric odd, far": (lambda x: np.pad(x, 9, "symmetric", reflect_type="odd"), (M,)),
    "pad mean of ints": (lambda x: np.pad(x, 1, mode="mean"), (N,)),
    "tril": (lambda x: np.tril(x), (M,)),
    "tril k": (lambda x: np.tril(x, -1), (X,)),
    "triu": (lambda x: np.triu(x, 1), (C,)),
    "triu vector": (lambda x: np.triu(x), (V,)),
    "diag": (lambda x: np.diag(x, 1), (V,)),
    "diag of": (lambda x: np.diag(x, -1), (M,)),
    "diag outside": (lambda x: np.diag(x, 7), (M,)),
    "diagflat": (lambda x: np.diagflat(x, 1), (M,)),
    "diagonal": (lambda x: np.diagonal(x, 1, 0, 2), (X,)),
    "trace": (lambda x: np.trace(x), (X,)),
    "trace of ints": (lambda x: np.trace(x, 1), (N.astype(np.int8),)),
    "trace dtype": (lambda x: np.trace(x, dtype=np.float32), (N,)),
    "zeros_like": (lambda x: x * np.zeros_like(x), (F,)),
    "ones_like": (lambda x: x + np.ones_like(x, dtype=complex), (F,)),
    "ones_like shape": (lambda x: np.sum(x) * np.ones_like(x, shape=(2, 2)), (F,)),
    "full_like": (lambda x: x + np.full_like(x, 2.7), (N,)),
    "full_like traced": (lambda x, y: np.full_like(x, y), (M, 0.5)),
    "full_like of an array": (lambda y: np.full_like(np.ones(3, np.float32), y), (0.5,)),
    "meshgrid": (lambda x, y: tuple(np.meshgrid(x, y)), (V, V[:3])),
    "meshgrid ij": (lambda x, y: tuple(np.meshgrid(x, y, indexing="ij")), (V, V[:3])),
    "meshgrid sparse": (lambda x, y, z: tuple(np.meshgrid(x, y, z, sparse=True)), (V, V[:3], 2.0)),
}  # fmt: skip
if hasattr(np, "unstack"):
    CALLS["unstack"] = (lambda x: np.unstack(x, axis=1), (M,))


def everything(out):
    return out if isinstance(out, tuple) else (out,)


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    f, args = CALLS[name]
    if name == "full_like of an array":
        # Without a tracer among its arguments NumPy fills an array itself.
        f_traced = f
        value = vmap(lambda y: np.full_like(y * np.ones(3, np.float32), y))(np.arange(2.0))
        np.testing.assert_array_equal(value, [[0.0] * 3, [1.0] * 3])
        assert f_traced(0.5).dtype == np.float32
        return
    check_transforms(f, args)
    floats = [np.asarray(a).dtype.kind in "fc" for a in (*args, *everything(f(*args)))]
    if all(floats):
        check_grads(f, args, order=1)


def test_questions_about_shape():
    seen = []

    def f(x):
        seen.extend([np.shape(x), np.ndim(x), np.size(x), np.size(x, 1), x.shape, x.size, len(x)])
        return np.sum(x)

    make_jaxpr(f)(M)
    assert seen == [(3, 4), 2, 12, 4, (3, 4), 12, 3]
    seen.clear()
    vmap(f)(X)
    assert seen == [(3, 4), 2, 12, 4, (3, 4), 12, 3]


def test_likes_are_plain_arrays():
    def f(x):
        buffer = np.empty_like(x)
        assert type(buffer) is np.ndarray and buffer.dtype == np.float32
        buffer[...] = 2.0
        assert type(np.zeros_like(x)) is np.ndarray
        return np.sum(x * buffer)

    np.testing.assert_array_equal(grad(f)(F), np.full((3, 4), 2.0, np.float32))


SHAPES = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(tuple)


@given(SHAPES, st.data())
def test_concatenate_takes_apart_what_it_joined(shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    lengths = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))
    rng = np.random.default_rng(0)
    parts = []
    for n in lengths:
        own = list(shape)
        own[axis] = n
        parts.append(rng.standard_normal(own))
    value, pullback = vjp(lambda *xs: np.concatenate(xs, axis=axis), *parts)
    np.testing.assert_array_equal(value, np.concatenate(parts, axis=axis))
    for ct, part in zip(everything(pullback(value)), parts, strict=True):
        np.testing.assert_array_equal(ct, part)
    tangent = jvp(lambda *xs: np.concatenate(xs, axis=axis), tuple(parts), tuple(parts))[1]
    np.testing.assert_array_equal(tangent, value)


@given(SHAPES, st.data())
def test_pads_and_their_transposes(shape, data):
    widths = tuple((data.draw(st.integers(0, 2)), data.draw(st.integers(0, 2))) for _ in shape)
    x = np.random.default_rng(0).standard_normal(shape)
    value, pullback = vjp(lambda x: np.pad(x, widths, constant_values=3.0), x)
    np.testing.assert_array_equal(value, np.pad(x, widths, constant_values=3.0))
    (ct,) = everything(pullback(value))
    np.testing.assert_array_equal(ct, x)


@given(SHAPES, st.data())
def test_transposes_of_any_axes(shape, data):
    axes = tuple(data.draw(st.permutations(range(len(shape)))))
    x = np.random.default_rng(0).standard_normal(shape)
    value, pullback = vjp(lambda x: np.transpose(x, axes), x)
    np.testing.assert_array_equal(value, np.transpose(x, axes))
    np.testing.assert_array_equal(everything(pullback(value))[0], x)
    batch = np.stack([x, x + 1])
    np.testing.assert_array_equal(
        vmap(lambda x: np.transpose(x, axes))(batch),
        np.stack([np.transpose(b, axes) for b in batch]),
    )


def test_full_like_takes_a_traced_value():
    g = grad(lambda y: np.sum(np.full_like(y * np.ones((2, 3)), y)))(2.0)
    assert g == 6.0


def test_results_are_owned_and_writeable():
    for f in (np.transpose, np.diagonal, np.flip, lambda x: np.broadcast_to(x, (2, 3, 3))):
        value, _ = vjp(f, M[:, :3])
        assert value.flags.owndata and value.flags.writeable
        value, _ = jvp(f, (M[:, :3],), (M[:, :3],))
        assert value.flags.owndata and value.flags.writeable


def test_programs_read_as_numpy():
    def text(f, *args):
        return [str(e.primitive) for e in make_jaxpr(f)(*args).equations]

    assert text(lambda x: np.reshape(x, (3, 4)), M) == []
    assert text(lambda x: x.T.T, M) == ["transpose[axes=(1,0)]"] * 2
    assert text(lambda x: np.stack([x, x]), M) == ["stack[axis=0]"]
    assert text(lambda x: np.concatenate([x, x], -1), M) == ["concatenate[axis=1]"]
    assert text(lambda x: np.expand_dims(x, 0), V) == ["reshape[shape=(1,4)]"]


AXIS = np.exceptions.AxisError
ERRORS = {
    "reshape": (lambda x: np.reshape(x, (5, 2)), ShapeError, "cannot reshape float64[3,4]"),
    "reshape two": (lambda x: np.reshape(x, (-1, -1)), ShapeError, "reshape: cannot reshape"),
    "reshape uneven": (lambda x: np.reshape(x, (5, -1)), ShapeError, "reshape: cannot reshape"),
    "reshape order": (lambda x: np.reshape(x, 12, order="Q"), ValueError, "got 'Q'"),
    "transpose": (lambda x: np.transpose(x, (0, 0)), ShapeError, "transpose: axes (0, 0)"),
    "transpose axis": (lambda x: np.transpose(x, (0, 2)), AXIS, "axis 2 is out of bounds"),
    "moveaxis": (lambda x: np.moveaxis(x, (0, 1), (0,)), ShapeError, "moveaxis: 2 axes"),
    "squeeze": (lambda x: np.squeeze(x, 0), ShapeError, "squeeze: got float64[3,4]"),
    "expand_dims": (lambda x: np.expand_dims(x, 5), AXIS, "axis 5 is out of bounds"),
    "broadcast_to": (lambda x: np.broadcast_to(x, (3, 5)), ShapeError, "(3, 4), (3, 5)"),
    "broadcast down": (lambda x: np.broadcast_to(x, (4,)), ShapeError, "does not broadcast"),
    "concatenate": (lambda x: np.concatenate([x, x[:, :2]]), ShapeError, "(3, 4), (3, 2) do not"),
    "concatenate axis": (lambda x: np.concatenate([x, x], 2), AXIS, "axis 2 is out of bounds"),
    "concatenate scalars": (lambda x: np.concatenate([x[0, 0], 1.0]), ShapeError, "numpy.stack"),
    "concatenate out": (
        lambda x: np.concatenate([x, x], out=np.zeros((6, 4))), NotTraceableError, "out="),
    "concatenate casting": (
        lambda x: np.concatenate([x, x], dtype=int), TypeError, "Cannot cast array data"),
    "stack": (lambda x: np.stack([x, x[0]]), ShapeError, "numpy.stack: the shapes differ"),
    "split": (lambda x: np.split(x, 2), ShapeError, "length 3 has no 2 equal parts"),
    "vsplit": (lambda x: np.vsplit(x[0], 2), ShapeError, "numpy.vsplit"),
    "pad mode": (lambda x: np.pad(x, 1, mode=print), NotTraceableError, "a function as mode"),
    "pad negative": (lambda x: np.pad(x, -1), ValueError, "negative"),
    "diagonal": (lambda x: np.diagonal(x[0]), ShapeError, "fewer than 2 dimensions"),
    "diag": (lambda x: np.diag(x[None]), ShapeError, "diag: got"),
    "rot90": (lambda x: np.rot90(x, axes=(0, -2)), ShapeError, "rot90: axes"),
    "fliplr": (lambda x: np.fliplr(x[0]), ShapeError, "numpy.fliplr"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("transform", [make_jaxpr, lambda f: lambda x: vjp(f, x)], ids=["", "vjp"])
def test_errors(name, transform):
    f, kind, text = ERRORS[name]
    with pytest.raises(kind) as caught:
        transform(f)(M)
    assert text in str(caught.value)


def test_a_pad_value_is_of_the_dtype_of_its_array():
    # 2 == 2.0 == 2+0j: the primitive of one served the others, and its value did not fit.
    for x in (V + 1j, V, N, N > 2):
        check_transforms(lambda x: np.pad(x, 3, constant_values=1), (x,))
