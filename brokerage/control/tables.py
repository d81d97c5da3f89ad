"""The tables of schema `control`; `migrations/` is what creates them, a test keeps both equal."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

SCHEMA = "control"

metadata = MetaData(
    schema=SCHEMA,
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    },
)


def _at(name: str, *, now: bool = False) -> Column[datetime]:
    default = func.now() if now else None
    return Column(name, DateTime(timezone=True), nullable=not now, server_default=default)


agents = Table(
    "agents",
    metadata,
    Column("agent_key", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("email", Text),
    Column("rezen_agent_id", Text),
    Column("referral_code", Text),
    Column("status", Text, nullable=False, server_default="active"),
    Column("is_demo", Boolean, nullable=False, server_default=text("false")),
    _at("created_at", now=True),
    _at("updated_at", now=True),
    CheckConstraint("status in ('active', 'offboarded')", name="status"),
    CheckConstraint("agent_key ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name="slug"),
)

connections = Table(
    "connections",
    metadata,
    Column("connection_id", Text, primary_key=True),
    Column("agent_key", Text, ForeignKey(agents.c.agent_key), nullable=False),
    Column("vendor", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="active"),
    Column("status_reason", Text),
    Column("auth_kind", Text, nullable=False, server_default="api_key"),
    Column("account_source_id", Text),
    Column("account_label", Text),
    Column("account_role", Text),
    _at("verified_at"),
    _at("created_at", now=True),
    _at("updated_at", now=True),
    UniqueConstraint("agent_key", "vendor"),
    CheckConstraint("status in ('active', 'needs_reauth', 'paused')", name="status"),
    CheckConstraint("auth_kind in ('api_key', 'oauth')", name="auth_kind"),
    CheckConstraint("connection_id = agent_key || ':' || vendor", name="connection_id"),
)

secrets = Table(
    "secrets",
    metadata,
    Column(
        "connection_id",
        Text,
        ForeignKey(connections.c.connection_id, ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("name", Text, primary_key=True),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("key_fingerprint", Text, nullable=False),
    _at("updated_at", now=True),
)

webhook_inbox = Table(
    "webhook_inbox",
    metadata,
    Column("webhook_id", BigInteger, Identity(always=True), primary_key=True),
    Column("vendor", Text, nullable=False),
    Column("connection_id", Text),
    Column("event_source_id", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("resource_uri", Text),
    Column("body", JSONB, nullable=False),
    Column("status", Text, nullable=False, server_default="new"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error", Text),
    _at("received_at", now=True),
    _at("processed_at"),
    UniqueConstraint("vendor", "event_source_id"),
    CheckConstraint("status in ('new', 'done', 'ignored', 'failed')", name="status"),
    Index("ix_webhook_inbox_new", "received_at", postgresql_where=text("status = 'new'")),
)

onboarding_jobs = Table(
    "onboarding_jobs",
    metadata,
    Column("job_id", BigInteger, Identity(always=True), primary_key=True),
    Column("agent_key", Text, ForeignKey(agents.c.agent_key), nullable=False),
    Column("status", Text, nullable=False, server_default="New"),
    Column("run_id", Text),
    Column("backfill_id", Text),
    Column("error", Text),
    _at("created_at", now=True),
    _at("started_at"),
    _at("ended_at"),
    Column("attempt", Integer, nullable=False, server_default=text("1")),
    _at("retry_at"),
    CheckConstraint("status in ('New', 'Running', 'Complete', 'Partial', 'Failed')", name="status"),
    Index("ix_onboarding_jobs_agent_key", "agent_key", "job_id"),
)

onboarding_runs = Table(
    "onboarding_runs",
    metadata,
    Column(
        "job_id",
        BigInteger,
        ForeignKey(onboarding_jobs.c.job_id, ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("run_id", Text, primary_key=True),
    Column("vendor", Text, nullable=False),
    Column("status", Text, nullable=False),
    Index("ix_onboarding_runs_run_id", "run_id"),
)

onboarding_steps = Table(
    "onboarding_steps",
    metadata,
    Column(
        "job_id",
        BigInteger,
        ForeignKey(onboarding_jobs.c.job_id, ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("step", Text, primary_key=True),
    Column("status", Text, nullable=False, server_default="New"),
    Column("rows_written", BigInteger),
    Column("error", Text),
    _at("started_at"),
    _at("ended_at"),
    CheckConstraint("status in ('New', 'Running', 'Complete', 'Partial', 'Failed')", name="status"),
)

event_log = Table(
    "event_log",
    metadata,
    Column("event_id", BigInteger, Identity(always=True), primary_key=True),
    _at("occurred_at", now=True),
    Column("type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("agent_key", Text),
    Column("connection_id", Text),
    Column("entity", Text),
    Column("run_id", Text),
    Column("data", JSONB),
    Index("ix_event_log_occurred_at", "occurred_at"),
)

error_log = Table(
    "error_log",
    metadata,
    Column("error_id", BigInteger, Identity(always=True), primary_key=True),
    _at("occurred_at", now=True),
    Column("module", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("agent_key", Text),
    Column("connection_id", Text),
    Column("entity", Text),
    Column("run_id", Text),
    Column("data", JSONB),
    _at("notified_at"),
    Index("ix_error_log_occurred_at", "occurred_at"),
    Index("ix_error_log_fingerprint", "fingerprint", "occurred_at"),
)

notifications = Table(
    "notifications",
    metadata,
    Column("notification_id", BigInteger, Identity(always=True), primary_key=True),
    _at("created_at", now=True),
    Column("type", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("agent_key", Text),
    Column("run_id", Text),
    Column("dedupe_key", Text, nullable=False, unique=True),
    _at("notified_at"),
    CheckConstraint("severity in ('info', 'warning', 'error')", name="severity"),
    Index(
        "ix_notifications_waiting", "notification_id", postgresql_where=text("notified_at is null")
    ),
)

reconciliations = Table(
    "reconciliations",
    metadata,
    Column(
        "connection_id",
        Text,
        ForeignKey(connections.c.connection_id, ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("vendor", Text, nullable=False),
    Column("entity", Text, primary_key=True),
    Column("lifecycle_group", Text, primary_key=True),
    Column("tc_vendor", BigInteger),
    Column("tc_ad", BigInteger, nullable=False),
    Column("tc_mismatch", BigInteger, nullable=False),
    Column("rows_refused", BigInteger, nullable=False, server_default=text("0")),
    Column("ids_missing", BigInteger),
    Column("ids_surplus", BigInteger),
    Column("verdict", Text, nullable=False),
    Column("explanation", Text),
    Column("run_id", Text),
    _at("checked_at", now=True),
    _at("mismatch_since"),
    _at("read_whole_at"),
    CheckConstraint("verdict in ('equal', 'mended', 'differs', 'unknown')", name="verdict"),
)
