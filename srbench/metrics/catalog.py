"""The table of built-in metrics: what each is and who computes it. Imports none of them."""

from __future__ import annotations

from srbench.registry import register_metric
from srbench.types import Direction, MetricInfo, Plane

_PSNR = "srbench.metrics.psnr:PSNR"
_SSIM = "srbench.metrics.ssim:SSIM"
_LPIPS = "srbench.metrics.lpips:LPIPS"
_DISTS = "srbench.metrics.dists:DISTS"
_PIQ = "srbench.metrics.piq:Piq"

_WANG = "Wang et al., Image quality assessment: from error visibility to structural similarity, TIP 2004"
_ZHANG = "Zhang et al., The unreasonable effectiveness of deep features as a perceptual metric, CVPR 2018"


def _psnr(name: str, title: str, needs: Plane) -> MetricInfo:
    edge = "equal images give inf: stored and counted, never averaged"
    return MetricInfo(name, title, "dB", "higher", 2, needs, crop=True, edge=edge)


def _ssim(name: str, title: str, needs: Plane) -> MetricInfo:
    edge = "equal images give 1; undefined below 11 x 11 pixels after the border is cut off"
    return MetricInfo(name, title, "", "higher", 4, needs, crop=True, edge=edge, paper=_WANG)


def _whole(name: str, title: str, direction: Direction, side: int, paper: str, note: str = "") -> MetricInfo:
    """A metric of the whole RGB image; `note` says where it isn't what its name may suggest."""
    equal = 1 if direction == "higher" else 0
    edge = f"equal images give {equal}; undefined below {side} x {side} pixels{'; ' if note else ''}{note}"
    return MetricInfo(name, title, "", direction, 4, "rgb", crop=False, edge=edge, paper=paper)


# (what, who, argument). piq's differences to the authors' code were measured on five TID2013 pairs, see
# tests/oracle/test_metric_oracles.py.
_TABLE: tuple[tuple[MetricInfo, str, str], ...] = (
    (_psnr("psnr_y", "PSNR-Y", "y"), _PSNR, ""),
    (_ssim("ssim_y", "SSIM-Y", "y"), _SSIM, ""),
    (_psnr("psnr_rgb", "PSNR-RGB", "rgb"), _PSNR, ""),
    (_ssim("ssim_rgb", "SSIM-RGB, mean over the channels", "rgb"), _SSIM, ""),
    (_ssim("ssim_y_fast", "SSIM-Y, fast float32 form", "y"), _SSIM, "float32"),
    (_whole("lpips", "LPIPS (AlexNet)", "lower", 31, _ZHANG), _LPIPS, "alex"),
    (_whole("lpips_vgg", "LPIPS (VGG)", "lower", 16, _ZHANG), _LPIPS, "vgg"),
    (
        _whole(
            "dists",
            "DISTS",
            "lower",
            16,
            "Ding et al., Image quality assessment: unifying structure and texture similarity, TPAMI 2020",
            "at the image's own size, as the authors' code",
        ),
        _DISTS,
        "",
    ),
    (
        _whole("fsim", "FSIMc", "higher", 2, "Zhang et al., FSIM, TIP 2011", "the chromatic form"),
        _PIQ,
        "fsim",
    ),
    (
        _whole(
            "vif",
            "VIFp (pixel domain)",
            "higher",
            41,
            "Sheikh and Bovik, Image information and visual quality, TIP 2006",
            "the authors' pixel-domain form, another number than wavelet VIF; above 1 is possible",
        ),
        _PIQ,
        "vif",
    ),
    (
        _whole(
            "gmsd",
            "GMSD",
            "lower",
            2,
            "Xue et al., Gradient magnitude similarity deviation, TIP 2014",
            "on unrounded YIQ luma, within 3e-4 of the authors' rounded gray",
        ),
        _PIQ,
        "gmsd",
    ),
    (
        _whole(
            "ms_gmsd",
            "MS-GMSD",
            "lower",
            17,
            "Zhang et al., Gradient magnitude similarity deviation on multiple scales, ICASSP 2017",
            "on YIQ luma",
        ),
        _PIQ,
        "ms_gmsd",
    ),
    (
        _whole(
            "ms_ssim",
            "MS-SSIM (RGB)",
            "higher",
            161,
            "Wang et al., Multi-scale structural similarity, Asilomar 2003",
            "mean over the channels of RGB, up to 0.05 from the authors' on gray",
        ),
        _PIQ,
        "ms_ssim",
    ),
    (
        _whole(
            "vsi",
            "VSI (piq)",
            "higher",
            2,
            "Zhang et al., VSI, TIP 2014",
            "piq's saliency differs: up to 0.013 from the authors'",
        ),
        _PIQ,
        "vsi",
    ),
    (
        _whole(
            "mdsi", "MDSI", "lower", 2, "Nafchi et al., Mean deviation similarity index, IEEE Access 2016"
        ),
        _PIQ,
        "mdsi",
    ),
    (
        _whole("haarpsi", "HaarPSI", "higher", 16, "Reisenhofer et al., HaarPSI, SPIC 2018"),
        _PIQ,
        "haarpsi",
    ),
    (
        _whole("srsim", "SR-SIM", "higher", 40, "Zhang and Li, SR-SIM, ICIP 2012"),
        _PIQ,
        "srsim",
    ),
)


def register() -> None:
    """Register every built-in metric, the field's first."""
    for info, target, argument in _TABLE:
        register_metric(info, target, origin="built in", argument=argument)
