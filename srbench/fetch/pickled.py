"""A pickle reader that can make NumPy arrays and plain containers, and nothing else.

What a pickle may call (`_ALLOWED`) are stand-ins defined here; they hold what they are given, and check
it before any memory is taken. The program of the pickle is looked through before it is run, so that
a header can't ask for more than the file has.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

_NUMBER = re.compile(r"[biufc](1|2|4|8|16)")
_REFUSED = frozenset(
    # Persistent ids and the copyreg registry reach outside the file; the rest build instances of classes.
    {"PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX"}
    | {"NEXT_BUFFER", "READONLY_BUFFER"}
)


def read(path: Path) -> Any:
    """The object in a pickle: containers, numbers, text, and arrays, each in a `Boxed`.

    Raises:
        pickle.UnpicklingError: it would call anything else, or is damaged.
        ValueError: an array whose bytes do not fit its shape, or whose type is no number.
    """
    data = path.read_bytes()
    _look_through(data)
    return _Reader(io.BytesIO(data), encoding="latin1").load()


def _look_through(data: bytes) -> None:
    end = 0
    for opcode, argument, position in pickletools.genops(data):
        if opcode.name in _REFUSED:
            raise pickle.UnpicklingError(f"{opcode.name} in a pickle of arrays")
        if opcode.name.endswith("PUT") and int(argument or 0) > len(data):
            raise pickle.UnpicklingError("a memo larger than the file")
        end = (position or 0) + 1
    if end != len(data):
        raise pickle.UnpicklingError(f"{len(data) - end} bytes after the end of the pickle")


class _StandIn:
    """Something a pickle may call. Without a state of its own, so that BUILD can't change the class."""

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("a state where none belongs")


class Boxed(_StandIn):
    """An array in a pickle, as its ``value``."""

    value: np.ndarray


class _Dtype(_StandIn):
    """``numpy.dtype``, numbers only."""

    def __init__(self, code: object, align: object = False, copy: object = False) -> None:
        code = code.decode("ascii") if isinstance(code, bytes) else code
        if not isinstance(code, str) or not _NUMBER.fullmatch(code):
            raise pickle.UnpicklingError(f"an array of {str(code)[:20]!r}")
        self.value = np.dtype(code)

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) < 5 or any(part is not None for part in state[2:5]):
            raise pickle.UnpicklingError("an array of records")
        order: Any = state[1].decode("ascii") if isinstance(state[1], bytes) else state[1]
        if order not in ("<", ">", "=", "|"):
            raise pickle.UnpicklingError("an array of no byte order")
        self.value = self.value.newbyteorder(order)


class _Array(Boxed):
    """``numpy.ndarray``: empty when made (``_reconstruct``), filled by its state."""

    def __init__(self, subtype: object, shape: object, code: object) -> None:
        if subtype is not _NDARRAY:
            raise pickle.UnpicklingError("a subclass of an array")
        self.value = np.empty(0, np.uint8)

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise pickle.UnpicklingError("an array's state of another form")
        _, shape, dtype, fortran, raw = state
        self.value = _array(raw, dtype, shape, "F" if fortran else "C")


class _Buffer(Boxed):
    """``_frombuffer``, as protocol 5 writes arrays."""

    def __init__(self, raw: object, dtype: object, shape: object, order: object) -> None:
        self.value = _array(raw, dtype, shape, "F" if order == "F" else "C")


class _Scalar(Boxed):
    """``numpy.core.multiarray.scalar``."""

    def __init__(self, dtype: object, raw: object) -> None:
        self.value = _array(raw, dtype, (), "C")


class _Latin1(_StandIn):
    """``_codecs.encode``, as protocols 0 to 2 write bytes; ``bytes()`` when there are none."""

    def __init__(self, text: object = "", encoding: object = "latin1") -> None:
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
            raise pickle.UnpicklingError("an encoding other than latin1")
        self.value = text.encode("latin1")


def _array(raw: object, dtype: object, shape: object, order: Any) -> np.ndarray:
    data = _bytes(raw)
    if not isinstance(dtype, _Dtype) or not isinstance(shape, tuple):
        raise pickle.UnpicklingError("an array without type and shape")
    if not all(type(side) is int and side >= 0 for side in shape):
        raise pickle.UnpicklingError("an array of no shape")
    if math.prod(shape) * dtype.value.itemsize != len(data):
        raise ValueError(f"{len(data)} bytes for an array of {str(shape)[:60]}")
    native = np.frombuffer(data, dtype.value).astype(dtype.value.newbyteorder("="))
    return native.reshape(shape, order=order)


def _bytes(raw: object) -> bytes | bytearray:
    if isinstance(raw, _Latin1):
        return raw.value
    if isinstance(raw, str):  # Python 2 wrote bytes as text
        return raw.encode("latin1")
    if isinstance(raw, bytes | bytearray):
        return raw
    raise pickle.UnpicklingError("an array without bytes")


_NDARRAY = object()
_CORE = ("numpy.core", "numpy._core")
_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _Latin1,
    ("__builtin__", "bytes"): _Latin1,
    **{(f"{core}.multiarray", "_reconstruct"): _Array for core in _CORE},
    **{(f"{core}.multiarray", "scalar"): _Scalar for core in _CORE},
    **{(f"{core}.numeric", "_frombuffer"): _Buffer for core in _CORE},
}


class _Reader(pickle.Unpickler):
    """Looks names up in `_ALLOWED`; imports nothing."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"a call of {module[:60]}.{name[:60]}") from None
