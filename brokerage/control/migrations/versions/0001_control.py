"""Agents, connections, secrets, the webhook inbox, onboarding and the logs."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    create table control.agents (
        agent_key text not null,
        display_name text not null,
        email text,
        rezen_agent_id text,
        referral_code text,
        status text not null default 'active',
        is_demo boolean not null default false,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        constraint pk_agents primary key (agent_key),
        constraint ck_agents_status check (status in ('active', 'offboarded')),
        constraint ck_agents_slug check (agent_key ~ '^[a-z0-9]+(-[a-z0-9]+)*$')
    )
    """,
    """
    create table control.connections (
        connection_id text not null,
        agent_key text not null,
        vendor text not null,
        status text not null default 'active',
        status_reason text,
        auth_kind text not null default 'api_key',
        account_source_id text,
        account_label text,
        account_role text,
        verified_at timestamptz,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        constraint pk_connections primary key (connection_id),
        constraint fk_connections_agent_key
            foreign key (agent_key) references control.agents (agent_key),
        constraint uq_connections_agent_key_vendor unique (agent_key, vendor),
        constraint ck_connections_status check (status in ('active', 'needs_reauth', 'paused')),
        constraint ck_connections_auth_kind check (auth_kind in ('api_key', 'oauth')),
        constraint ck_connections_connection_id
            check (connection_id = agent_key || ':' || vendor)
    )
    """,
    """
    create table control.secrets (
        connection_id text not null,
        name text not null,
        ciphertext bytea not null,
        key_fingerprint text not null,
        updated_at timestamptz not null default now(),
        constraint pk_secrets primary key (connection_id, name),
        constraint fk_secrets_connection_id
            foreign key (connection_id) references control.connections (connection_id)
            on delete cascade
    )
    """,
    """
    create table control.webhook_inbox (
        webhook_id bigint generated always as identity,
        vendor text not null,
        connection_id text,
        event_source_id text not null,
        event_type text not null,
        resource_uri text,
        body jsonb not null,
        status text not null default 'new',
        attempts integer not null default 0,
        error text,
        received_at timestamptz not null default now(),
        processed_at timestamptz,
        constraint pk_webhook_inbox primary key (webhook_id),
        constraint uq_webhook_inbox_vendor_event_source_id unique (vendor, event_source_id),
        constraint ck_webhook_inbox_status check (status in ('new', 'done', 'ignored', 'failed'))
    )
    """,
    """
    create index ix_webhook_inbox_new on control.webhook_inbox (received_at) where status = 'new'
    """,
    """
    create table control.onboarding_jobs (
        job_id bigint generated always as identity,
        agent_key text not null,
        status text not null default 'New',
        run_id text,
        backfill_id text,
        error text,
        created_at timestamptz not null default now(),
        started_at timestamptz,
        ended_at timestamptz,
        constraint pk_onboarding_jobs primary key (job_id),
        constraint fk_onboarding_jobs_agent_key
            foreign key (agent_key) references control.agents (agent_key),
        constraint ck_onboarding_jobs_status
            check (status in ('New', 'Running', 'Complete', 'Partial', 'Failed'))
    )
    """,
    "create index ix_onboarding_jobs_agent_key on control.onboarding_jobs (agent_key, job_id)",
    """
    create table control.onboarding_steps (
        job_id bigint not null,
        step text not null,
        status text not null default 'New',
        rows_written bigint,
        error text,
        started_at timestamptz,
        ended_at timestamptz,
        constraint pk_onboarding_steps primary key (job_id, step),
        constraint fk_onboarding_steps_job_id
            foreign key (job_id) references control.onboarding_jobs (job_id) on delete cascade,
        constraint ck_onboarding_steps_status
            check (status in ('New', 'Running', 'Complete', 'Partial', 'Failed'))
    )
    """,
    """
    create table control.event_log (
        event_id bigint generated always as identity,
        occurred_at timestamptz not null default now(),
        type text not null,
        source text not null,
        message text not null,
        agent_key text,
        connection_id text,
        entity text,
        run_id text,
        data jsonb,
        constraint pk_event_log primary key (event_id)
    )
    """,
    "create index ix_event_log_occurred_at on control.event_log (occurred_at)",
    """
    create table control.error_log (
        error_id bigint generated always as identity,
        occurred_at timestamptz not null default now(),
        module text not null,
        message text not null,
        fingerprint text not null,
        agent_key text,
        connection_id text,
        entity text,
        run_id text,
        data jsonb,
        notified_at timestamptz,
        constraint pk_error_log primary key (error_id)
    )
    """,
    "create index ix_error_log_occurred_at on control.error_log (occurred_at)",
    "create index ix_error_log_fingerprint on control.error_log (fingerprint, occurred_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
