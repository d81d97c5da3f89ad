"""Webhooks in Dagster: the inbox that is worked off, and the subscriptions that are looked after.

A run reads again whatever webhooks name, one vendor beside the other, and refreshes the models
below what has changed. It goes on as long as something comes, because a start costs more than a
reading. What a single record did is observed on the raw table, not recorded as its sync: a table
that is red must not turn green because one of its rows was read.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from assets.dbt import BUILD_LOCK
from assets.manifest import DBT_DIR, find_manifest
from assets.outcome import materialisation_metadata, materialised, reconnect_hint
from assets.raw import OWNER, raw_key
from assets.webhook_work import SOON, Outcome, Work, judge, plan
from brokerage.control.webhooks import Letter, WebhookInbox
from pipelines.common.reading import WEBHOOK
from pipelines.common.webhooks import Webhooks
from pipelines.webhooks import WEBHOOKS
from resources.connections import ACTIVE, ConnectionsResource
from resources.dbt import Refresh, Refresher
from resources.vendor_settings import VendorSettingsResource
from resources.warehouse import LOADER, WarehouseResource

if TYPE_CHECKING:
    from pipelines.common.reading import SyncReport

INBOX_KEY = dg.AssetKey(["control", "webhook_inbox"])
SUBSCRIPTIONS_KEY = dg.AssetKey(["control", "webhook_subscriptions"])
GROUP = "webhooks"

LINGER_SECONDS = 20.0
"""How long a run waits for more before it ends."""

LIFE_SECONDS = 600.0
"""How long a run takes on new work."""

LOOK_SECONDS = 0.5
LATE_SECONDS = 300.0
"""An event that has waited for longer makes the inbox's check fail."""


@dataclass
class Pass:
    """One reading of one vendor: what came of it."""

    vendor: str
    reports: "list[SyncReport]" = field(default_factory=list)
    letters: int = 0
    done: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def changed(self) -> set[str]:
        """The raw tables in which rows were written or ended, as `schema.table`."""
        return {
            f"raw_{self.vendor}.{result.entity}"
            for report in self.reports
            for result in report.results
            if result.rows_written or result.rows_deleted
        }


class Refetcher:
    """Works off one vendor's inbox; safe to use from one thread per vendor."""

    def __init__(
        self,
        connections: ConnectionsResource,
        warehouse: WarehouseResource,
        sources: VendorSettingsResource,
        run_id: str,
    ) -> None:
        self._connections = connections
        self._warehouse = warehouse
        self._sources = sources
        self._run_id = run_id
        self.inbox = WebhookInbox(connections.engine)

    def work_off(self, vendor: str) -> Pass:
        """Read again what is due of a vendor, once."""
        done = Pass(vendor)
        self.inbox.bury(vendor)
        letters = self.inbox.due(vendor)
        webhooks = WEBHOOKS.get(vendor)
        if not letters or webhooks is None:
            return done
        self.inbox.claim([letter.webhook_id for letter in letters])
        settings = self._sources.of(webhooks.vendor)
        statuses = self.inbox.status_of({letter.connection_id for letter in letters})
        active = {name for name, status in statuses.items() if status == ACTIVE}
        work = plan(letters, webhooks, settings, active)
        self._warehouse.create_raw_tables(webhooks.vendor)
        outcome = self._read(webhooks, work, done)
        for connection_id, reason in sorted(outcome.broken.items()):
            self._connections.mark_broken(connection_id, reason, run_id=self._run_id)
        done.letters = len(letters)
        self._settle(letters, outcome, statuses, done)
        return done

    def _read(self, webhooks: Webhooks, work: Work, done: Pass) -> Outcome:
        from pipelines.common.run import LoadFailed, SyncRefused, sync

        outcome = Outcome()

        def run(
            wanted: dict[str, set[str]],
            *,
            full: bool = False,
            targets: bool = False,
        ) -> None:
            if not wanted:
                return
            agents = {connection.split(":")[0] for connection in wanted}
            accounts = [
                account
                for account in self._connections.select(webhooks.vendor.name, agents).accounts
                if account.connection_id in wanted
            ]
            names = {name for entities in wanted.values() for name in entities}
            try:
                report = sync(
                    webhooks.vendor,
                    accounts,
                    warehouse_url=self._warehouse.url(LOADER),
                    settings=self._sources.of(webhooks.vendor),
                    entities=webhooks.closure(sorted(names)),
                    lane=WEBHOOK,
                    full=full,
                    run_id=self._run_id,
                    pipelines_dir=self._connections.pipelines_dir(),
                    wait_seconds=SOON.total_seconds(),
                    targets=work.targets(webhooks) if targets else None,
                )
            except SyncRefused:
                # the lane is taken: nothing was asked for, so nothing has failed
                outcome.busy.update(wanted)
                return
            except LoadFailed as error:
                outcome.refuse([(c, name) for c in wanted for name in wanted[c]], str(error))
                return
            outcome.take(report)
            done.reports.append(report)
            self._connections.ensure_sync_state(webhooks.vendor.name)

        run({c: set(entities) for c, entities in work.records.items()}, targets=True)
        run(work.again)
        run(work.scans, full=True)
        return outcome

    def _settle(
        self,
        letters: list[Letter],
        outcome: Outcome,
        statuses: dict[str, str],
        done: Pass,
    ) -> None:
        verdicts = judge(letters, outcome, statuses, datetime.now(UTC))
        self.inbox.finish(verdicts.done, "done")
        for why, ids in verdicts.ignored.items():
            self.inbox.finish(ids, "ignored", why)
        for why, ids in verdicts.later.items():
            self.inbox.put_off(ids, SOON, why)
        for why, ids in verdicts.failed.items():
            self.inbox.fail(ids, why)
            done.failures.append(f"{len(ids)} webhooks are tried again: {why}")
        done.done = len(verdicts.done)


def work_off_all(
    refetcher: Refetcher,
    build: Callable[[Collection[str]], Refresh],
    tell: Callable[[Pass | Refresh], None],
    *,
    linger: float = LINGER_SECONDS,
    life: float = LIFE_SECONDS,
    stopped: threading.Event | None = None,
) -> list[str]:
    """Work off all vendors, refreshing what stands on what has changed, until nothing comes.

    Vendors are read beside each other and beside a refresh, so that a slow one holds up nobody.

    Returns:
        The sentences of refreshes that failed.
    """
    stopped = stopped or threading.Event()
    begun = quiet_since = time.monotonic()
    running: dict[str, Future[Pass]] = {}
    changed: set[str] = set()
    failures: list[str] = []
    with ThreadPoolExecutor(max(1, len(WEBHOOKS)), thread_name_prefix="webhooks") as vendors:
        while True:
            young = time.monotonic() - begun < life and not stopped.is_set()
            if young:
                for vendor in refetcher.inbox.vendors_due():
                    if vendor not in running:
                        running[vendor] = vendors.submit(refetcher.work_off, vendor)
            for vendor in [name for name, future in running.items() if future.done()]:
                ended = running.pop(vendor).result()
                changed |= ended.changed
                if ended.letters:
                    quiet_since = time.monotonic()
                    tell(ended)
            if changed:
                refreshed = build(frozenset(changed))
                changed.clear()
                quiet_since = time.monotonic()
                tell(refreshed)
                if refreshed.failure:
                    failures.append(refreshed.failure)
                continue
            idle = time.monotonic() - quiet_since
            if not running and (not young or idle >= linger):
                return failures
            stopped.wait(LOOK_SECONDS if young else 0.1)


def build_webhook_assets() -> list[dg.AssetsDefinition]:
    """The inbox and the subscriptions."""

    @dg.multi_asset(
        name="webhook_inbox__work_off",
        specs=[
            dg.AssetSpec(
                INBOX_KEY,
                description="What vendors have told by webhook. Each record that is named is read "
                "again by the vendor's API, and what stands on it is refreshed.",
                group_name=GROUP,
                kinds={"python", "postgres"},
                owners=[OWNER],
                metadata={"dagster/table_name": "control.webhook_inbox"},
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                "worked_off",
                asset=INBOX_KEY,
                description="Nothing waits for long, and there is no dead letter.",
            )
        ],
    )
    def refetch(
        context: dg.AssetExecutionContext,
        connections: ConnectionsResource,
        warehouse: WarehouseResource,
        sources: VendorSettingsResource,
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        refetcher = Refetcher(connections, warehouse, sources, context.run_id)
        totals = {"webhooks": 0, "read_again": 0, "refreshes": 0}

        def tell(happened: Pass | Refresh) -> None:
            if isinstance(happened, Refresh):
                totals["refreshes"] += 1
                context.log.info(
                    f"{happened.models} models refreshed in {happened.seconds:.1f} s "
                    f"({' '.join(happened.selection)})."
                )
                return
            totals["webhooks"] += happened.letters
            totals["read_again"] += happened.done
            _observe(context, happened)

        def build(tables: Collection[str]) -> Refresh:
            with warehouse.engine().connect() as connection:
                connection.execute(BUILD_LOCK)
                return refresher.refresh(tables)

        with closing(Refresher(DBT_DIR, find_manifest())) as refresher:
            failures = work_off_all(refetcher, build, tell)
        purged = refetcher.inbox.purge()
        yield materialised(asset_key=INBOX_KEY, metadata={**totals, "forgotten": purged})
        yield inbox_check(refetcher.inbox)
        if failures:
            raise dg.Failure("\n".join(failures), allow_retries=False)

    @dg.multi_asset(
        name="webhook_subscriptions__look",
        specs=[
            dg.AssetSpec(
                SUBSCRIPTIONS_KEY,
                description="Which subscriptions the vendors show, as of the last check. Nothing "
                "here ever removes one.",
                group_name=GROUP,
                kinds={"python", "postgres"},
                owners=[OWNER],
                metadata={"dagster/table_name": "control.webhook_subscriptions"},
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                "alive",
                asset=SUBSCRIPTIONS_KEY,
                description="Every subscription that was registered is there and delivers.",
            )
        ],
    )
    def check(
        context: dg.AssetExecutionContext, connections: ConnectionsResource
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        problems, checked = check_subscriptions(connections)
        for problem in problems:
            context.log.warning(problem)
        yield materialised(
            asset_key=SUBSCRIPTIONS_KEY,
            metadata={"subscriptions": checked, "problems": len(problems)},
        )
        yield dg.AssetCheckResult(
            passed=not problems,
            check_name="alive",
            asset_key=SUBSCRIPTIONS_KEY,
            # polling goes on: what is missing is freshness
            severity=dg.AssetCheckSeverity.WARN,
            description="\n".join(problems[:20]) or None,
        )

    return [refetch, check]


def _observe(context: dg.AssetExecutionContext, done: Pass) -> None:
    vendor = WEBHOOKS[done.vendor].vendor
    calls = sum(result.api_calls for report in done.reports for result in report.results)
    context.log.info(
        f"{vendor.title}: {done.letters} webhooks, {done.done} read again with {calls} requests."
    )
    for failure in done.failures:
        context.log.warning(f"{vendor.title}: {failure}")
    for report in done.reports:
        for result in report.results:
            if result.rows_written or result.rows_deleted or not result.succeeded:
                context.log_event(
                    dg.AssetObservation(
                        asset_key=raw_key(vendor, result.entity),
                        partition=result.agent_key,
                        metadata=materialisation_metadata(vendor, result),
                    )
                )


def inbox_check(inbox: WebhookInbox) -> dg.AssetCheckResult:
    """Whether the inbox is worked off: no dead letter, and nothing that waits for long."""
    now = datetime.now(UTC)
    lines = []
    for counts in inbox.counts():
        title = WEBHOOKS[counts.vendor].vendor.title if counts.vendor in WEBHOOKS else counts.vendor
        if counts.failed:
            lines.append(
                f"{title}: {counts.failed} dead letters; see `brokerage webhooks inbox`, then "
                "`brokerage webhooks replay`."
            )
        waits = (now - counts.oldest_new_at).total_seconds() if counts.oldest_new_at else 0.0
        if waits > LATE_SECONDS:
            lines.append(f"{title}: {counts.new} webhooks wait, the oldest for {waits:.0f} s.")
    return dg.AssetCheckResult(
        passed=not lines,
        check_name="worked_off",
        asset_key=INBOX_KEY,
        severity=dg.AssetCheckSeverity.WARN,
        description="\n".join(lines) or None,
    )


def check_subscriptions(connections: ConnectionsResource) -> tuple[list[str], int]:
    """Ask all vendors for the subscriptions of every registered connection.

    Returns:
        A sentence per problem, and how many subscriptions were looked at.
    """
    from brokerage.errors import BrokerageError
    from pipelines.common.errors import AccountBroken, VendorError
    from resources.webhook_registry import WebhookRegistry

    registry = WebhookRegistry(connections.engine, connections.vault)
    problems: list[str] = []
    checked = 0
    for connection_id in registry.endpoints.connections():
        connection = connections.repository.connection(connection_id)
        if connection is None or connection.status != ACTIVE:
            continue
        vendor = WEBHOOKS[connection.vendor].vendor
        subject = f"{connection.agent_key} · {vendor.title}"
        try:
            states = registry.check(connection)
        except AccountBroken as error:
            hint = reconnect_hint(connection.agent_key, vendor)
            problems.append(f"{subject}: {error.sentence} ({hint})")
            continue
        except (VendorError, BrokerageError) as error:
            problems.append(f"{subject}: the subscriptions could not be read: {error}")
            continue
        checked += len(states)
        problems += [
            f"{subject}: the subscription to {state.topic} does not deliver as it should: "
            f"{state.problem}; run `brokerage webhooks register {connection.agent_key} "
            f"{vendor.name}`."
            for state in states
            if state.problem is not None
        ]
    return problems, checked
