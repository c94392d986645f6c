"""A run from its request to its last record: plan against the journal, evaluate, append."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from srbench.runner.evaluate import Evaluator, Listener, Outcome
from srbench.runner.index import index_of
from srbench.runner.plan import Plan, make_plan
from srbench.runner.request import Request
from srbench.runner.unfinished import Unfinished
from srbench.store.journal import Journal, read_journal
from srbench.store.provenance import collect, write_provenance
from srbench.types import Record

JOURNAL = "journal.jsonl"
ENDED_WITHOUT_A_WORD = (
    "the run before ended without a word while it computed {}: it was killed, or the model ended it; "
    "if that happens again, leave the model out and try srbench check"
)


def plan_run(request: Request) -> Plan:
    """The plan of a request against its folder's journal; nothing is written or fetched.

    Raises:
        IntegrityError: the journal is damaged before its last line.
    """
    return make_plan(request, index_of(records_of(request)))


def records_of(request: Request) -> list[Record]:
    """Every whole record of the request's folder, oldest first; none if there is no journal yet."""
    journal = request.folder / JOURNAL
    return read_journal(journal) if journal.exists() else []


def execute(
    request: Request, listen: Callable[[Plan], AbstractContextManager[Listener]], argv: list[str]
) -> tuple[Plan, Outcome, list[Record]]:
    """Plan and evaluate a request; every record is on disk when this returns, or is interrupted.

    The journal is planned against while it is locked, so that no other run can add to it in between.

    Args:
        request: what to run.
        listen: given the plan, who is told how the run goes on.
        argv: the command line, for the provenance.

    Returns:
        The plan, what became of it, and every record of the journal, so that nobody need read it again.

    Raises:
        UsageError: another run is writing to the same folder, or the folder can't be written.
        IntegrityError: the journal is damaged before its last line.
        StorageError: a record could not be written.
    """
    with Journal(request.folder / JOURNAL) as journal, Unfinished(request.folder) as unfinished:
        plan = make_plan(request, index_of(journal.records))
        provenance = collect(argv)
        write_provenance(request.folder, provenance)
        with listen(plan) as listener:
            if unfinished.before:
                listener.told(ENDED_WITHOUT_A_WORD.format(unfinished.before))
            note = unfinished.note
            outcome = Evaluator(plan, plan.pace, journal.append, listener, provenance.id, note).run()
        return plan, outcome, journal.records
