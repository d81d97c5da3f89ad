"""The agent, the cap and the teams (rezen.md §5.1-5.4)."""

from __future__ import annotations

import httpx
import pytest

from pipelines.common.errors import ResourceUnavailable
from tests.pipelines.rezen.rezen_fake import ADA, ME, Rezen, connect, wrapper

TEAM = {
    "id": "t1",
    "name": "Sample Group",
    "agents": [
        {"id": "m1", "agent": {"id": ADA, "agentStatus": "ACTIVE"}, "roles": ["LEADER"]},
        {"id": "m2", "agent": {"id": "gone", "agentStatus": "INACTIVE"}, "realCap": 6000.0},
    ],
}


def test_cap_has_one_row_a_day() -> None:
    rezen = Rezen()
    rezen.routes["/cap-info"] = lambda _request: {"annualCap": 12000, "capAmountPaid": "4350.00"}
    connection = connect(rezen)
    connection.read("cap_info")
    connection.later(hours=1)
    connection.read("cap_info")
    connection.later(days=1)
    connection.read("cap_info")
    assert connection.warehouse.keys("cap_info") == {f"{ADA}|2026-06-15", f"{ADA}|2026-06-16"}


def test_the_roster_comes_with_the_team_in_one_call() -> None:
    rezen = Rezen()
    rezen.routes["/teams/t1"] = lambda _request: TEAM
    connection = connect(rezen)
    connection.read("agents")
    teams = connection.read("teams")
    members = connection.read("team_members")
    assert teams.rows == [{"id": "t1", "name": "Sample Group"}]
    assert members.requests == []
    assert connection.warehouse.values("team_members", "agent_id", "agent_status") == {
        "t1|m1": (ADA, "ACTIVE"),
        "t1|m2": ("gone", "INACTIVE"),
    }


def test_a_member_who_left_the_roster_is_gone() -> None:
    rezen = Rezen()
    rezen.routes["/teams/t1"] = lambda _request: TEAM
    connection = connect(rezen)
    connection.read("team_members")
    rezen.routes["/teams/t1"] = lambda _request: {**TEAM, "agents": TEAM["agents"][:1]}
    connection.later(days=1)
    assert connection.read("team_members").gone == {"t1|m2"}


def test_a_team_that_may_not_be_read_is_known_by_name() -> None:
    rezen = Rezen()
    rezen.routes["/teams/t1"] = lambda _request: wrapper(403, "Not authorized.")
    connection = connect(rezen)
    assert connection.read("teams").rows[0]["name"] == "Sample Group"
    with pytest.raises(ResourceUnavailable) as refused:
        connection.read("team_members")
    assert refused.value.status == "not_permitted"


def test_an_agent_without_a_team() -> None:
    rezen = Rezen()
    rezen.routes["/users/me"] = lambda _request: {**ME, "teamMemberships": []}
    connection = connect(rezen)
    assert connection.read("team_members").rows == []


def test_a_missing_cap_is_not_available() -> None:
    with pytest.raises(ResourceUnavailable) as missing:
        connect(Rezen()).read("cap_info")
    assert missing.value.status == "not_available"


def test_nothing_but_get_is_sent() -> None:
    rezen = Rezen()
    rezen.routes["/teams/t1"] = lambda _request: TEAM
    connection = connect(rezen)
    connection.read("team_members")
    assert {request.method for request in connection.requests} == {"GET"}
    assert isinstance(connection.requests[0], httpx.Request)
