"""Verified downloads: every file is pinned by its digest, cached under it, and never run."""

from __future__ import annotations

from srbench.fetch.home import home
from srbench.fetch.obtain import cached, fetch, fetch_many, verify
from srbench.fetch.sources import offline_mode
from srbench.fetch.transfer import Progress

__all__ = ["Progress", "cached", "fetch", "fetch_many", "home", "offline_mode", "verify"]
