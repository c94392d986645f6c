"""A run that is killed at any moment goes on as if nothing had happened."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from srbench.store.journal import read_journal

KILLS = 30
COMMAND = [
    *(sys.executable, "-m", "srbench", "run", "-q", "--json", "--results", "runs", "--save-predictions"),
    *("-m", "nearest,bilinear,bicubic,lanczos", "-d", "embedded", "-x", "2,4", "--metrics", "psnr_y,ssim_y"),
]


def whole_lines(journal: Path) -> list[bytes]:
    """Lines of the journal that end: what a reader after the kill may rely on."""
    data = journal.read_bytes() if journal.exists() else b""
    return data[: data.rfind(b"\n") + 1].splitlines(keepends=True)


def test_thirty_kills_lose_double_and_tear_nothing(tmp_path: Path) -> None:
    """SIGKILL at 30 random moments, then the same command: every record once, none computed twice."""
    began = time.monotonic()
    undisturbed = subprocess.run(COMMAND, cwd=_folder(tmp_path / "quiet"), capture_output=True, check=True)
    duration = time.monotonic() - began
    folder = _folder(tmp_path / "killed")
    journal = folder / "runs" / "journal.jsonl"
    chance = random.Random(20240229)  # noqa: S311 - the moments, not a secret
    before: list[bytes] = []
    for _ in range(KILLS):
        process = subprocess.Popen(COMMAND, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, duration))
        process.send_signal(signal.SIGKILL)
        process.wait()
        after = whole_lines(journal)
        assert after[: len(before)] == before, "a record that was on disk changed"
        before = after
    resumed = subprocess.run(COMMAND, cwd=folder, capture_output=True, check=True)

    assert whole_lines(journal)[: len(before)] == before
    assert journal.read_bytes().endswith(b"\n")
    written = Counter((record.cell, record.item) for record in read_journal(journal))
    assert set(written.values()) == {1}
    assert len(written) == 4 * 5 * 2
    assert json.loads(resumed.stdout) == json.loads(undisturbed.stdout)


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
