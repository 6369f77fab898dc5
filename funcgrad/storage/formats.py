"""The two kinds of files: ``.npz``, which NumPy reads, and ``.safetensors``.

Either holds named arrays and a text, the header. Nothing in them is ever unpickled.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ..errors import ArgumentError, DtypeError, FileFormatError, MissingExtraError

__all__ = ["FORMATS", "Format"]

_HEADER = "funcgrad.json"
"""The member of an ``.npz`` file, and the key of the metadata, under which the header stands."""


class Format(Protocol):
    """How a file of named arrays is written and read."""

    def write(self, path: str, header: str, arrays: Mapping[str, Any]) -> None:
        """Write a new file.

        Raises:
            DtypeError: The format does not have the dtype of an array.
        """
        ...

    def header(self, path: str) -> str:
        """The header of a file.

        Raises:
            FileFormatError: It is no file of this format, cut off, or not one of ours.
        """
        ...

    def read(self, path: str, names: Sequence[str]) -> list[Any]:
        """Arrays of a file, owned and writeable.

        Raises:
            FileFormatError: One of them is not there, or damaged.
        """
        ...


def _damaged(path: str, why: object) -> FileFormatError:
    return FileFormatError(
        f"load: {path!r} is no whole file of its kind: {why}",
        "It was cut off or changed, or is something else; nothing was loaded.",
    )


def _foreign(path: str, reader: str) -> FileFormatError:
    return FileFormatError(
        f"load: {path!r} was not written by funcgrad.save", f"Read its arrays with {reader}."
    )


class _Npz:
    """A zip archive of ``.npy`` files, uncompressed. The same tree gives the same bytes."""

    def write(self, path: str, header: str, arrays: Mapping[str, Any]) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            archive.writestr(zipfile.ZipInfo(_HEADER), header)
            for name, x in arrays.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, np.asanyarray(x), allow_pickle=False)

    def header(self, path: str) -> str:
        try:
            with zipfile.ZipFile(path) as archive:
                ours = _HEADER in archive.namelist()
                found = archive.read(_HEADER).decode() if ours else ""
        except _BROKEN as error:
            raise _damaged(path, error) from error
        if not ours:
            raise _foreign(path, "numpy.load")
        return found

    def read(self, path: str, names: Sequence[str]) -> list[Any]:
        found: list[Any] = []
        try:
            with zipfile.ZipFile(path) as archive:
                for name in names:
                    with archive.open(f"{name}.npy") as file:
                        found.append(np.lib.format.read_array(file, allow_pickle=False))
                        # At its end the archive compares the checksum.
                        if file.read(1):
                            raise ValueError(f"{name!r} is longer than its array")
        except (*_BROKEN, KeyError) as error:
            raise _damaged(path, error) from error
        return found


# NumPy and the archive say what they dislike with all of these.
_BROKEN = (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError)


class _Safetensors:
    """The format of Hugging Face's library of that name; complex numbers are pairs of floats."""

    def write(self, path: str, header: str, arrays: Mapping[str, Any]) -> None:
        _library("save")
        from safetensors.numpy import save_file

        plain: dict[str, Any] = {}
        for name, x in arrays.items():
            if x.dtype.itemsize > (16 if x.dtype.kind == "c" else 8):
                raise DtypeError(
                    f"save: .safetensors does not have the dtype {x.dtype}, of {name!r}",
                    "Save a .npz file, or convert.",
                )
            x = np.array(x, x.dtype.newbyteorder("<"), order="C")
            if x.dtype.kind == "c":
                x = x[..., None].view(f"<f{x.dtype.itemsize // 2}")
            plain[name] = x
        save_file(plain, path, {_HEADER: header})

    def header(self, path: str) -> str:
        library = _library("load")
        with open(path, "rb"):
            pass  # what the operating system says where it cannot be read
        try:
            with library.safe_open(path, framework="np") as file:
                found = (file.metadata() or {}).get(_HEADER)
        except library.SafetensorError as error:
            raise _damaged(path, error) from error
        if found is None:
            raise _foreign(path, "safetensors.numpy.load_file")
        return found

    def read(self, path: str, names: Sequence[str]) -> list[Any]:
        library = _library("load")
        try:
            with library.safe_open(path, framework="np") as file:
                return [file.get_tensor(name) for name in names]
        except library.SafetensorError as error:
            raise _damaged(path, error) from error


def _library(called: str) -> Any:
    try:
        import safetensors
    except ImportError as error:
        raise MissingExtraError(
            f"{called}: .safetensors files need the library safetensors, which is not installed",
            "Install it: pip install 'funcgrad[safetensors]'. Or use a .npz file, which needs "
            "nothing.",
        ) from error
    return safetensors


FORMATS: dict[str, Format] = {".npz": _Npz(), ".safetensors": _Safetensors()}
"""By the ending of the file's name."""


def restore(x: Any, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Any | None:
    """An array that was read as it was saved, owned and writeable; None where it is another."""
    if dtype.kind == "c" and x.dtype.kind == "f" and x.shape == (*shape, 2):
        x = np.ascontiguousarray(x).view(dtype)[..., 0]
    if x.dtype != dtype or x.shape != shape:
        return None
    return x if x.flags.owndata and x.flags.writeable else np.array(x, order="K")


def format_of(called: str, path: str) -> Format:
    """The format that the name of a file asks for."""
    stem, ending = os.path.splitext(path)
    found = FORMATS.get(ending)
    if found is None:
        raise ArgumentError(
            f"{called}: the name of the file ends in .npz or .safetensors, got {path!r}",
            f"Write {called}({stem + '.npz'!r}, ...).",
        )
    return found
