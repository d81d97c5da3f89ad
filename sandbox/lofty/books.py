"""All Lofty accounts of one world: one tenant per connected agent, made when first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.lofty import changes, truth
from sandbox.lofty.account import Account
from sandbox.lofty.build import Builder, stream, team_of
from sandbox.lofty.grants import AGENT, OWNER, Grants, Holder
from sandbox.lofty.life import live
from sandbox.lofty.listing import Listing
from sandbox.lofty.model import Member
from sandbox.world.model import Deal

if TYPE_CHECKING:
    from sandbox.box import Sandbox

SWITCHES: Mapping[str, Any] = {
    "metadata_key": "_metadata",
    "lead_detail": "wrapped",
    "page_cap": 100,
    "feed_cap": 1000,
    "transaction_cap": 100,
    "member_limit": 100,
    "last_page": "short",
    "scroll_idle_minutes": 5,
    "offset_guard": 20_000,
    "member_ids": "mixed",
    "silent_edits": False,
    "communication_feed": True,
    "communication_time": "gmt",
    "unified_activities": True,
    "content_type": "some",
    "error_style": "mixed",
    "unauthorized_status": 401,
    "missing_scopes": [],
    "app": "development",
    "reset_style": "epoch",
    "token_endpoint": "both",
    "expires_in": 7200,
    "rotate": True,
    "webhook_batch": 5000,
    "redirect_url": "http://127.0.0.1/lofty/callback",
}
CHOICES: Mapping[str, tuple[Any, ...]] = {
    "metadata_key": ("_metadata", "get_metadata"),
    "lead_detail": ("wrapped", "bare"),
    "last_page": ("short", "empty"),
    "member_ids": ("mixed", "short", "long"),
    "communication_time": ("gmt", "iso", "epoch"),
    "content_type": ("some", "all", "none"),
    "error_style": ("mixed", "int", "string", "symbol", "error_code", "bare", "exception"),
    "unauthorized_status": (401, 400),
    "app": ("development", "production"),
    "reset_style": ("epoch", "milliseconds", "seconds"),
    "token_endpoint": ("both", "A", "B"),
}


class Books:
    """See the module's text. ``switches`` are documented in the README."""

    def __init__(self, box: Sandbox) -> None:
        self._world = box.world
        self._size = box.size
        self.seed = box.seed
        self._start = box.world.today
        self._until = box.world.today
        self.switches: dict[str, Any] = dict(SWITCHES)
        self.listing = Listing()
        self._accounts: dict[str, Account] = {}
        self._builders: dict[str, Builder] = {}
        self._followed: dict[str, int] = {}
        self.keys = [box.world.key_of(agent.id) for agent in box.world.connected]
        self.grants = Grants(box.seed, self.now, box.world.register_key, self.switches)
        self._oauth: dict[str, dict[str, Any]] = {}
        # noon and not now: the first day has the same bytes however long it took to build
        noon = datetime.combine(self._start, time(12), tzinfo=UTC)
        for key in self.keys:
            for role in (OWNER, AGENT, "expired"):
                self.grants.key_of(key, role)
            self.grants.expired.add(self.grants.key_of(key, "expired"))
            pair = self.grants.issue(Holder(key))
            until = noon + timedelta(seconds=pair["expires_in"])
            self._oauth[key] = {
                "access_token": pair["access_token"],
                "refresh_token": pair["refresh_token"],
                "expires_at": until.isoformat(),
            }

    def now(self) -> datetime:
        """The current instant, UTC."""
        return self._world.now()

    # --- the seam -----------------------------------------------------------------------------

    def account(self, agent_key: str) -> dict[str, Any] | None:
        """The owner's key and token pair, and the other users' keys; None for who has no account.

        ``oauth`` is the pair of the first day: a refresh does not show in it.
        """
        if agent_key not in self._oauth:
            return None
        keys = {role: self.grants.key_of(agent_key, role) for role in (OWNER, AGENT, "expired")}
        oauth = dict(self._oauth[agent_key])
        return {
            "credentials": {"api_key": keys[OWNER]},
            "oauth": oauth,
            "keys": keys,
            "team_id": str(team_of(self.seed, agent_key)),
            "secrets": [*keys.values(), oauth["access_token"], oauth["refresh_token"]],
        }

    def truth(self, agent_key: str) -> dict[str, Any]:
        """See ``sandbox.lofty.truth``."""
        return truth.of(self, self.of(agent_key))

    def advance(self, days: int) -> None:
        """The accounts live on; those that nobody asked for yet catch up when they are made."""
        del days
        self._until = self._world.today
        for key in self._accounts:
            self.of(key)

    def mutate(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """Plays one change; see the README's table."""
        return changes.play(self, change)

    # --- accounts -----------------------------------------------------------------------------

    def of(self, agent_key: str) -> Account:
        """An account as it is now. Raises ValueError for an agent without one."""
        if agent_key not in self._oauth:
            raise ValueError(f"{agent_key!r} has no Lofty account; see GET /sandbox/accounts.")
        account = self._accounts.get(agent_key) or self._make(agent_key)
        while account.lived < self._until:
            account.lived += timedelta(days=1)
            live(self._builders[agent_key], self.seed, account.lived)
        self._follow(account)
        return account

    def builder(self, account: Account) -> Builder:
        """What adds things to an account, at the current instant."""
        builder = self._builders[account.agent_key]
        builder.now = self.now().replace(microsecond=0)
        return builder

    def viewer(self, holder: Holder) -> tuple[Account, Member]:
        """The account and the user that a credential stands for."""
        account = self.of(holder.agent_key)
        return account, account.plain_agent if holder.role == AGENT else account.owner

    def long_id(self, member: Member) -> bool:
        """Whether the members' list shows a member's long user id (``/me`` never does)."""
        match self.switches["member_ids"]:
            case "long":
                return True
            case "short":
                return False
            case _:
                return member.id % 3 != 0

    def _make(self, agent_key: str) -> Account:
        agent = self._world.agent_by_key(agent_key)
        account = Account(
            agent_key=agent_key,
            agent_id=agent.id,
            team_id=team_of(self.seed, agent_key),
            name=f"{agent.last_name} Team",
            lived=self._start,
        )
        noon = datetime.combine(self._start, time(12), tzinfo=UTC)
        builder = Builder(account, stream(self.seed, agent_key), self._size, noon)
        users = [u for u in self._world.users if u.agent_key == agent_key]
        deals = [d for d in self._deals(u.agent_id for u in users) if d.created_at <= noon]
        builder.build(agent, users, deals)
        self._accounts[agent_key], self._builders[agent_key] = account, builder
        return account

    def _deals(self, agent_ids: Any) -> list[Deal]:
        """The deals that these people own, oldest first."""
        mine = {
            d.id: d
            for agent_id in agent_ids
            for d in self._world.deals_of(agent_id)
            if d.owner_id == agent_id
        }
        return sorted(mine.values(), key=lambda d: (d.created_at, d.id))

    def _follow(self, account: Account) -> None:
        """New deals become transactions, their clients leads; renamed people are renamed here."""
        version = self._world.version
        if self._followed.get(account.agent_key) == version:
            return
        self._followed[account.agent_key] = version
        builder = self._builders[account.agent_key]
        for member in account.members.values():
            agent = self._world.agents.get(member.agent_id or "")
            if agent is None:
                continue
            told = agent.first_name, agent.last_name, agent.email, agent.phone, agent.status
            if member.told not in (None, told):
                member.first_name, member.last_name = agent.first_name, agent.last_name
                member.email, member.phone = agent.email or member.email, agent.phone or ""
                member.status = int(agent.status == "ACTIVE")
                account.forget_blobs()
            member.told = told
        ids = [m.agent_id for m in account.members.values() if m.agent_id]
        for deal in self._deals(ids):
            if deal.id not in account.seen_deals:
                builder.follow(deal)
        # a deal that moved shows in its transaction
        account.version += 1
