"""What is wrong at a moment, and how findings of one cause become one. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from brokerage.control.log import error_fingerprint

Severity = Literal["error", "warning", "info"]
Kind = Literal["account", "grant", "check", "stale", "tick", "error", "notice"]

MOST_DETAILS = 8

# what `assets.outcome.failure_sentences` writes: agents, vendor, perhaps an entity, and the reason
_SENTENCE = re.compile(
    r"(?P<agents>[a-z0-9-]+(?:, [a-z0-9-]+)*(?: and \d+ more)?) · (?P<vendor>[^·:]+?)"
    r"(?: · (?P<entity>[^·:]+?))?: (?P<why>.+)"
)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    `cause` is equal for findings that one repair mends. An error is an event: looking does not find
    it again, and it is over when the job `needs_success_of` has succeeded since.
    """

    cause: str
    kind: Kind
    severity: Severity
    title: str
    why: str
    todo: str
    agents: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    run_id: str | None = None
    needs_success_of: str | None = None
    occurrences: int = 1


@dataclass(frozen=True)
class Notice:
    """Something that happened and that people are told once: there is nothing to recover from."""

    notice_id: int
    severity: Severity
    subject: str
    message: str
    agent_key: str | None = None
    run_id: str | None = None


def group(findings: Iterable[Finding]) -> list[Finding]:
    """One finding per cause, in the order of the first of each; errors win over warnings."""
    grouped: dict[str, Finding] = {}
    for finding in findings:
        known = grouped.get(finding.cause)
        if known is None:
            grouped[finding.cause] = finding
            continue
        grouped[finding.cause] = replace(
            known,
            severity="error" if "error" in (known.severity, finding.severity) else "warning",
            agents=tuple(sorted({*known.agents, *finding.agents})),
            details=tuple(dict.fromkeys((*known.details, *finding.details))),
            run_id=finding.run_id or known.run_id,
            needs_success_of=finding.needs_success_of or known.needs_success_of,
            occurrences=known.occurrences + finding.occurrences,
        )
    return list(grouped.values())


@dataclass(frozen=True)
class Sentence:
    """A line of a failed run, taken apart: for whom, at which vendor, on what, and why."""

    why: str
    agents: tuple[str, ...] = ()
    vendor: str | None = None
    entity: str | None = None


def take_apart(line: str) -> Sentence:
    """Read a line such as `ada-sample · Follow Up Boss · people: the vendor is down`."""
    found = _SENTENCE.fullmatch(line.strip())
    if found is None:
        return Sentence(line.strip())
    agents = found["agents"].partition(" and ")[0].split(", ")
    return Sentence(found["why"], tuple(agents), found["vendor"], found["entity"])


def error_finding(
    module: str,
    message: str,
    *,
    agent_key: str | None = None,
    entity: str | None = None,
    run_id: str | None = None,
    job: str | None = None,
) -> Finding:
    """The finding that a row of the error log is."""
    said = take_apart(message)
    agents = said.agents or ((agent_key,) if agent_key else ())
    subject = said.vendor or (f"Job {job}" if job else module)
    what = said.entity or entity
    return Finding(
        cause=f"error:{error_fingerprint(said.vendor or module, said.why)}",
        kind="error",
        severity="error",
        title=f"{subject} failed",
        why=sentence(said.why),
        todo=_todo(said, job),
        agents=agents,
        details=(what,) if what else (),
        run_id=run_id,
        needs_success_of=job,
    )


def _todo(said: Sentence, job: str | None) -> str:
    if job is None:
        return "See `brokerage status`."
    if said.vendor is not None:
        return "It is tried again by the next run; if it stays, read the run's log."
    return "Read the run's log, mend the cause, and start the job again in Dagster."


def sentence(text: str) -> str:
    """The text as one sentence: a capital at the beginning and a full stop at the end."""
    trimmed = " ".join(text.split()).rstrip(" .")
    return f"{trimmed[:1].upper()}{trimmed[1:]}." if trimmed else "No reason was given."
