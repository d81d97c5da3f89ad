"""The register of the former backend's background tasks: `background_tasks.yaml`, and its page."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import yaml

from brokerage.settings import PROJECT_DIR

if TYPE_CHECKING:
    from dagster import Definitions

REGISTER = Path(__file__).with_name("background_tasks.yaml")
PAGE = PROJECT_DIR / "docs" / "background-tasks.md"
KINDS = ("timer", "function", "worker")

_TITLES = {
    "timer": "Timers",
    "function": "Task functions",
    "worker": "Workers",
}
_HEAD = """# Background tasks

What the timers, task functions and workers of the former backend did, and what does it here.
Generated from [`sensors/background_tasks.yaml`](../sensors/background_tasks.yaml) (`make docs`);
a test fails when a name in it is no object of the loaded definitions.

"""


@dataclass(frozen=True)
class Task:
    """One row; `now` are typed names such as `schedule:fub__fast`, those of `same_as` included."""

    id: int
    kind: Literal["timer", "function", "worker"]
    name: str
    ran: str | None
    did: str | None
    also: str | None
    same_as: int | None
    now: tuple[str, ...]
    because: str | None


@cache
def read_register() -> tuple[Task, ...]:
    """All rows by id, with what `same_as` stands for filled in.

    Raises:
        ValueError: when a row is incomplete, an id appears twice or `same_as` names no row.
    """
    rows = yaml.load(REGISTER.read_text("utf-8"), Loader=yaml.CSafeLoader)
    by_id = {row["id"]: row for row in rows}
    if len(by_id) != len(rows):
        raise ValueError(f"An id appears twice in {REGISTER.name}.")
    return tuple(_task(row, by_id) for row in rows)


def _task(row: dict[str, object], by_id: dict[object, dict[str, object]]) -> Task:
    known = {"id", "kind", "name", "ran", "did", "also", "same_as", "now", "because"}
    if unknown := row.keys() - known:
        raise ValueError(f"Row {row['id']} has {', '.join(sorted(unknown))}, which nobody reads.")
    if row["kind"] not in KINDS:
        raise ValueError(f"Row {row['id']} is a {row['kind']}: use one of {', '.join(KINDS)}.")
    same_as = row.get("same_as")
    source = row if same_as is None else by_id.get(same_as)
    if source is None:
        raise ValueError(f"Row {row['id']} stands for {same_as}, which has no row.")
    now = source.get("now") or []
    because = row.get("because") or source.get("because")
    if not now and not because:
        raise ValueError(f"Row {row['id']} says neither what does its work nor why nothing has to.")
    return Task(
        id=int(str(row["id"])),
        kind=row["kind"],
        name=str(row["name"]),
        ran=_text(row.get("ran")),
        did=_text(row.get("did") or source.get("did")),
        also=_text(row.get("also")),
        same_as=None if same_as is None else int(str(same_as)),
        now=tuple(str(name) for name in now),  # type: ignore[attr-defined] # a list of the YAML
        because=_text(because),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def missing_objects(defs: Definitions, tasks: Sequence[Task]) -> list[str]:
    """The names that no object of the definitions has, as `<id>: <typed name>`."""
    repository = defs.get_repository_def()
    graph = defs.resolve_asset_graph()
    specs = {"/".join(spec.key.path): spec for spec in defs.resolve_all_asset_specs()}
    # settings switch some tables off; they are then there without being read
    known = {
        "schedule": {schedule.name for schedule in repository.schedule_defs},
        "sensor": {sensor.name for sensor in repository.sensor_defs},
        "job": set(repository.job_names),
        "asset": set(specs),
        "model": {name for name, spec in specs.items() if "dbt" in spec.kinds},
        "check": {f"{'/'.join(k.asset_key.path)}:{k.name}" for k in graph.asset_check_keys},
        "freshness": {name for name, spec in specs.items() if spec.freshness_policy is not None},
    }
    return [
        f"{task.id}: {name}"
        for task in tasks
        for name in task.now
        if name.partition(":")[2] not in known.get(name.partition(":")[0], set())
    ]


def render(tasks: Sequence[Task]) -> str:
    """The page as Markdown."""
    parts = [_HEAD]
    for kind in KINDS:
        rows = [task for task in tasks if task.kind == kind]
        needless = sum(not task.now for task in rows)
        parts.append(
            f"## {_TITLES[kind]}\n\n{len(rows)} in all; {needless} need nothing.\n\n"
            "| id | name | did | now |\n|---|---|---|---|\n"
        )
        parts += [_row(task) for task in rows]
        parts.append("\n")
    return "".join(parts).rstrip() + "\n"


def _row(task: Task) -> str:
    name = task.name + (f" (also: {task.also})" if task.also else "")
    did = f"{task.did or ''}{f' ({task.ran})' if task.ran else ''}".strip()
    cells = (str(task.id), name, did, describe(task))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def describe(task: Task) -> str:
    """What does the work now, grouped by kind of object, and the reason."""
    by_kind: dict[str, list[str]] = {}
    for name in task.now:
        kind, _, rest = name.partition(":")
        by_kind.setdefault(kind, []).append(f"`{rest}`")
    said = [f"{kind} {', '.join(names)}" for kind, names in by_kind.items()]
    if not task.now:
        return f"Nothing. {task.because}"
    reason = f". {task.because}" if task.because else ""
    return "; ".join(said) + reason


def main() -> int:
    """Write the page; with --check only say whether it is up to date."""
    page = render(read_register())
    if "--check" in sys.argv[1:]:
        if PAGE.exists() and PAGE.read_text("utf-8") == page:
            return 0
        sys.stderr.write(f"{PAGE.name} is out of date: python -m sensors.background_tasks\n")
        return 1
    PAGE.write_text(page, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
