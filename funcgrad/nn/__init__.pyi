"""The names of `funcgrad.nn` and where they stand; `core.lazy` reads this at run time."""

from . import initializers as initializers
from .activations import elu as elu
from .activations import gelu as gelu
from .activations import leaky_relu as leaky_relu
from .activations import relu as relu
from .activations import sigmoid as sigmoid
from .activations import silu as _silu
from .activations import silu as silu
from .activations import softplus as softplus
from .activations import step as step
from .activations import tanh as tanh
from .attention import dot_product_attention as dot_product_attention
from .bounded import celu as celu
from .bounded import glu as glu
from .bounded import hard_sigmoid as hard_sigmoid
from .bounded import hard_silu as _hard_silu
from .bounded import hard_silu as hard_silu
from .bounded import hard_tanh as hard_tanh
from .bounded import log_sigmoid as log_sigmoid
from .bounded import mish as mish
from .bounded import relu6 as relu6
from .bounded import selu as selu
from .bounded import soft_sign as soft_sign
from .bounded import squareplus as squareplus
from .categorical import log_softmax as log_softmax
from .categorical import logsumexp as logsumexp
from .categorical import one_hot as one_hot
from .categorical import softmax as softmax
from .convolution import conv as conv
from .convolution import conv_transpose as conv_transpose
from .embeddings import embedding as embedding
from .losses import binary_cross_entropy as binary_cross_entropy
from .losses import cross_entropy as cross_entropy
from .losses import hinge as hinge
from .losses import mae as mae
from .losses import mse as mse
from .losses import rmse as rmse
from .normalization import BatchNormState as BatchNormState
from .normalization import batch_norm as batch_norm
from .normalization import batch_norm_state as batch_norm_state
from .normalization import group_norm as group_norm
from .normalization import layer_norm as layer_norm
from .normalization import rms_norm as rms_norm
from .normalization import standardize as standardize
from .pooling import avg_pool as avg_pool
from .pooling import max_pool as max_pool
from .pooling import min_pool as min_pool
from .regularization import dropout as dropout

swish = _silu
hard_swish = _hard_silu
