"""srbench, the referee of super-resolution.

The public names are imported when they are first used, so that ``import srbench`` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from srbench.adapters.network import Adapter as Adapter
    from srbench.metrics.base import Metric as Metric
    from srbench.registry import register_dataset as register_dataset
    from srbench.registry import register_metric as register_metric
    from srbench.registry import register_model as register_model
    from srbench.runner.api import evaluate as evaluate
    from srbench.runner.api import load_model as load_model
    from srbench.types import MetricInfo as MetricInfo
    from srbench.types import ModelInfo as ModelInfo

__version__ = "0.1.0"

_HOMES = {
    "Adapter": "srbench.adapters.network",
    "Metric": "srbench.metrics.base",
    "MetricInfo": "srbench.types",
    "ModelInfo": "srbench.types",
    "evaluate": "srbench.runner.api",
    "load_model": "srbench.runner.api",
    "register_dataset": "srbench.registry",
    "register_metric": "srbench.registry",
    "register_model": "srbench.registry",
}
__all__ = [
    "Adapter",
    "Metric",
    "MetricInfo",
    "ModelInfo",
    "evaluate",
    "load_model",
    "register_dataset",
    "register_metric",
    "register_model",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'srbench' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
