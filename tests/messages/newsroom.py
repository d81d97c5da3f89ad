"""Agents, recipients and a hand-made `marts.network_news` for the tests of digests."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Engine

from brokerage.control.digests import Recipients
from brokerage.control.repository import ControlRepository

DAY = date(2026, 6, 15)
ADA, BEN, CORA = "ada-sample", "ben-example", "cora-upline"

_TABLE = """
create table marts.network_news (
    agent_key text, news_date date, news_kind text, subject_id text, member_agent_id text,
    member_name text, tier smallint, subject text, value_old text, value_new text,
    amount numeric(20, 4), currency text, detected_at timestamptz default now()
)
"""


def open_newsroom(engine: Engine) -> None:
    """Three agents with an address each, and an empty mart."""
    repository = ControlRepository(engine)
    for agent in (ADA, BEN, CORA):
        repository.add_agent(agent, agent.replace("-", " ").title())
        Recipients(engine).save(agent, f"{agent}@example.com")
    with engine.begin() as connection:
        connection.execute(text(_TABLE))


def happen(engine: Engine, agent: str, kind: str, day: date = DAY, **values: Any) -> None:
    """Add a row to the mart."""
    row = {
        "agent_key": agent,
        "news_date": day,
        "news_kind": kind,
        "subject_id": f"{kind}-{day}-{values.get('member_name')}-{values.get('subject')}",
        **values,
    }
    names = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    with engine.begin() as connection:
        connection.execute(text(f"insert into marts.network_news ({names}) values ({marks})"), row)


def news_for_all(engine: Engine, day: date = DAY) -> None:
    """One new member for everybody."""
    for agent in (ADA, BEN, CORA):
        happen(engine, agent, "new_member", day, member_name="Mia Sample", tier=2)
