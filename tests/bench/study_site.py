"""The report of 1,000 models x 15 boards (3 scales x 5 sets of 24 images, 3 metrics): size, time, response.

    python tests/bench/study_site.py FOLDER            # writes the results (460 MB) if they are not there
    python tests/bench/study_site.py FOLDER 100        # another number of models

Prints what `srbench report` takes (clock, processor, peak memory, in a process of its own), what the site
and its first page weigh, and how fast that page answers in headless Chromium, from its file: until the first
table is there and can be used, and for a filter, a sort, a search and another board, until it is laid out.
"""

from __future__ import annotations

import gzip
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from srbench.store.records import encode
from srbench.types import Record
from tests.bench.study_gate_speed import CELLS, IMAGES, METRICS, record, score

ROOT = Path(__file__).resolve().parents[2]
CARDS = """
from srbench.registry import register_model
from srbench.types import ModelInfo
for number in range({models}):
    register_model(ModelInfo(
        name=f"model{{number:04}}", title=f"Model {{number}}", family=f"family{{number % 40}}",
        scales=(2, 3, 4), params=10_000 * (1 + number * 7919 % 4001),
        trained_on=(("DIV2K",), ("DIV2K", "Flickr2K"))[number % 2],
        paper="A paper of several authors on the super-resolution of single images, a conference 2026",
    ), "srbench.adapters.interpolation:Bicubic")
"""
PROVENANCE = '{"srbench": "0.1", "argv": ["run", "--all"]}'
READY = "performance.timing.domContentLoadedEventEnd - performance.timing.navigationStart"
ACT = """async ([name, value]) => {
  const tools = document.getElementById("tools");
  const begun = performance.now();
  ACTION
  document.querySelector("section.board:not([hidden]) table").getBoundingClientRect();
  const done = performance.now();
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return [done - begun, performance.now() - begun];
}"""
INPUT = """const field = tools.elements[name];
  field.value = value;
  field.dispatchEvent(new Event('input', {bubbles: true}));"""
CLICK = "document.querySelector(name).click();"


def records(models: int) -> Iterator[Record]:
    """Image by image and then model by model, as a run writes them; models differ by some tenths of a dB."""
    rng = random.Random(1)  # noqa: S311
    skill = [rng.gauss(0, 0.5) for _ in range(models)]
    for number in range(CELLS):
        for image in range(IMAGES):
            hard = rng.gauss(0, 3)
            for model in range(models):
                base = record(f"model{model:04}", number, image, rng)
                ahead = skill[model] + hard + rng.gauss(0, 0.1)
                scores = {
                    name: score(name, mean * (1 + ahead / 100), base.prediction)
                    for name, mean in METRICS.items()
                }
                yield replace(base, scores=scores, provenance="0123456789abcdef")


def write_results(folder: Path, models: int) -> None:
    """The journal, the models' cards as a plugin, and a provenance."""
    (folder / "provenance").mkdir(parents=True, exist_ok=True)
    (folder / "cards.py").write_text(CARDS.format(models=models), encoding="utf-8")
    (folder / "provenance" / "0123456789abcdef.json").write_text(
        '{"srbench": "0.1", "argv": ["run", "--all"]}'
    )
    with (folder / "journal.jsonl").open("w", encoding="ascii") as file:
        file.writelines(f"{encode(record)}\n" for record in records(models))


def report(folder: Path) -> str:
    """`srbench report`, in a sentence."""
    command = [sys.executable, "-m", "srbench", "report", "--results", str(folder)]
    begun = time.perf_counter()
    subprocess.run(
        [*command, "--plugin", str(folder / "cards.py"), "--out", str(folder / "site")], check=True, cwd=ROOT
    )
    took, used = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = used.ru_utime + used.ru_stime
    return f"srbench report: {took:.1f} s ({busy:.1f} s of the processor), peak {used.ru_maxrss / 1e6:.2f} GB"


def sizes(site: Path) -> str:
    """What the first page and the whole site weigh."""
    page = (site / "index.html").read_bytes()
    files = [path for path in site.rglob("*") if path.is_file()]
    whole = sum(path.stat().st_size for path in files)
    packed = len(gzip.compress(page, 6))
    return (
        f"index.html: {len(page) / 1e6:.2f} MB, {packed / 1e6:.2f} MB gzipped; "
        f"site: {len(files)} files, {whole / 1e6:.1f} MB"
    )


def timed(page: Any, action: str, *steps: tuple[str, str]) -> str:
    """Milliseconds up to the laid-out table, and up to the next frame: medians."""
    found = [page.evaluate(ACT.replace("ACTION", action), list(step)) for step in steps]
    laid_out, framed = (median(times) for times in zip(*found, strict=True))
    return f"{laid_out:.0f} ms ({framed:.0f} ms to the next frame)"


def drive(site: Path) -> Iterator[str]:
    """The first page in headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = shutil.which(os.environ.get("SRBENCH_TEST_CHROMIUM", "chromium"))
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        ready = []
        for _ in range(5):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto((site / "index.html").resolve().as_uri())
            page.wait_for_function("!document.getElementById('tools').hidden")
            ready.append(page.evaluate(READY))
        yield f"first table usable: {median(ready):.0f} ms (of 5: {min(ready)} to {max(ready)})"
        budgets = [("p", str(value)) for value in (1, 5, 20, 2, 40, 0.5, 10, 3, 30, "")]
        yield f"filter by parameters: {timed(page, INPUT, *budgets)}"
        words = [("q", word) for word in ("m", "model 1", "model 12", "7", "family3", "model 99", "")]
        yield f"search: {timed(page, INPUT, *words)}"
        headers = [
            (f"section.board:not([hidden]) th[data-column='{n}'] button", "") for n in (1, 2, 4, 4, 7, 0)
        ]
        yield f"sort: {timed(page, CLICK, *headers)}"
        boards = [(f"nav.boards li:nth-child({n}) a", "") for n in (2, 3)]
        yield f"another board, first time: {timed(page, CLICK, *boards)}"
        browser.close()


def main(folder: Path, models: int) -> None:
    """All figures."""
    if not (folder / "journal.jsonl").is_file():
        write_results(folder, models)
    print(report(folder), flush=True)  # noqa: T201
    print(sizes(folder / "site"), flush=True)  # noqa: T201
    for line in drive(folder / "site"):
        print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
