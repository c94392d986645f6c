"""Printers of a judgement: terminal, Markdown, JUnit XML, GitHub annotations, JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from srbench.gate import words
from srbench.gate.verdicts import NOT_COMPARED, ItemChange, Judgement, Outcome, Verdict
from srbench.report.markdown import escape
from srbench.report.plain import plain
from srbench.stats import Interval
from srbench.store.records import encode_number

SCHEMA = 2
_SHOWN, _NAMED, _BEST = 8, 3, 3
"""Regressions told in full, cells named of one reason, improvements told: one screen in all."""
_RATIO = "ratio - 1"
"""What differences of times are: 0.25 is a quarter longer."""


# --------------------------------------------------------------------------------------- terminal


def text(judgement: Judgement) -> str:
    """One screen of plain lines: the verdict, what got worse, where and by how much, then the rest."""
    return "".join(f"{line}\n" for line in _text_lines(judgement))


def _text_lines(judgement: Judgement) -> Iterator[str]:
    yield f"{words.headline(judgement).upper()}: {words.counts(judgement)}"
    yield f"baseline {plain(judgement.baseline)}, candidate {plain(judgement.candidate)}"
    regressed = judgement.of(Outcome.REGRESSED)
    label = {outcome: words.label(outcome, judgement) for outcome in Outcome}
    for verdict in (*regressed[:_SHOWN], *judgement.of(Outcome.UNDECIDED)):
        yield from _text_change(verdict, label[verdict.outcome])
    yield from _more(len(regressed) - _SHOWN, label[Outcome.REGRESSED])
    for outcome in NOT_COMPARED:
        reasons = list(words.grouped(judgement.of(outcome)))
        for reason, verdicts in reasons[:_SHOWN]:
            yield f"{label[outcome]:<12} {_subjects(verdicts)}: {reason}"
        yield from _more(sum(len(verdicts) for _, verdicts in reasons[_SHOWN:]), label[outcome])
    for verdict in judgement.of(Outcome.IMPROVED)[:_BEST]:
        yield from _text_move(verdict, label[Outcome.IMPROVED])
    yield from _more(len(judgement.of(Outcome.IMPROVED)) - _BEST, label[Outcome.IMPROVED])
    told = list(words.grouped(v for v in judgement.of(Outcome.OK) if v.why or v.note))
    for reason, verdicts in told[:_SHOWN]:
        yield f"{label[Outcome.OK]:<12} {_subjects(verdicts)}: {reason}"
    yield from _more(sum(len(verdicts) for _, verdicts in told[_SHOWN:]), label[Outcome.OK])
    yield from (f"{'required':<12} {plain(unmet)}" for unmet in _patterns(judgement))


def _text_move(verdict: Verdict, label: str) -> Iterator[str]:
    yield f"{label:<12} {plain(verdict.subject)}  {_moved(verdict)}"
    if words.why(verdict):
        yield f"{'':<12}   {words.why(verdict)}"


def _text_change(verdict: Verdict, label: str) -> Iterator[str]:
    yield from _text_move(verdict, label)
    if verdict.kind == "quality":
        yield f"{'':<12}   other images: {words.interval(verdict)}; worst: {words.worst(verdict) or 'none'}"


def _moved(verdict: Verdict) -> str:
    partly = verdict.kind == "quality" and verdict.n_finite < verdict.n
    return f"{words.means(verdict)}  {words.moved(verdict)}" + (
        f" over {words.over(verdict)}" if partly else ""
    )


def _more(number: int, what: str) -> Iterator[str]:
    if number > 0:
        yield f"{'':<12} and {number} more {what}"


def _subjects(verdicts: Sequence[Verdict]) -> str:
    named = ", ".join(plain(verdict.subject) for verdict in verdicts[:_NAMED])
    return named + (f" and {len(verdicts) - _NAMED} more" if len(verdicts) > _NAMED else "")


def _patterns(judgement: Judgement) -> Iterator[str]:
    """Requirements that no verdict shows: patterns that nothing fits."""
    shown = sum(verdict.required for verdict in judgement.verdicts)
    yield from judgement.unmet[shown:]


# --------------------------------------------------------------------------------------- Markdown


def markdown(judgement: Judgement) -> str:
    """For a job's summary or a comment on a pull request."""
    return "".join(f"{line}\n" for line in _markdown_lines(judgement))


def _markdown_lines(judgement: Judgement) -> Iterator[str]:
    yield from (f"## {words.title(judgement)}", "")
    sides = f"Baseline {escape(plain(judgement.baseline))}, candidate {escape(plain(judgement.candidate))}"
    yield from (f"{words.counts(judgement)}. {sides}.", "")
    moved = judgement.of(Outcome.REGRESSED, Outcome.UNDECIDED, Outcome.IMPROVED)
    if moved:
        yield "| | Cell | Metric | Baseline | Candidate | Change | Over other images | Worst images |"
        yield "|---|---|---|---:|---:|---:|---|---|"
        yield from (_markdown_row(verdict, words.label(verdict.outcome, judgement)) for verdict in moved)
        yield ""
    for outcome in NOT_COMPARED:
        for reason, verdicts in words.grouped(judgement.of(outcome)):
            yield f"- **{outcome.value}** {escape(_subjects(verdicts))}: {escape(reason)}"
    yield from (f"- **required** {escape(plain(unmet))}" for unmet in _patterns(judgement))


def _markdown_row(verdict: Verdict, label: str) -> str:
    measure = verdict.measure
    cells = (
        f"**{label}**" if verdict.outcome is Outcome.REGRESSED else label,
        escape(plain(verdict.where)),
        escape(plain(measure.name)),
        words.value(verdict.baseline, measure),
        words.value(verdict.candidate, measure),
        escape(words.moved(verdict)),
        words.interval(verdict),
        escape(words.worst(verdict)),
    )
    return f"| {' | '.join(cells)} |"


# ------------------------------------------------------------------------------------------ JUnit


def junit(judgement: Judgement) -> str:
    """A test for each verdict: worse is a failure, failed or not compared though required an error.

    A comparison that only informs has neither: what could not be compared is skipped.
    """
    told = [verdict for verdict in judgement.verdicts if verdict.outcome is not Outcome.NEW]
    cases = [_case(verdict, _tag(verdict, judgement)) for verdict in told]
    cases += [_requirement(unmet) for unmet in _patterns(judgement)]
    name = words.title(judgement).partition(":")[0]
    suite = ElementTree.Element("testsuite", _tallied(cases), name=name)
    suite.extend(cases)
    suites = ElementTree.Element("testsuites", _tallied(cases), name=name)
    suites.append(suite)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _tallied(cases: Iterable[ElementTree.Element]) -> dict[str, str]:
    kinds = [child.tag for case in cases for child in case]
    numbers = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    return {
        "tests": str(sum(1 for _ in cases)),
        **{name: str(kinds.count(tag)) for name, tag in numbers.items()},
    }


def _case(verdict: Verdict, tag: str) -> ElementTree.Element:
    cell = verdict.cell
    classname = f"{cell.model}.{cell.dataset}.x{cell.scale}.{cell.protocol}"
    name = verdict.measure.name or "cell"
    case = ElementTree.Element("testcase", classname=plain(classname), name=plain(name), time="0")
    if tag:
        message = words.why(verdict)
        result = ElementTree.SubElement(case, tag, message=message, type=verdict.outcome.value)
        result.text = words.sentence(verdict)
    else:
        ElementTree.SubElement(case, "system-out").text = words.sentence(verdict)
    return case


def _tag(verdict: Verdict, judgement: Judgement) -> str:
    if verdict.advisory:
        return ""
    if judgement.informs:
        return "skipped" if verdict.outcome in NOT_COMPARED else ""
    if verdict.outcome in (Outcome.MISSING, Outcome.INCOMPARABLE):
        return "error" if verdict.required else "skipped"
    tags = {Outcome.REGRESSED: "failure", Outcome.FAILED: "error", Outcome.UNDECIDED: "error"}
    return tags.get(verdict.outcome, "")


def _requirement(unmet: str) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname="policy", name="require", time="0")
    ElementTree.SubElement(case, "error", message=plain(unmet), type="unmet")
    return case


# ------------------------------------------------------------------------------- GitHub annotations


def github(judgement: Judgement) -> str:
    """Workflow commands: an error for what fails the gate, a warning for what was not compared.

    A comparison that only informs has no errors: a warning for what is worse or was not compared.
    """
    return "".join(f"{line}\n" for line in _annotations(judgement))


def _annotations(judgement: Judgement) -> Iterator[str]:
    for verdict in judgement.verdicts:
        level = _level(verdict, judgement)
        if level:
            title = f"{words.label(verdict.outcome, judgement)}: {verdict.subject}"
            yield _annotation(level, title, words.sentence(verdict))
    yield from (_annotation("error", "required", unmet) for unmet in _patterns(judgement))
    yield _annotation("notice", words.title(judgement), words.counts(judgement))


def _level(verdict: Verdict, judgement: Judgement) -> str:
    if judgement.informs and verdict.outcome is Outcome.REGRESSED:
        return "warning"
    levels = {"failure": "error", "error": "error", "skipped": "warning"}
    return levels.get(_tag(verdict, judgement), "")


def _annotation(level: str, title: str, message: str) -> str:
    escaped = _data(plain(title)).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={escaped}::{_data(plain(message))}"


def _data(line: str) -> str:
    return line.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


# ------------------------------------------------------------------------------------------- JSON


def as_json(judgement: Judgement) -> str:
    """One object; infinities are the string ``"inf"``."""
    return json.dumps(judgement_json(judgement), indent=1, allow_nan=False) + "\n"


def judgement_json(judgement: Judgement) -> dict[str, Any]:
    """The object of `as_json`, see docs/gate.md."""
    return {
        "schema": SCHEMA,
        "verdict": words.headline(judgement),
        "exit_code": judgement.exit_code,
        "baseline": judgement.baseline,
        "candidate": judgement.candidate,
        "counts": {outcome.value: number for outcome, number in judgement.counts.items()},
        "unmet": list(judgement.unmet),
        "verdicts": [_verdict_json(verdict) for verdict in judgement.verdicts],
    }


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    cell, measure = verdict.cell, verdict.measure
    return {
        "outcome": verdict.outcome.value,
        "kind": verdict.kind,
        "model": cell.model,
        "dataset": cell.dataset,
        "scale": cell.scale,
        "protocol": cell.protocol,
        "signature": cell.signature,
        "inference": cell.inference,
        "metric": measure.name,
        "metric_signature": measure.signature,
        "unit": measure.unit,
        "delta_unit": measure.unit if verdict.kind == "quality" else _RATIO,
        "direction": measure.direction,
        **{name: _number(getattr(verdict, name)) for name in ("baseline", "candidate", "delta", "tolerance")},
        "interval": _interval(verdict.interval),
        "rerun": _interval(verdict.rerun),
        "effect": _number(verdict.effect),
        "p_value": _number(verdict.p_value),
        "n": verdict.n,
        "n_finite": verdict.n_finite,
        "n_inf_baseline": verdict.n_inf_baseline,
        "n_inf_candidate": verdict.n_inf_candidate,
        "worst": [_item_json(item) for item in verdict.worst],
        "why": verdict.why,
        "note": verdict.note,
        "advisory": verdict.advisory,
        "required": verdict.required,
    }


def _item_json(item: ItemChange) -> dict[str, Any]:
    numbers = {name: _number(getattr(item, name)) for name in ("baseline", "candidate", "delta")}
    return {"item": item.name, **numbers}


def _number(value: float | None) -> float | str | None:
    return None if value is None else encode_number(value)


def _interval(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {"low": _number(interval.low), "high": _number(interval.high), "level": interval.level}


FORMATS: Mapping[str, Callable[[Judgement], str]] = {
    "text": text,
    "md": markdown,
    "junit": junit,
    "github": github,
    "json": as_json,
}
"""Writers by the name that ``--format`` takes."""
