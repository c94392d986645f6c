"""After the benchmarks' tables: each claim of speed as a ratio, beside what was promised."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

RATIOS = pytest.StashKey[list[str]]()


@pytest.hookimpl(wrapper=True)
def pytest_benchmark_group_stats(
    config: pytest.Config, benchmarks: list[dict[str, Any]]
) -> Generator[None, Any, Any]:
    """Pick the ratios out of all benchmarks while they are grouped for printing."""
    config.stash[RATIOS] = [line for benchmark in benchmarks for line in ratio(benchmark, benchmarks)]
    return (yield)


def ratio(benchmark: dict[str, Any], benchmarks: list[dict[str, Any]]) -> list[str]:
    """How many times as fast as the benchmark that its ``extra_info`` names as ``against``."""
    extra = benchmark["extra_info"]
    base = next((b for b in benchmarks if b["name"] == extra.get("against")), None)
    if base is None:
        return []
    median, best = (base[key] / benchmark[key] for key in ("median", "min"))
    claim = f"{median:.2f} times as fast by medians, {best:.2f} by best rounds"
    promised = f" (promised: {extra['promised']:g})" if "promised" in extra else ""
    return [f"{benchmark['group']}: {benchmark['name']}: {claim}{promised}"]


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the ratios last."""
    lines = config.stash.get(RATIOS, [])
    if lines:
        terminalreporter.section("ratios")
    for line in lines:
        terminalreporter.write_line(line)
