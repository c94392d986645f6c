"""The shipped suite: every built-in model passes it; each wrong model fails, and the rule is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from srbench.adapters.base import Frames, PlainAdapter, Settings
from srbench.adapters.catalog import CARDS
from srbench.adapters.conformance import RULES, Verdict, examine
from srbench.adapters.held import growth
from srbench.adapters.network import Adapter
from srbench.adapters.trial import Trial
from srbench.errors import Unavailable
from srbench.registry import ModelEntry, models
from srbench.types import EvalProtocol, Job, ModelInfo

Stranger = Callable[[str, int], str]
INFO = ModelInfo(name="toy", title="Toy", family="test", scales=(2,), receptive_field=3)
PLAIN = replace(INFO, dtypes=(), receptive_field=0)


class Good(Adapter):
    """Bicubic by torch, which is right, in a network's clothes; the wrong ones spoil it."""

    def load(self, device: str, dtype: str) -> None:
        """Nothing to load."""

    def enlarge(self, lr: Tensor) -> Tensor:
        """Reference answer."""
        return F.interpolate(lr, scale_factor=self.scale, mode="bicubic")

    def predict(self, lr: Tensor) -> Tensor:
        """Nothing is wrong."""
        return self.enlarge(lr)


class WrongScale(Good):
    """x3 where x2 is asked for."""

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says."""
        return F.interpolate(lr, scale_factor=self.scale + 1)


class CropsAPixel(Good):
    """Loses a row and a column, as unpadded convolutions do."""

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says."""
        return self.enlarge(lr)[..., :-1, :-1]


class Bgr(Good):
    """OpenCV's order comes out."""

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says."""
        return self.enlarge(lr).flip(1)


class OutOfRange(Good):
    """0..255 instead of 0..1."""

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says."""
        return self.enlarge(lr) * 255


class NotNormalised(Good):
    """-1..1 instead of 0..1, as generators with a tanh give."""

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says."""
        return self.enlarge(lr).clamp(0, 1) * 2 - 1


class Nan(Good):
    """One value is NaN."""

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says."""
        sr = self.enlarge(lr)
        sr[..., 0, 0] = float("nan")
        return sr


class Quantised(Good):
    """Rounds to bytes by itself."""

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says."""
        return (self.enlarge(lr) * 255).round().clamp(0, 255).to(torch.uint8)


class ChangesItsInput(Good):
    """Subtracts a mean in place and adds it again to its answer only."""

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says."""
        lr -= 0.25
        return self.enlarge(lr) + 0.25


class NotDeterministic(Good):
    """Dropout that is left on."""

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says."""
        return self.enlarge(lr) + 0.01 * torch.rand(())


class Remembers(Good):
    """An answer that depends on what was asked before."""

    before: Tensor | None = None

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says."""
        mean, self.before = self.before, lr.mean()
        return self.enlarge(lr) + (0 if mean is None else 0.01 * mean)


class EatsMemory(Good):
    """Keeps every answer."""

    def load(self, device: str, dtype: str) -> None:
        """Nothing from a file."""
        self.kept: list[Tensor] = []

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says."""
        self.kept.append(self.enlarge(lr))
        return self.kept[-1]


class LeaksGradients(Good):
    """Switches autograd on again."""

    def load(self, device: str, dtype: str) -> None:
        """Nothing from a file."""
        self.gain = torch.nn.Parameter(torch.ones(()))

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says."""
        with torch.inference_mode(False), torch.enable_grad():
            return self.enlarge(lr.clone()) * self.gain


class ShiftsHalfAPixel(Good):
    """Aligned corners: an LR pixel's centre becomes an HR pixel's corner."""

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says."""
        sr = F.pad(self.enlarge(lr), (1, 0, 1, 0), mode="replicate")
        return (sr[..., 1:, 1:] + sr[..., :-1, :-1] + sr[..., 1:, :-1] + sr[..., :-1, 1:]) / 4


class LooksFurther(Good):
    """Sees the whole image, though its card says 3 pixels."""

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says."""
        return self.enlarge(lr) + 0.1 * (lr.mean() - 0.5)


class NeedsMultiples(Good):
    """Fails on odd sizes, though its card says any."""

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says."""
        return self.enlarge(F.pixel_shuffle(F.pixel_unshuffle(lr, 2), 2))


class Raises(Good):
    """Doesn't work at all."""

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says."""
        raise KeyError("no such layer")


WRONG: list[tuple[type[Good], str]] = [
    (WrongScale, "shape"),
    (CropsAPixel, "shape"),
    (Bgr, "colour order"),
    (OutOfRange, "value range"),
    (NotNormalised, "value range"),
    (Nan, "finite"),
    (Quantised, "dtype"),
    (ChangesItsInput, "input unchanged"),
    (NotDeterministic, "deterministic"),
    (Remembers, "deterministic"),
    (EatsMemory, "memory"),
    (LeaksGradients, "no graph"),
    (ShiftsHalfAPixel, "place"),
    (LooksFurther, "tiles"),
    (NeedsMultiples, "sizes"),
    (Raises, "runs"),
]
ALSO: dict[type[Good], set[str]] = {
    # What else these break by their nature.
    NotDeterministic: {"frames apart", "tiles"},
    Remembers: {"frames apart", "tiles"},
    NeedsMultiples: {"tiles"},
}


def verdicts(entry: ModelEntry, argument: str = "", scale: int = 2) -> dict[str, Verdict]:
    """The suite's verdicts by rule."""
    return {v.rule: v for v in examine(Trial(entry, argument, scale, Settings()))}


def failed(found: dict[str, Verdict]) -> set[str]:
    """Names of the broken rules."""
    return {name for name, verdict in found.items() if verdict.result == "failed"}


def test_right_model_passes() -> None:
    """The model that the wrong ones are made of keeps every rule that applies to it."""
    found = verdicts(ModelEntry(INFO, Good))
    assert failed(found) == set()
    assert {name for name, v in found.items() if v.result == "left out"} <= {"half precision", "devices"}
    assert len(found) == len(RULES)


@pytest.mark.parametrize(("wrong", "rule"), WRONG, ids=lambda x: getattr(x, "__name__", None))
def test_wrong_model_fails_and_the_rule_is_named(wrong: type[Good], rule: str) -> None:
    """Exactly the rule that says what is wrong fails; what can't be told then is left out."""
    found = verdicts(ModelEntry(INFO, wrong))
    assert rule in failed(found)
    assert failed(found) <= {rule} | ALSO.get(wrong, set()), {n: found[n].found for n in failed(found)}
    assert found[rule].found.isprintable()


class PlainUnit(PlainAdapter):
    """A model without a network that answers on the scale 0..1."""

    takes: ClassVar[str] = ""

    def inference(self, protocol: EvalProtocol) -> str:
        """Whatever."""
        return "plain"

    def upscale(self, lr: Frames, job: Job) -> Frames:
        """Repetition, divided."""
        return lr.repeat(2, 1).repeat(2, 2) / 255


class PlainWriter(PlainUnit):
    """A model without a network that writes into its input."""

    def upscale(self, lr: Frames, job: Job) -> Frames:
        """Repetition, after inverting twice in place."""
        np.subtract(255, lr, out=lr)
        return 255 - lr.repeat(2, 1).repeat(2, 2)


class PlainLeak(PlainUnit):
    """A model without a network that keeps its answers."""

    def upscale(self, lr: Frames, job: Job) -> Frames:
        """Repetition, kept."""
        self.__dict__.setdefault("kept", []).append(lr.repeat(2, 1).repeat(2, 2))
        kept: Frames = self.__dict__["kept"][-1]
        return kept


class Flat(Good):
    """Nothing of the input is in its answer."""

    def predict(self, lr: Tensor) -> Tensor:
        """Gray."""
        return self.enlarge(lr) * 0 + 0.45


def test_flat_picture_lies_nowhere() -> None:
    """A network that answers gray to everything isn't taken for one that is in place."""
    found = verdicts(ModelEntry(INFO, Flat))
    assert found["place"].result == "failed"
    assert "flat" in found["place"].found


class Half(Good):
    """Loses its mind in half precision."""

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says."""
        return self.enlarge(lr) + (0.1 if lr.dtype == torch.float16 else 0)


class NoHalf(Good):
    """Says that it can't run in bfloat16 only when it is asked to."""

    def load(self, device: str, dtype: str) -> None:
        """Refuses bfloat16."""
        if dtype == "bfloat16":
            raise Unavailable("a network that runs in bfloat16", "this one", "use float32")


def test_half_precision_is_compared_with_float32() -> None:
    """Each dtype that the card names is run; a difference beyond its rounding is named."""
    info = replace(INFO, dtypes=("float32", "float16", "bfloat16"))
    assert failed(verdicts(ModelEntry(info, Good))) == set()
    found = verdicts(ModelEntry(info, Half))
    assert failed(found) == {"half precision"}
    assert found["half precision"].found.startswith("float16 and float32 are 25.5 levels apart")
    found = verdicts(ModelEntry(info, NoHalf))
    assert found["half precision"].result == "ok"
    assert found["half precision"].found.startswith("float16 ")
    only = replace(INFO, dtypes=("float32", "bfloat16"))
    assert verdicts(ModelEntry(only, NoHalf))["half precision"].result == "left out"


@pytest.mark.parametrize(
    ("wrong", "rule"), [(PlainUnit, "value range"), (PlainWriter, "input unchanged"), (PlainLeak, "memory")]
)
def test_wrong_model_without_a_network(wrong: type[PlainAdapter], rule: str) -> None:
    """Models that are no networks are tried by the same rules."""
    assert rule in failed(verdicts(ModelEntry(PLAIN, wrong)))


NAMES = sorted(path.stem for path in CARDS.glob("*.toml") if path.stem != "folder")


@pytest.mark.parametrize("name", NAMES)
def test_built_in_model_passes(name: str, stranger: Stranger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every built-in model keeps every rule that applies to it, or says why it can't be had here."""
    mirror = Path(__file__).resolve().parents[3] / "shared" / "mirror"
    monkeypatch.setenv("SRBENCH_OFFLINE", "1")
    if mirror.is_dir():
        monkeypatch.setenv("SRBENCH_MIRROR", str(mirror))
    entry = models()[name]
    scale = entry.info.scales[0]
    argument = stranger(name, scale) if entry.info.argument else ""
    try:
        found = verdicts(entry, argument, scale)
    except Unavailable as reason:
        pytest.skip(f"left out: {reason}")
    assert failed(found) == set(), {n: found[n].found for n in failed(found)}


# ------------------------------------------------------------------------------------- the tool


def test_memory_that_is_dropped_does_not_count() -> None:
    """Calls that only use memory hold on to nothing; calls that keep a little are found out."""
    kept: list[Any] = []
    assert growth(lambda: torch.ones(100_000).sum()) < 1024
    assert growth(lambda: kept.append(torch.ones(1000))) >= 4000
    assert growth(lambda: kept.append(np.ones(1000))) >= 8000


PLUGIN = """
import srbench, torch

class Net(srbench.Adapter):
    def load(self, device, dtype):
        pass
    def predict(self, lr):
        return lr.repeat_interleave(2, 2).repeat_interleave(2, 3){spoilt}

srbench.register_model(srbench.ModelInfo(name="{name}", title="", family="", scales=(2,)), Net)
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """A plugin's file with one model, right or spoilt; its name is free again afterwards."""
    from srbench import registry

    before = dict(registry.models())

    def write(name: str, spoilt: str = "") -> Path:
        (tmp_path / f"{name}.py").write_text(PLUGIN.format(name=name, spoilt=spoilt))
        return tmp_path / f"{name}.py"

    yield write
    for name in set(registry.models()) - set(before):
        del registry._models[name]


def test_check_of_a_plugins_file(srbench: Callable[..., Any], plugin: Callable[..., Path]) -> None:
    """`srbench check FILE` tries all that the file registers; 0 if every rule is kept, one line a rule."""
    ran = srbench("check", plugin("right"))
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].startswith("right x2: ")
    assert len(lines) == 1 + len(RULES)
    assert all(" ok " in line or " left out " in line for line in lines[1:])


def test_check_of_a_wrong_model(srbench: Callable[..., Any], plugin: Callable[..., Path]) -> None:
    """A broken rule ends in 3, and is said with its sentence and what was found."""
    ran = srbench("check", "spoilt", "--plugin", plugin("spoilt", "[:, [2, 1, 0]]"))
    assert ran.code == 3
    (line,) = [line for line in ran.out.splitlines() if " failed " in line and "colour order" in line]
    assert "Red stays red" in line
    assert "channels come out in the order BGR" in line


def test_check_as_json(srbench: Callable[..., Any], plugin: Callable[..., Path]) -> None:
    """With --json stdout is one object: per model and scale each rule, its result and what was found."""
    ran = srbench("check", "odd", "--plugin", plugin("odd", " * 300"), "--json", "-x", "2")
    assert ran.code == 3
    (one,) = ran.json()["checked"]
    assert (one["model"], one["scale"]) == ("odd", 2)
    results = {rule["rule"]: rule["result"] for rule in one["rules"]}
    assert results["value range"] == "failed"
    assert results["shape"] == "ok"


def test_check_at_a_scale_that_a_file_lacks(srbench: Callable[..., Any], stranger: Stranger) -> None:
    """A checkpoint of x4 is tried at x4, and left out with the reason at other scales."""
    spec = f"spandrel:{stranger('spandrel', 4)}"
    ran = srbench("check", spec, "--json")
    assert ran.code == 0, ran.err
    tried = {one["scale"]: one for one in ran.json()["checked"]}
    assert [scale for scale, one in tried.items() if one["rules"]] == [4]
    assert "which is x4" in tried[2]["left_out"]
    assert srbench("check", spec, "-x", "2").code == 4


@pytest.mark.parametrize(
    ("target", "message"),
    [("srcn", "a known model, got 'srcn'"), ("gone.py", "a Python file"), ("folder:.", "srbench score DIR")],
)
def test_check_of_nothing_is_one_line(srbench: Callable[..., Any], target: str, message: str) -> None:
    """Unknown names, missing files and folders of outputs are refused with what to do."""
    ran = srbench("check", target)
    assert ran.code == 2
    assert message in ran.err
    assert len(ran.err.splitlines()) == 1


def test_a_rule_is_a_sentence() -> None:
    """Every rule's first docstring line is the sentence that users read."""
    for rule in RULES:
        first = (rule.__doc__ or "").splitlines()[0]
        assert first.endswith(".")
        assert first[0].isupper()
