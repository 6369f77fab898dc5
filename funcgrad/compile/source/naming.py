"""Names in generated source: what may be used, what means something there already."""

from __future__ import annotations

import builtins
import itertools
import keyword
import re
import unicodedata
from collections.abc import Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from ...core.plain import name_text
from ...ops.kernels import array as array_kernels
from ...ops.kernels import elementwise as kernels
from ...ops.kernels import index as index_kernels
from ...ops.kernels import linalg as linalg_kernels
from ...ops.kernels import random as random_kernels
from ...ops.kernels import scipy as scipy_kernels
from ...ops.kernels import tail as tail_kernels
from ...ops.kernels import window as window_kernels
from . import runtime as support

__all__ = ["KERNELS", "Names", "identifier"]


def _functions_of(*modules: ModuleType) -> dict[str, Any]:
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__
    }


KERNELS = _functions_of(
    kernels,
    index_kernels,
    array_kernels,
    linalg_kernels,
    random_kernels,
    scipy_kernels,
    tail_kernels,
    window_kernels,
    support,
)
"""The functions that generated source may call; their text is copied into it."""

_RESERVED = frozenset(
    {
        *keyword.kwlist,
        *keyword.softkwlist,
        *dir(builtins),
        *KERNELS,
        *("np", "sqrt", "special", "_state", "_usual", "_asks"),
        *("i", "part", "v"),  # of loops over blocks
    }
)
_SUFFIXES = ("_all", "_part", "_in_numpy")
"""What generated names end in."""


_LENGTH_MOST = 60
"""Names of users' are cut to this length: a key of a dict may be a page of text."""


def identifier(name: str) -> str:
    """``name``, which is any text, as a name in source.

    This is the one way from users' text to names: two texts that Python takes for one name (it
    compares what NFKC makes of them: full-width letters, ligatures, both micro signs) give one
    name here, so that `Names` sees that it is taken. One that means something in source gets an
    underscore.

    >>> [identifier(name) for name in ("w", "weights[0]", "lambda", "\uff41", "1st")]
    ['w', 'weights_0', 'lambda_', 'a', 'f']
    """
    text = name_text(name)[:_LENGTH_MOST]
    if not text.isascii():
        # Some characters become eighteen. A part of what is normalised is, and with "_" as well.
        text = unicodedata.normalize("NFKC", text)[:_LENGTH_MOST]
    found = re.sub(r"\W+", "_", text).strip("_")
    if not found.isidentifier():
        return "f"
    while found in _RESERVED or found.endswith(_SUFFIXES):
        found += "_"
    return found


class Names:
    """The names in one program's source, each of them given once.

    Args:
        taken: Names that mean something already.
    """

    __slots__ = ("_letters", "_numbers", "_taken")

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._letters = _words()
        self._numbers: dict[str, Iterator[int]] = {}

    def claim(self, name: str) -> bool:
        """Take a name; False where it is taken."""
        if name in self._taken:
            return False
        self._taken.add(name)
        return True

    def fresh(self) -> str:
        """The next of a, b, ..., z, aa, ... that is not taken."""
        for name in self._letters:
            if name not in self._taken:
                self._taken.add(name)
                return name
        raise AssertionError  # there is always another word

    def like(self, wanted: str) -> str:
        """A name made from ``wanted``, any text; with a number where it is taken or very short."""
        name = stem = identifier(wanted)
        while len(name) < 3 or not self.claim(name):
            name = f"{stem}_{next(self._numbers.setdefault(stem, itertools.count(2)))}"
        return name


def _words() -> Iterator[str]:
    """a, b, ..., z, aa, ...: without what is reserved."""
    for length in itertools.count(1):
        for letters in itertools.product("abcdefghijklmnopqrstuvwxyz", repeat=length):
            name = "".join(letters)
            if name not in _RESERVED:
                yield name
