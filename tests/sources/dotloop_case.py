"""Dotloop for the conformance suite."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import SecretStr

from pipelines.common.budget import Rate
from pipelines.dotloop.client import DotloopSettings
from pipelines.dotloop.source import DOTLOOP
from sandbox.box import Sandbox
from tests.sources.rig import ADA, Case, Change, LateCommit, NotSent, Row


def settings(box: Sandbox) -> DotloopSettings:
    # slower than the published limit, and with windows that a small world fills
    return DotloopSettings(
        base_url=f"{box.url}/dotloop/public/v2",
        auth_base_url=f"{box.url}/dotloop/oauth",
        client_id="sandbox-dotloop-client",
        client_secret=SecretStr("sandbox-dotloop-secret"),
        activities=True,
        rates={"default": Rate(12, 10.0, 4)},
    )


# -- what Ada has ----------------------------------------------------------------------------------


def truth_of(box: Sandbox, entity: str, agent: str = ADA) -> dict[str, Row]:
    rows: dict[str, Row] = box.truth(agent)["dotloop"]["entities"][entity]
    return rows


def own_loops(box: Sandbox, agent: str = ADA) -> list[str]:
    """Ids of the loops of the agent's individual profile, oldest first, that are not archived."""
    profiles = truth_of(box, "profiles", agent)
    [own] = [key for key, row in profiles.items() if row["type"] == "INDIVIDUAL"]
    loops = truth_of(box, "loops", agent)
    mine = [
        {**row, "id": key.split("|")[1]}
        for key, row in loops.items()
        if row["profile_id"] == own
        and row["owner_profile_id"] == own
        and row["status"] != "ARCHIVED"
    ]
    return [row["id"] for row in sorted(mine, key=lambda row: int(row["id"]))]


def people_of(box: Sandbox, loop: str) -> list[str]:
    """Ids of the participants of one of Ada's loops."""
    keys = [key.split("|") for key in truth_of(box, "participants")]
    return sorted({person for _, of, person in keys if of == loop}, key=int)


# -- what may happen -------------------------------------------------------------------------------


def loop(
    name: str, op: str, nth: int = 0, late: frozenset[str] = frozenset(), **more: Any
) -> Change:
    """A change of Ada's nth loop."""
    return Change(
        name,
        lambda box: box.mutate({"op": f"dotloop.{op}", "loop_id": own_loops(box)[nth], **more}),
        late,
    )


def person(name: str, op: str, nth: int = 1, **more: Any) -> Change:
    """A change of the last person of Ada's nth loop, of which the loop itself shows nothing."""

    def play(box: Sandbox) -> object:
        key = own_loops(box)[nth]
        return box.mutate(
            {"op": f"dotloop.{op}", "loop_id": key, "id": people_of(box, key)[-1], **more}
        )

    return Change(name, play, frozenset({"participants"}))


def contact(name: str, op: str, late: frozenset[str] = frozenset(), **more: Any) -> Change:
    def play(box: Sandbox) -> object:
        key = list(truth_of(box, "contacts"))[3]
        return box.mutate({"op": f"dotloop.{op}", "agent_key": ADA, "id": key, **more})

    return Change(name, play, late)


def profile(
    name: str, op: str, kind: str, late: frozenset[str] = frozenset(), **more: Any
) -> Change:
    def play(box: Sandbox) -> object:
        rows = truth_of(box, "profiles")
        key = next(key for key, row in rows.items() if row["type"] == kind)
        return box.mutate({"op": f"dotloop.{op}", "agent_key": ADA, "profile_id": key, **more})

    return Change(name, play, late)


def _merge(box: Sandbox) -> object:
    first, second, *_ = own_loops(box)
    return box.mutate({"op": "dotloop.merge_loops", "loop_id": first, "into": second})


ALL_OF_A_LOOP = frozenset({"loops", "participants", "activities", "merged_loops"})
"""What an increment may miss of a loop that no list shows any more."""

CHANGES = (
    contact("edit_a_contact", "edit_contact", set={"cell": "(555) 010-7777"}),
    contact("a_contact_without_a_name", "edit_contact", set={"lastName": None}),
    Change(
        "add_a_contact",
        lambda box: box.mutate(
            {"op": "dotloop.add_contact", "agent_key": ADA, "set": {"firstName": "Nia"}}
        ),
    ),
    contact("delete_a_contact", "delete_contact", frozenset({"contacts"})),
    loop("a_status_never_seen", "edit_loop", set={"status": "ON_THE_MOON"}),
    loop(
        "edit_details",
        "edit_loop",
        details={
            "Financials": {"Purchase/Sale Price": "512345.67", "Sale Commission Rate": None},
            "Contract Dates": {"Closing Date": "2026-07-01"},
        },
    ),
    loop("touch_a_loop", "edit_loop", 2),
    loop("archive_a_loop", "edit_loop", -1, set={"status": "ARCHIVED"}),
    Change(
        "add_a_loop",
        lambda box: box.mutate(
            {
                "op": "dotloop.add_loop",
                "agent_key": ADA,
                "set": {"name": "Sample, 1 Sample St", "transactionType": "LEASE_OFFER"},
                "details": {"Financials": {"Rent": "2500"}},
            }
        ),
    ),
    person("edit_a_participant", "edit_participant", set={"labels": {"City": "Fairview"}}),
    person("delete_a_participant", "delete_participant"),
    person("add_a_participant", "add_participant", set={"fullName": "Nia New", "role": "TENANT"}),
    loop("add_an_activity", "add_activity", 1, frozenset({"activities"}), message="Viewed by Nia"),
    Change("merge_two_loops", _merge, ALL_OF_A_LOOP),
    loop("delete_a_loop", "delete_loop", 1, ALL_OF_A_LOOP),
    Change("add_deal", lambda box: box.mutate({"op": "add_deal", "agent_key": ADA})),
    profile("edit_a_profile", "edit_profile", "INDIVIDUAL", set={"phone": "555-0199"}),
    Change(
        "add_a_profile",
        lambda box: box.mutate(
            {"op": "dotloop.add_profile", "agent_key": ADA, "type": "TEAM", "name": "Second team"}
        ),
    ),
    profile("remove_a_profile", "remove_profile", "TEAM", ALL_OF_A_LOOP),
    Change(
        "edit_the_account",
        lambda box: box.mutate(
            {"op": "dotloop.edit_account", "agent_key": ADA, "set": {"lastName": "Sample-Test"}}
        ),
    ),
)


def departure(box: Sandbox) -> tuple[str, str, Callable[[], object]]:
    key = list(truth_of(box, "contacts"))[5]
    gone = {"op": "dotloop.delete_contact", "agent_key": ADA, "id": key}
    return "contacts", key, lambda: box.mutate(gone)


# -- what the truth shows of a row -----------------------------------------------------------------

AMOUNTS = (
    "Price", "Total", "Split $", "Amount", "Rent", "Balance", "Liens", "Dues", "Encumbrances",
)  # fmt: skip


def _normal(label: str, text: str) -> str:
    """A text of the details as the truth writes it: amounts to two places, dates as ISO."""
    for form in ("%m/%d/%Y", "%B %d, %Y"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).date().isoformat()
        except ValueError:
            continue
    if any(word in label for word in AMOUNTS):
        try:
            return f"{Decimal(text.replace('$', '').replace(',', '')):.2f}"
        except InvalidOperation:
            return text
    return text


def details(row: Row) -> dict[str, dict[str, str]]:
    return {
        section: {label: _normal(label, text) for label, text in labels.items()}
        for section, labels in (row["details"] or {}).items()
    }


LATE_COMMITS = (
    LateCommit(
        "contacts",
        timedelta(minutes=9),
        contact("newer", "add_contact", set={"firstName": "Newer"}).play,
        contact("late", "edit_contact", set={"cell": "(555) 010-6666"}).play,
    ),
    LateCommit(
        "loops",
        timedelta(minutes=9),
        loop("newer", "edit_loop", 0).play,
        loop("late", "edit_loop", 1, set={"status": "UNDER_CONTRACT"}).play,
    ),
)

CASE = Case(
    vendor=DOTLOOP,
    entities=(
        "accounts", "profiles", "loops", "participants", "merged_loops", "activities", "contacts",
    ),
    settings=settings,
    listed="contacts",
    # the list has two batches on the first day
    path=r"^/public/v2/contact\?(.*&)?batch_number=1&",
    row_number="updated",
    row_text="fax",
    broken_key="Dotloop refused the credential; connect the account again.",
    most_calls=7,
    skip=0,
    changes=CHANGES,
    departure=departure,
    together=False,
    limit=12,
    account_id=lambda box, agent: str((box.account(agent, "dotloop") or {})["account_id"]),
    refusal={"kind": "status", "status": 401, "match": "^/public"},
    spoil="access_token",
    renewal="refresh_token",
    methods=frozenset({"GET", "POST"}),
    later=frozenset({"merged_loops"}),
    shown={
        ("loops", "details"): details,
        ("participants", "labels"): lambda row: row["labels"] or {},
        # the word that the suite puts there
        ("contacts", "fax"): lambda row: NotSent if row["fax"] == "BRAND_NEW" else row["fax"],
    },
    late_commits=LATE_COMMITS,
)  # fmt: skip
