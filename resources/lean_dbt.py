"""dbt without what it does again for each of hundreds of nodes, and nobody asks for.

A build spends its time in Python, most of it around the statements: a login to the database for
each model and test, an object of each of six hundred macros for each of them, a message of each
detail. What is left out here changes nothing that a build makes or tells; a third of its time goes.

`python -m resources.lean_dbt build …` is the command line of dbt, so changed. The pinned version of
dbt is what these lines fit; the tests of this module fail when another one does not.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Mapping
from typing import Any

import psycopg2
from dbt.adapters.base.connections import BaseConnectionManager
from dbt.adapters.contracts.connection import ConnectionState
from dbt.clients.jinja import MacroGenerator
from dbt.context.macros import MacroNamespace, MacroNamespaceBuilder
from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager


def make_lean() -> None:
    """Change the dbt of this process, for good."""
    _keep_details_quiet()
    _keep_connections()
    _make_macros_at_once()
    _keep_calendars()
    # what was parsed stays, and each node makes thousands of objects: to look for garbage after
    # every few hundred of them takes a tenth of the time
    gc.set_threshold(50_000, 20, 100)


def _keep_details_quiet() -> None:
    """Drop the events that only a log of all details would show, before dbt writes them out.

    With hundreds of models they are tens of thousands. A message is made of each as it comes into
    being, and another one when it is told: a fifth of the time of a build.
    """
    told = EventManager.fire_event
    make: Callable[..., None] = BaseEvent.__init__
    get: Callable[[BaseEvent, str], Any] = BaseEvent.__getattr__

    def fire_event(
        self: EventManager, e: BaseEvent, level: EventLevel | None = None, *rest: Any, **named: Any
    ) -> None:
        if (level or e.level_tag()) is not EventLevel.DEBUG:
            told(self, e, level, *rest, **named)

    def remember(self: BaseEvent, *given: Any, **named: Any) -> None:
        vars(self)["_given"] = (given, named)

    def make_when_asked(self: BaseEvent, name: str) -> Any:
        # only what an object does not have is asked for here
        if "pb_msg" not in vars(self):
            given, named = vars(self)["_given"]
            make(self, *given, **named)
        return get(self, name)

    EventManager.fire_event = fire_event  # type: ignore[method-assign]
    BaseEvent.__init__ = remember  # type: ignore[method-assign]
    BaseEvent.__getattr__ = make_when_asked  # type: ignore[method-assign]


def _keep_connections() -> None:
    """Leave a thread its connection from one node to the next; the end of the command closes it.

    dbt logs in anew for each model and test, and the server's process has to learn the catalogue
    each time: a seventh of the time of a build. What a node leaves behind in a session are its
    temporary tables, which go as they would with the session.
    """
    close: Callable[[BaseConnectionManager], None] = BaseConnectionManager.release

    def release(self: BaseConnectionManager) -> None:
        connection = self.get_if_exists()
        if (
            connection is None
            or connection.state != ConnectionState.OPEN
            # a node that has failed
            or connection.transaction_open
        ):
            close(self)
            return
        session: Any = connection.handle
        try:
            session.rollback()
            with session.cursor() as cursor:
                cursor.execute("discard temp")
            session.commit()
        except psycopg2.Error:
            # the server has ended it: the next node has to log in
            close(self)

    BaseConnectionManager.release = release  # type: ignore[method-assign]


def _make_macros_at_once() -> None:
    """Make the macros of a node's context in one go, and look each up once.

    A context has all macros there are, and each node has several contexts: a sixth of the time of
    a build.
    """

    def build(
        self: MacroNamespaceBuilder,
        macros_by_package: Mapping[str, Mapping[str, Any]],
        ctx: dict[str, Any],
    ) -> MacroNamespace:
        made = {
            package: {
                name: _macro_of(macro, ctx, self.node, self.thread_ctx)
                for name, macro in macros.items()
            }
            for package, macros in macros_by_package.items()
        }
        own = {name: made[name] for name in made if name not in self.internal_package_names}
        everywhere: dict[str, MacroGenerator] = {}
        # who comes first in the order wins
        for package in reversed(self.internal_package_names_order):
            everywhere |= made.get(package, {})
        here = own.get(self.search_package, {})
        root = own.get(self.root_package, {})
        return MacroNamespace(
            global_namespace={} if self.root_package == self.search_package else root,
            local_namespace=here,
            global_project_namespace=everywhere,
            packages=own,
        )

    def flat(self: MacroNamespace) -> dict[str, Any]:
        found: dict[str, Any] | None = vars(self).get("_flat")
        if found is None:
            found = {}
            for part in [*self._search_order()][::-1]:
                found |= part
            vars(self)["_flat"] = found
        return found

    MacroNamespaceBuilder.build_namespace = build  # type: ignore[method-assign]
    MacroNamespace.__getitem__ = lambda self, key: flat(self)[key]  # type: ignore[method-assign]
    MacroNamespace._keys = lambda self: flat(self).keys()  # type: ignore[method-assign]


def _macro_of(macro: Any, context: dict[str, Any], node: Any, stack: Any) -> MacroGenerator:
    made = MacroGenerator.__new__(MacroGenerator)
    made.__dict__ = {"context": context, "macro": macro, "node": node, "stack": stack}
    return made


def _keep_calendars() -> None:
    """Give a thread one table of the names of days and months.

    A new one, with its thirty regular expressions, is made for each result of a query, to tell
    whether its texts are dates.
    """
    import parsedatetime

    make: Callable[..., Any] = parsedatetime.Constants
    held = threading.local()

    def constants(*given: Any, **named: Any) -> Any:
        key = (given, tuple(sorted(named.items())))
        known: dict[Any, Any] = vars(held)
        if key not in known:
            known[key] = make(*given, **named)
        return known[key]

    parsedatetime.Constants = constants  # type: ignore[bad-assignment]


def main() -> None:
    """dbt's command line."""
    from dbt.cli.main import cli

    make_lean()
    cli(prog_name="dbt")


if __name__ == "__main__":
    main()
