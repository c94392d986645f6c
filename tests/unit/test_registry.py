"""The door for plugins: what may be registered, and how a stranger's failing code is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from srbench import registry
from srbench.errors import ContractError, IntegrityError, PluginError, Unavailable
from srbench.metrics.base import Image, Metric, build_metric, load_metric
from srbench.types import Asset, LocalPath, MetricInfo, ModelInfo, Url, Weights

MODEL = ModelInfo(name="mine", title="Mine", family="test", scales=(2,))
METRIC = MetricInfo("mine", "Mine", "", "lower", 2, "rgb", crop=False, edge="")
WEIGHTS = Weights((2,), Asset("a.pt", (Url("https://a/b"), LocalPath("b")), "00" * 32), "torch", "MIT")

pytestmark = pytest.mark.usefixtures("fresh_registry")

WRONG_MODELS: list[tuple[dict[str, Any], str]] = [
    ({"scales": "4"}, r"scales to be a tuple of int of 0 or more, got '4'; correct mine$"),
    ({"scales": 4}, r"scales to be a tuple"),
    ({"scales": [4]}, r"scales to be a tuple .*got \[4\]"),
    ({"scales": (2.0,)}, r"scales to be a tuple .*got \(2.0,\)"),
    ({"scales": (True,)}, r"scales to be a tuple"),
    ({"scales": ()}, r"scales such as \(2, 3, 4\), got \(\)"),
    ({"scales": (1, 2)}, r"scales such as \(2, 3, 4\), got \(1, 2\)"),
    ({"kind": "movie"}, r"kind to be 'still' or 'window' or 'sequence', got 'movie'"),
    ({"channels": None}, r"channels to be 'rgb' or 'y', got None"),
    ({"planes": "rgb"}, r"planes to be a tuple of 'rgb' or 'y', got 'rgb'"),
    ({"dtypes": ("float32", 16)}, r"dtypes to be a tuple of str"),
    ({"receptive_field": -1}, r"receptive_field to be int of 0 or more, got -1"),
    ({"size_multiple": 0}, r"a size_multiple of 1 or more, got 0"),
    ({"params": "many"}, r"params to be int of 0 or more or NoneType, got 'many'"),
    ({"gmacs_per_megapixel": float("nan")}, r"gmacs_per_megapixel to be float of 0 or more, got nan"),
    ({"deterministic": "no"}, r"deterministic to be bool, got 'no'"),
    ({"title": 3}, r"title to be str, got 3"),
    ({"weights": ("a.pt",)}, r"weights to be a tuple of Weights, got \('a.pt',\)"),
    ({"weights": (replace(WEIGHTS, scales="2"),)}, r"weights to be a tuple"),  # type: ignore[arg-type]
    ({"weights": (replace(WEIGHTS, asset=Asset("a", ("b",), "c")),)}, r"weights to be"),  # type: ignore[arg-type]
]
WRONG_METRICS: list[tuple[dict[str, Any], str]] = [
    ({"direction": "sideways"}, r"direction to be 'higher' or 'lower', got 'sideways'; correct mine$"),
    ({"needs": "foo"}, r"needs to be 'rgb' or 'y', got 'foo'"),
    ({"decimals": -1}, r"decimals to be int of 0 or more, got -1"),
    ({"decimals": 2.5}, r"decimals to be int of 0 or more, got 2.5"),
    ({"crop": 1}, r"crop to be bool, got 1"),
    ({"unit": None}, r"unit to be str, got None"),
]
WRONG_NAMES = [
    "",
    "My Net",
    "a,b",
    "net:4",
    "net*",
    "[ab]",
    "net+",
    "é",
    "-net",
    ".net",
    "net\n",
    "a/b",
    3,
    None,
]


@pytest.mark.parametrize(("change", "message"), WRONG_MODELS)
def test_model_with_a_wrong_field_is_refused(change: dict[str, Any], message: str) -> None:
    """A field of another type or value is refused in one line that names it, and nothing is registered."""
    with pytest.raises(PluginError, match=f"^expected {message}"):
        registry.register_model(replace(MODEL, **change), "a:B")
    assert "mine" not in registry.models()


@pytest.mark.parametrize(("change", "message"), WRONG_METRICS)
def test_metric_with_a_wrong_field_is_refused(change: dict[str, Any], message: str) -> None:
    """The same for metrics."""
    with pytest.raises(PluginError, match=f"^expected {message}"):
        registry.register_metric(replace(METRIC, **change), "a:B")
    assert "mine" not in registry.metrics()


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_name_that_cannot_be_asked_for_is_refused(name: Any) -> None:
    """Blanks, commas, colons, globs and a plus mean something on the command line: no name has them."""
    with pytest.raises(PluginError, match="expected a name of letters"):
        registry.register_model(replace(MODEL, name=name), "a:B")
    with pytest.raises(PluginError, match="expected a name of letters"):
        registry.register_metric(replace(METRIC, name=name), "a:B")
    with pytest.raises(PluginError, match="expected a name of letters"):
        registry.register_dataset(name, Path("a.toml"))


def test_a_set_may_be_given_by_the_text_of_its_path() -> None:
    """As the tutorial's plugins may write it: a string is a path."""
    registry.register_dataset("by-text", "a.toml")
    assert registry.datasets()["by-text"].manifest == Path("a.toml")


@pytest.mark.parametrize("name", ["mine", "My.Net_2-b", "4x", "x+y".replace("+", "_")])
def test_ordinary_names_are_taken(name: str) -> None:
    """Letters of either case, digits, dots, underscores, hyphens."""
    registry.register_model(replace(MODEL, name=name), "a:B")
    assert registry.models()[name].info.name == name


def test_every_field_may_be_given() -> None:
    """A card with weights of two sources, counts and whole numbers for floats is registered as it is."""
    info = replace(MODEL, weights=(WEIGHTS,), params=12, gmacs_per_megapixel=3, trained_on=("DIV2K",))
    registry.register_model(info, "a:B")
    assert registry.models()["mine"].info is info


@pytest.mark.parametrize("wrong", ["mine", None, {"name": "mine"}, METRIC])
def test_what_is_no_information_is_refused(wrong: Any) -> None:
    """A dictionary, a name or a metric's information is no model's."""
    with pytest.raises(PluginError, match="expected a ModelInfo, got "):
        registry.register_model(wrong, "a:B")
    with pytest.raises(PluginError, match="expected a MetricInfo, got "):
        registry.register_metric(MODEL, "a:B")  # type: ignore[arg-type]


def test_built_in_names_and_fields_pass() -> None:
    """Built-in tables go through the same door."""
    assert {"bicubic", "srcnn"} <= set(registry.models())
    assert {"psnr_y", "lpips"} <= set(registry.metrics())


# ---------------------------------------------------------------------------- metrics, built and loaded


class Spoiled(Metric):
    """A metric whose signature and loading are what a test says."""

    signed: Any = "spoiled|v1"
    raised: BaseException | None = None

    @property
    def signature(self) -> Any:
        """As the test says."""
        if isinstance(self.signed, BaseException):
            raise self.signed
        return self.signed

    def load(self, device: str = "cpu") -> None:
        """As the test says."""
        if self.raised is not None:
            raise self.raised

    def score(self, sr: Image, prepared: Any) -> float:
        """Nothing."""
        return 0.0


def spoiled(**parts: Any) -> Callable[..., Metric]:
    """The class with some parts replaced."""
    return type("Spoiled", (Spoiled,), parts)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (lambda info, argument: 3, r"a subclass of srbench.Metric, got int \(mine\)"),
        (spoiled(signed=None), r"the signature of mine to be a text of one line, got None"),
        (spoiled(signed=""), r"the signature of mine to be a text of one line, got ''"),
        (spoiled(signed="a\nb"), r"the signature of mine to be a text of one line, got 'a\\nb'"),
        (
            spoiled(signed=SystemExit(0)),
            r"the signature of mine .*, got called sys.exit\(0\); check the metric",
        ),
        (spoiled(signed=ValueError("v")), r"the signature of mine .*, got ValueError: v; check the metric"),
    ],
)
def test_spoiled_metric_is_not_built(target: Callable[..., Metric], told: str) -> None:
    """A plan needs a metric and its signature: what has none is refused in one line."""
    with pytest.raises(PluginError, match=told) as caught:
        build_metric(registry.MetricEntry(METRIC, target))
    assert "\n" not in str(caught.value)


def test_metric_without_its_library_is_unavailable() -> None:
    """That a library isn't installed stays a reason to skip."""
    with pytest.raises(Unavailable):
        build_metric(registry.MetricEntry(METRIC, spoiled(signed=Unavailable("a", "b", "c"))))


@pytest.mark.parametrize(
    ("raised", "kind", "told"),
    [
        (SystemExit(0), ContractError, r"expected the metric mine to load, got called sys.exit\(0\)"),
        (ValueError("v"), ContractError, r"expected the metric mine to load, got ValueError: v"),
        (Unavailable("a", "b", "c"), Unavailable, "expected a"),
        (IntegrityError("a", "b", "c"), IntegrityError, "expected a"),
        (MemoryError("m"), MemoryError, "m"),
        (KeyboardInterrupt("k"), KeyboardInterrupt, "k"),
    ],
)
def test_metric_that_does_not_load(raised: BaseException, kind: type[BaseException], told: str) -> None:
    """A stranger's failure is one line that names the metric; errors with a meaning come out as they are."""
    metric = build_metric(registry.MetricEntry(METRIC, spoiled(raised=raised)))
    with pytest.raises(kind, match=told):
        load_metric(metric, "cpu")


def test_honest_metric_is_built_and_loaded() -> None:
    """The metric that comes back has its information, and its signature."""
    metric = build_metric(registry.MetricEntry(METRIC, spoiled()))
    load_metric(metric, "cpu")
    assert (metric.info, metric.signature) == (METRIC, "spoiled|v1")


# ---------------------------------------------------------------------------- sys.exit and print


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("sys.exit(0)", "called sys.exit(0)"),
        ("sys.exit()", "called sys.exit()"),
        ("sys.exit('no licence')", "called sys.exit('no licence')"),
        ("raise SystemExit(3)", "called sys.exit(3)"),
        ("raise ValueError('bad')", "ValueError: bad"),
    ],
)
def test_plugin_that_exits_is_an_error(tmp_path: Path, call: str, told: str) -> None:
    """A plugin's file can't end the program, least of all with success."""
    plugin = tmp_path / "leaving.py"
    plugin.write_text(f"import sys\n{call}\n")
    with pytest.raises(PluginError) as caught:
        registry.load_plugin(plugin)
    assert str(caught.value) == f"expected a Python file that runs, got {told} in leaving.py; correct it"


def test_class_that_exits_is_an_error() -> None:
    """Building a model or metric can't end the program either."""
    with pytest.raises(PluginError, match=r"a class that can be built, got called sys.exit\(0\)"):
        registry.build(lambda: sys.exit(0))


def test_entry_point_that_exits_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed plugin that exits is named as broken; the program goes on."""
    monkeypatch.setattr(registry, "_broken", [])
    registry._load_entry_point("leaving", lambda: lambda: sys.exit(0))
    assert registry.broken() == (registry.BrokenPlugin("leaving", "called sys.exit(0)"),)


def test_interrupt_is_not_caught(tmp_path: Path) -> None:
    """Ctrl-C while a plugin is loading stays Ctrl-C."""
    (tmp_path / "slow.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        registry.load_plugin(tmp_path / "slow.py")
    with pytest.raises(KeyboardInterrupt):
        registry._load_entry_point("slow", _interrupted)


def _interrupted() -> Any:
    raise KeyboardInterrupt


def _talk() -> None:
    sys.stdout.write("hello from the package\n")


def test_prints_of_a_plugin_go_to_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a plugin prints while it is loaded isn't on stdout, which is for results."""
    (tmp_path / "talking.py").write_text("print('hello from the file')\n")
    registry.run_file(tmp_path / "talking.py", "srbench_plugin")
    registry._load_entry_point("talking", lambda: _talk)
    assert capsys.readouterr() == ("", "hello from the file\nhello from the package\n")
