"""Front line, down-line by tier, sizes and sponsors (rezen.md §5.5, §16.3 rules 6 and 7)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pipelines.common.errors import ContractBroken
from pipelines.rezen.network import STATUSES, network_sizes
from tests.pipelines.rezen.rezen_fake import Rezen, connect, envelope, wrapper

MOVED = 1781000000000


class Network(Rezen):
    """A reZEN with people in tiers; `people[id] = (tier, updatedAt)`."""

    def __init__(self, most: int = 1000) -> None:
        super().__init__()
        self.most = most
        self.people = {f"p{n:03}": (n % 5 + 1, MOVED) for n in range(130)}
        self.leaves_after_a_page: str | None = None
        for tier in range(1, 6):
            self.routes[f"/down-line/{tier}"] = self._tier

    def _tier(self, request: httpx.Request) -> Any:
        if int(request.url.params["pageSize"]) > self.most:
            return wrapper(400, "page size too large")
        tier = int(request.url.path.rsplit("/", 1)[1])
        assert request.url.params.get_list("statusIn") == list(STATUSES)
        quiet = "updatedAtFrom" in request.url.params
        rows = [
            {"id": key, "status": "ACTIVE", "updatedAt": updated}
            for key, (own, updated) in self.people.items()
            if own == tier and (not quiet or updated > MOVED)
        ]
        answer = envelope("downLineAgents", rows, request)
        if rows and self.leaves_after_a_page is not None:
            self.people.pop(self.leaves_after_a_page, None)
        return answer


def test_five_tiers_in_five_calls_with_all_statuses() -> None:
    outcome = connect(Network()).read("down_line")
    assert len(outcome.requests) == 5
    assert len(outcome.rows) == 130
    assert outcome.reading.complete


def test_a_refused_page_size_is_lowered() -> None:
    outcome = connect(Network(most=100)).read("down_line")
    assert len(outcome.rows) == 130


def test_an_increment_asks_from_three_days_before_the_newest_change() -> None:
    rezen = Network()
    connection = connect(rezen)
    connection.read("down_line")
    rezen.people["p007"] = (3, MOVED + 1)
    connection.later(hours=1)
    outcome = connection.read("down_line")
    assert {request.url.params["updatedAtFrom"] for request in outcome.requests} == {"2026-06-06"}
    assert outcome.ids == ["p007"]
    assert not outcome.reading.complete


def test_somebody_who_moves_tier_leaves_the_old_one() -> None:
    rezen = Network()
    connection = connect(rezen)
    connection.read("down_line")
    assert "p007|3" in connection.warehouse.keys("down_line")
    rezen.people["p007"] = (2, MOVED + 1)
    connection.later(hours=1)
    assert connection.read("down_line").gone == {"p007|3"}


def test_weekly_everything() -> None:
    connection = connect(Network())
    connection.read("down_line")
    connection.later(days=7)
    assert len(connection.read("down_line").rows) == 130


def test_somebody_who_leaves_between_two_pages_takes_no_other_along() -> None:
    rezen = Network(most=100)
    rezen.people = {f"p{n:04}": (1, MOVED) for n in range(250)}
    connection = connect(rezen)
    connection.read("down_line")
    rezen.leaves_after_a_page = "p0050"
    connection.later(days=7)
    outcome = connection.read("down_line")
    # p0100 has moved to the page that was read already
    assert "p0100" not in outcome.ids
    assert outcome.gone == set()
    connection.later(hours=1)
    assert connection.read("down_line").gone == {"p0050|1"}


def test_front_line_is_a_snapshot() -> None:
    rezen = Rezen()
    rezen.routes["/front-line-agents-info"] = lambda _request: {
        "frontLineAgentInfos": [{"id": "a"}, {"id": "b"}]
    }
    connection = connect(rezen)
    connection.read("front_line")
    rezen.routes["/front-line-agents-info"] = lambda _request: {
        "frontLineAgentInfos": [{"id": "a"}]
    }
    connection.later(days=1)
    assert connection.read("front_line").gone == {"b"}


def test_a_founder_has_no_sponsors() -> None:
    rezen = Rezen()
    rezen.routes["/sponsor-tree"] = lambda _request: {"flattenedSponsors": []}
    assert connect(rezen).read("sponsor_tree").rows == []


@pytest.mark.parametrize(
    "body",
    [
        {"1": 12, "2": 40},
        [{"tier": 1, "count": 12}, {"tier": 2, "count": 40}],
        {"agentId": "a", "networkSizeByTier": {"1": 12, "2": 40}},
        {"agentId": "a", "tiers": [{"tier": 1, "size": 12}, {"tier": 2, "size": 40}]},
    ],
)
def test_sizes_in_all_their_shapes(body: Any) -> None:
    rezen = Rezen()
    rezen.routes["/network-size-by-tier"] = lambda _request: body
    connection = connect(rezen)
    connection.read("network_size")
    assert connection.warehouse.values("network_size", "size") == {"1": (12,), "2": (40,)}


def test_a_size_that_nobody_understands_is_loud() -> None:
    assert network_sizes({"hello": "world"}) == []
    rezen = Rezen()
    rezen.routes["/network-size-by-tier"] = lambda _request: {"hello": "world"}
    with pytest.raises(ContractBroken):
        connect(rezen).read("network_size")
