"""Dotloop as the contract describes it: OAuth, envelopes, loops and their details, odd values."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sandbox.box import Sandbox
from sandbox.dotloop.books import Books
from sandbox.dotloop.grants import CLIENT_ID, CLIENT_SECRET
from sandbox.dotloop.model import AMOUNTS, DATES, LABELS, ROLES, Loop

ADA, BEN, CORA = "ada-sample", "ben-example", "cora-upline"
AGENTS = (ADA, BEN, CORA)
API, OAUTH = "/dotloop/public/v2", "/dotloop/oauth"
CLIENT = (CLIENT_ID, CLIENT_SECRET)
BACK = "https://app.example.com/back"
Json = dict[str, Any]
Get = Callable[..., httpx.Response]


@pytest.fixture
def get(box: Sandbox, http: httpx.Client) -> Get:
    """Asks with the access token in force: `get(path, agent=ADA, **query)`."""

    def call(path: str, agent: str = ADA, **query: Any) -> httpx.Response:
        token = credentials(box, agent)["access_token"]
        return http.get(f"{API}{path}", params=query, headers={"Authorization": f"Bearer {token}"})

    return call


def credentials(box: Sandbox, agent: str = ADA) -> Json:
    found: Json = box.account(agent, "dotloop")["credentials"]
    return found


def books(box: Sandbox) -> Books:
    found = box.books["dotloop"]
    assert isinstance(found, Books)
    return found


def play(box: Sandbox, op: str, **fields: Any) -> Json:
    return box.mutate({"op": f"dotloop.{op}", **fields})


def switch(box: Sandbox, name: str, value: Any) -> None:
    play(box, "switch", name=name, value=value)


def truth(box: Sandbox, agent: str = ADA) -> dict[str, dict[str, Json]]:
    found: dict[str, dict[str, Json]] = box.truth(agent)["dotloop"]["entities"]
    return found


def profile_id(get: Get, kind: str = "INDIVIDUAL", agent: str = ADA) -> int:
    found = [p["id"] for p in get("/profile", agent).json()["data"] if p["type"] == kind]
    assert len(found) == 1
    return int(found[0])


def walk(get: Get, path: str, size: int = 7, agent: str = ADA, **query: Any) -> list[Json]:
    """All rows of a batched list; a batch with fewer rows than asked is the last."""
    rows: list[Json] = []
    for number in range(1, 200):
        answer = get(path, agent, batch_number=number, batch_size=size, **query)
        assert answer.status_code == 200, answer.text
        batch = answer.json()["data"]
        rows += batch
        if len(batch) < size:
            return rows
    raise AssertionError(f"{path} has no end")


def loops(get: Get, agent: str = ADA, kind: str = "INDIVIDUAL", **query: Any) -> list[Json]:
    return walk(get, f"/profile/{profile_id(get, kind, agent)}/loop", agent=agent, **query)


def all_loops(get: Get) -> Iterator[tuple[str, int, Json]]:
    """Every loop that any of the three lists, with its details: (agent, profile, row)."""
    for agent in AGENTS:
        for profile in get("/profile", agent).json()["data"]:
            path = f"/profile/{profile['id']}/loop"
            if get(path, agent).status_code == 200:
                for row in walk(get, path, 50, agent, include_details="true"):
                    yield agent, profile["id"], row


def block_of(row: Json) -> Json:
    """The detail block of a row, wherever the row has it."""
    inline = {name: value for name, value in row.items() if isinstance(value, dict)}
    return dict(inline.pop("details", None) or inline)


def plain(label: str, text: str) -> str:
    """A text of the block as the truth writes it."""
    if label in DATES:
        form = "%m/%d/%Y" if "/" in text else "%B %d, %Y"
        return datetime.strptime(text, form).replace(tzinfo=UTC).date().isoformat()
    if label in AMOUNTS:
        return f"{Decimal(text.replace('$', '').replace(',', '')):.2f}"
    return text


def a_loop(box: Sandbox, group: str = "OPEN", agent: str = ADA) -> Loop:
    """A loop of the agent's own whose deal is in a group, the sale of no listing."""
    own = box.world.agent_by_key(agent).id
    found = books(box).by_profile[books(box).accounts[agent].default_profile_id or 0]
    return next(
        loop
        for loop in found
        if loop.deal and not loop.deal.listing and loop.deal.group == group
        and loop.deal.owner_id == own and "status" not in loop.edits
        and loop.deal.state not in (None, "NEW")
    )  # fmt: skip


# --- OAuth ----------------------------------------------------------------------------------------


def refresh(box: Sandbox, http: httpx.Client, agent: str = ADA, **other: Any) -> httpx.Response:
    query = {"grant_type": "refresh_token", **credentials(box, agent)}
    return http.post(f"{OAUTH}/token", params=query, **{"auth": CLIENT, **other})


def me(http: httpx.Client, token: str) -> httpx.Response:
    return http.get(f"{API}/account", headers={"Authorization": f"Bearer {token}"})


def click(http: httpx.Client, **query: str) -> httpx.Response:
    asked = {"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": BACK, "state": "s1"}
    return http.get(f"{OAUTH}/authorize", params=asked | query)


def said(answer: httpx.Response) -> dict[str, str]:
    """What the browser is sent back with."""
    assert answer.status_code == 302
    place = urlsplit(answer.headers["location"])
    assert f"{place.scheme}://{place.netloc}{place.path}" == BACK
    return {name: values[0] for name, values in parse_qs(place.query).items()}


def test_a_click_gives_a_code_that_works_once(box: Sandbox, http: httpx.Client) -> None:
    told = said(click(http, agent_key=BEN))
    assert told["state"] == "s1"
    query = {"grant_type": "authorization_code", "redirect_uri": BACK, **told}
    wrong = http.post(f"{OAUTH}/token", params=query, auth=(CLIENT_ID, "guess"))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    answer = http.post(f"{OAUTH}/token", params=query, auth=CLIENT).json()
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 43199
    assert answer["scope"] == "account:read, profile:*, loop:*, contact:*, template:read"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer["access_token"])
    assert me(http, answer["access_token"]).json()["data"]["firstName"] == "Ben"
    assert answer["refresh_token"] == credentials(box, BEN)["refresh_token"]
    again = http.post(f"{OAUTH}/token", params=query, auth=CLIENT)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("other", [{"state": "s2"}, {"state": ""}, {"redirect_uri": "https://x"}])
def test_a_code_is_exchanged_with_the_state_and_address_of_its_click(
    http: httpx.Client, other: dict[str, str]
) -> None:
    query = {"grant_type": "authorization_code", "redirect_uri": BACK, **said(click(http))}
    answer = http.post(f"{OAUTH}/token", params=query | other, auth=CLIENT)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_parameters_are_read_from_the_query_only(http: httpx.Client, box: Sandbox) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": credentials(box)["refresh_token"]}
    assert http.post(f"{OAUTH}/token", data=form, auth=CLIENT).status_code == 400
    assert http.post(f"{OAUTH}/token", params=form, auth=CLIENT).status_code == 200


def test_a_denial_comes_back_when_asked_for(box: Sandbox, http: httpx.Client) -> None:
    switch(box, "authorize", "deny")
    assert said(click(http, redirect_on_deny="true")) == {"state": "s1", "error": "access_denied"}
    assert click(http).status_code == 200
    assert click(http, client_id="stranger").status_code == 401


def test_a_refresh_kills_the_earlier_access_token(box: Sandbox, http: httpx.Client) -> None:
    old = credentials(box)
    switch(box, "expires_in", 600)
    answer = refresh(box, http).json()
    assert answer["refresh_token"] == old["refresh_token"]
    assert answer["expires_in"] == 600
    dead = me(http, old["access_token"])
    assert dead.status_code == 401
    assert dead.json()["error"] == "invalid_token"
    assert me(http, answer["access_token"]).status_code == 200
    now = credentials(box)
    assert now["access_token"] == answer["access_token"]
    left = datetime.fromisoformat(now["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=590) < left <= timedelta(seconds=600)
    switch(box, "rotate_refresh", True)
    assert refresh(box, http).json()["refresh_token"] != old["refresh_token"]
    with_old = {"grant_type": "refresh_token", "refresh_token": old["refresh_token"]}
    assert http.post(f"{OAUTH}/token", params=with_old, auth=CLIENT).status_code == 400


def test_an_expired_token_is_refreshed_and_a_withdrawn_grant_is_not(
    box: Sandbox, http: httpx.Client, get: Get
) -> None:
    promised = credentials(box)["expires_at"]
    play(box, "expire_token", agent_key=ADA)
    assert credentials(box)["expires_at"] == promised
    assert get("/account").status_code == 401
    assert refresh(box, http).status_code == 200
    assert get("/account").status_code == 200
    play(box, "expire_token", agent_key=ADA, told=True)
    assert datetime.fromisoformat(credentials(box)["expires_at"]) <= datetime.now(UTC)
    play(box, "revoke_key", agent_key=ADA)
    assert refresh(box, http).json()["error"] == "invalid_grant"
    switch(box, "refusal_status", 401)
    assert refresh(box, http).status_code == 401
    assert get("/account", BEN).status_code == 200
    play(box, "restore_key", agent_key=ADA)
    assert refresh(box, http).status_code == 200
    assert get("/account").status_code == 200


def test_a_revoked_token_takes_its_grant_along(box: Sandbox, http: httpx.Client, get: Get) -> None:
    token = {"token": credentials(box)["access_token"]}
    assert http.post(f"{OAUTH}/token/revoke", params=token).status_code == 401
    assert http.post(f"{OAUTH}/token/revoke", params=token, auth=CLIENT).status_code == 200
    assert get("/account").status_code == 401
    assert refresh(box, http).status_code == 400
    assert http.post(f"{OAUTH}/token/revoke", params=token, auth=CLIENT).status_code == 400
    play(box, "restore_key", agent_key=ADA)
    assert get("/account").status_code == 200


def test_each_list_needs_its_scope(box: Sandbox, get: Get) -> None:
    own = profile_id(get)
    paths = {
        "account": "/account", "profile": "/profile", "loop": f"/profile/{own}/loop",
        "contact": "/contact", "template": f"/profile/{own}/loop-template",
    }  # fmt: skip
    for missing in paths:
        scope = ", ".join(f"{name}:read" for name in paths if name != missing)
        play(box, "set_scope", agent_key=ADA, scope=scope)
        refused = [name for name, path in paths.items() if get(path).status_code == 403]
        assert refused == [missing]


def test_writes_are_refused(box: Sandbox, http: httpx.Client, get: Get) -> None:
    path = f"{API}/profile/{profile_id(get)}/loop"
    bearer = {"Authorization": f"Bearer {credentials(box)['access_token']}"}
    for method in ("POST", "PATCH", "DELETE", "PUT"):
        for target in (path, f"{path}/70011", f"{API}/contact", f"{API}/loop-it"):
            assert http.request(method, target, headers=bearer).status_code == 403
    assert box.requests.count(status=403, method="POST") == 4


# --- limits ---------------------------------------------------------------------------------------


def test_a_hundred_requests_a_minute_and_user(box: Sandbox, get: Get) -> None:
    assert "x-ratelimit-limit" not in get("/account").headers
    box.limits.enabled = True
    first = get("/account").headers
    assert (first["x-ratelimit-limit"], first["x-ratelimit-remaining"]) == ("100", "99")
    for _ in range(99):
        answer = get("/account")
    assert answer.headers["x-ratelimit-remaining"] == "0"
    refused = get("/account")
    assert refused.status_code == 429
    assert "retry-after" not in refused.headers
    wait = int(refused.headers["x-ratelimit-reset"])
    assert 1000 < wait <= 60_000
    assert get("/account", BEN).status_code == 200
    switch(box, "reset_as", "epoch_ms")
    moment = int(get("/account").headers["x-ratelimit-reset"]) / 1000
    assert 0 < moment - datetime.now(UTC).timestamp() <= 60
    box.clock.advance(seconds=wait / 1000)
    assert get("/account").status_code == 200


def test_a_refusal_out_of_the_blue(box: Sandbox, get: Get) -> None:
    box.faults.add("rate_limited", vendor="dotloop", reset_ms=1500)
    refused = get("/account")
    assert refused.status_code == 429
    assert refused.headers["x-ratelimit-reset"] == "1500"
    box.faults.add("invalid_token", vendor="dotloop")
    assert get("/account").json()["error"] == "invalid_token"
    assert get("/account").status_code == 200


# --- batches, sorting, filters --------------------------------------------------------------------


def test_totals_tell_nothing(get: Get) -> None:
    path = f"/profile/{profile_id(get)}/loop"
    answer = get(path).json()
    assert answer["meta"] == {"total": 0}
    assert len(answer["data"]) == 20
    activity = get(f"{path}/{answer['data'][0]['id']}/activity").json()
    assert activity["meta"] == {"total": -1}
    assert activity["data"]
    everybody = walk(get, "/contact", 50)
    first = get("/contact", batch_size=50).json()
    last = get("/contact", batch_size=50, batch_number=2).json()
    assert first["meta"]["total"] == len(everybody)
    assert last["meta"]["total"] == len(last["data"]) == len(everybody) - 50


@pytest.mark.parametrize("size", [1, 7, 20, 50, 100])
def test_batches_of_any_size_hold_every_loop_once(box: Sandbox, get: Get, size: int) -> None:
    own = profile_id(get)
    found = [f"{own}|{row['id']}" for row in walk(get, f"/profile/{own}/loop", size)]
    assert len(found) == len(set(found))
    assert set(found) == {key for key in truth(box)["loops"] if key.startswith(f"{own}|")}


def test_a_cap_is_applied_silently(box: Sandbox, get: Get) -> None:
    assert len(get("/contact", batch_size=100).json()["data"]) == 50
    switch(box, "contact_batch_cap", 100)
    everybody = get("/contact", batch_size=100).json()["data"]
    assert 50 < len(everybody) <= 100
    path = f"/profile/{profile_id(get)}/loop"
    assert len(get(path, batch_size=500).json()["data"]) > 30
    switch(box, "batch_cap", 30)
    assert len(get(path, batch_size=100).json()["data"]) == 30
    for wrong in ("0", "-1", "many"):
        assert get(path, batch_size=wrong).status_code == 400


def test_sorting(get: Get) -> None:
    shown = loops(get, include_details="true")

    def values(name: str, rows: list[Json]) -> list[Any]:
        section, label = {
            "purchase_price": ("Financials", "Purchase/Sale Price"),
            "listing_date": ("Listing Information", "Listing Date"),
            "expiration_date": ("Listing Information", "Expiration Date"),
            "closing_date": ("Contract Dates", "Closing Date"),
        }.get(name, ("", ""))
        if not section:
            return [row[name] for row in rows]
        texts = [block_of(row).get(section, {}).get(label) for row in rows]
        found = [plain(label, text) for text in texts if text]
        return [Decimal(text) for text in found] if label in AMOUNTS else found

    for name in ("created", "updated", "purchase_price", "listing_date", "expiration_date",
                 "closing_date"):  # fmt: skip
        wanted = sorted(values(name, shown))
        for direction in ("asc", "desc"):
            rows = loops(get, sort=f"{name}:{direction}", include_details="true")
            assert sorted(r["id"] for r in rows) == sorted(r["id"] for r in shown)
            assert values(name, rows) == (wanted if direction == "asc" else wanted[::-1])
    for name in ("default", "address", "review_submission_date"):
        assert len(loops(get, sort=f"{name}:asc")) == len(shown)
    path = f"/profile/{profile_id(get)}/loop"
    for wrong in ("speed:asc", "updated:up"):
        assert get(path, sort=wrong).status_code == 400


def test_filters(box: Sandbox, get: Get) -> None:
    shown = loops(get)
    bound = sorted(row["updated"] for row in shown)[len(shown) // 2]

    def found(wanted: str) -> set[int]:
        return {row["id"] for row in loops(get, filter=wanted)}

    newer = {row["id"] for row in shown if row["updated"] >= bound}
    assert found(f"updated_min={bound}") == newer
    assert found(f"created_min={bound}") == {r["id"] for r in shown if r["created"] >= bound}
    kinds, statuses = ("PURCHASE_OFFER", "LEASE_OFFER"), ("SOLD", "LEASED")
    wanted = f"transaction_type={'|'.join(kinds)},transaction_status={'|'.join(statuses)}"
    both = {r["id"] for r in shown if r["transactionType"] in kinds and r["status"] in statuses}
    assert both
    assert found(wanted) == both
    assert found(f"updated_min={bound},{wanted}") == both & newer
    path = f"/profile/{profile_id(get)}/loop"
    for wrong in ("updated_min=yesterday", "updated_min"):
        assert get(path, filter=wrong).status_code == 400
    switch(box, "updated_min_inclusive", False)
    assert found(f"updated_min={bound}") == {r["id"] for r in shown if r["updated"] > bound}


def test_the_filter_of_contacts_may_be_ignored(box: Sandbox, get: Get) -> None:
    everybody = walk(get, "/contact", 50)
    stamps = sorted(row["updated"] for row in everybody if row["updated"])
    wanted = f"updated_min={stamps[-3]}"
    newest = [row["id"] for row in everybody if (row["updated"] or "") >= stamps[-3]]
    assert [row["id"] for row in walk(get, "/contact", 50, filter=wanted)] == newest
    assert get("/contact", filter=wanted).headers["x-sandbox-assumed"] == "true"
    switch(box, "contact_filter", False)
    assert walk(get, "/contact", 50, filter=wanted) == everybody


# --- what is sent, against the truth --------------------------------------------------------------


def same(told: Json, sent: Json, names: dict[str, str]) -> None:
    """The truth's columns equal the sent members; instants are compared as instants."""
    for column, member in names.items():
        value, wanted = sent.get(member), told[column]
        if column in ("created", "updated") and wanted is not None:
            value, wanted = datetime.fromisoformat(str(value)), datetime.fromisoformat(wanted)
        elif column.endswith("_profile_id") and value is not None:
            value = str(value)
        assert value == wanted, (column, value, wanted)


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("view_ids", ["same", "two"])
def test_lists_show_the_truth(box: Sandbox, get: Get, agent: str, view_ids: str) -> None:
    switch(box, "view_ids", view_ids)
    wanted = truth(box, agent)
    account = get("/account", agent).json()["data"]
    profiles = get("/profile", agent).json()["data"]
    contacts = walk(get, "/contact", 50, agent)
    assert [str(account["id"])] == list(wanted["accounts"])
    for entity, rows in (("accounts", [account]), ("profiles", profiles), ("contacts", contacts)):
        assert [str(row["id"]) for row in rows] == list(wanted[entity])
        for row in rows:
            told = wanted[entity][str(row["id"])]
            same(told, row, {name: camel(name) for name in told})
    seen: dict[str, set[str]] = {"loops": set(), "participants": set(), "activities": set()}
    for profile in profiles:
        path = f"/profile/{profile['id']}/loop"
        if get(path, agent).status_code == 403:
            continue
        for row in walk(get, path, 50, agent, include_details="true"):
            key = f"{profile['id']}|{row['id']}"
            told = wanted["loops"][key]
            seen["loops"].add(key)
            assert told["profile_id"] == str(profile["id"])
            skip = ("profile_id", "details")
            same(told, row, {name: camel(name) for name in told if name not in skip})
            texts = {
                section: {label: plain(label, text) for label, text in labels.items()}
                for section, labels in block_of(row).items()
            }
            assert texts == told["details"]
            for person in get(f"{path}/{row['id']}/participant", agent).json()["data"]:
                seen["participants"].add(f"{key}|{person['id']}")
                told = wanted["participants"][f"{key}|{person['id']}"]
                small = {name.lower(): value for name, value in person.items()}
                assert told["full_name"] == small.pop("fullname")
                assert (told["email"], told["role"]) == (small.pop("email"), small.pop("role"))
                assert told["phone"] == small.pop("phone", None)
                assert small.pop("id") == person["id"]
                assert told["labels"] == small
            for line in walk(get, f"{path}/{row['id']}/activity", 100, agent):
                keys = [k for k in wanted["activities"] if k.startswith(f"{key}|{line['date']}|")]
                [found] = [k for k in keys if wanted["activities"][k]["message"] == line["message"]]
                assert re.fullmatch(r"[0-9a-f]{16}", found.rsplit("|", 1)[-1])
                seen["activities"].add(found)
    for entity, found_keys in seen.items():
        assert found_keys == wanted[entity].keys(), entity
    assert wanted["merged_loops"] == {}


def test_loops_follow_the_deals(box: Sandbox, get: Get) -> None:
    """Address, price and closing day of a sold loop are the world's."""
    deals = {d.code: d for d in box.world.deals if not d.listing}
    checked = 0
    for _, _, row in all_loops(get):
        block = block_of(row)
        deal = deals.get(block.get("Contract Info", {}).get("Transaction Number", ""))
        if deal is None or row["status"] not in ("SOLD", "PURCHASED"):
            continue
        checked += 1
        price = plain("Purchase/Sale Price", block["Financials"]["Purchase/Sale Price"])
        assert Decimal(price) == deal.price
        total = block["Financials"].get("Sale Commission Total")
        assert (total and Decimal(plain("Sale Commission Total", total))) == deal.gross
        if "Property Address" in block:
            place = block["Property Address"]
            assert f"{place['Street Number']} {place['Street Name']}" == deal.address.street
            assert place["State/Prov"] == deal.address.short_state
        closed = deal.closing_actual or deal.skyslope_actual or deal.agent_reported
        if closed:
            day = plain("Closing Date", block["Contract Dates"]["Closing Date"])
            assert day == closed.isoformat()
    assert checked > 20


# --- oddities -------------------------------------------------------------------------------------


def test_every_label_and_form_of_the_contract_is_there(get: Get) -> None:
    rows = [row for _, _, row in all_loops(get)]
    blocks = [block_of(row) for row in rows]
    seen = {(s, label) for block in blocks for s, labels in block.items() for label in labels}
    assert {(s, label) for s, labels in LABELS.items() for label in labels} <= seen
    assert ("Office Use", "File Colour") in seen
    texts = {
        (label, text) for b in blocks for labels in b.values() for label, text in labels.items()
    }
    assert all(isinstance(text, str) for _, text in texts)
    prices = [text for label, text in texts if label == "Purchase/Sale Price"]
    for form in (r"\d+", r"\d+\.0", r"\$[\d,]+", r"\d+\.\d\d", r"\$[\d,]+\.\d\d"):
        assert any(re.fullmatch(form, text) for text in prices), form
    both = [
        block for block in blocks
        if {"/" in text for labels in block.values() for label, text in labels.items()
            if label in DATES} == {True, False}
    ]  # fmt: skip
    assert both
    split = [b["Financials"] for b in blocks if "Financials" in b]
    label = "Sale Commission Split {} - Buy Side"
    pairs = {(f.get(label.format("%")), f.get(label.format("$"))) for f in split}
    assert any(percent and amount and percent != amount for percent, amount in pairs)
    assert (None, None) in pairs
    assert any("Property Address" not in block and block for block in blocks)
    assert {} in blocks
    inline = [row for row in rows if "Property Address" in row]
    assert inline
    assert all("details" not in row for row in inline)
    for name in ("profileId", "ownerProfileId", "transactionType", "status", "totalTaskCount",
                 "completedTaskCount", "loopUrl"):  # fmt: skip
        assert {row[name] is None for row in rows} == {True, False}, name
    assert "PURCHASED" in {row["status"] for row in rows}
    types = {row["transactionType"] for row in rows}
    assert types == {
        "PURCHASE_OFFER", "LISTING_FOR_SALE", "LISTING_FOR_LEASE", "LEASE_OFFER",
        "REAL_ESTATE_OTHER", "OTHER", None,
    }  # fmt: skip
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["updated"]) for row in rows)


def test_details_come_when_asked_for(get: Get) -> None:
    own = profile_id(get)
    for row in loops(get, include_details="true"):
        path = f"/profile/{own}/loop/{row['id']}"
        assert get(f"{path}/detail").json()["data"] == block_of(row)
        assert block_of(get(path).json()["data"]) == {}
        assert get(path, include_details="true").json()["data"] == row


def test_participants_are_odd(get: Get) -> None:
    people: list[Json] = []
    cases: set[str] = set()
    for agent, profile, row in all_loops(get):
        answer = get(f"/profile/{profile}/loop/{row['id']}/participant", agent).json()
        assert answer["meta"]["total"] == len(answer["data"])
        people += answer["data"]
        cases |= {name for person in answer["data"] for name in person if name.lower() == "city"}
    assert cases == {"City", "city", "CITY"}
    roles = {person["role"] for person in people}
    assert set(ROLES) <= roles
    assert roles - set(ROLES)
    for name in ("fullName", "email"):
        assert {person[name] is None for person in people} == {True, False}
    assert {"phone", "Phone", "PHONE"} <= {name for person in people for name in person}
    small = {name.lower() for person in people for name in person}
    assert small >= {
        "street name", "street number", "unit number", "city", "state/prov", "zip/postal code",
        "country", "cell phone", "company name", "license number",
    }  # fmt: skip
    # numbers are counted inside a loop
    assert len({person["id"] for person in people}) < len(people) / 4


def test_nulls_of_accounts_profiles_and_contacts(get: Get) -> None:
    accounts = [get("/account", agent).json()["data"] for agent in AGENTS]
    assert {a["defaultProfileId"] is None for a in accounts} == {True, False}
    assert {a["lastName"] is None for a in accounts} == {True, False}
    profiles = {p["id"]: p for agent in AGENTS for p in get("/profile", agent).json()["data"]}
    rows = list(profiles.values())
    assert {p["type"] for p in rows} == {
        "INDIVIDUAL", "TEAM", "OFFICE", "COMPANY", "ASSOCIATION", "NATIONAL_PARTNER", "BROKERAGE",
    }  # fmt: skip
    assert {p.get("deactivated", "unsent") for p in rows} == {True, False, None, "unsent"}
    assert {"country" in p for p in rows} == {True, False}
    for name in ("company", "phone", "fax", "address", "city", "state", "zipCode"):
        assert {p[name] is None for p in rows} == {True, False}, name
    contacts = [c for agent in AGENTS for c in walk(get, "/contact", 50, agent)]
    for name in contacts[0].keys() - {"id"}:
        assert {c[name] is None for c in contacts} == {True, False}, name
    one = contacts[0]
    assert get(f"/contact/{one['id']}").json() == {"data": one}
    assert get(f"/contact/{one['id']}", BEN).status_code == 404


def test_profiles_without_access_to_loops(box: Sandbox, get: Get) -> None:
    assert get(f"/profile/{profile_id(get, 'OFFICE')}/loop").status_code == 403
    assert loops(get, CORA, "OFFICE")
    assert loops(get, ADA, "ASSOCIATION") == []
    assert get(f"/profile/{profile_id(get, 'COMPANY', BEN)}/loop", BEN).status_code == 403
    assert get(f"/profile/{profile_id(get)}", BEN).status_code == 403
    assert get("/profile/9999999").status_code == 404
    team = profile_id(get, "TEAM")
    assert any(key.startswith(f"{team}|") for key in truth(box)["loops"])
    play(box, "loop_access", profile_id=team, agent_key=ADA, allowed=False)
    assert get(f"/profile/{team}/loop").status_code == 403
    assert not any(key.startswith(f"{team}|") for key in truth(box)["loops"])
    play(box, "remove_profile", profile_id=team, agent_key=ADA)
    assert str(team) not in truth(box)["profiles"]


def test_the_same_deal_under_two_profiles(box: Sandbox, get: Get) -> None:
    own, team = loops(get), loops(get, kind="TEAM")
    assert {row["id"] for row in team} & {row["id"] for row in own}
    switch(box, "view_ids", "two")
    second = loops(get, kind="TEAM")
    assert [row["name"] for row in second] == [row["name"] for row in team]
    assert [row["ownerProfileId"] for row in second] == [row["ownerProfileId"] for row in team]
    shared = {row["name"] for row in team} & {row["name"] for row in own}
    assert shared
    assert not {row["id"] for row in second} & {row["id"] for row in loops(get)}
    # ben is on deals of ada's
    mine = profile_id(get, agent=BEN)
    assert {row["ownerProfileId"] for row in loops(get, BEN)} > {mine}


@pytest.mark.parametrize("view_ids", ["same", "two"])
def test_a_merged_loop_leads_to_the_other(
    box: Sandbox, http: httpx.Client, get: Get, view_ids: str
) -> None:
    switch(box, "view_ids", view_ids)
    team = profile_id(get, "TEAM")
    first, second = loops(get, kind="TEAM")[:2]
    old, into = (books(box).find(team, row["id"]) for row in (first, second))
    assert old
    assert into
    play(box, "merge_loops", loop_id=old.id, into=into.id)
    path = f"/profile/{team}/loop"
    for rest in ("", "/participant", "/detail"):
        answer = get(f"{path}/{first['id']}{rest}")
        assert answer.status_code == 301
        assert answer.headers["location"] == f"{box.url}{API}{path}/{second['id']}{rest}"
    assert first["id"] not in {row["id"] for row in loops(get, kind="TEAM")}
    merged = truth(box)["merged_loops"]
    assert merged[f"{team}|{first['id']}"] == {"new_loop_id": str(second["id"])}
    # a loop that was merged before anybody saw it has an address too
    ancient = books(box).merges[0]
    answer = get(f"/profile/{ancient.views[0]}/loop/{ancient.id}", include_details="true")
    assert answer.status_code == 301
    bearer = {"Authorization": f"Bearer {credentials(box)['access_token']}"}
    assert http.get(answer.headers["location"], headers=bearer).status_code == 200
    assert f"{ancient.views[0]}|{ancient.id}" not in truth(box)["merged_loops"]
    with pytest.raises(ValueError, match="merged once"):
        books(box).merge(old, into)


def test_activities_come_in_batches(get: Get) -> None:
    path = f"/profile/{profile_id(get)}/loop"
    most = max((walk(get, f"{path}/{row['id']}/activity", 100) for row in loops(get)), key=len)
    assert len(most) > 100
    assert [row["date"] for row in most] == sorted((row["date"] for row in most), reverse=True)
    assert "✍" in most[5]["message"]


def test_folders_tasks_and_templates(get: Get, http: httpx.Client, box: Sandbox) -> None:
    own = profile_id(get)
    row = next(r for r in loops(get) if r["totalTaskCount"] and r["completedTaskCount"])
    path = f"/profile/{own}/loop/{row['id']}"
    folders = get(f"{path}/folder").json()["data"]
    assert set(folders[0]) == {"id", "name", "created", "updated"}
    every = get(f"{path}/folder", include_documents="true", include_archived="true").json()["data"]
    assert len(every) == len(folders) + 1
    documents = get(f"{path}/folder/{folders[0]['id']}/document").json()["data"]
    assert documents == every[0]["documents"]
    assert set(documents[0]) == {"id", "name", "created", "updated"}
    bearer = {"Authorization": f"Bearer {credentials(box)['access_token']}"}
    target = f"{API}{path}/folder/{folders[0]['id']}/document/{documents[0]['id']}"
    pdf = http.get(target, headers={**bearer, "Accept": "application/pdf"})
    assert pdf.content.startswith(b"%PDF")
    [tasklist] = get(f"{path}/tasklist").json()["data"]
    tasks = get(f"{path}/tasklist/{tasklist['id']}/task").json()["data"]
    assert len(tasks) == row["totalTaskCount"]
    assert sum(task["completed"] for task in tasks) == row["completedTaskCount"]
    assert {task["due"] is None for task in tasks} == {True, False}
    templates = get(f"/profile/{own}/loop-template").json()["data"]
    assert set(templates[0]) == {"id", "profileId", "name", "transactionType", "shared", "global"}
    for gone in (f"{path}/folder/1/document", f"{path}/tasklist/1/task", f"{path}/nothing",
                 f"/profile/{own}/loop/1", "/nothing"):  # fmt: skip
        answer = get(gone)
        assert answer.status_code == 404
        assert answer.json()["errors"]


# --- what may happen ------------------------------------------------------------------------------


def row_of(get: Get, loop: Loop) -> Json:
    answer = get(f"/profile/{loop.views[0]}/loop/{loop.id}", include_details="true")
    assert answer.status_code == 200
    found: Json = answer.json()["data"]
    return found


def test_the_worlds_changes_show(box: Sandbox, get: Get) -> None:
    loop = a_loop(box)
    assert loop.deal
    before = row_of(get, loop)
    box.clock.advance(seconds=5)
    box.mutate({"op": "update_deal", "deal_id": loop.deal.id, "price": "412345.60"})
    after = row_of(get, loop)
    assert plain("Purchase/Sale Price", block_of(after)["Financials"]["Purchase/Sale Price"]) == (
        "412345.60"
    )
    assert after["updated"] > before["updated"]
    assert after["status"] == "UNDER_CONTRACT"
    box.clock.advance(seconds=5)
    box.mutate({"op": "close_deal", "deal_id": loop.deal.id})
    sold = row_of(get, loop)
    assert sold["status"] in ("SOLD", "PURCHASED", "LEASED")
    assert sold["updated"] > after["updated"]
    path = f"/profile/{loop.views[0]}/loop/{loop.id}/activity"
    assert get(path).json()["data"][0]["message"] == f"Status changed to {sold['status']}"
    box.mutate({"op": "terminate_deal", "deal_id": loop.deal.id})
    assert row_of(get, loop)["status"] == "ARCHIVED"


def test_a_change_that_only_rezen_has_leaves_the_loop_alone(box: Sandbox, get: Get) -> None:
    loop = a_loop(box)
    assert loop.deal
    before = row_of(get, loop)
    box.clock.advance(seconds=5)
    box.mutate(
        {"op": "set_state", "deal_id": loop.deal.id, "state": "COMMISSION_DOCUMENT_APPROVED"}
    )
    assert row_of(get, loop) == before


@pytest.mark.parametrize("touch", [False, True])
def test_participants_and_the_loops_stamp(box: Sandbox, get: Get, touch: bool) -> None:
    switch(box, "participants_touch", touch)
    loop = a_loop(box)
    assert loop.deal
    path = f"/profile/{loop.views[0]}/loop/{loop.id}/participant"
    stamps = [row_of(get, loop)["updated"]]

    def people() -> dict[int, Json]:
        stamps.append(row_of(get, loop)["updated"])
        assert (stamps[-1] > stamps[-2]) is touch or len(stamps) == 2
        box.clock.advance(seconds=2)
        return {row["id"]: row for row in get(path).json()["data"]}

    before = people()
    new = play(
        box, "add_participant", loop_id=loop.id, set={"fullName": "Nia New", "role": "INSPECTOR"}
    )["id"]
    after = people()
    assert after.keys() - before.keys() == {new}
    assert after[new]["role"] == "INSPECTOR"
    play(box, "edit_participant", loop_id=loop.id, id=new, set={"email": "nia@example.com"})
    assert people()[new]["email"] == "nia@example.com"
    play(box, "delete_participant", loop_id=loop.id, id=new)
    assert people() == before
    box.mutate({"op": "change_participant", "deal_id": loop.deal.id, "first_name": "Renamed"})
    assert any((row["fullName"] or "").startswith("Renamed ") for row in people().values())


def test_loops_by_hand(box: Sandbox, get: Get) -> None:
    made = play(
        box, "add_loop", agent_key=ADA, set={"name": "By hand", "status": "UNDER_CONTRACT"},
        details={"Financials": {"Purchase/Sale Price": "7.5"},
                 "Contract Dates": {"Closing Date": "2026-07-01"}},
    )["loop_id"]  # fmt: skip
    loop = books(box).loops[made]
    row = row_of(get, loop)
    assert (row["name"], row["status"]) == ("By hand", "UNDER_CONTRACT")
    told = truth(box)["loops"][f"{loop.views[0]}|{made}"]
    assert told["details"]["Financials"] == {"Purchase/Sale Price": "7.50"}
    assert told["details"]["Contract Dates"] == {"Closing Date": "2026-07-01"}
    play(box, "edit_loop", loop_id=made, details={"Contract Dates": {"Closing Date": None}})
    assert "Contract Dates" not in block_of(row_of(get, loop))
    play(box, "add_activity", loop_id=made, message="Robin wrote a note")
    assert any(a["message"] == "Robin wrote a note" for a in truth(box)["activities"].values())
    play(box, "delete_loop", loop_id=made)
    assert get(f"/profile/{loop.views[0]}/loop/{made}").status_code == 404
    assert f"{loop.views[0]}|{made}" not in truth(box)["loops"]


def test_contacts_accounts_and_profiles_change(box: Sandbox, get: Get) -> None:
    box.clock.advance(seconds=2)
    made = play(box, "add_contact", agent_key=ADA, set={"lastName": "Newcomer"})["id"]
    assert get(f"/contact/{made}").json()["data"]["lastName"] == "Newcomer"
    play(box, "edit_contact", agent_key=ADA, id=made, set={"cell": None, "city": "Elsewhere"})
    row = get(f"/contact/{made}").json()["data"]
    assert (row["city"], row["updated"]) == (
        "Elsewhere",
        max(c["updated"] or "" for c in walk(get, "/contact", 50)),
    )
    play(box, "delete_contact", agent_key=ADA, id=made)
    assert get(f"/contact/{made}").status_code == 404
    play(box, "edit_account", agent_key=ADA, set={"lastName": "Renamed"})
    assert get("/account").json()["data"]["lastName"] == "Renamed"
    box.mutate({"op": "update_agent", "agent_key": BEN, "email": "new@example.com"})
    assert get("/account", BEN).json()["data"]["email"] == "new@example.com"
    new = play(box, "add_profile", agent_key=ADA, type="TEAM", name="Second team")["profile_id"]
    assert get(f"/profile/{new}/loop").json()["data"] == []
    play(box, "edit_profile", profile_id=new, set={"zipCode": "97001", "deactivated": True})
    assert truth(box)["profiles"][str(new)]["zip_code"] == "97001"
    assert get(f"/profile/{new}/loop").status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"op": "dotloop.fly"},
        {"op": "dotloop.edit_loop"},
        {"op": "dotloop.edit_loop", "loop_id": 1},
        {"op": "dotloop.edit_contact", "agent_key": ADA, "id": 1},
        {"op": "dotloop.add_contact", "agent_key": "nobody"},
        {"op": "dotloop.add_contact", "agent_key": ADA, "set": {"shoeSize": 9}},
        {"op": "dotloop.add_loop", "agent_key": ADA,
         "details": {"Financials": {"Rent": "a lot"}}},
        {"op": "dotloop.edit_profile", "profile_id": 1},
        {"op": "dotloop.edit_participant", "loop_id": 70011, "id": 1},
        {"op": "dotloop.switch", "name": "nothing", "value": 1},
    ],
)  # fmt: skip
def test_an_impossible_change_is_refused_with_a_reason(http: httpx.Client, change: Json) -> None:
    answer = http.post("/sandbox/mutate", json=change)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


def test_life_goes_on(box: Sandbox, get: Get) -> None:
    before = {agent: truth(box, agent) for agent in AGENTS}
    since = box.clock.now().replace(microsecond=0)
    box.advance(days=45)
    after = {agent: truth(box, agent) for agent in AGENTS}
    grown = {
        entity: {k for a in AGENTS for k in after[a][entity].keys() - before[a][entity].keys()}
        for entity in ("loops", "contacts", "activities")
    }
    assert all(grown.values())
    statuses = {
        (before[a]["loops"][key]["status"], row["status"])
        for a in AGENTS
        for key, row in after[a]["loops"].items()
        if key in before[a]["loops"]
    }
    assert ("UNDER_CONTRACT", "SOLD") in statuses
    # whatever is another row now says so itself
    for agent in AGENTS:
        for entity in ("loops", "contacts"):
            for key, row in after[agent][entity].items():
                if row != before[agent][entity].get(key) and row["updated"] is not None:
                    assert datetime.fromisoformat(row["updated"]) >= since, (entity, key)
    own = profile_id(get)
    shown = {f"{own}|{row['id']}" for row in walk(get, f"/profile/{own}/loop")}
    assert shown == {key for key in after[ADA]["loops"] if key.startswith(f"{own}|")}


def test_a_listing_and_its_sale_are_one_loop(box: Sandbox) -> None:
    sold = [loop for loop in books(box).loops.values() if loop.sale]
    assert sold
    deals = [d.id for loop in books(box).loops.values() for d in (loop.deal, loop.sale) if d]
    assert len(deals) == len(set(deals))


# --- subscriptions --------------------------------------------------------------------------------


class Inbox:
    """A receiver of webhooks that says yes to everything."""

    def __init__(self) -> None:
        self.bodies: list[Json] = []
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                inbox.bodies.append(json.loads(self.rfile.read(length)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    @property
    def types(self) -> list[str]:
        return [body["eventType"] for body in self.bodies]


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    made = Inbox()
    yield made
    made.server.shutdown()
    made.server.server_close()


Send = Callable[..., httpx.Response]


@pytest.fixture
def send(box: Sandbox, http: httpx.Client) -> Send:
    """Asks for, or changes, Ada's subscriptions: `send(method, path, body, **query)`."""

    def call(method: str, path: str = "", body: Json | None = None, **query: Any) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {credentials(box)['access_token']}"}
        target = f"{API}/subscription{path}"
        return http.request(method, target, params=query, json=body, headers=bearer)

    return call


def subscribe(send: Send, url: str, kind: str, target: int, *events: str, **more: Any) -> Json:
    body = {"targetType": kind, "targetId": target, "url": url, "eventTypes": events, **more}
    answer = send("POST", body=body)
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()["data"]
    return found


def pages(send: Send, path: str = "", **query: Any) -> list[list[Json]]:
    found: list[list[Json]] = []
    more: dict[str, Any] = {}
    while True:
        answer = send("GET", path, **query, **more).json()
        found.append(answer["data"])
        if "next_cursor" not in answer["meta"]:
            return found
        more = {"next_cursor": answer["meta"]["next_cursor"]}


def test_subscriptions_come_in_pages(box: Sandbox, get: Get, send: Send) -> None:
    own, url = profile_id(get), "https://hooks.example.com/dotloop"
    made = [
        subscribe(send, url, "PROFILE", own, "LOOP_UPDATED", enabled=n % 2 == 0, externalId=f"{n}")
        for n in range(5)
    ]
    assert pages(send) == [made]
    switch(box, "cursor_page", 2)
    assert [len(page) for page in pages(send)] == [2, 2, 1]
    assert [row for page in pages(send) for row in page] == made
    assert pages(send, enabled="true") == [[made[0], made[2]], [made[4]]]
    assert pages(send, enabled="false") == [[made[1], made[3]]]
    assert send("GET", next_cursor="nobody").status_code == 400
    changed = send("PATCH", f"/{made[1]['id']}", {"enabled": True}).json()["data"]
    assert changed == {**made[1], "enabled": True}
    assert send("DELETE", f"/{made[0]['id']}").status_code == 204
    assert send("GET", f"/{made[0]['id']}").status_code == 404


def test_the_log_of_deliveries(box: Sandbox, get: Get, send: Send, inbox: Inbox) -> None:
    own = profile_id(get)
    made = subscribe(send, inbox.url, "PROFILE", own, "LOOP_UPDATED")
    for name in ("One", "Two", "Three"):
        play(box, "edit_loop", loop_id=a_loop(box).id, set={"name": name})
    assert box.hooks.settle()
    switch(box, "cursor_page", 2)
    log = pages(send, f"/{made['id']}/event")
    assert [len(page) for page in log] == [2, 1]
    event = log[1][0]
    assert (event["eventType"], event["deliveryStatus"]) == ("LOOP_UPDATED", "DELIVERED")
    assert send("GET", f"/{made['id']}/event/{event['id']}").json()["data"] == event
    assert send("GET", f"/{made['id']}/event/nobody").status_code == 404
    assert pages(send, f"/{made['id']}/event", delivery_status="FAILED") == [[]]
    assert sum(map(len, pages(send, f"/{made['id']}/event", delivery_status="DELIVERED"))) == 3


def test_profiles_are_told_of_and_lost_ones_disable_their_subscription(
    box: Sandbox, get: Get, send: Send, inbox: Inbox
) -> None:
    team, me = profile_id(get, "TEAM"), get("/account").json()["data"]["id"]
    events = ("PROFILE_UPDATED", "USER_ADDED_TO_PROFILE", "USER_REMOVED_FROM_PROFILE",
              "USER_PROFILE_ACTIVATED", "USER_PROFILE_DEACTIVATED")  # fmt: skip
    subscribe(send, inbox.url, "USER", me, *events)
    of_team = subscribe(send, inbox.url, "PROFILE", team, "LOOP_UPDATED")
    assert of_team["eventTypes"] == ["LOOP_UPDATED"]
    play(box, "add_profile", agent_key=ADA)
    play(box, "edit_profile", profile_id=team, set={"name": "Renamed"})
    for closed in (True, False):
        play(box, "edit_profile", profile_id=team, set={"deactivated": closed})
    play(box, "remove_profile", agent_key=ADA, profile_id=team)
    assert box.hooks.settle()
    assert sorted(inbox.types) == sorted((*events, "SUBSCRIPTION_DISABLED"))
    assert send("GET", f"/{of_team['id']}").json()["data"]["enabled"] is False
    # also if the word of it was lost
    send("PATCH", f"/{of_team['id']}", {"enabled": True})
    assert pages(send, enabled="false") == [[{**of_team, "enabled": False}]]


# --- faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("missing_id", {}), ("drop_row", {}), ("duplicate_row", {}),
        ("drop_field", {"field": "name"}), ("null_field", {"field": "name"}),
        ("unknown_enum", {}), ("unknown_field", {}),
        ("string_for_number", {"field": "totalTaskCount"}), ("edit_row", {"set": {"name": "x"}}),
    ],
)  # fmt: skip
def test_row_faults_work_on_lists(box: Sandbox, get: Get, kind: str, params: Json) -> None:
    path = f"/profile/{profile_id(get)}/loop"
    clean = get(path).json()["data"]
    box.faults.add(kind, vendor="dotloop", match="/loop", row=1, **params)
    spoiled = get(path).json()["data"]
    assert len(spoiled) == len(clean) + {"drop_row": -1, "duplicate_row": 1}.get(kind, 0)
    if kind == "duplicate_row":
        assert spoiled[-1] == clean[1]
    else:
        assert spoiled[1] != clean[1]
    assert spoiled[0] == clean[0]
    assert get(path).json()["data"] == clean


def test_faults_reach_totals_and_single_objects(box: Sandbox, get: Get) -> None:
    box.faults.add("wrong_total", vendor="dotloop", match="/profile$", by=3)
    answer = get("/profile").json()
    assert answer["meta"]["total"] == len(answer["data"]) + 3
    box.faults.add("null_field", vendor="dotloop", match="/account", field="email")
    assert get("/account").json()["data"]["email"] is None
    box.faults.add("bare", vendor="dotloop", match="/contact")
    assert isinstance(get("/contact").json(), list)


def test_a_list_that_moves_while_it_is_read(box: Sandbox, get: Get) -> None:
    """A loop that is touched between two batches jumps to the end, and the next one is skipped."""
    path, order = f"/profile/{profile_id(get)}/loop", {"sort": "updated:asc", "batch_size": 5}
    before = [row["id"] for row in loops(get, sort="updated:asc")]
    box.faults.add("shift_page", vendor="dotloop", match="batch_number=2")
    first = [row["id"] for row in get(path, **order).json()["data"]]
    second = [row["id"] for row in get(path, batch_number=2, **order).json()["data"]]
    assert first == before[:5]
    assert second == before[6:11]
    assert [row["id"] for row in loops(get, sort="updated:asc")] == [*before[1:], before[0]]


def test_an_address_book_that_moves_while_it_is_read(box: Sandbox, get: Get) -> None:
    before = [row["id"] for row in walk(get, "/contact", 50)]
    box.faults.add("shift_page", vendor="dotloop", match="batch_number=2")
    first = [row["id"] for row in get("/contact", batch_size=10).json()["data"]]
    second = [r["id"] for r in get("/contact", batch_size=10, batch_number=2).json()["data"]]
    assert first == before[:10]
    assert second == before[11:21]
    assert [row["id"] for row in walk(get, "/contact", 50)] == [*before[1:], before[0]]


@pytest.mark.parametrize(("kind", "status"), [("vanish", 404), ("merge", 301)])
def test_a_loop_that_goes_between_list_and_question(
    box: Sandbox, get: Get, kind: str, status: int
) -> None:
    own = profile_id(get)
    gone = loops(get)[3]["id"]
    rule = box.faults.add(kind, vendor="dotloop", match=f"/loop/{gone}/participant")
    assert get(f"/profile/{own}/loop/{gone}/participant").status_code == status
    assert get(f"/profile/{own}/loop/{gone}").status_code == status
    assert rule.hits == 1
    told = truth(box)
    assert f"{own}|{gone}" not in told["loops"]
    assert (f"{own}|{gone}" in told["merged_loops"]) is (kind == "merge")


def test_the_same_seed_gives_the_same_bytes(box: Sandbox, get: Get) -> None:
    path = f"/profile/{profile_id(get)}/loop"
    paths = ("/account", "/profile", "/contact", path)
    first = [get(p, include_details="true").content for p in paths]
    tokens = {key: value for key, value in credentials(box).items() if key != "expires_at"}
    box.reset()
    assert [get(p, include_details="true").content for p in paths] == first
    again = credentials(box)
    assert {key: again[key] for key in tokens} == tokens
