"""A test set as it lies on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from srbench.data.degrade import FrameSource, Shrink
from srbench.data.manifest import ClipKind, Item, Manifest
from srbench.errors import UsageError
from srbench.types import ClipSpec, EvalProtocol, digest


@dataclass(frozen=True)
class Dataset:
    """The part of a test set that is present.

    Attributes:
        items: the present items, in the manifest's order.
        missing: the reason why, for each item that is not here or beyond the limit.
        files: the file of each frame of each present item, by item name.
    """

    manifest: Manifest
    items: tuple[Item, ...]
    missing: Mapping[str, str]
    files: Mapping[str, tuple[Path, ...]] = field(repr=False)

    @property
    def name(self) -> str:
        """The set's name, whether all of it is present or not."""
        return self.manifest.name

    @property
    def complete(self) -> bool:
        """True if every item of the set is present."""
        return len(self.items) == len(self.manifest.items)

    @property
    def label(self) -> str:
        """The name of exactly these items: ``set5``, or ``set5[2]`` for a part of two items."""
        return self.name if self.complete else f"{self.name}[{len(self.items)}]"

    @property
    def kind(self) -> ClipKind:
        """``still`` or ``clip``."""
        return self.manifest.kind

    @property
    def scales(self) -> tuple[int, ...]:
        """The scales this set is used with."""
        return self.manifest.scales

    @cached_property
    def pixels(self) -> str:
        """Digest of the present items' names and pixels: equal only for the same images in the same order."""
        return digest({"items": [[item.name, item.pixels] for item in self.items]})

    def source(self, item: Item, protocol: EvalProtocol, shrink: Shrink | None = None) -> FrameSource:
        """The frames of a present item under a protocol, or degraded by `shrink`; nothing is read yet.

        Raises:
            UsageError: the item is not here.
        """
        if item.name not in self.files:
            got = f"{item.name!r}: {self.missing.get(item.name, 'no such item')}"
            hint = f"{'add' if self.manifest.folder else 'fetch'} it, or choose another"
            raise UsageError(f"an item of {self.label}", got, hint)
        recipe = f"{protocol.degradation}:{protocol.flavour}:{protocol.degraded}"
        spec = ClipSpec(self.name, item.name, len(item.frames), protocol.scale, recipe, item.pixels)
        return FrameSource(
            spec, tuple(zip(item.frames, self.files[item.name], strict=True)), protocol, shrink
        )
