"""The names of `funcgrad.lax` and where they stand; `core.lazy` reads this at run time."""

from ..api.collective import all_gather as all_gather
from ..api.collective import axis_index as axis_index
from ..api.collective import axis_size as axis_size
from ..api.collective import pmax as pmax
from ..api.collective import pmean as pmean
from ..api.collective import pmin as pmin
from ..api.collective import psum as psum
from ..api.collective import psum_scatter as psum_scatter
from ..api.program import name as _name
from ..api.program import stop_gradient as stop_gradient
from ..api.transposition import linear_transpose as linear_transpose
from ..control.checkpoint import checkpoint as checkpoint
from ..control.flow.associative_scan import associative_scan as associative_scan
from ..control.flow.conditionals import cond as cond
from ..control.flow.conditionals import select as select
from ..control.flow.conditionals import switch as switch
from ..control.flow.loops import fori_loop as fori_loop
from ..control.flow.loops import scan as scan
from ..control.flow.loops import while_loop as while_loop
from ..control.flow.mapping import map as map
from ..control.implicit.custom_root import custom_linear_solve as custom_linear_solve
from ..control.implicit.custom_root import custom_root as custom_root
from ..nn.activations import sigmoid as _sigmoid
from ..nn.convolution import conv_general_dilated as conv_general_dilated
from ..nn.convolution import conv_general_dilated_patches as conv_general_dilated_patches
from ..nn.convolution import conv_transpose as conv_transpose
from ..nn.convolution import conv_with_general_padding as conv_with_general_padding
from ..nn.convolution import convolve_layers as _convolve_layers
from ..nn.dimension_numbers import ConvDimensionNumbers as ConvDimensionNumbers
from ..nn.dimension_numbers import conv_dimension_numbers as conv_dimension_numbers
from ..nn.padding import padtype_to_pads as padtype_to_pads
from ..nn.pooling import reduce_window as reduce_window
from ..numpy import abs as abs
from ..numpy import acos as acos
from ..numpy import acosh as acosh
from ..numpy import add as add
from ..numpy import arctan2 as _arctan2
from ..numpy import asin as asin
from ..numpy import asinh as asinh
from ..numpy import atan as atan
from ..numpy import atanh as atanh
from ..numpy import bitwise_and as bitwise_and
from ..numpy import bitwise_count as _bitwise_count
from ..numpy import bitwise_or as bitwise_or
from ..numpy import bitwise_xor as bitwise_xor
from ..numpy import broadcast_shapes as broadcast_shapes
from ..numpy import cbrt as cbrt
from ..numpy import ceil as ceil
from ..numpy import conj as conj
from ..numpy import cos as cos
from ..numpy import cosh as cosh
from ..numpy import empty as empty
from ..numpy import equal as _equal
from ..numpy import exp as exp
from ..numpy import exp2 as exp2
from ..numpy import expm1 as expm1
from ..numpy import floor as floor
from ..numpy import greater as _greater
from ..numpy import greater_equal as _greater_equal
from ..numpy import imag as imag
from ..numpy import invert as _invert
from ..numpy import left_shift as _left_shift
from ..numpy import less as _less
from ..numpy import less_equal as _less_equal
from ..numpy import log as log
from ..numpy import log1p as log1p
from ..numpy import maximum as _maximum
from ..numpy import minimum as _minimum
from ..numpy import multiply as _multiply
from ..numpy import negative as _negative
from ..numpy import nextafter as nextafter
from ..numpy import not_equal as _not_equal
from ..numpy import power as _power
from ..numpy import real as real
from ..numpy import right_shift as _right_shift
from ..numpy import sign as sign
from ..numpy import sin as sin
from ..numpy import sinh as sinh
from ..numpy import sqrt as sqrt
from ..numpy import square as square
from ..numpy import stack as stack
from ..numpy import subtract as _subtract
from ..numpy import tan as tan
from ..numpy import tanh as tanh
from ..numpy import unstack as unstack
from ..numpy.slices import dynamic_index_in_dim as dynamic_index_in_dim
from ..numpy.slices import dynamic_slice as dynamic_slice
from ..numpy.slices import dynamic_slice_in_dim as dynamic_slice_in_dim
from ..numpy.slices import dynamic_update_index_in_dim as dynamic_update_index_in_dim
from ..numpy.slices import dynamic_update_slice as dynamic_update_slice
from ..numpy.slices import dynamic_update_slice_in_dim as dynamic_update_slice_in_dim
from ..scipy.special import betainc as betainc
from ..scipy.special import digamma as digamma
from ..scipy.special import erf as erf
from ..scipy.special import erfc as erfc
from ..scipy.special import erfinv as _erfinv
from ..scipy.special import gammainc as _gammainc
from ..scipy.special import gammaincc as _gammaincc
from ..scipy.special import gammaln as _gammaln
from ..scipy.special import i0e as _i0e
from ..scipy.special import i1e as _i1e
from ..scipy.special import polygamma as polygamma
from ..scipy.special import zeta as zeta
from . import linalg as linalg
from .elementwise import clamp as clamp
from .elementwise import complex as complex
from .elementwise import convert_element_type as convert_element_type
from .elementwise import div as div
from .elementwise import integer_pow as integer_pow
from .elementwise import is_finite as is_finite
from .elementwise import reciprocal as reciprocal
from .elementwise import reduce_precision as reduce_precision
from .elementwise import rem as rem
from .elementwise import round as round
from .elementwise import rsqrt as rsqrt
from .elementwise import select_n as select_n
from .elementwise import shift_right_logical as shift_right_logical
from .gathering import gather as gather
from .gathering import scatter as scatter
from .gathering import scatter_add as scatter_add
from .gathering import scatter_apply as scatter_apply
from .gathering import scatter_max as scatter_max
from .gathering import scatter_min as scatter_min
from .gathering import scatter_mul as scatter_mul
from .gathering import scatter_sub as scatter_sub
from .options import GatherDimensionNumbers as GatherDimensionNumbers
from .options import GatherScatterMode as GatherScatterMode
from .options import Precision as Precision
from .options import RoundingMethod as RoundingMethod
from .options import ScatterDimensionNumbers as ScatterDimensionNumbers
from .products import batch_matmul as batch_matmul
from .products import dot as dot
from .products import dot_general as dot_general
from .reductions import argmax as argmax
from .reductions import argmin as argmin
from .reductions import cumlogsumexp as cumlogsumexp
from .reductions import cummax as cummax
from .reductions import cummin as cummin
from .reductions import cumprod as cumprod
from .reductions import cumsum as cumsum
from .reductions import reduce as reduce
from .reductions import reduce_and as reduce_and
from .reductions import reduce_max as reduce_max
from .reductions import reduce_min as reduce_min
from .reductions import reduce_or as reduce_or
from .reductions import reduce_prod as reduce_prod
from .reductions import reduce_sum as reduce_sum
from .reductions import reduce_xor as reduce_xor
from .reductions import sort as sort
from .reductions import sort_key_val as sort_key_val
from .reductions import top_k as top_k
from .segments import segment_max as segment_max
from .segments import segment_min as segment_min
from .segments import segment_prod as segment_prod
from .segments import segment_sum as segment_sum
from .shapes import broadcast as broadcast
from .shapes import broadcast_in_dim as broadcast_in_dim
from .shapes import broadcasted_iota as broadcasted_iota
from .shapes import collapse as collapse
from .shapes import concatenate as concatenate
from .shapes import expand_dims as expand_dims
from .shapes import full as full
from .shapes import full_like as full_like
from .shapes import index_in_dim as index_in_dim
from .shapes import index_take as index_take
from .shapes import iota as iota
from .shapes import pad as pad
from .shapes import reshape as reshape
from .shapes import rev as rev
from .shapes import slice_ as _slice_
from .shapes import slice_in_dim as slice_in_dim
from .shapes import split as split
from .shapes import squeeze as squeeze
from .shapes import tile as tile
from .shapes import transpose as transpose

atan2 = _arctan2
bessel_i0e = _i0e
bessel_i1e = _i1e
bitwise_not = _invert
conv = _convolve_layers
eq = _equal
erf_inv = _erfinv
ge = _greater_equal
gt = _greater
igamma = _gammainc
igammac = _gammaincc
le = _less_equal
lgamma = _gammaln
logistic = _sigmoid
lt = _less
max = _maximum
min = _minimum
mul = _multiply
ne = _not_equal
neg = _negative
population_count = _bitwise_count
pow = _power
shift_left = _left_shift
shift_right_arithmetic = _right_shift
slice = _slice_
sub = _subtract
checkpoint_name = _name
