"""What several papers share: an enlargement by sub-pixel convolution, done in steps."""

from __future__ import annotations

STEPS: dict[int, tuple[int, ...]] = {1: (), 2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}
"""By which factors, one after the other, a network enlarges; not at all if its input is enlarged before."""
