"""MetricFlow in this process: SQL by its engine, run on a database of a test."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import psycopg2
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.postgres import PostgresSQLSqlPlanRenderer
from metricflow_semantics.model.dbt_manifest_parser import (
    parse_manifest_from_dbt_generated_manifest,
)
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

Key = tuple[Any, ...]


class _Dialect:
    """All that explaining a query asks of a database; the test runs the SQL itself."""

    sql_engine_type = SqlEngine.POSTGRES
    sql_plan_renderer = PostgresSQLSqlPlanRenderer()


class SemanticLayer:
    """The metrics of the dbt project in `target`, as `mf` has them, over `database`."""

    def __init__(self, target: Path, database: str) -> None:
        text = (target / "semantic_manifest.json").read_text()
        lookup = SemanticManifestLookup(
            parse_manifest_from_dbt_generated_manifest(manifest_json_string=text)
        )
        self._engine = MetricFlowEngine(semantic_manifest_lookup=lookup, sql_client=_Dialect())  # type: ignore[arg-type]
        self._database = database
        manifest = json.loads((target / "manifest.json").read_text())
        self.metrics = {node["name"]: node for node in manifest["metrics"].values()}
        self.saved_queries = {n["name"]: n for n in manifest["saved_queries"].values()}
        self.models = {node["name"]: node for node in manifest["semantic_models"].values()}
        self.nodes = {
            node["name"]: node
            for node in manifest["nodes"].values()
            if node["resource_type"] == "model"
        }

    def meta(self, metric: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.metrics[metric]["config"]["meta"]
        return found

    def public(self) -> set[str]:
        """Metrics that people are to ask for: all but the parts of others."""
        return {name for name in self.metrics if self.meta(name)["kind"] != "part"}

    def query(self, metrics: Iterable[str], group_by: Iterable[str], **options: Any) -> Rows:
        """The answer to `mf query --metrics … --group-by …`."""
        return self._answer(
            MetricFlowQueryRequest.create(
                metric_names=list(metrics), group_by_names=list(group_by), **options
            )
        )

    def ask(self, saved_query: str) -> Rows:
        """The answer to `mf query --saved-query …`."""
        return self._answer(MetricFlowQueryRequest.create(saved_query_name=saved_query))

    def sql(self, statement: str) -> Rows:
        """Plain SQL, with its columns named as the semantic layer names them."""
        with closing(psycopg2.connect(self._database)) as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            assert cursor.description is not None
            return Rows([column.name for column in cursor.description], cursor.fetchall())

    def _answer(self, request: MetricFlowQueryRequest) -> Rows:
        return self.sql(self._engine.explain(request).sql_statement.sql)


class Rows:
    """A result; `cells` is how two of them are compared."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.columns = list(columns)
        self.rows = [dict(zip(columns, map(plain, row), strict=True)) for row in rows]

    def cells(self, group_by: Sequence[str], metrics: Iterable[str]) -> dict[Key, Any]:
        """Each figure by metric and group. Nothing and zero are the same: a table has zeros where
        a query has no row. A group that is there twice is an error."""
        names = list(metrics)
        keys = [tuple(row[column] for column in group_by) for row in self.rows]
        assert len(set(keys)) == len(keys), f"rows repeat by {group_by}"
        return {
            (name, *key): row[name]
            for key, row in zip(keys, self.rows, strict=True)
            for name in names
            if row[name]
        }


def plain(value: Any) -> Any:
    """Numbers with four decimals, as the tables of metrics have them; moments as days."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return Decimal(value).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    if isinstance(value, datetime):
        return value.date()
    return value


def first_of_month(day: date) -> date:
    return day.replace(day=1)
