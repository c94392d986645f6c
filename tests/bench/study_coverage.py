"""How often a nominal 95 % interval holds the true mean, by simulation: why `srbench.stats` has this one.

    python tests/bench/study_coverage.py            # 10,000 samples a cell: the table of docs/statistics.md
    python tests/bench/study_coverage.py 2000       # a quick look

Differences are normal, skewed (lognormal of sigma 1/2 and 1, exponential) or heavy-tailed (Student's t with 3
degrees of freedom, Laplace), shifted to a mean of zero. Skewness is tried with one sign: every method here is
symmetric in it. The last column is what is shipped; `-` where `srbench.stats` prints "too few images".
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy import stats as distributions

from srbench.stats import MIN_IMAGES, _p_values

Floats = NDArray[np.float64]
LEVEL = 0.95
RESAMPLES = 999
CHUNK = 2000
SIZES = (5, 14, 24, 100)
SAMPLERS: dict[str, Callable[[np.random.Generator, tuple[int, int]], Floats]] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "lognormal 1/2": lambda rng, shape: rng.lognormal(0, 0.5, shape) - np.exp(0.125),
    "exponential": lambda rng, shape: rng.exponential(1, shape) - 1,
    "lognormal 1": lambda rng, shape: rng.lognormal(0, 1, shape) - np.exp(0.5),
    "Student t3": lambda rng, shape: rng.standard_t(3, shape),
    "Laplace": lambda rng, shape: rng.laplace(0, 1, shape),
}


def student(x: Floats) -> NDArray[np.bool_]:
    """Student's t."""
    n = x.shape[1]
    statistic = x.mean(1) / (x.std(1, ddof=1) / np.sqrt(n))
    covered: NDArray[np.bool_] = np.abs(statistic) <= special.stdtrit(n - 1, (1 + LEVEL) / 2)
    return covered


def johnson(x: Floats) -> NDArray[np.bool_]:
    """Johnson's modified t (JASA 1978): the mean shifted by its skewness."""
    n = x.shape[1]
    mean, spread = x.mean(1), x.std(1, ddof=1)
    third = distributions.skew(x, axis=1, bias=False) * spread**3
    statistic = (mean + third / (6 * spread**2 * n)) / (spread / np.sqrt(n))
    covered: NDArray[np.bool_] = np.abs(statistic) <= special.stdtrit(n - 1, (1 + LEVEL) / 2)
    return covered


def bootstrap(x: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Resampled means of the centred sample, and their estimated variances; one set of weights a chunk."""
    n = x.shape[1]
    weights = rng.multinomial(n, [1 / n] * n, size=RESAMPLES) / n
    centred = x - x.mean(1, keepdims=True)
    means = centred @ weights.T
    variances = np.maximum(centred**2 @ weights.T - means**2, 0) / (n - 1)
    return means, variances


def bootstrap_t(x: Floats, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Equal-tailed and symmetric bootstrap-t (Efron and Tibshirani 1993, ch. 12; Hall 1988)."""
    means, variances = bootstrap(x, rng)
    with np.errstate(divide="ignore", invalid="ignore"):
        resampled = np.nan_to_num(means / np.sqrt(variances), nan=0.0, posinf=1e9, neginf=-1e9)
    statistic = x.mean(1) / (x.std(1, ddof=1) / np.sqrt(x.shape[1]))
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
    symmetric = np.quantile(np.abs(resampled), LEVEL, axis=1)
    return (statistic >= low) & (statistic <= high), np.abs(statistic) <= symmetric


def bca(x: Floats, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Bias-corrected and accelerated bootstrap (Efron 1987)."""
    means = np.sort(bootstrap(x, rng)[0], axis=1)
    below = ((means < 0).mean(1) + (means <= 0).mean(1)) / 2
    bias = distributions.norm.ppf(np.clip(below, 1 / RESAMPLES, 1 - 1 / RESAMPLES))
    centred = x - x.mean(1, keepdims=True)
    acceleration = (centred**3).sum(1) / (6 * (centred**2).sum(1) ** 1.5)
    ends = []
    for tail in ((1 - LEVEL) / 2, (1 + LEVEL) / 2):
        z = bias + distributions.norm.ppf(tail)
        share = distributions.norm.cdf(bias + z / (1 - acceleration * z))
        place = np.clip((share * RESAMPLES).astype(int), 0, RESAMPLES - 1)
        ends.append(x.mean(1) + np.take_along_axis(means, place[:, None], 1)[:, 0])
    covered: NDArray[np.bool_] = (ends[0] <= 0) & (ends[1] >= 0)
    return covered


def hall(x: Floats, tails: float) -> NDArray[np.bool_]:
    """Hall's transformed t (JRSS B 1992), with this share of the nominal tails; 0.75 is srbench's."""
    covered: NDArray[np.bool_] = _p_values(x) * 0.75 >= (1 - LEVEL) * tails
    return covered


def coverages(x: Floats, rng: np.random.Generator) -> list[float]:
    """Share of the samples whose interval holds zero, method by method."""
    equal_tailed, symmetric = bootstrap_t(x, rng)
    methods = (
        student(x), johnson(x), bca(x, rng), equal_tailed, symmetric, hall(x, 1.0), hall(x, 0.75)
    )  # fmt: skip
    return [float(covered.mean()) for covered in methods]


def rows(samples: int) -> Iterator[str]:
    """The table's lines, in Markdown."""
    yield "| n | differences | t | Johnson | BCa | bootstrap-t | symmetric | Hall | srbench |"
    yield "|---:|---|---:|---:|---:|---:|---:|---:|---:|"
    for n in SIZES:
        for name, sampler in SAMPLERS.items():
            rng = np.random.default_rng(n)
            chunks = [coverages(sampler(rng, (CHUNK, n)), rng) for _ in range(max(1, samples // CHUNK))]
            shares = [f"{100 * share:.1f}" for share in np.mean(chunks, axis=0)]
            shares[-1] = shares[-1] if n >= MIN_IMAGES else "-"
            yield f"| {n} | {name} | {' | '.join(shares)} |"


if __name__ == "__main__":
    for line in rows(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000):
        print(line, flush=True)  # noqa: T201
