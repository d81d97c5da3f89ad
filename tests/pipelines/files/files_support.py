"""Imports as `brokerage import` keeps them, without a command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipelines.files.mapping import ColumnMapping, mapping_of
from pipelines.files.preparing import prepare
from pipelines.files.reader import open_table
from pipelines.files.source import FILES
from pipelines.files.store import Import, ImportStore, digest

ADA = "ada-sample"
USD = mapping_of({"currency": "USD"})


@dataclass(frozen=True)
class Folder:
    """The folder of imports of Ada."""

    root: Path

    def store(self, entity: str = "transactions") -> ImportStore:
        return ImportStore(self.root, ADA, entity)

    def add(
        self,
        text: str | bytes,
        given: ColumnMapping = USD,
        *,
        entity: str = "transactions",
        name: str = "deals.csv",
    ) -> Import:
        """Keep a file as an import."""
        content = text.encode() if isinstance(text, str) else text
        chosen = FILES.entity(entity)
        table, plan = open_table(chosen, content, given)
        prepared = prepare(chosen, table, plan, name)
        return self.store(entity).keep(
            file_name=name,
            source=digest(content),
            content=content,
            mapping=plan.mapping.to_dict(),
            rows=len(prepared.good),
            refused=prepared.refused,
        )
