"""The loop: a recipe to its weights, the same to the bit on the same machine, killed in between or not."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from srbench import __version__
from srbench.adapters.trained_file import HEADER, read_trained
from srbench.archs.build import build
from srbench.archs.descriptions import network_table, promise
from srbench.errors import Diverged, UsageError
from srbench.fetch.arrays import load_arrays
from srbench.fetch.digests import sha256_of
from srbench.image.color import rgb2y, round_u8
from srbench.image.crop import shave
from srbench.metrics.psnr import psnr
from srbench.resources import weights_folder
from srbench.train.checkpoint import (
    below,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
    save_tensors,
    under,
)
from srbench.train.losses import Adversary, Criterion, criterion
from srbench.train.patches import Pair, Patches, load_pairs, middle, split, window_of
from srbench.train.recipes import Optimizer, Recipe, recipe_table
from srbench.train.record import TrainingRecord
from srbench.types import ModelInfo

CHECKPOINT, RECORD = "checkpoint.safetensors", "record.jsonl"
LOSS_LINE_EVERY = 100
FUSION = "fusion.weight"
"""Of a small EDVR: ``(features, frames * features, 1, 1)``."""


class Listener(Protocol):
    """Who is told how a training goes on."""

    def stepped(self, step: int) -> None:
        """A step was made."""

    def validated(self, step: int, psnr_y: float) -> None:
        """The held-out images were scored."""


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Attributes:
        weights: the file of weights.
        sha256: its digest.
        psnr_y: of the held-out images in the end, in dB.
        seconds: of all steps, those before a kill too.
        finished: False if it was stopped before its last step.
    """

    weights: Path
    sha256: str
    psnr_y: float
    seconds: float
    finished: bool = True


def weights_file(recipe: Recipe, folder: Path) -> Path:
    """Where a training leaves its weights."""
    return folder / f"{recipe.name}.safetensors"


class Trainer:
    """One training in its folder: ``NAME.safetensors``, ``record.jsonl``, and the checkpoint until it ends.

    Args:
        recipe: what to train.
        folder: of this training alone; a checkpoint in it is gone on from.
        device: torch's word.
        threads: of torch on the CPU: another number may round otherwise; 0 for torch's own.

    Raises:
        UsageError: a training set isn't here or is a test set, or the folder holds another recipe's training.
        Unavailable: VGG16's weights can't be had for a perceptual loss.
    """

    def __init__(self, recipe: Recipe, folder: Path, *, device: str = "cpu", threads: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        torch.set_num_threads(threads or torch.get_num_threads())
        self.recipe, self.folder, self.device = recipe, folder, device
        self.info = promise(recipe.network, recipe.name, recipe.name)
        pairs = load_pairs(recipe.data, self.info, recipe.network.scale)
        seen, self.held_out = split(pairs, recipe.data.held_out)
        self.patches = Patches(seen, recipe.data, self.info, recipe.seed)
        torch.manual_seed(recipe.seed)
        # Channels last: a quarter faster on a CPU.
        self.net = build(recipe.network).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if recipe.start:
            self.net.load_state_dict(_started(recipe.start, self.net))
        self.average = {name: tensor.clone() for name, tensor in self.net.state_dict().items()}
        self.optimizer = _optimizer(recipe.optimizer, self.net)
        self.terms, self.adversary = _terms(recipe, device)
        self.record = TrainingRecord(folder / RECORD)
        self.step, self.seconds = 0, 0.0
        self._losses: list[float] = []
        self._resume()

    # ------------------------------------------------------------------------------ running

    def run(self, listener: Listener | None = None, *, stop_after: int | None = None) -> Trained:
        """Train to the recipe's last step.

        Args:
            listener: who is told.
            stop_after: stop after this step instead, with a checkpoint; a finished training stays as it is.

        Raises:
            Diverged: the loss is no longer finite; the last checkpoint stays.
        """
        if self.finished:
            return self._known()
        last = min(self.recipe.steps, stop_after or self.recipe.steps)
        if self.step == 0:
            self.record.keep_until(-1)
            self.record.add("begin", 0, **self._beginning())
        with _deterministic():
            while self.step < last:
                self._advance(listener)
        if self.step < self.recipe.steps:
            self._save()
        return self._end(listener)

    @property
    def finished(self) -> bool:
        """Whether every step was made before: the weights are there, and nothing is trained."""
        return self.step == self.recipe.steps

    def _known(self) -> Trained:
        end = self.record.lines()[-1]
        return Trained(weights_file(self.recipe, self.folder), end["sha256"], end["psnr_y"], end["seconds"])

    def seconds_a_step(self, steps: int = 5) -> float:
        """How long a step takes, the median of a few after two more; the weights are no good afterwards."""
        taken = []
        for number in range(steps + 2):
            began = time.perf_counter()
            self.step = number
            self._make_step()
            taken.append(time.perf_counter() - began)
        return float(np.median(taken[2:]))

    def _advance(self, listener: Listener | None) -> None:
        began = time.perf_counter()
        self._losses.append(self._finite(self._make_step()))
        self.step += 1
        self.seconds += time.perf_counter() - began
        if self.step % LOSS_LINE_EVERY == 0 or self.step == self.recipe.steps:
            self._tell_loss()
        if listener is not None:
            listener.stepped(self.step)
        every = self.recipe.validate_every
        if every and self.step % every == 0 and self.step < self.recipe.steps:
            self._validate(listener)
        if self.step % self.recipe.checkpoint_every == 0 and self.step < self.recipe.steps:
            self._save()

    def _finite(self, loss: float) -> float:
        if not math.isfinite(loss):
            got = f"{loss} at step {self.step + 1} of {self.recipe.name}"
            raise Diverged("a finite loss", got, "lower the rate, or clip the gradient (optimizer.clip)")
        return loss

    def _make_step(self) -> float:
        lr, hr = self._batch(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.recipe.optimizer, self.step)
        self.net.train()
        self.optimizer.zero_grad(set_to_none=True)
        with self._mixed():
            sr = self._enlarged(lr)
        loss = self._loss(sr.float(), hr)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.recipe.optimizer.clip:
            nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.optimizer.clip)
        self.optimizer.step()
        if self.adversary is not None:
            self.adversary.learn(sr.float(), hr)
        self._blend()
        return float(loss.detach())

    def _batch(self, number: int) -> tuple[Tensor, Tensor]:
        """``(N, T, C, p, p)``, and the images that are wanted of it, ``(N or N * T, C, P, P)``."""
        batch = self.patches.batch(number)
        lr, hr = (torch.from_numpy(planes).to(self.device) for planes in (batch.inputs, batch.targets))
        return lr, hr.flatten(0, 1)

    def _enlarged(self, lr: Tensor) -> Tensor:
        """What the network makes of a batch, an image for each that is wanted."""
        sr: Tensor = self.net(lr[:, 0] if self.info.kind == "still" else lr)
        return sr.flatten(0, 1) if self.info.kind == "sequence" else sr

    def _loss(self, sr: Tensor, hr: Tensor) -> Tensor:
        return torch.stack([weight * term(sr, hr) for weight, term in self.terms]).sum()

    def _mixed(self) -> AbstractContextManager[Any]:
        wanted = self.recipe.mixed and self.device.startswith("cuda")
        return torch.autocast("cuda", torch.bfloat16) if wanted else nullcontext()

    @torch.no_grad()
    def _blend(self) -> None:
        """``average = decay * average + (1 - decay) * weights``; counters are copied."""
        decay = decay_at(self.recipe.ema, self.step)
        for name, tensor in self.net.state_dict().items():
            if decay and tensor.is_floating_point():
                self.average[name].lerp_(tensor, 1 - decay)
            else:
                self.average[name].copy_(tensor)

    # ------------------------------------------------------------------------- telling

    def _beginning(self) -> dict[str, Any]:
        return {
            "recipe": recipe_table(self.recipe),
            "digest": self.recipe.digest,
            "params": sum(p.numel() for p in self.net.parameters()),
            "saved_bytes": self._saved_bytes(),
            "held_out": [pair.name for pair in self.held_out],
            "device": self.device,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "srbench": __version__,
        }

    def _saved_bytes(self) -> int:
        """What one step of the network keeps for its gradient, parameters not counted, in bytes."""
        lr, hr = self._batch(0)
        before = {name: tensor.clone() for name, tensor in self.net.state_dict().items()}
        with saved_bytes(self.net) as count:
            self.net.train()
            self._loss(self._enlarged(lr), hr)
        self.net.load_state_dict(before)  # batch normalisation has counted
        return count()

    def _tell_loss(self) -> None:
        mean = float(np.mean(self._losses))
        rate = learning_rate(self.recipe.optimizer, self.step - 1)
        self.record.add("loss", self.step, loss=mean, rate=rate, seconds=round(self.seconds, 3))
        self._losses.clear()

    def _validate(self, listener: Listener | None) -> float:
        net = build(self.recipe.network).to(self.device)
        net.load_state_dict(self.average)
        score = validate(net, self.held_out, self.info, self.recipe, self.device)
        self.record.add("validation", self.step, psnr_y=score)
        if listener is not None:
            listener.validated(self.step, score)
        return score

    def _end(self, listener: Listener | None) -> Trained:
        score = self._validate(listener)
        path = weights_file(self.recipe, self.folder)
        save_tensors(path, self.average, {HEADER: json.dumps(self._said(), sort_keys=True)})
        finished = self.step == self.recipe.steps
        found = Trained(path, sha256_of(path), score, self.seconds, finished)
        if finished:
            speed = round(self.step / self.seconds, 3) if self.seconds else 0.0
            peak = torch.cuda.max_memory_allocated(self.device) if self.device.startswith("cuda") else None
            self.record.add(
                "end", self.step, sha256=found.sha256, psnr_y=score, seconds=round(self.seconds, 1),
                steps_per_second=speed, gpu_peak_bytes=peak,
            )  # fmt: skip
            (self.folder / CHECKPOINT).unlink(missing_ok=True)
        return found

    def _said(self) -> Mapping[str, Any]:
        return {
            "network": network_table(self.recipe.network),
            "recipe": self.recipe.name,
            "digest": self.recipe.digest,
            "steps": self.step,
            "trained_on": self.recipe.data.sets,
            "version": __version__,
        }

    # -------------------------------------------------------------------- going on after a kill

    def _save(self) -> None:
        tensors = {
            **under("net", self.net.state_dict()),
            **under("average", self.average),
            **under("optimizer", optimizer_tensors(self.optimizer)),
            "generator": torch.get_rng_state(),
        }
        if self.adversary is not None:
            tensors |= under("adversary", self.adversary.net.state_dict())
            tensors |= under("adversary_optimizer", optimizer_tensors(self.adversary.optimizer))
        state = {
            "digest": self.recipe.digest,
            "step": self.step,
            "seconds": self.seconds,
            "losses": self._losses,
            "threads": torch.get_num_threads(),
        }
        save_checkpoint(self.folder / CHECKPOINT, tensors, state)

    def _resume(self) -> None:
        path, weights = self.folder / CHECKPOINT, weights_file(self.recipe, self.folder)
        if weights.is_file():
            _, training = read_trained(weights)
            self._check_own(training.digest, weights)
            if training.steps == self.recipe.steps and self._ended(weights):
                self.step = self.recipe.steps
                return
        if not path.is_file():
            return
        tensors, state = load_checkpoint(path)
        self._check_own(state["digest"], path)
        self.net.load_state_dict(below("net", tensors))
        self.average = {n: t.to(self.device) for n, t in below("average", tensors).items()}
        restore_optimizer(self.optimizer, below("optimizer", tensors))
        torch.set_rng_state(tensors["generator"])
        if self.adversary is not None:
            self.adversary.net.load_state_dict(below("adversary", tensors))
            restore_optimizer(self.adversary.optimizer, below("adversary_optimizer", tensors))
        torch.set_num_threads(state["threads"])
        self.step, self.seconds, self._losses = state["step"], state["seconds"], state["losses"]
        self.record.keep_until(self.step)

    def _check_own(self, found: str, path: Path) -> None:
        if found != self.recipe.digest:
            got = f"one of recipe {found}, not {self.recipe.digest}: {path}"
            raise UsageError("a folder of this training alone", got, "name another folder, or delete it")

    def _ended(self, weights: Path) -> bool:
        """Whether the record tells of just these weights."""
        lines = self.record.lines()
        return bool(lines) and lines[-1]["event"] == "end" and lines[-1]["sha256"] == sha256_of(weights)


def learning_rate(optimizer: Optimizer, step: int) -> float:
    """The rate of a step, counted from 0: warm-up, then a factor at each milestone."""
    rate = optimizer.rate * optimizer.factor ** sum(step >= milestone for milestone in optimizer.milestones)
    return rate * min(1.0, (step + 1) / optimizer.warm_up) if optimizer.warm_up else rate


def decay_at(ema: float, step: int) -> float:
    """The average's decay at a step, counted from 0: it rises to ``ema``, so that the beginning is forgotten.

    As in TensorFlow's ``ExponentialMovingAverage``: ``min(ema, (1 + step) / (10 + step))``.
    """
    return min(ema, (1 + step) / (10 + step))


@torch.no_grad()
def validate(net: nn.Module, pairs: list[Pair], info: ModelInfo, recipe: Recipe, device: str) -> float:
    """Mean PSNR of luma over pairs in dB, as protocol ``classic`` scores: uint8 RGB, border of the scale.

    Args:
        net: of a trained or untrained network.
        pairs: an image each, or a clip whose middle frame is scored.
        info: the network's promise: its window, and the multiple that sides are cropped to.
        recipe: its scale, and the frames of a sequence.
        device: where the network is.
    """
    net.eval()
    scores = []
    for pair in pairs:
        lr, hr = middle(pair, window_of(recipe.data, info), info.size_multiple)
        given = torch.from_numpy(lr).to(device)
        made = net(given[:1] if info.kind == "still" else given[None])[0]
        sr = (made[len(lr) // 2] if info.kind == "sequence" else made).float().cpu().numpy()
        scores.append(psnr(*(shave(_luma(planes), recipe.network.scale) for planes in (sr, hr))))
    return float(np.mean(scores))


def _luma(planes: np.ndarray) -> np.ndarray:
    """Studio-range Y of ``(3, H, W)`` RGB rounded to uint8, or of ``(1, H, W)`` luma as it is; 0..255."""
    values = planes.astype(np.float64).transpose(1, 2, 0) * 255
    return rgb2y(round_u8(values)) if values.shape[2] == 3 else np.clip(values[..., 0], 0, 255)


@contextmanager
def saved_bytes(net: nn.Module) -> Iterator[Callable[[], int]]:
    """Count what autograd keeps in this block: each storage once, the network's own tensors not.

    Yields:
        What was kept so far, in bytes.
    """
    own = {t.untyped_storage().data_ptr() for t in (*net.parameters(), *net.buffers())}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor  # held, so that no address is used again
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield lambda: sum(t.untyped_storage().nbytes() for a, t in kept.items() if a not in own)


@contextmanager
def _deterministic() -> Iterator[None]:
    flags = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    with flags:
        yield


def _optimizer(wanted: Optimizer, net: nn.Module) -> torch.optim.Optimizer:
    if wanted.kind == "sgd":
        return torch.optim.SGD(net.parameters(), lr=wanted.rate, momentum=wanted.momentum)
    return torch.optim.Adam(net.parameters(), lr=wanted.rate, betas=wanted.betas)


def _terms(recipe: Recipe, device: str) -> tuple[list[tuple[float, Criterion]], Adversary | None]:
    adversaries = [Adversary(loss, device) for loss in recipe.losses if loss.kind == "adversarial"]
    plain = [(loss.weight, criterion(loss, device)) for loss in recipe.losses if loss.kind != "adversarial"]
    weights = [loss.weight for loss in recipe.losses if loss.kind == "adversarial"]
    return [*plain, *zip(weights, adversaries, strict=True)], next(iter(adversaries), None)


def _started(start: str, net: nn.Module) -> dict[str, Tensor]:
    """The tensors to go on from; a window of more frames begins with no weight on those that are new."""
    path = Path(start) if start.endswith(".safetensors") else weights_folder() / f"{start}.safetensors"
    arrays = load_arrays(path, "safetensors")
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    if FUSION in tensors:
        new = net.state_dict()[FUSION].shape[1] - tensors[FUSION].shape[1]
        tensors[FUSION] = nn.functional.pad(tensors[FUSION], (0, 0, 0, 0, new // 2, new // 2))
    return tensors
