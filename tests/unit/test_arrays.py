"""Checkpoints as arrays: what is read, and that nothing in a file is ever run."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tracemalloc
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from srbench.errors import IntegrityError, SrbenchError, UsageError
from srbench.fetch.arrays import FORMATS, load_arrays

Write = Callable[[Any], Path]
MIRROR = "mirror/raw.githubusercontent.com"


@pytest.fixture
def pickled(tmp_path: Path) -> Write:
    """Writes an object, or bytes as they are, to a file to be read as a pickle."""

    def write(thing: Any) -> Path:
        path = tmp_path / "weights.pkl"
        path.write_bytes(thing if isinstance(thing, bytes) else pickle.dumps(thing))
        return path

    return write


def refuses(path: Path, format: str = "pickle-arrays", match: str | None = None) -> None:
    """The file is refused in one line that names it."""
    with pytest.raises(IntegrityError, match=match) as caught:
        load_arrays(path, format)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------------- pickles of arrays

ARRAYS = hnp.arrays(
    st.one_of(
        hnp.boolean_dtypes(),
        hnp.integer_dtypes(endianness="?"),
        hnp.unsigned_integer_dtypes(endianness="?"),
        hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
        hnp.complex_number_dtypes(endianness="?", sizes=(64, 128)),
    ),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


@given(array=ARRAYS, protocol=st.integers(0, 5), fortran=st.booleans())
@settings(deadline=None)
def test_any_array_of_numbers_survives(
    array: np.ndarray, protocol: int, fortran: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every number type, byte order, memory order, shape and pickle protocol gives what NumPy wrote."""
    path = tmp_path_factory.mktemp("arrays") / "a.pkl"
    path.write_bytes(pickle.dumps({"a": np.asfortranarray(array) if fortran else array}, protocol))
    found = load_arrays(path, "pickle-arrays")["a"]
    expected = pickle.loads(path.read_bytes())["a"]
    np.testing.assert_array_equal(found, expected)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype.newbyteorder("=")
    assert found.flags.writeable


def test_containers_are_flattened_with_dots(pickled: Write) -> None:
    """Dictionaries by key, lists by position; numbers become arrays, text and None are left out."""
    one = np.ones(2, np.float32)
    tree = OrderedDict(net={"conv": [one, (one, 7)], "name": "x"}, scale=2, rate=0.5, nothing=None, flag=True)
    found = load_arrays(pickled(tree), "pickle-arrays")
    assert {name: array.tolist() for name, array in found.items()} == {
        "net.conv.0": [1, 1],
        "net.conv.1.0": [1, 1],
        "net.conv.1.1": 7,
        "scale": 2,
        "rate": 0.5,
        "flag": True,
    }


def test_numpy_scalars_are_arrays_without_axes(pickled: Write) -> None:
    """A NumPy scalar is a number too."""
    found = load_arrays(pickled({"a": np.float32(1.5)}), "pickle-arrays")["a"]
    assert found.shape == ()
    assert found == np.float32(1.5)


def test_arrays_of_old_numpy_and_python_2_are_read(pickled: Write) -> None:
    """``numpy.core`` names, and bytes written as byte strings as Python 2 did, are understood."""
    text = (
        b"(dp0\nS'a'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntp4\nS'b'\np5\ntp6\n"
        b"Rp7\n(I1\n(I2\ntp8\ncnumpy\ndtype\np9\n(S'u1'\np10\nI0\nI1\ntp11\nRp12\n"
        b"(I3\nS'|'\np13\nNNNI-1\nI-1\nI0\ntp14\nbI00\nU\x02\xff\x01tp16\nbs."
    )
    assert load_arrays(pickled(text), "pickle-arrays")["a"].tolist() == [255, 1]


def test_an_array_that_is_named_twice_is_shared(pickled: Write) -> None:
    """Two names of one array are two entries."""
    one = np.ones(2)
    assert list(load_arrays(pickled({"a": one, "b": one}), "pickle-arrays")) == ["a", "b"]


def test_the_backbone_of_lpips_is_such_a_pickle(pickled: Write) -> None:
    """The form of LPIPS's converted checkpoints: Flax names, protocol 3, float32 kernels in HWIO order."""
    kernel = np.arange(11 * 11 * 3 * 64, dtype=np.float32).reshape(11, 11, 3, 64)
    tree = {"AlexNet_0": {"Conv_0": {"kernel": kernel, "bias": np.zeros(64, np.float32)}}}
    found = load_arrays(pickled(pickle.dumps(tree, 3)), "pickle-arrays")
    np.testing.assert_array_equal(found["AlexNet_0.Conv_0.kernel"], kernel)


# ------------------------------------------------------------------------ hostile pickles


class Call:
    """Pickles as a call of whatever is given."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.reduced


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("format", ["pickle-arrays", "torch"])
def test_a_pickle_that_calls_the_shell_does_not_run(
    protocol: int,
    format: str,
    tmp_path: Path,
) -> None:
    """os.system in a pickle is refused, and leaves no trace."""
    trace, path = tmp_path / "pwned", tmp_path / "weights.pkl"
    hostile = {"a": np.ones(2), "b": Call(os.system, f"touch {trace}")}
    path.write_bytes(pickle.dumps(hostile, protocol))
    refuses(path, format)
    assert not trace.exists()
    pickle.loads(path.read_bytes())
    assert trace.exists(), "the pickle was harmless, so this test has shown nothing"


@pytest.mark.parametrize(
    "thing",
    [
        Call(eval, "1"),
        Call(getattr, "", "join"),
        Call(np.load, "x"),
        Call(np.empty, 2),
        Call(pickle.loads, b"N."),
        {"a": {1, 2}},
        {"a": Path("x")},
        {"a": np.array([None])},
        {"a": np.array(["text"])},
        {"a": np.zeros(2, [("x", "f4")])},
        {"a": np.zeros(2, "M8[s]")},
        {"a": np.zeros(2).view(np.recarray)},
        {"a": np.ma.masked_array([1.0])},
        {("a", "b"): np.ones(1)},
        {"a": np.ones(1), "a.b": 1, **{"c": {"d": 1}, "c.d": 2}},
        object(),
    ],
)
def test_anything_but_arrays_in_containers_is_refused(thing: Any, pickled: Write) -> None:
    """Calls, classes, sets, records, text arrays, odd keys and doubled names are not arrays."""
    refuses(pickled(thing))


@pytest.mark.parametrize(
    "data",
    [
        b"cos\nsystem\n.",
        b"(S'true'\nios\nsystem\n.",
        b"Pid\n.",
        b"\x80\x04\x8c\x01xQ.",
        b"\x82\x01.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.",
        b"cnumpy\nndarray\n(I3\ntR.",
        b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR.",
        b"cnumpy\ndtype\n(S'f4,f4'\nI0\nI1\ntR.",
        b"ccollections\nOrderedDict\n(S'x'\nS'y'\ndb.",
        b"cnumpy\ndtype\n(N(S'value'\nI1\ndtb.",
        b"",
        b"N",
        b"N.N.",
        b"\xff\xfe",
        b"<!DOCTYPE html><html></html>",
    ],
)
def test_crafted_opcodes_are_refused(data: bytes, pickled: Write) -> None:
    """Persistent ids, extensions, instances, states of classes, odd types, trailing bytes, no pickle."""
    refuses(pickled(data))


def test_a_crafted_state_does_not_change_the_reader(pickled: Write) -> None:
    """A pickle can't set attributes of what it may call: the next file is read as ever."""
    refuses(pickled(b"cnumpy.core.multiarray\n_reconstruct\n(N(S'__setstate__'\nI1\ndtb."))
    assert load_arrays(pickled({"a": np.ones(1)}), "pickle-arrays")["a"].tolist() == [1]


def crafted(shape: bytes, raw: bytes = b"abcd") -> bytes:
    """A pickle of one uint8 array of any shape over a few bytes."""
    return (
        b"(dS'a'\ncnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        b"(I1\n" + shape + b"cnumpy\ndtype\n(S'u1'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntb"
        b"I00\nS'" + raw + b"'\ntbs."
    )


def test_the_crafted_array_is_one_when_its_shape_fits(pickled: Write) -> None:
    """The tool of the next test makes a readable file."""
    assert load_arrays(pickled(crafted(b"(I2\nI2\nt")), "pickle-arrays")["a"].shape == (2, 2)


@pytest.mark.parametrize(
    "data",
    [
        crafted(b"(L100000000000000L\nt"),
        crafted(b"(I-4\nI-1\nt"),
        crafted(b"(I2\nt"),
        crafted(b"(F4.0\nt"),
        crafted(b"(I01\nI4\nt"),
        crafted(b"I4\n"),
        crafted(b"(" + b"L9223372036854775807L\n" * 8 + b"t"),
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 36) + b"abc.",
        b"\x80\x04\x8d" + struct.pack("<Q", 1 << 36) + b"abc.",
        b"\x80\x04\x95" + struct.pack("<Q", 1 << 36) + b"N.",
        b"Nr" + struct.pack("<I", (1 << 31) - 1) + b".",
        b"Np2147483646\n.",
        b"B" + struct.pack("<I", (1 << 32) - 1) + b"abc.",
    ],
)
def test_a_header_that_claims_too_much_costs_no_memory(data: bytes, pickled: Write) -> None:
    """Shapes, lengths and memo places beyond the file's bytes are refused before memory is taken."""
    path = pickled(data)
    tracemalloc.start()
    try:
        refuses(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_containers_that_unfold_without_end_are_refused(pickled: Write) -> None:
    """A billion laughs: lists that hold each other twice, sixty deep, end in a refusal, soon."""
    laughs: list[Any] = []
    for _ in range(60):
        laughs = [laughs, laughs]
    refuses(pickled(laughs), match="more than")


def test_a_container_within_itself_is_refused(pickled: Write) -> None:
    """A list that holds itself ends in a refusal."""
    snake: list[Any] = [np.ones(1)]
    snake.append(snake)
    refuses(pickled(snake))


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_damage_gives_arrays_or_one_line(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A pickle with any byte changed or its end cut is read or refused; no other exception comes out."""
    body = bytearray(pickle.dumps({"a": np.arange(6, dtype=np.float32), "b": [1, "x"]}, 2))
    position = data.draw(st.integers(0, len(body) - 1))
    body[position] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "a.pkl"
    path.write_bytes(body[: data.draw(st.sampled_from([len(body), position]))])
    try:
        found = load_arrays(path, "pickle-arrays")
    except IntegrityError:
        return
    assert all(array.dtype.kind in "biufc" for array in found.values())


# --------------------------------------------------------------------------------- torch


@pytest.mark.parametrize("legacy", [False, True])
def test_a_state_dict_is_read_in_both_of_its_forms(legacy: bool, tmp_path: Path) -> None:
    """The zip form and the one before PyTorch 1.6 give equal arrays; views and bfloat16 keep their values."""
    torch = pytest.importorskip("torch")
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    state = OrderedDict(
        weight=base.t(), half=base.to(torch.bfloat16), count=torch.tensor(3), deep={"a": [base]}
    )
    torch.save(state, tmp_path / "a.pth", _use_new_zipfile_serialization=not legacy)
    found = load_arrays(tmp_path / "a.pth", "torch")
    assert {name: array.dtype for name, array in found.items()} == {
        "weight": np.float32,
        "half": np.float32,
        "count": np.int64,
        "deep.a.0": np.float32,
    }
    np.testing.assert_array_equal(found["weight"], base.numpy().T)
    np.testing.assert_array_equal(found["half"], base.numpy())


def test_a_parameter_is_its_values(tmp_path: Path) -> None:
    """Parameters that want a gradient are plain arrays here."""
    torch = pytest.importorskip("torch")
    torch.save({"w": torch.nn.Parameter(torch.ones(2))}, tmp_path / "a.pth")
    assert load_arrays(tmp_path / "a.pth", "torch")["w"].tolist() == [1, 1]


def test_a_whole_pickled_network_is_refused(tmp_path: Path) -> None:
    """A module instead of its state would need its class, so it is refused."""
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Conv2d(1, 1, 1), tmp_path / "a.pth")
    refuses(tmp_path / "a.pth", "torch", match="torch.nn")


# ------------------------------------------------------------------- safetensors, MATLAB


def test_safetensors_are_read(tmp_path: Path) -> None:
    """Names and values are the file's."""
    numpy = pytest.importorskip("safetensors.numpy")
    numpy.save_file({"conv.weight": np.ones((2, 3), np.float16)}, tmp_path / "a.safetensors")
    found = load_arrays(tmp_path / "a.safetensors", "safetensors")
    assert found["conv.weight"].dtype == np.float16
    assert found["conv.weight"].shape == (2, 3)


def test_a_safetensors_header_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    """A header longer than the file is not believed."""
    pytest.importorskip("safetensors")
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", 1 << 40) + b"{}")
    refuses(tmp_path / "a.safetensors", "safetensors")


def save_mat(path: Path, variables: dict[str, Any]) -> Path:
    """A compressed MATLAB 5 file."""
    from scipy.io import savemat

    savemat(path, variables, do_compression=True)
    return path


def test_structs_and_cells_are_flattened(tmp_path: Path) -> None:
    """Fields by name, cells by position in column order, text left out, shapes MATLAB's."""
    cells = np.empty((2, 2), object)
    for index in range(4):
        cells[index % 2, index // 2] = np.full((1, index + 1), index, np.float32)
    path = save_mat(tmp_path / "a.mat", {"model": {"weight": cells, "note": "text"}, "scale": 3, "s": "text"})
    found = load_arrays(path, "mat")
    assert list(found) == [*(f"model.weight.{index}" for index in range(4)), "scale"]
    assert [array.shape for array in found.values()] == [(1, 1), (1, 2), (1, 3), (1, 4), (1, 1)]
    assert found["model.weight.3"].tolist() == [[3, 3, 3, 3]]


def test_an_array_of_structs_is_numbered(tmp_path: Path) -> None:
    """More than one struct under a name is counted from 0."""
    layers = np.zeros((1, 2), [("w", object)])
    layers["w"][0, 0], layers["w"][0, 1] = np.ones((1, 1)), np.ones((1, 2))
    found = load_arrays(save_mat(tmp_path / "a.mat", {"layers": layers}), "mat")
    assert {name: array.shape for name, array in found.items()} == {
        "layers.0.w": (1, 1),
        "layers.1.w": (1, 2),
    }


def test_sparse_matrices_and_text_are_left_out(tmp_path: Path) -> None:
    """A file with nothing else has no arrays."""
    from scipy.sparse import csc_matrix

    refuses(
        save_mat(tmp_path / "a.mat", {"a": csc_matrix(np.eye(3)), "b": "x"}), "mat", match="none in a.mat"
    )


@pytest.mark.parametrize("cell", [False, True])
def test_a_matlab_header_that_claims_too_much_costs_no_memory(cell: bool, tmp_path: Path) -> None:
    """Dimensions beyond what the file can hold are refused before memory is taken."""
    from scipy.io import savemat

    cells = np.empty((1, 3), object)
    cells[:] = 0
    path = tmp_path / "a.mat"
    savemat(path, {"a": cells if cell else np.zeros((1, 3), np.uint8)})
    sides = struct.pack("<ii", 1, 3)
    assert path.read_bytes().count(sides) == 1
    path.write_bytes(path.read_bytes().replace(sides, struct.pack("<ii", 50_000, 60_000)))
    tracemalloc.start()
    try:
        refuses(path, "mat")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


# ------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("body", [b"", b"<!DOCTYPE html><html></html>", b"\x89PNG\r\n\x1a\n", bytes(1000)])
def test_another_kind_of_file_is_refused(format: str, body: bytes, tmp_path: Path) -> None:
    """An empty file, a web page, an image or zeros are no checkpoint."""
    if format == "safetensors":
        pytest.importorskip("safetensors")
    (tmp_path / "a").write_bytes(body)
    refuses(tmp_path / "a", format)


@pytest.mark.parametrize("format", FORMATS)
def test_a_missing_file_is_a_usage_error(format: str, tmp_path: Path) -> None:
    """The message names the path."""
    with pytest.raises(UsageError, match="nowhere"):
        load_arrays(tmp_path / "nowhere", format)


def test_an_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    """A typo in a card is told from what would be right."""
    with pytest.raises(UsageError, match="pickle-arrays, torch, safetensors, mat"):
        load_arrays(tmp_path / "a", "pytorch")


def test_a_file_of_another_format_is_refused_by_each(tmp_path: Path, pickled: Write) -> None:
    """A pickle is no MATLAB file, and an archive of PyTorch no pickle of arrays."""
    refuses(pickled({"a": np.ones(2)}), "mat")
    packed = io.BytesIO()
    np.savez(packed, a=np.ones(2))
    with pytest.raises(SrbenchError):
        load_arrays(pickled(packed.getvalue()), "pickle-arrays")


# ------------------------------------------------------------------------- real checkpoints


@pytest.mark.parametrize(
    ("pattern", "format", "count", "name", "shape"),
    [
        ("chxy95/SRCNN/*/model/weights.pkl", "torch", 6, "conv1.weight", (64, 1, 9, 9)),
        ("leftthomas/SRGAN/*/epochs/netG_epoch_2_100.pth", "torch", 76, "block1.0.weight", (64, 3, 9, 9)),
        ("leftthomas/SRGAN/*/epochs/netG_epoch_4_100.pth", "torch", 79, "block1.0.weight", (64, 3, 9, 9)),
        ("Zheng222/IMDN/*/checkpoints/IMDN_x4.pth", "torch", 92, "module.fea_conv.weight", (64, 3, 3, 3)),
        (
            "nmhkahn/CARN-pytorch/*/checkpoint/carn_m.pth",
            "torch",
            58,
            "sub_mean.shifter.weight",
            (3, 3, 1, 1),
        ),
        ("huangzehao/caffe-vdsr/*/Test/VDSR_Official.mat", "mat", 40, "model.weight.0", (3, 3, 1, 64)),
        ("Junhyun-Nam-Olin/SRCNN/*/x3.mat", "mat", 6, "weights_conv2", (64, 1, 32)),
    ],
)
def test_published_checkpoints_are_read(
    shared: Path,
    pattern: str,
    format: str,
    count: int,
    name: str,
    shape: tuple[int, ...],
) -> None:
    """The files that people have, of every age, give their float32 tensors by name."""
    (path,) = (shared / MIRROR).glob(pattern)
    if format == "torch":
        pytest.importorskip("torch")
    found = load_arrays(path, format)
    assert len(found) == count
    assert found[name].shape == shape
    assert found[name].dtype == np.float32
