"""Where alerts look for what is wrong: connections, grants, marks, checks, freshness, runs.

Each source is one question to the records. What cannot be asked raises: an alert must not seem to
be over because somebody could not look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from sqlalchemy import text

from assets.outcome import reconnect_hint
from assets.raw import raw_entities
from brokerage.alerts.book import Alert
from brokerage.alerts.findings import Finding, Notice, Severity, error_finding, sentence
from brokerage.control.log import error_fingerprint
from pipelines.common.moments import moment
from pipelines.registry import VENDORS
from resources.connections import ACTIVE, NEEDS_REAUTH, ConnectionsResource
from sensors.jobs import BUILD_JOB
from sensors.onboarding import run_agents
from sensors.sensors import last_build, last_change

if TYPE_CHECKING:
    from dagster import AssetCheckKey, AssetKey, DagsterInstance
    from sqlalchemy.engine import Engine

    from brokerage.control.repository import ConnectionRecord
    from pipelines.common.entity import Vendor

CRITICAL_AGE = timedelta(hours=72)
_BUILD_LAG = timedelta(hours=2)
_NOT_ALLOWED = ("not_permitted", "not_available")
# the error log is written by a sensor a little after the run has ended
_LOG_LAG = timedelta(minutes=3)
_LOOK_BACK = timedelta(days=1)
_MOST_RUNS = 200


# -- accounts --------------------------------------------------------------------------------------


def broken_accounts(connections: Iterable[ConnectionRecord]) -> list[Finding]:
    """The connections that a vendor refuses, those of one vendor and reason together."""
    grouped: dict[tuple[str, str], list[ConnectionRecord]] = defaultdict(list)
    for connection in connections:
        if connection.status == NEEDS_REAUTH and connection.vendor in VENDORS:
            reason = connection.status_reason or "No reason was noted"
            cause = error_fingerprint(connection.vendor, reason)
            grouped[connection.vendor, cause].append(connection)
    found = []
    for (name, cause), broken in grouped.items():
        vendor = VENDORS[name]
        agents = tuple(sorted(connection.agent_key for connection in broken))
        found.append(
            Finding(
                cause=f"account:{name}:{cause}",
                kind="account",
                severity="error",
                title=f"{vendor.title} refuses {_accounts(len(agents))}",
                why=sentence(broken[0].status_reason or ""),
                todo=_reconnect(agents, vendor),
                agents=agents,
            )
        )
    return found


def _accounts(number: int) -> str:
    return "an account" if number == 1 else f"{number} accounts"


def _reconnect(agents: Sequence[str], vendor: Vendor) -> str:
    hint = reconnect_hint(agents[0] if len(agents) == 1 else "AGENT", vendor)
    return sentence(hint if len(agents) == 1 else f"for each, {hint}")


# -- grants ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grant:
    """When an agent's access to a vendor ends for good unless somebody allows it again."""

    agent_key: str
    vendor: str
    ends_at: datetime


def read_grants(connections: ConnectionsResource) -> list[Grant]:
    """The grants whose end is known.

    A token that nothing can renew ends when it says. A refresh token ends when the vendor has said
    so, or its life after it was stored last: each renewal stores it anew.
    """
    query = text(
        "select s.connection_id, s.name, s.updated_at from control.secrets s "
        "join control.connections c using (connection_id) "
        "where c.status = 'active' and s.name in ('expires_at', 'refresh_token')"
    )
    stored: dict[str, dict[str, datetime]] = defaultdict(dict)
    with connections.engine.connect() as connection:
        for connection_id, name, updated_at in connection.execute(query):
            stored[connection_id][name] = updated_at
    grants = []
    for connection_id, names in stored.items():
        agent_key, _, vendor_name = connection_id.partition(":")
        vendor = VENDORS.get(vendor_name)
        if vendor is None:
            continue
        secrets = connections.vault.get(connection_id)
        ends_at = None
        if secrets.get("refresh_expires_at"):
            ends_at = moment(secrets["refresh_expires_at"])
        elif secrets.get("refresh_token"):
            life = vendor.oauth.grant_life if vendor.oauth is not None else None
            ends_at = names["refresh_token"] + life if life is not None else None
        elif secrets.get("expires_at"):
            ends_at = moment(secrets["expires_at"])
        if ends_at is not None:
            grants.append(Grant(agent_key, vendor_name, ends_at))
    return grants


def ending_grants(grants: Iterable[Grant], now: datetime, warn_before: timedelta) -> list[Finding]:
    """The grants that end soon, those of one vendor together."""
    grouped: dict[str, list[Grant]] = defaultdict(list)
    for grant in grants:
        if grant.ends_at - now <= warn_before:
            grouped[grant.vendor].append(grant)
    found = []
    for name, ending in grouped.items():
        vendor = VENDORS[name]
        ending.sort(key=lambda grant: (grant.ends_at, grant.agent_key))
        agents = tuple(sorted(grant.agent_key for grant in ending))
        found.append(
            Finding(
                cause=f"grant:{name}",
                kind="grant",
                severity="warning",
                title=f"{vendor.title}: the access to {_accounts(len(agents))} ends soon",
                why=f"The first ends on {ending[0].ends_at:%Y-%m-%d}, and it cannot be renewed "
                "without the person.",
                todo=_reconnect(agents, vendor),
                agents=agents,
                details=tuple(f"{g.agent_key} on {g.ends_at:%Y-%m-%d}" for g in ending),
            )
        )
    return found


# -- stale tables ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """When an entity of an active connection was last read well, or else connected.

    `status` is that of its last reading, None if there was none. `was_read` says that it could be
    read at some time.
    """

    agent_key: str
    vendor: str
    entity: str
    since: datetime
    status: str | None
    was_read: bool = True


def read_readings(engine: Engine) -> list[Reading]:
    """All active connections with the entities that the settings have read."""
    query = text(
        "select c.agent_key, c.vendor, s.entity, s.status, "
        "coalesce(s.last_success_at, c.created_at) as since, "
        "s.last_success_at is not null as was_read "
        "from control.connections c left join control.sync_state s "
        "on s.connection_id = c.connection_id "
        "where c.status = :active"
    )
    with engine.connect() as connection:
        rows = connection.execute(query, {"active": ACTIVE}).all()
    wanted = {name: {e.name for e in raw_entities(v)} for name, v in VENDORS.items()}
    return [
        Reading(
            row.agent_key,
            row.vendor,
            row.entity or "everything",
            row.since,
            row.status,
            row.was_read,
        )
        for row in rows
        if row.vendor in wanted and (row.entity is None or row.entity in wanted[row.vendor])
    ]


def stale_tables(
    readings: Iterable[Reading], now: datetime, stale_after: timedelta
) -> list[Finding]:
    """The tables that were not read for too long, those of one vendor together."""
    grouped: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        if reading.status not in _NOT_ALLOWED and now - reading.since > stale_after:
            grouped[reading.vendor].append(reading)
    found = []
    for name, stale in grouped.items():
        oldest = min(reading.since for reading in stale)
        severity: Severity = "error" if now - oldest > CRITICAL_AGE else "warning"
        found.append(
            Finding(
                cause=f"stale:{name}",
                kind="stale",
                severity=severity,
                title=f"{VENDORS[name].title} is not up to date",
                why=f"Nothing was read well since {oldest:%Y-%m-%d %H:%M} UTC, which is more than "
                f"{stale_after.total_seconds() / 3600:.0f} hours ago.",
                todo="See in Dagster whether the schedules of the vendor run, and why they fail.",
                agents=tuple(sorted({reading.agent_key for reading in stale})),
                details=tuple(sorted({reading.entity for reading in stale})),
            )
        )
    return found


def lost_rights(readings: Iterable[Reading]) -> list[Finding]:
    """What could be read once and is refused now, vendor by vendor.

    A right that an account never had is an answer; one that it lost stops a table silently.
    """
    grouped: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        if reading.was_read and reading.status in _NOT_ALLOWED:
            grouped[reading.vendor].append(reading)
    return [
        Finding(
            cause=f"right:{name}",
            kind="stale",
            severity="warning",
            title=f"{VENDORS[name].title} no longer shows what it showed before",
            why=f"{len(lost)} table{'s' if len(lost) > 1 else ''} could be read until "
            f"{max(reading.since for reading in lost):%Y-%m-%d %H:%M} UTC and "
            f"{'are' if len(lost) > 1 else 'is'} refused since; the rows stay as they were.",
            todo="Ask the account's owner whether a right was taken away there; with a new key, "
            "connect the account again.",
            agents=tuple(sorted({reading.agent_key for reading in lost})),
            details=tuple(sorted({reading.entity for reading in lost})),
        )
        for name, lost in grouped.items()
    ]


def stale_warehouse(landed: datetime | None, built: float | None, now: datetime) -> list[Finding]:
    """The warehouse, if rows have landed that no build has taken for hours.

    Args:
        landed: when the last sync that changed rows was finished.
        built: when the last good build began, in seconds since the epoch.
        now: the moment of looking.
    """
    if landed is None or now - landed < _BUILD_LAG:
        return []
    if built is not None and built >= landed.timestamp():
        return []
    since = f"since {datetime.fromtimestamp(built, UTC):%Y-%m-%d %H:%M} UTC" if built else "yet"
    return [
        Finding(
            cause="stale:warehouse",
            kind="stale",
            severity="error",
            title="The warehouse is not up to date",
            why=f"Rows landed at {landed:%Y-%m-%d %H:%M} UTC, and no build was good {since}.",
            todo=f"Read the last run of {BUILD_JOB} in Dagster.",
        )
    ]


def overdue_assets(instance: DagsterInstance, keys: Collection[AssetKey]) -> list[Finding]:
    """The assets that Dagster says are later than their freshness policy allows."""
    if not keys:
        return []
    grouped: dict[str, list[tuple[str, FreshnessState]]] = defaultdict(list)
    for key, record in instance.get_freshness_state_records(list(keys)).items():
        if record.freshness_state in (FreshnessState.WARN, FreshnessState.FAIL):
            grouped[key.path[0]].append((key.path[-1], record.freshness_state))
    return [
        Finding(
            cause=f"overdue:{schema}",
            kind="stale",
            severity="error" if any(s is FreshnessState.FAIL for _, s in late) else "warning",
            title=f"Assets of {schema} are overdue",
            why="They were not materialised as often as their freshness policy demands.",
            todo="See in Dagster when they were last materialised, and why not since.",
            details=tuple(sorted(name for name, _ in late)),
        )
        for schema, late in grouped.items()
    ]


# -- checks ----------------------------------------------------------------------------------------


def failed_checks(instance: DagsterInstance, keys: Sequence[AssetCheckKey]) -> list[Finding]:
    """The checks whose last evaluation failed, those of one name and schema together.

    A build that fails because of its tests tells of them itself.
    """
    if not keys:
        return []
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    failed = AssetCheckExecutionRecordStatus.FAILED
    broken = {key: record for key, record in latest.items() if record.status is failed}
    builds = _unfinished_or_failed(instance, {record.run_id for record in broken.values()})
    found = []
    for key, record in broken.items():
        event = record.event.dagster_event if record.event is not None else None
        said = event.asset_check_evaluation_data if event is not None else None
        is_error = said is None or said.severity is dg.AssetCheckSeverity.ERROR
        if is_error and record.run_id in builds:
            continue
        schema, table = key.asset_key.path[0], key.asset_key.path[-1]
        told = (said.description if said is not None else None) or ""
        found.append(
            Finding(
                cause=f"check:{schema}:{key.name}",
                kind="check",
                severity="error" if is_error else "warning",
                title=f"Check {key.name} fails in {schema}",
                why="The last evaluation found what must not be."
                if said is not None
                else "The check could not be evaluated.",
                todo="Open the check of the table in Dagster: it shows what was found.",
                details=(f"{table}: {told}" if told else table,),
                run_id=record.run_id,
            )
        )
    return found


def _unfinished_or_failed(instance: DagsterInstance, run_ids: Collection[str]) -> set[str]:
    """The builds among some runs that are under way or have failed."""
    if not run_ids:
        return set()
    runs = instance.get_runs(dg.RunsFilter(run_ids=list(run_ids)))
    return {
        run.run_id
        for run in runs
        if run.job_name == BUILD_JOB and run.status is not dg.DagsterRunStatus.SUCCESS
    }


# -- schedules and sensors -------------------------------------------------------------------------


def failed_ticks(instance: DagsterInstance) -> list[Finding]:
    """The schedules and sensors whose last tick failed: what they start does not happen."""
    found = []
    for state in instance.all_instigator_state():
        last = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
        if not last or last[0].status is not TickStatus.FAILURE:
            continue
        name = state.instigator_name
        # what an exception says may hold anything; its kind does not
        kind = last[0].error.cls_name if last[0].error is not None else None
        found.append(
            Finding(
                cause=f"tick:{name}",
                kind="tick",
                severity="error",
                title=f"{name} does not work",
                why=f"Its last tick failed ({kind or 'without an error'}), so that it starts "
                "nothing.",
                todo=f"Open {name} under Automation in Dagster and read the error of the tick.",
            )
        )
    return found


# -- runs and errors -------------------------------------------------------------------------------


def note_silent_runs(instance: DagsterInstance, connections: ConnectionsResource) -> None:
    """Write failed runs into the error log that nobody has written there.

    Runs of the command line are left out, as whoever started one has seen how it ended.
    """
    since = datetime.now(UTC) - _LOOK_BACK
    records = instance.get_run_records(
        dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since),
        limit=_MOST_RUNS,
    )
    runs = {
        record.dagster_run.run_id: record.dagster_run.job_name
        for record in records
        if record.dagster_run.remote_job_origin is not None
        and record.update_timestamp < datetime.now(UTC) - _LOG_LAG
    }
    if not runs:
        return
    logged = {str(row["run_id"]) for row in connections.log.errors_since(since - _LOOK_BACK)}
    for run_id, job in runs.items():
        if run_id not in logged:
            connections.log.error(
                "dagster",
                "The run failed and its cause was not noted; see its log in Dagster.",
                run_id=run_id,
                data={"job": job},
            )


def new_errors(rows: Iterable[Mapping[str, object]]) -> dict[int, Finding | None]:
    """Rows of the error log as findings, by their id.

    A refused account is told from its connection, which says when it is mended.
    """
    found: dict[int, Finding | None] = {}
    for row in rows:
        data = row["data"]
        job = data.get("job") if isinstance(data, dict) else None
        number = int(str(row["error_id"]))
        if row["module"] == "sync" and row["connection_id"] is not None:
            found[number] = None
            continue
        found[number] = error_finding(
            str(row["module"]),
            str(row["message"]),
            agent_key=_text(row["agent_key"]),
            entity=_text(row["entity"]),
            run_id=_text(row["run_id"]),
            job=_text(job),
        )
    return found


def new_notices(engine: Engine) -> list[Notice]:
    """What other parts want people to be told once."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "select notification_id, severity, subject, message, agent_key, run_id "
                "from control.notifications where notified_at is null order by notification_id"
            )
        )
        return [
            Notice(
                notice_id=row.notification_id,
                severity=row.severity,
                subject=row.subject,
                message=sentence(row.message),
                agent_key=row.agent_key,
                run_id=row.run_id,
            )
            for row in rows
        ]


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def successes_since(instance: DagsterInstance, open_alerts: Iterable[Alert]) -> dict[int, datetime]:
    """Of alerts about jobs: when the job first succeeded for one of the same agents since.

    A run that began before the failure was told proves nothing, nor does one for other agents.
    """
    found: dict[int, datetime] = {}
    for alert in open_alerts:
        if alert.job is None:
            continue
        records = instance.get_run_records(
            dg.RunsFilter(
                job_name=alert.job,
                statuses=[dg.DagsterRunStatus.SUCCESS],
                updated_after=alert.last_seen_at,
            ),
            limit=_MOST_RUNS,
        )
        failed = instance.get_run_by_id(alert.run_id) if alert.run_id else None
        affected = set(run_agents(instance, failed)) if failed is not None else set()
        ends = [
            record.end_time
            for record in records
            if record.start_time is not None
            and record.end_time is not None
            and record.start_time > _ended(instance, alert)
            and (not affected or affected & set(run_agents(instance, record.dagster_run)))
        ]
        if ends:
            found[alert.alert_id] = datetime.fromtimestamp(min(ends), UTC)
    return found


def _ended(instance: DagsterInstance, alert: Alert) -> float:
    """When the failed run ended; what it was told at if the run is gone."""
    record = instance.get_run_record_by_id(alert.run_id) if alert.run_id else None
    if record is not None and record.end_time is not None:
        return record.end_time
    return alert.last_seen_at.timestamp()


# -- everything ------------------------------------------------------------------------------------


def look(
    instance: DagsterInstance,
    connections: ConnectionsResource,
    *,
    checks: Sequence[AssetCheckKey],
    with_policy: Collection[AssetKey],
    now: datetime,
    stale_after: timedelta,
    warn_before: timedelta,
) -> list[Finding]:
    """Everything that is wrong at a moment, but for the error log.

    Args:
        instance: Dagster's.
        connections: the control schema.
        checks: all checks that there are.
        with_policy: the assets that have a freshness policy.
        now: the moment of looking.
        stale_after: from which age on a table is stale.
        warn_before: how long before its end a grant is told of.
    """
    readings = read_readings(connections.engine)
    return [
        *broken_accounts(connections.repository.connections(status=NEEDS_REAUTH)),
        *ending_grants(read_grants(connections), now, warn_before),
        *stale_tables(readings, now, stale_after),
        *lost_rights(readings),
        *stale_warehouse(last_change(connections.engine), last_build(instance), now),
        *overdue_assets(instance, with_policy),
        *failed_checks(instance, checks),
        *failed_ticks(instance),
    ]
