"""How much of the brokerage there is. Every figure can be overridden on the command line."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """Figures of a world; those per agent are for a *typical* connected agent and vary around it.

    ``connections`` connected agents; ``deals``/``listings`` per connected agent; ``network`` people
    in the
    down-line of a connected agent; ``network_deals`` closings per producing network member and
    year;
    ``months`` of history. ``people``, ``calls``, ``events``, ``texts``, ``appointments`` and
    ``crm_deals`` are
    rows per Follow Up Boss account.
    """

    name: str
    connections: int
    deals: int
    listings: int
    network: int
    network_deals: int
    months: int
    people: int
    calls: int
    events: int
    texts: int
    appointments: int
    crm_deals: int


SIZES = {
    "small": Size(
        name="small",
        connections=3,
        deals=18,
        listings=8,
        network=24,
        network_deals=4,
        months=18,
        people=40,
        calls=60,
        events=60,
        texts=30,
        appointments=20,
        crm_deals=12,
    ),
    "demo": Size(
        name="demo",
        connections=3,
        deals=60,
        listings=20,
        network=150,
        network_deals=4,
        months=36,
        people=600,
        calls=1200,
        events=1500,
        texts=600,
        appointments=200,
        crm_deals=120,
    ),
    "bench": Size(
        name="bench",
        connections=100,
        deals=500,
        listings=60,
        network=300,
        network_deals=4,
        months=36,
        people=2000,
        calls=4000,
        events=2000,
        texts=1000,
        appointments=200,
        crm_deals=100,
    ),
}
