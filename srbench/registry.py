"""What plugs in: built-in tables, entry points of installed packages, and ``--plugin FILE``.

Everything is registered as information plus a ``module:attribute`` target, so that listing and
planning import no model code. One broken plugin never kills the program: it is named and left out.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, is_dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from srbench.errors import PluginError, SrbenchError, UsageError
from srbench.types import MetricInfo, ModelInfo

Target = str | Callable[..., Any]
"""``module:attribute``, or the class itself; called as ``target(info, argument)`` for a model."""

_BUILTIN_TABLES = ("srbench.adapters.catalog", "srbench.metrics.catalog")
_ENTRY_POINT_GROUPS = ("srbench.models", "srbench.metrics", "srbench.datasets")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LEAST_SCALE = 2


@dataclass(frozen=True)
class ModelEntry:
    """A model by name: its card, and the adapter's class (not imported until it is built)."""

    info: ModelInfo
    target: Target
    origin: str = "built in"


@dataclass(frozen=True)
class MetricEntry:
    """A metric by name: what it is, and who computes it (not imported until it is built)."""

    info: MetricInfo
    target: Target
    origin: str = "built in"
    argument: str = ""


@dataclass(frozen=True)
class DatasetEntry:
    """A test set by name: its manifest, a TOML file that is read when the set is listed or opened."""

    name: str
    manifest: Path
    origin: str = "plugin"


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin that was left out, and why."""

    name: str
    reason: str


_models: dict[str, ModelEntry] = {}
_metrics: dict[str, MetricEntry] = {}
_datasets: dict[str, DatasetEntry] = {}
_broken: list[BrokenPlugin] = []


def register_model(info: ModelInfo, target: Target, *, origin: str = "plugin") -> None:
    """Add a model. `target` is built as ``target(info, argument)``.

    Raises:
        PluginError: the name is taken, or a field holds what `ModelInfo` doesn't allow.
    """
    _check_model(info)
    _register(_models, info.name, ModelEntry(info, target, origin))


def register_metric(info: MetricInfo, target: Target, *, origin: str = "plugin", argument: str = "") -> None:
    """Add a metric. `target` is built as ``target(info, argument)``.

    Raises:
        PluginError: the name is taken, or a field holds what `MetricInfo` doesn't allow.
    """
    _check_fields(info, MetricInfo)
    _register(_metrics, info.name, MetricEntry(info, target, origin, argument))


def register_dataset(name: str, manifest: Path | str, *, origin: str = "plugin") -> None:
    """Add a test set, described by a manifest as `srbench.data.manifest` says.

    Its frames come from an installed package (``package``), from addresses (``roots``) or from a folder.

    Raises:
        PluginError: the name is taken by another plugin, or is none that can be asked for.
    """
    _check_name(name)
    _register(_datasets, name, DatasetEntry(name, Path(manifest), origin))


def _register(table: dict[str, Any], name: str, entry: Any) -> None:
    if name in table:
        raise PluginError("a new name", f"{name!r}, taken ({table[name].origin})", "choose another name")
    table[name] = entry


def _check_model(info: ModelInfo) -> None:
    _check_fields(info, ModelInfo)
    if not info.scales or min(info.scales) < _LEAST_SCALE:
        raise PluginError("scales such as (2, 3, 4)", repr(info.scales), f"correct {info.name}")
    if info.size_multiple < 1:
        raise PluginError("a size_multiple of 1 or more", repr(info.size_multiple), f"correct {info.name}")


def _check_fields(info: Any, noun: type) -> None:
    """Every field is of its declared type, and no number negative: what comes later relies on it."""
    if not issubclass(type(info), noun):
        raise PluginError(f"a {noun.__name__}", f"{info!r:.100}", "register what srbench offers")
    _check_name(info.name)
    for field, hint in _hints(noun).items():
        value = getattr(info, field)
        if not _fits(value, hint):
            raise PluginError(f"{field} to be {_words(hint)}", f"{value!r:.100}", f"correct {info.name}")


def _check_name(name: Any) -> None:
    """Names are chosen by comma lists and globs, take arguments after a colon and a ``+``."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        expected = "a name of letters, digits, '.', '_' and '-' that begins with a letter or digit"
        raise PluginError(expected, f"{name!r:.100}", "choose another name")


@cache
def _hints(noun: type) -> dict[str, Any]:
    return get_type_hints(noun)


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_fits(one, get_args(hint)[0]) for one in value)
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if isinstance(hint, UnionType):
        return any(_fits(value, one) for one in get_args(hint))
    if hint in (int, float):
        return isinstance(value, int | hint) and not isinstance(value, bool) and value >= 0
    if isinstance(hint, type) and is_dataclass(hint):
        return isinstance(value, hint) and all(_fits(getattr(value, f), h) for f, h in _hints(hint).items())
    return isinstance(value, hint)


def _words(hint: Any) -> str:
    """A declared type, for a message: ``a tuple of int``, ``'higher' or 'lower'``."""
    if get_origin(hint) is tuple:
        return f"a tuple of {_words(get_args(hint)[0])}"
    if get_origin(hint) is Literal:
        return " or ".join(map(repr, get_args(hint)))
    if isinstance(hint, UnionType):
        return " or ".join(map(_words, get_args(hint)))
    return f"{hint.__name__}{' of 0 or more' if hint in (int, float) else ''}"


def models() -> Mapping[str, ModelEntry]:
    """Every known model by name, in the order of registration."""
    _discover()
    return _models


def metrics() -> Mapping[str, MetricEntry]:
    """Every known metric by name, in the order of registration."""
    _discover()
    return _metrics


def datasets() -> Mapping[str, DatasetEntry]:
    """Every test set that a plugin brings, by name; srbench's own and the user's are `srbench.data`'s."""
    _discover()
    return _datasets


def leave_out(name: str, reason: str) -> None:
    """Note a plugin that turned out to be broken after it was loaded; it is named once."""
    if not any(plugin.name == name for plugin in _broken):
        _broken.append(BrokenPlugin(name, reason))


def broken() -> tuple[BrokenPlugin, ...]:
    """Installed plugins that could not be loaded, with the reason."""
    _discover()
    return tuple(_broken)


@cache
def _discover() -> None:
    for module in _BUILTIN_TABLES:
        importlib.import_module(module).register()
    for group in _ENTRY_POINT_GROUPS:
        for point in entry_points(group=group):
            _load_entry_point(point.name, point.load)


def _load_entry_point(name: str, load: Callable[[], Callable[[], None]]) -> None:
    try:
        with redirect_stdout(sys.stderr):  # stdout is for results: a plugin's prints would spoil --json
            load()()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's code: the program goes on without it
        _broken.append(BrokenPlugin(name, what_happened(error)))


def load_plugin(path: Path) -> None:
    """Run a Python file that calls `register_model`, `register_metric` or `register_dataset`.

    Raises:
        PluginError: the file is missing, fails to import, or registers nothing.
    """
    if not path.is_file():
        raise PluginError("a Python file", f"{str(path)!r}, which is not a file", "check --plugin")
    before = _count()
    run_file(path, "srbench_plugin")
    if _count() == before:
        expected = "a plugin that registers a model, a metric or a dataset"
        raise PluginError(expected, f"none in {path.name}", "call register_model")


def _count() -> int:
    return len(models()) + len(metrics()) + len(datasets())


def run_file(path: Path, prefix: str) -> ModuleType:
    """Run a Python file that the user named as a program, as the module ``PREFIX_STEM``.

    What it prints goes to stderr.

    Raises:
        PluginError: it is no Python file, fails, or calls ``sys.exit``.
    """
    spec = importlib.util.spec_from_file_location(f"{prefix}_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise PluginError("a Python file (.py)", repr(path.name), "check its name")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        with redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except SrbenchError:
        raise
    except (Exception, SystemExit) as error:
        got = f"{what_happened(error)} in {path.name}"
        raise PluginError("a Python file that runs", got, "correct it") from error
    return module


def build(target: Target, *arguments: Any) -> Any:
    """Import a target if it is a name, and call it.

    Raises:
        PluginError: it does not import, does not accept the arguments, or calls ``sys.exit``.
    """
    try:
        return resolve(target)(*arguments)
    except SrbenchError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError("a class that can be built", what_happened(error), f"check {target}") from error


def what_happened(error: BaseException) -> str:
    """What a stranger's code did: ``ValueError: no such layer``, ``called sys.exit(0)``.

    `SystemExit` is no `Exception`: uncaught, a plugin would end the program in silence, with success even.
    """
    if isinstance(error, SystemExit):
        return f"called sys.exit({'' if error.code is None else repr(error.code)})"
    return f"{type(error).__name__}: {error}"


def resolve(target: Target) -> Callable[..., Any]:
    """The object behind ``module:attribute``."""
    if not isinstance(target, str):
        return target
    module, _, attribute = target.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return found


def select(patterns: Iterable[str], names: Iterable[str], noun: str) -> list[str]:
    """Names chosen by comma lists and globs, in the order of `patterns`, each once.

    Raises:
        UsageError: a pattern matches nothing; the message has the nearest names.
    """
    known = list(names)
    chosen: dict[str, None] = {}
    for pattern in (part.strip() for text in patterns for part in text.split(",")):
        matches = [name for name in known if name == pattern or fnmatchcase(name, pattern)]
        if not matches:
            raise unknown(noun, pattern, known)
        chosen.update(dict.fromkeys(matches))
    return list(chosen)


def unknown(noun: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name nobody knows, with the nearest ones."""
    names = list(known)
    near = get_close_matches(name.lower(), names, n=3) or names[:6]
    return UsageError(f"a known {noun}", repr(name), f"try {', '.join(near)} (srbench list {noun}s)")
