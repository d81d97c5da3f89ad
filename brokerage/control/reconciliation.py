"""What vendors count against what is held, as it was last found: `control.reconciliations`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Engine

from brokerage.control.tables import reconciliations

Verdict = Literal["equal", "mended", "differs", "unknown"]


@dataclass(frozen=True)
class Reconciliation:
    """One part of one list of one account; `tc_mismatch` is positive for rows we do not have.

    `verdict`: `equal`; `mended` if a reading of everything found what the readings before had not;
    `differs`; `unknown` if the vendor did not tell, with the reason in `explanation`.
    `read_whole_at` is when everything was last read because the counts differed.
    """

    connection_id: str
    vendor: str
    entity: str
    lifecycle_group: str
    tc_vendor: int | None
    tc_ad: int
    tc_mismatch: int
    rows_refused: int = 0
    ids_missing: int | None = None
    ids_surplus: int | None = None
    verdict: Verdict = "equal"
    explanation: str | None = None
    run_id: str | None = None
    read_whole_at: datetime | None = None


@dataclass(frozen=True)
class Reconciled(Reconciliation):
    """A stored one, with when it was found and since when it differs."""

    checked_at: datetime | None = None
    mismatch_since: datetime | None = None


class ReconciliationLog:
    """Reads and writes `control.reconciliations`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(self, found: Sequence[Reconciliation]) -> None:
        """Replace what is known about these lists; parts that were not found again go."""
        table = reconciliations.c
        now = func.now()
        with self._engine.begin() as connection:
            for connection_id, entity in {(item.connection_id, item.entity) for item in found}:
                parts = [
                    item.lifecycle_group
                    for item in found
                    if (item.connection_id, item.entity) == (connection_id, entity)
                ]
                connection.execute(
                    delete(reconciliations).where(
                        table.connection_id == connection_id,
                        table.entity == entity,
                        table.lifecycle_group.not_in(parts),
                    )
                )
            for item in found:
                values = asdict(item)
                new = insert(reconciliations).values(
                    **values, mismatch_since=now if item.verdict == "differs" else None
                )
                connection.execute(
                    new.on_conflict_do_update(
                        index_elements=[table.connection_id, table.entity, table.lifecycle_group],
                        set_={
                            **{name: new.excluded[name] for name in values},
                            "read_whole_at": func.coalesce(
                                new.excluded.read_whole_at, table.read_whole_at
                            ),
                            "checked_at": now,
                            "mismatch_since": case(
                                (
                                    new.excluded.verdict == "differs",
                                    func.coalesce(table.mismatch_since, now),
                                ),
                                else_=None,
                            ),
                        },
                    )
                )

    def all(self, connection_ids: Iterable[str] | None = None) -> list[Reconciled]:
        """What is known, by vendor, entity, connection and part."""
        table = reconciliations.c
        query = select(reconciliations).order_by(
            table.vendor, table.entity, table.connection_id, table.lifecycle_group
        )
        if connection_ids is not None:
            query = query.where(table.connection_id.in_(list(connection_ids)))
        with self._engine.connect() as connection:
            return [Reconciled(**row._asdict()) for row in connection.execute(query)]
