"""What is worth knowing of a plan: settings without effect, weights of another degradation, lossy outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from srbench.adapters.base import DEFAULT_TIMEOUT
from srbench.adapters.folder import Folder
from srbench.data.manifest import Item
from srbench.errors import SrbenchError
from srbench.image.io import lossy_format
from srbench.runner.plan import Plan, PlannedCell
from srbench.types import ModelInfo


def remarks(plan: Plan) -> list[str]:
    """One line each."""
    planned = [one for one in plan.cells if not one.skip]
    return [*_idle_options(plan), *_foreign_weights(planned), *_lossy_outputs(planned)]


def named(cells: Sequence[PlannedCell]) -> str:
    """``srcnn on set5 x3, vdsr on set5 x3, imdn on set5 x3 and 2 more``."""
    return listed([planned.label for planned in cells])


def listed(names: Sequence[str]) -> str:
    """The first three, and how many more."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _idle_options(plan: Plan) -> Iterator[str]:
    """Options that were given, and the models they mean nothing to."""
    request = plan.request
    if request.split is not None:
        yield from _idle(plan, "--split", "only sequence models are split", lambda i: i.kind == "sequence")
    if request.tile:
        yield from _idle(plan, "--tile", "only networks are tiled", lambda i: bool(i.dtypes))
    if request.timeout != DEFAULT_TIMEOUT:
        yield from _idle(plan, "--timeout", "it is for commands", lambda i: i.argument == "command")
    if request.device != "cpu":
        yield from _idle(plan, "--device", "only networks run there", lambda i: bool(i.dtypes))


def _idle(plan: Plan, option: str, why: str, matters: Callable[[ModelInfo], bool]) -> Iterator[str]:
    models = dict.fromkeys(p.model for p in plan.cells if not p.skip)
    idle = [model.name for model in models if not matters(model.entry.info)]
    if idle and (plan.request.named or len(idle) == len(models)):
        yield f"{option} has no effect on {listed(idle)}: {why}"


def _foreign_weights(planned: Sequence[PlannedCell]) -> Iterator[str]:
    """Weights that were trained for another degradation than they are measured on."""
    found: dict[tuple[str, str], list[PlannedCell]] = {}
    for one in planned:
        weights = one.model.entry.info.weights_for(one.cell.scale)
        if weights is not None and weights.degradation != one.protocol.degradation:
            found.setdefault((weights.degradation, one.protocol.degradation), []).append(one)
    for (trained, measured), cells in found.items():
        yield f"{named(cells)}: weights trained for {trained}, measured on {measured}"


def _lossy_outputs(planned: Sequence[PlannedCell]) -> Iterator[str]:
    for one in planned:
        if one.model.entry.info.name == "folder":
            yield from _lossy(one, Folder(one.model.entry.info, one.model.argument))


def _lossy(one: PlannedCell, folder: Folder) -> Iterator[str]:
    formats = [lossy_format(path) for item in one.dataset.items for path in _files(one, folder, item)]
    kinds = sorted(set(formats) - {""})
    if kinds:
        share = f"{sum(map(bool, formats))} of {len(formats)} outputs are {' and '.join(kinds)}"
        yield f"{named([one])}: {share}: what compression lost is scored too; save PNG"


def _files(one: PlannedCell, folder: Folder, item: Item) -> list[Path]:
    try:
        return folder.files(one.dataset.source(item, one.protocol).spec)
    except SrbenchError:  # the run says what is wrong with them
        return []
