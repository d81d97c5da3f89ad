"""Running the jobs in this process: the command line, the demo and the tests use nothing else.

These are the runs that schedules and sensors start, on the same jobs and partitions; they only do
not wait for the daemon, and somebody may listen to them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.partitions import AGENTS, range_tags, to_ranges
from assets.raw import raw_entities, raw_key
from assets.reconciliation import KEY as RECONCILIATIONS
from pipelines.registry import VENDORS
from resources.dbt import REBUILD_TAG
from resources.processes import PROCESS_TAG, this_process
from resources.progress import Listener, listening
from sensors.backfills import Backfill, named
from sensors.cadences import MANUAL_LANE, ONBOARDING_LANE
from sensors.jobs import (
    BUILD_JOB,
    RECONCILE_JOB,
    RECONCILE_LANE,
    manual_job_name,
    onboarding_job_name,
    run_tags,
)
from sensors.onboarding import mirror, owner_engine
from sensors.orphans import end_orphans

if TYPE_CHECKING:
    from dagster import DagsterInstance, Definitions

# the run's events are stored; on the terminal they would bury the progress
_SILENT: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_NO_CAPTURE = {
    "module": "dagster._core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
}


@dataclass(frozen=True)
class RunOutcome:
    """How one run ended; `failures` has one sentence per cause and is empty if all went well."""

    run_id: str
    job: str
    succeeded: bool
    failures: tuple[str, ...]
    recorded: int
    seconds: float


def open_instance() -> DagsterInstance:
    """The Dagster instance of `DAGSTER_HOME` for runs of this process.

    Unlike the daemon's it does not capture what a step prints, because that would swallow the
    terminal. Close it, or use it as a context manager.
    """
    import os

    from dagster import DagsterInstance
    from dagster._core.instance.ref import InstanceRef

    home = os.environ["DAGSTER_HOME"]
    overrides = {"compute_logs": _NO_CAPTURE}
    instance = DagsterInstance.from_ref(InstanceRef.from_dir(home, overrides=overrides))
    # Dagster's storage opens a connection per statement, which is half of the time of a run with
    # hundreds of events; the webserver's way keeps some open.
    instance.optimize_for_webserver(statement_timeout=60_000, pool_recycle=600, max_overflow=8)
    # At the start of each run Dagster configures Python's logging anew and shuts down all handlers:
    # a run in another thread that is just writing an event would wait for that for ever.
    instance.get_yaml_python_handlers = list  # type: ignore[method-assign]
    end_orphans(instance)
    return instance


def sync_agents(
    defs: Definitions,
    instance: DagsterInstance,
    agents: Collection[str],
    *,
    vendors: Collection[str] | None = None,
    entities: Collection[str] | None = None,
    lane: str = MANUAL_LANE,
    full: bool = False,
    listener: Listener | None = None,
    backfill: Backfill | None = None,
) -> list[RunOutcome]:
    """Read the agents' accounts and record them on their partitions, the vendors side by side.

    Args:
        defs: `definitions.defs`.
        instance: see `open_instance`.
        agents: agent keys; those that are no partitions yet become some.
        vendors: keys of the registry, None for all.
        entities: names of raw tables, None for all.
        lane: whose staging datasets the loads use; runs of one lane wait for each other.
        full: read everything again, not only what has changed.
        listener: is told every step, from several threads.
        backfill: what the runs belong to; it is told what they are to fill.

    Returns:
        One outcome per run. There is one run per vendor and unbroken range of partitions; agents
        without a connection to the vendor are in none.
    """
    ensure_partitions(instance, agents)
    keys = instance.get_dynamic_partitions(AGENTS)
    chosen = list(vendors if vendors is not None else VENDORS)
    connected = {name: connected_agents(name) & set(agents) for name in chosen}

    def run(name: str) -> list[RunOutcome]:
        vendor = VENDORS[name]
        tables = [e.name for e in raw_entities(vendor) if entities is None or e.name in entities]
        if not tables:
            return []
        assets = [raw_key(vendor, table) for table in tables]
        if backfill is not None:
            backfill.want(assets, connected[name])
        own_tags = backfill.tags if backfill is not None else {}
        return [
            _execute(
                defs,
                instance,
                onboarding_job_name(name) if lane == ONBOARDING_LANE else manual_job_name(name),
                tags={**run_tags(lane, full=full), **range_tags(partitions), **own_tags},
                assets=assets,
            )
            for partitions in to_ranges(keys, connected[name])
        ]

    with listening(listener):
        # the storage of an ephemeral instance belongs to one thread
        return _collect(run, chosen, threads=not instance.is_ephemeral)


def _collect(
    run: Callable[[str], list[RunOutcome]], vendors: Sequence[str], *, threads: bool
) -> list[RunOutcome]:
    """Run the first vendor in this thread, where an interrupt reaches it, the others beside it."""
    if not threads or len(vendors) < 2:
        return [outcome for vendor in vendors for outcome in run(vendor)]
    with ThreadPoolExecutor(max_workers=len(vendors) - 1) as beside:
        started = [beside.submit(copy_context().run, run, vendor) for vendor in vendors[1:]]
        outcomes = run(vendors[0])
        return outcomes + [outcome for future in started for outcome in future.result()]


def onboard_agents(
    defs: Definitions,
    instance: DagsterInstance,
    agents: Sequence[str],
    *,
    listener: Listener | None = None,
) -> list[RunOutcome]:
    """Read everything of newly connected agents, and write down how that went.

    Run again, it continues: what has been read is only brought up to date. Each agent gets a row in
    `control.onboarding_jobs` with a step per raw table, derived from what the runs committed, and
    the runs are one backfill in Dagster.
    """
    from brokerage.control.sync_state import refresh_views

    backfill = Backfill()
    outcomes = sync_agents(
        defs, instance, agents, lane=ONBOARDING_LANE, listener=listener, backfill=backfill
    )
    runs = [outcome.run_id for outcome in outcomes]
    with owner_engine() as engine:
        # what was committed counts as soon as the views show it
        refresh_views(engine)
        mirror(instance, engine)
    if runs:
        backfill.record(
            defs.resolve_asset_graph(),
            instance,
            runs,
            title=f"Onboarding of {named(agents)}",
            succeeded=all(outcome.succeeded for outcome in outcomes),
        )
    return outcomes


def build_warehouse(
    defs: Definitions,
    instance: DagsterInstance,
    *,
    rebuild: bool = False,
    listener: Listener | None = None,
) -> RunOutcome:
    """Build and test every dbt model; `rebuild` makes anew what is otherwise kept key by key."""
    with listening(listener):
        return _execute(defs, instance, BUILD_JOB, tags={REBUILD_TAG: "true"} if rebuild else {})


def reconcile(
    defs: Definitions,
    instance: DagsterInstance,
    *,
    agents: Collection[str] = (),
    vendors: Collection[str] = (),
    repair: bool = True,
    listener: Listener | None = None,
) -> RunOutcome:
    """Count at the vendors and here; `repair` reads again what differs. Empty means all."""
    config = {"agents": sorted(agents), "vendors": sorted(vendors), "repair": repair}
    with listening(listener):
        return _execute(
            defs,
            instance,
            RECONCILE_JOB,
            tags=run_tags(RECONCILE_LANE),
            config={"ops": {"__".join(RECONCILIATIONS.path): {"config": config}}},
        )


def materialise(
    defs: Definitions,
    instance: DagsterInstance,
    agents: Collection[str],
    *,
    vendors: Collection[str] | None = None,
    lane: str = MANUAL_LANE,
    full: bool = False,
    listener: Listener | None = None,
) -> list[RunOutcome]:
    """`sync_agents`, then `build_warehouse` with what has arrived, also if an account failed."""
    outcomes = sync_agents(
        defs, instance, agents, vendors=vendors, lane=lane, full=full, listener=listener
    )
    return [*outcomes, build_warehouse(defs, instance, listener=listener)]


def connected_agents(vendor: str) -> set[str]:
    """The agents with a connection to the vendor, working or not."""
    from brokerage.control.repository import ControlRepository
    from brokerage.database.engine import make_engine

    engine = make_engine()
    try:
        return {c.agent_key for c in ControlRepository(engine).connections(vendor=vendor)}
    finally:
        engine.dispose()


def ensure_partitions(instance: DagsterInstance, agents: Iterable[str]) -> list[str]:
    """Add the agents that are no partitions yet, in their order; returns them."""
    known = set(instance.get_dynamic_partitions(AGENTS))
    missing = [agent for agent in agents if agent not in known]
    if missing:
        instance.add_dynamic_partitions(AGENTS, missing)
    return missing


def _execute(
    defs: Definitions,
    instance: DagsterInstance,
    job: str,
    *,
    tags: dict[str, str],
    assets: Sequence[dg.AssetKey] | None = None,
    config: Mapping[str, Any] | None = None,
) -> RunOutcome:
    begun = time.monotonic()
    result = defs.resolve_job_def(job).execute_in_process(
        run_config={**_SILENT, **(config or {})},
        instance=instance,
        tags={**tags, PROCESS_TAG: this_process()},
        asset_selection=assets,
        raise_on_error=False,
    )
    recorded = sum(event.is_step_materialization for event in result.all_events)
    return RunOutcome(
        run_id=result.run_id,
        job=job,
        succeeded=result.success,
        failures=() if result.success else failure_lines(result.all_events),
        recorded=recorded,
        seconds=time.monotonic() - begun,
    )


def failure_lines(events: Iterable[dg.DagsterEvent]) -> tuple[str, ...]:
    """What the steps of a run failed with, one line per cause."""
    lines: list[str] = []
    for event in events:
        if not event.is_step_failure:
            continue
        data = event.step_failure_data
        if data.user_failure_data is not None and data.user_failure_data.description:
            lines += data.user_failure_data.description.splitlines()
        elif data.error is not None:
            cause = data.error.cause or data.error
            lines.append(cause.message.strip().splitlines()[0])
    return tuple(lines) or ("The run failed before its step began; see its log in Dagster.",)
