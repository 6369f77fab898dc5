"""The names of `funcgrad.lax` and where they stand; `core.lazy` reads this at run time."""

from .api.collective import all_gather as all_gather
from .api.collective import axis_index as axis_index
from .api.collective import axis_size as axis_size
from .api.collective import pmax as pmax
from .api.collective import pmean as pmean
from .api.collective import pmin as pmin
from .api.collective import psum as psum
from .api.collective import psum_scatter as psum_scatter
from .api.program import name as _name
from .api.program import stop_gradient as stop_gradient
from .api.transposition import linear_transpose as linear_transpose
from .control.checkpoint import checkpoint as checkpoint
from .control.flow.associative_scan import associative_scan as associative_scan
from .control.flow.conditionals import cond as cond
from .control.flow.conditionals import select as select
from .control.flow.conditionals import switch as switch
from .control.flow.loops import fori_loop as fori_loop
from .control.flow.loops import scan as scan
from .control.flow.loops import while_loop as while_loop
from .control.flow.mapping import map as map
from .control.implicit.custom_root import custom_linear_solve as custom_linear_solve
from .control.implicit.custom_root import custom_root as custom_root
from .nn.convolution import conv_general_dilated as conv_general_dilated
from .nn.convolution import conv_general_dilated_patches as conv_general_dilated_patches
from .nn.convolution import conv_transpose as conv_transpose
from .nn.convolution import conv_with_general_padding as conv_with_general_padding
from .nn.convolution import convolve_layers as _convolve_layers
from .nn.dimension_numbers import ConvDimensionNumbers as ConvDimensionNumbers
from .nn.dimension_numbers import conv_dimension_numbers as conv_dimension_numbers
from .nn.padding import padtype_to_pads as padtype_to_pads
from .nn.pooling import reduce_window as reduce_window
from .numpy.slices import dynamic_index_in_dim as dynamic_index_in_dim
from .numpy.slices import dynamic_slice as dynamic_slice
from .numpy.slices import dynamic_slice_in_dim as dynamic_slice_in_dim
from .numpy.slices import dynamic_update_index_in_dim as dynamic_update_index_in_dim
from .numpy.slices import dynamic_update_slice as dynamic_update_slice
from .numpy.slices import dynamic_update_slice_in_dim as dynamic_update_slice_in_dim

checkpoint_name = _name
conv = _convolve_layers
