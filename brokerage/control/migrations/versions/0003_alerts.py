"""Alerts and who was told of them, digests and who got them, copies of images."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    create table control.alerts (
        alert_id bigint generated always as identity,
        cause text not null,
        kind text not null,
        severity text not null,
        title text not null,
        why text not null,
        todo text not null,
        agents text[] not null default '{}',
        details text[] not null default '{}',
        job text,
        run_id text,
        occurrences integer not null default 1,
        status text not null default 'open',
        opened_at timestamptz not null default now(),
        last_seen_at timestamptz not null default now(),
        absent_since timestamptz,
        ended_at timestamptz,
        constraint pk_alerts primary key (alert_id),
        constraint ck_alerts_severity check (severity in ('error', 'warning', 'info')),
        constraint ck_alerts_status check (status in ('open', 'recovered', 'quiet'))
    )
    """,
    "create unique index ux_alerts_open_cause on control.alerts (cause) where status = 'open'",
    """
    create table control.alert_events (
        event_id bigint generated always as identity,
        alert_id bigint not null,
        kind text not null,
        agents text[] not null default '{}',
        occurred_at timestamptz not null default now(),
        constraint pk_alert_events primary key (event_id),
        constraint fk_alert_events_alert_id
            foreign key (alert_id) references control.alerts (alert_id) on delete cascade,
        constraint ck_alert_events_kind
            check (kind in ('opened', 'spread', 'reminded', 'recovered', 'noticed'))
    )
    """,
    "create index ix_alert_events_alert_id on control.alert_events (alert_id)",
    """
    create table control.alert_deliveries (
        event_id bigint not null,
        channel text not null,
        sent_at timestamptz not null default now(),
        constraint pk_alert_deliveries primary key (event_id, channel),
        constraint fk_alert_deliveries_event_id
            foreign key (event_id) references control.alert_events (event_id) on delete cascade
    )
    """,
    """
    create table control.alert_channels (
        channel text not null,
        created_at timestamptz not null default now(),
        attempts integer not null default 0,
        error text,
        next_attempt_at timestamptz,
        last_sent_at timestamptz,
        constraint pk_alert_channels primary key (channel)
    )
    """,
    """
    create table control.digest_recipients (
        recipient_id bigint generated always as identity,
        agent_key text not null,
        email text not null,
        display_name text,
        wants_daily boolean not null default true,
        wants_weekly boolean not null default true,
        show_network boolean not null default true,
        show_transactions boolean not null default true,
        show_listings boolean not null default true,
        show_revenue boolean not null default true,
        is_active boolean not null default true,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        constraint pk_digest_recipients primary key (recipient_id),
        constraint fk_digest_recipients_agent_key
            foreign key (agent_key) references control.agents (agent_key),
        constraint uq_digest_recipients_agent_key_email unique (agent_key, email),
        constraint ck_digest_recipients_email check (email ~ '^[^@[:space:]]+@[^@[:space:]]+$')
    )
    """,
    """
    create table control.digest_deliveries (
        recipient_id bigint not null,
        kind text not null,
        news_date date not null,
        status text not null,
        message_id text not null,
        news_count integer not null default 0,
        attempts integer not null default 0,
        error text,
        claimed_at timestamptz not null default now(),
        handed_over_at timestamptz,
        ended_at timestamptz,
        constraint pk_digest_deliveries primary key (recipient_id, kind, news_date),
        constraint fk_digest_deliveries_recipient_id
            foreign key (recipient_id) references control.digest_recipients (recipient_id)
            on delete cascade,
        constraint ck_digest_deliveries_kind check (kind in ('daily', 'weekly')),
        constraint ck_digest_deliveries_status
            check (status in ('claimed', 'handed_over', 'sent', 'empty', 'failed', 'refused'))
    )
    """,
    """
    create table control.image_copies (
        image_path text not null,
        agent_source_id text not null,
        content_hash text,
        etag text,
        last_modified text,
        stored_as text,
        bytes bigint,
        checked_at timestamptz not null default now(),
        copied_at timestamptz,
        constraint pk_image_copies primary key (image_path)
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
