"""The per-agent figures of `marts.agent_summary`, shown and compared with the sandbox's truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from brokerage.cli.console import make_table, out
from brokerage.errors import BrokerageError

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

TIERS = range(1, 6)
_CENT = Decimal("0.01")
_ZERO = Decimal(0)

# the truth's name of a figure: the mart's column; `_ytd` is appended for the current year
_PRODUCTION = {
    "units": "closed_units",
    "volume": "volume_amount",
    "gci": "gci_amount",
    "net_payout": "net_payout_amount",
}

Figures = Mapping[str, Any]


def agent_figures(engine: Engine) -> dict[str, list[Figures]]:
    """The rows of `marts.agent_summary` by agent key, one per currency.

    Raises:
        BrokerageError: when the mart has not been built.
    """
    from sqlalchemy import text

    with engine.connect() as connection:
        if connection.execute(text("select to_regclass('marts.agent_summary')")).scalar() is None:
            raise BrokerageError(
                "marts.agent_summary has not been built: run `brokerage sync` and see what fails."
            )
        rows = connection.execute(
            text("select * from marts.agent_summary order by agent_key, currency desc")
        ).all()
    found: dict[str, list[Figures]] = {}
    for row in rows:
        found.setdefault(row.agent_key, []).append(dict(row._mapping))
    return found


def show_figures(figures: Mapping[str, Sequence[Figures]]) -> None:
    """One line per agent and currency."""
    table = make_table(
        ["Agent", "", "Closed", "Volume", "GCI", "Network by tier", "Revenue share YTD"],
        title="Agents (all time, from marts.agent_summary)",
        right=(2, 3, 4, 6),
    )
    for agent_key, rows in figures.items():
        for position, row in enumerate(rows):
            tiers = "/".join(str(row[f"network_size_tier_{tier}"]) for tier in TIERS)
            table.add_row(
                agent_key if position == 0 else "",
                row["currency"] or "",
                f"{row['closed_units']:,}",
                _money(row["volume_amount"]),
                _money(row["gci_amount"]),
                tiers if position == 0 else "",
                _money(row["revenue_share_amount_ytd"]),
            )
    out.print(table)


def _money(value: Decimal) -> str:
    return f"{value:,.2f}"


def differences(agent_key: str, rows: Sequence[Figures], truth: Figures) -> list[str]:
    """What the mart's rows of an agent say differently from the truth, one sentence each.

    Args:
        rows: the agent's rows of `marts.agent_summary`.
        truth: `summary` of the sandbox's reZEN truth for the agent.
    """
    if not rows:
        return [f"{agent_key} is missing in marts.agent_summary."]
    return [
        f"{agent_key}: {name} is {found} in the mart and {wanted} in the sandbox."
        for name, found, wanted in _pairs({row["currency"]: row for row in rows}, truth)
        if Decimal(found) != Decimal(wanted)
    ]


def _pairs(
    rows: Mapping[str, Figures], truth: Figures
) -> Iterator[tuple[str, Decimal | int, Decimal | int]]:
    for span, suffix in (("all_time", ""), ("year_to_date", "_ytd")):
        expected = truth[span]["by_currency"]
        for currency in sorted({*expected, *(name for name in rows if name)}):
            for name, column in _PRODUCTION.items():
                wanted = Decimal(expected.get(currency, {}).get(name) or 0)
                found = rows.get(currency, {}).get(column + suffix) or _ZERO
                yield f"{column}{suffix} {currency}", found, wanted
    any_row = next(iter(rows.values()))
    for tier in TIERS:
        name = f"network_size_tier_{tier}"
        yield name, any_row[name], int(truth["network_size_by_tier"].get(str(tier), 0))
    for name in ("pending_units", "terminated_units"):
        yield name, sum(row[name] for row in rows.values()), int(truth[name])
    share = truth["revenue_share"]
    for name, suffix in (("total", ""), ("year_to_date", "_ytd")):
        column = f"revenue_share_amount{suffix}"
        paid = rows.get(share["currency"], {}).get(column) or _ZERO
        yield f"{column} {share['currency']}", paid, Decimal(share[name] or 0)
