"""Convolutions against loops written out, SciPy's correlation and JAX where it is there; errors."""

import itertools
import re

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from samples.laws import check_sample, check_vmap
from samples.windows import CONVOLUTIONS

from funcgrad import (
    checkpoint,
    checkpoint_policies,
    errors,
    grad,
    jit,
    jvp,
    lax,
    nn,
    value_and_grad,
    vjp,
    vmap,
)
from funcgrad.testing import check_grads, check_transforms


def wave(*shape, dtype=float):
    return np.sin(np.arange(float(np.prod(shape))) * 0.7 + 0.2).reshape(shape).astype(dtype)


@pytest.mark.parametrize("index", range(len(CONVOLUTIONS)))
def test_samples(index):
    check_sample(CONVOLUTIONS[index])


def by_loops(x, w, strides, pads, spread, dilation, groups=1, parts=1):
    """The definition, channels first, one product after the other."""
    n, c, *shape = x.shape
    o, i, *window = w.shape
    apart = [(m - 1) * d + 1 if m else 0 for m, d in zip(shape, spread)]
    u = np.zeros((n, c, *[max(m + low + high, 0) for m, (low, high) in zip(apart, pads)]))
    for at in np.ndindex(*shape):
        place = [k * d + low for k, d, (low, _) in zip(at, spread, pads)]
        if all(0 <= p < m for p, m in zip(place, u.shape[2:])):
            u[(..., *place)] = x[(..., *at)]
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation)]
    places = [max(0, (m - r) // s + 1) for m, r, s in zip(u.shape[2:], reach, strides)]
    y = np.zeros((n // parts, o, *places))
    for b, f, p in itertools.product(range(n // parts), range(o), np.ndindex(*places)):
        image = u[(f // (o // parts)) * (n // parts) + b]
        first = f // (o // groups) * i
        for k in np.ndindex(*window):
            at = [a * s + e * d for a, s, e, d in zip(p, strides, k, dilation)]
            y[(b, f, *p)] += np.dot(image[(slice(first, first + i), *at)], w[(f, slice(None), *k)])
    return y


@st.composite
def convolutions(draw):
    """Arrays and arguments of `conv_general_dilated`, channels first, with pairs for padding."""
    rank = draw(st.integers(0, 2))
    few = st.integers(1, 3)

    def each(numbers):
        return tuple(draw(numbers) for _ in range(rank))

    groups, parts = draw(st.sampled_from([(1, 1), (2, 1), (3, 1), (1, 2)]))
    n, c, o = draw(st.integers(0, 2)) * parts, draw(few) * groups, draw(few) * groups * parts
    shape, window = each(st.integers(0, 5)), each(few)
    strides, spread, dilation = each(few), each(few), each(st.integers(1, 2))
    pads = []
    for m, d in zip(shape, spread):
        low = draw(st.integers(-2, 4))
        pads.append((low, draw(st.integers(max(-2, -low - ((m - 1) * d + 1 if m else 0)), 4))))
    x, w = wave(n, c, *shape), wave(o, c // groups, *window) + 0.25
    return x, w, strides, tuple(pads), spread, dilation, groups, parts


@settings(max_examples=150, deadline=None)
@given(convolutions())
def test_loops(case):
    x, w, strides, pads, spread, dilation, groups, parts = case

    def f(x, w):
        return lax.conv_general_dilated(x, w, strides, pads, spread, dilation, None, groups, parts)

    want = by_loops(*case)
    found = f(x, w)
    assert found.shape == want.shape and found.dtype == want.dtype
    assert_allclose(found, want, rtol=1e-12, atol=1e-12)
    assert_allclose(jit(f)(x, w), want, rtol=1e-12, atol=1e-12)
    # Bilinear: its tangents are convolutions, and reverse mode is their transpose.
    s, t, ct = np.cos(x), np.cos(w), np.cos(want)
    tangent = jvp(f, (x, w), (s, t))[1]
    assert_allclose(tangent, f(s, w) + f(x, t), rtol=1e-12, atol=1e-12)
    cx, cw = vjp(f, x, w)[1](ct)
    assert_allclose(np.vdot(cx, s) + np.vdot(cw, t), np.vdot(ct, tangent), rtol=1e-9, atol=1e-9)


LAYOUTS = [
    (None, (0, 1, 2, 3), (0, 1, 2, 3), (0, 1, 2, 3)),
    (("NHWC", "HWIO", "NHWC"), (0, 2, 3, 1), (2, 3, 1, 0), (0, 2, 3, 1)),
    (("CWHN", "IOHW", "HNWC"), (1, 3, 2, 0), (1, 0, 2, 3), (2, 0, 3, 1)),
]


@pytest.mark.parametrize("dimension_numbers, x_axes, w_axes, y_axes", LAYOUTS)
def test_layouts(dimension_numbers, x_axes, w_axes, y_axes):
    x, w = wave(2, 3, 5, 6), wave(4, 3, 2, 3)
    rest = (1, 2), ((1, 0), (2, 1)), (2, 1), (1, 2)
    want = by_loops(x, w, *rest).transpose(y_axes)
    found = lax.conv_general_dilated(
        x.transpose(x_axes), w.transpose(w_axes), *rest, dimension_numbers
    )
    assert_allclose(found, want, rtol=1e-12, atol=1e-13)
    given_before = lax.conv_dimension_numbers(
        [x.shape[a] for a in x_axes], [w.shape[a] for a in w_axes], dimension_numbers
    )
    again = lax.conv_general_dilated(x.transpose(x_axes), w.transpose(w_axes), *rest, given_before)
    np.testing.assert_array_equal(found, again)


def test_scipy_has_the_same_correlation():
    x, w = wave(2, 3, 9, 8), wave(4, 3, 3, 2)
    for padding, mode in (("VALID", "valid"), ("SAME_LOWER", "same")):
        want = [
            [
                sum(scipy.signal.correlate(x[n, c], w[o, c], mode) for c in range(3))
                for o in range(4)
            ]
            for n in range(2)
        ]
        assert_allclose(lax.conv(x, w, (1, 1), padding), want, rtol=1e-12, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
def test_words_for_paddings(n, k, s, d):
    reach = (k - 1) * d + 1
    x, w = wave(1, 1, n), wave(1, 1, k)
    same = lax.conv_general_dilated(x, w, (s,), "SAME", None, (d,))
    lower = lax.conv_general_dilated(x, w, (s,), "same_lower", None, (d,))
    valid = lax.conv_general_dilated(x, w, (s,), "VALID", None, (d,))
    assert same.shape == lower.shape == (1, 1, -(-n // s))
    assert valid.shape == (1, 1, max(0, -(-(n - reach + 1) // s)))
    (one,) = lax.padtype_to_pads((n,), (reach,), (s,), "SAME")
    (other,) = lax.padtype_to_pads((n,), (reach,), (s,), "SAME_LOWER")
    assert one == other[::-1] and 0 <= one[1] - one[0] <= 1
    assert_allclose(same, by_loops(x, w, (s,), [one], (1,), (d,)), rtol=1e-12, atol=1e-13)
    assert_allclose(lower, by_loops(x, w, (s,), [other], (1,), (d,)), rtol=1e-12, atol=1e-13)


# images, kernels, strides, padding, dilations, groups of features, groups of the batch
USES = [
    (wave(2, 3, 7), wave(2, 3, 3), (2,), "SAME", (1,), (1,), 1, 1),
    (wave(2, 2, 4, 3), wave(2, 2, 2, 3), (1, 2), [(1, 2), (-1, 3)], (1, 1), (2, 1), 1, 1),
    (wave(1, 2, 4, 3), wave(3, 2, 2, 3), (2, 1), [(2, 0), (1, 3)], (2, 3), (1, 2), 1, 1),
    (wave(2, 4, 5), wave(6, 2, 2), (1,), "VALID", (1,), (2,), 2, 1),
    (wave(2, 3, 5), wave(3, 1, 2), (1,), [(1, 1)], (2,), (1,), 3, 1),
    (wave(4, 2, 5), wave(4, 2, 3), (1,), "SAME_LOWER", (1,), (1,), 1, 2),
    (wave(2, 3), wave(4, 3), (), "VALID", (), (), 1, 1),
]


@pytest.mark.parametrize("use", USES)
def test_laws(use):
    x, w, *rest = use

    def f(x, w):
        return lax.conv_general_dilated(x, w, *rest[:4], None, *rest[4:])

    check_grads(f, (x, w), order=2)
    check_transforms(f, (x, w))
    check_vmap(f, (x, w))


def test_hessian_by_the_kernel():
    x = wave(1, 1, 6)

    def f(w):
        return np.sum(lax.conv(x, w.reshape(1, 1, 3), (1,), "VALID") ** 2)

    w = wave(3)
    patches = np.lib.stride_tricks.sliding_window_view(x[0, 0], 3)
    assert_allclose(grad(f)(w), 2 * patches.T @ patches @ w, rtol=1e-12)
    assert_allclose(
        vmap(lambda t: jvp(grad(f), (w,), (t,))[1])(np.eye(3)), 2 * patches.T @ patches, rtol=1e-12
    )


@pytest.mark.parametrize("left", "bBhHiIlLefdFD")
@pytest.mark.parametrize("right", "bHlefdFD")
def test_dtypes(left, right):
    x = (np.arange(8) % 5).reshape(1, 2, 4).astype(left)
    w = (np.arange(6) % 3).reshape(1, 2, 3).astype(right)
    want = by_loops(x.real.astype(float), w.real.astype(float), (1,), [(1, 0)], (1,), (1,))
    found = lax.conv_general_dilated(x, w, (1,), [(1, 0)])
    assert found.dtype == np.result_type(x, w)
    np.testing.assert_array_equal(found, want)
    compiled = jit(lambda x, w: lax.conv_general_dilated(x, w, (1,), [(1, 0)]))(x, w)
    assert compiled.dtype == found.dtype
    np.testing.assert_array_equal(compiled, want)


def test_the_dtype_that_is_preferred():
    x, w = np.full((1, 300, 1), 100, np.int8), np.full((1, 300, 1), 100, np.int8)
    assert lax.conv(x, w, (1,), "VALID", preferred_element_type=np.int64) == 3_000_000
    half = wave(1, 2, 4, dtype=np.float16)
    found = lax.conv(half, half[..., :2], (1,), "VALID", preferred_element_type=np.float32)
    assert found.dtype == np.float32
    assert grad(lambda x: lax.conv(x, half[..., :2], (1,), "VALID").sum())(half).dtype == np.float16


def test_complex_images_are_not_conjugated():
    x = wave(1, 2, 5) + 1j * wave(1, 2, 5)[..., ::-1]
    w = wave(2, 2, 2) - 0.5j

    def f(x, w):
        return lax.conv(x, w, (1,), "SAME")

    parts = f(x.real, w.real) - f(x.imag, w.imag) + 1j * (f(x.real, w.imag) + f(x.imag, w.real))
    assert_allclose(f(x, w), parts, rtol=1e-12)
    check_grads(f, (x, w), order=2)


def test_many_images_are_taken_in_blocks():
    x, w = wave(40, 3, 33, 31, dtype=np.float32), wave(5, 3, 3, 3, dtype=np.float32)
    y, pullback = vjp(lambda x, w: lax.conv(x, w, (1, 1), "VALID"), x, w)
    some = [0, 7, 39]
    wide = scipy.signal.correlate(x[7].astype(float), w[4].astype(float), "valid")[0]
    assert_allclose(y[7, 4], wide, rtol=1e-4, atol=1e-4)
    alone, pull_alone = vjp(lambda x: lax.conv(x, w, (1, 1), "VALID"), x[some])
    assert_allclose(y[some], alone, rtol=1e-4, atol=1e-5)
    ct = np.cos(y)
    cx, cw = pullback(ct)
    assert_allclose(cx[some], pull_alone(ct[some])[0], rtol=1e-4, atol=1e-5)
    each = vmap(lambda x, c: vjp(lambda w: lax.conv(x[None], w, (1, 1), "VALID"), w)[1](c[None])[0])
    assert_allclose(cw, each(x, ct).sum(0), rtol=1e-3, atol=1e-2)


# conv_transpose, patches, the layer


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 2),
    st.sampled_from(["SAME", "VALID"]),
)
def test_transposed_convolutions(n, k, s, d, padding):
    x, w = wave(2, n, 3), wave(k, 3, 2)
    found = lax.conv_transpose(x, w, (s,), padding, (d,))
    reach = (k - 1) * d + 1
    length = n * s if padding == "SAME" else n * s + max(reach - s, 0)
    assert found.shape == (2, length, 2)
    # With transpose_kernel it is the transpose of the convolution with that kernel.
    flipped = lax.conv_transpose(x, w.transpose(0, 2, 1), (s,), padding, (d,), None, True)

    def there(y):
        return nn.conv(y, w.transpose(0, 2, 1), strides=s, dilation=d, padding=padding)

    if (padding == "VALID" and reach >= s) or (padding == "SAME" and s == 1 and reach % 2):
        _, pullback = vjp(there, np.zeros((2, length, 2)))
        assert_allclose(flipped, pullback(x)[0], rtol=1e-12, atol=1e-12)


def test_patches():
    x = wave(2, 3, 5, 6)
    found = lax.conv_general_dilated_patches(x, (2, 3), (2, 1), [(0, 1), (1, 0)], (1, 2))
    around = np.pad(x, ((0, 0), (0, 0), (0, 1), (1, 0)))
    want = [
        around[:, c, i : i + 5 : 2, 2 * j : 2 * j + 3]
        for c, i, j in itertools.product(range(3), range(2), range(3))
    ]
    np.testing.assert_array_equal(found, np.stack(want, 1))
    check_grads(lambda x: lax.conv_general_dilated_patches(x, (2, 2), (1, 2), "SAME"), (x,))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_layer(rank):
    x, w, b = wave(2, *(4, 3, 5)[:rank], 4), wave(*(2, 3, 2)[:rank], 2, 6), wave(6)
    found = nn.conv(x, w, b, strides=2, padding=1, dilation=1, groups=2)
    first, last = (0, rank + 1, *range(1, rank + 1)), (0, *range(2, rank + 2), 1)
    want = by_loops(
        x.transpose(first),
        w.transpose(rank + 1, rank, *range(rank)),
        (2,) * rank,
        ((1, 1),) * rank,
        (1,) * rank,
        (1,) * rank,
        2,
    ).transpose(last)
    assert_allclose(found, want + b, rtol=1e-12, atol=1e-13)
    check_grads(lambda x, w, b: nn.conv(x, w, b, groups=2), (x, w, b), order=1)
    check_transforms(lambda x, w, b: nn.conv(x, w, b, groups=2), (x, w, b))


def test_source_is_one_line_for_each_convolution():
    x, w = wave(1, 6, 1), wave(3, 1, 2)
    text = jit(grad(lambda w, x: np.sum(nn.conv(x, w) ** 2))).source(w, x)
    body = text[text.index("def f(") :]
    assert len(re.findall(r"= convolution\(", body)) == 1
    assert len(re.findall(r"= convolution_kernel\(", body)) == 1
    assert "convolution_input" not in body
    space = {}
    exec(text, space)
    (found,) = space["f"](w, x)
    assert_allclose(found, grad(lambda w: np.sum(nn.conv(x, w) ** 2))(w), rtol=1e-12)


def test_jax_has_the_same_convolution():
    jax = pytest.importorskip("jax")
    for x, w, *rest in USES:
        single = x.astype(np.float32), w.astype(np.float32), *rest[:4], None, *rest[4:]
        want = jax.lax.conv_general_dilated(*single)
        found = lax.conv_general_dilated(*single)
        assert found.dtype == want.dtype
        assert_allclose(found, want, rtol=1e-5, atol=1e-6)
    x, w = wave(2, 5, 4, 3, dtype=np.float32), wave(3, 2, 3, 4, dtype=np.float32)
    for padding, d in itertools.product(("SAME", "VALID", [(1, 2), (0, 1)]), (1, 2)):
        given = x, w, (2, 3), padding, (d, 1)
        want = jax.lax.conv_transpose(*given)
        assert_allclose(lax.conv_transpose(*given), want, rtol=1e-5, atol=1e-6)


# bad input


def says(caught):
    what, fix, place = str(caught.value).split("\n")
    assert re.fullmatch(
        r"At test_convolution\.py:\d+ in .*\. See help\(funcgrad\.errors\.\w+\)", place
    )
    return f"{what}\n{fix}"


X, W = np.zeros((4, 6, 5, 5)), np.zeros((4, 6, 3, 3))


@pytest.mark.parametrize(
    "change, error, text",
    [
        (
            {"rhs": np.zeros((4, 3, 3, 3))},
            errors.ShapeError,
            "conv_general_dilated: the images have 6 channels (axis 1 of lhs), the kernels take 3 "
            "(axis 1 of rhs) in feature_group_count=1 groups.\n"
            "The channels of the images are those that a kernel takes, times the groups.",
        ),
        (
            {"rhs": np.zeros((4, 2, 3, 3)), "feature_group_count": 3},
            errors.ShapeError,
            "conv_general_dilated: 4 kernels (axis 0 of rhs) are not a multiple of "
            "feature_group_count=3.\nEvery group has as many kernels.",
        ),
        (
            {"batch_group_count": 3, "rhs": np.zeros((3, 6, 3, 3))},
            errors.ShapeError,
            "conv_general_dilated: a batch of 4 (axis 0 of lhs) is not a multiple of "
            "batch_group_count=3.\nEvery group has as many images.",
        ),
        (
            {"batch_group_count": 2, "feature_group_count": 2},
            errors.ShapeError,
            "conv_general_dilated: got feature_group_count=2 and batch_group_count=2.\n"
            "Both are positive, and one of them is 1.",
        ),
        (
            {"rhs": np.zeros((4, 6, 3))},
            errors.ShapeError,
            "conv_general_dilated: got images of shape (4, 6, 5, 5) and kernels of shape "
            "(4, 6, 3).\n"
            "Both have the same number of axes: two, and one for each spatial dimension.",
        ),
        (
            {"rhs": np.zeros((4, 6, 0, 3))},
            errors.ShapeError,
            "conv_general_dilated: got kernels without elements, of shape (4, 6, 0, 3).\n"
            "Each spatial axis of a kernel has length 1 or more.",
        ),
        (
            {"window_strides": (1, 0)},
            errors.ShapeError,
            "conv_general_dilated: window_strides has a positive number for each of 2 axes, got "
            "(1, 0).\nWrite window_strides=(1, 1), for example.",
        ),
        (
            {"window_strides": 2},
            errors.ShapeError,
            "conv_general_dilated: window_strides has a number for each of 2 axes, got 2.\n"
            "Write window_strides=(2, 2).",
        ),
        (
            {"padding": "FULL"},
            errors.ArgumentError,
            "padding: got 'FULL'.\n"
            "Give 'SAME', 'SAME_LOWER', 'VALID', or a pair of numbers for each spatial axis.",
        ),
        (
            {"padding": [(1, 1)]},
            errors.ShapeError,
            "conv_general_dilated: padding has a pair of numbers for each of 2 axes, got "
            "[(1, 1)].\nWrite padding=((0, 0), (0, 0)), for example, or 'SAME' or 'VALID'.",
        ),
        (
            {"padding": [(-4, -2), (0, 0)]},
            errors.ShapeError,
            "conv_general_dilated: padding=((-4, -2), (0, 0)) cuts off more than the 5 elements of "
            "spatial axis 0.\nNegative numbers cut off elements; cut off fewer.",
        ),
        (
            {"padding": "SAME", "lhs_dilation": (2, 1)},
            errors.ShapeError,
            "conv_general_dilated: padding='SAME' does not say what it means for "
            "lhs_dilation=(2, 1).\n"
            "Give a pair of numbers for each spatial axis, or call conv_transpose.",
        ),
        (
            {"dimension_numbers": ("NHWC", "HWIO", "NCWH ")},
            errors.ShapeError,
            "conv_dimension_numbers: dimension_numbers=('NHWC', 'HWIO', 'NCWH ') do not describe "
            "arrays of 4 axes.\n"
            "Write three words of 4 different letters, as in ('NHWC', 'HWIO', 'NHWC').",
        ),
        (
            {"lhs": np.zeros((4, 6, 5, 5), bool)},
            errors.DtypeError,
            "conv_general_dilated: got booleans for lhs, bool[4,6,5,5].\n"
            "Convert them: x.astype(float).",
        ),
    ],
)
def test_errors(change, error, text):
    given = {"lhs": X, "rhs": W, "window_strides": (1, 1), "padding": "VALID", **change}
    with pytest.raises(error) as caught:
        lax.conv_general_dilated(**given)
    assert says(caught) == text
    with pytest.raises(error):
        jit(lambda x: lax.conv_general_dilated(**{**given, "lhs": x}))(given["lhs"])


def test_errors_of_the_layer():
    with pytest.raises(errors.ShapeError, match=r"conv: got x of shape \(5, 3\) and a kernel"):
        nn.conv(np.zeros((5, 3)), np.zeros((3, 3, 2)))
    with pytest.raises(errors.ShapeError, match=r"conv: got a bias of shape \(3,\) for 2 features"):
        nn.conv(np.zeros((1, 5, 3)), np.zeros((3, 3, 2)), np.zeros(3))
    with pytest.raises(errors.ShapeError, match="conv_transpose: got padding='FULL'"):
        nn.conv_transpose(np.zeros((1, 5, 3)), np.zeros((3, 3, 2)), (1,), "FULL")
    with pytest.raises(errors.ShapeError, match=r"images of shape \(1, 2, 3\) and kernels"):
        lax.conv_dimension_numbers((1, 2, 3), (1, 2), None)


def test_an_infinite_weight_reaches_what_it_stands_over():
    w = wave(1, 1, 2, 3)
    w[0, 0, 1, 1] = np.inf
    x = wave(1, 1, 4, 5)
    y, pullback = vjp(lambda x: lax.conv(x, w, (1, 1), "VALID"), x)
    ct = np.abs(np.cos(np.where(np.isfinite(y), y, 1.0))) + 0.1
    (found,) = pullback(ct)
    want = np.zeros_like(x)
    for p in np.ndindex(3, 3):
        want[0, 0, p[0] : p[0] + 2, p[1] : p[1] + 3] += ct[(0, 0, *p)] * w[0, 0]
    assert np.isinf(want).sum() == 9
    assert_allclose(found, want, rtol=1e-12)


def test_checkpoints_can_keep_convolutions():
    x, w = wave(1, 1, 6), wave(2, 1, 3)

    def f(w):
        return np.sum(np.tanh(lax.conv(x, w, (1,), "SAME")) ** 2)

    def times(policy):
        text = jit(value_and_grad(checkpoint(f, policy=policy))).source(w)
        return text.count("= convolution(")

    assert times(None) == 2
    assert times(checkpoint_policies.dots_saveable) == 1


def test_names_of_lax():
    assert set(lax.__all__) <= set(dir(lax))
    assert all(callable(getattr(lax, name)) for name in lax.__all__ if name != "linalg")
    with pytest.raises(AttributeError, match=r"funcgrad\.lax.*'conv_local'"):
        _ = lax.conv_local


def test_nothing_in_nothing_out():
    x, w = np.zeros((0, 3, 5)), wave(2, 3, 2)
    y, pullback = vjp(lambda x, w: lax.conv(x, w, (1,), "VALID"), x, w)
    assert y.shape == (0, 2, 4)
    cx, cw = pullback(y)
    assert cx.shape == x.shape
    np.testing.assert_array_equal(cw, np.zeros_like(w))
    no_channels = lax.conv(np.zeros((2, 0, 5)), np.zeros((3, 0, 2)), (1,), "VALID")
    np.testing.assert_array_equal(no_channels, np.zeros((2, 3, 4)))
    assert lax.conv(np.zeros((2, 3, 1)), w, (1,), "VALID").shape == (2, 2, 0)
