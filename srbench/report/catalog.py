"""What a report knows about the names it meets: metrics, models, and what others published."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from srbench import registry
from srbench.report.references import References, shipped
from srbench.types import MetricInfo, ModelInfo

HELD_BY: Mapping[str, frozenset[str]] = {
    "set5": frozenset({"bsds500", "bsd500", "bsds200", "bsd200", "291"}),
    "bsd100": frozenset({"bsds500", "bsd500"}),
}
"""Training sets, in lower case, that hold images of a test set: 302003 of BSDS500's 200 training images (also
called BSDS200, part of the 291) contains *woman*, and BSD100 is its validation part. A training set that is
called like a test set holds it, of course."""
_WORD = re.compile(r"[a-z0-9_-]+")


@dataclass(frozen=True)
class Catalog:
    """Attributes of names.

    Attributes:
        metrics: by name, in the order in which columns stand; a metric not in here is never ranked.
        titles: of models, by name.
        published_as: a model's name in the published figures.
        references: the published figures.
        trained_for: the degradation that a model's weights were trained for, by name and scale.
        trained_on: names of a model's training sets, by its name.
        cards: what models promise, by name.
    """

    metrics: Mapping[str, MetricInfo] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    published_as: Mapping[str, str] = field(default_factory=dict)
    references: References = field(default_factory=lambda: References(()))
    trained_for: Mapping[tuple[str, int], str] = field(default_factory=dict)
    trained_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cards: Mapping[str, ModelInfo] = field(default_factory=dict)

    def card(self, model: str) -> ModelInfo | None:
        """The card of a row's model: of ``imdn+`` it is ``imdn``'s, of ``spandrel:net`` the adapter's."""
        own = self.cards.get(model) or self.cards.get(model.removesuffix("+"))
        return own or self.cards.get(model.partition(":")[0].removesuffix("+"))

    def published_name(self, model: str) -> str:
        """A model's name in the published figures; a folder of outputs scored ``--as NAME`` goes by NAME."""
        return self.published_as.get(
            model, model.removeprefix("folder:") if model.startswith("folder:") else ""
        )


def overlap(trained_on: Sequence[str], dataset: str) -> str:
    """The first of a model's training sets that holds images of a test set; empty if none does.

    Args:
        trained_on: names of training sets.
        dataset: a test set's name or label (``set5[2]``).
    """
    name = dataset.partition("[")[0]
    holders = HELD_BY.get(name, frozenset()) | {name}
    return next((one for one in trained_on if holders & set(_WORD.findall(one.lower()))), "")


def installed() -> Catalog:
    """Everything registered here (built in, and plugins), with the figures that come with srbench."""
    models = registry.models()
    return Catalog(
        metrics={name: entry.info for name, entry in registry.metrics().items()},
        titles={name: entry.info.title.strip() or name for name, entry in models.items()},
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
        trained_on={name: entry.info.trained_on for name, entry in models.items()},
        cards={name: entry.info for name, entry in models.items()},
    )
