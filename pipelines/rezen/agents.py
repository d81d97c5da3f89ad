"""Who the key belongs to: the agent, the cap, the teams and their rosters (rezen.md §5.1-5.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.common.entity import Row
from pipelines.common.errors import RecordUnavailable, ResourceUnavailable
from pipelines.common.reading import Reading
from pipelines.rezen.client import (
    Wordless,
    as_object,
    get,
    me_of,
    own_id,
    settings_of,
    who_am_i,
)


def read_agent(reading: Reading) -> Iterator[Sequence[Row]]:
    """The caller; what else needs the agent takes it from the handover."""
    me = who_am_i(reading.api, settings_of(reading))
    reading.handover.put("me", me)
    yield [me]


def read_cap(reading: Reading) -> Iterator[Sequence[Row]]:
    """One row per day read; after the anniversary the figures restart (§16.3 rule 8)."""
    own = own_id(reading)
    url = f"{settings_of(reading).yenta_base_url}/agents/{own}/cap-info"
    body = as_object(get(reading, url).data, "cap-info")
    yield [{**body, "agentId": own, "readOn": reading.now.date().isoformat()}]


def _memberships(reading: Reading) -> list[Mapping[str, Any]]:
    found = me_of(reading).get("teamMemberships") or []
    return [m for m in found if isinstance(m, Mapping) and m.get("teamId")]


def _team_bodies(reading: Reading) -> dict[str, Row | None]:
    """Each team of the agent with its roster; None where the agent may not read the team."""
    bodies: dict[str, Row | None] | None = reading.handover.get("teams", None)
    if bodies is None:
        bodies = {}
        base = settings_of(reading).yenta_base_url
        for membership in _memberships(reading):
            team_id = str(membership["teamId"])
            try:
                answer = get(reading, f"{base}/teams/{team_id}", single_record=True)
                bodies[team_id] = as_object(answer.data, "teams/{id}")
            except (RecordUnavailable, Wordless):
                bodies[team_id] = None
        reading.handover.put("teams", bodies)
    return bodies


def read_teams(reading: Reading) -> Iterator[Sequence[Row]]:
    """The teams; one that may not be read is known by its membership only."""
    bodies = _team_bodies(reading)
    rows: list[Row] = []
    for membership in _memberships(reading):
        body = bodies.get(str(membership["teamId"]))
        if body is None:
            rows.append(
                {
                    "id": membership["teamId"],
                    "name": membership.get("teamName"),
                    "type": membership.get("teamType"),
                    "flex": membership.get("flex"),
                }
            )
        else:
            rows.append({name: value for name, value in body.items() if name != "agents"})
    if any(body is None for body in bodies.values()):
        reading.note = "A team's details may not be read with this key; its name is known."
    reading.complete = True
    yield rows


def read_team_members(reading: Reading) -> Iterator[Sequence[Row]]:
    """The rosters. Raises `ResourceUnavailable` if no team lets the agent see one."""
    bodies = _team_bodies(reading)
    readable = {team_id: body for team_id, body in bodies.items() if body is not None}
    if bodies and not readable:
        raise ResourceUnavailable(
            "reZEN shows the roster to leaders and admins of the team only.",
            status="not_permitted",
        )
    for team_id, body in readable.items():
        yield [_member(team_id, member) for member in body.get("agents") or []]
    reading.complete = len(readable) == len(bodies)


def _member(team_id: str, member: Any) -> Row:
    row: Row = dict(member) if isinstance(member, Mapping) else {"value": member}
    agent = row.get("agent")
    if isinstance(agent, Mapping):
        row["agentId"] = agent.get("id")
        row["agentStatus"] = agent.get("agentStatus") or agent.get("status")
    row["teamId"] = team_id
    return row
