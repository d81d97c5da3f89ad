"""Reading the news of an agent from `marts.network_news`, and sorting them into sections."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import text

from brokerage.errors import UnavailableError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

# the kinds of a section in the order in which they are shown
KINDS: dict[str, tuple[str, ...]] = {
    "network": ("new_member", "departure", "status", "tier", "network_size", "join_date"),
    "transactions": ("closing",),
    "listings": ("new_listing",),
    "revenue": ("revenue",),
}


@dataclass(frozen=True)
class News:
    """One row of the mart; amounts are in major units of their currency."""

    news_date: date
    news_kind: str
    subject_id: str
    member_name: str | None
    tier: int | None
    subject: str | None
    value_old: str | None
    value_new: str | None
    amount: Decimal | None
    currency: str | None
    detected_at: datetime


_QUERY = text(
    "select news_date, news_kind, subject_id, member_name, tier, subject, value_old, value_new, "
    "amount, currency, detected_at from marts.network_news "
    "where agent_key = :agent and news_date between :first and :last "
    "order by news_date, news_kind, tier nulls last, member_name nulls last, subject_id"
)


def read_news(engine: Engine, agent_key: str, first: date, last: date) -> list[News]:
    """The news of an agent on some days, both included.

    Raises:
        UnavailableError: when the warehouse has not been built yet.
    """
    with engine.connect() as connection:
        if not _is_built(connection):
            raise UnavailableError(
                "marts.network_news is not there yet: build the warehouse with `brokerage sync`."
            )
        rows = connection.execute(_QUERY, {"agent": agent_key, "first": first, "last": last})
        return [News(**row._asdict()) for row in rows]


def last_news_day(engine: Engine, agent_key: str) -> date | None:
    """The last day on which an agent has news; None if there is none or no warehouse."""
    with engine.connect() as connection:
        if not _is_built(connection):
            return None
        found: date | None = connection.scalar(
            text("select max(news_date) from marts.network_news where agent_key = :agent"),
            {"agent": agent_key},
        )
    return found


def _is_built(connection: Connection) -> bool:
    return bool(connection.scalar(text("select to_regclass('marts.network_news') is not null")))


def wanted(news: Iterable[News], sections: Collection[str]) -> list[News]:
    """The news of some sections."""
    kinds = {kind for section in sections for kind in KINDS[section]}
    return [item for item in news if item.news_kind in kinds]
