"""What a reading of files asks for, when it is whole, and what is gone (skyslope.md §3.1, §3.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from pipelines.common.errors import AccountBroken, ContractBroken, RetryLater
from pipelines.skyslope import files
from tests.pipelines.in_memory import Outcome
from tests.pipelines.skyslope.skyslope_fake import SkySlope, connect, guid, refused, sale


def windows(outcome: Outcome) -> list[tuple[str, ...]]:
    """The date filters of the requests to the feed."""
    names = ("createdAfter", "createdBefore", "modifiedAfter")
    return [
        tuple(f"{name}={value}" for name, value in r.url.params.items() if name in names)
        for r in outcome.requests
        if r.url.path == "/api/files"
    ]


def keys(outcome: Outcome) -> list[str]:
    return [row["saleGuid"] for row in outcome.rows]


def test_a_first_reading_goes_back_in_growing_windows_and_an_increment_from_the_cursor() -> None:
    office = SkySlope(sale(1), sale(2, "2020-01-01T00:00:00"), sale(3, "1995-01-01T00:00:00"))
    account = connect(office)
    outcome = account.read("sales")
    assert windows(outcome) == [
        ("createdAfter=2025-06-15T12:00:00",),
        ("createdAfter=2017-06-17T12:00:00", "createdBefore=2025-06-15T12:00:01"),
        ("createdAfter=1990-01-01T00:00:00", "createdBefore=2017-06-17T12:00:01"),
    ]
    assert keys(outcome) == [guid(1), guid(2), guid(3)]
    assert outcome.reading.complete
    assert outcome.reading.vendor_count == 3
    account.later(minutes=15)
    # 26 hours before the newest change
    assert windows(account.read("sales")) == [("modifiedAfter=2026-05-31T08:11:12",)]


def test_windows_shrink_where_a_year_holds_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "WINDOW_FILES", 20)
    day = datetime(2025, 6, 16, tzinfo=UTC)
    made = [sale(n, (day + timedelta(days=n)).isoformat()[:19]) for n in range(80)]
    old = [sale(900 + n, "2024-12-01T00:00:00") for n in range(10)]
    outcome = connect(SkySlope(*made, *old)).read("sales")
    # 20 of 80 files are those of a quarter of a year; where there is little, eight times more
    assert [window[0] for window in windows(outcome)][:4] == [
        "createdAfter=2025-06-15T12:00:00",
        "createdAfter=2025-03-16T06:00:00",
        "createdAfter=2023-03-17T06:00:00",
        "createdAfter=2019-03-18T06:00:00",
    ]
    assert len(keys(outcome)) == 90


@pytest.fixture
def small_folder(monkeypatch: pytest.MonkeyPatch) -> SkySlope:
    """A folder that shows 30 files, as a real one shows 10,000."""
    monkeypatch.setattr(files, "MOST_FOLDER_PAGES", 3)
    monkeypatch.setattr(files, "SLICE_FILES", 15)
    office = SkySlope()
    office.most_pages = 3
    return office


def test_a_folder_is_asked_for_in_slices_that_it_can_show(small_folder: SkySlope) -> None:
    small_folder.sales = [sale(n, f"2024-01-{1 + n // 2:02}T00:00:00") for n in range(50)]
    small_folder.left_out = {guid(7)}
    outcome = connect(small_folder).read("sales")
    assert outcome.reading.complete
    assert outcome.reading.note is None
    assert set(keys(outcome)) == {guid(n) for n in range(50)}
    ends = [datetime.fromtimestamp(end, UTC).date().isoformat() for _, end in small_folder.slices]
    assert ends == ["2024-01-09", "2024-01-16", "2024-01-24", "2026-06-16"]
    assert small_folder.slices[0][0] == 0


def test_more_files_than_a_folder_shows_cost_the_comparison_and_no_increment(
    small_folder: SkySlope,
) -> None:
    """All of one second: no slice can part them."""
    small_folder.sales = [sale(n) for n in range(31)]
    account = connect(small_folder)
    outcome = account.read("sales")
    assert not outcome.reading.complete
    assert outcome.reading.note is not None
    assert "between two dates" in outcome.reading.note
    assert outcome.reading.cursor_to == "2026-06-01T10:11:12.345000+00:00"
    small_folder.sales.pop()
    account.later(minutes=15)
    again = account.read("sales")
    assert again.reading.mode == "incremental"
    assert again.gone == set()
    account.later(days=1)
    assert account.read("sales").gone == set()
    small_folder.sales.pop()
    assert account.read("sales", full=True).gone == {guid(29), guid(30)}


@pytest.mark.parametrize(
    "answer", [refused(403), refused(404), refused(500), httpx.Response(200, json={"value": {}})]
)
def test_a_folder_that_cannot_be_read_costs_the_comparison_and_no_increment(
    answer: httpx.Response,
) -> None:
    office = SkySlope(sale(1))
    account = connect(office)
    account.read("sales")
    office.sales, office.folder = [sale(2)], answer
    account.later(days=31)
    outcome = account.read("sales", full=True)
    assert outcome.gone == set()
    assert (outcome.reading.note or "").startswith("What was deleted is not known")
    assert keys(outcome) == [guid(2)]
    account.later(minutes=15)
    assert account.read("sales").reading.mode == "incremental"
    office.folder = None
    account.later(days=1)
    assert account.read("sales").gone == {guid(1)}


def test_a_refused_key_is_no_matter_of_the_comparison() -> None:
    office = SkySlope(sale(1))
    office.folder = refused(401)
    with pytest.raises(AccountBroken):
        connect(office).read("sales")


def test_a_file_that_the_folder_shows_is_not_gone_though_it_is_refused_by_itself() -> None:
    office = SkySlope(sale(1), sale(2), sale(3))
    account = connect(office)
    account.read("sales")
    office.left_out, office.denied, office.unlisted = {guid(1), guid(2)}, {guid(1)}, {guid(3)}
    office.sales[1]["status"] = "Closed"
    outcome = account.read("sales", full=True)
    assert outcome.gone == set()
    assert outcome.reading.complete
    assert (outcome.reading.note or "").startswith("1 sales are in the folder and could not be")
    kept = account.warehouse.rows["sales"][guid(2)]
    # only the feed has the number and the address: they outlive a reading without it
    assert (kept["status"], kept["file_id"], kept["url"]) == (
        "Closed", "2026-2", "https://app.example.com/f/2",
    )  # fmt: skip
    office.sales = office.sales[:1]
    assert account.read("sales", full=True).gone == {guid(2), guid(3)}


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_a_stream_without_its_summary_is_not_whole(rows: int) -> None:
    """Cut between two objects it reads well (§3.1)."""
    office = SkySlope(*(sale(n) for n in range(rows)))
    office.shape, office.summary = "stream", True
    account = connect(office)
    assert len(account.read("sales").rows) == rows
    office.sales.append(sale(7))
    office.summary = False
    with pytest.raises(RetryLater, match="without its summary"):
        account.read("sales", full=True)


def test_an_array_without_a_summary_is_whole() -> None:
    office = SkySlope(sale(1))
    office.summary = False
    outcome = connect(office).read("sales")
    assert outcome.reading.complete
    assert outcome.reading.vendor_count is None


@pytest.mark.parametrize("link", ["http://elsewhere.test/api/files?skip=1", "//elsewhere.test/x"])
def test_the_session_is_shown_to_no_other_host(link: str) -> None:
    office = SkySlope(sale(1))
    office.link = link
    account = connect(office)
    with pytest.raises(ContractBroken, match=r"another host \(elsewhere.test\)"):
        account.read("sales")
    assert {request.url.host for request in account.requests} == {"skyslope.test"}


def test_a_session_that_dies_in_a_list_is_replaced_and_the_list_goes_on() -> None:
    office = SkySlope(*(sale(n) for n in range(35)))
    office.left_out = {guid(3)}
    account = connect(office)
    answer = account.handler

    def dying(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("pageNumber") == "3" and office.sessions == 1:
            office.dead = {"session-1"}
        return answer(request)

    account.handler = dying
    outcome = account.read("sales")
    assert outcome.reading.complete
    assert len(set(keys(outcome))) == 35
    assert office.sessions == 2
