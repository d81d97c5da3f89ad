"""Stripe for the conformance suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.common.budget import Rate
from pipelines.stripe.client import StripeSettings
from pipelines.stripe.source import STRIPE
from sandbox.box import Sandbox
from tests.sources.rig import ADA, BEN, HOUSE, Case, Change, LateCommit, Rig, Row, same


def settings(box: Sandbox) -> StripeSettings:
    # ten in a second are more than a first reading needs; the suite's limit is one that it fills
    return StripeSettings(base_url=f"{box.url}/stripe/v1", rates={"default": Rate(4, 10.0, 4)})


def truth(box: Sandbox) -> Mapping[str, Any]:
    told: Mapping[str, Any] = box.truth(HOUSE)["stripe"]
    return told


def control(box: Sandbox) -> Mapping[str, Any]:
    told: Mapping[str, Any] = truth(box)["control"]
    return told


# -- who is there ----------------------------------------------------------------------------------


def customer(box: Sandbox, agent: str) -> str:
    return str(control(box)["agents"][agent])


def subscription(box: Sandbox, status: str) -> str:
    """One in a status, the newest."""
    held = truth(box)["entities"]["subscriptions"]
    wanted = [str(key) for key, row in held.items() if row["status"] == status]
    return max(wanted, key=lambda key: (held[key]["created"], key))


def product(box: Sandbox) -> str:
    return str(next(iter(truth(box)["entities"]["products"])))


# -- what may happen -------------------------------------------------------------------------------


def change(
    op: str,
    find: Callable[[Sandbox], dict[str, Any]] = lambda _box: {},
    *,
    label: str | None = None,
    **fields: Any,
) -> Change:
    return Change(
        label or op, lambda box: box.mutate({"op": f"stripe.{op}", **find(box), **fields})
    )


def _ada(_box: Sandbox) -> dict[str, Any]:
    return {"agent_key": ADA}


def _in(status: str) -> Callable[[Sandbox], dict[str, Any]]:
    return lambda box: {"subscription": subscription(box, status)}


def _product(box: Sandbox) -> dict[str, Any]:
    return {"product": product(box)}


CHANGES = (
    change("update_customer", _ada, name="Ada Renamed", balance=-1250),
    change("create_customer", email="new@example.com", name="Neu Ångström", user_id="2001"),
    change("subscribe", label="subscribe_somebody_new", trial_days=14),
    change("subscribe", label="subscribe_in_yen", price="solo-jpy"),
    change("subscribe", label="subscribe_without_a_card", card="none", price="team", seats=3),
    change("upgrade", lambda _box: {"agent_key": BEN}, price="team"),
    change("set_quantity", _ada, quantity=9),
    change("add_item", _ada, price="addon-3"),
    change("remove_item", _ada),
    change("update_subscription", _ada, metadata={"user_id": ADA, "note": "é"}, description="Ada"),
    change("cancel_at_period_end", lambda _box: {"agent_key": BEN}, comment="too dear"),
    change("cancel_at_period_end", lambda _box: {"agent_key": BEN}, label="stay", undo=True),
    change("end_trial", _in("trialing")),
    change("pause", _ada, behavior="keep_as_draft", days=10),
    change("resume", _ada),
    change("resume", _in("paused"), label="resume_a_paused_one"),
    change("pending_update", _ada),
    change("pending_update", _ada, label="pending_update_applied", outcome="applied"),
    change("fail_payment", lambda _box: {"agent_key": BEN}),
    change("pay", lambda _box: {"agent_key": BEN}),
    change("void_invoice", _in("past_due")),
    change("write_off", _in("unpaid")),
    change("leave_checkout", outcome="expired"),
    change("cancel_now", _in("active")),
    change("create_product", name="Coaching"),
    change("update_product", _product, description="Renewed", metadata={"tier": "solo"}),
    change("create_price", _product, unit_amount=12345, currency="eur", interval="year"),
    change("update_price", lambda _box: {"price": "solo"}, nickname="Solo again"),
    change("archive_price", lambda _box: {"price": "solo-old"}, undo=True),
    change("delete_price", lambda _box: {"price": "sign"}),
    change("delete_product", lambda box: {"product": _goods(box)}),
    change("delete_customer", lambda _box: {"agent_key": BEN}),
)


def _goods(box: Sandbox) -> str:
    held = truth(box)["entities"]["products"]
    return next(str(key) for key, row in held.items() if row["name"] == "Yard sign")


def departure(box: Sandbox) -> tuple[str, str, Callable[[], object]]:
    gone = customer(box, BEN)
    return "customers", gone, lambda: box.mutate({"op": "stripe.delete_customer", "customer": gone})


# -- what the truth shows of a row -----------------------------------------------------------------


def _items(row: Row) -> list[dict[str, Any]]:
    held = [
        {"id": item["id"], "price": item["price"]["id"], "quantity": item.get("quantity")}
        for item in row["items"]
    ]
    return sorted(held, key=lambda item: str(item["id"]))


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def nested(rig: Rig, agent: str) -> Iterator[str]:
    """What the truth has about the parts of rows."""
    told = control(rig.box)
    subscriptions = rig.rows("subscriptions", agent)
    items = {
        f"{key}|{item['id']}": item for key, row in subscriptions.items() for item in row["items"]
    }
    if items.keys() != told["subscription_items"].keys():
        yield f"subscriptions items: {sorted(items.keys() ^ told['subscription_items'].keys())}"
    for key, wanted in told["subscription_items"].items():
        item = items.get(key)
        for name in ("current_period_start", "current_period_end"):
            if item and not same(_moment(item[name]), wanted[name]):
                yield f"subscriptions {key} {name}: {item[name]}, in truth {wanted[name]}"
    for key, wanted in told["cancellations"].items():
        held = (subscriptions[key]["cancellation_details"] or {}) if key in subscriptions else {}
        if {name: held.get(name) for name in wanted} != wanted:
            yield f"subscriptions {key} cancellation_details: {held}, in truth {wanted}"
    prices = rig.rows("prices", agent)
    for key, wanted in told["tiers"].items():
        if key in prices and prices[key]["tiers"] != wanted:
            yield f"prices {key} tiers: {prices[key]['tiers']}, in truth {wanted}"
    events = rig.rows("events", agent)
    for key, (kind, about) in told["event_objects"].items():
        held = events[key]["data"]["object"] if key in events else {"object": kind, "id": about}
        if (held["object"], held["id"]) != (kind, about):
            yield f"events {key}: about {held['object']} {held['id']}, in truth {kind} {about}"


# an event names what changed, and an increment reads the events of the last hour again
LATE_COMMITS = tuple(
    LateCommit(entity, timedelta(minutes=50), newer.play, late.play)
    for entity, newer, late in (
        ("customers", change("update_customer", lambda _box: {"agent_key": BEN}, name="Ben"),
         change("update_customer", _ada, name="Ada late")),
        ("subscriptions", change("set_quantity", lambda _box: {"agent_key": BEN}, quantity=4),
         change("set_quantity", _ada, quantity=5)),
        ("events", change("create_product", name="Newer"), change("create_product", name="Late")),
    )
)  # fmt: skip

OLDER = "of versions before basil; read in test_stripe_changes"
NOT_IMITATED = "Connect, test clocks, revisions, discounts, taxes, choices of language"
UNSENT = {
    "customers": dict.fromkeys(("discount", "preferred_locales", "test_clock"), NOT_IMITATED),
    "products": {"attributes": "of goods, which are not sold"},
    "subscriptions": {
        **dict.fromkeys(
            ("current_period_start", "current_period_end", "plan", "quantity", "discount"), OLDER
        ),
        "billing_schedules": NOT_IMITATED,
    },
    "invoices": {
        **dict.fromkeys(("subscription", "payment_intent", "paid"), OLDER),
        **dict.fromkeys(
            ("application", "default_tax_rates", "discounts", "latest_revision", "on_behalf_of",
             "test_clock"),
            NOT_IMITATED,
        ),
        "metadata": "nobody notes anything on an invoice",
    },
}  # fmt: skip

CASE = Case(
    vendor=STRIPE,
    entities=("events", "products", "prices", "customers", "subscriptions", "invoices"),
    settings=settings,
    listed="customers",
    path="^/v1/customers",
    row_number="balance",
    row_text="tax_exempt",
    broken_key="Stripe refused the credential (HTTP 401); connect the account again.",
    most_calls=4,
    skip=0,
    changes=CHANGES,
    departure=departure,
    limit=4,
    account_id=lambda _box, _agent: "test",
    refusal={"kind": "unauthorized"},
    agents=(HOUSE,),
    load_rows=60,
    knows_owner=False,
    revoke_restores=True,
    expired=lambda box, _agent: {"events": control(box)["expired_events"]},
    shown={("subscriptions", "items"): _items},
    control=nested,
    late_commits=LATE_COMMITS,
    unsent=UNSENT,
)
