"""Ctrl-C ends a run with code 130 and one line; the same command goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from srbench.store.journal import read_journal

COMMAND = [
    *(sys.executable, "-m", "srbench", "run", "-m", "nearest,bicubic,lanczos", "-d", "embedded"),
    *("--metrics", "psnr_y,ssim_y", "--results", "runs"),
]
ITEMS = 3 * 3 * 5


def heed_interrupts() -> None:
    """A background job of a shell ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupted_run_says_so_and_resumes(tmp_path: Path) -> None:
    """SIGINT: exit code 130, no traceback, records kept; the second run computes only the rest."""
    journal = tmp_path / "runs" / "journal.jsonl"
    process = subprocess.Popen(
        COMMAND, cwd=tmp_path, stdout=-1, stderr=-1, text=True, preexec_fn=heed_interrupts
    )
    while process.poll() is None and not (journal.exists() and journal.stat().st_size):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("srbench: error: interrupted")
    kept = len(read_journal(journal))
    assert 0 < kept < ITEMS

    again = subprocess.run([*COMMAND, "--json"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"{ITEMS - kept} images computed, {kept} known before" in again.stderr
    assert {cell["status"] for cell in json.loads(again.stdout)["cells"]} == {"done"}


def test_a_budget_leaves_the_rest_for_the_next_run(tmp_path: Path) -> None:
    """`--budget 0s` begins nothing, says so, and exits with 4: nothing was measured."""
    spent = subprocess.run([*COMMAND, "--budget", "0s"], cwd=tmp_path, capture_output=True, text=True)
    assert spent.returncode == 4
    assert f"{ITEMS} left for the next run" in spent.stderr
    done = subprocess.run(COMMAND, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0
