"""A page for each ablation: the claim, the verdict, and all that it stands on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from markupsafe import Markup

from srbench.errors import SrbenchError
from srbench.pictures.exhibits import Exhibit, Gallery, find_galleries
from srbench.pictures.local import Box
from srbench.pictures.plates import Plate, plate_of
from srbench.report.findings import Effect, Factor, Findings, Training, found_in, read_findings, says
from srbench.report.load import Report
from srbench.report.names import file_names
from srbench.report.picture_pages import disclose, shown_of
from srbench.report.plain import plain
from srbench.report.plots.curves import Curve, Curves, draw_curves
from srbench.report.plots.forest import Difference, Forest, described, draw_forest
from srbench.report.scenes import SceneView, scene_views
from srbench.report.site import Contribution, File, Link, Page
from srbench.stats import TOO_FEW
from srbench.store.aggregate import load_cells
from srbench.store.predictions import PREDICTIONS
from srbench.types import MetricInfo

LIST = "ablations/index.html"
PLATES = 6
"""The most items whose crops are shown: those in which the levels differ most."""

_SPREAD = "Seeds' SD"
_HEAD = ("Level", "Set", "Metric", "At", "Difference", "95 %", _SPREAD, "n", "Says")
_STYLES = ("plots.css", "pictures.css", "ablation.css")
_SCRIPTS = ("download.js",)


@dataclass(frozen=True)
class Figure:
    """A plot in a page."""

    title: str
    under: str
    svg: Markup


@dataclass(frozen=True)
class CropOf:
    """Where two levels differ most in one item."""

    item: str
    scene: SceneView


@dataclass(frozen=True)
class FactorView:
    """A claim with what was measured.

    Attributes:
        head: of the table of `rows`.
        figures: a plot of the differences for each metric.
        crops: of predictions, where they were kept.
    """

    name: str
    claim: str
    source: str
    base: str
    better: str
    verdict: str
    stretches: bool
    rows: tuple[tuple[str, ...], ...]
    figures: tuple[Figure, ...]
    crops: tuple[CropOf, ...]


@dataclass(frozen=True)
class AblationPage:
    """What an ablation's page shows.

    Attributes:
        seeds: of each training; 0 for levels that are models as they were published.
        rule: when a set says something.
    """

    name: str
    title: str
    about: str
    factors: tuple[FactorView, ...]
    costs: tuple[tuple[str, ...], ...]
    curves: tuple[Figure, ...]
    keys: tuple[tuple[int, str], ...]
    seeds: int
    rule: str
    head: tuple[str, ...]


@dataclass(frozen=True)
class AblationLine:
    """An ablation in the list: its claims and their verdicts."""

    title: str
    href: str
    claims: tuple[tuple[str, str, str], ...]


def ablation_pages(report: Report) -> Contribution:
    """The list of ablations, and a page for each.

    Raises:
        UsageError: a file of findings isn't what ``srbench ablate`` writes.
    """
    folders = found_in(report.ablations) if report.ablations is not None else []
    names = file_names(folder.name for folder in folders)
    lines: list[AblationLine] = []
    pages: list[Page] = []
    files: list[File] = []
    for folder in folders:
        found, name = read_findings(folder), names[folder.name]
        crops = _crops(folder, found, report)
        page = ablation_page(found, report.catalog.metrics, name, crops)
        pages.append(Page(f"ablations/{name}.html", "ablation.html.j2", page.title, page, _STYLES, _SCRIPTS))
        lines.append(_line(found, f"ablations/{name}.html"))
        files += _files(name, found, crops)
    if not pages:
        return Contribution()
    return Contribution(
        nav=[Link("Ablations", LIST)],
        pages=[*pages, Page(LIST, "ablations.html.j2", "Ablations", lines)],
        files=files,
    )


def _line(found: Findings, href: str) -> AblationLine:
    claims = tuple((plain(f.claim), plain(f.source), plain(f.verdict)) for f in found.factors)
    return AblationLine(plain(found.title), href, claims)


def ablation_page(
    found: Findings,
    metrics: Mapping[str, MetricInfo],
    name: str,
    crops: Mapping[str, Sequence[tuple[str, Plate]]] | None = None,
) -> AblationPage:
    """An ablation's page.

    Args:
        found: what it found.
        metrics: what metrics are, by name.
        name: of the page, for its files' folder.
        crops: for each factor the items with their plates.
    """
    seeds = 0 if any(effect.published for effect in found.effects) else len(found.seeds)
    return AblationPage(
        name=plain(found.name),
        title=plain(found.title),
        about=f"x{found.scale}, {_trained(seeds)}",
        factors=tuple(_factor(found, factor, metrics, name, (crops or {})) for factor in found.factors),
        costs=tuple(
            (
                plain(c.factor),
                plain(c.level),
                f"{c.params:,.0f}",
                _megabytes(c.saved_bytes),
                f"{c.seconds:.0f}",
            )
            for c in found.costs
        ),
        curves=tuple(_curves(found)),
        keys=tuple(enumerate(_combinations(found))),
        seeds=seeds,
        rule=_rule(seeds),
        head=tuple(name for name in _HEAD if seeds or name != _SPREAD),
    )


def _trained(seeds: int) -> str:
    if not seeds:
        return "models as they were published"
    return f"{seeds} seeds each" if seeds > 1 else "1 seed"


def _rule(seeds: int) -> str:
    if seeds == 1:
        return "One seed decides nothing, whatever its intervals: another seed's training may say otherwise."
    same = " and every seed has the same sign" if seeds else ""
    return f"A set says something where its interval excludes zero{same}."


def _factor(
    found: Findings,
    factor: Factor,
    metrics: Mapping[str, MetricInfo],
    name: str,
    crops: Mapping[str, Sequence[tuple[str, Plate]]],
) -> FactorView:
    own = [effect for effect in found.effects if effect.factor == factor.name]
    names = dict.fromkeys(effect.metric for effect in own)
    shots: list[CropOf] = []
    for item, plate in crops.get(factor.name, ()):
        address = partial("{}/{}".format, _folder(name, found, factor, item))
        scene = scene_views(plate, metrics, address)[0]
        number = f"{factor_id(found, factor)}-crop-{len(shots)}"
        shots.append(CropOf(plain(item), replace(scene, id=number, title=plain(item))))
    return FactorView(
        name=plain(factor.name),
        claim=plain(factor.claim),
        source=plain(factor.source),
        base=plain(factor.base),
        better=plain(factor.better),
        verdict=plain(factor.verdict),
        stretches=any(effect.stretches for effect in own),
        rows=tuple(_row(effect, factor.better, own[0].metric, metrics) for effect in own),
        figures=tuple(_forest(found, factor, metric, own, metrics) for metric in names),
        crops=tuple(shots),
    )


# ---------------------------------------------------------------------------------------- numbers


def _megabytes(count: float) -> str:
    return f"{count / 1e6:.2f}"


def _row(effect: Effect, better: str, deciding: str, metrics: Mapping[str, MetricInfo]) -> tuple[str, ...]:
    places = _decimals(effect.metric, metrics)
    n = f"{effect.n} clips, {effect.stretches} stretches" if effect.stretches else str(effect.n)
    return (
        plain(effect.level),
        plain(effect.dataset),
        _title(effect.metric, metrics),
        plain(effect.where) or "all",
        f"{effect.mean:+.{places}f}",
        _interval(effect, places),
        *(
            ()
            if effect.published
            else ("" if effect.seed_spread is None else f"{effect.seed_spread:.{places}f}",)
        ),
        n,
        plain(says(effect, better, deciding)),
    )


def _interval(effect: Effect, places: int) -> str:
    if effect.interval is None:
        return TOO_FEW
    return f"{effect.interval.low:+.{places}f} to {effect.interval.high:+.{places}f}"


def _decimals(metric: str, metrics: Mapping[str, MetricInfo]) -> int:
    """One more than the metric is printed with: of differences."""
    return metrics[metric].decimals + 1 if metric in metrics else 4


def _title(metric: str, metrics: Mapping[str, MetricInfo]) -> str:
    return plain(metrics[metric].title if metric in metrics else metric)


# ------------------------------------------------------------------------------------------ plots


def _forest(
    found: Findings, factor: Factor, metric: str, own: Sequence[Effect], metrics: Mapping[str, MetricInfo]
) -> Figure:
    chosen = [effect for effect in own if effect.metric == metric]
    rows = tuple(_difference(effect, factor, metrics) for effect in chosen)
    title = f"{plain(factor.name)}: {_title(metric, metrics)}"
    unit = metrics[metric].unit if metric in metrics else ""
    axis = f"Difference to {plain(factor.base)}" + (f", {unit}" if unit else "")
    drawn = draw_forest(Forest(title, described(rows), axis, rows), f"{factor_id(found, factor)}-{metric}")
    better = "lower" if any(effect.lower_is_better for effect in chosen) else "higher"
    dots = "" if all(effect.published for effect in chosen) else ", each seed (dot)"
    under = f"Mean (square) and its 95 % interval{dots}; {better} is better."
    return Figure(title, under, Markup(drawn))  # noqa: S704 (svg escapes all text)


def factor_id(found: Findings, factor: Factor) -> str:
    """A name for a factor's plots, unique in its page and safe in an attribute."""
    return f"factor-{found.factors.index(factor)}"


def _difference(effect: Effect, factor: Factor, metrics: Mapping[str, MetricInfo]) -> Difference:
    level, dataset = plain(effect.level) or plain(factor.better), plain(effect.dataset)
    name = f"{level}, {dataset}" + (f", at {plain(effect.where)}" if effect.where else "")
    places = _decimals(effect.metric, metrics)
    words = f"{name}: {effect.mean:+.{places}f} ({_interval(effect, places)})"
    return Difference(name, effect.mean, effect.interval, () if effect.published else effect.seeds, words)


def _combinations(found: Findings) -> list[str]:
    """The levels that were trained, one of each factor, in the order of trainings."""
    return list(dict.fromkeys(plain(", ".join(curve.levels)) for curve in found.curves))


def _curves(found: Findings) -> Iterator[Figure]:
    losses = [(training, training.loss) for training in found.curves]
    scores = [(training, training.psnr_y) for training in found.curves]
    other = "Losses of different kinds are not comparable."
    yield from _figure(found, losses, "Training loss", "Loss", other, log=True)
    yield from _figure(found, scores, "PSNR of held-out training images", "PSNR-Y, dB", "", log=False)


def _figure(
    found: Findings,
    trainings: Sequence[tuple[Training, tuple[tuple[int, float], ...]]],
    title: str,
    up: str,
    remark: str,
    *,
    log: bool,
) -> Iterator[Figure]:
    series = tuple(_combinations(found))
    lines = []
    for training, points in trainings:
        positive = all(value > 0 for _, value in points)
        if len(points) > 1 and (positive or not log):
            combination = plain(", ".join(training.levels))
            words = f"{combination}, seed {training.seed}: {points[-1][1]:.4g} after {points[-1][0]} steps"
            lines.append(Curve(series.index(combination), words, points))
    if lines:
        said = ". ".join(line.words for line in lines)
        plot = Curves(title, said, "Step", up, series, tuple(lines), log)
        svg = draw_curves(plot, "curves-loss" if log else "curves-psnr")
        yield Figure(title, f"A line for each training. {remark}".rstrip(), Markup(svg))  # noqa: S704


# ------------------------------------------------------------------------------------------ crops


def _crops(folder: Path, found: Findings, report: Report) -> dict[str, list[tuple[str, Plate]]]:
    """For each factor the items in which its two levels differ most; other factors and the seed are equal."""
    if not (folder / PREDICTIONS).is_dir():
        return {}
    galleries = find_galleries(folder, load_cells(folder))
    factors = enumerate(found.factors)
    return {
        factor.name: _of_factor(galleries, factor, _pair(found, place), report) for place, factor in factors
    }


def _of_factor(
    galleries: Sequence[Gallery], factor: Factor, pair: tuple[str, str] | None, report: Report
) -> list[tuple[str, Plate]]:
    plates: list[tuple[float, str, Plate]] = []
    for gallery in galleries if pair is not None else ():
        for exhibit in gallery.exhibits:
            by_model = {kept.model: kept for kept in exhibit.kept}
            both = tuple(by_model[model] for model in pair or () if model in by_model)
            manifest = gallery.dataset.manifest
            taken = shown_of(report, manifest, exhibit.item)
            plate = _plate(replace(exhibit, kept=both), factor, taken) if len(both) == 2 else None
            if plate is not None:
                gap, one = plate
                disclose(report, manifest, exhibit.item, [scene.box for scene in one.scenes])
                plates.append((gap, f"{manifest.title}, {exhibit.item}", one))
    plates.sort(key=lambda one: (-one[0], one[1]))
    # An image may come twice: of the whole set, and of a part of it that was scored before.
    kept: dict[str, Plate] = {}
    for _, item, chosen in plates:
        kept.setdefault(item, chosen)
    return list(kept.items())[:PLATES]


def _plate(exhibit: Exhibit, factor: Factor, taken: tuple[Box, ...]) -> tuple[float, Plate] | None:
    """Crops alone, whatever the licence allows: they are what a claim is seen in."""
    try:
        plate = plate_of(exhibit, "crops", (factor.better, factor.base), taken=taken)
    except SrbenchError:
        return None
    crop = plate.scenes[0].crop if plate.scenes else None
    return (crop.gap, plate) if crop is not None else None


def _pair(found: Findings, place: int) -> tuple[str, str] | None:
    """The models of the factor's two levels, better first: the first training of each, all else equal."""
    factor = found.factors[place]
    trials = {(one.levels, one.seed): f"trained:{one.trial}" for one in found.curves}
    for levels, seed in trials:
        other = (*levels[:place], factor.better, *levels[place + 1 :])
        if levels[place] == factor.base and (other, seed) in trials:
            return trials[other, seed], trials[levels, seed]
    return None


def _files(name: str, found: Findings, crops: Mapping[str, Sequence[tuple[str, Plate]]]) -> Iterator[File]:
    for factor in found.factors:
        for item, plate in crops.get(factor.name, ()):
            for file, content in plate.files.items():
                if file.startswith("0-"):  # the first crop is the one that is shown
                    yield File(f"ablations/{_folder(name, found, factor, item)}/{file}", content)


def _folder(name: str, found: Findings, factor: Factor, item: str) -> str:
    return f"{name}/{factor_id(found, factor)}/{file_names([item])[item]}"
