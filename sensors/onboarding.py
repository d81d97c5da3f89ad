"""What becomes of an onboarding, derived from runs and committed readings; nothing is set by hand.

An attempt (`control.onboarding_jobs`) is an agent's runs in the onboarding lane: one per vendor. A
step is a raw table of one of the agent's accounts, and its status is that of the mark which a run
of the attempt has committed. Whoever calls `mirror` (the sensor, the command line), and however
often, writes the same rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
from sqlalchemy import text

from assets.outcome import RECORDED
from assets.partitions import AGENTS, RANGE_END_TAG, RANGE_START_TAG
from assets.raw import LANE_TAG, raw_entities, raw_key
from pipelines.registry import VENDORS
from resources.connections import ACTIVE
from sensors.cadences import ONBOARDING_LANE
from sensors.runs import UNFINISHED

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from sqlalchemy.engine import Connection, Engine

    from brokerage.control.onboarding import JobStatus, OnboardingJob, OnboardingLog, OnboardingRun
    from brokerage.control.repository import ConnectionRecord

RETRY_AFTER = (
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(days=1),
)
"""Pauses before an attempt is repeated; the last one from then on."""

MOST_ATTEMPTS = 12
STUCK_AFTER = timedelta(hours=4)
_RECENT_RUNS = 300
_LOOKED_BACK = timedelta(days=8)
_MIRROR_LOCK = text("select pg_try_advisory_lock(hashtextextended('onboarding mirror', 0))")
_STARTED = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


@dataclass(frozen=True)
class Reading:
    """A committed mark of one table: how it ended, and the rows of all marks of the attempt."""

    status: str
    rows: int
    error: str | None


@dataclass(frozen=True)
class Step:
    """What a table of an account has come to in an attempt."""

    vendor: str
    name: str
    status: JobStatus
    rows: int | None = None
    error: str | None = None


# -- pure functions --------------------------------------------------------------------------------


def derive_steps(
    connections: Iterable[ConnectionRecord],
    runs: Sequence[OnboardingRun],
    readings: Mapping[tuple[str, str], Reading],
    read_before: Mapping[str, set[str]],
) -> list[Step]:
    """The steps of an attempt.

    Args:
        connections: the agent's.
        runs: the runs of the attempt.
        readings: by connection and entity, what the runs of the attempt have committed.
        read_before: the entities of each connection that any sync has ever read. An account that
            the attempt has no run for is part of it only if it was never read.
    """
    steps = []
    for connection in connections:
        vendor = VENDORS.get(connection.vendor)
        if vendor is None:
            continue
        mine = [run for run in runs if run.vendor == vendor.name]
        if not mine and (connection.status != ACTIVE or read_before.get(connection.connection_id)):
            continue
        unfinished = [run for run in mine if dg.DagsterRunStatus(run.status) in UNFINISHED]
        for entity in raw_entities(vendor):
            name = "/".join(raw_key(vendor, entity.name).path)
            found = readings.get((connection.connection_id, entity.name))
            if found is not None and found.status in RECORDED:
                step = Step(vendor.name, name, "Complete", found.rows)
            elif unfinished or not mine:
                begun = any(dg.DagsterRunStatus(run.status) in _STARTED for run in unfinished)
                step = Step(vendor.name, name, "Running" if begun else "New")
            else:
                reason = (found.error if found else None) or connection.status_reason
                step = Step(
                    vendor.name, name, "Failed", None, reason or "not read; see the run in Dagster"
                )
            steps.append(step)
    return steps


def derive_status(steps: Sequence[Step]) -> JobStatus:
    """The status of the attempt that consists of these steps."""
    found = {step.status for step in steps}
    if "Running" in found or ("New" in found and found != {"New"}):
        return "Running"
    if "New" in found or not found:
        return "New"
    if found == {"Complete"}:
        return "Complete"
    return "Partial" if "Complete" in found else "Failed"


def retry_at(
    attempt: int, ended: datetime, failed: Iterable[str], active: Iterable[str]
) -> datetime | None:
    """When an attempt is repeated whose tables of the `failed` vendors are missing.

    None if none of these accounts may be read, because connecting it anew begins an attempt of its
    own, and after the last attempt.
    """
    if attempt >= MOST_ATTEMPTS or set(failed).isdisjoint(active):
        return None
    return ended + RETRY_AFTER[min(attempt, len(RETRY_AFTER)) - 1]


def due_connections(
    connections: Iterable[ConnectionRecord],
    read_before: Iterable[str],
    latest: Mapping[str, OnboardingJob],
    failed: Mapping[int, set[str]],
    taken: Mapping[int, set[str]],
    now: datetime,
) -> list[tuple[ConnectionRecord, int]]:
    """The active accounts to onboard now, each with the attempt that went before (0: none).

    Args:
        connections: all active ones.
        read_before: the accounts that were read at least once.
        latest: the newest attempt of each agent.
        failed: by attempt, the vendors with a step that failed.
        taken: by attempt, the vendors that it has or had a run for.
        now: the time.
    """
    known = set(read_before)
    due = []
    for connection in connections:
        job = latest.get(connection.agent_key)
        if job is None or connection.vendor not in taken.get(job.job_id, set()):
            if connection.connection_id not in known:
                due.append((connection, job.job_id if job else 0))
        elif not job.is_open and connection.vendor in failed.get(job.job_id, set()):
            again = job.retry_at is not None and job.retry_at <= now
            renewed = job.ended_at is not None and connection.updated_at > job.ended_at
            if again or renewed:
                due.append((connection, job.job_id))
    return due


# -- mirroring -------------------------------------------------------------------------------------


def mirror(
    instance: DagsterInstance, engine: Engine, *, now: datetime | None = None
) -> list[OnboardingJob]:
    """Write down how all onboardings stand; returns the attempts that have ended by this.

    Of two processes that do so at the same moment, the second leaves it to the first.
    """
    from brokerage.control.onboarding import OnboardingLog

    with engine.connect() as guard:
        if not guard.scalar(_MIRROR_LOCK):
            return []
        try:
            log = OnboardingLog(engine)
            touched = _link_runs(instance, engine, log, now or datetime.now(UTC))
            touched |= {job.job_id for job in log.open_jobs()}
            return [
                ended
                for job_id in sorted(touched)
                if (ended := _write(engine, log, job_id, now or datetime.now(UTC))) is not None
            ]
        finally:
            guard.execute(text("select pg_advisory_unlock_all()"))


def _link_runs(
    instance: DagsterInstance, engine: Engine, log: OnboardingLog, now: datetime
) -> set[int]:
    """Give every run of the onboarding lane its attempts; returns the attempts that changed."""
    from brokerage.control.repository import ControlRepository

    records = instance.get_run_records(
        dg.RunsFilter(tags={LANE_TAG: ONBOARDING_LANE}, created_after=now - _LOOKED_BACK),
        limit=_RECENT_RUNS,
    )
    known: dict[str, list[OnboardingRun]] = defaultdict(list)
    for link in log.runs(run_ids=[record.dagster_run.run_id for record in records]):
        known[link.run_id].append(link)
    touched: set[int] = set()
    connected: set[str] | None = None
    for record in sorted(records, key=lambda found: found.create_timestamp):
        run = record.dagster_run
        for link in known[run.run_id]:
            if link.status != run.status.value:
                log.link_run(link.job_id, run.run_id, link.vendor, run.status.value)
                touched.add(link.job_id)
        vendor = run.job_name.removesuffix(f"__{ONBOARDING_LANE}")
        if known[run.run_id] or vendor not in VENDORS:
            continue
        if connected is None:
            connected = {c.connection_id for c in ControlRepository(engine).connections()}
        for agent in run_agents(instance, run):
            if f"{agent}:{vendor}" in connected:
                job_id = _attempt_of(log, agent, record.create_timestamp)
                log.link_run(job_id, run.run_id, vendor, run.status.value)
                touched.add(job_id)
    return touched


def _attempt_of(log: OnboardingLog, agent: str, created: datetime) -> int:
    """The attempt that a run of that moment belongs to; a new one if the last was over by then."""
    last = log.latest(agent)
    if last is not None and (last.is_open or (last.ended_at and created <= last.ended_at)):
        return last.job_id
    again = last is not None and last.status in ("Partial", "Failed")
    return log.open(agent, attempt=last.attempt + 1 if last and again else 1).job_id


def _write(engine: Engine, log: OnboardingLog, job_id: int, now: datetime) -> OnboardingJob | None:
    """Bring an attempt up to date; returns it if it has ended by this."""
    from brokerage.control.onboarding import OnboardingJob
    from brokerage.control.repository import ControlRepository
    from brokerage.control.tables import onboarding_jobs

    with engine.connect() as connection:
        row = connection.execute(
            onboarding_jobs.select().where(onboarding_jobs.c.job_id == job_id)
        ).one()
        job = OnboardingJob(**row._asdict())
        runs = log.runs(job_id=job_id)
        accounts = ControlRepository(engine).connections(agent_key=job.agent_key)
        ids = [account.connection_id for account in accounts]
        readings = _readings(connection, ids, [run.run_id for run in runs])
        before = _read_before(connection, ids)
    steps = derive_steps(accounts, runs, readings, before)
    status = derive_status(steps)
    was = {step.step: (step.status, step.rows_written) for step in log.steps(job_id)}
    for step in steps:
        if was.get(step.name) != (step.status, step.rows):
            log.set_step(job_id, step.name, step.status, rows_written=step.rows, error=step.error)
    first_run = runs[0].run_id if runs else None
    failed = [step for step in steps if step.status == "Failed"]
    ends = status in ("Complete", "Partial", "Failed")
    again = None
    if failed and ends:
        active = {account.vendor for account in accounts if account.status == ACTIVE}
        vendors = {step.vendor for step in failed}
        again = retry_at(job.attempt, job.ended_at or now, vendors, active)
    if status != job.status or again != job.retry_at:
        log.set_status(
            job_id,
            status,
            error=f"{len(failed)} of {len(steps)} tables are missing" if failed and ends else None,
            run_id=first_run,
            retry_at=again,
        )
    _notify(engine, job, status, steps, again, first_run, now)
    return log.latest(job.agent_key) if ends and job.is_open else None


def _readings(
    connection: Connection, connection_ids: Sequence[str], run_ids: Sequence[str]
) -> dict[tuple[str, str], Reading]:
    rows = connection.execute(
        text(
            "select connection_id, entity, (array_agg(status order by finished_at desc))[1],"
            " coalesce(sum(rows_written), 0), (array_agg(error order by finished_at desc))[1]"
            " from control.sync_mark where connection_id = any(:ids) and run_id = any(:runs)"
            " group by connection_id, entity"
        ),
        {"ids": list(connection_ids), "runs": list(run_ids)},
    )
    return {(row[0], row[1]): Reading(row[2], int(row[3]), row[4]) for row in rows}


def _read_before(connection: Connection, connection_ids: Sequence[str]) -> dict[str, set[str]]:
    rows = connection.execute(
        text(
            "select distinct connection_id, entity from control.sync_mark"
            " where connection_id = any(:ids) and status = any(:good)"
        ),
        {"ids": list(connection_ids), "good": list(RECORDED)},
    )
    found: dict[str, set[str]] = defaultdict(set)
    for connection_id, entity in rows:
        found[connection_id].add(entity)
    return found


def _notify(
    engine: Engine,
    job: OnboardingJob,
    status: JobStatus,
    steps: Sequence[Step],
    again: datetime | None,
    run_id: str | None,
    now: datetime,
) -> None:
    """Write down what people are told: the start, the end, a failure, and what does not move."""
    from brokerage.control.notifications import NotificationLog

    told = NotificationLog(engine)
    agent, key = job.agent_key, f"onboarding:{job.job_id}"
    vendors = ", ".join(VENDORS[name].title for name in dict.fromkeys(s.vendor for s in steps))
    if job.attempt == 1:
        told.add(
            "onboarding.started",
            f"Onboarding of {agent} has begun",
            f"{len(steps)} tables of {vendors} are read.",
            dedupe_key=f"{key}:started",
            agent_key=agent,
            run_id=run_id,
        )
    if status == "Complete":
        rows = sum(step.rows or 0 for step in steps)
        told.add(
            "onboarding.completed",
            f"{agent} is onboarded",
            f"{len(steps)} tables of {vendors} are there, {rows} rows.",
            dedupe_key=f"{key}:completed",
            agent_key=agent,
            run_id=run_id,
        )
    elif status in ("Partial", "Failed"):
        told.add(
            "onboarding.partial" if status == "Partial" else "onboarding.failed",
            f"Onboarding of {agent} {'is incomplete' if status == 'Partial' else 'failed'}",
            failure_message(steps, again),
            dedupe_key=f"{key}:{status.lower()}",
            severity="warning" if status == "Partial" else "error",
            agent_key=agent,
            run_id=run_id,
        )
    elif now - job.created_at > STUCK_AFTER:
        waiting = [step for step in steps if step.status in ("New", "Running")]
        told.add(
            "onboarding.stuck",
            f"Onboarding of {agent} does not end",
            f"{len(waiting)} of {len(steps)} tables wait since {job.created_at:%Y-%m-%d %H:%M} UTC:"
            " look at the queued and running runs in Dagster.",
            dedupe_key=f"{key}:stuck",
            severity="error",
            agent_key=agent,
            run_id=run_id,
        )


def failure_message(steps: Sequence[Step], again: datetime | None) -> str:
    """What is missing and why, one clause per cause, and what happens next."""
    causes: dict[tuple[str, str], int] = defaultdict(int)
    for step in steps:
        if step.status == "Failed":
            reason = (step.error or "").strip().removesuffix(".")
            causes[VENDORS[step.vendor].title, reason] += 1
    missing = "; ".join(
        f"{vendor}: {number} {'table is' if number == 1 else 'tables are'} missing ({reason})"
        for (vendor, reason), number in causes.items()
    )
    if again is not None:
        return f"{missing}. It is tried again at {again:%Y-%m-%d %H:%M} UTC."
    return f"{missing}. Mend the cause, then connect the account again or run `brokerage onboard`."


# -- planning --------------------------------------------------------------------------------------


def find_due(engine: Engine, now: datetime) -> list[tuple[ConnectionRecord, int]]:
    """`due_connections` from the records of the control schema."""
    from brokerage.control.onboarding import OnboardingLog
    from brokerage.control.repository import ControlRepository

    log = OnboardingLog(engine)
    found = ControlRepository(engine).connections(status=ACTIVE)
    latest = log.latest_of_all()
    with engine.connect() as connection:
        read = set(
            connection.execute(
                text("select distinct connection_id from control.sync_mark where status = 'ok'")
            ).scalars()
        )
        ids = [job.job_id for job in latest.values()]
        failed, taken = _vendors_of(connection, ids)
    return due_connections(
        [c for c in found if c.vendor in VENDORS], read, latest, failed, taken, now
    )


def _vendors_of(
    connection: Connection, job_ids: Sequence[int]
) -> tuple[dict[int, set[str]], dict[int, set[str]]]:
    failed: dict[int, set[str]] = defaultdict(set)
    taken: dict[int, set[str]] = defaultdict(set)
    steps = text(
        "select distinct job_id, split_part(step, '/', 1) from control.onboarding_steps"
        " where job_id = any(:ids) and status = 'Failed'"
    )
    for job_id, schema in connection.execute(steps, {"ids": list(job_ids)}):
        failed[job_id].add(str(schema).removeprefix("raw_"))
    runs = text(
        "select distinct job_id, vendor from control.onboarding_runs where job_id = any(:ids)"
    )
    for job_id, vendor in connection.execute(runs, {"ids": list(job_ids)}):
        taken[job_id].add(vendor)
    return failed, taken


def run_agents(instance: DagsterInstance, run: dg.DagsterRun) -> list[str]:
    """The agents whose partitions a run covers."""
    start, end = run.tags.get(RANGE_START_TAG), run.tags.get(RANGE_END_TAG)
    if start is None or end is None:
        single = run.tags.get("dagster/partition")
        return [single] if single else []
    keys = list(instance.get_dynamic_partitions(AGENTS))
    if start not in keys or end not in keys:
        return []
    return keys[keys.index(start) : keys.index(end) + 1]


@contextmanager
def owner_engine() -> Iterator[Engine]:
    """An engine on the control schema, closed afterwards."""
    from brokerage.database.engine import make_engine

    engine = make_engine()
    try:
        yield engine
    finally:
        engine.dispose()
