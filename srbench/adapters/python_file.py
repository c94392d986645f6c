"""A Python file with three methods: ``python:FILE``.

The file is the user's program, like a plugin: it is run when it is named, because what it promises must be
known before anything is planned. It holds a class ``Model``, or just functions, of these names::

    def info() -> dict                              # fields of a model's card: {"scales": [2, 3, 4]}; files
                                                    # that it reads: {"scales": [4], "files": ["net.pth"]}
    def load(scale: int, device: str, dtype: str)   # make ready; called once
    def predict(lr: Tensor) -> Tensor               # (1, C, h, w) in [0, 1] to (1, C, scale * h, scale * w)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from srbench.adapters.cards import info_from
from srbench.adapters.file_argument import model_file
from srbench.errors import PluginError, SrbenchError
from srbench.registry import ModelEntry, run_file, what_happened

METHODS = ("info", "load", "predict")


def python_entry(entry: ModelEntry, argument: str) -> ModelEntry:
    """The entry of ``python:FILE``: the card's, with what the file's ``info`` promises.

    Raises:
        UsageError: there is no such file.
        PluginError: it doesn't run, lacks a method, or promises what no card may say.
    """
    promised = _called(argument, "info")
    if not isinstance(promised, Mapping):
        raise PluginError("info() to return a dictionary", type(promised).__name__, f"check {argument}")
    table = {name: list(value) if isinstance(value, tuple) else value for name, value in promised.items()}
    card = {"name": entry.info.name, "title": Path(argument).name, "family": entry.info.family}
    info = info_from({**card, **table, "argument": "file", "selectable": False}, Path(argument).name)
    if not info.dtypes:
        raise PluginError("dtypes that the model runs in", "none", f"check info() in {argument}")
    folder = Path(argument).expanduser().resolve().parent
    files = tuple(str(folder / Path(file).expanduser()) for file in info.files)
    return replace(entry, info=replace(info, files=files))


def _called(argument: str, method: str) -> Any:
    try:
        return getattr(new_model(argument), method)()
    except SrbenchError:
        raise
    except (Exception, SystemExit) as error:
        got = f"{what_happened(error)} in {Path(argument).name}"
        raise PluginError(f"{method}() that works", got, "correct the file") from error


def new_model(argument: str) -> Any:
    """An object with the three methods: a fresh ``Model()``, or the file itself.

    Raises:
        UsageError: there is no such file.
        PluginError: it doesn't run, or lacks a method.
    """
    path = model_file(argument, "python").resolve()
    module = _module(path, path.stat().st_mtime_ns)
    model = module.Model() if hasattr(module, "Model") else module
    missing = [name for name in METHODS if not callable(getattr(model, name, None))]
    if missing:
        where = "class Model" if hasattr(module, "Model") else "the file"
        raise PluginError("info, load and predict", f"no {missing[0]} in {where}, {path.name}", "add it")
    return model


@cache
def _module(path: Path, changed: int) -> Any:
    return run_file(path, "srbench_model")
