"""What counts as worse: tolerances, noise and required cells, read from a TOML file that is checked strictly.

::

    schema = 1
    level = 0.95                  # of confidence
    evidence = "set"              # "set": worse on these images; "images": would be worse on others too
    require = ["imdn/set*/x4"]    # MODEL/DATASET/xSCALE[/PROTOCOL] of the baseline that must be compared

    [metrics.psnr_y]
    tolerance = 0.01              # the mean may fall by so much
    image_tolerance = 1.0         # one image may fall by so much
    noise = 0.003                 # a rerun (another tiling, thread count ...) moves one image by so much

    [[overrides]]
    model = "srgan*"
    metric = "psnr_y"
    tolerance = 0.05

    [speed]
    relative = 0.05               # it may take so much longer (the whole interval must lie beyond) ...
    absolute_ms = 0.1             # ... if the medians differ by so much
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from srbench.errors import UsageError
from srbench.types import Cell

Evidence = Literal["set", "images"]
SCHEMA = 1
_HINT = "correct the policy"


@dataclass(frozen=True)
class Limits:
    """What one metric may lose, in its unit. ``inf`` is no limit.

    Attributes:
        tolerance: of the mean over the images.
        image_tolerance: of any one image: a broken tile shows here long before it moves a mean.
        noise: standard deviation by which a rerun of the same model moves one image.
    """

    tolerance: float
    image_tolerance: float = float("inf")
    noise: float = 0.0


@dataclass(frozen=True)
class SpeedLimits:
    """How much longer a call may take: a change must pass both.

    Attributes:
        relative: share of the baseline's time; the whole interval of the ratio must lie beyond it.
        absolute_ms: milliseconds between the medians.
    """

    relative: float = 0.05
    absolute_ms: float = 0.1


DEFAULTS: Mapping[str, Limits] = {
    "psnr_y": Limits(0.01, 1.0, 0.003),
    "psnr_rgb": Limits(0.01, 1.0, 0.003),
    "ssim_y": Limits(0.0005, 0.03, 0.0001),
    "ssim_rgb": Limits(0.0005, 0.03, 0.0001),
    "lpips": Limits(0.002, 0.05, 0.0005),
}
"""Of metrics that a policy does not name; a metric in neither is shown, and decides nothing."""


@dataclass(frozen=True)
class Override:
    """Other limits of a metric for some cells; globs. The last one that fits counts.

    The metric has to be said: an amount has a unit, and 0.05 dB would be a hundred times SSIM's tolerance.
    """

    metric: str
    model: str = "*"
    dataset: str = "*"
    tolerance: float | None = None
    image_tolerance: float | None = None
    noise: float | None = None

    def fits(self, cell: Cell, metric: str) -> bool:
        """Whether it speaks of this cell's metric."""
        pairs = ((cell.model, self.model), (cell.dataset, self.dataset), (metric, self.metric))
        return all(fnmatchcase(name, pattern) for name, pattern in pairs)

    def applied(self, limits: Limits | None) -> Limits | None:
        """`limits` with what this one replaces; where there are none, it needs a tolerance to make some."""
        given = {f.name: value for f in fields(Limits) if (value := getattr(self, f.name)) is not None}
        if limits is None:
            return Limits(**given) if "tolerance" in given else None
        return replace(limits, **given)

    def __str__(self) -> str:
        names = {"model": self.model, "dataset": self.dataset}
        told = [f"{name} = {pattern!r}" for name, pattern in names.items() if pattern != "*"]
        return ", ".join([f"metric = {self.metric!r}", *told])


@dataclass(frozen=True)
class Policy:
    """The rules of a gate; see the module.

    Attributes:
        level: of confidence, of intervals and of corrected p-values alike.
        evidence: what supports a change beyond its tolerance, see docs/statistics.md.
        require: cells of the baseline that must be compared, by pattern; all of them by default.
        metrics: limits by metric.
        overrides: to these.
        speed: limits of times.
    """

    level: float = 0.95
    evidence: Evidence = "set"
    require: tuple[str, ...] = ("*",)
    metrics: Mapping[str, Limits] = field(default_factory=lambda: dict(DEFAULTS))
    overrides: tuple[Override, ...] = ()
    speed: SpeedLimits = SpeedLimits()

    def limits(self, cell: Cell, metric: str) -> Limits | None:
        """What a cell's metric may lose; None if nobody said."""
        limits = self.metrics.get(metric)
        for override in self.overrides:
            if override.fits(cell, metric):
                limits = override.applied(limits)
        return limits

    def requires(self, cell: Cell) -> bool:
        """Whether this cell of the baseline must be compared."""
        return any(covers(pattern, cell) for pattern in self.require)


def covers(pattern: str, cell: Cell) -> bool:
    """Whether ``MODEL/DATASET/xSCALE/PROTOCOL`` (globs; what is left out at the end is ``*``) fits a cell.

    ``urban100`` fits ``urban100[24]`` too: that such a part stands in its place has to be seen.
    """
    whole = cell.dataset.partition("[")[0]
    names = ((cell.model,), (cell.dataset, whole), (f"x{cell.scale}",), (cell.protocol,))
    parts = pattern.split("/")
    return len(parts) <= len(names) and all(map(_fits_any, parts, names))


def _fits_any(pattern: str, names: Sequence[str]) -> bool:
    """Literally too: in a glob, the brackets of ``urban100[24]`` are a set of digits."""
    return any(name == pattern or fnmatchcase(name, pattern) for name in names)


def check_metrics(policy: Policy, known: Collection[str]) -> None:
    """Refuse a policy that names a metric nobody knows: its limits would silently never count.

    Raises:
        UsageError: with the nearest names.
    """
    names = [name for name in policy.metrics if name not in known]
    names += [o.metric for o in policy.overrides if not any(fnmatchcase(m, o.metric) for m in known)]
    for name in names:
        near = get_close_matches(name, known, n=3) or list(known)[:6]
        hint = f"try {', '.join(near)} (srbench list metrics; a plugin's need --plugin)"
        raise UsageError("a known metric in the policy", repr(name), hint)


def idle_overrides(policy: Policy, measured: Iterable[tuple[Cell, str]]) -> list[Override]:
    """Those that fit no metric of any cell that was measured."""
    idle = list(policy.overrides)
    for cell, metric in measured:
        if not idle:
            break
        idle = [override for override in idle if not override.fits(cell, metric)]
    return idle


# --------------------------------------------------------------------------------------- reading


def load_policy(path: Path) -> Policy:
    """The policy of a file.

    Raises:
        UsageError: it can't be read, is no TOML, or says something that a policy can't say.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("a policy that can be read", f"{str(path)!r}: {error}", "check --policy") from error
    return parse_policy(text, path.name)


def parse_policy(text: str, name: str = "policy") -> Policy:
    """The policy of a TOML text; `name` stands in messages.

    Raises:
        UsageError: as `load_policy`.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("a policy in TOML", f"{name}: {error}", _HINT) from error
    _check_names(table, {"schema", "level", "evidence", "require", "metrics", "overrides", "speed"}, name)
    _check_schema(table, name)
    metrics = _table(table.get("metrics", {}), f"metrics in {name}")
    return Policy(
        level=_level(table.get("level", 0.95), f"level in {name}"),
        evidence=_evidence(table.get("evidence", "set"), name),
        require=_texts(table.get("require", ["*"]), f"require in {name}"),
        metrics={**DEFAULTS, **{metric: _limits(metric, value, name) for metric, value in metrics.items()}},
        overrides=tuple(
            _override(value, name) for value in _list(table.get("overrides", []), f"overrides in {name}")
        ),
        speed=_speed(table.get("speed", {}), f"speed in {name}"),
    )


def _check_schema(table: Mapping[str, Any], name: str) -> None:
    schema = table.get("schema", SCHEMA)
    if type(schema) is not int or not 1 <= schema <= SCHEMA:
        raise UsageError(f"schema = {SCHEMA}", f"{schema!r} in {name}", "upgrade srbench, or correct it")


def _limits(metric: str, value: Any, name: str) -> Limits:
    where = f"metrics.{metric} in {name}"
    given = _amounts(_table(value, where), {f.name for f in fields(Limits)}, where)
    if "tolerance" not in given and metric not in DEFAULTS:
        raise UsageError(f"a tolerance in {where}", "none", _HINT)
    return replace(DEFAULTS.get(metric, Limits(0.0)), **given)


def _speed(value: Any, where: str) -> SpeedLimits:
    return SpeedLimits(**_amounts(_table(value, where), {f.name for f in fields(SpeedLimits)}, where))


def _override(value: Any, name: str) -> Override:
    where = f"overrides in {name}"
    table = _table(value, where)
    _check_names(table, {f.name for f in fields(Override)}, where)
    if "metric" not in table:
        raise UsageError(f"a metric in {where}", "none", 'say which, for example metric = "psnr_y"')
    names = {key: table.get(key, "*") for key in ("metric", "model", "dataset")}
    metric, model, dataset = (_text(value, f"{key} of {where}") for key, value in names.items())
    limits = {f.name for f in fields(Limits)}
    amounts = _amounts({k: v for k, v in table.items() if k not in names}, limits, where)
    if not amounts:
        raise UsageError(f"a tolerance, image_tolerance or noise in {where}", "none", _HINT)
    return Override(metric, model, dataset, **amounts)


def _amounts(table: Mapping[str, Any], allowed: set[str], where: str) -> dict[str, float]:
    _check_names(table, allowed, where)
    return {key: _amount(value, f"{key} of {where}") for key, value in table.items()}


def _amount(value: Any, where: str) -> float:
    if type(value) not in (int, float) or not value >= 0:  # a bool is no amount, NaN is not >= 0
        raise UsageError(f"a number of 0 or more for {where}", repr(value), _HINT)
    return float(value)


def _level(value: Any, where: str) -> float:
    if type(value) is not float or not 0.5 <= value < 1:
        raise UsageError(f"a confidence such as 0.95 for {where}", repr(value), _HINT)
    return value


def _evidence(value: Any, name: str) -> Evidence:
    if value not in ("set", "images"):
        raise UsageError(f'evidence = "set" or "images" in {name}', repr(value), _HINT)
    return "set" if value == "set" else "images"


def _texts(value: Any, where: str) -> tuple[str, ...]:
    return tuple(_text(part, where) for part in _list(value, where))


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"a text for {where}", repr(value), _HINT)
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise UsageError(f"a list for {where}", repr(value), _HINT)
    return value


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"a table for {where}", repr(value), _HINT)
    return value


def _check_names(table: Mapping[str, Any], allowed: set[str], where: str) -> None:
    for name in table:
        if name not in allowed:
            near = get_close_matches(name, allowed, n=2) or sorted(allowed)
            raise UsageError(f"the fields of {where}", f"{name!r}", f"use {' or '.join(near)}")
