"""dbt on the warehouse: one process per build, its events turned into Dagster's.

`DbtCliResource` would start dbt a second time to learn its version, connect once more for metadata
that the manifest has, and pass credentials through the environment of this very process. The
version is pinned and the credentials concern the child only, so the process is started here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import yaml
from sqlalchemy.engine import make_url

from brokerage.database.engine import owner_url
from brokerage.errors import ConfigurationError, UnavailableError
from brokerage.settings import get_settings
from resources.light_dbt import dbt_version
from resources.progress import Step, current_listener
from resources.ready_dbt import PARSED, ReadyDbt

if TYPE_CHECKING:
    from dagster_dbt import DagsterDbtTranslator, DbtProject

_PASSED = frozenset({"success", "pass", "warn", "skipped", "no-op"})
_NO_RESULTS: Mapping[str, Any] = {"results": ()}
_TABLES = frozenset({"table", "incremental"})
_SHOWN = 10
_NOT_BUILT = ("unit_test", "saved_query", "exposure")
_ROWS = re.compile(r"(?:SELECT|INSERT 0|INSERT) (\d+)")


def dbt_executable() -> str:
    """The dbt of this environment, whether or not that is on the PATH.

    Raises:
        ConfigurationError: when it is not installed.
    """
    beside = Path(sys.executable).with_name("dbt")
    found = str(beside) if beside.exists() else shutil.which("dbt")
    if not found:
        raise ConfigurationError("dbt is not installed here: run `make env`.")
    return found


def dbt_environment() -> dict[str, str]:
    """The variables that `dbt_project/profiles.yml` reads; none of a database that is unknown."""
    settings = get_settings()
    environment = {
        "BROKERAGE_REPORTING_TIMEZONE": settings.reporting_timezone,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        # what dbt does all the time, in a file beside the run's log, is a quarter of its work
        "DBT_LOG_LEVEL_FILE": "warn",
    }
    if settings.as_of is not None:
        # libpq gives it to every session of dbt
        environment["PGOPTIONS"] = f"-c brokerage.as_of={settings.as_of.isoformat()}"
    try:
        url = make_url(owner_url(settings))
    except UnavailableError:
        return environment
    known = {
        "HOST": url.host,
        "PORT": url.port,
        "USER": url.username,
        "PASSWORD": url.password,
        "DBNAME": url.database,
        "SSLMODE": url.query.get("sslmode"),
    }
    return environment | {
        f"BROKERAGE_PG_{name}": str(value) for name, value in known.items() if value is not None
    }


@dataclass
class Build:
    """A running `dbt build`; `events` drives it, afterwards `failure` says what did not work.

    Data land while a build goes on, so that two of its tables may tell of two moments and a test
    that compares them fails of itself. What has failed is therefore judged a second time, on the
    tables it looks at built once more, together; what had been left out because of it follows.
    """

    invocation: Any
    total: int
    start: Callable[[Sequence[str]], Any]
    """Begins another one, of these selectors of dbt and nothing beside them."""
    returncode: int | None = None
    _messages: list[str] = field(default_factory=list)
    _done: int = 0

    def events(self) -> Iterator[Any]:
        """Dagster's events, one by one, as dbt finishes its nodes."""
        failed: dict[dg.AssetCheckKey, dg.AssetCheckResult] = {}
        for event in self._drive(first=True):
            # Dagster takes one result of a check in a run
            if isinstance(event, dg.AssetCheckResult) and _is_failure(event):
                failed[_check_of(event)] = event
            else:
                yield event
        again = judged_again(self._results(), self.invocation.manifest)
        if again:
            self.invocation.context.log.info(
                "Data may have landed between two tables of this build: %d tables and tests once "
                "more.",
                len(again),
            )
            self._messages.clear()
            self.invocation = self.start(again)
            for event in self._drive(first=False):
                if isinstance(event, dg.AssetCheckResult):
                    failed.pop(_check_of(event), None)
                yield event
        yield from failed.values()

    def _drive(self, *, first: bool) -> Iterator[Any]:
        from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

        listener = current_listener()
        for raw in self.invocation._stream_stdout():
            if isinstance(raw, str):
                self._messages.append(raw)
                continue
            if raw["info"]["level"] == "error":
                self._messages.append(raw["info"]["msg"])
            if listener is None:
                # the run's log shows what dbt says; a command line shows its own progress
                sys.stdout.write(raw["info"]["msg"] + "\n")
            message = DbtCoreCliEventMessage(raw_event=raw, event_history_metadata={})
            if message.is_result_event:
                self._done += 1
                node = raw["data"]["node_info"]
                failed = str(node["node_status"]) not in _PASSED
                if listener is not None:
                    listener(
                        Step(
                            stage="build",
                            subject=_name(node),
                            message=str(node["node_status"]),
                            done=self._done,
                            total=max(self.total, self._done),
                            # whoever watches need not be alarmed by what is judged again
                            failed=failed and not (first and node["resource_type"] == "test"),
                        )
                    )
            for event in message.to_default_asset_events(
                manifest=self.invocation.manifest,
                dagster_dbt_translator=self.invocation.dagster_dbt_translator,
                context=self.invocation.context,
                target_path=self.invocation.target_path,
                project=self.invocation.project,
            ):
                if isinstance(event, dg.Output):
                    self._record(event, row_count(raw))
                else:
                    yield event
        self.returncode = self.invocation.process.wait()

    def _record(self, output: dg.Output[Any], rows: int | None) -> None:
        """Record a model that was built.

        Yielding the output would do so too, but with an event more and a look-up of the versions of
        all its inputs, which nothing here uses: a third of the time that Dagster adds to a build.
        """
        context: dg.AssetExecutionContext = self.invocation.context
        metadata = dict(output.metadata)
        if rows is not None:
            metadata["dagster/row_count"] = dg.MetadataValue.int(rows)
        # of all models: a view that goes with a chosen table need not be chosen itself
        key = context.assets_def.node_keys_by_output_name[output.output_name]
        context.log_event(dg.AssetMaterialization(asset_key=key, metadata=metadata))

    def failure(self) -> str | None:
        """What went wrong, one line per cause; None if nothing did."""
        if self.returncode == 0:
            return None
        lines = failure_lines(self._results())
        if lines:
            return "\n".join(lines)
        said = " ".join(self._messages[-3:]).strip() or f"exit code {self.returncode}"
        return f"dbt could not build the warehouse: {said}"

    def _results(self) -> Mapping[str, Any]:
        """dbt's `run_results.json`; without results if dbt has not come so far."""
        path: Path = self.invocation.target_path / "run_results.json"
        found: Mapping[str, Any] = json.loads(path.read_bytes()) if path.exists() else _NO_RESULTS
        return found


def _is_failure(result: dg.AssetCheckResult) -> bool:
    return not result.passed and result.severity is dg.AssetCheckSeverity.ERROR


def _check_of(result: dg.AssetCheckResult) -> dg.AssetCheckKey:
    key = dg.AssetKey.from_coercible(result.asset_key or ())
    return dg.AssetCheckKey(key, str(result.check_name))


def judged_again(run_results: Mapping[str, Any], manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """What to build again when nothing but tests has failed, as selectors of dbt.

    These tests, those of their tables that were built with them, and whatever was skipped. Nothing
    when a model could not be built: that is no matter of moments.
    """
    statuses = {r["unique_id"]: str(r["status"]) for r in run_results["results"]}
    failed = {node for node, status in statuses.items() if status not in _PASSED}
    if not failed or not all(node.startswith("test.") for node in failed):
        return ()
    nodes = manifest["nodes"]
    compared = {node for test in failed for node in nodes[test]["depends_on"]["nodes"]}
    # a snapshot has taken its picture: a second one would be of another moment
    tables = {n for n in compared & statuses.keys() if stored_as(nodes[n]) in _TABLES}
    skipped = {node for node, status in statuses.items() if status == "skipped"}
    return selectors(manifest, failed | tables | skipped | views_on(manifest, tables))


def views_on(manifest: Mapping[str, Any], models: Iterable[str]) -> set[str]:
    """The views that stand on these models, directly or on such a view.

    PostgreSQL drops them with the old table when dbt makes it anew, so they have to be made too.
    """
    nodes, children = manifest["nodes"], manifest["child_map"]
    found, waiting = set[str](), list(models)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found and stored_as(nodes.get(child, {})) == "view":
                found.add(child)
                waiting.append(child)
    return found


def stored_as(node: Mapping[str, Any]) -> str | None:
    """How a model is stored: view, table, incremental; None for what is no model."""
    if node.get("resource_type") != "model":
        return None
    return str(node["config"]["materialized"])


def selectors(manifest: Mapping[str, Any], chosen: Iterable[str]) -> tuple[str, ...]:
    """dbt's selectors of single nodes."""
    return tuple(sorted("fqn:" + ".".join(manifest["nodes"][node]["fqn"]) for node in chosen))


def row_count(raw: Mapping[str, Any]) -> int | None:
    """The rows of a table, which are in PostgreSQL's answer to making it; None for a view, and
    for a snapshot, whose answer tells how many versions came."""
    if raw["data"].get("node_info", {}).get("materialized") == "snapshot":
        return None
    made = _ROWS.fullmatch(str(raw["data"].get("status", "")))
    return int(made.group(1)) if made else None


def failure_lines(run_results: Mapping[str, Any]) -> list[str]:
    """What failed by dbt's `run_results.json`; models and tests of one reason share a line."""
    causes: dict[str, list[str]] = defaultdict(list)
    for result in run_results["results"]:
        if str(result["status"]) not in _PASSED:
            # dbt says where first and why then; the file is in the name already
            reason = " ".join(str(result.get("message") or result["status"]).split())
            reason = reason.split(".sql) ", 1)[-1].split(" compiled code at ", 1)[0]
            causes[reason].append(result["unique_id"].split(".")[2])
    lines = [f"{_enumerate(names)}: {reason}" for reason, names in causes.items()]
    if len(lines) > _SHOWN:
        lines = [*lines[:_SHOWN], f"and {len(lines) - _SHOWN} more causes, see the run's log"]
    return lines


def _enumerate(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _name(node: Mapping[str, Any]) -> str:
    if node["resource_type"] == "test":
        return str(node["node_name"])
    relation = node.get("node_relation") or {}
    schema = relation.get("schema") or node["resource_type"]
    return f"{schema}.{node['node_name']}"


REBUILD_TAG = "brokerage/rebuild"
"""On a run that makes tables anew which are otherwise kept key by key."""


class DbtResource(dg.ConfigurableResource[None]):
    """Starts dbt for a step of `@dbt_assets`."""

    def build(self, context: dg.AssetExecutionContext) -> Build:
        """Start `dbt build` for what the step has to build.

        dbt keeps its working files in the home folder, so that the next build need not parse.
        """
        from dagster_dbt.asset_utils import (
            get_manifest_and_translator_from_dbt_assets,
            get_updated_cli_invocation_params_for_context,
        )
        from dagster_dbt.core.dbt_cli_invocation import DbtCliInvocation

        manifest, translator, _ = get_manifest_and_translator_from_dbt_assets([context.assets_def])
        chosen = get_updated_cli_invocation_params_for_context(
            context,
            {},
            translator,
            runtime_selects=_views_beside(manifest, translator, context.selected_asset_keys),
        )
        project: DbtProject | None = chosen.dbt_project
        if project is None:
            raise ConfigurationError("The step that builds the warehouse has lost its dbt project.")
        work = get_settings().make_home() / "dbt"
        work.mkdir(exist_ok=True)
        _take_parsed(project.project_dir / project.target_path, work)
        environment = {
            **os.environ,
            **dbt_environment(),
            "DBT_LOG_FORMAT": "json",
            "PYTHONUNBUFFERED": "1",
        }
        rebuilt = context.run.tags.get(REBUILD_TAG) == "true"

        def start(selection: Sequence[str], indirect: str | None) -> DbtCliInvocation:
            # the results of another build would explain a failure of this one
            (work / "run_results.json").unlink(missing_ok=True)
            return DbtCliInvocation.run(
                args=[
                    # -P: what lies in dbt's project is no module of Python
                    *(sys.executable, "-P", "-m", "resources.lean_dbt", "build"),
                    *("--project-dir", str(project.project_dir)),
                    *("--profiles-dir", str(project.profiles_dir)),
                    *("--target-path", str(work), "--log-path", str(work)),
                    # unit tests are of the code and do not depend on data; others make nothing
                    *("--exclude-resource-type", *_NOT_BUILT),
                    *(("--full-refresh",) if rebuilt else ()),
                    *selection,
                ],
                env=environment | ({"DBT_INDIRECT_SELECTION": indirect} if indirect else {}),
                manifest=chosen.manifest,
                dagster_dbt_translator=chosen.dagster_dbt_translator,
                project_dir=project.project_dir,
                target_path=work,
                raise_on_error=False,
                context=context,
                adapter=None,
                cli_version=dbt_version(),
                dbt_project=project,
            )

        total = len(context.selected_asset_keys) + len(context.selected_asset_check_keys)
        return Build(
            start(chosen.selection_args, chosen.indirect_selection),
            total,
            lambda nodes: start(("--select", *nodes), "empty"),
        )


def _views_beside(
    manifest: Mapping[str, Any],
    translator: DagsterDbtTranslator,
    chosen_keys: Collection[dg.AssetKey],
) -> tuple[str, ...]:
    """Selectors of the views that a choice of models would take away."""
    chosen = {
        name
        for name, node in manifest["nodes"].items()
        if stored_as(node) is not None and translator.get_asset_key(node) in chosen_keys
    }
    made_anew = {n for n in chosen if stored_as(manifest["nodes"][n]) != "incremental"}
    return selectors(manifest, views_on(manifest, made_anew) - chosen)


TICK = "tick"
"""The selector in `dbt_project/selectors.yml` of what is quick and wanted fresh."""


@dataclass(frozen=True)
class Refresh:
    """What a refresh of a part of the warehouse did; `failure` as of a build."""

    selection: tuple[str, ...]
    models: int
    seconds: float
    failure: str | None


def tick_models(project_dir: Path) -> frozenset[str]:
    """The names in dbt's selector `tick`: what is built after the fast lanes."""
    held = yaml.safe_load((project_dir / "selectors.yml").read_text("utf-8"))
    [tick] = [selector for selector in held["selectors"] if selector["name"] == TICK]
    return frozenset(name for name in tick["definition"]["union"] if isinstance(name, str))


def refresh_selection(
    manifest: Mapping[str, Any], tick: Collection[str], tables: Collection[str]
) -> tuple[str, ...]:
    """The models to build when rows of raw tables (`schema.table`) have changed.

    Those of the selector `tick` that stand on a changed table; where the tick has none, as for what
    the product sells, everything that stands on it.
    """
    nodes, children = manifest["nodes"], manifest["child_map"]
    chosen: set[str] = set()
    for source, props in manifest["sources"].items():
        if f"{props['schema']}.{props['name']}" not in tables:
            continue
        below, waiting = set[str](), [source]
        while waiting:
            for child in children.get(waiting.pop(), ()):
                if child.startswith(("model.", "snapshot.")) and child not in below:
                    below.add(child)
                    waiting.append(child)
        names = {nodes[node]["name"] for node in below}
        chosen |= names.intersection(tick) or names
    return tuple(sorted(chosen))


class Refresher:
    """Builds parts of the warehouse, again and again: what stands on changed raw tables.

    Parsing begins at once and beside whatever the caller does first.
    """

    def __init__(self, project_dir: Path, manifest: Path) -> None:
        self._project, self._manifest = project_dir, manifest
        self._work = get_settings().make_home() / "dbt-refresh"
        self._work.mkdir(exist_ok=True)
        self._dbt = ReadyDbt({**os.environ, **dbt_environment()})
        self._unparsed: str | None = None
        self._parsing = threading.Thread(target=self._parse, name="dbt parse")
        self._parsing.start()

    def close(self) -> None:
        """End dbt."""
        self._parsing.join()
        self._dbt.close()

    def refresh(self, tables: Collection[str]) -> Refresh:
        """Build what stands on these raw tables, with the tests that need nothing else."""
        begun = time.monotonic()
        nodes = json.loads(self._manifest.read_bytes())
        selection = refresh_selection(nodes, tick_models(self._project), tables)
        if not selection:
            return Refresh((), 0, 0.0, None)
        self._parsing.join()
        if self._unparsed is not None:
            return Refresh(selection, 0, time.monotonic() - begun, self._unparsed)
        # a test that needs models beside these is for the next build
        done, found = self._build("buildable", selection)
        models = sum(r["unique_id"].startswith("model.") for r in found["results"])
        # as in a build: data may have landed between two of its tables
        if again := judged_again(found, nodes):
            done, found = self._build("empty", again)
        failure = None
        if done.returncode != 0:
            lines = failure_lines(found) or [f"dbt could not refresh: {_last_words(done.stdout)}"]
            failure = "\n".join(lines)
        return Refresh(selection, models, time.monotonic() - begun, failure)

    def _build(
        self, indirect: str, selection: Sequence[str]
    ) -> tuple[subprocess.CompletedProcess[str], Mapping[str, Any]]:
        results = self._work / "run_results.json"
        results.unlink(missing_ok=True)
        done = self._run(
            *("build", "--exclude-resource-type", *_NOT_BUILT),
            *("--indirect-selection", indirect, "--select", *selection),
            parsed=self._work / PARSED,
            results=results,
        )
        return done, json.loads(results.read_bytes()) if results.exists() else _NO_RESULTS

    def _parse(self) -> None:
        # a parse belongs to its database: that of the last build is right, the manifest's may not
        # be; either way dbt parses only what has changed since
        built = get_settings().home / "dbt"
        _take_parsed(built if (built / PARSED).exists() else self._project / "target", self._work)
        done = self._run("parse", parsed=None)
        if done.returncode != 0:
            self._unparsed = f"dbt could not parse its project: {_last_words(done.stdout)}"

    def _run(
        self, command: str, *options: str, parsed: Path | None, results: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        return self._dbt.run(
            [
                *("--quiet", "--no-use-colors", command),
                *("--project-dir", str(self._project), "--profiles-dir", str(self._project)),
                *("--target-path", str(self._work), "--log-path", str(self._work)),
                *options,
            ],
            parsed=parsed,
            results=results,
            # the moment that counts as now may have moved on
            environment=dbt_environment(),
        )


def _last_words(output: str) -> str:
    said = [line for line in output.splitlines() if line.strip()]
    return " ".join(said[-3:])[:500]


def _take_parsed(target: Path, work: Path) -> None:
    """Start from the parse that made the manifest if it is newer than that of the last build."""
    made, kept = target / PARSED, work / PARSED
    if made.exists() and (not kept.exists() or made.stat().st_mtime > kept.stat().st_mtime):
        shutil.copy(made, kept)
