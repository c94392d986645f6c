"""What a metric promises: `prepare` once per ground truth, `score` once per prediction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache
from importlib import metadata
from typing import Any, ClassVar, TypeVar

from numpy.typing import NDArray

from srbench.errors import ContractError, PluginError, SrbenchError, Unavailable
from srbench.registry import MetricEntry, build, what_happened
from srbench.types import MetricInfo

Image = NDArray[Any]
"""What a metric is given: a float64 luma plane ``(H, W)`` on 0..255, or uint8 RGB ``(H, W, 3)``."""

Loaded = TypeVar("Loaded")


class Metric(ABC):
    """A full-reference metric of one frame.

    `prepare` does what depends on the ground truth alone, so that it is done once however many models
    are scored; its result is opaque and belongs to `score` of the same metric. Both take what `info.needs`
    says: ``y``, a float64 plane ``(H, W)`` on 0..255, or ``rgb``, uint8 ``(H, W, 3)``; already cropped when
    ``info.crop`` (see `srbench.metrics.planes.Planes.for_metric`). Neither changes its arguments.
    """

    thread_safe: ClassVar[bool] = False
    """Whether `prepare` and `score` may be called in other threads than `load`, and in several at once."""

    def __init__(self, info: MetricInfo, argument: str = "") -> None:
        self.info = info
        self.argument = argument

    @property
    @abstractmethod
    def signature(self) -> str:
        """Implementation, library version and settings: scores of two signatures are never compared.

        Rendered without importing a library.
        """

    def load(self, device: str = "cpu") -> None:  # noqa: B027 - most metrics have nothing heavy to load
        """Import libraries and read weights, once, before the first `prepare`.

        Args:
            device: PyTorch's name of a device; metrics without a network stay on the CPU.

        Raises:
            Unavailable: weights can't be had here.
            IntegrityError: weights were had, but aren't those this metric is defined with.
        """

    def prepare(self, hr: Image) -> Any:
        """What `score` needs of the ground truth.

        Raises:
            Unavailable: the metric is undefined for this image (too small); the reason is for the user.
        """
        return hr

    @abstractmethod
    def score(self, sr: Image, prepared: Any) -> float:
        """The score of a prediction of the same shape as the ground truth.

        Raises:
            ContractError: prediction and ground truth differ in shape.
        """


def build_metric(entry: MetricEntry) -> Metric:
    """A metric, built but not loaded: its signature is known, its weights are not read.

    Raises:
        PluginError: it can't be built, is no `Metric`, or has no signature that is a text of one line.
        Unavailable: its library isn't installed.
    """
    metric = build(entry.target, entry.info, entry.argument)
    if not isinstance(metric, Metric):
        got = f"{type(metric).__name__} ({entry.info.name})"
        raise PluginError("a subclass of srbench.Metric", got, "check what is registered")
    _check_signature(metric, entry.info.name)
    return metric


def _check_signature(metric: Metric, name: str) -> None:
    rule, hint = f"the signature of {name} to be a text of one line", "check the metric"
    try:
        signature: Any = metric.signature
    except SrbenchError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(rule, what_happened(error), hint) from error
    if not isinstance(signature, str) or not signature or not signature.isprintable():
        raise PluginError(rule, repr(signature), hint)


def load_metric(metric: Metric, device: str) -> None:
    """Make a metric ready for its first `prepare`.

    Raises:
        Unavailable, IntegrityError: as `Metric.load`.
        ContractError: it raised anything else, or called ``sys.exit``.
        MemoryError: not enough memory.
    """
    try:
        metric.load(device)
    except (SrbenchError, MemoryError):
        raise
    except (Exception, SystemExit) as error:  # a stranger's code: any failure becomes one line that names it
        rule = f"the metric {metric.info.name} to load"
        raise ContractError(rule, what_happened(error), "check the metric") from error


def check_same_shape(sr: Image, hr_shape: tuple[int, ...]) -> None:
    """Refuse to compare images of different shapes: nothing is resized or cropped silently.

    Raises:
        ContractError: the shapes differ.
    """
    if sr.shape != tuple(hr_shape):
        raise ContractError(
            f"a prediction of shape {tuple(hr_shape)}",
            f"shape {sr.shape}",
            "check the scale and the mod-crop",
        )


def check_large_enough(image: Image, side: int, what: str) -> None:
    """Refuse images on which a metric isn't defined.

    Args:
        image: ``(H, W)`` or ``(H, W, 3)``.
        side: the least height and width.
        what: why, for example ``SSIM's 11 x 11 window``.

    Raises:
        Unavailable: the image is smaller than ``side`` in a dimension.
    """
    height, width = image.shape[:2]
    if min(height, width) < side:
        raise Unavailable(
            f"at least {side} x {side} pixels for {what}",
            f"{height} x {width}",
            "use larger images or a smaller border",
        )


@cache  # a plan asks for it once an image
def library_version(package: str) -> str:
    """Version of an installed library, for signatures, without importing it.

    Raises:
        Unavailable: it isn't installed.
    """
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError as error:
        raise Unavailable(f"the library {package}", "none installed", f"install {package}") from error


def loaded(part: Loaded | None) -> Loaded:
    """What `Metric.load` has made.

    Raises:
        ContractError: `load` hasn't been called.
    """
    if part is None:
        raise ContractError("a loaded metric", "a call of prepare or score before load", "call load first")
    return part
