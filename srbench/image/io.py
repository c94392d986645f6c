"""Image files, read strictly and written atomically.

What is scored must be what its maker meant: a file whose 8-bit pixels are in any doubt (16 bits,
transparency, CMYK, several frames, cut short, a web page in its place) is refused, not converted.
Orientation tags and colour profiles are not applied: pixels are taken as they are stored.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from srbench.errors import ImageError, StorageError

U8 = NDArray[np.uint8]

FORMATS = ("PNG", "JPEG", "BMP", "PPM", "WEBP", "GIF")
"""Decoders in use. Pillow's others meet few images, EPS starts a program, and TIFF writes to stderr."""

MAX_PIXELS = 2**27
"""About 11585 x 11585; ten times the largest image of any super-resolution test set."""

MAX_BYTES = 2**29
"""Larger than any file of MAX_PIXELS 8-bit RGB pixels."""

_EXPECTED = "an 8-bit gray or RGB image"
_AS_RGB = "convert it to 8-bit RGB and save it again as PNG"
_AGAIN = "download or save it again"


def read_image(path: str | os.PathLike[str]) -> U8:
    """Read and decode an image file.

    Args:
        path: a PNG, JPEG, BMP, PPM, WebP or GIF file.

    Returns:
        uint8 ``(H, W)`` for a gray image (also one stored as a palette of grays), else ``(H, W, 3)`` RGB.

    Raises:
        ImageError: there is no such readable file, or it isn't one 8-bit gray or RGB image.
    """
    return decode_image(_read_file(Path(path)), str(path))


def decode_image(data: bytes, name: str) -> U8:
    """Decode an image file's bytes; ``name`` is for messages.

    Returns:
        uint8 ``(H, W)`` gray or ``(H, W, 3)`` RGB, as `read_image`.

    Raises:
        ImageError: the bytes aren't one whole 8-bit gray or RGB image.
    """
    if not data:
        raise ImageError(_EXPECTED, f"an empty file: {name}", _AGAIN)
    _refuse_text(data, name)
    try:
        _open(data, name).verify()  # PNG: every chunk's CRC, and the end; spent thereafter
        with _open(data, name) as image:
            _refuse_doubtful(image, name)
            return _pixels(image)
    except ImageError:
        raise
    except Exception as error:  # noqa: BLE001 - Pillow's parsers raise whatever broken bytes lead them to
        raise ImageError(
            _EXPECTED, f"a damaged or truncated file ({_reason(error)}): {name}", _AGAIN
        ) from None


def pixels_sha256(image: U8) -> str:
    """Sha256, in hex, of the row-major bytes of a uint8 image or clip; its shape isn't part of it.

    Raises:
        ImageError: the pixels aren't uint8.
    """
    if image.dtype != np.uint8:
        raise ImageError("uint8 pixels", str(image.dtype), "round them first")
    return hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()


def lossy_format(path: Path) -> str:
    """``JPEG`` or ``lossy WebP`` where a file's first bytes say so; empty for others, and for none."""
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError:
        return ""
    if start.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    return "lossy WebP" if start[8:] == b"WEBPVP8 " else ""


def write_png(path: str | os.PathLike[str], image: U8) -> None:
    """Write a PNG that is either whole or not there, whatever stops the writing; parents are made.

    Args:
        path: target; an existing file is replaced.
        image: uint8 ``(H, W)``, ``(H, W, 1)`` or ``(H, W, 3)``.

    Raises:
        ImageError: the image isn't of that shape and dtype.
        StorageError: the disk is full or the folder can't be written.
    """
    write_atomically(Path(path), encode_png(image))


def encode_png(image: U8, palette: U8 | None = None) -> bytes:
    """The bytes of a PNG: the same pixels give the same bytes.

    Args:
        image: uint8 ``(H, W)``, ``(H, W, 1)`` or ``(H, W, 3)``.
        palette: uint8 ``(N, 3)``, the colours that a plane ``(H, W)`` numbers; None for gray or RGB.

    Raises:
        ImageError: the image isn't of that shape and dtype.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (1,), (3,)):
        raise ImageError("uint8 (H, W), (H, W, 1) or (H, W, 3)", f"{image.dtype} {image.shape}", "convert it")
    if 0 in image.shape:
        raise ImageError("at least one pixel", f"shape {image.shape}", "give a larger image")
    plane = image[..., 0] if image.shape[2:] == (1,) else image
    picture = Image.fromarray(np.ascontiguousarray(plane))
    if palette is not None:
        picture.putpalette(palette.tobytes())
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    # A copy: a view kept alive by a traceback would outlive the buffer's own end, which Python reports.
    return buffer.getvalue()


# ----------------------------------------------------------------------------------- reading


def _read_file(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "a device or pipe"
            raise ImageError("an image file", f"{what}: {path}", "name one image file")
        if status.st_size > MAX_BYTES:
            raise ImageError(
                f"at most {MAX_BYTES} bytes", f"{status.st_size}: {path}", "crop or split the image"
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise ImageError("an image file", f"nothing at {path}", "check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        got = f"{_reason(error)}: {str(path)!r}"
        raise ImageError("a readable image file", got, "check the path and its permissions") from None


def _refuse_text(data: bytes, name: str) -> None:
    """Name the two texts that downloads leave in an image's place."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<svg", b"<!--")):
        raise ImageError(_EXPECTED, f"a web page (HTML or XML text): {name}", _AGAIN)
    if head.startswith(b"version https://git-lfs"):
        raise ImageError(_EXPECTED, f"a Git LFS pointer: {name}", "fetch the file itself (git lfs pull)")


def _open(data: bytes, name: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # _refuse_doubtful decides
            return Image.open(BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise _too_large("far more", name) from None
    except UnidentifiedImageError:
        hint = f"use one of {', '.join(FORMATS)}"
        raise ImageError(_EXPECTED, f"bytes of another kind: {name}", hint) from None


def _refuse_doubtful(image: Image.Image, name: str) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(f"{image.width} x {image.height}", name)
    if getattr(image, "n_frames", 1) != 1:
        raise ImageError("a single image", f"several frames: {name}", "save each frame as its own PNG")
    if image.has_transparency_data:
        hint = "flatten it onto a background (or drop the alpha channel) and save it again as RGB"
        raise ImageError(_EXPECTED, f"an alpha channel: {name}", hint)
    if _is_deep(image):
        raise ImageError(_EXPECTED, f"more than 8 bits a channel: {name}", _AS_RGB)
    if image.mode not in ("1", "L", "P", "RGB"):
        raise ImageError(_EXPECTED, f"{image.mode} colours: {name}", _AS_RGB)


def _is_deep(image: Image.Image) -> bool:
    """True for more than 8 bits a channel. Pillow shortens 16-bit RGB to 8 bits without a word."""
    if image.mode.startswith(("I", "F")):
        return True
    return any(_tile_is_deep(tile.codec_name, tile.args) for tile in getattr(image, "tile", ()))


def _tile_is_deep(codec: str, args: Any) -> bool:
    """Pillow's instructions to its decoder: PNG's raw mode, or (raw mode, largest value) of a PPM."""
    if codec.startswith("ppm"):
        return int(args[1]) > 255
    return str(args).startswith(("RGB;16", "RGBX;16"))


def _pixels(image: Image.Image) -> U8:
    """Gray stays one plane, also a palette whose colours are all gray; else RGB."""
    if image.mode in ("1", "L"):
        return np.array(image.convert("L"))
    rgb = np.array(image.convert("RGB"))
    return rgb[..., 0].copy() if image.mode == "P" and _is_gray(image.getpalette("RGB")) else rgb


def _is_gray(palette: list[int] | None) -> bool:
    colours = np.reshape(palette or (), (-1, 3))
    return bool((colours == colours[:, :1]).all())


def _too_large(got: str, name: str) -> ImageError:
    return ImageError(f"at most {MAX_PIXELS} pixels", f"{got}: {name}", "crop or split the image")


def _reason(error: Exception) -> str:
    """The operating system's words without its numbers and paths, or the exception's own."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return words or type(error).__name__


# ----------------------------------------------------------------------------------- writing


def write_atomically(path: Path, data: bytes) -> None:
    """Write beside the target, flush to the disk, then rename: a reader never sees a torn file."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        _discard(part)
        hint = "free some space, or name a folder that can be written"
        raise StorageError("a place to write", f"{_reason(error)}: {path}", hint) from error
    except BaseException:
        _discard(part)
        raise


def _discard(part: Path) -> None:
    with contextlib.suppress(OSError):
        part.unlink()
