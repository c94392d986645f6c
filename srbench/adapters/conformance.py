"""The conformance suite: what every model must keep, tried on small pictures, each rule by its name.

A rule is a function of a `Trial`; its docstring is the sentence that a user reads. It returns what it
measured, or raises `Broken` or `LeftOut` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Literal

import numpy as np
import torch

from srbench.adapters.command import Command
from srbench.adapters.held import growth
from srbench.adapters.planning import inference_signature, model_fingerprint, skip_reason
from srbench.adapters.tiles import tile_overlap
from srbench.adapters.trial import Broken, Call, Image, LeftOut, Trial, in_a_line
from srbench.errors import Unavailable
from srbench.image.color import rgb2gray, rgb2y
from srbench.protocols import RECIPES

Result = Literal["ok", "failed", "left out"]
Rule = Callable[[Trial], str]

TILE = 16
EXACT = 0.01
"""Levels (of 255) that float32's rounding may move a value when only the order of sums differs."""
DEVICES = 0.1
"""Levels by which CPU and GPU may differ in float32."""
HALF = 4.0
"""Roundings of a half precision by which a picture may differ from float32's, as a root mean square."""
MISPLACED = 0.25
"""HR pixels that a picture may seem to be moved: half a pixel is an error, a sharper picture is none."""
LEAK = 1024
"""Bytes a call may hold on to."""


@dataclass(frozen=True)
class Verdict:
    """What became of one rule: its name, its sentence, the result, and what was found."""

    rule: str
    says: str
    result: Result
    found: str


def examine(trial: Trial) -> Iterator[Verdict]:
    """Try every rule, one after the other."""
    for rule in RULES:
        yield _verdict(rule, trial)


def _verdict(rule: Rule, trial: Trial) -> Verdict:
    says = (rule.__doc__ or "").splitlines()[0]
    name = rule.__name__.replace("_", " ")
    try:
        return Verdict(name, says, "ok", rule(trial))
    except LeftOut as why:
        return Verdict(name, says, "left out", str(why))
    except Broken as why:
        return Verdict(name, says, "failed", str(why))
    except Unavailable as why:
        return Verdict(name, says, "left out", str(why))
    except Exception as error:  # noqa: BLE001 - a stranger's code: whatever it raises breaks the rule on trial
        return Verdict(name, says, "failed", in_a_line(error))


def runs(trial: Trial) -> str:
    """It super-resolves a small photograph without an error of its own."""
    answer = trial.answer
    own = next((call.error for call in answer.calls if call.error), None)
    if own or (answer.error and not answer.calls):
        raise Broken(in_a_line(own or answer.error or Exception()))
    lr = trial.picture.shape
    return f"{lr[0]}x{lr[1]} pixels to x{trial.scale}"


def shape(trial: Trial) -> str:
    """Height and width are multiplied by the scale; channels and frames are as given."""
    for call in _calls(trial):
        got = tuple(getattr(call.given, "shape", ()))
        if got != call.shape:
            raise Broken(f"expected {call.shape}, got {got or type(call.given).__name__}")
    return " x ".join(map(str, _calls(trial)[0].shape))


def dtype(trial: Trial) -> str:
    """A network answers in floating point; other models in uint8 or floating point."""
    for call in _calls(trial):
        kind = str(getattr(call.given, "dtype", type(call.given).__name__)).removeprefix("torch.")
        network = isinstance(call.given, torch.Tensor) and call.given.is_floating_point()
        array = isinstance(call.given, np.ndarray) and kind in ("uint8", "float32", "float64")
        if not (network if trial.info.dtypes else array):
            raise Broken(f"{kind}: don't quantise, return a tensor in [0, 1]" if trial.info.dtypes else kind)
    return kind


def finite(trial: Trial) -> str:
    """No value is NaN or infinite."""
    bad = sum(int((~np.isfinite(values)).sum()) for values in _values(trial))
    if bad:
        raise Broken(f"{bad} of {sum(v.size for v in _values(trial))} values are NaN or infinite")
    return "all values"


def value_range(trial: Trial) -> str:
    """Values are on the scale that is asked for, and as bright as the input."""
    if trial.info.dtypes and any(a.dtype.kind != "f" for a in map(_array, _given(trial))):
        raise LeftOut("no floating point: see the rule dtype")
    top = 1.0 if trial.info.dtypes else 255.0
    values = np.concatenate([v.ravel() for v in _values(trial)])
    values = values[np.isfinite(values)] / top
    if not values.size:
        raise LeftOut("no value is finite")
    low, high = values.min() * top, values.max() * top
    brightness = float(_brightness(trial, values))
    if low < -0.5 * top or high > 1.5 * top or abs(brightness) > 0.1:
        wanted = "0..1" if trial.info.dtypes else "0..255"
        raise Broken(f"{low:.3g} to {high:.3g} instead of {wanted}, {brightness:+.0%} of brightness")
    return f"{low:.3g} to {high:.3g}"


def _brightness(trial: Trial, values: Image) -> float:
    """How much brighter than the input, in parts of the whole range."""
    picture = rgb2y(trial.picture) if trial.info.channels == "y" and trial.info.dtypes else trial.picture
    return float(values.mean() - picture.mean() / 255)


def input_unchanged(trial: Trial) -> str:
    """The input is as it was."""
    if any(call.changed for call in trial.answer.calls):
        raise Broken("it changed its input in place: clone it first")
    return "untouched"


def no_graph(trial: Trial) -> str:
    """The output hangs on no autograd graph."""
    if not trial.info.dtypes:
        raise LeftOut("no network")
    if any(getattr(call.given, "requires_grad", False) for call in _calls(trial)):
        raise Broken("the output requires gradients: leave autograd disabled")
    return "none"


def colour_order(trial: Trial) -> str:
    """Red stays red: no other order of the channels is nearer to the input's colours."""
    sr = trial.sr
    errors = {order: _mse(sr[..., order], trial.reference) for order in permutations(range(3))}
    best = min(errors, key=lambda order: errors[order])
    if best != (0, 1, 2):
        raise Broken(f"channels come out in the order {''.join('RGB'[c] for c in best)}")
    return f"RGB; as BGR {_db(errors[2, 1, 0]) - _db(errors[0, 1, 2]):.1f} dB"


def place(trial: Trial) -> str:
    """Nothing is moved: the picture lies where bicubic enlargement puts it, to a fraction of a pixel."""
    sr, reference = _contrast(trial.sr), _contrast(trial.reference)
    down, right = _shift(sr, reference, trial.scale), _shift(sr.T, reference.T, trial.scale)
    found = f"{down:+.2f} px down, {right:+.2f} px right"
    if max(abs(down), abs(right)) > MISPLACED:
        raise Broken(f"moved by {found} (output pixels; at most {MISPLACED})")
    return found


def _contrast(picture: Image) -> Image:
    """Its gray picture with mean 0 and deviation 1: brightness and range are other rules' affair."""
    gray: Image = picture.mean(axis=2)
    if gray.std() < 1e-6:
        raise Broken("the picture is flat: nothing of the input is in it")
    standard: Image = (gray - gray.mean()) / gray.std()
    return standard


def _shift(sr: Image, reference: Image, reach: int) -> float:
    """By how many rows `sr` lies below the reference: the least squared error, refined by a parabola."""
    margin = reach + 4
    inner = slice(margin, -margin)
    errors = [
        _mse(np.roll(sr, -k, 0)[inner, inner], reference[inner, inner]) for k in range(-reach, reach + 1)
    ]
    best = int(np.argmin(errors))
    if best in (0, 2 * reach):
        return float(best - reach)
    before, here, after = errors[best - 1 : best + 2]
    return best - reach + 0.5 * (before - after) / (before - 2 * here + after)


def deterministic(trial: Trial) -> str:
    """The same image gives the same answer, whatever was asked in between."""
    first = trial.sr
    trial.picture_of(trial.picture[None, ::-1].copy())
    again = trial.picture_of(trial.picture[None])[0]
    worst = float(np.abs(again - first).max())
    if worst and trial.info.deterministic:
        raise Broken(f"{worst:.3g} levels apart at most; if it must be: deterministic = false in the card")
    return f"{worst:.3g} levels apart at most"


def frames_apart(trial: Trial) -> str:
    """A frame of a clip gets the answer that it gets alone."""
    if trial.info.kind != "still":
        raise LeftOut(f"a {trial.info.kind} model looks at the frames beside")
    alone = trial.sr
    clip = np.stack([trial.picture[::-1], trial.picture, 255 - trial.picture])
    worst = float(np.abs(trial.picture_of(clip)[1] - alone).max())
    if worst and trial.info.deterministic:
        raise Broken(f"{worst:.3g} levels apart at most")
    return f"{worst:.3g} levels apart at most"


def tiles(trial: Trial) -> str:
    """Tiles and the whole image agree, if a receptive field is declared; else the difference is measured."""
    info = trial.info
    trial.needs_picture()
    if not info.dtypes:
        raise LeftOut("no network")
    if info.tiling != "supported" or not tile_overlap(info):
        raise LeftOut(f"tiling is {info.tiling}" if info.tiling != "supported" else "no receptive field")
    overlap = tile_overlap(info)
    lr = trial.cut(2 * TILE, 2 * TILE + 2 * overlap)[None]
    tiled, whole = trial.picture_of(lr, trial.other(tile=TILE)), trial.picture_of(lr)
    worst = float(np.abs(tiled - whole).max())
    found = f"tile:{TILE}+{overlap} and whole are {worst:.3g} levels apart at most"
    if info.receptive_field and worst > EXACT:
        raise Broken(f"{found}: the receptive field is larger than the card's {info.receptive_field}")
    return found


def sizes(trial: Trial) -> str:
    """Any size works: one pixel, one row, odd heights and widths."""
    trial.needs_picture()
    asked = ((1, 1), (1, 9), (5, 7), (17, 13))
    for height, width in asked:
        try:
            trial.picture_of(trial.cut(height, width)[None])
        except Broken as why:
            raise Broken(f"{height}x{width}: {why}") from why
    return ", ".join(f"{height}x{width}" for height, width in asked)


def memory(trial: Trial) -> str:
    """Calls hold on to nothing: memory doesn't grow over repeated calls."""
    if isinstance(trial.adapter, Command):
        raise LeftOut("it runs in a process of its own")
    trial.needs_picture()
    held = growth(lambda: trial.call(trial.cut(16, 16)[None]))
    if held > LEAK:
        raise Broken(f"each call holds on to {held / 1024:.1f} KiB")
    return f"{max(held, 0):.0f} bytes a call"


def half_precision(trial: Trial) -> str:
    """In every dtype that its card names it gives the float32 picture, to that dtype's precision."""
    others = [name for name in trial.info.dtypes if name != "float32"]
    if not others:
        raise LeftOut("its card names float32 only" if trial.info.dtypes else "no network")
    single = trial.sr
    found, absent = [], []
    for name in others:
        try:
            found.append(f"{name} {_half(trial, name, single):.3g}")
        except Unavailable as why:
            absent.append(f"{name}: {why}")
    if not found:
        raise LeftOut("; ".join(absent))
    return f"{', '.join(found)} levels apart (root mean square)"


def _half(trial: Trial, name: str, single: Image) -> float:
    sr = trial.picture_of(trial.picture[None], trial.other(dtype=name))[0]
    apart: float = _mse(sr, single) ** 0.5
    most: float = HALF * 255 * torch.finfo(getattr(torch, name)).eps
    if apart > most:
        raise Broken(
            f"{name} and float32 are {apart:.3g} levels apart (root mean square; at most {most:.3g})"
        )
    return apart


def devices(trial: Trial) -> str:
    """CPU and GPU give the same picture in float32."""
    if not trial.info.dtypes:
        raise LeftOut("no network")
    if not torch.cuda.is_available():
        raise LeftOut("no GPU here")
    pictures = [trial.picture_of(trial.picture[None], trial.other(device=d)) for d in ("cpu", "cuda")]
    worst = float(np.abs(pictures[0] - pictures[1]).max())
    if worst > DEVICES:
        raise Broken(f"{worst:.3g} levels apart at most")
    return f"{worst:.3g} levels apart at most"


def protocols(trial: Trial) -> str:
    """Under every protocol it is skipped with a reason, or gives a picture of what the protocol feeds it."""
    skipped = {name: _under(trial, name) for name in RECIPES}
    reasons = [f"skipped under {name}: {reason}" for name, reason in skipped.items() if reason]
    return "; ".join(reasons) or "runs under all"


def _under(trial: Trial, name: str) -> str:
    """The reason why it is skipped under a protocol, or empty when it gave a picture there."""
    protocol = trial.protocol(name)
    reason = skip_reason(trial.entry, trial.argument, protocol, trial.settings)
    if reason is not None:
        if not reason.strip() or not reason.isprintable():
            raise Broken(f"skipped under {name} for a reason that is no line: {reason!r}")
        return reason
    if trial.answer.sr is None:
        return ""  # the rules above say why; here only reasons to skip are looked at
    lr: Image = trial.picture
    if protocol.degraded == "y":
        lr = rgb2y(lr)[..., None]
    elif protocol.gray == "y":
        lr = np.rint(rgb2gray(lr)).astype(np.uint8)[..., None]
    try:
        trial.picture_of(lr[None], protocol=name)
    except Broken as why:
        raise Broken(f"{name}: {why}") from why
    return ""


def signature(trial: Trial) -> str:
    """A plan can name what moves its numbers: in one line, the same each time."""
    asked = trial.protocol("classic")
    signed = [inference_signature(trial.entry, trial.argument, asked, trial.settings) for _ in range(2)]
    prints = [model_fingerprint(trial.entry, trial.argument, trial.scale) for _ in range(2)]
    if len(set(signed)) > 1 or len(set(prints)) > 1 or not (signed[0].isascii() and signed[0].isprintable()):
        raise Broken(f"{signed!r} {prints!r}")
    return signed[0]


RULES: tuple[Rule, ...] = (
    runs,
    shape,
    dtype,
    finite,
    value_range,
    input_unchanged,
    no_graph,
    colour_order,
    place,
    deterministic,
    frames_apart,
    tiles,
    sizes,
    memory,
    half_precision,
    devices,
    protocols,
    signature,
)


def _calls(trial: Trial) -> list[Call]:
    """The model's own calls that gave something.

    Raises:
        LeftOut: there are none.
    """
    calls = [call for call in trial.answer.calls if call.error is None]
    if not calls:
        raise LeftOut("it gives nothing: see the rule runs")
    return calls


def _values(trial: Trial) -> list[Image]:
    """The model's own outputs as float64, before any check."""
    arrays = [_array(given) for given in _given(trial)]
    if any(a.dtype.kind not in "biuf" or not a.size for a in arrays):
        raise LeftOut("it gives no numbers: see the rule dtype")
    return [array.astype(np.float64) for array in arrays]


def _given(trial: Trial) -> list[Any]:
    return [call.given for call in _calls(trial)]


def _array(given: Any) -> Image:
    if isinstance(given, torch.Tensor):
        plain = given.detach().cpu()
        return (plain.double() if plain.is_floating_point() else plain).numpy()
    return np.asarray(given)


def _mse(a: Image, b: Image) -> float:
    return float(np.mean((a - b) ** 2))


def _db(mse: float) -> float:
    return float(10 * np.log10(255**2 / max(mse, 1e-10)))
