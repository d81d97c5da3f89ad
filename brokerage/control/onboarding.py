"""The rows of an onboarding: one job per attempt, its runs, and one step per raw table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Engine

from brokerage.control.tables import onboarding_jobs, onboarding_runs, onboarding_steps

JobStatus = Literal["New", "Running", "Complete", "Partial", "Failed"]

_ENDED = ("Complete", "Partial", "Failed")


@dataclass(frozen=True)
class OnboardingJob:
    """One attempt to onboard an agent; a failed one is repeated at `retry_at`, if that is set."""

    job_id: int
    agent_key: str
    status: str
    run_id: str | None
    backfill_id: str | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    attempt: int = 1
    retry_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """True until it has ended, however."""
        return self.status not in _ENDED


@dataclass(frozen=True)
class OnboardingRun:
    """One of Dagster's runs that an attempt consists of; `status` is Dagster's."""

    job_id: int
    run_id: str
    vendor: str
    status: str


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
        self,
        agent_key: str,
        *,
        run_id: str | None = None,
        backfill_id: str | None = None,
        attempt: int = 1,
    ) -> OnboardingJob:
        """Add a new attempt, status New."""
        query = (
            insert(onboarding_jobs)
            .values(agent_key=agent_key, run_id=run_id, backfill_id=backfill_id, attempt=attempt)
            .returning(*onboarding_jobs.c)
        )
        with self._engine.begin() as connection:
            return OnboardingJob(**connection.execute(query).one()._asdict())

    def set_status(
        self,
        job_id: int,
        status: JobStatus,
        *,
        error: str | None = None,
        run_id: str | None = None,
        backfill_id: str | None = None,
        retry_at: datetime | None = None,
    ) -> None:
        """Move the attempt on; the first Running sets `started_at`, an end sets `ended_at`."""
        columns = onboarding_jobs.c
        values: dict[str, Any] = {
            "status": status,
            "error": error,
            "run_id": func.coalesce(run_id, columns.run_id),
            "backfill_id": func.coalesce(backfill_id, columns.backfill_id),
            "retry_at": retry_at,
            "ended_at": func.coalesce(columns.ended_at, func.now()) if status in _ENDED else None,
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
                    # a step that was over stays over at the same moment, however often it is told
                    "ended_at": ended if ended is None else func.coalesce(columns.ended_at, ended),
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
        return OnboardingJob(**row._asdict()) if row is not None else None

    def steps(self, job_id: int) -> list[OnboardingStep]:
        query = (
            select(onboarding_steps)
            .where(onboarding_steps.c.job_id == job_id)
            .order_by(onboarding_steps.c.step)
        )
        with self._engine.connect() as connection:
            return [OnboardingStep(**row._asdict()) for row in connection.execute(query)]

    def open_jobs(self) -> list[OnboardingJob]:
        """The attempts that have not ended, oldest first."""
        query = (
            select(onboarding_jobs)
            .where(onboarding_jobs.c.status.not_in(_ENDED))
            .order_by(onboarding_jobs.c.job_id)
        )
        with self._engine.connect() as connection:
            return [OnboardingJob(**row._asdict()) for row in connection.execute(query)]

    def latest_of_all(self) -> dict[str, OnboardingJob]:
        """The newest attempt of every agent that ever had one."""
        query = (
            select(onboarding_jobs)
            .distinct(onboarding_jobs.c.agent_key)
            .order_by(onboarding_jobs.c.agent_key, onboarding_jobs.c.job_id.desc())
        )
        with self._engine.connect() as connection:
            return {
                row.agent_key: OnboardingJob(**row._asdict()) for row in connection.execute(query)
            }

    def link_run(self, job_id: int, run_id: str, vendor: str, status: str) -> None:
        """Add a run to the attempt, or bring its status up to date."""
        columns = onboarding_runs.c
        query = (
            upsert(onboarding_runs)
            .values(job_id=job_id, run_id=run_id, vendor=vendor, status=status)
            .on_conflict_do_update(
                index_elements=[columns.job_id, columns.run_id], set_={"status": status}
            )
        )
        with self._engine.begin() as connection:
            connection.execute(query)

    def runs(
        self, *, job_id: int | None = None, run_ids: Collection[str] | None = None
    ) -> list[OnboardingRun]:
        """The runs of an attempt, or the attempts that some runs belong to."""
        query = select(onboarding_runs).order_by(onboarding_runs.c.run_id)
        if job_id is not None:
            query = query.where(onboarding_runs.c.job_id == job_id)
        if run_ids is not None:
            query = query.where(onboarding_runs.c.run_id.in_(list(run_ids)))
        with self._engine.connect() as connection:
            return [OnboardingRun(**row._asdict()) for row in connection.execute(query)]
