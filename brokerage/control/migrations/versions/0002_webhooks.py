"""Where webhooks may come in, what is subscribed, what was refused, and what each one names."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    alter table control.webhook_inbox
        add column hints jsonb not null default '[]',
        add column next_attempt_at timestamptz not null default now()
    """,
    # two agents may share an account: the vendor then tells each of them the same event
    """
    alter table control.webhook_inbox
        drop constraint uq_webhook_inbox_vendor_event_source_id,
        add constraint uq_webhook_inbox_connection_id_event_source_id
            unique (connection_id, event_source_id)
    """,
    "drop index control.ix_webhook_inbox_new",
    """
    create index ix_webhook_inbox_new on control.webhook_inbox (next_attempt_at, webhook_id)
        where status = 'new'
    """,
    """
    create index ix_webhook_inbox_failed on control.webhook_inbox (received_at)
        where status = 'failed'
    """,
    "create index ix_webhook_inbox_received_at on control.webhook_inbox (received_at)",
    """
    create table control.webhook_endpoints (
        connection_id text not null,
        vendor text not null,
        token_hash text not null,
        created_at timestamptz not null default now(),
        constraint pk_webhook_endpoints primary key (connection_id),
        constraint fk_webhook_endpoints_connection_id
            foreign key (connection_id) references control.connections (connection_id)
            on delete cascade,
        constraint uq_webhook_endpoints_token_hash unique (token_hash)
    )
    """,
    """
    create table control.webhook_subscriptions (
        connection_id text not null,
        topic text not null,
        subscription_source_id text,
        problem text,
        checked_at timestamptz not null default now(),
        constraint pk_webhook_subscriptions primary key (connection_id, topic),
        constraint fk_webhook_subscriptions_connection_id
            foreign key (connection_id) references control.connections (connection_id)
            on delete cascade
    )
    """,
    """
    create table control.webhook_refusals (
        vendor text not null,
        connection_id text not null,
        reason text not null,
        refused_on date not null,
        count bigint not null,
        last_at timestamptz not null,
        constraint pk_webhook_refusals primary key (vendor, connection_id, reason, refused_on)
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
