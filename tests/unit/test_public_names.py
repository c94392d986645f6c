"""What `import srbench` offers to a script."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import srbench
from srbench.data.datasets import open_dataset
from srbench.errors import UsageError
from srbench.protocols import get_protocol
from srbench.types import Job


def test_every_public_name_is_there() -> None:
    """`__all__` keeps its word, and another name is an AttributeError."""
    assert all(getattr(srbench, name) for name in srbench.__all__)
    with pytest.raises(AttributeError, match="no attribute 'evaluatte'"):
        _ = srbench.evaluatte


def test_public_names_are_listed() -> None:
    """`dir` and a prompt's completion show every public name before it is used, and the module's own."""
    code = "import srbench; print(set(srbench.__all__) <= set(dir(srbench)), '__version__' in dir(srbench))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


def test_importing_is_cheap() -> None:
    """`import srbench` loads no library at all."""
    code = "import sys, srbench; print(*{'numpy', 'torch', 'pandas', 'click', 'rich'} & set(sys.modules))"
    assert not subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()


def test_evaluate_gives_one_cell_and_resumes() -> None:
    """One call scores a set; the second answers from the journal with the same numbers."""
    first = srbench.evaluate("bicubic", "embedded", 4, metrics=["psnr_y"], limit=2)
    assert (first["status"], first["n"], first["dataset"]) == ("done", 2, "embedded[2]")
    assert srbench.evaluate("bicubic", "embedded", 4, metrics=["psnr_y"], limit=2) == first
    with pytest.raises(UsageError, match="bicubic"):
        srbench.evaluate("bicubik", "embedded", 4)


def test_load_model_gives_a_model_to_call() -> None:
    """The adapter upscales frames (T, h, w, 3) exactly as a run does."""
    dataset, protocol = open_dataset("embedded", limit=1), get_protocol("classic", 4)
    source = dataset.source(dataset.items[0], protocol)
    model = srbench.load_model("nearest", 4)
    sr = model(source.lr(0)[None], Job(source.spec, protocol))
    np.testing.assert_array_equal(sr[0], source.lr(0).repeat(4, axis=0).repeat(4, axis=1))
