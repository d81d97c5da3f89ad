"""The tables of schema `control`; `migrations/` is what creates them, a test keeps both equal."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

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
    Column("hints", JSONB, nullable=False, server_default=text("'[]'")),
    _at("next_attempt_at", now=True),
    UniqueConstraint("connection_id", "event_source_id"),
    CheckConstraint("status in ('new', 'done', 'ignored', 'failed')", name="status"),
    Index(
        "ix_webhook_inbox_new",
        "next_attempt_at",
        "webhook_id",
        postgresql_where=text("status = 'new'"),
    ),
    Index("ix_webhook_inbox_failed", "received_at", postgresql_where=text("status = 'failed'")),
    Index("ix_webhook_inbox_received_at", "received_at"),
)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column(
        "connection_id",
        Text,
        ForeignKey(connections.c.connection_id, ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("vendor", Text, nullable=False),
    Column("token_hash", Text, nullable=False, unique=True),
    _at("created_at", now=True),
)

webhook_subscriptions = Table(
    "webhook_subscriptions",
    metadata,
    Column(
        "connection_id",
        Text,
        ForeignKey(connections.c.connection_id, ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("topic", Text, primary_key=True),
    Column("subscription_source_id", Text),
    Column("problem", Text),
    _at("checked_at", now=True),
)

webhook_refusals = Table(
    "webhook_refusals",
    metadata,
    Column("vendor", Text, primary_key=True),
    Column("connection_id", Text, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("refused_on", Date, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
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

_NO_TEXTS = text("'{}'")

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", BigInteger, Identity(always=True), primary_key=True),
    Column("cause", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("todo", Text, nullable=False),
    Column("agents", ARRAY(Text), nullable=False, server_default=_NO_TEXTS),
    Column("details", ARRAY(Text), nullable=False, server_default=_NO_TEXTS),
    Column("job", Text),
    Column("run_id", Text),
    Column("occurrences", Integer, nullable=False, server_default=text("1")),
    Column("status", Text, nullable=False, server_default="open"),
    _at("opened_at", now=True),
    _at("last_seen_at", now=True),
    _at("absent_since"),
    _at("ended_at"),
    CheckConstraint("severity in ('error', 'warning', 'info')", name="severity"),
    CheckConstraint("status in ('open', 'recovered', 'quiet')", name="status"),
    Index("ux_alerts_open_cause", "cause", unique=True, postgresql_where=text("status = 'open'")),
)

alert_events = Table(
    "alert_events",
    metadata,
    Column("event_id", BigInteger, Identity(always=True), primary_key=True),
    Column(
        "alert_id",
        BigInteger,
        ForeignKey(alerts.c.alert_id, ondelete="CASCADE"),
        nullable=False,
    ),
    Column("kind", Text, nullable=False),
    Column("agents", ARRAY(Text), nullable=False, server_default=_NO_TEXTS),
    _at("occurred_at", now=True),
    CheckConstraint(
        "kind in ('opened', 'spread', 'reminded', 'recovered', 'noticed')", name="kind"
    ),
    Index("ix_alert_events_alert_id", "alert_id"),
)

alert_deliveries = Table(
    "alert_deliveries",
    metadata,
    Column(
        "event_id",
        BigInteger,
        ForeignKey(alert_events.c.event_id, ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("channel", Text, primary_key=True),
    _at("sent_at", now=True),
)

alert_channels = Table(
    "alert_channels",
    metadata,
    Column("channel", Text, primary_key=True),
    _at("created_at", now=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error", Text),
    _at("next_attempt_at"),
    _at("last_sent_at"),
)

digest_recipients = Table(
    "digest_recipients",
    metadata,
    Column("recipient_id", BigInteger, Identity(always=True), primary_key=True),
    Column("agent_key", Text, ForeignKey(agents.c.agent_key), nullable=False),
    Column("email", Text, nullable=False),
    Column("display_name", Text),
    *(
        Column(name, Boolean, nullable=False, server_default=text("true"))
        for name in (
            "wants_daily",
            "wants_weekly",
            "show_network",
            "show_transactions",
            "show_listings",
            "show_revenue",
            "is_active",
        )
    ),
    _at("created_at", now=True),
    _at("updated_at", now=True),
    UniqueConstraint("agent_key", "email"),
    CheckConstraint("email ~ '^[^@[:space:]]+@[^@[:space:]]+$'", name="email"),
)

digest_deliveries = Table(
    "digest_deliveries",
    metadata,
    Column(
        "recipient_id",
        BigInteger,
        ForeignKey(digest_recipients.c.recipient_id, ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("kind", Text, primary_key=True),
    Column("news_date", Date, primary_key=True),
    Column("status", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("news_count", Integer, nullable=False, server_default=text("0")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error", Text),
    _at("claimed_at", now=True),
    _at("handed_over_at"),
    _at("ended_at"),
    CheckConstraint("kind in ('daily', 'weekly')", name="kind"),
    CheckConstraint(
        "status in ('claimed', 'handed_over', 'sent', 'empty', 'failed', 'refused')",
        name="status",
    ),
)

image_copies = Table(
    "image_copies",
    metadata,
    Column("image_path", Text, primary_key=True),
    Column("agent_source_id", Text, nullable=False),
    Column("content_hash", Text),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("stored_as", Text),
    Column("bytes", BigInteger),
    _at("checked_at", now=True),
    _at("copied_at"),
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
