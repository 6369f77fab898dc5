"""The names of `funcgrad.tree_util` and where they stand; `core.lazy` reads this at run time."""

from .tree import DictKey as DictKey
from .tree import FlattenedIndexKey as FlattenedIndexKey
from .tree import GetAttrKey as GetAttrKey
from .tree import Partial as Partial
from .tree import Path as _Path
from .tree import SequenceKey as SequenceKey
from .tree import TreeDef as _TreeDef
from .tree import all as _all
from .tree import all_leaves as all_leaves
from .tree import broadcast as _broadcast
from .tree import flatten as _flatten
from .tree import flatten_with_path as _flatten_with_path
from .tree import is_tree_node as is_tree_node
from .tree import keystr as keystr
from .tree import leaves as _leaves
from .tree import leaves_with_path as _leaves_with_path
from .tree import map as _map
from .tree import map_with_path as _map_with_path
from .tree import prefix_errors as prefix_errors
from .tree import reduce as _reduce
from .tree import reduce_associative as _reduce_associative
from .tree import register_dataclass as register_dataclass
from .tree import register_pytree_node as register_pytree_node
from .tree import register_pytree_node_class as register_pytree_node_class
from .tree import register_pytree_with_keys as register_pytree_with_keys
from .tree import register_pytree_with_keys_class as register_pytree_with_keys_class
from .tree import register_static as register_static
from .tree import structure as _structure
from .tree import transpose as _transpose
from .tree import treedef_children as treedef_children
from .tree import treedef_is_leaf as treedef_is_leaf
from .tree import treedef_tuple as treedef_tuple
from .tree import unflatten as _unflatten

KeyPath = _Path
PyTreeDef = _TreeDef
tree_all = _all
tree_broadcast = _broadcast
tree_flatten = _flatten
tree_flatten_with_path = _flatten_with_path
tree_leaves = _leaves
tree_leaves_with_path = _leaves_with_path
tree_map = _map
tree_map_with_path = _map_with_path
tree_reduce = _reduce
tree_reduce_associative = _reduce_associative
tree_structure = _structure
tree_transpose = _transpose
tree_unflatten = _unflatten
