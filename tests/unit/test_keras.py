"""Keras's HDF5 files: arrays are read, and nothing outside the file is touched."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srbench.errors import IntegrityError, Unavailable
from srbench.fetch.arrays import load_arrays

h5py = pytest.importorskip("h5py", reason="left out: h5py is not installed (the extra `keras`)")
SECRET = b"secret!!"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file goes."""
    return tmp_path / "weights.h5"


def refuses(path: Path, match: str) -> None:
    """The file is refused in one line that names it."""
    with pytest.raises(IntegrityError, match=match) as caught:
        load_arrays(path, "keras")
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_layers_are_flattened_with_dots(path: Path) -> None:
    """Groups by name; ``:0`` is left out; shape, layout and type are the file's."""
    kernel = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    with h5py.File(path, "w") as file:
        file["conv2d/conv2d/kernel:0"] = kernel
        file["conv2d/conv2d/bias:0"] = np.arange(5, dtype=">f8")
        file["add/name"] = "text"
        file.create_group("lambda")
        file.attrs["backend"] = "tensorflow"
    found = load_arrays(path, "keras")
    assert set(found) == {"conv2d.conv2d.kernel", "conv2d.conv2d.bias"}
    np.testing.assert_array_equal(found["conv2d.conv2d.kernel"], kernel)
    assert found["conv2d.conv2d.kernel"].dtype == np.float32
    assert found["conv2d.conv2d.bias"].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("options", [{"compression": "gzip"}, {"shuffle": True, "fletcher32": True}])
def test_compressed_arrays_are_read(path: Path, options: dict[str, Any]) -> None:
    """HDF5's own filters are understood."""
    data = np.random.default_rng(0).random((40, 30))
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=data, chunks=(10, 30), **options)
    np.testing.assert_array_equal(load_arrays(path, "keras")["a"], data)


def test_another_filter_is_refused(path: Path) -> None:
    """A filter that is not among HDF5's basic ones would be looked for in libraries on this machine."""
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.zeros(100), chunks=(10,), compression="lzf")
    refuses(path, "filter of its own")


def test_external_data_is_refused(path: Path, tmp_path: Path) -> None:
    """A dataset whose bytes lie in another file of this machine is not read."""
    (tmp_path / "secret").write_bytes(SECRET)
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (8,), np.uint8, external=[(str(tmp_path / "secret"), 0, 8)])
    refuses(path, "lies in another file")


def test_virtual_data_is_refused(path: Path, tmp_path: Path) -> None:
    """A dataset put together from other files is not read."""
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["b"] = np.arange(4)
    layout = h5py.VirtualLayout((4,), np.int64)
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "b", (4,))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("a", layout)
    refuses(path, "lies in another file")


@pytest.mark.parametrize("link", ["soft", "external"])
def test_links_are_refused(path: Path, tmp_path: Path, link: str) -> None:
    """A link, into this file or another, is not followed."""
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["b"] = np.arange(4)
    with h5py.File(path, "w") as file:
        file["b"] = np.arange(4)
        soft, outer = h5py.SoftLink("/b"), h5py.ExternalLink(str(tmp_path / "other.h5"), "/b")
        file["a"] = soft if link == "soft" else outer
    refuses(path, "is a link")


def test_a_bomb_is_refused(path: Path) -> None:
    """An array that claims more values than the file can hold takes no memory."""
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (1 << 20, 1 << 20), np.float32, chunks=(1 << 10, 1 << 10))
    assert path.stat().st_size < 10_000
    refuses(path, "more values than the file can hold")


def test_many_names_of_one_array_are_a_bomb_too(path: Path) -> None:
    """Hard links repeat an array; what they unfold to counts."""
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.zeros(1 << 22), chunks=(1 << 16,), compression="gzip")
        for n in range(300):
            file[f"b{n}"] = file["a"]
    refuses(path, "more values than the file can hold")


def test_a_group_inside_itself_ends(path: Path) -> None:
    """Groups can contain each other; the reader does not go round for ever."""
    with h5py.File(path, "w") as file:
        group = file.create_group("a")
        group["again"] = group
    refuses(path, "deep")


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x89HDF\r\n\x1a\n" + bytes(40)])
def test_damaged_files_are_refused(path: Path, content: bytes) -> None:
    """What is no HDF5 file, or a part of one, is refused in one line."""
    path.write_bytes(content)
    refuses(path, "a keras file of arrays only")


def test_a_file_without_arrays_is_refused(path: Path) -> None:
    """An empty file is not a checkpoint."""
    h5py.File(path, "w").close()
    refuses(path, "with arrays, got none")


def test_without_h5py_the_reader_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The optional library is asked for by name."""
    path.write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(Unavailable, match=r"h5py, got not installed; pip install 'srbench\[keras\]'"):
        load_arrays(path, "keras")
