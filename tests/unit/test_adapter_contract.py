"""The contract: one deliberately wrong adapter per rule, each refused by a message that names the rule."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from srbench.adapters.base import BaseAdapter, Frames, PlainAdapter, Settings
from srbench.adapters.network import Adapter
from srbench.errors import ContractError, SrbenchError, Unavailable, UsageError
from srbench.protocols import get_protocol
from srbench.types import ClipSpec, EvalProtocol, Job, ModelInfo

INFO = ModelInfo(name="mynet", title="My net", family="test", scales=(2, 3))
PLAIN = replace(INFO, name="plain", dtypes=())
LR = np.arange(2 * 5 * 4 * 3, dtype=np.uint8).reshape(2, 5, 4, 3)


def job(scale: int = 2, protocol: str = "classic") -> Job:
    """A job for one small clip."""
    return Job(ClipSpec("toy", "clip", 2, scale, "bi", ""), get_protocol(protocol, scale))


def doubled(lr: Any) -> Any:
    """The honest answer at x2, on either side of the door."""
    axes = (2, 3) if isinstance(lr, Tensor) else (1, 2)
    if isinstance(lr, Tensor):
        return lr.repeat_interleave(2, axes[0]).repeat_interleave(2, axes[1])
    return lr.repeat(2, axes[0]).repeat(2, axes[1])


class Plain(PlainAdapter):
    """Answers with whatever function it is given."""

    def __init__(self, answer: Callable[[Frames], Any]) -> None:
        super().__init__(PLAIN)
        self.answer = answer

    def inference(self, protocol: EvalProtocol) -> str:
        """Always the same."""
        return "plain"

    def upscale(self, lr: Frames, job: Job) -> Frames:
        """The answer."""
        result: Frames = self.answer(lr)
        return result


class Net(Adapter):
    """Predicts with whatever function it is given."""

    def __init__(self, answer: Callable[[Tensor], Any], info: ModelInfo = INFO) -> None:
        super().__init__(info)
        self.answer = answer

    def predict(self, lr: Tensor) -> Tensor:
        """The answer."""
        result: Tensor = self.answer(lr)
        return result


def started(adapter: BaseAdapter, scale: int = 2, settings: Settings | None = None) -> BaseAdapter:
    """The adapter, ready to be called."""
    adapter.start(scale, settings)
    return adapter


def in_place(lr: Tensor) -> Tensor:
    """Wrong: changes its input."""
    sr = doubled(lr)
    lr.mul_(0.5)
    return sr  # type: ignore[no-any-return]


def through_a_view(lr: Tensor) -> Tensor:
    """Wrong: changes its input through a view of it."""
    sr = doubled(lr)
    lr[:, :1].clamp_(0, 0.5)
    return sr  # type: ignore[no-any-return]


def through_numpy(lr: Tensor) -> Tensor:
    """Wrong: changes its input through numpy, which torch doesn't count."""
    sr = doubled(lr)
    lr.numpy()[0, 0, 0, 0] = 0.125
    return sr  # type: ignore[no-any-return]


def scribble(lr: Frames) -> Frames:
    """Wrong: writes to its input."""
    lr[0, 0, 0] = 0
    return doubled(lr)  # type: ignore[no-any-return]


def fail(lr: Any) -> Any:
    """Wrong: raises."""
    raise ZeroDivisionError("weights\nare gone")


def leave(lr: Any) -> Any:
    """Wrong: ends the program, with success."""
    sys.exit(0)


def with_graph(lr: Tensor) -> Tensor:
    """Wrong: turns autograd back on."""
    with torch.inference_mode(False), torch.enable_grad():
        return doubled(lr.clone().requires_grad_())  # type: ignore[no-any-return]


def with_one(value: float) -> Callable[[Any], Any]:
    """Right but for one value."""

    def answer(lr: Any) -> Any:
        sr = doubled(lr).clone() if isinstance(lr, Tensor) else doubled(lr).astype(np.float64)
        sr[0, 0, 0, 0] = value
        return sr

    return answer


WRONG_NETWORKS = {
    "scale": (lambda lr: lr, r"shape \(1, 3, 10, 8\) .*scale \* height.* got shape \(1, 3, 5, 4\)"),
    "channels": (lambda lr: doubled(lr)[:, :1], r"shape \(1, 3, 10, 8\).* got shape \(1, 1, 10, 8\)"),
    "axes": (lambda lr: doubled(lr).permute(0, 2, 3, 1), r"channels, .* got shape \(1, 10, 8, 3\)"),
    "dimensions": (lambda lr: doubled(lr)[0], r"frames, .* got shape \(3, 10, 8\)"),
    "integer": (
        lambda lr: (doubled(lr) * 255).to(torch.uint8),
        r"floating point in \[0, 1\], got torch.uint8",
    ),
    "array": (lambda lr: doubled(lr).numpy(), r"predict a tensor, got ndarray"),
    "nothing": (lambda lr: None, r"predict a tensor, got NoneType"),
    "nan": (with_one(float("nan")), r"finite values, got 1 of 240 values NaN or infinite"),
    "inf": (with_one(float("inf")), r"finite values, got 1 of 240 values NaN or infinite"),
    "in place": (in_place, r"leave its input alone, got predict changed it in place"),
    "in place, by a view": (through_a_view, r"leave its input alone"),
    "in place, by numpy": (through_numpy, r"leave its input alone, got predict changed it in place"),
    "0 to 255": (lambda lr: doubled(lr) * 255, r"the scale \[0, 1\], got 0 to 59; divide by 255"),
    "far below": (lambda lr: doubled(lr) - 3, r"the scale \[0, 1\], got -3 to -2"),
    "exits": (leave, r"super-resolve 'clip', got called sys.exit\(0\)"),
    "graph": (with_graph, r"without autograd, got a tensor with a graph"),
    "raises": (fail, r"super-resolve 'clip', got ZeroDivisionError: weights are gone"),
}

WRONG_PLAIN = {
    "scale": (lambda lr: lr, r"shape \(2, 10, 8, 3\) .*scale \* height.* got shape \(2, 5, 4, 3\)"),
    "frames": (lambda lr: doubled(lr)[:1], r"frames, .* got shape \(1, 10, 8, 3\)"),
    "channels": (lambda lr: doubled(lr)[..., :1], r"channels\), got shape \(2, 10, 8, 1\)"),
    "dtype": (lambda lr: doubled(lr).astype(np.int32), r"uint8, float32 or float64, got int32"),
    "half": (lambda lr: doubled(lr).astype(np.float16), r"uint8, float32 or float64, got float16"),
    "list": (lambda lr: doubled(lr).tolist(), r"return a numpy array, got list"),
    "nan": (with_one(np.nan), r"finite values, got 1 of 480 values NaN or infinite"),
    "minus infinity": (with_one(-np.inf), r"finite values, got 1 of 480"),
    "exits": (leave, r"super-resolve 'clip', got called sys.exit\(0\)"),
    "writes": (scribble, r"ValueError: assignment destination is read-only; .*input is read-only"),
    "raises": (fail, r"super-resolve 'clip', got ZeroDivisionError: weights are gone"),
}


@pytest.mark.parametrize("rule", WRONG_NETWORKS)
def test_wrong_network_is_refused(rule: str) -> None:
    """A network that breaks a rule is refused in one line that names the model, the rule and what it did."""
    answer, message = WRONG_NETWORKS[rule]
    with pytest.raises(ContractError, match=f"^expected mynet .*{message}") as caught:
        started(Net(answer))(LR, job())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rule", WRONG_PLAIN)
def test_wrong_plain_adapter_is_refused(rule: str) -> None:
    """A model without a network that breaks a rule is refused likewise."""
    answer, message = WRONG_PLAIN[rule]
    with pytest.raises(ContractError, match=f"^expected plain .*{message}"):
        started(Plain(answer))(LR, job())


@pytest.mark.parametrize("adapter", [Net(doubled), Plain(doubled)], ids=["network", "plain"])
def test_honest_adapter_passes(adapter: BaseAdapter) -> None:
    """An adapter that keeps every rule gives frames of the right size, and its input is as it was."""
    lr = LR.copy()
    sr = started(adapter)(lr, job())
    np.testing.assert_allclose(sr, doubled(LR), atol=255 * 2**-24)
    np.testing.assert_array_equal(lr, LR)
    assert lr.flags.writeable


def test_values_beyond_the_range_pass() -> None:
    """Values below 0 or above 1 are not refused: they are clipped when the prediction is quantised."""
    sr = started(Net(lambda lr: doubled(lr) * 5 - 0.9))(LR, job())
    assert sr.min() < 0
    assert sr.max() > 255


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_few_wild_values_pass(dtype: str) -> None:
    """A tenth of the values may lie anywhere: a network that overshoots wildly has its own bad score."""

    def answer(lr: Tensor, wild: int) -> Tensor:
        sr: Tensor = doubled(lr).clone()
        sr.view(-1)[:wild] = 99
        return sr

    def wild(count: int) -> BaseAdapter:
        info = replace(INFO, dtypes=(dtype,))
        return started(Net(lambda lr: answer(lr, count), info), settings=Settings(dtype=dtype))

    assert wild(24)(LR, job()).max() == 99 * 255
    with pytest.raises(ContractError, match="divide by 255"):
        wild(25)(LR, job())


def test_load_that_exits_is_refused() -> None:
    """`sys.exit` in `load` is the model's failure, not the program's end; other errors stay what they are."""

    class Leaving(Net):
        def load(self, device: str, dtype: str) -> None:
            sys.exit("no licence")

    class Failing(Net):
        def load(self, device: str, dtype: str) -> None:
            raise KeyError("layer")

    with pytest.raises(ContractError, match=r"expected mynet to load, got called sys.exit\('no licence'\)"):
        started(Leaving(doubled))
    with pytest.raises(KeyError, match="layer"):
        started(Failing(doubled))


@pytest.mark.parametrize("error", [Unavailable("a", "b", "c"), MemoryError("no room"), KeyboardInterrupt()])
def test_errors_with_a_meaning_pass(error: BaseException) -> None:
    """Errors that the runner tells apart (a reason to skip, no memory, Ctrl-C) are not wrapped."""

    def answer(lr: Any) -> Any:
        raise error

    for adapter in (Net(answer), Plain(answer)):
        with pytest.raises(type(error)):
            started(adapter)(LR, job())


def test_no_memory_is_one_error_on_every_device() -> None:
    """Both ways in which torch says that memory has run out become MemoryError."""

    def on_cuda(lr: Tensor) -> Tensor:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    for answer in (on_cuda, lambda lr: torch.empty(2**50)):
        with pytest.raises(MemoryError):
            started(Net(answer))(LR, job())


def test_other_runtime_errors_break_the_contract() -> None:
    """A RuntimeError that isn't about memory is the model's fault."""
    with pytest.raises(ContractError, match=r"RuntimeError: .*size"):
        started(Net(lambda lr: torch.ones(2) + torch.ones(3)))(LR, job())


@pytest.mark.parametrize(
    ("lr", "message"),
    [
        (LR[0], r"\(T, h, w, 1 or 3\), got shape \(5, 4, 3\)"),
        (LR[..., :2], r"\(T, h, w, 1 or 3\)"),
        (LR[:0], r"\(T, h, w, 1 or 3\), got shape \(0, 5, 4, 3\)"),
        (LR.astype(np.float32), "uint8 or float64, got float32"),
    ],
)
def test_wrong_input_is_refused(lr: Frames, message: str) -> None:
    """Frames that are not what a protocol gives are refused before the model sees them."""
    with pytest.raises(ContractError, match=message):
        started(Plain(fail))(lr, job())


def test_call_before_start_is_refused() -> None:
    """An adapter must be started for the scale it is called with."""
    with pytest.raises(ContractError, match="started for x2, got x0"):
        Plain(doubled)(LR, job())
    with pytest.raises(ContractError, match="started for x3, got x2"):
        started(Plain(doubled))(LR, job(3))


@pytest.mark.parametrize(
    ("change", "scale", "settings", "message"),
    [
        ({}, 4, Settings(), "a scale of mynet, got x4; it has x2, x3"),
        ({}, 2, Settings(dtype="float16"), "no float16: mynet runs in float32"),
        ({}, 2, Settings(tile=32), "declares no receptive field"),
        ({"receptive_field": 3}, 2, Settings(tile=-8), "no tiles of -8 pixels"),
        (
            {"receptive_field": 3, "tiling": "discouraged"},
            2,
            Settings(tile=32),
            "tiling of mynet is discouraged",
        ),
        ({"receptive_field": 3, "tiling": "internal"}, 2, Settings(tile=32), "tiling of mynet is internal"),
    ],
)
def test_settings_beyond_the_card_are_refused(
    change: dict[str, Any], scale: int, settings: Settings, message: str
) -> None:
    """What the card doesn't offer is refused at the start, before anything is loaded."""
    adapter = Net(fail, replace(INFO, **change))
    with pytest.raises(UsageError, match=message):
        adapter.start(scale, settings)
    assert adapter.scale == 0


def test_load_knows_scale_device_and_dtype() -> None:
    """When `load` is called the scale is known, and device and dtype are its arguments."""
    seen: list[tuple[int, str, str]] = []

    class Noting(Net):
        def load(self, device: str, dtype: str) -> None:
            seen.append((self.scale, device, dtype))

    Noting(doubled, replace(INFO, dtypes=("float32", "bfloat16"))).start(3, Settings(dtype="bfloat16"))
    assert seen == [(3, "cpu", "bfloat16")]


def test_argument_is_refused_where_none_is_taken() -> None:
    """NAME:ARGUMENT is an error for a model that takes no argument."""
    with pytest.raises(UsageError, match=r"mynet alone, got 'mynet:big'; it takes no argument"):
        type("Named", (Adapter,), {"predict": doubled})(INFO, "big")


def test_network_without_dtypes_is_refused() -> None:
    """An empty list of dtypes says that there is no network: a network's card may not say so."""
    with pytest.raises(ContractError, match="dtypes"):
        Net(doubled, replace(INFO, dtypes=()))


@pytest.mark.parametrize(
    ("info", "protocol", "reason"),
    [
        (INFO, get_protocol("classic", 2), None),
        (INFO, get_protocol("classic", 4), "no x4: mynet has x2, x3"),
        (INFO, get_protocol("vdsr", 2), "needs RGB; protocol vdsr gives a luma plane only"),
        (replace(INFO, planes=("rgb", "y")), get_protocol("vdsr", 2), None),
    ],
)
def test_skip_gives_the_reason(info: ModelInfo, protocol: EvalProtocol, reason: str | None) -> None:
    """What a card rules out is a reason, not an error."""
    assert Net(doubled, info).skip(protocol) == reason


def test_missing_weights_are_a_reason_to_skip() -> None:
    """A card without a checkpoint for the scale says so when weights are asked for."""
    adapter = Net(doubled)
    adapter.start(3)
    with pytest.raises(Unavailable, match="weights of mynet for x3"):
        adapter.weights()


def test_contract_errors_carry_their_exit_code() -> None:
    """A broken contract is a failed cell: exit code 3."""
    assert issubclass(ContractError, SrbenchError)
    assert ContractError.exit_code == 3
