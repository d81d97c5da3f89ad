"""News as people read them: each row of the mart becomes a line. Pure functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from brokerage.digests.news import KINDS, News

MOST_LINES = 25
"""Lines that a block shows; the rest is counted."""

_TITLES = {
    "new_member": "New in your network",
    "departure": "Left your network",
    "status": "Changed status",
    "tier": "Moved to another tier",
    "network_size": "Growing and shrinking networks",
    "join_date": "Changed join date",
    "closing": "Closings",
    "new_listing": "New listings",
    "revenue": "Revenue share",
}
_COUNTED = {
    "new_member": ("new member", "new members"),
    "departure": ("departure", "departures"),
    "closing": ("closing", "closings"),
    "new_listing": ("new listing", "new listings"),
    "status": ("status change", "status changes"),
    "tier": ("tier change", "tier changes"),
    "network_size": ("network size change", "network size changes"),
    "join_date": ("join date change", "join date changes"),
    "revenue": ("change in revenue share", "changes in revenue share"),
}
_CENT = Decimal("0.01")
_SYMBOLS = {"USD": "$", "CAD": "CA$"}


@dataclass(frozen=True)
class Line:
    """One thing: what it is about, what is said beside it, and the figure at its end."""

    head: str
    detail: str = ""
    figure: str = ""
    is_loss: bool = False


@dataclass(frozen=True)
class Block:
    """The lines of one kind; `more` further ones are not shown. `totals` sums amounts."""

    kind: str
    title: str
    count: int
    lines: tuple[Line, ...]
    more: int = 0
    totals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tile:
    """One figure of the summary at the top."""

    number: str
    label: str


@dataclass(frozen=True)
class Worded:
    """A digest without its layout."""

    headline: str
    tiles: tuple[Tile, ...]
    blocks: tuple[Block, ...] = field(default=())


def word(news: Collection[News], sections: Collection[str], *, with_days: bool) -> Worded:
    """Everything that a digest says; `with_days` adds its day to each line."""
    by_kind: dict[str, list[News]] = defaultdict(list)
    for item in news:
        by_kind[item.news_kind].append(item)
    kinds = [k for s in KINDS if s in sections for k in KINDS[s] if by_kind.get(k)]
    blocks = tuple(_block(kind, by_kind[kind], with_days=with_days) for kind in kinds)
    return Worded(
        headline=_headline({kind: by_kind[kind] for kind in kinds}),
        tiles=tuple(_tiles({kind: by_kind[kind] for kind in kinds})),
        blocks=blocks,
    )


def money(amount: Decimal, currency: str | None, *, signed: bool = False) -> str:
    """An amount to the cent: `$1,234.50`, `CA$10.00`, `1,234.50 EUR`, `+$2.34`."""
    sign = "-" if amount < 0 else ("+" if signed else "")
    digits = f"{abs(amount).quantize(_CENT, ROUND_HALF_UP):,}"
    symbol = _SYMBOLS.get(currency or "")
    return f"{sign}{symbol}{digits}" if symbol else f"{sign}{digits} {currency or ''}".rstrip()


def long_date(day: date) -> str:
    """`Monday, June 15, 2026`."""
    return f"{day:%A, %B} {day.day}, {day.year}"


def short_date(day: date) -> str:
    """`Jun 15`."""
    return f"{day:%b} {day.day}"


def _block(kind: str, items: list[News], *, with_days: bool) -> Block:
    lines = [_line(item, with_days=with_days) for item in items]
    return Block(
        kind=kind,
        title=_TITLES[kind],
        count=len(items),
        lines=tuple(lines[:MOST_LINES]),
        more=max(len(lines) - MOST_LINES, 0),
        totals=_sums(items) if kind == "closing" and len(items) > 1 else (),
    )


def _line(item: News, *, with_days: bool) -> Line:
    name = item.member_name or "A member without a name"
    day = f"{short_date(item.news_date)} · " if with_days else ""
    tier = "" if item.tier is None else f"tier {item.tier}"
    old, new = _shown(item.value_old), _shown(item.value_new)
    match item.news_kind:
        case "new_member":
            return Line(name, day + _join(tier, _status(item.value_new)))
        case "departure":
            on = f"on {_day(item.value_new)}" if item.value_new else "no longer listed"
            return Line(name, day + _join(tier, on), is_loss=True)
        case "status":
            change = f"{_status(item.value_old) or 'none'} → {_status(item.value_new) or 'none'}"
            return Line(name, day + tier, change)
        case "tier":
            return Line(name, day.removesuffix(" · "), f"tier {old} → tier {new}")
        case "network_size":
            grown = _number(item.value_new) - _number(item.value_old)
            return Line(name, day + tier, f"{old} → {new}", is_loss=grown < 0)
        case "join_date":
            return Line(name, day + tier, f"{_day(item.value_old)} → {_day(item.value_new)}")
        case "closing" | "new_listing":
            owner = "yours" if item.tier == 0 else _join(name, tier)
            price = "" if item.amount is None else money(item.amount, item.currency)
            return Line(item.subject or "A deal without an address", day + owner, price)
        case "revenue":
            amount = item.amount or Decimal(0)
            total = money(Decimal(item.value_new or 0), item.currency)
            return Line(
                "Revenue share earned",
                f"{day}now {total} in all",
                money(amount, item.currency, signed=True),
                is_loss=amount < 0,
            )
        case _:
            raise ValueError(f"marts.network_news has a kind that is not worded: {item.news_kind}")


def _headline(by_kind: dict[str, list[News]]) -> str:
    parts = [
        f"{len(by_kind[kind])} {_COUNTED[kind][len(by_kind[kind]) != 1]}"
        for kind in _COUNTED
        if kind in by_kind and kind != "revenue"
    ]
    if "revenue" in by_kind:
        parts += [f"{total} revenue share" for total in _sums(by_kind["revenue"], signed=True)]
    shown = parts[:3]
    if len(parts) > 3:
        shown.append("and more")
    return ", ".join(shown)


def _tiles(by_kind: dict[str, list[News]]) -> Iterable[Tile]:
    for kind in ("new_member", "departure", "closing", "new_listing"):
        if kind in by_kind:
            count = len(by_kind[kind])
            yield Tile(str(count), _COUNTED[kind][count != 1])
    for total in _sums(by_kind.get("revenue", []), signed=True):
        yield Tile(total, "revenue share")


def _sums(items: Iterable[News], *, signed: bool = False) -> tuple[str, ...]:
    """The sum of the amounts of each currency; nothing is added over currencies."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for item in items:
        if item.amount is not None:
            sums[item.currency or ""] += item.amount
    return tuple(money(sums[name], name, signed=signed) for name in sorted(sums))


def _join(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _status(value: str | None) -> str:
    return (value or "").replace("_", " ").lower()


def _shown(value: str | None) -> str:
    return "none" if value is None else value


def _number(value: str | None) -> Decimal:
    return Decimal(value or 0)


def _day(value: str | None) -> str:
    if value is None:
        return "none"
    day = date.fromisoformat(value[:10])
    return f"{short_date(day)}, {day.year}"
