"""Lofty's interface as the contract describes it: keys, envelopes, scans, values, changes."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import xxhash

from sandbox.box import Sandbox
from sandbox.lofty import wire
from sandbox.lofty.account import Account
from sandbox.lofty.books import Books
from sandbox.lofty.grants import CLIENT_ID, CLIENT_SECRET

Json = dict[str, Any]
Get = Callable[..., httpx.Response]
ADA, BEN, CORA = "ada-sample", "ben-example", "cora-upline"
AGENTS = (ADA, BEN, CORA)
JSON_TYPE = {"Content-Type": "application/json"}
DAY_MS = 86_400_000
PLAIN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
GMT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dGMT")
PER_LEAD = (
    "lead_activities", "notes", "tasks", "appointments", "calls", "system_logs",
    "transaction_commissions",
)  # fmt: skip


# -- asking ----------------------------------------------------------------------------------------


def books(box: Sandbox) -> Books:
    found = box.books["lofty"]
    assert isinstance(found, Books)
    return found


def account_of(box: Sandbox, agent: str = ADA) -> Account:
    return books(box).of(agent)


def switch(box: Sandbox, name: str, value: Any) -> None:
    box.mutate({"op": "lofty.switch", "name": name, "value": value})


def headers(credential: str, scheme: str = "token") -> dict[str, str]:
    return {**JSON_TYPE, "Authorization": f"{scheme} {credential}"}


def key_of(box: Sandbox, agent: str = ADA, role: str = "owner") -> str:
    return str(box.account(agent, "lofty")["keys"][role])


@pytest.fixture
def get(box: Sandbox, http: httpx.Client) -> Get:
    """`get("/v1.0/me", agent=BEN, limit=3)` with the owner's key, or another `role`'s."""

    def call(path: str, *, agent: str = ADA, role: str = "owner", **params: Any) -> httpx.Response:
        sent = headers(key_of(box, agent, role))
        # empty params would take the path's own query away
        return http.get(f"/lofty{path}", params=params or None, headers=sent)

    return call


def code_of(answer: httpx.Response) -> Any:
    return answer.json()["code"]


def scroll(get: Get, **params: Any) -> Iterator[Json]:
    """The pages of a scan, as the contract says that one goes on and ends."""
    token: Json = {}
    while True:
        answer = get("/v1.0/leads", **params, **token)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        yield page
        if not page["leads"] or "scrollId" not in page["_metadata"]:
            return
        token = {"scrollId": page["_metadata"]["scrollId"]}


def all_leads(get: Get, **params: Any) -> list[Json]:
    return [row for page in scroll(get, limit=100, **params) for row in page["leads"]]


def feed(box: Sandbox, get: Get, *, agent: str = ADA, **params: Any) -> list[Json]:
    """The whole feed in windows of 90 days, backwards."""
    end = int(box.clock.now().timestamp() * 1000)
    first = end - 1080 * DAY_MS
    rows: list[Json] = []
    while end > first:
        start = end - 90 * DAY_MS
        cursor: Json = {}
        while True:
            asked = {"teamView": "true", "startTime": start, "endTime": end, **params, **cursor}
            body = get("/v2.0/communication/agent", agent=agent, **asked).json()
            rows += body["data"]
            if body["nextCursor"] is None:
                break
            cursor = {"cursor": body["nextCursor"]}
        end = start - 1
    return rows


def transactions(get: Get, agent: str = ADA, **params: Any) -> list[Json]:
    rows: list[Json] = []
    page = 0
    while True:
        asked = {"transactionType": "All", "pageSize": 100, **params}
        body = get("/v2.0/transactions", agent=agent, pageNum=page, **asked).json()
        rows += body["pageData"]
        if len(rows) >= body["totalCount"] or not body["pageData"]:
            return rows
        page += 1


# -- reading everything, and comparing -------------------------------------------------------------


def visits(get: Get, lead_id: int, agent: str) -> list[Json]:
    rows: list[Json] = []
    while True:
        path = f"/v1.0/leads/{lead_id}/activities"
        page = get(path, agent=agent, curPage=len(rows) // 100).json()
        rows += page
        if len(page) < 100:
            return rows


def read(
    box: Sandbox, get: Get, agent: str = ADA, only: Collection[int] | None = None
) -> dict[str, dict[str, Json]]:
    """The account over HTTP, by entity and key; details of all leads, or of those that are told."""

    def ask(path: str, **params: Any) -> Any:
        answer = get(path, agent=agent, **params)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    me = ask("/v1.0/me")
    leads = all_leads(get, agent=agent)
    found: dict[str, dict[str, Json]] = {
        "account": {str(me["memberUserId"]): me},
        "members": _by("id", ask("/v1.0/members", limit=100)["members"]),
        "pipelines": _by("id", ask("/v1.0/teamFeatures/lead-pipelines", pageSize=50)["pipelines"]),
        "tags": {
            f"{row['tagId']}|{row['leadId']}": row for row in ask("/v1.0/teamFeatures/listTag")
        },
        "custom_fields": _by("attributeName", ask("/v1.0/teamFeatures/listCustomField")),
        "ponds": _by("id", ask("/v1.0/team-features/lead-ponds")),
        "transaction_fields": _by("id", ask("/v1.0/transaction/customfields")),
        "transaction_pipelines": {
            f"{row['transactionType']}|{stage['id']}": stage
            for row in ask("/v2.0/transactions/pipelines")["pipelines"]
            for stage in row["stages"]
        },
        "leads": _by("leadId", leads),
        "communications": _by("id", feed(box, get, agent=agent)),
        "transactions": _by("transactionId", transactions(get, agent)),
        **{name: {} for name in PER_LEAD},
    }
    for number in [row["leadId"] for row in leads if only is None or row["leadId"] in only]:
        for row in visits(get, number, agent):
            digest = xxhash.xxh3_64_hexdigest((row["text"] + row["link"]).encode())
            key = f"{number}|{row['created']}|{row['type']}|{digest}"
            found["lead_activities"][key] = {**row, "leadId": number}
        notes = ask("/v1.0/notes", leadId=number, includeSystemNote="true")["notes"]
        found["notes"] |= _by("noteId", notes)
        found["tasks"] |= _by("id", ask("/v1.0/tasks", leadId=number)["taskList"])
        found["appointments"] |= _by("id", ask("/v1.0/appts", leadId=number))
        found["calls"] |= _by("id", ask("/v1.0/calls", leadId=number, limit=100)["calls"])
        logs = ask("/v1.0/systemLogs", leadId=number)["timeLines"]
        found["system_logs"] |= _by("id", logs)
        found["transaction_commissions"] |= {
            f"{deal['transactionId']}|{part}|{line['id']}": {**line, "leadId": number}
            for deal in ask(f"/v1.0/leads/{number}/transactions")
            for part, lines in deal["commissions"].items()
            for line in lines
        }
    return found


def _by(name: str, rows: list[Json]) -> dict[str, Json]:
    keyed = {str(row[name]): row for row in rows}
    assert len(keyed) == len(rows), f"{name} is no key of these rows"
    return keyed


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def instant(value: Any) -> datetime:
    """Any of the vendor's forms of time."""
    if isinstance(value, int):
        return datetime.fromtimestamp(value // 1000, tz=UTC) + timedelta(milliseconds=value % 1000)
    moment = datetime.fromisoformat(value.removesuffix("GMT"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def same(sent: Any, wanted: Any) -> bool:
    if wanted in (None, ""):
        return sent in (None, "")
    if isinstance(wanted, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT.*\+00:00", wanted):
        return instant(sent) == datetime.fromisoformat(wanted)
    if isinstance(wanted, str) and isinstance(sent, int | float):
        return Decimal(str(sent)) == Decimal(wanted)
    return type(sent) is type(wanted) and bool(sent == wanted)


def differences(
    box: Sandbox, get: Get, agent: str = ADA, only: Collection[int] | None = None
) -> list[str]:
    """How what is sent differs from the truth; `only` as in `read`."""
    truth = box.truth(agent)["lofty"]["entities"]
    sent = read(box, get, agent, only)
    assert truth.keys() == sent.keys()
    for entity in PER_LEAD if only is not None else ():
        rows = truth[entity].items()
        truth[entity] = {key: row for key, row in rows if int(row["lead_id"]) in only}
    found = []
    for entity, rows in truth.items():
        if rows.keys() != sent[entity].keys():
            found.append(f"{entity}: {sorted(rows.keys() ^ sent[entity].keys())[:5]}")
        for key in rows.keys() & sent[entity].keys():
            for name, wanted in rows[key].items():
                value = sent[entity][key].get(camel(name))
                if not same(value, wanted):
                    found.append(f"{entity} {key} {name}: {value!r}, in truth {wanted!r}")
    return found


@pytest.mark.parametrize("agent", AGENTS)
def test_what_is_sent_is_the_truth(box: Sandbox, get: Get, agent: str) -> None:
    assert differences(box, get, agent) == []


def test_it_still_is_after_days_and_changes_of_the_world(box: Sandbox, get: Get) -> None:
    before = box.truth(ADA)["lofty"]["entities"]
    box.mutate({"op": "add_deal", "agent_key": ADA, "price": "512345.67"})
    box.mutate({"op": "update_agent", "agent_key": ADA, "last_name": "Renamed"})
    box.advance(days=6)
    assert differences(box, get) == []
    assert get("/v1.0/me").json()["lastName"] == "Renamed"
    assert "Ada Renamed" in {row["assignedUser"] for row in all_leads(get)}
    after = box.truth(ADA)["lofty"]["entities"]
    for entity in ("leads", "communications", "transactions", "lead_activities", "tasks"):
        assert len(after[entity]) > len(before[entity]), entity
    moved = [k for k in before["leads"] if after["leads"].get(k) != before["leads"][k]]
    assert moved


# -- who asks (1, 2, 3) ----------------------------------------------------------------------------


def test_keys_come_as_token_and_access_tokens_as_bearer(box: Sandbox, http: httpx.Client) -> None:
    access = box.account(ADA, "lofty")["oauth"]["access_token"]
    for sent in (headers(key_of(box)), headers(access, "Bearer")):
        answer = http.get("/lofty/v1.0/me", headers=sent)
        assert (answer.status_code, answer.json()["firstName"]) == (200, "Ada")


def test_the_wrong_scheme_is_a_bad_request(box: Sandbox, http: httpx.Client) -> None:
    access = box.account(ADA, "lofty")["oauth"]["access_token"]
    for sent in (headers(key_of(box), "Bearer"), headers(access, "token")):
        answer = http.get("/lofty/v1.0/me", headers=sent)
        assert (answer.status_code, code_of(answer)) == (400, 200058)


def test_bad_credentials(box: Sandbox, http: httpx.Client, get: Get) -> None:
    no_key = http.get("/lofty/v1.0/me", headers=JSON_TYPE)
    unknown = http.get("/lofty/v1.0/me", headers=headers("nobody"))
    answers = [no_key, unknown, get("/v1.0/me", role="expired")]
    box.mutate({"op": "lofty.revoke_key", "agent_key": ADA})
    answers.append(get("/v1.0/me"))
    assert [(a.status_code, code_of(a)) for a in answers] == [(401, 20004)] * 4
    assert get("/v1.0/me", agent=BEN).status_code == 200
    box.mutate({"op": "lofty.restore_key", "agent_key": ADA})
    assert get("/v1.0/me").status_code == 200
    switch(box, "unauthorized_status", 400)
    answer = get("/v1.0/me", role="expired")
    assert (answer.status_code, code_of(answer)) == (400, 20004)


def test_an_agents_key_sees_what_is_theirs_with_200(box: Sandbox, get: Get) -> None:
    account = account_of(box)
    mine = all_leads(get, role="agent")
    everybody = {row["leadId"] for row in all_leads(get)}
    me = account.plain_agent.user_id
    seen = {row["leadId"] for row in mine}
    assert 0 < len(seen) < len(everybody)
    assert all(row["assignedUserId"] == me or row["pondId"] for row in mine)
    other = next(i for i in everybody - seen)
    answer = get(f"/v1.0/leads/{other}", role="agent")
    assert answer.status_code == 404
    assert "20006" in answer.text
    # and one that is hidden from the owner
    assert seen - everybody
    assert not get("/v1.0/me", role="agent").json()["isAdmin"]


def test_what_the_vendor_app_may_not_ask_for(box: Sandbox, http: httpx.Client, get: Get) -> None:
    switch(box, "missing_scopes", ["transactions"])
    bearer = headers(box.account(ADA, "lofty")["oauth"]["access_token"], "Bearer")
    answer = http.get("/lofty/v2.0/transactions", headers=bearer)
    assert (answer.status_code, code_of(answer)) == (403, 200100)
    assert http.get("/lofty/v1.0/leads", headers=bearer).status_code == 200
    # a key belongs to a user and not to an app
    assert get("/v2.0/transactions").status_code == 200


def renew(http: httpx.Client, refresh: str, **form: str) -> httpx.Response:
    sent = {"grant_type": "refresh_token", "refresh_token": refresh, **form}
    return http.post("/lofty/api/user-web/oauth/token", data=sent, auth=(CLIENT_ID, CLIENT_SECRET))


def test_both_token_endpoints(box: Sandbox, http: httpx.Client) -> None:
    first = box.account(ADA, "lofty")["oauth"]["refresh_token"]
    basic = (CLIENT_ID, CLIENT_SECRET)
    secrets = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    a, b = "/lofty/api/user-web/oauth/token", "/lofty/oauth/token"
    grant = {"grant_type": "refresh_token", "refresh_token": first}
    assert http.post(a, data=grant).status_code == 401
    assert http.post(b, data=grant).status_code == 401
    pair = http.post(a, params=grant, auth=basic).json()
    assert pair.keys() == {
        "access_token", "token_type", "expires_in", "refresh_token", "scope"
    }  # fmt: skip
    grant["refresh_token"] = pair["refresh_token"]
    pair = http.post(b, data={**grant, **secrets}).json()
    sent = headers(pair["access_token"], "Bearer")
    assert http.get("/lofty/v1.0/me", headers=sent).json()["firstName"] == "Ada"
    customer = {"grant_type": "client_credentials", "customer_key": key_of(box, BEN)}
    assert http.post(a, data=customer, auth=basic).json()["error"] == "unsupported_grant_type"
    bens = http.post(b, data={**customer, **secrets}).json()["access_token"]
    me = http.get("/lofty/v1.0/me", headers=headers(bens, "Bearer")).json()
    assert me["firstName"] == "Ben"
    for which, gone in (("A", b), ("B", a)):
        switch(box, "token_endpoint", which)
        assert http.post(gone, data=grant, auth=basic).status_code == 404


def test_a_refresh_gives_a_new_pair_and_the_old_one_dies(box: Sandbox, http: httpx.Client) -> None:
    first = box.account(ADA, "lofty")["oauth"]
    pair = renew(http, first["refresh_token"]).json()
    assert pair["refresh_token"] != first["refresh_token"]
    assert pair["access_token"] != first["access_token"]
    again = renew(http, first["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    switch(box, "rotate", False)
    for _ in range(2):
        assert renew(http, pair["refresh_token"]).status_code == 200


@pytest.mark.parametrize(("days", "status"), [(179, 200), (180, 400)])
def test_a_refresh_token_lives_for_180_days(
    box: Sandbox, http: httpx.Client, days: int, status: int
) -> None:
    first = box.account(ADA, "lofty")["oauth"]["refresh_token"]
    box.advance(seconds=days * 86_400)
    assert renew(http, first).status_code == status


def test_a_token_that_ends_in_a_scan_costs_no_row(box: Sandbox, http: httpx.Client) -> None:
    switch(box, "expires_in", 60)
    pair = renew(http, box.account(ADA, "lofty")["oauth"]["refresh_token"]).json()
    assert pair["expires_in"] == 60

    def page(token: str, **params: Any) -> httpx.Response:
        asked = {"limit": 15, **params}
        return http.get("/lofty/v1.0/leads", params=asked, headers=headers(token, "Bearer"))

    first = page(pair["access_token"]).json()
    scroll_id = first["_metadata"]["scrollId"]
    box.advance(seconds=61)
    refused = page(pair["access_token"], scrollId=scroll_id)
    assert (refused.status_code, code_of(refused)) == (401, 20004)
    pair = renew(http, pair["refresh_token"]).json()
    second = page(pair["access_token"], scrollId=scroll_id).json()
    ids = [row["leadId"] for row in first["leads"] + second["leads"]]
    assert len(set(ids)) == 30
    box.mutate({"op": "lofty.expire_token", "agent_key": ADA})
    assert page(pair["access_token"]).status_code == 401


def consent(http: httpx.Client, **params: str) -> dict[str, list[str]]:
    answer = http.get("/lofty/page/vendor-auth.html", params={"clientId": CLIENT_ID, **params})
    assert answer.status_code == 302
    return parse_qs(urlsplit(answer.headers["location"]).query)


def test_the_consent_page(box: Sandbox, http: httpx.Client) -> None:
    del box
    assert consent(http, deny="1", state="s1") == {"error": ["access_denied"], "state": ["s1"]}
    [code] = consent(http, agent_key=BEN)["code"]
    form = {"grant_type": "authorization_code", "code": code}
    basic = (CLIENT_ID, CLIENT_SECRET)
    pair = http.post("/lofty/api/user-web/oauth/token", data=form, auth=basic).json()
    me = http.get("/lofty/v1.0/me", headers=headers(pair["access_token"], "Bearer")).json()
    assert me["firstName"] == "Ben"
    again = http.post("/lofty/api/user-web/oauth/token", data=form, auth=basic)
    assert again.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(("verifier", "status"), [("right-verifier", 200), ("wrong", 400)])
def test_a_code_with_a_challenge(
    box: Sandbox, http: httpx.Client, verifier: str, status: int
) -> None:
    del box
    digest = hashlib.sha256(b"right-verifier").digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    [code] = consent(http, code_challenge=challenge)["code"]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }
    assert http.post("/lofty/oauth/token", data=form).status_code == status


def test_content_type(box: Sandbox, http: httpx.Client) -> None:
    bare = {"Authorization": f"token {key_of(box)}"}
    lead = next(iter(account_of(box).leads))

    def statuses() -> tuple[int, int]:
        one = http.get("/lofty/v1.0/leads", headers=bare).status_code
        return one, http.get("/lofty/v1.0/teamFeatures/listTag", headers=bare).status_code

    assert statuses() == (415, 200)
    refused = http.delete(f"/lofty/v1.0/leads/{lead}", headers=bare)
    assert (refused.status_code, code_of(refused)) == (400, 20001)
    switch(box, "content_type", "all")
    assert statuses() == (415, 415)
    switch(box, "content_type", "none")
    assert statuses() == (200, 200)


def test_writes_are_refused_but_for_the_trash(box: Sandbox, http: httpx.Client, get: Get) -> None:
    sent = headers(key_of(box))
    assert http.post("/lofty/v1.0/leads", headers=sent, json={}).status_code == 405
    lead = all_leads(get)[0]["leadId"]
    gone = http.delete(f"/lofty/v1.0/leads/{lead}", headers=sent, params={"reason": "test"})
    assert gone.json() == {"deleted": True, "leadId": str(lead)}
    assert lead not in {row["leadId"] for row in all_leads(get)}


# -- envelopes (4) ---------------------------------------------------------------------------------


def test_each_family_has_its_own_envelope(box: Sandbox, get: Get) -> None:
    lead = all_leads(get)[0]["leadId"]
    now = int(box.clock.now().timestamp() * 1000)
    meta = {"collection", "limit", "offset", "total", "scrollId"}
    for path, name in (
        ("/v1.0/leads?limit=1", "leads"),
        ("/v1.0/members", "members"),
        ("/v1.0/teamFeatures/lead-pipelines", "pipelines"),
        (f"/v1.0/calls?leadId={lead}", "calls"),
    ):
        body = get(path).json()
        assert body.keys() == {"_metadata", name}
        assert body["_metadata"].keys() == meta, path
    for path in (
        "/v1.0/teamFeatures/listTag",
        "/v1.0/teamFeatures/listCustomField",
        "/v1.0/team-features/lead-ponds",
        "/v1.0/transaction/customfields",
        f"/v1.0/leads/{lead}/activities",
        f"/v1.0/leads/{lead}/transactions",
        f"/v1.0/appts?leadId={lead}",
    ):
        assert isinstance(get(path).json(), list), path
    for path, names in (
        (f"/v1.0/leads/{lead}", {"lead"}),
        (f"/v1.0/notes?leadId={lead}", {"notes"}),
        (f"/v1.0/tasks?leadId={lead}", {"taskList"}),
        (f"/v2.0/tasks?leadId={lead}", {"tasks"}),
        (f"/v1.0/communication/call?leadId={lead}", {"calls"}),
        (f"/v1.0/communication/call/v2?leadId={lead}", {"calls"}),
        (f"/v1.0/communication/email?leadId={lead}", {"emails"}),
        (f"/v1.0/communication/text?leadId={lead}", {"texts"}),
        (f"/v2.0/leads/{lead}/activities", {"activities"}),
        (f"/v1.0/systemLogs?leadId={lead}", {"hasMore", "timeLines"}),
        ("/v2.0/transactions", {"pageNum", "pageSize", "totalCount", "pageData"}),
        ("/v2.0/transactions/pipelines", {"pipelines"}),
        (
            f"/v2.0/communication/agent?startTime={now - DAY_MS}&endTime={now}",
            {"data", "nextCursor", "hasMore", "limit", "totalCount"},
        ),
    ):
        assert get(path).json().keys() == names, path
    calendar = get("/v2.0/calendar?startTimeMs=0&includeFinished=true").json()["data"]
    assert calendar.keys() == {"total", "page", "pageSize", "items"}
    assert {item["type"] for item in calendar["items"]} == {"TASK", "APPOINTMENT"}


def test_the_other_forms_of_metadata_and_detail(box: Sandbox, get: Get) -> None:
    listed = all_leads(get)[3]
    assert get(f"/v1.0/leads/{listed['leadId']}").json() == {"lead": listed}
    switch(box, "lead_detail", "bare")
    assert get(f"/v1.0/leads/{listed['leadId']}").json() == listed
    switch(box, "metadata_key", "get_metadata")
    for path in ("/v1.0/leads", "/v1.0/members"):
        assert "get_metadata" in get(path).json()


# -- paging (5) ------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0, 101])
def test_a_limit_outside_1_to_100_is_refused(get: Get, limit: int) -> None:
    answer = get("/v1.0/leads", limit=limit)
    assert (answer.status_code, code_of(answer)) == (400, 20042)


def test_unknown_parameters_are_ignored(get: Get) -> None:
    plain = get("/v1.0/leads").content
    odd = get("/v1.0/leads", pageSize=3, page=2, keyword="x", startTime=1, stageId=9).json()
    assert [r["leadId"] for r in odd["leads"]] == [
        r["leadId"] for r in httpx.Response(200, content=plain).json()["leads"]
    ]
    assert odd["_metadata"]["limit"] == 25


def test_a_scan_meets_every_lead_once_newest_first(box: Sandbox, get: Get) -> None:
    rows = [row["leadId"] for page in scroll(get, limit=7) for row in page["leads"]]
    assert rows == sorted(rows, reverse=True)
    assert {str(i) for i in rows} == box.truth(ADA)["lofty"]["entities"]["leads"].keys()


def test_the_server_may_send_smaller_pages_than_asked_for(box: Sandbox, get: Get) -> None:
    switch(box, "page_cap", 25)
    pages = list(scroll(get, limit=100))
    assert pages[0]["_metadata"]["limit"] == 25
    assert len(pages[0]["leads"]) == 25
    assert sum(len(page["leads"]) for page in pages) == pages[0]["_metadata"]["total"]


def test_a_full_last_page_is_followed_by_an_empty_one(box: Sandbox, get: Get) -> None:
    total = len(all_leads(get))
    pages = list(scroll(get, limit=total // 2))
    if total % 2:
        pages = list(scroll(get, limit=total))
    assert pages[-1]["leads"] == []
    assert "scrollId" not in pages[-1]["_metadata"]
    short = list(scroll(get, limit=total - 1))
    assert [len(page["leads"]) for page in short] == [total - 1, 1]
    switch(box, "last_page", "empty")
    assert [len(p["leads"]) for p in scroll(get, limit=total - 1)] == [total - 1, 1, 0]


def test_a_scan_that_rests_too_long_is_over(box: Sandbox, get: Get) -> None:
    token = get("/v1.0/leads", limit=5).json()["_metadata"]["scrollId"]
    box.advance(seconds=4 * 60)
    assert get("/v1.0/leads", limit=5, scrollId=token).status_code == 200
    box.advance(seconds=4 * 60)
    # used four minutes ago
    assert get("/v1.0/leads", limit=5, scrollId=token).status_code == 200
    box.advance(seconds=5 * 60 + 1)
    assert get("/v1.0/leads", limit=5, scrollId=token).status_code == 400
    assert get("/v1.0/leads", limit=5, scrollId="invented").status_code == 400
    fresh = get("/v1.0/leads", limit=5).json()["_metadata"]["scrollId"]
    assert get("/v1.0/leads", agent=BEN, limit=5, scrollId=fresh).status_code == 400
    box.faults.add("scroll_expired", vendor="lofty", match="scrollId=")
    assert get("/v1.0/leads", limit=5, scrollId=fresh).status_code == 400


def test_a_scan_keeps_its_order_while_the_total_moves(box: Sandbox, get: Get) -> None:
    pages = scroll(get, limit=10)
    first = next(pages)
    seen = [row["leadId"] for row in first["leads"]]
    gone = account_of(box).leads[min(int(k) for k in box.truth(ADA)["lofty"]["entities"]["leads"])]
    box.mutate({"op": "lofty.delete_lead", "lead_id": gone.id})
    added = [box.mutate({"op": "lofty.add_lead"})["lead_id"] for _ in range(3)]
    rest = list(pages)
    seen += [row["leadId"] for page in rest for row in page["leads"]]
    total = first["_metadata"]["total"]
    assert rest[0]["_metadata"]["total"] == total + 2
    assert len(seen) == len(set(seen)) == total - 1
    assert not {gone.id, *added} & set(seen)


def test_pages_by_offset_move_when_a_lead_comes(box: Sandbox, get: Get) -> None:
    box.faults.add("shift_page", vendor="lofty", match="offset=10")
    params = {"limit": 10, "sort": "CreateTime", "desc": "true"}
    first = get("/v1.0/leads", offset=0, **params).json()["leads"]
    second = get("/v1.0/leads", offset=10, **params).json()["leads"]
    assert first[-1] == second[0]


def test_rows_that_come_twice_and_totals_that_grow(box: Sandbox, get: Get) -> None:
    box.faults.add("repeat_row", vendor="lofty", match="scrollId=")
    box.faults.add("moving_total", vendor="lofty", match="scrollId=", by=2)
    pages = list(scroll(get, limit=10))
    assert pages[1]["leads"][0] == pages[0]["leads"][-1]
    assert pages[1]["_metadata"]["total"] == pages[0]["_metadata"]["total"] + 4


def test_offsets_end_at_20000(box: Sandbox, get: Get) -> None:
    assert get("/v1.0/leads", offset=19_900, limit=100).json()["leads"] == []
    lead = all_leads(get)[0]["leadId"]
    for path, asked in (
        ("/v1.0/leads", {}),
        ("/v1.0/logType", {"leadId": lead, "logType": "logCall"}),
    ):
        refused = get(path, offset=19_901, limit=100, **asked)
        assert (refused.status_code, code_of(refused)) == (400, "OFFSET_EXCEED_LIMIT")
    switch(box, "offset_guard", 0)
    assert get("/v1.0/leads", offset=19_901, limit=100).status_code == 200


def test_sorts_that_the_contract_counts_on(box: Sandbox, get: Get) -> None:
    account = account_of(box)

    def first(sort: str) -> int:
        body = get("/v1.0/leads", sort=sort, desc="true", limit=1).json()
        return int(body["leads"][0]["leadId"])

    lead = box.mutate({"op": "lofty.add_lead"})["lead_id"]
    assert first("CreateTime") == lead
    old = next(x.id for x in account.visible(account.owner) if x.id != lead)
    box.mutate({"op": "lofty.edit_lead", "lead_id": old, "set": {"city": "Moved"}})
    # an edit is no activity, a visit is
    box.advance(seconds=2)
    assert first("LastActivity") != old
    box.mutate({"op": "lofty.add_visit", "lead_id": old})
    assert first("LastActivity") == old
    assert get("/v1.0/leads", sort="lastUpdateTime").status_code == 400


def test_documented_filters(box: Sandbox, get: Get) -> None:
    everybody = all_leads(get)

    def ids(rows: list[Json]) -> list[int]:
        return [row["leadId"] for row in rows]

    def names(row: Json) -> set[str]:
        return {tag["tagName"] for tag in row["tags"]}

    row = next(r for r in everybody if len(r["tags"]) == 2 and r["emails"])
    two = sorted(names(row))
    cases: list[tuple[Json, Callable[[Json], bool]]] = [
        ({"stage": "Closed"}, lambda r: r["stage"] == "Closed"),
        ({"source": "Website"}, lambda r: r["source"] == "Website"),
        ({"allTags": ",".join(two)}, lambda r: set(two) <= names(r)),
        ({"anyTags": ",".join(two)}, lambda r: bool(set(two) & names(r))),
        ({"email": row["emails"][0]}, lambda r: row["emails"][0] in r["emails"]),
        ({"assignedUserId": row["assignedUserId"]},
         lambda r: r["assignedUserId"] == row["assignedUserId"]),
    ]  # fmt: skip
    for params, fits in cases:
        wanted = ids([r for r in everybody if fits(r)])
        assert wanted
        assert ids(all_leads(get, **params)) == wanted, params


# -- values (6) ------------------------------------------------------------------------------------

LEAD = {
    "leadId", "leadUserId", "teamId", "firstName", "lastName", "birthday", "emails", "phones",
    "phoneStatuses", "language", "leadSource", "source", "stageId", "stage", "assignedUserId",
    "assignedUser", "assignTime", "assignCompletionStatus", "lenderUserId", "pondId", "pondName",
    "ownershipScope", "ownershipId", "score", "opportunity", "leadTypes", "leadType", "tags",
    "segments", "groups", "streetAddress", "city", "state", "zipCode", "createTime",
    "lastUpdateTime", "lastTouch", "lastVisit", "facebook", "twitter", "referredBy", "hiddenFlag",
    "privateFlag", "cannotText", "cannotCall", "cannotEmail", "unsubscription", "buyingTimeFrame",
    "sellingTimeFrame", "preQual", "houseToSell", "fthb", "withBuyerAgent", "withListingAgent",
    "mortgage", "buyHouse", "leadInquiry", "leadPropertyList", "customAttributes",
    "leadFamilyMemberList", "customRoleList",
}  # fmt: skip
INQUIRY = {
    "id", "leadUserId", "priceMin", "priceMax", "propertyType", "bedroomsMin", "bedroomsMax",
    "bathroomsMin", "bathroomsMax", "locations", "modifyByAgent", "defaultValue", "createTime",
    "updateTime",
}  # fmt: skip
PROPERTY = {
    "id", "leadUserId", "listingId", "autoListingId", "label", "labelList", "labelType",
    "listingStatus", "propertyType", "propertySource", "streetAddress", "city", "state", "zipCode",
    "county", "price", "priceMin", "priceMax", "bedrooms", "bathrooms", "squareFeet", "lotSize",
    "floors", "parkingSpace", "mailAddress", "note", "pictureUrl", "siteListingUrl", "createTime",
}  # fmt: skip
MEMBER = {
    "id", "memberUserId", "teamId", "invitorUserId", "role", "roleName", "isAdmin", "email",
    "firstName", "lastName", "firstLetter", "phoneNumber", "virtualNumber", "status",
    "accountStatus", "newLeadCount", "assignedLeadCount", "timeZoneId", "groupId", "groupName",
    "group", "agentInfo",
}  # fmt: skip
TRANSACTION = {
    "transactionId", "created", "updated", "leadId", "propertyId", "transactionName", "leadName",
    "agentName", "assignedAgent", "transactionType", "transactionStatus", "homePrice", "gci",
    "teamRevenue", "agentRevenue", "commissionRate", "expectedCloseDate", "closeDate",
    "appointmentDate", "agreementSignedDate", "offerDate", "contractDate", "appraisalDate",
    "homeInspectionDate", "escrowDate", "expiration", "customFields",
}  # fmt: skip
COMMUNICATION = {
    "id", "leadId", "agentId", "direction", "eventType", "communicationType", "communicationTime",
    "callOutcome", "callDuration", "status", "fromPond",
}  # fmt: skip
VISIT = {
    "type", "text", "link", "picture", "listing", "created", "scheduledDate", "pageName", "leadId"
}  # fmt: skip
NOTE = {
    "id", "noteId", "leadId", "creatorId", "creatorName", "content", "createTime", "lastUpdate",
    "lastEditorId", "lastEditorName", "deleteFlag", "isPin", "systemNote",
}  # fmt: skip
TASK = {
    "id", "leadId", "creatorId", "content", "type", "deadline", "finishFlag", "finishTime",
    "overdueFlag", "deleteFlag", "createTime", "lastUpdate", "assignedUserId", "assignedRole",
    "assignedUser", "subject", "body",
}  # fmt: skip
APPOINTMENT = {
    "id", "descr", "address", "createTime", "lastUpdate", "deadline", "endTime", "allDay",
    "finishFlag", "finishTime", "deleteFlag", "overdue", "leadId", "assignToUid",
    "assignRoleType", "creatorId",
}  # fmt: skip
FIELDS: Mapping[str, set[str]] = {
    "leads": LEAD,
    "members": MEMBER,
    "transactions": TRANSACTION,
    "communications": COMMUNICATION,
    "lead_activities": VISIT,
    "notes": NOTE,
    "tasks": TASK,
    "appointments": APPOINTMENT,
    "tags": {
        "leadId", "tagId", "tagName", "creatorUserId", "visibleType", "createTime", "updateTime"
    },
    "custom_fields": {"attributeName", "attributeType", "value", "params"},
    "ponds": {"id", "pondName", "pondOwnerId", "agentIds"},
    "transaction_fields": {"id", "name", "type", "params"},
    "transaction_pipelines": {"id", "name", "default"},
    "pipelines": {"id", "name"},
}  # fmt: skip


def empty(value: Any) -> bool:
    return value in (None, "", [], -1) or (value == 0 and value is not False)


def test_every_documented_field_comes_with_a_value_and_with_none(box: Sandbox, get: Get) -> None:
    told = [read(box, get, agent) for agent in AGENTS]
    rows = {name: [row for one in told for row in one[name].values()] for name in FIELDS}
    for entity, fields in FIELDS.items():
        assert fields <= set().union(*rows[entity]), entity
        for name in fields:
            values = [row[name] for row in rows[entity] if name in row]
            assert any(not empty(value) for value in values) or values[0] == 0, (entity, name)
    inquiries = [row["leadInquiry"] for row in rows["leads"] if row["leadInquiry"]]
    homes = [home for row in rows["leads"] for home in row["leadPropertyList"]]
    assert all(row.keys() == INQUIRY for row in inquiries)
    assert all(home.keys() == PROPERTY for home in homes)
    # missing where the contract says that they may be
    for entity, names in {
        "leads": ("assignCompletionStatus", "ownershipScope", "ownershipId", "leadType",
                  "privateFlag"),
        "members": ("accountStatus", "groupId", "groupName", "group", "agentInfo"),
        "communications": ("direction", "fromPond"),
        "transactions": ("leadId", "propertyId", "leadName", "agentName", "assignedAgent"),
    }.items():  # fmt: skip
        for name in names:
            assert any(name not in row for row in rows[entity]), (entity, name)
    # null
    for entity, names in {
        "leads": ("birthday", "language", "assignTime", "pondName", "opportunity", "lastUpdateTime",
                  "lastTouch", "lastVisit", "buyingTimeFrame", "preQual", "leadInquiry"),
        "members": ("timeZoneId",),
        "communications": ("callOutcome", "callDuration", "status"),
        "transactions": ("homePrice", "gci", "teamRevenue", "agentRevenue", "commissionRate",
                         "expectedCloseDate", "closeDate", "expiration"),
        "lead_activities": ("listing", "scheduledDate", "pageName"),
        "appointments": ("endTime", "finishTime"),
    }.items():  # fmt: skip
        for name in names:
            assert any(name in row and row[name] is None for row in rows[entity]), (entity, name)


@pytest.mark.parametrize("agent", AGENTS)
def test_sentinels_stand_for_none(box: Sandbox, get: Get, agent: str) -> None:
    rows = {str(row["leadId"]): row for row in all_leads(get, agent=agent)}
    control = box.truth(agent)["lofty"]["control"]["leads"]
    sentinels = {
        "lead_source": {-1}, "assigned_user_id": {0}, "lender_user_id": {0, -1}, "pond_id": {0}
    }  # fmt: skip
    assert control.keys() == rows.keys()
    for name, values in sentinels.items():
        sent = {key: row[camel(name)] for key, row in rows.items()}
        unset = {key for key in rows if control[key][name] is None}
        assert {sent[key] for key in unset} == values, name
        assert unset != rows.keys(), name
        assert all(str(sent[key]) == control[key][name] for key in rows.keys() - unset)
    for name, path in (("price_min", "priceMin"), ("bedrooms_min", "bedroomsMin")):
        for key, row in rows.items():
            if row["leadInquiry"]:
                sent_value = row["leadInquiry"][path]
                assert sent_value == (-1 if control[key][name] is None else control[key][name])
    texts = {row[name] for row in rows.values() for name in ("facebook", "referredBy")}
    assert {"", None} < texts


@pytest.mark.parametrize("agent", AGENTS)
def test_forms_of_times(box: Sandbox, get: Get, agent: str) -> None:
    told = read(box, get, agent)
    for row in told["leads"].values():
        for name in ("createTime", "lastUpdateTime", "assignTime", "lastTouch", "lastVisit"):
            assert row[name] is None or GMT.fullmatch(row[name])
    for name in ("notes", "tasks"):
        assert all(PLAIN.fullmatch(row["createTime"]) for row in told[name].values())
    assert {row["finishTime"] for row in told["tasks"].values()} > {""}
    for row in told["transactions"].values():
        assert row["created"] > 10**12
    births = [
        person["birthday"]
        for row in told["leads"].values()
        for person in row["leadFamilyMemberList"]
    ]
    assert {"Feb 28, 1982", None} <= set(births)
    lead = next(iter(told["leads"]))
    for row in get(f"/v1.0/systemLogs?leadId={lead}", agent=agent).json()["timeLines"]:
        assert row["timelineTime"].endswith("+00:00")
        assert isinstance(row["id"], str)


@pytest.mark.parametrize("agent", AGENTS)
def test_odd_values(box: Sandbox, get: Get, agent: str) -> None:
    del box
    rows = all_leads(get, agent=agent)
    ids = [row["leadId"] for row in rows]
    assert any(i > 2**53 and int(float(i)) != i for i in ids)
    assert sum(len(str(i)) == 15 for i in ids) == len(ids) - 1
    assert any(len(row["phones"]) > len(row["phoneStatuses"]) for row in rows)
    roles = [row["customRoleList"] for row in rows]
    assert all(len(role) == 5 for role in roles)
    assert any(all(r["assigneeId"] == 0 and r["assignee"] is None for r in role) for role in roles)
    assert any(r["assigneeId"] > 0 and r["assignee"] for role in roles for r in role)
    wishes = [
        a["value"]
        for row in rows
        for a in row["customAttributes"]
        if a["attributeType"] == "multi_select"
    ]
    assert wishes
    assert all(value.startswith("[") for value in wishes)
    names = {(row["firstName"], row["lastName"]) for row in rows}
    assert {("", ""), ("NULL", "Null")} & names
    tags = get("/v1.0/teamFeatures/listTag", agent=agent).json()
    assert {row["leadId"] == 0 for row in tags} == {True, False}


def test_the_kinds_of_custom_fields(get: Get) -> None:
    kinds = {f["attributeType"] for f in get("/v1.0/teamFeatures/listCustomField").json()}
    assert kinds == {
        "number", "text", "date", "anniversary_date", "single_select", "multi_select",
        "percentage", "currency",
    }  # fmt: skip
    kinds = {f["type"] for f in get("/v1.0/transaction/customfields").json()}
    assert kinds == {
        "DATE", "TEXT", "NUMBER", "PERCENTAGE", "Single-Select", "Multi-Select", "CURRENCY", "HTML"
    }  # fmt: skip


def test_what_must_not_be_stored_is_marked(box: Sandbox, get: Get) -> None:
    told = read(box, get)
    assert any("DO-NOT-STORE" in row["content"] for row in told["notes"].values())
    assert any("DO-NOT-STORE" in row["body"] for row in told["tasks"].values())
    assert "DO-NOT-STORE" not in str(told["leads"]) + str(told["communications"])
    assert "DO-NOT-STORE" not in str(box.truth(ADA)["lofty"])


def test_site_activities_page_by_hundred_newest_first(box: Sandbox, get: Get) -> None:
    account = account_of(box)
    busy = next(x for x in account.visible(account.owner) if len(x.site_activities) > 100)
    path = f"/v1.0/leads/{busy.id}/activities"
    first, second = (get(path, curPage=page).json() for page in (0, 1))
    assert len(first) == 100
    assert len(first) + len(second) == len(busy.site_activities)
    times = [row["created"] for row in first + second]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) < len(times)


# -- gone, hidden, merged, silent (7, 8, 9) --------------------------------------------------------


def plain_lead(box: Sandbox) -> int:
    """A lead of Ada's list that no deal and no rule is about."""
    return int(box.mutate({"op": "lofty.edit_lead", "set": {"score": 1}})["lead_id"])


def gone(answer: httpx.Response) -> bool:
    return answer.status_code == 404 and "20006" in answer.text


def test_a_trashed_lead_shows_with_a_flag_only(box: Sandbox, get: Get) -> None:
    lead = plain_lead(box)
    path = f"/v1.0/leads/{lead}"
    box.mutate({"op": "lofty.delete_lead", "lead_id": lead})
    assert gone(get(path))
    assert get(path, withTrash="true").json()["lead"]["leadId"] == lead
    assert gone(get("/v1.0/notes", leadId=lead))
    assert str(lead) not in box.truth(ADA)["lofty"]["entities"]["leads"]
    box.mutate({"op": "lofty.restore_lead", "lead_id": lead})
    assert get(path).status_code == 200
    assert differences(box, get) == []


def test_a_deleted_and_a_hidden_lead_look_alike(box: Sandbox, get: Get) -> None:
    first = plain_lead(box)
    box.mutate({"op": "lofty.delete_lead", "lead_id": first, "purge": True})
    second = plain_lead(box)
    box.mutate({"op": "lofty.hide_lead", "lead_id": second})
    for lead in (first, second):
        assert gone(get(f"/v1.0/leads/{lead}"))
        assert gone(get(f"/v1.0/leads/{lead}", withTrash="true"))
    box.mutate({"op": "lofty.assign_lead", "lead_id": second, "hidden": False})
    assert get(f"/v1.0/leads/{second}").status_code == 200


def test_a_lead_given_to_another_agent_vanishes_from_ones_key(box: Sandbox, get: Get) -> None:
    me = account_of(box).plain_agent.user_id
    lead = next(
        row["leadId"]
        for row in all_leads(get, role="agent")
        if row["assignedUserId"] == me and not row["pondId"]
    )
    box.mutate({"op": "lofty.assign_lead", "lead_id": lead})
    assert gone(get(f"/v1.0/leads/{lead}", role="agent"))
    logs = get("/v1.0/systemLogs", leadId=lead)
    if logs.status_code == 200:
        assert logs.json()["timeLines"][-1]["timelineType"] == "ASSIGNMENT"


@pytest.mark.parametrize("trash", [True, False])
def test_a_merge_leaves_no_link(box: Sandbox, get: Get, trash: bool) -> None:
    account = account_of(box)
    seen = account.visible(account.owner)
    loser = max(seen, key=lambda x: len(x.site_activities))
    said = {c.id for c in account.communications() if c.lead_id == loser.id}
    winner = next(x for x in seen if x is not loser and not x.tags)
    counts = [len(x.site_activities) for x in (winner, loser)]
    tags = set(loser.tags)
    assert said
    assert tags
    box.mutate({"op": "lofty.merge_leads", "winner": winner.id, "loser": loser.id, "trash": trash})
    assert gone(get(f"/v1.0/leads/{loser.id}"))
    assert get(f"/v1.0/leads/{loser.id}", withTrash="true").status_code == (200 if trash else 404)
    detail = get(f"/v1.0/leads/{winner.id}").json()["lead"]
    assert {tag["tagId"] for tag in detail["tags"]} == tags
    assert {tag["leadId"] for tag in detail["tags"]} == {winner.id}
    assert str(loser.id) not in str(detail)
    assert len(visits(get, winner.id, ADA)) == sum(counts)
    assert said <= {row["id"] for row in feed(box, get) if row["leadId"] == winner.id}
    assert differences(box, get) == []


def test_silent_edits_and_a_job_that_touches_everybody(box: Sandbox, get: Get) -> None:
    lead = plain_lead(box)

    def clock() -> str:
        return str(get(f"/v1.0/leads/{lead}").json()["lead"]["lastUpdateTime"])

    before = clock()
    switch(box, "silent_edits", True)
    box.mutate({"op": "lofty.edit_lead", "lead_id": lead, "set": {"city": "Elsewhere"}})
    assert clock() == before
    assert get(f"/v1.0/leads/{lead}").json()["lead"]["city"] == "Elsewhere"
    switch(box, "silent_edits", False)
    box.mutate({"op": "lofty.edit_lead", "lead_id": lead, "set": {"city": "Third"}})
    assert clock() > before
    older = {row["leadId"]: row["lastUpdateTime"] for row in all_leads(get)}
    box.mutate({"op": "lofty.touch_all"})
    newer = {row["leadId"]: row["lastUpdateTime"] for row in all_leads(get)}
    assert all(newer[i] > (older[i] or "") for i in older)


# -- limits and errors (10, 11) --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("app", "allowed"), [("key", 10), ("development", 100), ("production", 500)]
)
def test_three_allowances(box: Sandbox, http: httpx.Client, app: str, allowed: int) -> None:
    box.limits.enabled = True
    if app == "key":
        sent = headers(key_of(box))
    else:
        switch(box, "app", app)
        sent = headers(box.account(ADA, "lofty")["oauth"]["access_token"], "Bearer")
    for left in range(allowed - 1, -1, -1):
        answer = http.get("/lofty/v1.0/org", headers=sent)
        assert answer.status_code == 200
        assert answer.headers["x-ratelimit-limit"] == str(allowed)
        assert answer.headers["x-ratelimit-remaining"] == str(left)
    refused = http.get("/lofty/v1.0/org", headers=sent)
    assert refused.status_code == 429
    assert refused.json() == {"message": "Too Many Requests"}
    assert "retry-after" not in refused.headers
    box.advance(seconds=60)
    assert http.get("/lofty/v1.0/org", headers=sent).status_code == 200


def test_an_app_has_one_allowance_for_all_its_accounts(box: Sandbox, http: httpx.Client) -> None:
    box.limits.enabled = True
    left = []
    for agent in (ADA, BEN):
        sent = headers(box.account(agent, "lofty")["oauth"]["access_token"], "Bearer")
        left.append(http.get("/lofty/v1.0/org", headers=sent).headers["x-ratelimit-remaining"])
    assert left == ["99", "98"]


@pytest.mark.parametrize(
    ("style", "low", "high"),
    [("epoch", 1e9, 1e11), ("milliseconds", 1000, 60_000), ("seconds", 1, 60)],
)
def test_reset_comes_in_three_styles(
    box: Sandbox, get: Get, style: str, low: float, high: float
) -> None:
    box.limits.enabled = True
    switch(box, "reset_style", style)
    for _ in range(11):
        answer = get("/v1.0/me")
        assert low <= int(answer.headers["x-ratelimit-reset"]) <= high
    assert answer.status_code == 429
    refused = get("/v1.0/leads", agent=BEN, limit=0)
    assert (refused.status_code, "x-ratelimit-reset" in refused.headers) == (400, True)


def test_a_refusal_in_a_scan_does_not_end_it(box: Sandbox, get: Get) -> None:
    pages = scroll(get, limit=10)
    first = next(pages)
    box.limits.enabled = True
    token = first["_metadata"]["scrollId"]
    statuses = [
        get("/v1.0/leads", limit=10, scrollId=token).status_code for _ in range(11)
    ]  # fmt: skip
    assert statuses == [200] * 10 + [429]
    box.advance(seconds=60)
    again = get("/v1.0/leads", limit=10, scrollId=token).json()
    assert again["leads"][0]["leadId"] < first["leads"][-1]["leadId"]


def test_a_limit_that_is_not_enforced_is_not_announced(get: Get) -> None:
    assert not [name for name in get("/v1.0/me").headers if name.startswith("x-ratelimit")]


@pytest.mark.parametrize(
    ("style", "body"),
    [
        ("int", {"code": 20042, "message": "limit not valid"}),
        ("string", {"code": "20042", "message": "limit not valid"}),
        ("symbol", {"code": "LIMIT_NOT_VALID", "message": "limit not valid"}),
        ("error_code", {"errorCode": 20042, "message": "limit not valid"}),
        ("bare", "limit not valid"),
    ],
)
def test_forms_of_errors(box: Sandbox, get: Get, style: str, body: Any) -> None:
    switch(box, "error_style", style)
    answer = get("/v1.0/leads", limit=0)
    assert (answer.status_code, answer.json()) == (400, body)


def test_an_exceptions_name_in_the_message(box: Sandbox, get: Get) -> None:
    box.faults.add("error_text", vendor="lofty")
    message = get("/v1.0/leads", limit=0).json()["message"]
    assert "Exception" in message
    assert "errorCode=20042" in message


def test_failures_of_the_server(box: Sandbox, get: Get) -> None:
    box.faults.add("server_error", vendor="lofty", match="v1.0/org")
    answer = get("/v1.0/org")
    assert (answer.status_code, answer.json()["errorCode"]) == (500, 20005)
    box.faults.add("code_in_200", vendor="lofty", match="v1.0/org")
    answer = get("/v1.0/org")
    assert answer.status_code == 200
    assert code_of(answer) != 0
    box.faults.add("html", vendor="lofty", match="v1.0/org")
    answer = get("/v1.0/org")
    assert answer.status_code == 502
    assert answer.headers["content-type"].startswith("text/html")
    for kind, status in (("unauthorized", 401), ("scope_missing", 403), ("lead_gone", 404)):
        box.faults.add(kind, vendor="lofty", match="v1.0/leads/7")
        assert get("/v1.0/leads/730000000000101").status_code == status
    assert get("/v1.0/leads/730000000000101").status_code == 200


def test_paths_that_do_not_exist(box: Sandbox, http: httpx.Client, get: Get) -> None:
    for path in ("/v1.0/activities", "/v1.0/events", "/v1.0/timeline", "/v1.0/stages", "/v1/leads"):
        assert get(path).status_code == 404
    assert http.get("/lofty", headers=headers(key_of(box))).status_code == 404


@pytest.mark.parametrize("kind", ["unknown_field", "null_field", "missing_id", "drop_row"])
def test_rows_can_be_spoiled(box: Sandbox, get: Get, kind: str) -> None:
    lead = plain_lead(box)
    for path, find in (
        ("/v1.0/leads?limit=100", lambda body: body["leads"]),
        (f"/v1.0/leads/{lead}", lambda body: [body["lead"]]),
        ("/v1.0/members", lambda body: body["members"]),
        ("/v1.0/teamFeatures/listTag", lambda body: body),
        ("/v2.0/transactions", lambda body: body["pageData"]),
        ("/v2.0/calendar?startTimeMs=0&includeFinished=true", lambda body: body["data"]["items"]),
        (f"/v1.0/notes?leadId={noted(box)}", lambda body: body["notes"]),
    ):
        before = find(get(path).json())
        field = "surprise" if kind == "unknown_field" else next(iter(before[0]))
        box.faults.add(kind, vendor="lofty", field=field)
        after = find(get(path).json())
        if kind == "drop_row":
            assert after == (before[1:] or [{}])
        elif kind == "unknown_field":
            assert after[0].keys() - before[0].keys() == {"surprise"}
        elif kind == "null_field":
            assert after[0][field] is None
        else:
            assert before[0].keys() - after[0].keys() == {field}


def noted(box: Sandbox) -> int:
    account = account_of(box)
    return next(x.id for x in account.visible(account.owner) if any(not n.system for n in x.notes))


# -- communications (13) ---------------------------------------------------------------------------


def test_the_feeds_windows(box: Sandbox, get: Get) -> None:
    now = int(box.clock.now().timestamp() * 1000)
    path = "/v2.0/communication/agent"
    asked = {"startTime": now - 90 * DAY_MS, "endTime": now}
    assert get(path, **asked).status_code == 200
    assert get(path, **{**asked, "startTime": now - 90 * DAY_MS - 1}).status_code == 400
    assert get(path, startTime=now - 1).status_code == 400
    assert get(path, **asked, limit=1001).status_code == 400
    assert get(path, **asked, type="FAX").status_code == 400
    assert get(path, **asked, cursor="???").status_code == 400
    # both ends count
    account = account_of(box)
    last = list(account.communications())[-1]
    moment = int(last.at.timestamp() * 1000)
    rows = get(path, startTime=moment, endTime=moment, teamView="true").json()["data"]
    assert last.id in {row["id"] for row in rows}


def test_the_feed_ends_with_an_empty_page_if_the_last_one_was_full(box: Sandbox, get: Get) -> None:
    now = int(box.clock.now().timestamp() * 1000)
    asked = {"startTime": now - 90 * DAY_MS, "endTime": now, "teamView": "true"}
    path = "/v2.0/communication/agent"
    whole = get(path, **asked, limit=1000).json()
    total = whole["totalCount"]
    assert whole["nextCursor"] is None
    assert len(whole["data"]) == total
    full = get(path, **asked, limit=total).json()
    assert full["hasMore"]
    last = get(path, **asked, limit=total, cursor=full["nextCursor"]).json()
    assert (last["data"], last["nextCursor"], last["hasMore"]) == ([], None, False)
    rows: list[Json] = []
    cursor: Json = {}
    while True:
        page = get(path, **asked, limit=3, **cursor).json()
        rows += page["data"]
        if page["nextCursor"] is None:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert rows == whole["data"]


def test_who_sees_the_teams_feed(box: Sandbox, get: Get) -> None:
    now = int(box.clock.now().timestamp() * 1000)
    asked = {"startTime": now - 90 * DAY_MS, "endTime": now}
    path = "/v2.0/communication/agent"
    refused = get(path, role="agent", **asked, teamView="true")
    assert (refused.status_code, code_of(refused)) == (400, "20017")
    me = account_of(box).plain_agent.user_id
    mine = feed(box, get, role="agent", teamView="false")
    assert mine
    assert {row["agentId"] for row in mine} == {me}
    everybody = feed(box, get)
    assert {row["agentId"] for row in everybody} > {me}
    for kind, events in (
        ("CALL", {"Call"}),
        ("TEXT", {"Text"}),
        ("EMAIL", {"Opened Email", "Bounced Email", "Sent Email"}),
    ):
        assert {row["eventType"] for row in feed(box, get, type=kind)} == events
    assert {row["communicationType"] for row in everybody} == {"AUTO", "MANUAL", "LOGGED"}
    switch(box, "communication_feed", False)
    assert get(path, **asked).status_code == 404


@pytest.mark.parametrize("form", ["gmt", "iso", "epoch"])
def test_forms_of_the_feeds_time(box: Sandbox, get: Get, form: str) -> None:
    switch(box, "communication_time", form)
    truth = box.truth(ADA)["lofty"]["entities"]["communications"]
    rows = feed(box, get)
    assert len(rows) == len(truth)
    for row in rows:
        wanted = truth[str(row["id"])]["communication_time"]
        assert instant(row["communicationTime"]) == datetime.fromisoformat(wanted)


def test_a_leads_communications_agree_with_the_feed(box: Sandbox, get: Get) -> None:
    told = {row["id"]: row for row in feed(box, get)}
    account = account_of(box)
    met: set[int] = set()
    for lead in account.visible(account.owner):
        ids: dict[str, list[int]] = {}
        for path, name in (
            ("call", "calls"), ("call/v2", "calls"), ("email", "emails"), ("text", "texts")
        ):  # fmt: skip
            rows = get(f"/v1.0/communication/{path}", leadId=lead.id, limit=1000).json()[name]
            ids[path] = [row["id"] for row in rows]
        assert sorted(ids["call"]) == sorted(ids["call/v2"])
        mine = {*ids["call"], *ids["email"], *ids["text"]}
        assert mine == {i for i, row in told.items() if row["leadId"] == lead.id}
        unified = get(f"/v2.0/leads/{lead.id}/activities", limit=1000).json()["activities"]
        assert {row["id"] for row in unified} == mine
        times = [row["activityTime"] for row in unified]
        assert times == sorted(times)
        recorded = get("/v1.0/calls", leadId=lead.id, limit=100).json()["calls"]
        for row in recorded:
            assert (
                row["duration"] is None or str(row["duration"]) == told[row["id"]]["callDuration"]
            )
        met |= mine
    assert met
    some = next(iter(told))
    kind = {"Call": "call", "Text": "text"}.get(told[some]["eventType"], "email")
    detail = get(f"/v2.0/communication/{kind}/{some}")
    assert detail.json()["id"] == some
    assert detail.headers["x-sandbox-assumed"] == "true"


def test_a_leads_communications_page(box: Sandbox, get: Get) -> None:
    account = account_of(box)
    counts = {x.id: 0 for x in account.visible(account.owner)}
    for row in account.communications():
        if row.lead_id in counts:
            counts[row.lead_id] += 1
    lead = max(counts, key=lambda i: counts[i])
    path = f"/v2.0/leads/{lead}/activities"
    whole = [row["id"] for row in get(path, limit=1000).json()["activities"]]
    assert len(whole) > 2
    assert [row["id"] for row in get(path, limit=2, offset=1).json()["activities"]] == whole[1:3]
    after = get(path, limit=1000, currentId=whole[0]).json()["activities"]
    assert [row["id"] for row in after] == whole[1:]
    assert get(path, limit=0).status_code == 400
    switch(box, "unified_activities", False)
    assert get(path).json() == {"activities": []}
    assert get("/v1.0/calls").status_code == 404


# -- transactions (14) -----------------------------------------------------------------------------


def test_transactions_follow_the_worlds_deals(box: Sandbox, get: Get) -> None:
    agent = box.world.agent_by_key(ADA)
    control = box.truth(ADA)["lofty"]["control"]["transactions"]
    by_deal = {
        control[str(row["transactionId"])]["deal_id"]: row for row in transactions(get)
    }  # fmt: skip
    mine = [d for d in box.world.deals_of(agent.id) if d.owner_id == agent.id]
    assert mine
    for deal in mine:
        row = by_deal[deal.id]
        assert deal.address.street in row["transactionName"]
        for name, amount in (("homePrice", deal.price), ("gci", deal.gross)):
            assert row[name] is None if amount is None else Decimal(str(row[name])) == amount
        assert Decimal(str(row["commissionRate"])) == deal.percent
        closed = instant(row["closeDate"]).date() if row["closeDate"] else None
        assert closed == deal.closing_actual
        if deal.group == "CLOSED" and row["transactionType"] == "Purchase":
            assert row["transactionStatus"] == "Closed"
        if row.get("leadName"):
            assert row["leadName"].split()[-1] in {p.last_name for p in deal.participants}
    assert {row["transactionType"] for row in by_deal.values()} == {
        "Purchase", "Listing", "Lease", "Other"
    }  # fmt: skip


def test_only_purchases_come_unless_all_are_asked_for(get: Get) -> None:
    plain = get("/v2.0/transactions", pageSize=100).json()["pageData"]
    assert {row["transactionType"] for row in plain} == {"Purchase"}
    everything = transactions(get)
    assert len(everything) > len(plain)
    for kind in ("Purchase", "Listing", "Lease", "Other"):
        some = transactions(get, transactionType=kind)
        assert len(some) == sum(row["transactionType"] == kind for row in everything)
    row = next(r for r in everything if "leadId" in r)
    mine = transactions(get, leadId=row["leadId"])
    assert {r["leadId"] for r in mine} == {row["leadId"]}
    found = transactions(get, queryKey=row["transactionName"][:15] + " and more")
    assert row["transactionId"] in {r["transactionId"] for r in found}
    assert get("/v2.0/transactions", pageSize=101).status_code == 400
    assert get("/v2.0/transactions", transactionType="Barter").status_code == 400


def test_numeric_pages_drift(box: Sandbox, get: Get) -> None:
    def page(number: int) -> list[int]:
        body = get("/v2.0/transactions", transactionType="All", pageSize=10, pageNum=number).json()
        return [row["transactionId"] for row in body["pageData"]]

    first = page(0)
    box.mutate({"op": "lofty.add_transaction"})
    assert page(1)[0] == first[-1]


def test_a_deal_of_the_world_moves_its_transaction(box: Sandbox, get: Get) -> None:
    deal_id = box.mutate({"op": "add_deal", "agent_key": ADA, "price": "512345.67"})["deal_id"]

    def row() -> Json:
        control = box.truth(ADA)["lofty"]["control"]["transactions"]
        [key] = [k for k, c in control.items() if c["deal_id"] == deal_id]
        return next(r for r in transactions(get) if str(r["transactionId"]) == key)

    first = row()
    assert first["homePrice"] == 512345.67
    assert first["transactionStatus"] == "Pre-contract"
    box.mutate({"op": "update_deal", "deal_id": deal_id, "price": "500000"})
    second = row()
    assert second["homePrice"] == 500000
    assert second["updated"] > first["updated"]
    box.mutate({"op": "close_deal", "deal_id": deal_id})
    third = row()
    assert third["transactionStatus"] == "Closed"
    assert third["updated"] > second["updated"]


def test_a_renamed_stage_shows_in_the_name_alone(box: Sandbox, get: Get) -> None:
    before = {row["transactionId"]: row for row in transactions(get)}
    box.mutate({"op": "lofty.rename_stage", "stage_id": 104, "name": "Done"})
    changed = [
        (before[row["transactionId"]], row)
        for row in transactions(get)
        if row != before[row["transactionId"]]
    ]
    assert changed
    for old, new in changed:
        assert (old["transactionStatus"], new["transactionStatus"]) == ("Closed", "Done")
        assert old["updated"] == new["updated"]
    [purchase] = [
        p
        for p in get("/v2.0/transactions/pipelines").json()["pipelines"]
        if p["transactionType"] == "Purchase"
    ]
    assert {"id": 104, "name": "Done", "default": False} in purchase["stages"]
    assert differences(box, get) == []


def test_only_a_leads_transactions_tell_commissions(box: Sandbox, get: Get) -> None:
    del box
    plain = {row["transactionId"]: row for row in transactions(get) if "leadId" in row}
    parties = set()
    seen = {row["leadId"] for row in all_leads(get)}
    for lead in {row["leadId"] for row in plain.values()} & seen:
        for row in get(f"/v1.0/leads/{lead}/transactions").json():
            told = row.pop("commissions")
            assert row == plain[row["transactionId"]]
            assert told.keys() == {"preSplit", "split", "postSplit"}
            for line in (*told["preSplit"], *told["split"], *told["postSplit"]):
                parties |= {line["splitPayType"], line["payType"]}
                assert line["calculateType"] in ("PERCENT", "AMOUNT")
            if row["gci"] is not None and row["agentRevenue"] is not None:
                shares = [Decimal(str(line["value"])) for line in told["split"]]
                assert sum(shares) == Decimal(str(row["gci"]))
    assert parties >= {"TEAM", "AGENT", "OTHER", "UPLINE"}


# -- members (15) ----------------------------------------------------------------------------------


def test_members_ids_are_short_here_and_long_there(box: Sandbox, get: Get) -> None:
    me = get("/v1.0/me").json()
    assert me["memberUserId"] < 10**6
    owners = {row["assignedUserId"] for row in all_leads(get)} - {0}
    assert all(len(str(user)) == 15 for user in owners)

    def listed() -> set[int]:
        rows = get("/v1.0/members", limit=100).json()["members"]
        return {len(str(row["memberUserId"])) for row in rows}

    assert listed() == {5, 15}
    switch(box, "member_ids", "short")
    assert listed() == {5}
    switch(box, "member_ids", "long")
    assert listed() == {15}
    assert get("/v1.0/me").json() == {**me, "assignedLeadCount": me["assignedLeadCount"]}


def test_members_pages_and_refusals(box: Sandbox, get: Get) -> None:
    account = account_of(box)
    rows = get("/v1.0/members", offset=-4, limit=3).json()
    assert rows["_metadata"]["offset"] == 0
    assert len(rows["members"]) == 3
    assert rows["_metadata"]["total"] == len(account.members)
    assert get("/v1.0/members").json()["_metadata"]["limit"] == 25
    over = get("/v1.0/members", limit=101)
    assert (over.status_code, code_of(over)) == (400, "LIMIT_PARAM_OVERSIZE")
    nobody = get("/v1.0/members", groupIds=999)
    assert (nobody.status_code, code_of(nobody)) == (404, 20003)
    some = get("/v1.0/members", groupIds=31).json()["members"]
    assert some
    assert {row["groupId"] for row in some} == {31}
    pending = next(m for m in account.members.values() if m.pending)
    assert get(f"/v1.0/members/{pending.email}").status_code == 404
    owner = get(f"/v1.0/members/{account.owner.email}").json()
    assert owner["id"] == account.owner.id
    # deprecated, still there
    assert get(f"/v1.0/users/{account.owner.user_id}").json() == owner


def test_stages_page_by_ten(get: Get) -> None:
    first = get("/v1.0/teamFeatures/lead-pipelines").json()
    second = get("/v1.0/teamFeatures/lead-pipelines", currPage=1).json()
    assert len(first["pipelines"]) == 10
    assert len(second["pipelines"]) == first["_metadata"]["total"] - 10
    named = get("/v1.0/teamFeatures/lead-pipelines", name="closed").json()["pipelines"]
    assert [row["name"] for row in named] == ["Closed"]


# -- what may happen -------------------------------------------------------------------------------

CHANGES: tuple[Json, ...] = (
    {"op": "add_lead", "set": {"firstName": "Nia", "emails": ["nia@example.com"]}},
    {"op": "edit_lead", "set": {"cannotText": True}, "custom": {"Pet": "ara"},
     "answers": {"mortgage": "Yes"}},
    {"op": "set_stage", "stage_id": 13},
    {"op": "assign_lead"},
    {"op": "hide_lead"},
    {"op": "delete_lead"},
    {"op": "touch_all"},
    {"op": "add_tag", "name": "Autumn"},
    {"op": "rename_tag", "tag": "Spring", "name": "Winter"},
    {"op": "delete_tag", "tag": "VIP"},
    {"op": "tag_lead", "tag": "Investor"},
    {"op": "add_custom_field", "name": "Colour", "type": "single_select", "options": ["red"]},
    {"op": "rename_custom_field", "name": "Pet", "new_name": "Animal"},
    {"op": "delete_custom_field", "name": "Budget"},
    {"op": "add_pond", "name": "New pond"},
    {"op": "edit_pond", "name": "Renamed pond"},
    {"op": "delete_pond", "pond_id": 41},
    {"op": "rename_lead_stage", "stage_id": 16, "name": "Sold"},
    {"op": "rename_stage", "name": "First talk"},
    {"op": "add_member", "first_name": "Newt"},
    {"op": "edit_member", "set": {"firstName": "Arianna", "groupId": 32}},
    {"op": "remove_member"},
    {"op": "add_communication", "channel": "Text"},
    {"op": "edit_communication", "set": {"status": "Failed"}},
    {"op": "delete_communication"},
    {"op": "add_visit", "text": "Looked again"},
    {"op": "add_note"},
    {"op": "edit_note", "pinned": True},
    {"op": "delete_note"},
    {"op": "delete_note", "purge": True},
    {"op": "add_task"},
    {"op": "edit_task", "subject": "Another"},
    {"op": "finish_task"},
    {"op": "delete_task"},
    {"op": "delete_task", "purge": True},
    {"op": "add_appointment"},
    {"op": "edit_appointment", "descr": "Second showing", "finished": True},
    {"op": "delete_appointment"},
    {"op": "delete_appointment", "purge": True},
    {"op": "add_transaction", "transaction_type": "Listing", "set": {"homePrice": 123456.78}},
    {"op": "edit_transaction", "set": {"gci": 9999.5, "closeDate": 1769000000000}},
    {"op": "edit_transaction", "stage_id": 103, "transaction_id": 0},
    {"op": "delete_transaction"},
)  # fmt: skip


@pytest.mark.parametrize(
    "change", CHANGES, ids=lambda c: "-".join([c["op"], *(["purge"] if "purge" in c else [])])
)
def test_each_change_shows_in_truth_and_in_answers(box: Sandbox, get: Get, change: Json) -> None:
    before = box.truth(ADA)["lofty"]
    if change.get("transaction_id") == 0:
        rows = before["entities"]["transactions"].items()
        key = next(k for k, row in rows if row["transaction_type"] == "Purchase")
        change = {**change, "transaction_id": int(key)}
    told = box.mutate({**change, "op": f"lofty.{change['op']}", "agent_key": ADA})
    after = box.truth(ADA)["lofty"]
    assert after != before
    assert differences(box, get, only={told.get("lead_id", 0)}) == []
    # nobody else's account changes
    assert box.truth(BEN)["lofty"]["team_id"] != after["team_id"]


@pytest.mark.parametrize(
    "change",
    [
        {"op": "lofty.nonsense"},
        {"op": "lofty.switch", "name": "nonsense", "value": 1},
        {"op": "lofty.switch", "name": "app", "value": "vip"},
        {"op": "lofty.edit_lead", "lead_id": 1},
        {"op": "lofty.edit_lead", "set": {"nonsense": 1}},
        {"op": "lofty.rename_stage", "stage_id": 999, "name": "x"},
        {"op": "lofty.edit_note", "note_id": 1},
        {"op": "lofty.remove_member", "member_id": 1207},
        {"op": "lofty.edit_lead", "agent_key": "nobody"},
    ],
    ids=lambda change: change["op"],
)
def test_impossible_changes_are_refused_in_a_sentence(box: Sandbox, change: Json) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        box.mutate(change)


def test_the_same_seed_gives_the_same_bytes() -> None:
    def pages(box: Sandbox) -> Any:
        accounts = [account_of(box, agent) for agent in AGENTS]
        blobs = [str(wire.lead_blob(a, lead)) for a in accounts for lead in a.leads.values()]
        return [*blobs, *(books(box).truth(agent) for agent in AGENTS)]

    first, second = Sandbox(size="small", seed=3), Sandbox(size="small", seed=3)
    other = Sandbox(size="small", seed=4)
    assert strip(pages(first)) == strip(pages(second))
    assert strip(pages(first)) != strip(pages(other))


def test_an_account_that_is_made_late_has_lived_as_long() -> None:
    early, late = (Sandbox(size="small", today=date(2026, 6, 15)) for _ in range(2))
    early.truth(CORA)
    for box in (early, late):
        box.advance(days=5)
    assert strip(books(early).truth(CORA)) == strip(books(late).truth(CORA))


def strip(truth: Any) -> Any:
    """Without what depends on the moment of asking."""
    if isinstance(truth, dict):
        return {k: strip(v) for k, v in truth.items() if not str(k).startswith("overdue")}
    return [strip(v) for v in truth] if isinstance(truth, list) else truth
