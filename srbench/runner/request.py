"""What the user asks for, made exact: models, datasets, scales, protocol, metrics."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from srbench import registry
from srbench.adapters.base import DEFAULT_TIMEOUT
from srbench.adapters.command import command_label
from srbench.adapters.file_argument import model_file
from srbench.adapters.own_weights import takes_weights, with_own_weights
from srbench.adapters.python_file import python_entry
from srbench.adapters.trained_file import trained_entry
from srbench.data.datasets import dataset_manifest, select_datasets
from srbench.errors import UsageError
from srbench.registry import MetricEntry, ModelEntry
from srbench.runner.truth import SHARED_BYTES
from srbench.types import Degradation, Flavour, Mean, Plane

DEFAULT_METRICS = ("psnr_y", "ssim_y", "lpips")
RGB_METRICS = ("psnr_rgb", "ssim_rgb", "lpips")


@dataclass(frozen=True)
class ModelChoice:
    """A registered model, and the argument after its colon (``folder:DIR``)."""

    entry: ModelEntry
    argument: str = ""
    label: str = ""
    ensemble: bool = False
    """asked for as ``NAME+``"""

    @property
    def name(self) -> str:
        """The name in results: the model's with its argument, or the label; then ``+`` for self-ensemble."""
        given = self.entry.info.name + (f":{self.argument}" if self.argument else "")
        return (self.label or given) + ("+" if self.ensemble else "")


@dataclass(frozen=True)
class Request:
    """One ``srbench run`` or ``srbench score``, names resolved.

    Attributes:
        scales: None for every scale the dataset and the model share.
        limit: first images of each dataset only (which makes it another dataset).
        tile: side of the tiles in LR pixels, 0 for whole images.
        split: frames of a piece of a clip for sequence models, and its overlap; None for their cards'.
        timeout: seconds that one image may take a command.
        shared_bytes: what ground truths may keep in memory for all models (`srbench.runner.truth`).
        budget: seconds after which no further image is begun, or None.
        named: models were asked for by name: then video models run on stills too, as clips of one frame.
        unfetched: for datasets that could not be fetched whole, why.
    """

    models: tuple[ModelChoice, ...]
    datasets: tuple[str, ...]
    scales: tuple[int, ...] | None = None
    protocol: str | None = None
    flavour: Flavour | None = None
    gray: Plane | None = None
    degradation: Degradation | None = None
    border: int | None = None
    mean: Mean | None = None
    metrics: tuple[MetricEntry, ...] | None = None
    limit: int | None = None
    tile: int = 0
    split: tuple[int, int] | None = None
    device: str = "cpu"
    timeout: float = DEFAULT_TIMEOUT
    budget: float | None = None
    save_predictions: bool = False
    shared_bytes: int = SHARED_BYTES
    named: bool = True
    unfetched: Mapping[str, str] = field(default_factory=dict)
    folder: Path = field(default_factory=lambda: Path("results/runs/main"))


def choose_models(specs: tuple[str, ...]) -> tuple[ModelChoice, ...]:
    """Models by name, glob, comma list, or NAME:ARGUMENT; all selectable ones when none is given.

    A ``+`` after the name asks for self-ensemble: ``srcnn+``, ``spandrel+:FILE``. A model that is a file is
    named by the file's stem; by its whole path where two stems are the same.

    Raises:
        UsageError: a name is unknown (the message has the nearest ones), or a file or command is wrong.
    """
    known = registry.models()
    if not specs:
        return tuple(ModelChoice(entry) for entry in known.values() if entry.info.selectable)
    parts = (part.strip() for text in specs for part in _parts(text))
    chosen = {(c.entry.info.name, c.argument, c.ensemble): c for spec in parts for c in _matching(spec)}
    names = Counter(choice.name for choice in chosen.values())
    return tuple(c if names[c.name] == 1 else replace(c, label="") for c in chosen.values())


def _parts(text: str) -> list[str]:
    """A comma list's members; a command keeps its commas."""
    entry = registry.models().get(text.partition(":")[0].strip())
    return [text] if entry is not None and entry.info.argument == "command" else text.split(",")


def _matching(spec: str) -> list[ModelChoice]:
    known = registry.models()
    name, colon, argument = spec.partition(":")
    plain, ensemble = name.removesuffix("+"), name.endswith("+")
    if not colon:
        return [
            ModelChoice(known[match], ensemble=ensemble) for match in registry.select([plain], known, "model")
        ]
    if plain not in known:
        raise registry.unknown("model", plain, known)
    return [_with_argument(known[plain], argument, ensemble)]


def _with_argument(entry: ModelEntry, argument: str, ensemble: bool) -> ModelChoice:
    if entry.info.name == "folder":
        return ModelChoice(entry, argument, f"folder:{folder_label(Path(argument))}", ensemble)
    if takes_weights(entry):
        label = f"{entry.info.name}:{model_file(argument, entry.info.name).stem}"
        return ModelChoice(with_own_weights(entry, argument), label=label, ensemble=ensemble)
    if not entry.info.argument:
        if entry.info.dtypes and entry.origin == "built in":
            got = repr(f"{entry.info.name}:{argument}")
            raise UsageError(f"{entry.info.name} alone", got, "it takes no argument")
        return ModelChoice(entry, argument, ensemble=ensemble)
    if entry.info.argument == "command":
        label = command_label(argument)
    else:
        label = model_file(argument, entry.info.name).stem
    if entry.info.name == "python":
        entry = python_entry(entry, argument)
    if entry.info.name == "trained":
        entry = trained_entry(entry, argument)
    return ModelChoice(entry, argument, f"{entry.info.name}:{label}", ensemble)


def folder_label(folder: Path) -> str:
    """A row's name for a folder of outputs: its own; ``RDN/x4`` where that says no more than the scale."""
    name = folder.resolve().name
    return f"{folder.resolve().parent.name}/{name}" if re.fullmatch(r"x?\d", name, re.I) else name


def choose_datasets(specs: tuple[str, ...]) -> tuple[str, ...]:
    """Datasets by name, glob or comma list; all of them when none is given.

    Raises:
        UsageError: a name is unknown; the message has the nearest ones.
    """
    return tuple(select_datasets(specs))


def choose_metrics(specs: tuple[str, ...]) -> tuple[MetricEntry, ...] | None:
    """Metrics by name, glob or comma list; None (the protocol's own) when none is given.

    Raises:
        UsageError: a name is unknown; the message has the nearest ones.
    """
    known = registry.metrics()
    return tuple(known[name] for name in registry.select(specs, known, "metric")) if specs else None


def metrics_for(request: Request, luma: Literal["bt601-studio", "none"]) -> tuple[MetricEntry, ...]:
    """The metrics asked for, or those a protocol is read by: Y where it scores luma, RGB where not."""
    if request.metrics is not None:
        return request.metrics
    names = RGB_METRICS if luma == "none" else DEFAULT_METRICS
    return tuple(registry.metrics()[name] for name in names)


def parse_scales(texts: tuple[str, ...], datasets: tuple[str, ...] = ()) -> tuple[int, ...] | None:
    """``("2,4",)`` or ``("x4",)`` to numbers; None when empty.

    Raises:
        UsageError: not a whole number of at least 2, or one that none of the datasets is used with.
    """
    parts = [part.strip().lower().removeprefix("x") for text in texts for part in text.split(",")]
    bad = [part for part in parts if not part.isdigit() or int(part) < 2]
    if bad:
        raise UsageError("a scale such as 2, 3 or 4", repr(bad[0]), "write -x 4 or -x 2,4")
    known = sorted({scale for name in datasets for scale in dataset_manifest(name).scales})
    for part in parts:
        if datasets and int(part) not in known:
            scales = ", ".join(f"x{scale}" for scale in known)
            raise UsageError(f"a scale of {', '.join(datasets[:4])}", f"x{part}", f"choose from {scales}")
    return tuple(dict.fromkeys(int(part) for part in parts)) or None
