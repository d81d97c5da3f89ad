"""`python -m tests.metrics_doc` writes docs/metrics.md from the dbt project's semantic layer."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "dbt_project" / "models" / "semantic"
PAGE = ROOT / "docs" / "metrics.md"

Node = Mapping[str, Any]

_HEAD = """# Metrics

<!-- written by `make docs`; change dbt_project/models/semantic instead -->

Every metric is defined once, in `dbt_project/models/semantic` (MetricFlow), over the facts of the
schema `metrics`. The marts show the same figures as tables. A test asks for each metric and
compares it with the mart, and the main ones with the sandbox's truth.

## Ask for one

```
. .venv/bin/activate
eval "$(make -s dbt-env)"           # the database, as dbt and mf want to know it
cd dbt_project && dbt parse         # mf reads what dbt parsed: again after each change
mf query --metrics gci --group-by agent,currency --decimals 2
mf query --metrics gci,closed_units --group-by agent__agent_name,currency,metric_time__month \\
  --start-time 2026-01-01 --end-time 2026-12-31 --csv gci.csv
mf query --saved-query transactions_by_month
mf list metrics
mf list dimensions --metrics gci
```

`mf` reads the tables behind the marts, so it is for whoever may build the warehouse; BI tools read
the marts. **It shows six digits unless told otherwise**: `--decimals 2` on the screen, `--csv` for
whole figures.

`agent`, `team`, `currency`, `contributor`, `member` and `crm_account` group the metrics of any
subject that has them; other dimensions carry their subject: `deal__state_code`,
`income__income_type`. The day is `metric_time`: for deals that of closing (else of the contract),
in the reporting zone. What has no known day is in 1900-01-01. A month to date is the month
(`metric_time__month`), a year to date the year.

## Currencies are never added up

- **In marts** currency is a column of every row with amounts and, where rows are sums, in the key.
  The columns say so; no mart has an amount over currencies.
- **In the semantic layer** an amount is shown only while there is one currency in the group.
  `mf query --metrics gci` is empty if there are deals in USD and in CAD: group by `currency`, or
  choose one with `--where "{{ Entity('currency') }} = 'USD'"`. What is made of amounts follows.
- Every saved query with amounts groups by currency.
- The sums behind amounts are metrics, too, because MetricFlow makes metrics of metrics only. They
  are called `*_over_currencies`, and nobody should ask for them. A BI tool that shows the semantic
  layer leaves out what has `kind: part` in its meta.

Counts have no currency and may be added. Rates and averages may not: ask for them by the grouping
that is wanted. In `marts.agent_month` what has no currency stands on the row of the agent's own
currency, so that rows may be added up.

"""

_TABLES = {
    "agg_transactions_yoy (936)": ("metrics.transactions_yoy", "closed_units, volume, gci"),
    "agg_targets (958)": ("metrics.targets", "the metric that the goal names"),
    "agg_pacing_daily (959)": ("metrics.pacing_daily", "the metric that the goal names"),
    "agg_funnel_conversion (962)": ("metrics.funnel_conversion", "stays, current_stays"),
    "agg_anomalies_detected (963)": ("none yet: for the assistant", ""),
    "agg_risk_flags_current (964)": ("none yet: for the assistant", ""),
    "agg_benchmarks (970)": ("none yet: for the assistant", ""),
    "snap_metrics_daily (960)": ("metrics.metrics_daily", ""),
    "dim_time_periods (968)": ("metrics.time_period", "metric_time"),
    "dim_status_mapping (969)": ("metrics.status_mapping", ""),
}

_CORE = (
    *("Closed count / units", "Pending count", "Terminated count", "Total count", "Volume", "GCI"),
    *("Net payout", "Average sale price", "Average GCI / rate", "Pending volume / pending GCI"),
    *("Fall-through rate", "Days contract→close", "Units per side", "Participation credit"),
)


def render() -> str:
    """The whole page as Markdown."""
    metrics = [node for node in _nodes("metrics") if _meta(node)["kind"] != "part"]
    asked: dict[str, list[Node]] = {}
    for node in metrics:
        for name in _meta(node).get("catalogue", ()):
            asked.setdefault(name, []).append(node)
    financial = sorted(asked.keys() - set(_CORE))
    page = _HEAD
    page += "## Core measures\n\n" + _asked_for(asked, [name for name in _CORE if name in asked])
    page += "\n## Financial metrics\n\n" + _asked_for(asked, financial)
    page += "\n## Aggregates\n\n" + _aggregates()
    page += "\n## All metrics\n\n" + _all_metrics(metrics)
    return page


def _asked_for(asked: Mapping[str, list[Node]], names: Iterable[str]) -> str:
    rows = [
        (
            name,
            ", ".join(f"`{node['name']}`" for node in asked[name]),
            ", ".join(f"`{_mart(node)}`" for node in asked[name]),
        )
        for name in names
    ]
    return _table(("asked for", "semantic metric", "mart column"), rows)


def _aggregates() -> str:
    rows = []
    for node in _nodes("saved_queries"):
        meta = _meta(node)
        if "catalogue" in meta:
            table = f"metrics.{meta['table']}" if "table" in meta else meta["mart"]
            rows.append((meta["catalogue"], f"`{node['name']}`", f"`{table}`"))
    for name, (table, told) in _TABLES.items():
        rows.append((name, told, f"`{table}`" if "." in table else table))
    return _table(("asked for", "saved query (or metrics)", "table"), rows)


def _all_metrics(metrics: Iterable[Node]) -> str:
    sums = {
        measure["name"]: f"{measure['agg']}({measure.get('expr', measure['name'])})"
        for model in _nodes("semantic_models")
        for measure in model.get("measures", ())
    }
    parts = {node["name"]: node for node in _nodes("metrics")}
    rows = [
        (
            f"`{node['name']}`",
            " ".join(node["description"].split()),
            f"`{_formula(node, parts, sums)}`",
            f"`{_mart(node)}`",
        )
        for node in metrics
    ]
    return _table(("metric", "means", "is", "mart column"), rows)


def _formula(node: Node, parts: Mapping[str, Node], sums: Mapping[str, str]) -> str:
    """What a metric is made of, without the guard against adding up currencies."""
    params = node["type_params"]
    if "measure" in params:
        return sums[params["measure"]]
    made_of = [i if isinstance(i, str) else i["name"] for i in params["metrics"]]
    guarded = [name for name in made_of if name.endswith("_over_currencies")]
    if guarded:
        return sums[parts[guarded[0]]["type_params"]["measure"]]
    return str(params["expr"]).replace(" * 1.0", "")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _mart(node: Node) -> str:
    mart = str(_meta(node)["mart"])
    return mart if mart.startswith("metrics.") else f"marts.{mart}"


def _meta(node: Node) -> Node:
    meta: Node = node.get("config", {}).get("meta", {})
    return meta


def _nodes(kind: str) -> list[Node]:
    found: list[Node] = []
    for path in sorted(FOLDER.glob("*.yml")):
        found += yaml.safe_load(path.read_text("utf-8")).get(kind) or []
    return found


def main() -> int:
    """Write the page."""
    PAGE.write_text(render(), "utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)} is written\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
