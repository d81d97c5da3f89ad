"""What a vendor offers: its entities, how each is read and what is known about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pipelines.common.account import Account, Identity
from pipelines.common.http import Api, Dialect, VendorSettings
from pipelines.common.model import Column, VendorModel, columns_of

if TYPE_CHECKING:
    from pipelines.common.oauth import OAuth
    from pipelines.common.reading import Reading

Strategy = Literal["sweep", "incremental", "probe", "detail", "snapshot", "window"]
Row = dict[str, Any]
Read = Callable[["Reading"], Iterator[Sequence[Row]]]
Count = Callable[["Reading"], Mapping[str, int]]

EVERYTHING = "ALL"
"""The part of a list that `Entity.count` names if the vendor counts it as a whole."""

ENGINE_COLUMNS_FIRST = (
    Column("connection_id", "text", "the connection the row was read through", nullable=False),
    Column("_key", "text", "the vendor's natural key within the connection", nullable=False),
)
ENGINE_COLUMNS_LAST = (
    Column("_extra", "jsonb", "fields that the contract does not know, as sent"),
    Column("_row_hash", "text", "hash of the vendor's row, to skip unchanged ones", nullable=False),
    Column("_synced_at", "timestamptz", "when the row was fetched (UTC)", nullable=False),
)


@dataclass(frozen=True)
class Entity:
    """One raw table of a vendor.

    `read` yields lists of vendor rows (the JSON objects, plus whatever the reader adds under a
    model field's name). `key` names the model fields that make up the natural key. `depends_on`
    names entities that must have been read before in the same account. `enabled` switches an
    entity off by settings. `grouped_by` names the field whose rows are read together, such as the
    parent of a list inside a record: see `Reading.whole`.

    `count` asks the vendor in a request or two how many rows there are, by part of the list:
    `{"ALL": 7}`, or by the values of the column `counted_by`. It shares no code with `read`, so
    that a reader which sees nothing is found out.
    """

    name: str
    title: str
    description: str
    model: type[VendorModel]
    key: tuple[str, ...]
    read: Read
    strategy: Strategy
    contract: str
    evidence: str
    depends_on: tuple[str, ...] = ()
    enabled: Callable[[VendorSettings], bool] = lambda _settings: True
    grouped_by: str | None = None
    count: Count | None = None
    counted_by: str | None = None

    def columns(self) -> list[Column]:
        """All raw columns in table order."""
        return [*ENGINE_COLUMNS_FIRST, *columns_of(self.model), *ENGINE_COLUMNS_LAST]


@dataclass(frozen=True)
class Vendor:
    """A vendor: its dialect, its entities in reading order, and how a credential is checked.

    `credential_names` are what a person enters; none if the access can only be allowed (`oauth`).
    """

    name: str
    title: str
    dialect: Dialect
    entities: tuple[Entity, ...]
    settings_type: type[VendorSettings]
    check: Callable[[Api, VendorSettings], Identity]
    credential_names: tuple[str, ...] = ("api_key",)
    oauth: OAuth | None = None
    docs: str = ""
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def schema(self) -> str:
        """The raw schema."""
        return f"raw_{self.name}"

    def entity(self, name: str) -> Entity:
        """The entity of that name. Raises KeyError with the names that exist."""
        for entity in self.entities:
            if entity.name == name:
                return entity
        known = ", ".join(entity.name for entity in self.entities)
        raise KeyError(f"{self.title} has no entity '{name}'; it has {known}.")


def in_reading_order(entities: Sequence[Entity]) -> list[Entity]:
    """Entities so that each comes after those it depends on."""
    names = {entity.name for entity in entities}
    ordered: list[Entity] = []
    placed: set[str] = set()
    waiting = list(entities)
    while waiting:
        ready = [e for e in waiting if all(d in placed or d not in names for d in e.depends_on)]
        if not ready:
            raise ValueError(f"entities depend on each other: {[e.name for e in waiting]}")
        ordered += ready
        placed |= {entity.name for entity in ready}
        waiting = [entity for entity in waiting if entity.name not in placed]
    return ordered


def check_account(vendor: Vendor, account: Account, settings: VendorSettings) -> Identity:
    """Ask the vendor whose credential this is. Raises `AccountBroken` if it is refused."""
    from pipelines.common.http import VendorHttp

    http = VendorHttp(vendor.dialect, settings)
    try:
        return vendor.check(http.api(account), settings)
    finally:
        http.close()
