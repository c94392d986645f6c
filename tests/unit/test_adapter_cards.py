"""Model cards: what they may say, and how they are refused."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest

from srbench.adapters.cards import read_card
from srbench.adapters.catalog import CARDS
from srbench.errors import PluginError
from srbench.types import Asset, LocalPath, ModelInfo, PackageFile, PackageResource, Url, Weights

SHA = "0123456789abcdef" * 4
MINIMAL = 'adapter = "a.b:C"\nname = "n"\ntitle = "t"\nfamily = "f"\nscales = [2, 4]\n'
FULL = (
    MINIMAL
    + f"""
kind = "window"
channels = "y"
pre_upsampled = true
size_multiple = 4
tiling = "discouraged"
receptive_field = 9
planes = ["rgb", "y"]
dtypes = ["float32", "bfloat16"]
deterministic = false
params = 12
trained_on = ["DIV2K"]
paper = "p"
licence = "MIT"
published_as = "N"
gmacs_per_megapixel = 3
selectable = false
frames_before = 2
frames_after = 1
border_frames = "circle"
max_frames = 30
overlap_frames = 5
argument = "file"
engine = "e"
tile_overlap = 3
files = ["beside.pth"]

[[weights]]
scales = [2]
format = "torch"
licence = "MIT"

[weights.asset]
name = "two.pth"
sha256 = "{SHA}"
size = 7
sources = [
  {{ address = "https://host/two.pth" }},
  {{ package = "p", version = "1", file = "p.whl", member = "two.pth", sha256 = "{SHA}" }},
]

[[weights]]
scales = [4]
format = "mat"
licence = "none stated"
degradation = "bd"

[weights.asset]
name = "four.mat"
sha256 = "{SHA}"
sources = [{{ package = "p", path = "f" }}, {{ path = "/f" }}]
"""
)


def test_every_field_is_read() -> None:
    """A card that uses every field becomes exactly this model, and its adapter's target."""
    info, target = read_card(FULL)
    two = Asset(
        "two.pth", (Url("https://host/two.pth"), PackageFile("p", "1", "p.whl", "two.pth", SHA)), SHA, 7
    )
    four = Asset("four.mat", (PackageResource("p", "f"), LocalPath("/f")), SHA)
    assert target == "a.b:C"
    assert info == ModelInfo(
        name="n",
        title="t",
        family="f",
        scales=(2, 4),
        kind="window",
        channels="y",
        pre_upsampled=True,
        size_multiple=4,
        tiling="discouraged",
        receptive_field=9,
        planes=("rgb", "y"),
        dtypes=("float32", "bfloat16"),
        deterministic=False,
        weights=(Weights((2,), two, "torch", "MIT"), Weights((4,), four, "mat", "none stated", "bd")),
        params=12,
        trained_on=("DIV2K",),
        paper="p",
        licence="MIT",
        published_as="N",
        gmacs_per_megapixel=3.0,
        selectable=False,
        frames_before=2,
        frames_after=1,
        border_frames="circle",
        max_frames=30,
        overlap_frames=5,
        argument="file",
        engine="e",
        tile_overlap=3,
        files=("beside.pth",),
    )
    assert {f.name for f in fields(ModelInfo)} <= {
        line.split(" ")[0].strip("[]") for line in FULL.splitlines()
    }


def test_a_digest_that_the_name_carries_may_be_short() -> None:
    """The first digits of a sha256 pin a file whose name ends in them, and no other."""
    short = FULL.replace(SHA, SHA[:8], 1).replace('"two.pth"', f'"two-{SHA[:8]}.pth"', 1)
    assert read_card(short)[0].weights[0].asset.sha256 == SHA[:8]
    with pytest.raises(PluginError, match="a whole sha256, got '01234567'"):
        read_card(short.replace(f"two-{SHA[:8]}", "two-abcdef01"))


def test_minimal_card_has_the_nouns_defaults() -> None:
    """What a card leaves out is the default of `ModelInfo`; the result is hashable."""
    info, _ = read_card(MINIMAL)
    assert info == ModelInfo(name="n", title="t", family="f", scales=(2, 4))
    assert hash(info) == hash(read_card(MINIMAL)[0])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("params", "parms", "only the fields .* got 'parms' in toy.toml"),
        ('name = "n"\n', "", "the field name, got none in toy.toml"),
        ('adapter = "a.b:C"\n', "", "adapter as 'module:attribute', got None in toy.toml"),
        ('adapter = "a.b:C"', 'adapter = "a.b.C"', "adapter as 'module:attribute', got 'a.b.C'"),
        ("scales = [2, 4]", "scales = 2", "a list, got 2 in toy.toml: scales"),
        ("scales = [2, 4]", 'scales = ["2"]', "type int, got '2' in toy.toml: scales"),
        ("scales = [2, 4]", "scales = [2.0]", "type int, got 2.0"),
        ("scales = [2, 4]", "scales = [true]", "type int, got True"),
        ("pre_upsampled = true", "pre_upsampled = 1", "type bool, got 1 in toy.toml: pre_upsampled"),
        ('kind = "window"', 'kind = "video"', "still or window or sequence, got 'video'"),
        ('planes = ["rgb", "y"]', 'planes = ["rgb", "u"]', "rgb or y, got 'u' in toy.toml: planes"),
        ("params = 12", 'params = "12"', "type int, got '12'"),
        ("gmacs_per_megapixel = 3", 'gmacs_per_megapixel = "3"', "type float, got '3'"),
        ('format = "torch"\n', "", "the field format, got none in toy.toml: weights"),
        ("size = 7", "bytes = 7", "only the fields .* got 'bytes' in toy.toml: weights: asset"),
        (
            '{ address = "https://host/two.pth" }',
            '{ url = "https://host" }',
            "a table with the fields address; ",
        ),
        ('{ address = "https://host/two.pth" }', '"https://host"', "a table with the fields address; "),
        (f'sha256 = "{SHA}"\nsize', f'sha256 = "{SHA[:8]}"\nsize', "a whole sha256, got '01234567'"),
        ("[[weights]]\nscales = [2]", "weights = 3\n[[w]]\nscales = [2]", "."),
        ("params = 12", "params = ", "a TOML card, got toy.toml: "),
    ],
)
def test_wrong_cards_are_refused(old: str, new: str, message: str) -> None:
    """A typo, a wrong type, a missing field, an unpinned file: each is one line that says where."""
    assert old in FULL
    with pytest.raises(PluginError, match=message) as caught:
        read_card(FULL.replace(old, new, 1), "toy.toml")
    assert "\n" not in str(caught.value)


def test_built_in_cards() -> None:
    """Every card of the package reads, is named like its file, and pins its weights at a fixed commit."""
    cards = {path.stem: read_card(path.read_text("utf-8"), path.name)[0] for path in CARDS.glob("*.toml")}
    assert {"nearest", "bilinear", "bicubic", "lanczos", "folder", "srcnn"} <= set(cards)
    assert all(name == info.name for name, info in cards.items())
    for weights in (w for info in cards.values() for w in info.weights):
        assert weights.asset.size is not None or f"-{weights.asset.sha256}." in weights.asset.name
        assert weights.licence
        for source in weights.asset.sources:
            assert not isinstance(source, LocalPath)
            assert not isinstance(source, Url) or not {"main", "master"} & set(source.address.split("/"))


def test_registering_loads_nothing_heavy() -> None:
    """Reading all cards loads neither numpy nor torch."""
    code = (
        "import sys; from srbench.adapters import catalog; catalog.register();"
        "print(*{'numpy', 'torch', 'pandas', 'requests'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not run.stdout.split()
