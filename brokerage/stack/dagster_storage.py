"""Dagster's storage on PostgreSQL, with connections that are kept.

Dagster opens one per statement, and to make a run it writes an event per asset and check: a full
build has over a thousand, and on a busy machine three minutes went by before the run was queued.
"""

from __future__ import annotations

from typing import Any

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import create_pg_engine, pg_url_from_config

_MOST_BESIDE = 16
_RECYCLE_SECONDS = 600


class PooledPostgresStorage(DagsterPostgresStorage):
    """One idle connection for each of runs, events and schedules in every process.

    A kept connection is tried before it is used, so that a server that was restarted costs nothing.
    """

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> PooledPostgresStorage:
        """What Dagster calls with the values of `dagster.yaml`."""
        url = pg_url_from_config(config_value)
        storage = cls(postgres_url=url, inst_data=inst_data)
        parts: tuple[Any, ...] = (
            storage.run_storage,
            storage.event_log_storage,
            storage.schedule_storage,
        )
        for part in parts:
            part._engine = create_pg_engine(
                url,
                isolation_level="AUTOCOMMIT",
                pool_size=1,
                max_overflow=_MOST_BESIDE,
                pool_recycle=_RECYCLE_SECONDS,
                pool_pre_ping=True,
            )
        return storage
