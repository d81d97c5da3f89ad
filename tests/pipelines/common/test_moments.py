"""Instants as vendors write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pipelines.common.moments import as_text, moment

NINE = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-03-02T09:30:00Z", NINE),
        ("2026-03-02T04:30:00-05:00", NINE),
        ("2026-03-02T09:30:00", NINE),
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
        ("soon", None),
        ("", None),
        (None, None),
        (1_772_443_800, None),
    ],
)
def test_an_instant_is_read_in_utc(text: object, found: datetime | None) -> None:
    assert moment(text) == found


def test_an_instant_is_written_in_utc_to_the_second() -> None:
    there = NINE.astimezone(timezone(timedelta(hours=-5))).replace(microsecond=999_999)
    assert as_text(there) == "2026-03-02T09:30:00Z"
