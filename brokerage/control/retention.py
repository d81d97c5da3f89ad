"""What of the database is deleted when: logs, inbox, alerts, and marks of syncs.

Each rule is one statement over what is old and no longer needed; what somebody still waits for
(new webhooks, errors nobody was told of, open alerts) is never deleted.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from brokerage.control.sync_state import has_marks
from brokerage.database.roles import RAW_SCHEMAS

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

# what a history in the warehouse is derived from, over and over: (schema, entity)
_HISTORIC = (("raw_rezen", "down_line"),)

_INBOX = """
delete from control.webhook_inbox
where status in ('done', 'ignored') and coalesce(processed_at, received_at) < :before
"""
_LOGS = {
    "event_log": "delete from control.event_log where occurred_at < :before",
    "error_log": "delete from control.error_log "
    "where occurred_at < :before and notified_at is not null",
    "alerts": "delete from control.alerts where status <> 'open' and ended_at < :before",
    # the newest row of a recipient stays, so that a digest of long ago is not sent again
    "digest_deliveries": """
        delete from control.digest_deliveries as old
        where old.claimed_at < :before and exists (
            select from control.digest_deliveries as newer
            where newer.recipient_id = old.recipient_id and newer.kind = old.kind
            and newer.news_date > old.news_date
        )
    """,
    "onboarding_jobs": """
        delete from control.onboarding_jobs as old
        where old.ended_at < :before and exists (
            select from control.onboarding_jobs as newer
            where newer.agent_key = old.agent_key and newer.job_id > old.job_id
        )
    """,
}
# the marks that the next sync, `control.sync_state` or a count in the warehouse are made of
_KEPT_MARKS = (
    "true",
    "status = 'ok'",
    "cursor_to is not null and status in ('ok', 'partial')",
    "status = 'ok' and is_complete_sweep",
    "status = 'ok' and is_probe",
    "status = 'ok' and vendor_count is not null",
)


def purge_inbox(engine: Engine, before: datetime) -> int:
    """Delete webhooks that were dealt with before an instant; returns how many."""
    with engine.begin() as connection:
        return connection.execute(text(_INBOX), {"before": before}).rowcount


def purge_logs(engine: Engine, before: datetime) -> dict[str, int]:
    """Delete what is over since before an instant; returns the rows by table."""
    with engine.begin() as connection:
        return {
            name: connection.execute(text(statement), {"before": before}).rowcount
            for name, statement in _LOGS.items()
        }


def purge_marks(engine: Engine, before: datetime) -> tuple[int, int]:
    """Delete marks of syncs that nothing is derived from any more, and loads without a mark.

    Returns how many marks and how many rows of dlt's table of loads.
    """
    marks = loads = 0
    for schema in RAW_SCHEMAS:
        with engine.begin() as connection:
            if not has_marks(connection, schema):
                continue
            parameters: dict[str, Any] = {
                "before": before,
                "historic": [entity for name, entity in _HISTORIC if name == schema],
            }
            marks += connection.execute(text(_marks_statement(schema)), parameters).rowcount
            loads += connection.execute(text(_loads_statement(schema)), parameters).rowcount
    return marks, loads


def _marks_statement(schema: str) -> str:
    counted = (
        f"select * from {schema}.sync_marks as m where exists (select from {schema}._dlt_loads "  # noqa: S608 - names are ours
        "as l where l.load_id = m._dlt_load_id and l.status = 0)"
    )
    kept = " union ".join(
        "(select distinct on (connection_id, entity) _dlt_id from counted "  # noqa: S608 - names are ours
        f"where {condition} order by connection_id, entity, {moment} desc)"
        for condition in _KEPT_MARKS
        for moment in ("finished_at", "started_at")
    )
    return (
        f"with counted as ({counted}), kept as ({kept}) "  # noqa: S608 - names are ours
        f"delete from {schema}.sync_marks as m "
        "where m.finished_at < :before "
        "and not (m.is_complete_sweep and m.entity = any(:historic)) "
        "and m._dlt_id not in (select _dlt_id from kept)"
    )


def _loads_statement(schema: str) -> str:
    return (
        f"delete from {schema}._dlt_loads as l where l.inserted_at < :before and not exists "  # noqa: S608 - names are ours
        f"(select from {schema}.sync_marks as m where m._dlt_load_id = l.load_id)"
    )
