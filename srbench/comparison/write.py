"""From a run's folder to one file that can be mailed: pictures, style and script are part of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from srbench.comparison.views import compare_models
from srbench.report.load import load_report
from srbench.report.site import Page
from srbench.store.files import write_whole

_STYLES = ("plots.css", "pictures.css", "ablation.css", "comparison.css")


def write_comparison(run: Path, models: Sequence[str], out: Path, timed: Sequence[Path] = ()) -> Path:
    """Write the comparison of models of a run; the same results give the same bytes.

    Args:
        run: the run's folder.
        models: names as records have them; the first is what the others are held against.
        out: the file.
        timed: folders of further timings.

    Raises:
        UsageError: no journal, fewer than two models, or a name without results.
        IntegrityError: the journal is broken before its last line.
        NothingMeasured: no two of the models share a number.
        StorageError: the file can't be written.
    """
    from srbench.report.render import Renderer  # jinja2 is only needed here

    view = compare_models(load_report(run, timed=timed), models)
    title = " and ".join(model.title for model in view.models)
    page = Page(out.name, "comparison.html.j2", title, view, _STYLES, ("viewer.js", "download.js"))
    return write_whole(out, Renderer([]).page(page, []), "choose another with --out")
