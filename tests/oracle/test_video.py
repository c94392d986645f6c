"""Vid4: bicubic under each degradation, BasicVSR's committed records and a slice of them, EDVR's loading."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from srbench.adapters.base import Settings
from srbench.adapters.clips import stream
from srbench.adapters.network import Adapter
from srbench.adapters.planning import load_model
from srbench.data.datasets import Dataset, fetch_dataset, open_dataset
from srbench.data.degrade import FrameSource
from srbench.errors import IntegrityError, Unavailable
from srbench.metrics.planes import Planes, quantise
from srbench.metrics.psnr import psnr
from srbench.protocols import get_protocol
from srbench.registry import ModelEntry, models
from srbench.store.aggregate import CellResult, latest_metrics, load_cells, mean_of_items
from srbench.types import Asset, Degradation, EvalProtocol, Job, LocalPath, Weights

RECORDS = Path(__file__).resolve().parents[2] / "results/vid4-basicvsr"
FAST = ("--metrics", "psnr_y,ssim_y", "--json", "--quiet")
BICUBIC = {
    "calendar": (20.3945, 0.5720),
    "city": (25.1648, 0.6028),
    "foliage": (23.4713, 0.5666),
    "walk": (26.1037, 0.7974),
}


@pytest.fixture
def vid4(mirror: Path) -> Dataset:
    """All of Vid4."""
    fetch_dataset("vid4")
    return open_dataset("vid4")


# ----------------------------------------------------------------------------------- bicubic


@pytest.mark.usefixtures("mirror")
def test_bicubic_clip_by_clip(srbench: Callable[..., Any]) -> None:
    """BI x4: each clip's PSNR and SSIM to four digits, one value per frame kept, 171 in all."""
    ran = srbench("run", "-m", "bicubic", "-d", "vid4", "--degradation", "bi", *FAST, "--results", "out")
    (cell,) = ran.json()["cells"]
    got = {clip: (round(s["psnr_y"], 4), round(s["ssim_y"], 4)) for clip, s in cell["items"].items()}
    assert got == BICUBIC
    (result,) = load_cells(Path("out"))
    frames = [len(score.values) for item in result.items for score in item.scores.values()]
    assert frames == [41, 41, 34, 34, 49, 49, 47, 47]


@pytest.mark.usefixtures("mirror")
def test_frame_mean_is_over_all_171_frames(srbench: Callable[..., Any]) -> None:
    """``--mean frame`` prints 23.7939 under a signature of its own."""
    (cell,) = srbench("run", "-m", "bicubic", "-d", "vid4", "--mean", "frame", *FAST).json()["cells"]
    assert round(cell["metrics"]["psnr_y"], 4) == 23.7939
    assert "|mean:frame|" in cell["signature"]


@pytest.mark.usefixtures("mirror")
def test_bicubic_under_bd_as_basicvsr(srbench: Callable[..., Any]) -> None:
    """BD as BasicVSR's authors make it: 23.4444/0.6171, by the flavour that the inference says."""
    ran = srbench("run", "-m", "bicubic", "-d", "vid4", "--degradation", "bd-basicvsr", *FAST)
    (cell,) = ran.json()["cells"]
    assert (round(cell["metrics"]["psnr_y"], 4), round(cell["metrics"]["ssim_y"], 4)) == (23.4444, 0.6171)
    assert cell["inference"] == "imresize:bicubic|matlab-symmetric-u8"


# -------------------------------------------------------------------------- BasicVSR's records


def committed(name: str) -> CellResult:
    """The one cell of a committed run."""
    (result,) = load_cells(RECORDS / name)
    return result


@pytest.mark.parametrize(
    ("name", "model", "degradation", "psnr_y", "ssim_y", "clips"),
    [
        (
            "bi",
            "basicvsr",
            "bi",
            27.238,
            0.8251,
            {"calendar": 23.868, "city": 27.657, "foliage": 26.472, "walk": 30.956},
        ),
        ("bd", "basicvsr-bd", "bd-basicvsr", 27.959, 0.8553, {}),
    ],
)
def test_committed_records_of_basicvsr_print_the_papers_row(
    name: str, model: str, degradation: Degradation, psnr_y: float, ssim_y: float, clips: dict[str, float]
) -> None:
    """All 171 frames, each clip in one pass in float32: the paper's 27.24/0.8251 and 27.96/0.8553."""
    result = committed(name)
    assert result.status == "done"
    assert result.cell.model == model
    assert result.cell.inference == "torch|float32|cpu|whole"
    assert result.cell.signature == get_protocol("video", 4, degradation=degradation).signature
    means = {metric: found.mean.value for metric, found in latest_metrics(result).items()}
    assert means["psnr_y"] == pytest.approx(psnr_y, abs=1e-3)
    assert means["ssim_y"] == pytest.approx(ssim_y, abs=1e-4)
    for item in result.items:
        assert item.record.frames == len(item.scores["psnr_y", _signature(result)].values)
        mean = mean_of_items([item.scores["psnr_y", _signature(result)].values]).value
        assert mean == pytest.approx(clips.get(item.name, mean), abs=1e-3)


@pytest.mark.parametrize(
    ("split", "psnr_y", "ssim_y"), [("10+0", -0.1482, -0.0125), ("10+2", -0.0405, -0.0069)]
)
def test_committed_records_say_what_a_split_costs(split: str, psnr_y: float, ssim_y: float) -> None:
    """Calendar in pieces is another inference than in one pass, and worse by what the records say."""
    result = committed(f"split-{split}")
    assert result.cell.inference == f"torch|float32|cpu|whole|split:{split}"
    whole = next(item for item in committed("bi").items if item.name == "calendar")
    for (metric, signature), score in result.items[0].scores.items():
        means = [mean_of_items([s.values]).value for s in (score, whole.scores[metric, signature])]
        cost = psnr_y if metric == "psnr_y" else ssim_y
        assert means[0] - means[1] == pytest.approx(cost, abs=5e-5)


def _signature(result: CellResult) -> str:
    return latest_metrics(result)["psnr_y"].signature


def beginning(dataset: Dataset, clip: str, frames: int, protocol: EvalProtocol) -> FrameSource:
    """The first frames of a clip."""
    item = next(item for item in dataset.items if item.name == clip)
    spec = replace(dataset.source(item, protocol).spec, frames=frames)
    return FrameSource(spec, list(zip(item.frames, dataset.files[clip], strict=True))[:frames], protocol)


def loaded(entry: ModelEntry, split: tuple[int, int] | None = None) -> Any:
    """The model, or a skip that says why its weights can't be had."""
    try:
        return load_model(entry, scale=4, settings=Settings(split=split))
    except Unavailable as why:
        pytest.skip(f"left out: {why}")


def scores(adapter: Any, source: FrameSource, protocol: EvalProtocol) -> list[float]:
    """PSNR-Y frame by frame."""
    return [
        psnr(Planes(quantise(sr, protocol), protocol).y, Planes(source.hr(t), protocol).y)
        for t, sr in enumerate(stream(adapter, source, protocol))
    ]


@pytest.mark.network
def test_a_slice_of_basicvsr(vid4: Dataset) -> None:
    """Official weights on city's first four frames: a little below the record, which knows what follows.

    The four figures are our own and pin it; the record is what the paper prints.
    """
    protocol = get_protocol("video", 4)
    source = beginning(vid4, "city", 4, protocol)
    got = scores(loaded(models()["basicvsr"]), source, protocol)
    city = next(item for item in committed("bi").items if item.name == "city")
    whole = city.scores["psnr_y", _signature(committed("bi"))].values[:4]
    assert got == pytest.approx([27.0535, 27.2749, 27.6089, 27.9798], abs=1e-3)
    assert all(0.1 < known - alone < 0.3 for known, alone in zip(whole, got, strict=True))


# --------------------------------------------------------------------------------------- EDVR


def noise(shape: list[int]) -> torch.Tensor:
    """A tensor that leaves a signal about as large as it came."""
    inputs = int(np.prod(shape[1:]))
    return torch.randn(shape) * (0.5 / math.sqrt(inputs))


def synthesised(name: str, keys: str, shared: Path, folder: Path) -> ModelEntry:
    """The card with a checkpoint of the official tensors, noise inside, in place of the official file."""
    official = json.loads((shared / f"weights/keys/{keys}.json").read_text())["tensors"]
    torch.manual_seed(0)
    path = folder / f"{name}.pth"
    torch.save({"params": {key: noise(shape) for key, shape in official.items()}}, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    asset = Asset(f"{name}-{sha256[:8]}.pth", (LocalPath(str(path)),), sha256[:8])
    entry = models()[name]
    return replace(entry, info=replace(entry.info, weights=(Weights((4,), asset, "torch", "none"),)))


@pytest.mark.parametrize(("name", "keys"), [("edvr-m", "edvr_m_x4"), ("edvr-l", "edvr_l_vimeo_x4")])
def test_edvr_loads_the_official_tensors_and_restores_vid4(
    name: str, keys: str, vid4: Dataset, shared: Path, tmp_path: Path
) -> None:
    """A checkpoint of the official key list fills the network, which answers to a slice of Vid4."""
    protocol = get_protocol("video", 4)
    adapter = loaded(synthesised(name, keys, shared, tmp_path))
    assert isinstance(adapter, Adapter)
    window = adapter.info.frames_before + 1 + adapter.info.frames_after
    source = beginning(vid4, "walk", window, protocol)
    lr = np.stack([source.lr(t)[40:62, 60:86] for t in range(window)])  # sides no multiple of 4: padded
    sr = adapter.target(lr, Job(source.spec, protocol))
    assert sr.shape == (1, 88, 104, 3)
    np.testing.assert_allclose(sr[0], expected_of(adapter, lr), rtol=0, atol=1e-3)


def expected_of(adapter: Any, lr: NDArray[Any]) -> Any:
    """The bare network on reflected frames, cut."""
    padded = np.pad(lr, ((0, 0), (0, 2), (0, 2), (0, 0)), mode="reflect")
    x = torch.from_numpy(padded.transpose(0, 3, 1, 2) / 255).float()
    with torch.inference_mode():
        y = adapter.net(x[None])[0, :, :88, :104]
    return y.double().numpy().transpose(1, 2, 0) * 255


def test_a_file_of_another_digest_is_refused(shared: Path, tmp_path: Path) -> None:
    """The eight digits in an official file's name guard what is loaded."""
    entry = synthesised("edvr-m", "edvr_m_x4", shared, tmp_path)
    wrong = replace(entry.info.weights[0], asset=replace(entry.info.weights[0].asset, sha256="32075921"))
    with pytest.raises(IntegrityError):
        load_model(replace(entry, info=replace(entry.info, weights=(wrong,))), scale=4)
