"""What an onboarding consists of and who is told, and what vendors count against what is held."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    alter table control.onboarding_jobs
        add column attempt integer not null default 1,
        add column retry_at timestamptz
    """,
    """
    create table control.onboarding_runs (
        job_id bigint not null,
        run_id text not null,
        vendor text not null,
        status text not null,
        constraint pk_onboarding_runs primary key (job_id, run_id),
        constraint fk_onboarding_runs_job_id
            foreign key (job_id) references control.onboarding_jobs (job_id) on delete cascade
    )
    """,
    "create index ix_onboarding_runs_run_id on control.onboarding_runs (run_id)",
    """
    create table control.notifications (
        notification_id bigint generated always as identity,
        created_at timestamptz not null default now(),
        type text not null,
        severity text not null,
        subject text not null,
        message text not null,
        agent_key text,
        run_id text,
        dedupe_key text not null,
        notified_at timestamptz,
        constraint pk_notifications primary key (notification_id),
        constraint uq_notifications_dedupe_key unique (dedupe_key),
        constraint ck_notifications_severity check (severity in ('info', 'warning', 'error'))
    )
    """,
    """
    create index ix_notifications_waiting on control.notifications (notification_id)
        where notified_at is null
    """,
    """
    create table control.reconciliations (
        connection_id text not null,
        vendor text not null,
        entity text not null,
        lifecycle_group text not null,
        tc_vendor bigint,
        tc_ad bigint not null,
        tc_mismatch bigint not null,
        rows_refused bigint not null default 0,
        ids_missing bigint,
        ids_surplus bigint,
        verdict text not null,
        explanation text,
        run_id text,
        checked_at timestamptz not null default now(),
        mismatch_since timestamptz,
        read_whole_at timestamptz,
        constraint pk_reconciliations primary key (connection_id, entity, lifecycle_group),
        constraint fk_reconciliations_connection_id
            foreign key (connection_id) references control.connections (connection_id)
            on delete cascade,
        constraint ck_reconciliations_verdict
            check (verdict in ('equal', 'mended', 'differs', 'unknown'))
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
