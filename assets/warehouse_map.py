"""`python -m assets.warehouse_map` writes docs/warehouse.md: every table of the warehouse, where
each table of the product's former backend went, and what is tested against which trap.

What a table or a test is comes from dbt's manifest, where a former table went from
dbt_project/seed_tables.yml, the traps from dbt_project/data_quality.yml. No database is needed.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from assets.manifest import DBT_DIR, find_manifest
from brokerage.errors import BrokerageError
from brokerage.settings import PROJECT_DIR

PAGE = PROJECT_DIR / "docs" / "warehouse.md"
REGISTER = DBT_DIR / "seed_tables.yml"
QUALITY = DBT_DIR / "data_quality.yml"
SCHEMAS = (
    *("core", "identity", "network", "finance", "crm", "title", "billing"),
    *("metrics", "marts", "pages", "snapshots"),
)
"""The schemas as the page shows them; others that the manifest has come behind."""

_HEAD = """# The warehouse, table by table

<!-- written by `make pages`; change descriptions of models and tests, dbt_project/seed_tables.yml
or dbt_project/data_quality.yml instead -->

The first part has every table that people read, with its grain: the columns of which each
combination is there once. Staging (a view per raw table, see
[vendors/entities.md](vendors/entities.md)) and the steps between (`int_*`) are left out. Behind
them come [the tables of the former backend](#where-the-former-tables-went), [the data-quality
register](#the-data-quality-register) and [the rules that unit tests
hold](#rules-that-unit-tests-hold).

"""
_TABLES_HEAD = "| table | one row per | what it is |\n|---|---|---|\n"
_FORMER_HEAD = "| former table | now | |\n|---|---|---|\n"
_TRAPS_HEAD = """
## The data-quality register

Traps of the former backend. A test that warns leaves the build green and shows in Dagster; the
others stop what is built on the table.

| | trap | how it is met | tests |
|---:|---|---|---|
"""
_RULES_HEAD = """
## Rules that unit tests hold

Unit tests do not depend on data: `dbt test --select test_type:unit`.

| rule | unit test | model | what it holds |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Table:
    """A model, seed or snapshot. The grain is that of the primary-key test, else of the meta."""

    name: str
    schema: str
    kind: str
    grain: tuple[str, ...]
    description: str


@dataclass(frozen=True)
class Former:
    """A table of the former backend: where it went, or why it is nowhere."""

    name: str
    models: tuple[str, ...]
    beside: tuple[str, ...]
    also: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class QualityTest:
    """A data test against the trap of that number."""

    name: str
    number: int
    warns: bool


def quality_tests(manifest: Mapping[str, Any]) -> list[QualityTest]:
    """The tests named after a trap, by name."""
    found = [
        QualityTest(
            name=node["name"],
            number=int(node["name"].split("_")[1]),
            warns=str(node["config"]["severity"]).lower() == "warn",
        )
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node["name"].startswith("dq_")
    ]
    return sorted(found, key=lambda test: test.name)


def read_register() -> dict[str, list[Former]]:
    """The former tables by section.

    Raises:
        ValueError: when a row has neither a place nor a reason, or both.
    """
    sections: dict[str, list[Former]] = {}
    for section in yaml.safe_load(REGISTER.read_text("utf-8")):
        rows = sections.setdefault(section["section"], [])
        for row in section["tables"]:
            former = Former(
                name=row["table"],
                models=tuple(row.get("in", ())),
                beside=tuple(row.get("beside", ())),
                also=tuple(row.get("also", ())),
                reason=row.get("reason", ""),
            )
            if bool(former.models or former.beside) == bool(former.reason):
                raise ValueError(f"{former.name} in {REGISTER.name} needs a place or a reason.")
            rows.append(former)
    return sections


def read_tables(manifest: Mapping[str, Any]) -> dict[str, Table]:
    """Models, seeds and snapshots of a manifest by name."""
    grains: dict[str, tuple[str, ...]] = {}
    for node in manifest["nodes"].values():
        if (node.get("test_metadata") or {}).get("name") == "primary_key":
            grains[node["attached_node"]] = tuple(node["test_metadata"]["kwargs"]["columns"])
    return {
        node["name"]: Table(
            name=node["name"],
            schema=node["schema"],
            kind=node["resource_type"],
            grain=grains.get(key) or tuple(node["config"].get("meta", {}).get("grain", ())),
            description=" ".join((node["description"] or "").split()),
        )
        for key, node in manifest["nodes"].items()
        if node["resource_type"] in ("model", "seed", "snapshot")
    }


def render(manifest: Mapping[str, Any]) -> str:
    """The whole page as Markdown.

    Raises:
        ValueError: when a register names a model or a unit test that is not there.
    """
    tables, former = read_tables(manifest), read_register()
    quality = yaml.safe_load(QUALITY.read_text("utf-8"))
    return "".join(
        [
            _HEAD,
            *_render_tables(tables),
            *_render_former(former, tables),
            *_render_traps(quality["traps"], manifest),
            *_render_rules(quality["rules"], manifest),
        ]
    )


def _render_tables(tables: Mapping[str, Table]) -> Iterator[str]:
    shown: dict[str, list[Table]] = defaultdict(list)
    for table in tables.values():
        if table.schema != "staging" and not table.name.startswith("int_"):
            shown[table.schema].append(table)
    order = [schema for schema in SCHEMAS if schema in shown]
    order += sorted(shown.keys() - set(SCHEMAS))
    yield "| schema | tables | of them filled from files of this project |\n|---|---:|---:|\n"
    for schema in order:
        seeds = sum(table.kind == "seed" for table in shown[schema])
        yield f"| [{schema}](#{schema}) | {len(shown[schema])} | {seeds or ''} |\n"
    for schema in order:
        yield f"\n## {schema}\n\n{_TABLES_HEAD}"
        for table in sorted(shown[schema], key=lambda table: table.name):
            yield (
                f"| `{table.name}`{' (file)' if table.kind == 'seed' else ''}"
                f" | {', '.join(table.grain)} | {_cell(table.description)} |\n"
            )


def _render_former(
    sections: Mapping[str, Sequence[Former]], tables: Mapping[str, Table]
) -> Iterator[str]:
    rows = [former for section in sections.values() for former in section]
    modelled = sum(bool(former.models) for former in rows)
    elsewhere = sum(bool(former.beside) and not former.models for former in rows)
    yield (
        "\n## Where the former tables went\n\n"
        f"{len(rows)} tables: {modelled} are in the warehouse, {elsewhere} in the platform's own"
        f" schemas, and {len(rows) - modelled - elsewhere} are nowhere, for the reason given.\n"
    )
    for title, section in sections.items():
        yield f"\n### {title}\n\n{_FORMER_HEAD}"
        for former in section:
            yield f"| `{former.name}` | {_places(former, tables)} | {_remark(former)} |\n"


def _render_traps(traps: Sequence[Mapping[str, Any]], manifest: Mapping[str, Any]) -> Iterator[str]:
    yield _TRAPS_HEAD
    for trap in traps:
        tests = [
            f"`{test.name}`{' (warns)' if test.warns else ''}"
            for test in quality_tests(manifest)
            if test.number == trap["number"]
        ]
        yield (
            f"| {trap['number']} | {_cell(trap['trap'])} | {_cell(trap['handling'])}"
            f" | {', '.join(tests)} |\n"
        )


def _render_rules(rules: Sequence[Mapping[str, Any]], manifest: Mapping[str, Any]) -> Iterator[str]:
    tests = {test["name"]: test for test in manifest["unit_tests"].values()}
    yield _RULES_HEAD
    for rule in rules:
        for number, name in enumerate(rule["unit_tests"]):
            if name not in tests:
                raise ValueError(f"{QUALITY.name}: there is no unit test {name}.")
            said = _cell(" ".join(tests[name]["description"].split()))
            shown = rule["rule"] if number == 0 else ""
            yield f"| {shown} | `{name}` | `{tests[name]['model']}` | {said} |\n"


def _places(former: Former, tables: Mapping[str, Table]) -> str:
    unknown = [name for name in former.models if name not in tables]
    if unknown:
        raise ValueError(f"{REGISTER.name}: {former.name} is in {unknown[0]}, which is no model.")
    qualified = [f"{tables[name].schema}.{name}" for name in former.models]
    return ", ".join(f"`{name}`" for name in (*qualified, *former.beside)) or "—"


def _remark(former: Former) -> str:
    names = ", ".join(f"`{name}`" for name in former.also)
    return " ".join(part for part in (_cell(former.reason), names and f"Also {names}.") if part)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    """Write the page; with --check only say whether it is up to date."""
    try:
        page = render(json.loads(find_manifest().read_bytes()))
    except BrokerageError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    if "--check" in sys.argv[1:]:
        if PAGE.exists() and PAGE.read_text("utf-8") == page:
            return 0
        sys.stderr.write("docs/warehouse.md is out of date: run `make pages`.\n")
        return 1
    PAGE.write_text(page, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
