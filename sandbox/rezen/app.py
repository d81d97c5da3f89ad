"""reZEN over HTTP: yenta, arrakis, plutus and keymaker behind one key per agent, which may be an
OAuth access token (contract §§2-8, 15).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import orjson

from sandbox.faults import Rule
from sandbox.hooks import Subscription
from sandbox.http import (
    CSV,
    ASGIApp,
    Call,
    Headers,
    Query,
    Receive,
    Reply,
    Scope,
    Send,
    header,
    read_body,
    send_reply,
)
from sandbox.rezen import render
from sandbox.rezen.oauth import PREFIX as OAUTH_PREFIX
from sandbox.rezen.oauth import Issuer
from sandbox.rezen.paging import Refused, choice, day, dumps, envelope, refused
from sandbox.world import holdings
from sandbox.world.changes import play
from sandbox.world.compensation import TIERS, add_months, unlocked
from sandbox.world.ledger import share_price
from sandbox.world.model import AGENT_STATUSES, Agent, Contribution, Deal, Payment, Team

if TYPE_CHECKING:
    from sandbox.box import Sandbox
    from sandbox.rezen.books import Books

PASSWORD = "sandbox"
GROUPS = ("OPEN", "CLOSED", "TERMINATED")
SORTS = ("UPDATED_AT", "CREATED_AT", "ESCROW_CLOSING_DATE")
CSV_COLUMNS = ("agent", "tier", "transaction", "closing date", "payout", "currency")


def build_app(box: Sandbox) -> ASGIApp:
    """The vendor's ASGI app; paths start at the service (``/yenta/api/v1/...``)."""
    return _App(box)


def _subscription(row: Subscription) -> dict[str, Any]:
    return {"id": row.id, "url": row.url, "events": sorted(row.topics)}


class _App:
    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self._issuer = Issuer(box)
        self._tokens: dict[str, str] = {}
        self._refusals = 0
        self._cache: dict[tuple[Any, ...], Any] = {}
        self._cache_of: tuple[int, int, date] = (-1, -1, date.min)
        box.faults.register("rezen", KINDS, profiles(box))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call: Call = scope["sandbox.call"]
        try:
            if call.path.startswith(f"{OAUTH_PREFIX}/"):
                body = await read_body(receive)
                with self._box.lock:
                    reply = self._issuer.answer(call, scope, body)
            elif call.method == "POST" and call.path == "/keymaker/api/v1/auth/signin":
                reply = self._sign_in(await read_body(receive))
            elif call.path.startswith("/sandbox/webhooks"):
                reply = self._webhooks(call, scope, await read_body(receive))
            elif call.method != "GET":
                raise refused(405, f"Request method '{call.method}' is not supported")
            else:
                reply = self._get(call, scope)
        except Refused as stop:
            reply = stop.reply
        await send_reply(send, reply)

    # --- who is asking ------------------------------------------------------------------------

    def _sign_in(self, body: bytes) -> Reply:
        data = orjson.loads(body) if body else {}
        name, word = data.get("usernameOrEmail"), data.get("password")
        for agent in self._box.world.connected:
            if agent.email == name and word == PASSWORD:
                token = f"sandbox.jwt.{agent.keymaker_id}"
                self._tokens[token] = agent.id
                return Reply.json(
                    {
                        "accessToken": token,
                        "tokenType": "Bearer",
                        "userId": agent.keymaker_id,
                        "email": agent.email,
                        "mfaType": None,
                        "forceMfa": False,
                        "forceGoogleSso": False,
                        "userBlockedUntilEmailVerified": False,
                        "phoneNumber": None,
                        "errorMessage": None,
                    },
                    201,
                )
        raise refused(401, "Bad credentials")

    def _webhooks(self, call: Call, scope: Scope, body: bytes) -> Reply:
        """Ours: no way to subscribe at reZEN is known (§9)."""
        call.assumed = True
        with self._box.lock:
            agent_key = self._box.world.key_of(self._caller(call, scope).id)
            hooks = self._box.hooks
            number = call.path.removeprefix("/sandbox/webhooks").strip("/")
            if call.method == "GET" and not number:
                return Reply.json([_subscription(s) for s in hooks.of("rezen", agent_key)])
            if call.method == "POST" and not number:
                given = orjson.loads(body)
                made = Subscription(
                    f"rezen-{hooks.number()}", "rezen", agent_key, str(given["url"]),
                    frozenset(map(str, given["events"])),
                )  # fmt: skip
                try:
                    hooks.subscribe(made)
                except ValueError as error:
                    raise refused(400, str(error)) from error
                return Reply.json(_subscription(made), 201)
            found = hooks.find("rezen", agent_key, number)
            if found is None or call.method != "DELETE":
                raise refused(404, "There is no such webhook")
            hooks.unsubscribe(found)
            return Reply(204)

    def _caller(self, call: Call, scope: Scope) -> Agent:
        world = self._box.world
        key = header(scope, b"x-api-key")
        if key is None:
            bearer = (header(scope, b"authorization") or "").removeprefix("Bearer ")
            if bearer in self._tokens:
                agent = world.agents[self._tokens[bearer]]
                call.account = world.key_of(agent.id)
                return agent
            if bearer:
                raise Refused(Reply(403))
            raise refused(401, "Full authentication is required to access this resource")
        family = cast("Books", self._box.books["rezen"]).grants.of_key(key)
        if family is not None:
            return world.agent_by_key(family.agent_key)
        agent_key = world.account_of(key)
        if agent_key is None or key in world.revoked or key != world.api_keys[agent_key]:
            raise Refused(Reply(403))
        return world.agent_by_key(agent_key)

    def _limit(self, call: Call) -> Headers:
        verdict = self._box.limits.take("rezen", call.api_key or "nobody")
        if verdict.allowed:
            return ()
        self._refusals += 1
        # half of the refusals say when to come back
        wait: Headers = (
            ((b"retry-after", str(verdict.retry_after).encode()),) if self._refusals % 2 else ()
        )
        raise Refused(Reply.json({"message": "Too many requests"}, 429, wait))

    # --- routing ------------------------------------------------------------------------------

    def _get(self, call: Call, scope: Scope) -> Reply:
        with self._box.lock:
            me = self._caller(call, scope)
            self._limit(call)
            self._meddle(call, me)
            self._refresh()
            query = Query(call.query)
            service, _, _, *path = (call.path.split("/") + [""] * 4)[1:]
            match service:
                case "yenta":
                    return self._yenta(call, me, [p for p in path if p], query)
                case "arrakis":
                    return self._arrakis(call, me, [p for p in path if p], query)
                case "plutus":
                    return self._plutus(call, me, [p for p in path if p], query)
                case "sherlock":
                    return Reply(403)
                case "dropbox" if path[:1] == ["files"]:
                    return Reply.json("https://files.example.com/short-lived")
                case _:
                    raise refused(404, "Not found")

    def _refresh(self) -> None:
        world = self._box.world
        now = (self._box.rebuilt, world.version, world.today)
        if now != self._cache_of:
            self._cache.clear()
            self._cache_of = now

    def _cached(self, key: tuple[Any, ...], build: Callable[[], Any]) -> Any:
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = build()
        return found

    def _page(
        self,
        call: Call,
        query: Query,
        key: str,
        rows: Sequence[Any],
        row: Callable[[Any], bytes],
        extra: bytes = b"",
    ) -> Reply:
        legacy = call.fault("no_has_next") is not None
        return Reply(200, envelope(query, key, rows, row, legacy=legacy, extra=extra))

    @staticmethod
    def _own(me: Agent, agent_id: str) -> None:
        if me.id != agent_id:
            raise refused(403, "Not authorized.")

    # --- yenta --------------------------------------------------------------------------------

    def _yenta(self, call: Call, me: Agent, path: list[str], query: Query) -> Reply:
        world = self._box.world
        match path:
            case ["users", "me"] | ["agents", "me"]:
                return Reply(200, self._cached(("me", me.id), lambda: dumps(render.me(world, me))))
            case ["agents", "ids"]:
                ids = query.all("agentIds")
                if not 1 <= len(ids) <= 20:
                    raise refused(400, "agentIds must hold 1 to 20 ids")
                known = [world.agents[i] for i in ids if i in world.agents]
                return Reply(200, b"[%s]" % b",".join(self._agent(a) for a in known))
            case ["users", agent_id] | ["agents", agent_id]:
                return Reply(200, self._agent(self._known(agent_id)))
            case ["agents", agent_id, "cap-info"]:
                return self._cap_info(call, me, agent_id)
            case ["agents", agent_id, "front-line-agents-info"]:
                self._own(me, agent_id)
                rows = [self._network_row(a, absent=True) for a in world.down_line(me.id, 1)]
                return Reply(200, b'{"frontLineAgentInfos":[%s]}' % b",".join(rows))
            case ["agents", agent_id, "down-line", tier]:
                self._own(me, agent_id)
                return self._down_line(call, me, tier, query)
            case ["agents", agent_id, "network-size-by-tier"]:
                self._own(me, agent_id)
                call.assumed = True
                sizes = [
                    {
                        "tier": t,
                        "count": sum(a.status == "ACTIVE" for a in world.down_line(me.id, t)),
                    }
                    for t in TIERS
                ]
                return Reply.json(sizes)
            case ["agents", agent_id, "sponsor-tree"]:
                self._own(me, agent_id)
                call.assumed = True
                rows_ = [
                    {
                        "id": a.id,
                        "firstName": a.first_name,
                        "lastName": a.last_name,
                        "level": level,
                        "status": a.status,
                    }
                    for level, a in enumerate(world.sponsors(me.id), start=1)
                ]
                return Reply.json({"flattenedSponsors": rows_})
            case ["teams", team_id]:
                return Reply.json(render.team(world, self._team(me, team_id)))
            case ["teams", team_id, "without-agents"]:
                return Reply.json(render.team(world, self._team(me, team_id), roster=False))
            case ["teams", team_id, "members"]:
                call.assumed = True
                return Reply.json(render.team_agents(world, self._team(me, team_id)))
            case _:
                raise refused(404, "Not found")

    def _known(self, agent_id: str) -> Agent:
        agent = self._box.world.agents.get(agent_id)
        if agent is None:
            raise refused(404, "Agent not found.")
        return agent

    def _agent(self, agent: Agent) -> bytes:
        world = self._box.world
        body: bytes = self._cached(("agent", agent.id), lambda: dumps(render.agent(world, agent)))
        return body

    def _team(self, me: Agent, team_id: str) -> Team:
        team = self._box.world.teams.get(team_id)
        if team is None:
            raise refused(404, "Team not found.")
        if all(m.agent_id != me.id for m in team.members):
            raise refused(403, "Not authorized.")
        return team

    def _cap_info(self, call: Call, me: Agent, agent_id: str) -> Reply:
        world = self._box.world
        agent = self._known(agent_id)
        led = {m.agent_id for t in world.teams_of(me.id) if t.leader_id == me.id for m in t.members}
        if agent.id not in {me.id, *led, *(a.id for a in world.down_line(me.id, 1))}:
            raise refused(403, "Not authorized.")
        call.assumed = True
        return Reply.json(render.cap_info(world, agent))

    def _network_row(self, agent: Agent, *, absent: bool = False) -> bytes:
        def build() -> bytes:
            row = render.network_agent(self._box.world, agent)
            return dumps(render.without_nulls(row) if absent else row)

        body: bytes = self._cached(("network", agent.id, absent), build)
        return body

    def _down_line(self, call: Call, me: Agent, raw_tier: str, query: Query) -> Reply:
        if not raw_tier.isdigit() or int(raw_tier) not in TIERS:
            raise refused(400, "Tier must be between 1 and 5")
        wanted = query.all("statusIn") or ["ACTIVE"]
        for status in wanted:
            choice(status, AGENT_STATUSES, "com.real.yenta.enums.AgentStatus")
        first, last = day(query, "updatedAtFrom"), day(query, "updatedAtTo")
        tier = int(raw_tier)

        def build() -> list[Agent]:
            return [
                a
                for a in self._box.world.down_line(me.id, tier)
                if a.status in wanted
                and (first is None or a.updated_at.date() >= first)
                and (last is None or a.updated_at.date() <= last)
            ]

        rows: list[Agent] = self._cached(("down", me.id, tier, tuple(wanted), first, last), build)
        return self._page(call, query, "downLineAgents", rows, self._network_row)

    # --- arrakis: deals -----------------------------------------------------------------------

    def _arrakis(self, call: Call, me: Agent, path: list[str], query: Query) -> Reply:
        world = self._box.world
        match path:
            case ["transactions", "participant", agent_id, kind, "lifecycle-group-counts"] if (
                kind in KINDS_OF_DEAL
            ):
                self._own(me, agent_id)
                call.assumed = True
                deals = world.deals_of(me.id, listing=KINDS_OF_DEAL[kind])
                return Reply.json({g: sum(d.group == g for d in deals) for g in GROUPS})
            case ["transactions", "participant", agent_id, kind, group] if kind in KINDS_OF_DEAL:
                self._own(me, agent_id)
                return self._deal_list(call, me, KINDS_OF_DEAL[kind], group, query)
            case ["transactions", "participant", agent_id, "current"]:
                self._own(me, agent_id)
                deals = [d for d in world.deals_of(me.id, listing=False) if d.group == "OPEN"]
                rows = [render.without_nulls(render.deal_row(world, d, me.id)) for d in deals]
                return Reply.json({"openTransactions": rows})
            case ["transactions", "participant", agent_id]:
                self._own(me, agent_id)
                rows_ = [self._deal_row(d, me) for d in world.deals_of(me.id)]
                return Reply(200, b"[%s]" % b",".join(rows_))
            case ["transactions", "lite", "batch-get"]:
                found = [world.deal(i) for i in query.all("transactionIds")]
                seen = [
                    self._deal_row(d, me) for d in found if d is not None and d.visible_to(me.id)
                ]
                return Reply(200, b"[%s]" % b",".join(seen))
            case ["transactions", "code", code]:
                for deal in world.deals_of(me.id):
                    if deal.code == code:
                        return Reply(200, self._detail(deal, me))
                raise refused(404, "Transaction not found.")
            case ["transactions", deal_id, "agent-participants"]:
                deal = self._deal(me, deal_id)
                people = [render.participant(deal, p) for p in deal.participants if not p.external]
                return Reply.json(people)
            case ["transactions", deal_id]:
                return Reply(200, self._detail(self._deal(me, deal_id), me))
            case ["agent", agent_id, "cap-info"]:
                return self._cap_info(call, me, agent_id)
            case ["revshares", "performance", agent_id, "revenue-share", *rest]:
                self._own(me, agent_id)
                call.assumed = True
                return self._performance(me, rest, query)
            case ["revshares", agent_id, *rest]:
                self._own(me, agent_id)
                call.assumed = True
                return self._revenue_share(call, me, rest, query)
            case _:
                raise refused(404, "Not found")

    def _deal(self, me: Agent, deal_id: str) -> Deal:
        world = self._box.world
        deal = world.deal(deal_id)
        if deal is None:
            if deal_id in world.far_deals:
                raise refused(403, "Not authorized.")
            raise refused(404, "Transaction not found.")
        if deal.deleted:
            raise refused(404, "Transaction not found.")
        if not deal.visible_to(me.id):
            raise refused(403, "Not authorized.")
        return deal

    def _detail(self, deal: Deal, me: Agent) -> bytes:
        world = self._box.world
        body: bytes = self._cached(
            ("detail", deal.id, me.id), lambda: dumps(render.deal_detail(world, deal, me.id))
        )
        return body

    def _deal_row(self, deal: Deal, me: Agent) -> bytes:
        world = self._box.world
        body: bytes = self._cached(
            ("row", deal.id, me.id), lambda: dumps(render.deal_row(world, deal, me.id))
        )
        return body

    def _deal_list(self, call: Call, me: Agent, listing: bool, group: str, query: Query) -> Reply:
        special = {"LISTING_ACTIVE", "LISTING_NONTERMINATED"} if not listing else {"CURRENT"}
        choice(group, (*GROUPS, *special), "com.real.arrakis.enums.TransactionLifecycleGroup")
        order = choice(
            query.get("sortBy") or "CREATED_AT",
            SORTS,
            "com.real.arrakis.enums.TransactionSortField",
        )
        direction = choice(
            query.get("sortDirection") or "DESC",
            ("ASC", "DESC"),
            "com.real.commons.enums.SortDirection",
        )
        types = tuple(query.all("transactionType"))
        text = (query.get("searchText") or "").lower()

        def build() -> list[Deal]:
            world = self._box.world
            if group.startswith("LISTING"):
                deals = [d for d in world.deals_of(me.id, listing=True) if d.group != "TERMINATED"]
                if group == "LISTING_ACTIVE":
                    deals = [d for d in deals if d.state == "LISTING_ACTIVE"]
            else:
                wanted = "OPEN" if group == "CURRENT" else group
                deals = [d for d in world.deals_of(me.id, listing=listing) if d.group == wanted]
            if types:
                deals = [d for d in deals if d.type in types]
            if text:
                deals = [d for d in deals if text in d.one_line.lower() or text in d.code.lower()]
            deals.sort(key=lambda d: d.id)
            deals.sort(key=lambda d: _sort_value(d, order), reverse=direction == "DESC")
            return deals

        rows: list[Deal] = self._cached(
            ("deals", me.id, listing, group, order, direction, types, text), build
        )
        return self._page(call, query, "transactions", rows, lambda d: self._deal_row(d, me))

    # --- arrakis: revenue share ---------------------------------------------------------------

    def _revenue_share(self, call: Call, me: Agent, path: list[str], query: Query) -> Reply:
        ledger = self._box.world.ledger
        match path:
            case ["payments"]:
                rows = ledger.payments[me.id][::-1]
                return self._page(call, query, "payments", rows, lambda p: dumps(self._payment(p)))
            case ["payments", "pending"]:
                return self._page(
                    call, query, "contributions", ledger.pending(me.id), self._contribution
                )
            case ["payments", "pending", "export"]:
                return self._csv(ledger.pending(me.id))
            case ["payments", "pending-overview"]:
                return Reply.json(self._pending_overview(me))
            case ["payments", payment_id, *rest]:
                payment = next((p for p in ledger.payments[me.id] if p.id == payment_id), None)
                if payment is None or rest not in ([], ["export"]):
                    raise refused(404, "Payment not found.")
                if rest:
                    return self._csv(payment.contributions)
                front = dumps(self._payment(payment))[1:-1] + b","
                return self._page(
                    call, query, "contributions", payment.contributions, self._contribution, front
                )
            case ["contributions", tier]:
                return self._contributions(call, me, _tier(tier), query)
            case ["contributors", tier]:
                first, last = _window(query)
                rows_ = self._earned(me, first, last, _tier(tier))
                people = render.contributors(self._box.world, rows_)
                return self._page(call, query, "contributors", people, dumps)
            case ["by-tier"]:
                first, last = _window(query)
                return Reply.json({"tiers": [self._tier(me, t, first, last) for t in TIERS]})
            case ["history"]:
                first, last = _window(query)
                months = self._months(self._earned(me, first, last))
                return Reply.json(
                    {"history": [{"month": m, "amount": render.money(a)} for m, a in months]}
                )
            case _:
                raise refused(404, "Not found")

    def _payment(self, row: Payment) -> dict[str, Any]:
        books = cast("Books", self._box.books["rezen"])
        return render.payment(row, books.payment_status.get(row.id, "PAID"))

    def _contribution(self, row: Contribution) -> bytes:
        return dumps(render.contribution(self._box.world, row))

    def _earned(
        self,
        me: Agent,
        first: date | None,
        last: date | None,
        tier: int | None = None,
        *,
        missed: bool = False,
    ) -> list[Contribution]:
        return [
            c
            for c in self._box.world.ledger.contributions[me.id]
            if c.missed is missed
            and (tier is None or c.tier == tier)
            and (first is None or c.earned_on >= first)
            and (last is None or c.earned_on <= last)
        ]

    def _contributions(self, call: Call, me: Agent, tier: int, query: Query) -> Reply:
        flag = query.get("missed") or "false"
        if flag not in ("true", "false"):
            raise refused(400, f"Failed to convert value of parameter 'missed': \"{flag}\"")
        rows = self._earned(
            me, day(query, "startDate"), day(query, "endDate"), tier, missed=flag == "true"
        )
        if call.fault("per_deal") is not None:
            return self._page(call, query, "contributions", rows, self._contribution)
        sums = render.contribution_sums(self._box.world, rows)
        return self._page(call, query, "contributions", sums, dumps)

    def _tier(self, me: Agent, tier: int, first: date | None, last: date | None) -> dict[str, Any]:
        world = self._box.world
        rows = self._earned(me, first, last, tier)
        return {
            "tier": tier,
            "amount": render.money(render.total(rows)),
            "contributorCount": len({r.contributor_id for r in rows}),
            "unlocked": unlocked(tier, world.ledger.producing_first_tier(me.id, world.today)),
        }

    @staticmethod
    def _months(rows: Iterable[Contribution]) -> list[tuple[str, Decimal]]:
        sums: dict[str, Decimal] = {}
        for row in rows:
            month = f"{row.earned_on:%Y-%m}"
            sums[month] = sums.get(month, Decimal(0)) + row.payout
        return sorted(sums.items())

    def _pending_overview(self, me: Agent) -> dict[str, Any]:
        world = self._box.world
        rows = world.ledger.pending(me.id)
        pay_day = world.today.replace(day=15)
        if all(f"{row.earned_on:%Y-%m}" == f"{world.today:%Y-%m}" for row in rows):
            pay_day = add_months(pay_day, 1)
        return {
            "amount": render.money(render.total(rows)),
            "contributionCount": len(rows),
            "expectedPaymentDate": pay_day.isoformat(),
            "byTier": [
                {"tier": t, "amount": render.money(render.total(r for r in rows if r.tier == t))}
                for t in TIERS
            ],
        }

    def _performance(self, me: Agent, path: list[str], query: Query) -> Reply:
        today = self._box.world.today
        if path == ["current"]:
            months = self._months(self._earned(me, None, None))
            payouts = [{"month": m, "payout": render.money(a)} for m, a in months]
            all_time = sum((a for _, a in months), Decimal(0))
            average = (all_time / max(1, len(months))).quantize(Decimal("0.01"))
            return Reply.json(
                {
                    "monthlyPayouts": payouts,
                    "totalPayout": render.money(all_time),
                    "averageMonthlyPayout": render.money(average),
                }
            )
        if path:
            raise refused(404, "Not found")
        month = query.get("month") or f"{today:%Y-%m}"
        try:
            first = date.fromisoformat(f"{month}-01")
        except ValueError:
            raise refused(
                400, f"Failed to convert value of parameter 'month': \"{month}\""
            ) from None
        last = add_months(first, 1) - timedelta(days=1)
        rows = self._earned(me, first, last)
        return Reply.json(
            {
                "month": month,
                "amount": render.money(render.total(rows)),
                "tiers": [self._tier(me, t, first, last) for t in TIERS],
            }
        )

    def _csv(self, rows: Iterable[Contribution]) -> Reply:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(CSV_COLUMNS)
        agents = self._box.world.agents
        for row in rows:
            name = (
                f"{agents[row.contributor_id].last_name}, {agents[row.contributor_id].first_name}"
            )
            writer.writerow((name, row.tier, row.code, row.earned_on, row.payout, "USD"))
        return Reply(200, text.getvalue().encode(), CSV)

    # --- plutus -------------------------------------------------------------------------------

    def _plutus(self, call: Call, me: Agent, path: list[str], query: Query) -> Reply:
        world = self._box.world
        if len(path) != 3 or path[0] != "equity":
            raise refused(404, "Not found")
        self._own(me, path[1])
        call.assumed = True
        rows = world.ledger.equity[me.id]
        today = world.today
        match path[2]:
            case "performance":
                return Reply.json(self._equity_performance(me, rows, today))
            case "transactions":
                first, last = day(query, "startDate"), day(query, "endDate")
                wanted = [
                    r
                    for r in rows
                    if (first is None or r.on >= first) and (last is None or r.on <= last)
                ]
                return self._page(
                    call, query, "equityTransactions", wanted, lambda r: dumps(render.equity_row(r))
                )
            case "monthly":
                year = query.get("year") or str(today.year)
                if not year.isdigit():
                    raise refused(400, f"Failed to convert value of parameter 'year': \"{year}\"")
                months = holdings.months(rows, int(year), today)
                return Reply.json({"months": [_period(d, h, month=True) for d, h in months]})
            case "annual":
                return Reply.json(
                    {"years": [_period(d, h) for d, h in holdings.years(rows, today)]}
                )
            case _:
                raise refused(404, "Not found")

    @staticmethod
    def _equity_performance(me: Agent, rows: Sequence[Any], today: date) -> dict[str, Any]:
        state = holdings.holding(rows, today, today)
        midnight = datetime(today.year, today.month, today.day, tzinfo=UTC)
        return {
            "asOf": render.millis(midnight),
            "totalShares": float(state.total),
            "vestedShares": float(state.vested),
            "unvestedShares": float(state.unvested),
            "totalValue": render.money(state.value),
            "sharePrice": render.money(share_price(today)),
            "plan": {"name": "Stock purchase plan", "enrolled": me.buys_stock},
        }

    # --- faults that change the world under the reader's feet ---------------------------------

    def _meddle(self, call: Call, me: Agent) -> None:
        for rule in call.rules:
            match rule.kind:
                case "shift_page":
                    self._shift_page(me, call)
                case "group_move":
                    self._move_group(me)
                case "vanish_between_list_and_detail":
                    change = {"op": "hide_deal", "deal_id": call.path.rsplit("/", 1)[-1]}
                    if rule.params.get("for_viewer"):
                        change["agent_key"] = self._box.world.key_of(me.id)
                    play(self._box.world, change)
                case "expire_token":
                    books = cast("Books", self._box.books["rezen"])
                    books.grants.expire(self._box.world.key_of(me.id), told=False)
                case "wrong_key":
                    raise Refused(Reply(403))
                case "not_authorized":
                    raise refused(403, "Not authorized.")
                case "not_found":
                    raise refused(404, "Not found")
                case _:
                    continue

    def _shift_page(self, me: Agent, call: Call) -> None:
        """Touches the oldest deal of the list that is being read: it moves to the front."""
        world = self._box.world
        group = call.path.rsplit("/", 1)[-1]
        listing = "/listing-transactions/" in call.path
        deals = [d for d in world.deals_of(me.id, listing=listing) if d.group == group]
        if deals:
            oldest = min(deals, key=lambda d: (d.updated_at, d.id))
            play(world, {"op": "update_deal", "deal_id": oldest.id})

    def _move_group(self, me: Agent) -> None:
        """Closes the oldest open deal, whatever list is being read."""
        world = self._box.world
        deals = [d for d in world.deals_of(me.id, listing=False) if d.group == "OPEN" and d.state]
        if deals:
            oldest = min(deals, key=lambda d: (d.created_at, d.id))
            play(world, {"op": "close_deal", "deal_id": oldest.id})


KINDS_OF_DEAL = {"transactions": False, "listing-transactions": True}
KINDS = {
    "shift_page",
    "group_move",
    "vanish_between_list_and_detail",
    "expire_token",
    "wrong_key",
    "not_authorized",
    "not_found",
    "no_has_next",
    "per_deal",
}


def _sort_value(deal: Deal, order: str) -> datetime | date:
    match order:
        case "UPDATED_AT":
            return deal.updated_at
        case "CREATED_AT":
            return deal.created_at
        case _:
            return deal.closing_estimated or date.min


def _tier(raw: str) -> int:
    if not raw.isdigit() or int(raw) not in TIERS:
        raise refused(400, "Tier must be between 1 and 5")
    return int(raw)


def _window(query: Query) -> tuple[date | None, date | None]:
    return day(query, "startDate", required=True), day(query, "endDate", required=True)


def _period(start: date, state: holdings.Holding, *, month: bool = False) -> dict[str, Any]:
    body: dict[str, Any] = {"year": start.year}
    if month:
        body["month"] = start.month
    return body | {
        "totalShares": float(state.total),
        "vestedShares": float(state.vested),
        "unvestedShares": float(state.unvested),
        "totalValue": render.money(state.value),
        "grantsThisPeriod": float(state.granted),
        "vestedThisPeriod": float(state.vested_in_period),
        "exercisedThisPeriod": 0,
        "forfeitedThisPeriod": 0,
    }


def profiles(box: Sandbox) -> dict[str, Callable[[], list[Rule]]]:
    """The profiles of contract §15.6 (and of §15.3 where they are about whole answers)."""

    def rule(kind: str, match: str = "", **params: Any) -> Rule:
        skip, every = params.pop("skip", 0), params.pop("every", 1)
        return Rule(kind, "rezen", match, skip=skip, every=every, times=None, params=params)

    def partial() -> list[Rule]:
        first = min(
            (d for d in box.world.deals if not d.listing), key=lambda d: (d.created_at, d.id)
        )
        return [
            rule("status", f"^/arrakis/api/v1/transactions/{first.id}$", status=500),
            rule("not_found", "/revshares/[^/]+/history"),
        ]

    return {
        "ok": lambda: [rule("slow", seconds=0.05)],
        "slow": lambda: [rule("slow", "/down-line/|/revshares/", seconds=2)],
        "flaky": lambda: [
            rule("html", every=13),
            rule("status", every=17, status=503),
            rule("status", every=19, status=504),
            rule("reset", every=23),
        ],
        "limited": lambda: [
            rule("429_with_retry_after", every=20, retry_after=2),
            rule("429_without", every=31),
        ],
        "partial": partial,
        "auth-broken": lambda: [rule("wrong_key", skip=50)],
        "legacy": lambda: [rule("no_has_next")],
        "bare": lambda: [rule("bare", "/transactions/participant/[^/]+/[a-z-]+/[A-Z]+")],
        "drift": lambda: [rule("wrong_total", "pageNumber=", every=3, by=1)],
    }
