"""The journal: append-only, locked, read up to the last whole record, nothing lost or guessed."""

from __future__ import annotations

import errno
import json
import math
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srbench.errors import IntegrityError, StorageError, UsageError
from srbench.store.journal import Journal, decode, encode, journal_path, read_journal
from srbench.types import MODEL_FIELD, SCHEMA_VERSION, Cell, Record, Score, Status

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "journal-v1.jsonl"
CELL = Cell("bicubic", "set5", 4, "classic", "x4|bi", "imresize:bicubic", "0123456789abcdef")


def record(item: str = "baby", *values: float) -> Record:
    """A record with one score."""
    return Record(
        cell=CELL,
        item=item,
        items=5,
        status=Status.DONE,
        frames=1,
        prediction="p",
        key_fields={"model": "bicubic"},
        scores={"psnr_y": Score("psnr|1", "k", values or (33.25,))},
        seconds=0.5,
        megapixels=0.25,
        provenance="beef",
        time="2026-01-02T03:04:05Z",
    )


def written(path: Path, *records: Record) -> bytes:
    """The bytes of a journal with these records."""
    with Journal(path) as journal:
        for one in records:
            journal.append(one)
    return path.read_bytes()


# ------------------------------------------------------------------------------------ one line


texts = st.text(st.characters(), max_size=8)  # lone surrogates too: a file name may hold them
numbers = st.floats(allow_nan=False)
cells = st.builds(Cell, texts, texts, st.integers(0, 8), texts, texts, texts, texts)
scores = st.builds(Score, texts, texts, st.lists(numbers, max_size=4).map(tuple), texts)
records = st.builds(
    Record,
    cell=cells,
    item=texts,
    items=st.integers(0, 300),
    status=st.sampled_from(Status),
    reason=texts,
    frames=st.integers(0, 300),
    prediction=texts,
    key_fields=st.dictionaries(texts, texts, max_size=3),
    scores=st.dictionaries(texts, scores, max_size=3),
    seconds=numbers,
    megapixels=numbers,
    provenance=texts,
    time=texts,
)


@given(records)
def test_a_record_reads_back_exactly(one: Record) -> None:
    """Whatever its texts and floats are, a record is one ASCII line that reads back equal to the last bit."""
    line = encode(one)
    assert line.isascii()
    assert "\n" not in line
    assert decode(line) == one
    assert encode(decode(line)) == line


@given(records)
def test_a_lean_record_has_all_that_judging_asks_for(one: Record) -> None:
    """Values, statuses and reasons, and which model and prediction they are of; not where from."""
    lean = decode(encode(one), lean=True)
    scores = {name: replace(score, key="") for name, score in one.scores.items()}
    model = {MODEL_FIELD: one.key_fields.get(MODEL_FIELD, "")}
    assert lean == replace(one, scores=scores, key_fields=model, provenance="", time="")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.inf, '["inf"]'),
        (-math.inf, '["-inf"]'),
        (math.nan, '["nan"]'),
        (0.1 + 0.2, "[0.30000000000000004]"),
    ],
)
def test_numbers_that_json_lacks_are_strings(value: float, text: str) -> None:
    """Infinities and NaN are the strings inf, -inf and nan; every line is JSON for a strict parser."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    line = encode(record("baby", value))
    assert f'"values":{text}' in line
    json.loads(line, parse_constant=refuse)
    back = decode(line).scores["psnr_y"].values[0]
    assert back == value or (math.isnan(back) and math.isnan(value))


def test_lines_are_sorted_and_compact() -> None:
    """Keys are sorted, there are no blanks, and the schema is in each line."""
    line = encode(record())
    assert line == json.dumps(json.loads(line), sort_keys=True, separators=(",", ":"))
    assert json.loads(line)["schema"] == SCHEMA_VERSION
    assert set(json.loads(line)) == {f.name for f in fields(Record)}


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"schema": SCHEMA_VERSION + 1}, "upgrade srbench"),
        ({"schema": "1"}, "schema's number"),
        ({"schema": True}, "schema's number"),
        ({"colour": "red"}, "unknown 'colour'"),
        ({"item": 3}, "str in 'item'"),
        ({"items": -1}, "a count in 'items'"),
        ({"items": True}, "a count in 'items'"),
        ({"seconds": "fast"}, "a number in 'seconds'"),
        ({"seconds": 10**400}, "a valid 'seconds'"),
        ({"status": "perhaps"}, "a valid 'status'"),
        ({"cell": {"model": "x"}}, "none named 'dataset'"),
        ({"cell": []}, "a cell"),
        ({"scores": {"psnr_y": {"signature": "", "key": "", "values": 1, "reason": ""}}}, "list in 'values'"),
        ({"scores": {"psnr_y": {"signature": "", "key": "", "values": [None], "reason": ""}}}, "a number"),
        ({"key_fields": {"model": 1}}, "str in 'model'"),
    ],
)
def test_what_is_not_a_record_is_refused(change: dict[str, object], part: str) -> None:
    """A newer schema, an unknown or a wrongly typed field is an integrity error of one line that says so."""
    named = json.loads(encode(record())) | change
    for lean in (True, False):
        with pytest.raises(IntegrityError) as caught:
            decode(json.dumps(named), lean=lean)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_how_a_cell_is_averaged_is_kept() -> None:
    """A frame mean is written and read back; the usual mean leaves no trace, as in older journals."""
    frame = replace(record(), cell=replace(CELL, average="frame"))
    assert decode(encode(frame)) == frame
    assert "average" in encode(frame)
    assert "average" not in encode(record())


def test_a_missing_field_is_refused() -> None:
    """A record without one of its fields is never completed by a default."""
    named = json.loads(encode(record()))
    del named["frames"]
    with pytest.raises(IntegrityError, match="none named 'frames'"):
        decode(json.dumps(named))


# ------------------------------------------------------------------------------------ the file


def test_schema_1_is_read_for_ever() -> None:
    """The fixture of schema 1 reads as it was written, and writes back to the same bytes."""
    found = read_journal(FIXTURE)
    assert [(r.item, r.status, r.schema) for r in found] == [
        ("calendar", Status.DONE, 1),
        ("", Status.SKIPPED, 1),
        ("", Status.OOM, 1),
    ]
    assert found[0].scores["psnr_y"].values == (20.394512345678901, math.inf, 0.1 + 0.2)
    assert math.isnan(found[0].scores["gmsd"].values[0])
    assert found[0].scores["lpips"] == Score("lpips|alex", "", (), "its backbone can't be reached")
    assert found[1].reason == 'naïve "quotes" \u202e and | pipes'
    assert "".join(encode(r) + "\n" for r in found).encode() == FIXTURE.read_bytes()


def test_records_are_appended_in_order(tmp_path: Path) -> None:
    """A journal and its folders are made, and later openings add to what is there."""
    path = tmp_path / "deep" / "er" / "journal.jsonl"
    first = written(path, record("a"), record("b"))
    with Journal(path) as journal:
        assert [r.item for r in journal.records] == ["a", "b"]
        journal.append(record("c"))
    assert path.read_bytes().startswith(first)
    assert [r.item for r in read_journal(path)] == ["a", "b", "c"]


def test_a_journal_cut_at_every_byte_is_read_and_continued(tmp_path: Path) -> None:
    """Cut anywhere, a journal gives its whole records, and appending goes on after the last of them."""
    whole = written(tmp_path / "whole", record("a"), record("b", math.inf), record("c"))
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    path = tmp_path / "cut"
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        expected = ["a", "b", "c"][: sum(end <= cut for end in ends)]
        assert [r.item for r in read_journal(path)] == expected
        with Journal(path) as journal:
            assert [r.item for r in journal.records] == expected
            journal.append(record("new"))
        assert [r.item for r in read_journal(path)] == [*expected, "new"]


@pytest.mark.parametrize(
    "tail",
    [
        b"\0\0\0\0",
        b'{"cell":{"data\0\0\0',
        b'{"cell":{"data\0\0\n',
        b"\n",
        b"\xff\xfe\x00",
        b"garbage of any kind",
        b"\r\n",
        b"\n \n\n",
        b"\n\0\0",
    ],
)
def test_what_a_power_cut_leaves_is_cut_away(tmp_path: Path, tail: bytes) -> None:
    """Whatever stands after the last newline is no record, nor are blank lines or half a line."""
    path = tmp_path / "journal"
    whole = written(path, record("a"))
    path.write_bytes(whole + tail)
    assert [r.item for r in read_journal(path)] == ["a"]
    assert written(path) == whole


def test_a_broken_line_in_the_middle_is_named(tmp_path: Path) -> None:
    """A broken line before the last is an integrity error that names file and line; nothing is changed."""
    path = tmp_path / "journal.jsonl"
    lines = written(path, record("a"), record("b"), record("c")).splitlines(keepends=True)
    damaged = lines[0] + lines[1][:40] + b"\n" + lines[2]
    path.write_bytes(damaged)
    with pytest.raises(IntegrityError, match=r"journal\.jsonl:2"):
        read_journal(path)
    with pytest.raises(IntegrityError, match=r"journal\.jsonl:2"), Journal(path):
        pass
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("tail", [b"\xff\xfe\x00\n", b"[1]\n", b"\xff\n\xff", b"\n[1]\n"])
def test_a_broken_line_with_its_newline_is_refused(tmp_path: Path, tail: bytes) -> None:
    """What was written whole and is no record was not left by a power cut: it is named, and kept."""
    path = tmp_path / "journal.jsonl"
    damaged = written(path, record("a")) + tail
    path.write_bytes(damaged)
    with pytest.raises(IntegrityError, match=r"journal\.jsonl:2"), Journal(path):
        pass
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("content", [b"model,psnr\n", b"my thesis", b"[1]\n", b"\xff\xfe\x00"])
def test_another_file_is_not_taken_for_a_journal(tmp_path: Path, content: bytes) -> None:
    """A file that never was a journal is refused, and kept as it is."""
    path = tmp_path / "thesis.txt"
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"thesis\.txt:1"), Journal(path):
        pass
    assert path.read_bytes() == content


def test_a_newer_last_line_is_never_cut_away(tmp_path: Path) -> None:
    """A last line of a newer schema is no torn line: it is refused and kept."""
    path = tmp_path / "journal"
    newer = json.dumps(json.loads(encode(record())) | {"schema": 99}, sort_keys=True, separators=(",", ":"))
    path.write_text(newer + "\n")
    with pytest.raises(IntegrityError, match="upgrade"), Journal(path):
        pass
    assert path.read_text() == newer + "\n"


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    """A second writer is told so in one line until the first is done; readers may read."""
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.append(record("a"))
        assert len(read_journal(path)) == 1
        with pytest.raises(UsageError, match="another run writes here"), Journal(path):
            pass
        assert _opened_by_another_process(path) == 1
    assert _opened_by_another_process(path) == 0


def _opened_by_another_process(path: Path) -> int:
    code = (
        "import sys\nfrom pathlib import Path\nfrom srbench.errors import UsageError\n"
        "from srbench.store.journal import Journal\n"
        "try:\n    Journal(Path(sys.argv[1])).__enter__()\nexcept UsageError:\n    sys.exit(1)\n"
    )
    return subprocess.run([sys.executable, "-c", code, str(path)], env=_environment()).returncode


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def test_one_record_is_one_write_and_one_flush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record reaches the file by exactly one write, and append returns after it was flushed."""
    calls: list[str] = []

    def noted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            calls.append(name)
            return real(*arguments)

        return call

    with Journal(tmp_path / "journal") as journal:
        for name in ("write", "fsync"):
            monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
        journal.append(record("a"))
        assert calls == ["write", "fsync"]


def test_a_full_disk_leaves_no_half_record(tmp_path: Path) -> None:
    """A write cut short by the operating system becomes one storage error, and the journal stays whole."""
    path = tmp_path / "journal"
    whole = written(path, record("a"))
    code = (
        "import resource, signal, sys\nfrom pathlib import Path\n"
        "from srbench.errors import StorageError\nfrom srbench.store.journal import Journal, read_journal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "path, limit = Path(sys.argv[1]), int(sys.argv[2])\n"
        "with Journal(path) as journal:\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))\n"
        "    try:\n        journal.append(journal.records[0])\n"
        "    except StorageError as error:\n        print(error)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "    assert path.stat().st_size == int(sys.argv[2]) - 100\n"
        "    journal.append(journal.records[0])\n"
        "print(len(read_journal(path)))\n"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    command = [sys.executable, "-c", code, str(path), str(len(whole) + 100)]
    done = subprocess.run(command, capture_output=True, text=True, env=_environment())
    assert done.stderr == ""
    message, count = done.stdout.splitlines()
    assert "expected room for a record" in message
    assert "only 100 of" in message
    assert count == "2"


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_an_error_of_the_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Whether writing or flushing fails, nothing of the record stays, and a later append works."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.append(record("a"))
        before = path.read_bytes()
        with monkeypatch.context() as patched:
            patched.setattr(os, call, full)
            with pytest.raises(StorageError, match="No space left") as caught:
                journal.append(record("b"))
        assert "\n" not in str(caught.value)
        assert path.read_bytes() == before
        journal.append(record("c"))
    assert [r.item for r in read_journal(path)] == ["a", "c"]


@settings(max_examples=20, deadline=None)
@given(cut=st.integers(0, 2000), junk=st.binary(max_size=30))
def test_any_tail_is_cut_away_or_refused(
    tmp_path_factory: pytest.TempPathFactory, cut: int, junk: bytes
) -> None:
    """Whatever follows the whole records, they are read unchanged, or the file is refused untouched."""
    path = tmp_path_factory.mktemp("tail") / "journal"
    whole = written(path, record("a"), record("b"))
    content = whole[: len(whole) - min(cut, 200)] + junk
    path.write_bytes(content)
    try:
        found = read_journal(path)
    except IntegrityError:
        assert path.read_bytes() == content
    else:
        assert found == [record("a"), record("b")][: len(found)]


# ------------------------------------------------------------------------------------- finding it


def test_a_run_is_found_by_its_folder(tmp_path: Path) -> None:
    """A folder stands for its journal.jsonl, a file for itself."""
    path = tmp_path / "journal.jsonl"
    written(path, record())
    assert journal_path(tmp_path) == path
    assert journal_path(path) == path


def test_a_folder_without_a_journal_is_one_line(tmp_path: Path) -> None:
    """Asking for a run that is not there says what was expected and what to do."""
    with pytest.raises(UsageError, match="run srbench first"):
        journal_path(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="can be read"):
        read_journal(tmp_path)


def test_a_journal_where_none_can_be_written_is_one_line(tmp_path: Path) -> None:
    """A path that is a folder, or below a file, is a usage error and no traceback."""
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "file" / "journal.jsonl"):
        with pytest.raises(UsageError, match="can be written"), Journal(path):
            pass


def test_journal_needs_the_standard_library_only() -> None:
    """Reading and writing journals loads neither numpy nor pandas nor torch."""
    code = "import sys, srbench.store.journal, srbench.store.provenance, srbench.store.aggregate\n" \
        "print([m for m in ('numpy', 'pandas', 'torch') if m in sys.modules])"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=_environment())
    assert done.stdout.strip() == "[]"


def test_status_is_written_by_its_word() -> None:
    """Statuses are stored as the words users read."""
    assert json.loads(encode(replace(record(), status=Status.TIMEOUT)))["status"] == "timeout"
