"""The page builder: what charts, widgets and filters name is there, and a mistake is found.

The catalogue is compared with dbt's manifest and by brute force with itself, and built once more
with one mistake of each kind.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.warehouse.filled import Warehouse, copy_of
from tests.warehouse.running import results_of, run_dbt

PROJECT = Path(__file__).parents[2] / "dbt_project"
SEEDS = PROJECT / "seeds" / "pages"
PAGES = {
    *("dashboard", "transactions", "revenue", "network", "listings"),
    *("leads", "team", "wins", "forecast", "settings"),
}

Row = Mapping[str, str]


def seed(name: str) -> list[Row]:
    with (SEEDS / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def listed(text: str) -> list[str]:
    return text.split("|") if text else []


class Builder:
    """dbt over a copy of the lived world."""

    def __init__(self, database: str, folder: Path) -> None:
        self.database = database
        self.folder = folder

    def build(self, *selection: str, command: str = "build") -> dict[str, str]:
        """The status of what was built, by name."""
        without = ("--exclude", "test_type:unit") if command != "run" else ()
        chosen = (command, *without, "--select", *selection)
        done = run_dbt(self.database, self.folder, *chosen, may_fail=True)
        assert done.returncode in (0, 1), done.stdout[-4000:]
        return results_of(self.folder)

    def manifest(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(
            (self.folder / "target" / "manifest.json").read_bytes()
        )
        return found

    def execute(self, statement: str) -> None:
        with closing(psycopg2.connect(self.database)) as connection, connection:
            connection.cursor().execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self.database)) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()


def columns_of(builder: Builder) -> Mapping[tuple[str, str], set[str]]:
    """The columns of every table in the database, by schema and name."""
    columns: dict[tuple[str, str], set[str]] = defaultdict(set)
    for schema, table, column in builder.rows(
        "select table_schema, table_name, column_name from information_schema.columns"
    ):
        columns[schema, table].add(column)
    return columns


@pytest.fixture(scope="module")
def built(lived_world: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    with copy_of(lived_world) as database:
        builder = Builder(database, tmp_path_factory.mktemp("pages"))
        statuses = builder.build("path:models/pages", "path:tests/pages", command="test")
        assert len(statuses) > 30
        wrong = {name: status for name, status in statuses.items() if status in ("fail", "error")}
        assert not wrong
        yield builder


def test_there_are_charts_for_every_page() -> None:
    charts = seed("default_chart")
    assert len(charts) >= 60
    assert len({chart["chart_id"] for chart in charts}) == len(charts)
    assert {page["page_slug"] for page in seed("default_page")} == PAGES
    assert {widget["page_slug"] for widget in seed("default_page_widget")} == PAGES
    placed = {widget["chart_id"] for widget in seed("default_page_widget")}
    assert placed <= {chart["chart_id"] for chart in charts}


def test_charts_read_models_of_the_manifest(built: Builder) -> None:
    models = {
        node["name"]: node
        for node in built.manifest()["nodes"].values()
        if node["resource_type"] == "model"
    }
    for chart in seed("default_chart"):
        node = models[chart["model"]]
        assert node["schema"] == chart["model_schema"], chart["chart_id"]
        if node["contract"]["enforced"]:
            assert set(listed(chart["columns"])) <= set(node["columns"]), chart["chart_id"]
        assert chart["metric"] in listed(chart["columns"]), chart["chart_id"]


def test_every_named_column_exists_in_the_database(built: Builder) -> None:
    columns = columns_of(built)
    for chart in seed("default_chart"):
        named = {*listed(chart["columns"]), *listed(chart["dimensions"]), chart["metric"]}
        named |= {pair.split("=")[0] for pair in listed(chart["fixed_filters"])}
        named |= {chart["viewer_column"]} - {""}
        assert named <= columns[chart["model_schema"], chart["model"]], chart["chart_id"]


def test_what_waits_for_the_charts_waits_for_all_their_models(built: Builder) -> None:
    manifest = built.manifest()
    read = {chart["model"] for chart in seed("default_chart")}
    for name in ("charts_read_what_exists", "filters_filter_every_chart"):
        [node] = [n for n in manifest["nodes"].values() if n["name"] == name]
        assert read <= {parent.split(".")[2] for parent in node["depends_on"]["nodes"]}


def test_each_page_says_which_models_it_reads(built: Builder) -> None:
    model_of = {chart["chart_id"]: chart["model"] for chart in seed("default_chart")}
    read: dict[str, set[str]] = defaultdict(set)
    for widget in seed("default_page_widget"):
        read[f"page_{widget['page_slug']}"].add(model_of[widget["chart_id"]])
    told = {
        exposure["name"]: {parent.split(".")[2] for parent in exposure["depends_on"]["nodes"]}
        for exposure in built.manifest()["exposures"].values()
        if exposure["name"].startswith("page_")
    }
    assert told == read


def test_no_two_widgets_share_a_cell(built: Builder) -> None:
    layouts = built.rows(
        "select page_section_id, viewport, page_widget_id, grid_x, grid_y, grid_width, grid_height"
        " from pages.widget_viewport_layout"
    )
    widths = {row["viewport"]: int(row["grid_columns"]) for row in seed("default_viewport")}
    assert len(layouts) == len(widths) * len(seed("default_page_widget"))
    taken: dict[tuple[Any, ...], str] = {}
    for section, viewport, widget, left, top, width, height in layouts:
        assert width > 0
        assert height > 0
        for x, y in itertools.product(range(left, left + width), range(top, top + height)):
            assert 0 <= x < widths[viewport], (widget, viewport)
            assert taken.setdefault((section, viewport, x, y), widget) == widget, viewport


def test_filters_are_columns_of_every_chart_below_them(built: Builder) -> None:
    charts = {chart["chart_id"]: chart for chart in seed("default_chart")}
    columns = columns_of(built)
    for one in seed("default_page_filter"):
        levels = ("page_slug", "tab_slug", "section_slug")
        below = [
            charts[widget["chart_id"]]
            for widget in seed("default_page_widget")
            if all(one[level] in ("", widget[level]) for level in levels)
        ]
        assert below, one
        for chart in below:
            assert one["filter_key"] in columns[chart["model_schema"], chart["model"]], one


def test_figures_stand_in_rows_on_small_screens(built: Builder) -> None:
    [places] = built.rows(
        "select array_agg(array[grid_x, grid_y] order by grid_y, grid_x)"
        " from pages.widget_viewport_layout"
        " where page_section_id = 'dashboard/ranking/places' and viewport = 'tablet'"
    )
    assert places == ([[0, 0], [4, 0], [0, 2]],)


def test_only_readers_of_marts_read_pages(built: Builder) -> None:
    [readable] = built.rows(
        "select bool_and(has_table_privilege('bi_reader', c.oid, 'select')), count(*)"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = 'pages' and c.relkind = 'r'"
    )
    assert readable == (True, 10)


MISTAKES: Sequence[tuple[str, str]] = (
    (
        "charts_read_what_exists",
        "update core.default_chart set model = 'no_such_model' where chart_id = 'deals_by_type'",
    ),
    (
        "charts_add_up_nothing_twice",
        """update core.default_chart set dimensions = 'period_month'
         where chart_id = 'volume_by_month'""",
    ),
    (
        "amounts_of_deals_have_their_currency",
        """update core.default_chart set columns = replace(columns, '|net_payout_currency', '')
         where chart_id = 'deals'""",
    ),
    (
        "figures_are_of_their_category",
        "update core.default_chart set metric = 'gci' where chart_id = 'average_gci'",
    ),
    (
        "widgets_do_not_overlap",
        """update core.default_page_widget set grid_x = 1, grid_y = 0
         where chart_id = 'deals_by_stage'""",
    ),
    (
        "widgets_fit_their_screen",
        "update core.default_page_widget set grid_width = 13 where chart_id = 'contact_list'",
    ),
    (
        "filters_filter_every_chart",
        """update core.default_page_filter set filter_key = 'colour'
         where filter_key = 'lead_source'""",
    ),
    (
        "filters_begin_with_an_option",
        """update core.default_page_filter set default_value = 'decade'
         where filter_key = 'period_kind'""",
    ),
    (
        "primary_key_page_page_slug",
        "insert into core.default_page select * from core.default_page where page_slug = 'wins'",
    ),
    (
        "pages_have_one_first_tab",
        "update core.default_page_tab set is_default = true where page_slug = 'network'",
    ),
)


def test_each_kind_of_mistake_is_found(built: Builder) -> None:
    for _, mistake in MISTAKES:
        built.execute(mistake)
    # not `build`: where a test fails it skips all that comes after
    built.build("path:models/pages", command="run")
    found = built.build("path:models/pages", "path:tests/pages", command="test")
    failed = {name for name, status in found.items() if status == "fail"}
    for test, _ in MISTAKES:
        assert any(name.startswith(test) for name in failed), test
