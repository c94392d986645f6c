"""timings.jsonl: nothing lost, nothing unknown let in, a torn last line forgiven."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from srbench.errors import IntegrityError, UsageError
from srbench.store.timings import TIMINGS, TimingFile, decode_timing, encode_timing, latest, read_timings
from srbench.types import Conditions, GpuState, Status, Timing, TimingSpec

SPEC = TimingSpec(
    model="imdn",
    fingerprint="0123456789abcdef",
    weights="card",
    scale=4,
    point="720p",
    height=180,
    width=320,
    kind="still",
    frames=1,
    inference="torch|float32|cuda|whole",
    engine="torch 2.9.1",
    torch="2.9.1",
    dtype="float32",
    device="cuda",
    threads=2,
    memory_format="contiguous",
    tf32=False,
    cudnn="deterministic",
    compiled=False,
    machine="fedcba9876543210",
)
GPU = GpuState("NVIDIA H100", "570.1", 1980.0, 2619.0, 700.0, 310.5, 41.0, ("power cap",), 1, "CUDA 13.0")
TIMING = Timing(
    spec=SPEC,
    status=Status.DONE,
    step="tile:256+12",
    exhausted=("whole",),
    warm_up=4,
    settled=True,
    stopped="precise",
    confidence=0.95,
    width=0.05,
    wall_ms=(1.25, 1.5, float("inf")),
    event_ms=(1.2, 1.4, 1.3),
    wall_copies_ms=(2.5,),
    peak_bytes=10**9,
    memory="torch",
    params=715176,
    macs=40,
    flops=80,
    counted="convolutions",
    conditions=Conditions("a machine", "performance", 2596.2, 0.5, 3.0, 0.01, 0.0, GPU, ("throttled",)),
    provenance="0123",
    time="2026-01-01T00:00:00+00:00",
)


def test_a_timing_reads_back_exactly() -> None:
    """Nested nouns, tuples, None and infinity included."""
    assert decode_timing(encode_timing(TIMING)) == TIMING
    bare = Timing(SPEC, Status.OOM)
    assert decode_timing(encode_timing(bare)) == bare


@pytest.mark.parametrize(
    ("path", "value", "part"),
    [
        (("extra",), 1, "unknown 'extra'"),
        (("spec", "extra"), 1, "unknown 'extra'"),
        (("conditions", "gpu", "extra"), 1, "unknown 'extra'"),
        (("schema",), 99, "schema 99"),
        (("status",), "fine", "'status'"),
        (("wall_ms",), [1, "fast"], "'wall_ms'"),
        (("warm_up",), -1, "'warm_up'"),
        (("settled",), 1, "'settled'"),
        (("params",), 1.5, "'params'"),
        (("spec", "cudnn"), "fastest", "'cudnn'"),
        (("spec", "scale"), True, "'scale'"),
    ],
    ids=lambda value: str(value),
)
def test_what_is_not_a_timing_is_refused(path: tuple[str, ...], value: object, part: str) -> None:
    """Unknown fields, other types and newer schemas, at any depth."""
    named = json.loads(encode_timing(TIMING))
    holder = named
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value
    with pytest.raises(IntegrityError, match=part):
        decode_timing(json.dumps(named))


def test_schema_1_is_walked_forward() -> None:
    """It did not say how many images a set has."""
    named = json.loads(encode_timing(TIMING))
    del named["items"]
    assert decode_timing(json.dumps({**named, "schema": 1})) == TIMING
    with pytest.raises(IntegrityError, match="items"):
        decode_timing(json.dumps(named))


def test_a_missing_field_is_refused() -> None:
    """A record cut by hand is no record."""
    named = json.loads(encode_timing(TIMING))
    del named["spec"]["threads"]
    with pytest.raises(IntegrityError, match="threads"):
        decode_timing(json.dumps(named))


def test_timings_are_appended_and_a_torn_line_is_cut_away(tmp_path: Path) -> None:
    """What a crash left of the last line costs that line alone."""
    with TimingFile(tmp_path) as file:
        file.append(TIMING)
    path = tmp_path / TIMINGS
    path.write_bytes(path.read_bytes() + encode_timing(TIMING).encode()[:100])
    assert read_timings(tmp_path) == [TIMING]
    with TimingFile(tmp_path) as file:
        assert file.records == [TIMING]
        file.append(replace(TIMING, warm_up=9))
    assert [timing.warm_up for timing in read_timings(path)] == [4, 9]


def test_a_broken_line_in_the_middle_is_an_integrity_error(tmp_path: Path) -> None:
    """It is named."""
    path = tmp_path / TIMINGS
    path.write_text(f"{encode_timing(TIMING)}\nnonsense\n{encode_timing(TIMING)}\n")
    with pytest.raises(IntegrityError, match=r"timings.jsonl:2"):
        read_timings(tmp_path)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    """As the journal."""
    with TimingFile(tmp_path), pytest.raises(UsageError, match="another run"), TimingFile(tmp_path):
        pass


def test_no_file_is_no_timings(tmp_path: Path) -> None:
    """A run that was never timed."""
    assert read_timings(tmp_path) == []


def test_the_latest_of_a_key_counts() -> None:
    """Timed again, it is the later one."""
    again = replace(TIMING, warm_up=9)
    assert latest([TIMING, again]) == {SPEC.key: again}


@pytest.mark.parametrize("name", ["threads", "dtype", "machine", "torch", "compiled", "tf32", "point"])
def test_every_field_of_a_spec_moves_its_key(name: str) -> None:
    """What differs in one field is another timing."""
    value = getattr(SPEC, name)
    changed: dict[str, Any] = {name: not value if isinstance(value, bool) else value * 2}
    assert replace(SPEC, **changed).key != SPEC.key


def test_signatures_tell_tiled_from_whole() -> None:
    """The ladder's step is the signature's last word."""
    assert TIMING.signature == (
        "x4|720p:180x320|torch|float32|cuda|whole|cuda:2|float32|contiguous|eager|tf32:off"
        "|cudnn:deterministic|torch 2.9.1|tile:256+12"
    )
    assert replace(TIMING, step="whole").signature != TIMING.signature


def test_a_sequences_length_is_in_its_signature() -> None:
    """A figure per output frame means little without the frames that shared its work."""
    clip = replace(SPEC, kind="sequence", frames=15)
    assert "|sequence:15|" in clip.signature
    assert (clip.answers, SPEC.answers, replace(SPEC, kind="window", frames=5).answers) == (15, 1, 1)
