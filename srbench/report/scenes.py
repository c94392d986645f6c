"""A scene as plain data for templates: pictures beside each other, with what was measured of them.

The same views serve the pages of a site, where pictures are files, and the report that can be mailed, where
they are part of the page.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from srbench.pictures.local import CEILING
from srbench.pictures.plates import Panel, Plate, Scene
from srbench.report.plain import plain
from srbench.types import MetricInfo

Address = Callable[[str], str]
"""From a file's name in a plate to what an ``img`` takes."""


@dataclass(frozen=True)
class PanelView:
    """One picture.

    Attributes:
        name: what it shows, for people.
        kind: ``truth``, ``input`` or ``model``.
        height, width: of the file, in its own pixels.
        pictures: addresses, frame by frame.
        errors: likewise of the error maps, empty where there are none.
        psnr: of this part, empty for truth and input.
        best: it has the highest PSNR of the scene.
        scores: of the whole item.
    """

    name: str
    kind: str
    height: int
    width: int
    pictures: tuple[str, ...]
    errors: tuple[str, ...]
    psnr: str
    best: bool
    scores: str


@dataclass(frozen=True)
class SceneView:
    """Pictures of one part of an item.

    Attributes:
        id: unique on its page.
        title: what part it is.
        why: how it was chosen, empty for the whole picture.
        top, left, height, width: of the part, in pixels of the ground truth.
        across, down: of the item, likewise.
        first, second: places of the two panels that a swipe compares first.
    """

    id: str
    title: str
    why: str
    top: int
    left: int
    height: int
    width: int
    across: int
    down: int
    frames: int
    whole: bool
    panels: tuple[PanelView, ...]
    first: int
    second: int

    @property
    def zoomable_errors(self) -> bool:
        """Whether error maps can be shown instead."""
        return any(panel.errors for panel in self.panels)


@dataclass(frozen=True)
class ProfileView:
    """A clip's temporal profile.

    Attributes:
        row: of the frame, counted from 0.
        files: name, address.
    """

    row: int
    left: int
    width: int
    frames: int
    files: tuple[tuple[str, str], ...]


def data_uri(content: bytes) -> str:
    """A PNG as part of a page."""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def scene_views(plate: Plate, metrics: Mapping[str, MetricInfo], address: Address) -> list[SceneView]:
    """The scenes of an item, in the plate's order."""
    return [_scene(plate, scene, number, metrics, address) for number, scene in enumerate(plate.scenes)]


def profile_view(plate: Plate, address: Address) -> ProfileView | None:
    """The temporal profile, or None for a still."""
    profile = plate.profile
    if profile is None:
        return None
    files = tuple((plain(label) or "ground truth", address(name)) for label, name in profile.files)
    return ProfileView(profile.row, profile.left, profile.width, profile.frames, files)


def _scene(
    plate: Plate, scene: Scene, number: int, metrics: Mapping[str, MetricInfo], address: Address
) -> SceneView:
    known = [panel.psnr for panel in scene.models if panel.psnr is not None]
    panels = tuple(_panel(panel, max(known, default=math.nan), metrics, address) for panel in scene.panels)
    first, second = _compared(scene)
    box = scene.box
    return SceneView(
        id=f"scene-{number}",
        title=_title(scene, number + (plate.show == "crops")),
        why=_why(scene),
        top=box.top,
        left=box.left,
        height=box.height,
        width=box.width,
        across=plate.width,
        down=plate.height,
        frames=len(panels[0].pictures),
        whole=scene.crop is None,
        panels=panels,
        first=first,
        second=second,
    )


def _panel(panel: Panel, best: float, metrics: Mapping[str, MetricInfo], address: Address) -> PanelView:
    return PanelView(
        name=plain(panel.label) or {"truth": "ground truth", "input": "input"}[panel.kind],
        kind=panel.kind,
        height=panel.height,
        width=panel.width,
        pictures=tuple(map(address, panel.pictures)),
        errors=tuple(map(address, panel.errors)),
        psnr="" if panel.psnr is None else f"{panel.psnr:.2f} dB",
        best=panel.psnr == best,
        scores=_scores(panel.scores, metrics),
    )


def _scores(scores: Mapping[str, float], metrics: Mapping[str, MetricInfo]) -> str:
    """``PSNR-Y 31.20, LPIPS 0.1234``, in the catalogue's order."""
    known = [(metrics[name], scores[name]) for name in metrics if name in scores]
    return plain(", ".join(f"{info.title} {value:.{info.decimals}f}" for info, value in known))


def _compared(scene: Scene) -> tuple[int, int]:
    """Panels of the crop's two models; of a whole picture the first two, or the truth and the only one."""
    places = [place for place, panel in enumerate(scene.panels) if panel.kind == "model"]
    if scene.crop is not None:
        return places[scene.crop.better], places[scene.crop.worse]
    return (places[0], places[1]) if len(places) > 1 else (0, places[0])


def _title(scene: Scene, number: int) -> str:
    return "Whole picture" if scene.crop is None else f"Crop {number}"


def _why(scene: Scene) -> str:
    crop = scene.crop
    if crop is None:
        return ""
    ahead, behind = scene.models[crop.better], scene.models[crop.worse]
    better, worse = plain(ahead.label), plain(behind.label)
    capped = max(ahead.psnr or 0.0, behind.psnr or 0.0) > CEILING
    cap = f" if more than {CEILING:.0f} dB counts as {CEILING:.0f}" if capped else ""
    both, said = f"{better} and {worse}", f"{better} is {crop.gap:.2f} dB ahead{cap}"
    return {
        "differ": f"Of all models shown, {both} differ most here: {said}.",
        "disagree": f"PSNR prefers {better}, LPIPS {worse}. PSNR's preference is strongest here: {said}.",
        "best": f"{both} have the highest PSNR of this item, and differ most here: {said}.",
    }[crop.why]
