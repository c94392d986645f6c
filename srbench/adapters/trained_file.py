"""What a file that ``srbench train`` wrote says of itself; needs no torch.

Its safetensors header holds one JSON object under ``srbench``: which network, from which recipe, trained on
what. Tensors and text: nothing in it can run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from srbench.adapters.file_argument import model_file
from srbench.archs.descriptions import Network, promise, read_network
from srbench.errors import PluginError
from srbench.fetch.arrays import safetensors_metadata
from srbench.registry import ModelEntry
from srbench.typed import Reader

HEADER = "srbench"
_READER = Reader(PluginError, "name a file that srbench train wrote")


@dataclass(frozen=True)
class Training:
    """How a network came to its weights, as its file says.

    Attributes:
        recipe: its name.
        digest: of the recipe's fields.
        steps: how many were made.
        trained_on: names of datasets.
        version: srbench's.
    """

    recipe: str
    digest: str
    steps: int
    trained_on: tuple[str, ...] = ()
    version: str = ""


def read_trained(path: Path) -> tuple[Network, Training]:
    """What a file says of itself.

    Raises:
        PluginError: it says nothing, or something else.
        IntegrityError: it is no safetensors file.
    """
    text = safetensors_metadata(path).get(HEADER, "null")
    try:
        table = json.loads(text)
    except ValueError as error:
        raise _READER.refused("JSON in the header", str(error), path.name) from error
    if not isinstance(table, dict):
        raise _READER.refused("weights that say what network they are of", "none", path.name)
    network = read_network(table.pop("network", None), path.name, _READER)
    return network, _READER.read(Training, table, path.name)


def trained_entry(entry: ModelEntry, argument: str) -> ModelEntry:
    """The entry of ``trained:FILE``: the card's, with what the file promises.

    Raises:
        UsageError: there is no such file.
        PluginError: it is not one that srbench trained.
        IntegrityError: it is no safetensors file.
    """
    path = model_file(argument, entry.info.name)
    network, training = read_trained(path)
    info = promise(network, entry.info.name, f"{training.recipe}, {training.steps} steps")
    info = replace(info, argument="file", selectable=False, trained_on=training.trained_on)
    return replace(entry, info=info)
