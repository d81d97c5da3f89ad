"""The rows of an onboarding: one job per attempt, one step per raw asset or dbt build."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Engine

from brokerage.control.tables import onboarding_jobs, onboarding_steps

JobStatus = Literal["New", "Running", "Complete", "Partial", "Failed"]

_ENDED = ("Complete", "Partial", "Failed")


@dataclass(frozen=True)
class OnboardingJob:
    """One attempt to onboard an agent."""

    job_id: int
    agent_key: str
    status: str
    run_id: str | None
    backfill_id: str | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True)
class OnboardingStep:
    """One part of an attempt, for example `raw_rezen/transactions`."""

    job_id: int
    step: str
    status: str
    rows_written: int | None
    error: str | None
    started_at: datetime | None
    ended_at: datetime | None


class OnboardingLog:
    """Reads and writes `control.onboarding_jobs` and `control.onboarding_steps`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(
        self, agent_key: str, *, run_id: str | None = None, backfill_id: str | None = None
    ) -> OnboardingJob:
        """Add a new attempt, status New."""
        query = (
            insert(onboarding_jobs)
            .values(agent_key=agent_key, run_id=run_id, backfill_id=backfill_id)
            .returning(*onboarding_jobs.c)
        )
        with self._engine.begin() as connection:
            return OnboardingJob(**connection.execute(query).one()._mapping)

    def set_status(
        self,
        job_id: int,
        status: JobStatus,
        *,
        error: str | None = None,
        run_id: str | None = None,
        backfill_id: str | None = None,
    ) -> None:
        """Move the attempt on; the first Running sets `started_at`, an end sets `ended_at`."""
        columns = onboarding_jobs.c
        values: dict[str, Any] = {
            "status": status,
            "error": error,
            "run_id": func.coalesce(run_id, columns.run_id),
            "backfill_id": func.coalesce(backfill_id, columns.backfill_id),
            "ended_at": func.now() if status in _ENDED else None,
        }
        if status != "New":
            values["started_at"] = func.coalesce(columns.started_at, func.now())
        with self._engine.begin() as connection:
            connection.execute(
                update(onboarding_jobs).where(columns.job_id == job_id).values(**values)
            )

    def set_step(
        self,
        job_id: int,
        step: str,
        status: JobStatus,
        *,
        rows_written: int | None = None,
        error: str | None = None,
    ) -> None:
        """Add or move on a step of the attempt."""
        columns = onboarding_steps.c
        values: dict[str, Any] = {"status": status, "rows_written": rows_written, "error": error}
        started = func.now() if status != "New" else None
        ended = func.now() if status in _ENDED else None
        query = (
            upsert(onboarding_steps)
            .values(job_id=job_id, step=step, started_at=started, ended_at=ended, **values)
            .on_conflict_do_update(
                index_elements=[columns.job_id, columns.step],
                set_={
                    **values,
                    "started_at": func.coalesce(columns.started_at, started),
                    "ended_at": ended,
                },
            )
        )
        with self._engine.begin() as connection:
            connection.execute(query)

    def latest(self, agent_key: str) -> OnboardingJob | None:
        """The newest attempt of an agent."""
        query = (
            select(onboarding_jobs)
            .where(onboarding_jobs.c.agent_key == agent_key)
            .order_by(onboarding_jobs.c.job_id.desc())
            .limit(1)
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return OnboardingJob(**row._mapping) if row is not None else None

    def steps(self, job_id: int) -> list[OnboardingStep]:
        query = (
            select(onboarding_steps)
            .where(onboarding_steps.c.job_id == job_id)
            .order_by(onboarding_steps.c.step)
        )
        with self._engine.connect() as connection:
            return [OnboardingStep(**row._mapping) for row in connection.execute(query)]
