"""Image files: read strictly, refused in one line, written whole or not at all."""

from __future__ import annotations

import csv
import errno
import gc
import hashlib
import os
import struct
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from srbench.errors import ImageError, StorageError
from srbench.image.io import MAX_BYTES, MAX_PIXELS, decode_image, pixels_sha256, read_image, write_png

RGB = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
GRAY = RGB[..., 0].copy()


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """An image as a file's bytes."""
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(pixels: np.ndarray) -> bytes:
    """Pixels as a PNG file's bytes."""
    return encoded(Image.fromarray(pixels))


def chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk with a right checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def raw_png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG of any claimed size and depth, valid or not."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def palette(colours: list[tuple[int, int, int]]) -> Image.Image:
    """A palette image that shows each colour once, in a row."""
    image = Image.new("P", (len(colours), 1))
    image.putpalette([channel for colour in colours for channel in colour])
    image.putdata(range(len(colours)))
    return image


# ----------------------------------------------------------------------------- what can be read


@pytest.mark.parametrize("pixels", [RGB, GRAY], ids=["rgb", "gray"])
@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("BMP", {}), ("PPM", {})])
def test_lossless_files_are_read_as_stored(
    tmp_path: Path, pixels: np.ndarray, kind: str, options: dict[str, Any]
) -> None:
    """Gray stays (H, W), RGB stays (H, W, 3), every byte."""
    path = tmp_path / "image"
    path.write_bytes(encoded(Image.fromarray(pixels), kind, **options))
    np.testing.assert_array_equal(read_image(path), pixels)
    np.testing.assert_array_equal(read_image(str(path)), pixels)


def test_three_equal_channels_stay_three() -> None:
    """An RGB file of grays is RGB: the file's kind decides, not its content."""
    assert decode_image(png(np.stack([GRAY] * 3, axis=-1)), "x").shape == (6, 5, 3)


def test_a_gray_palette_is_gray() -> None:
    """A palette means its colours: all gray, one plane."""
    colours = [(200, 200, 200), (3, 3, 3), (90, 90, 90)]
    for kind in ("PNG", "GIF"):
        np.testing.assert_array_equal(decode_image(encoded(palette(colours), kind), "x"), [[200, 3, 90]])


def test_a_coloured_palette_is_rgb() -> None:
    """A palette means its colours: RGB as soon as one has a hue."""
    colours = [(200, 200, 200), (3, 3, 3), (90, 91, 90)]
    np.testing.assert_array_equal(decode_image(encoded(palette(colours)), "x"), [colours])


def test_black_and_white_is_0_and_255() -> None:
    """One bit a pixel spans the whole range."""
    bits = Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1")
    np.testing.assert_array_equal(decode_image(encoded(bits), "x"), [[0, 255]])


def test_one_pixel_is_an_image() -> None:
    """1 x 1 is read; whoever can't use it says so."""
    assert decode_image(png(np.zeros((1, 1, 3), np.uint8)), "x").shape == (1, 1, 3)


def test_what_is_read_can_be_written_to() -> None:
    """The array is the caller's own, contiguous and writeable."""
    for pixels in (RGB, GRAY):
        ours = decode_image(png(pixels), "x")
        assert ours.flags.writeable
        assert ours.flags["C_CONTIGUOUS"]


def test_orientation_tags_are_not_applied() -> None:
    """Pixels are taken as stored, as MATLAB's imread takes them."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.fromarray(RGB), "JPEG", exif=exif)
    assert decode_image(data, "x").shape == RGB.shape


def test_every_mirrored_image_decodes_to_its_published_digest(shared: Path) -> None:
    """Shape and pixel digest of every mirrored image in digests.csv, gray and RGB, bmp, png and jpg."""
    with (shared / "digests.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["here"] == "mirror" and row["shape"]]

    def wrong(row: dict[str, str]) -> str | None:
        image = read_image(shared / "mirror" / row["url"].removeprefix("https://"))
        shape = "x".join(map(str, image.shape))
        same = (shape, pixels_sha256(image)) == (row["shape"], row["pixels_sha256"])
        return None if same else row["url"]

    with ThreadPoolExecutor(4) as pool:
        assert [url for url in pool.map(wrong, rows) if url] == []
    assert len(rows) == 829


# ----------------------------------------------------------------------------- what is refused


def apng() -> bytes:
    """A PNG of two frames."""
    frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    return encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])


def gif() -> bytes:
    """A GIF of two frames."""
    frames = [Image.fromarray(GRAY), Image.fromarray(255 - GRAY)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


BAD = {
    "empty": (b"", "an empty file"),
    "html": (b"\n <!DOCTYPE html><html><body>404</body></html>", "a web page"),
    "html without doctype": (b"<HTML>sign in</HTML>", "a web page"),
    "xml": (b"\xef\xbb\xbf<?xml version='1.0'?><Error/>", "a web page"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "a Git LFS pointer"),
    "text": (b"not found", "bytes of another kind"),
    "tiff": (encoded(Image.fromarray(RGB), "TIFF"), "bytes of another kind"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "bytes of another kind"),
    "png head only": (png(RGB)[:20], "a damaged or truncated file"),
    "png without its end": (png(RGB)[:-12], "a damaged or truncated file"),
    "jpeg cut short": (encoded(Image.fromarray(RGB), "JPEG")[:-20], "a damaged or truncated file"),
    "bmp cut short": (encoded(Image.fromarray(RGB), "BMP")[:-9], "a damaged or truncated file"),
    "ppm with too few pixels": (b"P6 9 9 255\n123", "a damaged or truncated file"),
    "16-bit rgb png": (raw_png(2, 1, 16, 2, bytes(13)), "more than 8 bits a channel"),
    "16-bit gray png": (raw_png(2, 1, 16, 0, bytes(5)), "more than 8 bits a channel"),
    "16-bit rgb ppm": (b"P6 1 1 65535\n123456", "more than 8 bits a channel"),
    "10-bit gray ppm": (b"P5 1 1 1023\n12", "more than 8 bits a channel"),
    "plain 16-bit ppm": (b"P3 1 1 65535\n1 2 3\n", "more than 8 bits a channel"),
    "float pfm": (b"Pf 1 1 -1.0\n1234", "more than 8 bits a channel"),
    "rgba": (encoded(Image.fromarray(RGB).convert("RGBA")), "an alpha channel"),
    "gray and alpha": (encoded(Image.fromarray(GRAY).convert("LA")), "an alpha channel"),
    "transparent colour": (encoded(Image.fromarray(RGB), "PNG", transparency=(1, 2, 3)), "an alpha channel"),
    "transparent palette": (encoded(palette([(1, 2, 3)]), "PNG", transparency=0), "an alpha channel"),
    "rgba webp": (encoded(Image.new("RGBA", (4, 4), (9, 9, 9, 99)), "WEBP"), "an alpha channel"),
    "cmyk": (encoded(Image.new("CMYK", (4, 4)), "JPEG"), "CMYK colours"),
    "animated png": (apng(), "several frames"),
    "animated gif": (gif(), "several frames"),
    "huge": (raw_png(11_586, 11_586, 8, 0, b""), "11586 x 11586"),
    "absurdly huge": (raw_png(2**31 - 1, 2**31 - 1, 8, 0, b""), "far more"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_8_bit_image_is_refused(case: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Each is one line with what was expected, what was got, the file's name and what to do; no warning."""
    data, got = BAD[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImageError) as caught:
            decode_image(data, "folder/name.png")
    text = str(caught.value)
    assert text.startswith("expected ")
    assert got in caught.value.got
    assert "folder/name.png" in caught.value.got
    assert caught.value.hint
    assert "\n" not in text
    assert caught.value.exit_code == 2
    assert capfd.readouterr() == ("", "")


def test_the_largest_image_is_far_above_any_test_set() -> None:
    """The bomb limit is above 8K video and its files fit the size limit."""
    assert 7680 * 4320 < MAX_PIXELS < 11_586 * 11_586
    assert MAX_PIXELS * 3 < MAX_BYTES


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "PPM", "WEBP", "GIF"])
def test_a_file_cut_anywhere_is_refused_or_whole(kind: str) -> None:
    """No prefix of a file ever decodes to other pixels than the whole."""
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(RGB), kind, **options)
    whole = decode_image(data, "x")
    refused = 0
    for length in range(len(data)):
        try:
            np.testing.assert_array_equal(decode_image(data[:length], "x"), whole)
        except ImageError:
            refused += 1
    assert refused >= len(data) - 4


def test_a_flipped_bit_in_a_png_is_refused_or_harmless() -> None:
    """Every chunk's checksum is verified: no single flipped bit changes a pixel unnoticed."""
    data = png(np.kron(RGB, np.ones((2, 2, 1), np.uint8)))
    whole = decode_image(data, "x")
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << position % 8
        try:
            np.testing.assert_array_equal(decode_image(bytes(flipped), "x"), whole)
        except ImageError:
            continue


@settings(max_examples=200)
@given(st.sampled_from(["PNG", "JPEG", "BMP", "PPM", "WEBP", "GIF"]), st.integers(0), st.binary(max_size=40))
def test_damage_raises_nothing_but_image_errors(kind: str, position: int, garbage: bytes) -> None:
    """Whatever is spliced into a file, the answer is pixels or an ImageError."""
    data = encoded(Image.fromarray(RGB), kind)
    at = position % len(data)
    damaged = data[:at] + garbage + data[at + len(garbage) :]
    try:
        pixels = decode_image(damaged, "x")
    except ImageError:
        return
    assert pixels.dtype == np.uint8


def test_a_missing_file(tmp_path: Path) -> None:
    """The path is named."""
    with pytest.raises(ImageError, match=r"nothing at .*absent\.png; check the path"):
        read_image(tmp_path / "absent.png")


def test_a_folder(tmp_path: Path) -> None:
    """A folder isn't an image."""
    with pytest.raises(ImageError, match="got a folder"):
        read_image(tmp_path)


def test_a_file_used_as_a_folder(tmp_path: Path) -> None:
    """A path that goes on behind a file is refused in one line."""
    (tmp_path / "a.png").write_bytes(png(RGB))
    with pytest.raises(ImageError, match="readable image file"):
        read_image(tmp_path / "a.png" / "b.png")


def test_a_null_byte_in_the_path() -> None:
    """Not even this reaches the user as a traceback."""
    with pytest.raises(ImageError) as caught:
        read_image("a\0b.png")
    assert "\0" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="left out: this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe or device would block or never end: it is refused unread."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="a device or pipe"):
        read_image(tmp_path / "pipe")


def test_a_file_larger_than_any_image_is_not_read(tmp_path: Path) -> None:
    """Its size alone is enough."""
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ImageError, match="at most"):
        read_image(path)


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing permission is named as the system names it."""

    def denied(_: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", "secret.png")

    path = tmp_path / "secret.png"
    path.write_bytes(png(RGB))
    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(ImageError, match=r"got Permission denied: .*secret\.png.*permissions"):
        read_image(path)


# --------------------------------------------------------------------------------- digests


def test_digest_is_of_row_major_bytes() -> None:
    """The digest is sha256 of the pixels in row-major order, whatever the memory layout."""
    assert pixels_sha256(RGB) == hashlib.sha256(RGB.tobytes()).hexdigest()
    assert pixels_sha256(np.asfortranarray(RGB)) == pixels_sha256(RGB)
    assert pixels_sha256(RGB[::-1]) != pixels_sha256(RGB)


def test_only_uint8_has_a_digest() -> None:
    """Floats that look the same would have other bytes."""
    with pytest.raises(ImageError, match="got float64"):
        pixels_sha256(RGB.astype(np.float64))


# ----------------------------------------------------------------------------------- writing


@settings(max_examples=30)
@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))))
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, image: np.ndarray) -> None:
    """Every byte; one channel comes back as a plane."""
    path = tmp_path_factory.mktemp("png") / "deep" / "image.png"
    write_png(path, image)
    expected = image[..., 0] if image.shape[2] == 1 else image
    np.testing.assert_array_equal(read_image(path), expected)
    write_png(path, image[..., 0])
    np.testing.assert_array_equal(read_image(path), image[..., 0])


def test_strided_images_are_written_right(tmp_path: Path) -> None:
    """A view is written as its copy."""
    write_png(tmp_path / "a.png", RGB[::2, ::-1])
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), RGB[::2, ::-1])


def test_nothing_else_is_left_in_the_folder(tmp_path: Path) -> None:
    """The temporary file is gone after success."""
    write_png(tmp_path / "a.png", RGB)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    "pixels",
    [RGB.astype(np.float64), RGB[..., :2], RGB[None], np.zeros((0, 4), np.uint8), RGB.astype(np.uint16)],
)
def test_what_is_no_8_bit_image_is_not_written(tmp_path: Path, pixels: np.ndarray) -> None:
    """Another dtype or shape is refused, and no file appears."""
    with pytest.raises(ImageError):
        write_png(tmp_path / "a.png", pixels)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """When the disk fills up the target keeps its old content, and nothing torn is left beside it."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.png"
    write_png(path, RGB)
    monkeypatch.setattr(os if call == "fsync" else Path, call, full)
    with pytest.raises(StorageError, match="No space left on device") as caught:
        write_png(path, 255 - RGB)
    assert caught.value.exit_code == 3
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    np.testing.assert_array_equal(read_image(path), RGB)


def test_a_failed_write_is_collected_quietly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has nothing to report when it frees a failed write that a traceback held in a cycle."""
    reported: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", reported.append)
    (tmp_path / "taken").write_text("a file")

    def fails_in_a_cycle() -> None:
        try:
            write_png(tmp_path / "taken" / "a.png", RGB)
        except StorageError as error:
            error.held = error  # type: ignore[attr-defined]

    fails_in_a_cycle()
    gc.collect()
    assert reported == []


def test_an_interrupt_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while writing removes the temporary file and is passed on."""

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_png(tmp_path / "a.png", RGB)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file in the folder's place is a StorageError that names the target."""
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StorageError, match=r"taken/a\.png"):
        write_png(tmp_path / "taken" / "a.png", RGB)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="left out: this system has no /dev/full")
def test_the_devices_own_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real ENOSPC from the system, not only a simulated one, is a StorageError."""
    real = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, mode="r", **k: real(Path("/dev/full"), mode.replace("x", "w"), **k)
    )
    with pytest.raises(StorageError, match="No space left on device"):
        write_png(tmp_path / "a.png", RGB)
