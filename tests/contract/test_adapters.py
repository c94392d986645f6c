"""Every registered model keeps the contract; a new card is tested by being there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from srbench.adapters.base import BaseAdapter, PlainAdapter, Settings
from srbench.adapters.catalog import CARDS
from srbench.adapters.planning import inference_signature, load_model, model_fingerprint, skip_reason
from srbench.errors import Unavailable
from srbench.image.io import write_png
from srbench.protocols import RECIPES, get_protocol
from srbench.registry import ModelEntry, models, resolve
from srbench.types import ClipSpec, EvalProtocol, Job

NAMES = sorted(path.stem for path in CARDS.glob("*.toml"))
MATRIX = [(name, scale) for name in NAMES for scale in models()[name].info.scales]
SIZES = [(12, 17), (5, 5), (1, 1)]


def lr_frames(protocol: EvalProtocol, size: tuple[int, int], frames: int = 2) -> NDArray[np.generic]:
    """What the protocol gives a model: RGB, or a luma plane in double."""
    noise = np.random.default_rng(7)
    if protocol.degraded == "y":
        return noise.uniform(16, 235, (frames, *size, 1))
    return noise.integers(0, 256, (frames, *size, 3), dtype=np.uint8)


Stranger = Callable[[str, int], str]


def argument(
    entry: ModelEntry, scale: int, size: tuple[int, int], frames: int, root: Path, stranger: Stranger
) -> str:
    """For the folder, a folder with the clip's frames; for someone's model, its file or command line."""
    if entry.info.argument:
        return stranger(entry.info.name, scale)
    if entry.info.name != "folder":
        return ""
    image = np.zeros((size[0] * scale, size[1] * scale, 3), np.uint8)
    (root / "clip").mkdir(exist_ok=True)
    for t in range(frames):
        write_png(root / "clip" / f"{t}.png", image)
    return str(root)


def loaded(entry: ModelEntry, arg: str, scale: int) -> BaseAdapter:
    """The model, or a skip that says why its weights can't be had here."""
    try:
        return load_model(entry, arg, scale=scale)
    except Unavailable as reason:
        pytest.skip(f"left out: {reason}")


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mirror beside the checkout if there is one; never the network."""
    mirror = Path(__file__).resolve().parents[3] / "shared" / "mirror"
    monkeypatch.setenv("SRBENCH_OFFLINE", "1")
    if mirror.is_dir():
        monkeypatch.setenv("SRBENCH_MIRROR", str(mirror))


@pytest.mark.usefixtures("downloads")
@pytest.mark.parametrize("protocol", RECIPES)
@pytest.mark.parametrize(("name", "scale"), MATRIX)
def test_model_keeps_the_contract(
    name: str, scale: int, protocol: str, tmp_path: Path, stranger: Stranger
) -> None:
    """Under each protocol it is skipped with a reason, or gives finite frames of the right size."""
    entry, asked = models()[name], get_protocol(protocol, scale)
    for number, size in enumerate(SIZES):
        root = tmp_path / str(number)
        root.mkdir()
        arg = argument(entry, scale, size, 2, root, stranger)
        if reason := skip_reason(entry, arg, asked):
            assert protocol == "vdsr", f"{name} must run under {protocol}, but: {reason}"
            assert reason.strip()
            continue
        adapter = loaded(entry, arg, scale)
        lr = lr_frames(asked, size)
        before = lr.copy()
        job = Job(ClipSpec("toy", "clip", 2, scale, "bi", ""), asked)
        sr = adapter(lr, job)
        assert sr.shape == (2, size[0] * scale, size[1] * scale, lr.shape[3])
        assert np.isfinite(sr).all()
        np.testing.assert_array_equal(lr, before)
        if entry.info.deterministic:
            np.testing.assert_array_equal(adapter(lr, job), sr)


@pytest.mark.usefixtures("downloads")
@pytest.mark.parametrize(("name", "scale"), MATRIX)
def test_frames_of_a_still_model_do_not_touch_each_other(
    name: str, scale: int, tmp_path: Path, stranger: Stranger
) -> None:
    """A still model gives a frame the same answer alone and in a clip."""
    entry, asked = models()[name], get_protocol("classic", scale)
    if entry.info.kind != "still":
        assert entry.info.kind in ("window", "sequence")
        return
    adapter = loaded(entry, argument(entry, scale, (9, 8), 3, tmp_path, stranger), scale)
    lr = lr_frames(asked, (9, 8), 3)
    job = Job(ClipSpec("toy", "clip", 3, scale, "bi", ""), asked)
    np.testing.assert_array_equal(adapter(lr, job)[1], adapter(lr[1:2], job)[0])


@pytest.mark.usefixtures("downloads")
@pytest.mark.parametrize("name", [n for n in NAMES if models()[n].info.receptive_field > 0])
def test_tiles_agree_with_the_whole_image(name: str) -> None:
    """A model that declares its receptive field gives the same with tiles, to float32's precision."""
    entry = models()[name]
    scale = entry.info.scales[0]
    asked = get_protocol("classic", scale)
    whole = loaded(entry, "", scale)
    tiled = load_model(entry, scale=scale, settings=Settings(tile=16))
    lr = lr_frames(asked, (41, 37), 1)
    job = Job(ClipSpec("toy", "clip", 1, scale, "bi", ""), asked)
    np.testing.assert_allclose(tiled(lr, job), whole(lr, job), rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_card_and_class_agree(name: str, tmp_path: Path) -> None:
    """The target is an adapter, and the card's dtypes say truly whether there is a network."""
    entry = models()[name]
    target = resolve(entry.target)
    assert isinstance(target, type)
    assert issubclass(target, BaseAdapter)
    assert issubclass(target, PlainAdapter) is not bool(entry.info.dtypes)


@pytest.mark.parametrize(("name", "scale"), MATRIX)
def test_plan_answers_for_every_protocol(name: str, scale: int, tmp_path: Path, stranger: Stranger) -> None:
    """Signature and fingerprint are one line of plain text each, for whatever a run may ask."""
    entry = models()[name]
    arg = argument(entry, scale, (2, 2), 2, tmp_path, stranger)
    for protocol in (get_protocol(one, scale) for one in RECIPES):
        signature = inference_signature(entry, arg, protocol)
        assert signature.isascii()
        assert signature.isprintable()
        assert signature.split("|")[0].split(":")[0] in (entry.info.engine, "imresize", "folder", "command")
    assert len(model_fingerprint(entry, arg, scale)) == 16


@pytest.mark.parametrize("name", NAMES)
def test_card_is_complete(name: str) -> None:
    """A network's card names parameters, cost, paper and licence, and weights for every scale.

    Someone's file has none of them: what it is isn't known here.
    """
    info = models()[name].info
    assert info.title
    assert info.scales
    if info.dtypes and info.argument != "file":
        assert info.params
        assert info.gmacs_per_megapixel > 0
        assert info.paper
        assert info.licence
        assert all(info.weights_for(scale) for scale in info.scales)
