"""Convolution under the names, argument orders and layouts that JAX's users know.

Every layout is brought to the one of `funcgrad.ops.convolution` by views of axes; gradients take
the same way back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.trace import aval_of
from ..errors import DtypeError, ShapeError
from ..numpy.arguments import cast, operand, promote
from ..ops import convolution as op
from ..ops.index import GetItem
from ..ops.linear import Transpose, reshape, shape_of
from ..ops.pooling import windows
from ..ops.shape import flip
from .checks import Array, as_array, check_layer
from .dimension_numbers import (
    ConvDimensionNumbers,
    DimensionNumbers,
    channels_last,
    conv_dimension_numbers,
)
from .padding import Padding, numbers, pad_with, spatial_pads

__all__ = [
    "conv",
    "conv_general_dilated",
    "conv_general_dilated_patches",
    "conv_transpose",
    "conv_with_general_padding",
    "convolve_layers",
]


def conv_general_dilated(
    lhs: Array,
    rhs: Array,
    window_strides: Sequence[int],
    padding: Padding,
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: DimensionNumbers = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Array:
    """Convolution of images with kernels, in any number of spatial dimensions.

    As machine learning has it: the kernels are not reversed. For one spatial axis it is

        y[n, o, p] = sum over c and k of u[n, c, stride * p + rhs_dilation * k - low] rhs[o, c, k]

    with ``u[lhs_dilation * i] = lhs[i]`` and zeros elsewhere.

    Args:
        lhs: Images; batch, channels and spatial axes where ``dimension_numbers`` says.
        rhs: Kernels; outgoing channels, incoming channels and spatial axes.
        window_strides: One number for each spatial axis.
        padding: ``"VALID"``; ``"SAME"``, for as many places as elements at stride 1, with the
            larger half behind; ``"SAME_LOWER"``, with the larger half before; or a pair ``(low,
            high)`` for each spatial axis, in which negative numbers cut off.
        lhs_dilation: ``d`` puts ``d - 1`` zeros between neighbours of the images.
        rhs_dilation: The same of the kernels.
        dimension_numbers: As in `conv_dimension_numbers`; None for channels first.
        feature_group_count: Channels in as many groups, each convolved with kernels of its own:
            ``rhs`` has ``channels / feature_group_count`` incoming ones.
        batch_group_count: The batch in as many groups, each convolved with a part of the kernels.
        precision: Has no effect; every product is one of the dtype itself.
        preferred_element_type: The dtype to compute in and of the result.

    Returns:
        The batch, the outgoing channels and the places, in the order of ``dimension_numbers``, in
        the dtype that NumPy gives the operands together. Spatial axes where no window fits have
        length 0.

    Raises:
        ShapeError: Shapes, groups, strides or paddings do not fit; the message names the axes.
        DtypeError: Booleans.

    >>> image = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> conv_general_dilated(image, np.ones((1, 1, 2, 2)), (1, 1), "VALID")
    array([[[[ 8., 12.],
             [20., 24.]]]])
    """
    called = "conv_general_dilated"
    x, w = _operands(called, lhs, rhs, preferred_element_type)
    where = _numbers(called, shape_of(x), shape_of(w), dimension_numbers)
    rank = len(where.lhs_spec) - 2
    strides = numbers(called, "window_strides", window_strides, rank)
    spread = numbers(called, "lhs_dilation", lhs_dilation, rank)
    dilation = numbers(called, "rhs_dilation", rhs_dilation, rank)
    x, w = _move(x, where.lhs_spec), _move(w, where.rhs_spec)
    _check_channels(called, x, w, where, feature_group_count, batch_group_count)
    shape, window = shape_of(x)[2:], shape_of(w)[2:]
    reach = tuple([(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)])
    if isinstance(padding, str) and any(d != 1 for d in spread):
        raise ShapeError(
            f"{called}: padding={padding!r} does not say what it means for lhs_dilation={spread}",
            "Give a pair of numbers for each spatial axis, or call conv_transpose.",
        )
    apart = [(n - 1) * d + 1 if n else 0 for n, d in zip(shape, spread, strict=True)]
    pads = spatial_pads(called, padding, apart, reach, strides)
    groups = feature_group_count * batch_group_count
    if batch_group_count > 1:
        x = _channels_of(x, batch_group_count)
    if any(d != 1 and n > 1 for d, n in zip(spread, shape, strict=True)):
        y = _convolve_dilated(x, w, spread, strides, dilation, pads, reach, groups)
    else:
        y = op.convolution(pad_with(x, ((0, 0), (0, 0), *pads)), w, strides, dilation, groups)
    return _move(y, tuple(np.argsort(where.out_spec).tolist()))


def _convolve_dilated(
    x: Any, w: Any, spread: Any, strides: Any, dilation: Any, pads: Any, reach: Any, groups: int
) -> Any:
    """The convolution of images with zeros between their elements, which are never written.

    It is the transpose of one with these strides, by its images, with reversed kernels whose
    channels have changed places.
    """
    o, i, *window = shape_of(w)
    shape, inner = shape_of(x)[2:], tuple(range(2, 2 + len(spread)))
    whole = tuple([(n - 1) * d + r if n else r - 1 for n, d, r in zip(shape, spread, reach)])
    split = reshape(flip(w, inner), (groups, o // groups, i, *window))
    swapped = Transpose((0, 2, 1, *[axis + 1 for axis in inner]))(split)
    swapped = reshape(swapped, (groups * i, o // groups, *window))
    full = op.convolution_input(x, swapped, whole, spread, dilation, groups)
    widths = [(low - r + 1, high - r + 1) for (low, high), r in zip(pads, reach)]
    y = pad_with(full, ((0, 0), (0, 0), *widths))
    if any(s != 1 for s in strides):
        steps = [slice(None, None, s) for s in strides]
        y = GetItem((slice(None), slice(None), *steps))(y)
    return y


def _operands(called: str, lhs: Any, rhs: Any, dtype: Any) -> list[Any]:
    x, w = as_array(called, operand(lhs)), as_array(called, operand(rhs))
    for name, value in (("lhs", x), ("rhs", w)):
        if aval_of(value).dtype.kind == "b":
            raise DtypeError(
                f"{called}: got booleans for {name}, {aval_of(value)}",
                "Convert them: x.astype(float).",
            )
    return promote([x, w]) if dtype is None else [cast(x, dtype), cast(w, dtype)]


def _numbers(called: str, x: Any, w: Any, given: DimensionNumbers) -> ConvDimensionNumbers:
    if len(x) != len(w) or len(x) < 2:
        raise ShapeError(
            f"{called}: got images of shape {x} and kernels of shape {w}",
            "Both have the same number of axes: two, and one for each spatial dimension.",
        )
    return conv_dimension_numbers(x, w, given)


def _move(x: Any, axes: tuple[int, ...]) -> Any:
    return x if axes == tuple(range(len(axes))) else Transpose(axes)(x)


def _check_channels(
    called: str, x: Any, w: Any, where: ConvDimensionNumbers, groups: int, parts: int
) -> None:
    """Raise where batch, channels and kernels, batch and channels first, do not fit together."""
    (n, c, *_), (o, i, *window) = shape_of(x), shape_of(w)
    if groups < 1 or parts < 1 or (groups > 1 and parts > 1):
        raise ShapeError(
            f"{called}: got feature_group_count={groups} and batch_group_count={parts}",
            "Both are positive, and one of them is 1.",
        )
    if c != i * groups:
        raise ShapeError(
            f"{called}: the images have {c} channels (axis {where.lhs_spec[1]} of lhs), the "
            f"kernels take {i} (axis {where.rhs_spec[1]} of rhs) in feature_group_count={groups} "
            "groups",
            "The channels of the images are those that a kernel takes, times the groups.",
        )
    if o % groups or o % parts:
        raise ShapeError(
            f"{called}: {o} kernels (axis {where.rhs_spec[0]} of rhs) are not a multiple of "
            f"{'feature' if o % groups else 'batch'}_group_count={groups if o % groups else parts}",
            "Every group has as many kernels.",
        )
    if n % parts:
        raise ShapeError(
            f"{called}: a batch of {n} (axis {where.lhs_spec[0]} of lhs) is not a multiple of "
            f"batch_group_count={parts}",
            "Every group has as many images.",
        )
    if 0 in window:
        raise ShapeError(
            f"{called}: got kernels without elements, of shape {shape_of(w)}",
            "Each spatial axis of a kernel has length 1 or more.",
        )


def _channels_of(x: Any, parts: int) -> Any:
    """Images ``(n, c, ...)`` of a batch in groups as ``(n / parts, parts * c, ...)``."""
    n, c, *shape = shape_of(x)
    split = reshape(x, (parts, n // parts, c, *shape))
    moved = Transpose((1, 0, *range(2, 3 + len(shape))))(split)
    return reshape(moved, (n // parts, parts * c, *shape))


def conv_with_general_padding(
    lhs: Array,
    rhs: Array,
    window_strides: Sequence[int],
    padding: Padding,
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Array:
    """`conv_general_dilated`, channels first and without groups."""
    return conv_general_dilated(
        lhs,
        rhs,
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
        preferred_element_type=preferred_element_type,
    )


def convolve_layers(
    lhs: Array,
    rhs: Array,
    window_strides: Sequence[int],
    padding: str,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Array:
    """`conv_general_dilated`, channels first, with padding ``"SAME"`` or ``"VALID"``.

    It is `funcgrad.lax.conv`.

    >>> convolve_layers(np.ones((1, 1, 4)), np.ones((1, 1, 2)), (2,), "VALID")
    array([[[2., 2.]]])
    """
    return conv_general_dilated(
        lhs, rhs, window_strides, padding, preferred_element_type=preferred_element_type
    )


def conv_transpose(
    lhs: Array,
    rhs: Array,
    strides: Sequence[int],
    padding: Padding,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: DimensionNumbers = None,
    transpose_kernel: bool = False,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Array:
    """A convolution that makes images larger: ``lhs`` dilated by ``strides``, then convolved.

    Args:
        lhs: Images.
        rhs: Kernels.
        strides: By how much the images grow, a number for each spatial axis.
        padding: ``"SAME"``, for ``strides`` times as many places; ``"VALID"``, for all that a
            window reaches; or pairs, of the dilated images.
        rhs_dilation: As in `conv_general_dilated`.
        dimension_numbers: As there, but None stands for channels last: ``("NHWC", "HWIO",
            "NHWC")`` and its like for one and three spatial axes.
        transpose_kernel: Whether to reverse the kernels and swap their channels, which makes of it
            the transpose, by its images, of the convolution with these kernels.
        precision: Has no effect.
        preferred_element_type: As in `conv_general_dilated`.

    Raises:
        ShapeError: As `conv_general_dilated`.

    >>> conv_transpose(np.ones((1, 2, 1)), np.array([1.0, 2.0]).reshape(2, 1, 1), (2,), "VALID")
    array([[[2.],
            [1.],
            [2.],
            [1.]]])
    """
    called = "conv_transpose"
    x, w = _operands(called, lhs, rhs, preferred_element_type)
    rank = len(shape_of(x)) - 2
    if dimension_numbers is None:
        dimension_numbers = channels_last(rank)
    where = _numbers(called, shape_of(x), shape_of(w), dimension_numbers)
    steps = numbers(called, "strides", strides, rank)
    dilation = numbers(called, "rhs_dilation", rhs_dilation, rank)
    window = [shape_of(w)[axis] for axis in where.rhs_spec[2:]]
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    if isinstance(padding, str):
        word = padding.upper()
        if word not in ("SAME", "VALID"):
            raise ShapeError(
                f"{called}: got padding={padding!r}", "Give 'SAME', 'VALID' or pairs of numbers."
            )
        pairs = [_enlarging(k, s, word == "SAME") for k, s in zip(reach, steps, strict=True)]
    else:
        pairs = list(padding)
    if transpose_kernel:
        o, i, *inner = where.rhs_spec
        w = flip(w, tuple(sorted(inner)))
        where = where._replace(rhs_spec=(i, o, *inner))
    ones = (1,) * rank
    return conv_general_dilated(x, w, ones, pairs, steps, dilation, where)


def _enlarging(reach: int, step: int, same: bool) -> tuple[int, int]:
    """The padding of a dilated axis, for as many places as a transposed convolution has."""
    if same:
        both = reach + step - 2
        low = reach - 1 if step > reach - 1 else -(-both // 2)
    else:
        both, low = reach + step - 2 + max(reach - step, 0), reach - 1
    return low, both - low


def conv_general_dilated_patches(
    lhs: Array,
    filter_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: Padding,
    rhs_dilation: Sequence[int] | None = None,
) -> Array:
    """The windows that a convolution sees, one for each place.

    Args:
        lhs: Images, channels first.
        filter_shape: The lengths of a window along the spatial axes.
        window_strides: As in `conv_general_dilated`.
        padding: As there.
        rhs_dilation: As there.

    Returns:
        Shape ``(batch, channels * window elements, places...)``, the channel varying slowest.

    >>> conv_general_dilated_patches(np.arange(4.0).reshape(1, 1, 4), (2,), (1,), "VALID")
    array([[[0., 1., 2.],
            [1., 2., 3.]]])
    """
    called = "conv_general_dilated_patches"
    x = as_array(called, operand(lhs))
    rank = len(shape_of(x)) - 2
    if rank < 0:
        raise ShapeError(
            f"{called}: got images of shape {shape_of(x)}", "Give batch, channels, spatial axes."
        )
    window = numbers(called, "filter_shape", filter_shape, rank)
    strides = numbers(called, "window_strides", window_strides, rank)
    dilation = numbers(called, "rhs_dilation", rhs_dilation, rank)
    reach = tuple([(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)])
    pads = spatial_pads(called, padding, shape_of(x)[2:], reach, strides)
    found = windows(pad_with(x, ((0, 0), (0, 0), *pads)), window, strides, dilation)
    n, c, *rest = shape_of(found)
    return reshape(found, (n, c * int(np.prod(window)), *rest[rank:]))


def conv(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    strides: int | Sequence[int] = 1,
    padding: Padding | int = "SAME",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Array:
    """A convolutional layer, channels last, in one, two, three or more spatial dimensions.

    Args:
        x: Images, of shape ``(batch, *spatial, channels)``; a signal is ``(batch, length,
            channels)``.
        kernel: Of shape ``(*window, channels / groups, features)``, as `he_normal` and the other
            initialisers count it.
        bias: Of shape ``(features,)``, or None.
        strides: A number, or one for each spatial axis.
        padding: As in `conv_general_dilated`; one number stands for as many zeros at every end.
        dilation: The distance of neighbours in a window.
        groups: Groups of channels with kernels of their own; as many as channels are a depthwise
            convolution.

    Returns:
        Shape ``(batch, *places, features)``.

    Raises:
        ShapeError: The shapes do not fit.

    >>> x = np.arange(5.0).reshape(1, 5, 1)
    >>> conv(x, np.array([1.0, 0.0, -1.0]).reshape(3, 1, 1), padding="VALID").ravel()
    array([-2., -2., -2.])
    """
    x, kernel = operand(x), operand(kernel)
    rank = len(shape_of(x)) - 2
    if rank < 1 or len(shape_of(kernel)) != rank + 2:
        raise ShapeError(
            f"conv: got x of shape {shape_of(x)} and a kernel of shape {shape_of(kernel)}",
            "x is (batch, *spatial, channels), the kernel (*window, channels, features).",
        )
    check_layer(shape_of(x), shape_of(kernel), groups)
    steps = numbers("conv", "strides", _each(strides, rank), rank)
    spread = numbers("conv", "dilation", _each(dilation, rank), rank)
    reach = [(k - 1) * d + 1 for k, d in zip(shape_of(kernel), spread, strict=False)]
    around = ((padding, padding),) * rank if isinstance(padding, int) else padding
    pads = spatial_pads("conv", around, shape_of(x)[1:-1], reach, steps)
    spatial = tuple(range(1, rank + 1))
    images = (0, rank + 1, *spatial)
    kernels = (rank + 1, rank, *range(rank))
    y = conv_general_dilated(
        x,
        kernel,
        steps,
        pads,
        None,
        spread,
        ConvDimensionNumbers(images, kernels, images),
        groups,
    )
    if bias is None:
        return y
    bias = operand(bias)
    if shape_of(bias) != shape_of(y)[-1:]:
        raise ShapeError(
            f"conv: got a bias of shape {shape_of(bias)} for {shape_of(y)[-1]} features",
            "Give a vector with a number for each feature.",
        )
    return y + bias


def _each(given: int | Sequence[int], rank: int) -> Sequence[int]:
    return (given,) * rank if isinstance(given, int) else given
