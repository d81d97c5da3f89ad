"""What is read how often, as data. Each row becomes one job and one schedule of the same name.

The lanes of a vendor never share a staging dataset, so rows may overlap in time; two runs of one
row may not, and the second is skipped visibly. Which timers of the former backend a row stands for
is written down in `background_tasks.yaml`.
"""

from __future__ import annotations

from dataclasses import dataclass

ONBOARDING_LANE = "onboarding"
MANUAL_LANE = "manual"


@dataclass(frozen=True)
class Cadence:
    """Read some entities of one vendor, for all connected agents, in a single run.

    `entities` is empty for all of them; it holds what its members depend on, because the readers of
    one account hand each other what they have just seen. `full` reads everything again instead of
    what has changed.
    """

    vendor: str
    lane: str
    cron: str
    description: str
    entities: tuple[str, ...] = ()
    full: bool = False

    @property
    def name(self) -> str:
        """The name of the job and of the schedule."""
        return f"{self.vendor}__{self.lane}"


CADENCES = (
    Cadence(
        vendor="rezen",
        lane="fast",
        cron="*/15 * * * *",
        description="Deals and listings whose state, price or payout changed.",
        entities=("agents", "transaction_list", "transactions", "listing_list", "listings"),
    ),
    Cadence(
        vendor="rezen",
        lane="hourly",
        cron="7 * * * *",
        description="The totals of revenue share: what is pending, and what has just been paid.",
        entities=(
            "agents",
            "revshare_overview",
            "revshare_pending",
            "revshare_payments",
            "revshare_payment_contributions",
        ),
    ),
    Cadence(
        vendor="rezen",
        lane="daily",
        cron="20 4 * * *",
        description="Everything, with the network, caps, teams and equity that change slowly.",
    ),
    Cadence(
        vendor="rezen",
        lane="weekly",
        cron="10 22 * * 6",
        description="Everything again from the beginning, so that no missed change stays missed.",
        full=True,
    ),
    Cadence(
        vendor="fub",
        lane="fast",
        cron="*/15 * * * *",
        description="People, deals and what was done with them since the last time.",
        entities=("identity", "users", "people", "deals", "events", "calls", "appointments"),
    ),
    Cadence(
        vendor="fub",
        lane="six_hourly",
        cron="27 */6 * * *",
        description="Users with their teams, groups and ponds.",
        entities=("identity", "users", "teams", "groups", "ponds"),
    ),
    Cadence(
        vendor="fub",
        lane="hourly",
        cron="22 * * * *",
        description="Text messages, which cost a request per person who has a phone; notes, tasks.",
        entities=("identity", "people", "text_messages", "notes", "tasks"),
    ),
    Cadence(
        vendor="fub",
        lane="daily",
        cron="50 4 * * *",
        description="Everything, with stages, pipelines, custom fields, teams and groups.",
    ),
    Cadence(
        vendor="fub",
        lane="weekly",
        cron="40 22 * * 6",
        description="Everything again from the beginning; finds what was deleted or moved away.",
        full=True,
    ),
    Cadence(
        vendor="skyslope",
        lane="fast",
        cron="5-59/15 * * * *",
        description="Sale and listing files that changed.",
        entities=("offices", "listings", "sales"),
    ),
    Cadence(
        vendor="skyslope",
        lane="daily",
        cron="10 5 * * *",
        description="Everything, with users and checklist types.",
    ),
    Cadence(
        vendor="skyslope",
        lane="weekly",
        cron="40 3 * * 0",
        description="Everything again from the beginning, folders and feed compared.",
        full=True,
    ),
    Cadence(
        vendor="stripe",
        lane="fast",
        cron="10-59/15 * * * *",
        description="Billing events, and what they say has changed.",
    ),
    Cadence(
        vendor="stripe",
        lane="daily",
        cron="30 5 * * *",
        description="The same; once a day whole lists find what no event told.",
    ),
    Cadence(
        vendor="stripe",
        lane="weekly",
        cron="40 4 * * 0",
        description="Everything again from the beginning, all events that are still kept included.",
        full=True,
    ),
    Cadence(
        vendor="files",
        lane="hourly",
        cron="37 * * * *",
        description="Imports of CSV files that were kept and not read yet.",
    ),
    Cadence(
        vendor="files",
        lane="daily",
        cron="40 5 * * *",
        description="The same, before the working day.",
    ),
    Cadence(
        vendor="files",
        lane="weekly",
        cron="40 5 * * 0",
        description="All imports again, as the models read them today.",
        full=True,
    ),
    Cadence(
        vendor="dotloop",
        lane="fast",
        cron="10-59/15 * * * *",
        description="Loops that changed with their people, and contacts.",
        entities=("accounts", "profiles", "loops", "participants", "merged_loops", "contacts"),
    ),
    Cadence(
        vendor="dotloop",
        lane="daily",
        cron="25 5 * * *",
        description="Everything, with what was done in loops where that is pulled.",
    ),
    Cadence(
        vendor="dotloop",
        lane="weekly",
        cron="40 4 * * 0",
        description="Everything again from the beginning; finds what was deleted or merged.",
        full=True,
    ),
    Cadence(
        vendor="qualia",
        lane="six_hourly",
        cron="32 */6 * * *",
        description="Title orders that were touched since yesterday, with all their blocks.",
        entities=(
            "users",
            "orders",
            "agencies",
            "disbursements",
            "receipts",
            "charges",
            "statement_lines",
            "settlement_team",
            "parties",
            "appointments",
            "tasks",
        ),
    ),
    Cadence(
        vendor="qualia",
        lane="daily",
        cron="35 5 * * *",
        description="Everything, with the address book; at night the last seven days again.",
    ),
    Cadence(
        vendor="qualia",
        lane="weekly",
        cron="20 0 * * 0",
        description="Everything again from the beginning; finds what no filter tells.",
        full=True,
    ),
    Cadence(
        vendor="lofty",
        lane="fast",
        cron="12-59/15 * * * *",
        description="New and active leads and what was said to them; once a day all leads.",
        entities=("account", "leads", "communications"),
    ),
    Cadence(
        vendor="lofty",
        lane="six_hourly",
        cron="37 */6 * * *",
        description="Transactions, which have no filter and are read whole.",
        entities=("account", "transactions"),
    ),
    Cadence(
        vendor="lofty",
        lane="daily",
        cron="30 5 * * *",
        description="Everything, with members, stages, tags and, if asked for, details of changed "
        "leads.",
    ),
    Cadence(
        vendor="lofty",
        lane="weekly",
        cron="40 4 * * 0",
        description="Everything again from the beginning, old communication included.",
        full=True,
    ),
)
