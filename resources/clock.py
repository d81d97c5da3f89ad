"""The time, as something that a test can set."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg


class ClockResource(dg.ConfigurableResource[None]):
    """Says what time it is. `frozen_at` (ISO 8601 with a zone) stops it, for tests."""

    frozen_at: str | None = None

    def now(self) -> datetime:
        """This moment, in UTC."""
        if self.frozen_at is None:
            return datetime.now(UTC)
        return datetime.fromisoformat(self.frozen_at).astimezone(UTC)
