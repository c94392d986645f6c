"""Checkpoints as plain arrays, read by loaders that can make arrays and nothing else.

A pickle is a program; the one here may call only stand-ins that hold shape, type and bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from srbench.errors import IntegrityError, SrbenchError, Unavailable, UsageError
from srbench.fetch import keras, mat, pickled

FORMATS = ("pickle-arrays", "torch", "safetensors", "mat", "keras")
_NUMBERS = (np.ndarray, np.generic, bool, int, float, complex)
_MOST_NODES = 200_000
"""Containers that refer to each other can unfold to more leaves than the file has bytes."""


def load_arrays(path: Path, format: str) -> dict[str, np.ndarray]:
    """The numeric arrays of a checkpoint by name; nothing in the file is run.

    Nested containers are flattened with dots (``AlexNet_0.Conv_0.kernel``), members of lists and MATLAB
    cells counted from 0 (``model.weight.0``; cells in MATLAB's column order). Arrays keep the file's
    shape and layout. Text is left out.

    Args:
        path: the file.
        format: ``pickle-arrays`` (a pickle of NumPy arrays in plain containers), ``torch`` (a state dict;
            bfloat16 is widened to float32), ``safetensors``, ``mat`` (MATLAB 4 to 7), or ``keras`` (HDF5).

    Raises:
        UsageError: no such file or format.
        IntegrityError: the file is damaged, another format, or holds anything but arrays in containers.
        Unavailable: the format's library is not installed.
    """
    readers: dict[str, Callable[[Path], Any]] = {
        "pickle-arrays": pickled.read,
        "torch": _read_torch,
        "safetensors": _read_safetensors,
        "mat": mat.read,
        "keras": keras.read,
    }
    if format not in readers:
        raise UsageError("a checkpoint format", repr(format), f"use one of {', '.join(FORMATS)}")
    if not path.is_file():
        raise UsageError(f"a {format} file", f"{path}, which is no file", "check the path")
    try:
        found = _named(readers[format](path))
    except SrbenchError:
        raise
    except Exception as error:
        raise _refused(path, format, error) from error
    if not found:
        raise IntegrityError(
            f"a {format} file with arrays", f"none in {path.name}", "check the file's format"
        )
    return found


def _refused(path: Path, format: str, error: Exception) -> IntegrityError:
    # PyTorch puts its reason at the end of a paragraph about its defaults.
    lines = str(error).rpartition("WeightsUnpickler error: ")[2].strip().splitlines() or [""]
    got = f"{path.name}: {type(error).__name__}: {lines[0][:160]}"
    return IntegrityError(f"a {format} file of arrays only", got, "fetch it again, or correct its format")


def _named(tree: Any) -> dict[str, np.ndarray]:
    named: dict[str, np.ndarray] = {}
    for name, array in _leaves(tree, "", [_MOST_NODES]):
        if name in named:
            raise ValueError(f"two arrays named {name!r}")
        named[name] = array
    return named


def _leaves(node: Any, name: str, budget: list[int]) -> Iterator[tuple[str, np.ndarray]]:
    """Every numeric array below `node`, named by the way to it. `budget` counts the nodes still allowed."""
    budget[0] -= 1
    if budget[0] < 0:
        raise ValueError(f"more than {_MOST_NODES} entries")
    if isinstance(node, _NUMBERS):
        yield from _leaf(np.asarray(node), name)
    elif isinstance(node, pickled.Boxed):
        yield from _leaf(node.value, name)
    elif isinstance(node, Mapping | list | tuple):
        for key, value in node.items() if isinstance(node, Mapping) else enumerate(node):
            yield from _leaves(value, _joined(name, key), budget)
    elif hasattr(node, "detach"):
        yield from _leaf(_from_tensor(node), name)
    elif node is not None and not isinstance(node, str | bytes | bytearray):
        raise TypeError(f"a {type(node).__name__} at {name!r}")


def _leaf(array: np.ndarray, name: str) -> Iterator[tuple[str, np.ndarray]]:
    if array.dtype.kind in "biufc":
        yield name, array


def _joined(name: str, key: object) -> str:
    if not isinstance(key, str | int):
        raise TypeError(f"a {type(key).__name__} as a name")
    return f"{name}.{key}" if name else str(key)


def _read_torch(path: Path) -> Any:
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)


def _from_tensor(tensor: Any) -> np.ndarray:
    import torch

    plain = tensor.detach()
    # NumPy has no bfloat16; every one of its values is a float32.
    array: np.ndarray = (plain.float() if plain.dtype is torch.bfloat16 else plain).contiguous().numpy()
    return array


def _read_safetensors(path: Path) -> Any:
    try:
        from safetensors.numpy import load_file
    except ImportError as error:
        raise Unavailable("the package safetensors", "not installed", "pip install safetensors") from error
    return load_file(path)


def safetensors_metadata(path: Path) -> dict[str, str]:
    """The text that a safetensors file says beside its tensors; empty if it says nothing.

    Raises:
        IntegrityError: damaged, or another format.
        Unavailable: safetensors is not installed.
    """
    try:
        from safetensors import safe_open
    except ImportError as error:
        raise Unavailable("the package safetensors", "not installed", "pip install safetensors") from error
    try:
        with safe_open(path, framework="np") as file:
            return dict(file.metadata() or {})
    except Exception as error:
        raise _refused(path, "safetensors", error) from error
