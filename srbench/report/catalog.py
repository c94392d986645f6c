"""What a report knows about the names it meets: metrics, models, and what others published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from srbench import registry
from srbench.report.references import References, shipped
from srbench.types import MetricInfo


@dataclass(frozen=True)
class Catalog:
    """Attributes of names.

    Attributes:
        metrics: by name, in the order in which columns stand; a metric not in here is never ranked.
        titles: of models, by name.
        published_as: a model's name in the published figures.
        references: the published figures.
        trained_for: the degradation that a model's weights were trained for, by name and scale.
    """

    metrics: Mapping[str, MetricInfo] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    published_as: Mapping[str, str] = field(default_factory=dict)
    references: References = field(default_factory=lambda: References(()))
    trained_for: Mapping[tuple[str, int], str] = field(default_factory=dict)

    def published_name(self, model: str) -> str:
        """A model's name in the published figures; a folder of outputs scored ``--as NAME`` goes by NAME."""
        return self.published_as.get(
            model, model.removeprefix("folder:") if model.startswith("folder:") else ""
        )


def installed() -> Catalog:
    """Everything registered here (built in, and plugins), with the figures that come with srbench."""
    models = registry.models()
    return Catalog(
        metrics={name: entry.info for name, entry in registry.metrics().items()},
        titles={name: entry.info.title for name, entry in models.items()},
        published_as={
            name: entry.info.published_as for name, entry in models.items() if entry.info.published_as
        },
        references=shipped(),
        trained_for={
            (name, scale): weights.degradation
            for name, entry in models.items()
            for weights in entry.info.weights
            for scale in weights.scales
        },
    )
