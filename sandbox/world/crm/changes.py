"""What happens to accounts after they are built: days that pass, and single changes that a test
asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from sandbox.world.crm.account import PERSON_TABLES, Account
from sandbox.world.crm.build import AccountBuilder, mirror_state, second
from sandbox.world.crm.model import (
    Call,
    CustomField,
    Deal,
    Note,
    Person,
    Stage,
    Task,
    User,
)
from sandbox.world.crm.switches import Switches
from sandbox.world.world import World


class Changes:
    """Moves accounts on. Every change is stamped with the world's clock."""

    def __init__(
        self,
        world: World,
        accounts: Mapping[str, Account],
        builders: Mapping[str, AccountBuilder],
        switches: Switches,
        rng: Random,
    ) -> None:
        self._world = world
        self._accounts = accounts
        self._builders = builders
        self._switches = switches
        self._rng = rng

    def _now(self) -> datetime:
        return second(self._world.now())

    # --- days ---

    def advance(self, days: int) -> None:
        """Plays ``days`` days that end now."""
        end = self._now()
        for account in self._accounts.values():
            for index in range(days):
                self._day(
                    account,
                    end - timedelta(days=days - index),
                    end - timedelta(days=days - index - 1),
                )
            self._mirror_deals(account)

    def _day(self, account: Account, start: datetime, end: datetime) -> None:
        rng, builder = self._rng, self._builders[account.agent_key]
        builder.move_to(end)
        span = int((end - start).total_seconds()) - 1

        def instants(count: int) -> list[datetime]:
            return [
                start + timedelta(seconds=pick)
                for pick in sorted(rng.sample(range(1, span), count))
            ]

        share = max(2, min(200, len(account.people) // 250))
        for created in instants(share):
            account.people.put(builder.person(1000 + rng.randrange(100), created))
        for created in instants(share * 2):
            account.events.put(builder.event(1000 + rng.randrange(100), created))
        for created in instants(share * 2):
            call = builder.call(1000, created)
            account.calls.put(call)
            self._active(account, call.person_id, created)
            self._follow_up(account, call)
        for created in instants(share):
            text = builder.text(1000, created)
            account.text_messages.put(text)
            self._active(account, text.person_id, created)
        for created in instants(1):
            account.appointments.put(builder.appointment(1000, created))
        for created in instants(share):
            self._edit(account, builder.pick_person(), created)
        # late edits of older calls: why a calls cursor overlaps
        for touched in instants(1):
            row = account.calls.get(account.calls.next_id - 1 - rng.randrange(share * 2))
            if row is not None:
                account.calls.put(
                    replace(row, note="Called back", outcome="Interested", updated=touched)
                )
        people = account.people
        if rng.random() < 0.5:
            self._trash(account, builder.pick_person(), end)
        if rng.random() < 0.3 and len(people) > 60:
            self.delete_person(account, builder.pick_person().id)
        if rng.random() < 0.3 and len(people) > 60:
            winner, loser = builder.pick_person(), builder.pick_person()
            if winner.id != loser.id:
                self.merge(account, winner.id, [loser.id], end)
        own = [d for d in account.deals.rows() if d.world_id is None and d.status == "Active"]
        if own:
            self._move_deal(account, rng.choice(own), end)

    def _follow_up(self, account: Account, call: Call) -> None:
        """A call leaves a note or a task, and with the task an older one is done.

        Nothing is drawn for it, so that everything else happens as it would without.
        """
        at = call.created
        if call.id % 2 and call.person_id:
            number = account.notes.next_id
            account.notes.put(
                Note(number, at, at, call.user_id, call.person_id, None, "Prefers evenings")
            )
            return
        open_ones = (t for t in account.tasks.rows() if t.completed is None and t.created < at)
        done = next(open_ones, None)
        if done is not None:
            account.tasks.put(replace(done, completed=at, updated=max(at, done.updated)))
        account.tasks.put(_call_again(account, call.person_id, at))

    def _active(self, account: Account, person_id: int | None, at: datetime) -> None:
        """Activity moves ``lastActivity`` and leaves ``updated`` alone (contract §2.3)."""
        person = account.people.get(person_id) if person_id else None
        if person is not None and (person.last_activity is None or person.last_activity < at):
            account.people.put(replace(person, last_activity=at))

    def _edit(self, account: Account, person: Person, at: datetime) -> None:
        rng = self._rng
        stages = [s.id for s in account.stages.values() if s.id != account.trash_id]
        stage = person.stage_id if person.stage_id == account.trash_id else rng.choice(stages)
        account.people.put(
            replace(person, stage_id=stage, contacted=1, updated=max(at, person.updated))
        )

    def _trash(self, account: Account, person: Person, at: datetime) -> None:
        account.people.put(
            replace(person, stage_id=account.trash_id, updated=max(at, person.updated))
        )

    def _move_deal(self, account: Account, deal: Deal, at: datetime) -> None:
        stages = account.pipelines[deal.pipeline_id].stages
        account.deals.put(replace(deal, stage_id=self._rng.choice(stages).id, entered_stage_at=at))
        self._refresh_people(account, deal.person_ids)

    def _refresh_people(self, account: Account, person_ids: list[int]) -> None:
        """People show a summary of their main deal: their JSON must be made anew."""
        for person_id in person_ids:
            person = account.people.get(person_id)
            if person is not None:
                account.people.put(person)

    def _mirror_deals(self, account: Account) -> None:
        builder = self._builders[account.agent_key]
        mirrored = {d.world_id: d for d in account.deals.rows() if d.world_id is not None}
        newest = max((d.created for d in mirrored.values()), default=None)
        for source in self._world.deals_of(account.agent_id, listing=False):
            known = mirrored.get(source.id)
            if known is not None:
                copy = replace(known)
                if mirror_state(account, copy, source):
                    account.deals.put(copy)
                    self._refresh_people(account, copy.person_ids)
            elif newest is not None and source.created_at > newest:
                account.deals.put(builder.mirror(source))

    # --- single changes ---

    def play(self, account: Account, op: str, change: Mapping[str, Any]) -> dict[str, Any]:
        """Plays a data change. Raises ValueError for an unknown one or a row that is not there."""
        match op:
            case "create_person":
                return {"id": self.create_person(account, change.get("set", {})).id}
            case "update_person":
                return self._update(account, "people", change)
            case "update":
                return self._update(account, str(change["table"]), change)
            case "delete":
                return self._delete(account, str(change["table"]), change)
            case "delete_person":
                return self.delete_person(account, self._person(account, change).id)
            case "trash_person":
                person = self._person(account, change)
                self._trash(account, person, self._now())
                return {"id": person.id}
            case "merge":
                losers = [int(i) for i in change["losers"]]
                return self.merge(account, int(change["winner"]), losers, self._now())
            case "vanish":
                person = self._person(account, change)
                account.unlisted.add(person.id)
                account.people.version += 1
                return {"id": person.id}
            case "reappear":
                account.unlisted.discard(int(change["id"]))
                account.people.version += 1
                return {"id": int(change["id"])}
            case (
                "create_event"
                | "create_call"
                | "create_text"
                | "create_note"
                | "create_task"
                | "create_appointment"
            ):
                return {"id": self._create(account, op.removeprefix("create_"), change)}
            case "add_custom_field":
                return self._custom_field(account, change)
            case "rename_stage":
                stage = account.stages[int(change["id"])]
                account.stages[stage.id] = replace(stage, name=str(change["name"]))
                account.forget_renderings()
                return {"id": stage.id}
            case "add_stage":
                number = max(account.stages) + 1
                account.stages[number] = Stage(number, str(change["name"]), number * 100, False)
                return {"id": number}
            case "delete_user":
                return self._delete_user(account, int(change["id"]))
            case "add_user":
                return self._add_user(account, change)
            case "move_deal":
                deal = self._deal(account, change)
                self._move_deal(account, deal, self._now())
                return {"id": deal.id}
            case "archive_deal" | "delete_deal":
                deal = self._deal(account, change)
                status = "Archived" if op == "archive_deal" else "Deleted"
                account.deals.put(replace(deal, status=status))
                return {"id": deal.id}
            case _:
                raise ValueError(
                    f"Unknown change 'fub.{op}'; sandbox/fub/README.md lists the known ones."
                )

    def _person(self, account: Account, change: Mapping[str, Any]) -> Person:
        wanted = (
            int(change["id"])
            if "id" in change
            else self._builders[account.agent_key].pick_person().id
        )
        person = account.people.get(wanted)
        if person is None:
            raise ValueError(f"Account {account.id} has no person {wanted}.")
        return person

    def _deal(self, account: Account, change: Mapping[str, Any]) -> Deal:
        deal = account.deals.get(int(change["id"]))
        if deal is None:
            raise ValueError(f"Account {account.id} has no deal {change['id']}.")
        return deal

    def create_person(self, account: Account, values: Mapping[str, Any]) -> Person:
        """A new person; reads find it after the switch's delay."""
        now = self._now()
        made = self._builders[account.agent_key].person(1000, now)
        person: Person = _with(made, {"updated": now, "last_activity": None, **values})
        if self._switches.read_delay > 0:
            account.pending[person.id] = self._world.now() + timedelta(
                seconds=self._switches.read_delay
            )
        account.people.put(person)
        return person

    def _update(self, account: Account, table: str, change: Mapping[str, Any]) -> dict[str, Any]:
        rows = account.table(table)
        row_id = int(change["id"])
        row = rows.get(row_id)
        if row is None:
            raise ValueError(f"{table} of account {account.id} has no row {row_id}.")
        values = dict(change.get("set", {}))
        # some real changes leave the clock alone: "touch": false
        if change.get("touch", True) and hasattr(row, "updated"):
            values.setdefault("updated", self._now())
        rows.put(_with(row, values))
        return {"id": row_id}

    def _delete(self, account: Account, table: str, change: Mapping[str, Any]) -> dict[str, Any]:
        row_id = int(change["id"])
        if table == "people":
            return self.delete_person(account, row_id)
        rows = account.table(table)
        if rows.get(row_id) is None:
            raise ValueError(f"{table} of account {account.id} has no row {row_id}.")
        rows.remove(row_id)
        return {"id": row_id}

    def delete_person(self, account: Account, person_id: int) -> dict[str, Any]:
        """Deletes for good; the person's events, calls, texts, notes and tasks go too."""
        gone: dict[str, list[int]] = {}
        for name in PERSON_TABLES:
            table = account.table(name)
            gone[name] = table.ids_of_person(person_id)
            for row_id in gone[name]:
                table.remove(row_id)
        for deal in list(account.deals_of_person(person_id)):
            account.deals.put(
                replace(deal, person_ids=[p for p in deal.person_ids if p != person_id])
            )
        account.people.remove(person_id)
        return {"id": person_id, "children": gone}

    def merge(
        self, account: Account, winner_id: int, losers: list[int], at: datetime
    ) -> dict[str, Any]:
        """Losers go to Trash, keeping their ids; children move without a new ``updated``."""
        winner = account.people.get(winner_id)
        if winner is None:
            raise ValueError(f"Account {account.id} has no person {winner_id}.")
        moved: dict[str, list[int]] = {name: [] for name in PERSON_TABLES}
        custom = dict(winner.custom)
        for loser_id in losers:
            loser = account.people.get(loser_id)
            if loser is None:
                raise ValueError(f"Account {account.id} has no person {loser_id}.")
            for name in PERSON_TABLES:
                table = account.table(name)
                for row_id in table.ids_of_person(loser_id):
                    table.put(_with(table.get(row_id), {"person_id": winner_id}))
                    moved[name].append(row_id)
            custom.update({k: v for k, v in loser.custom.items() if custom.get(k) in (None, "")})
            account.people.put(
                replace(
                    loser,
                    stage_id=account.trash_id,
                    merged_into=winner_id,
                    updated=max(at, loser.updated),
                )
            )
        account.people.put(replace(winner, custom=custom, updated=max(at, winner.updated)))
        return {"winner": winner_id, "losers": losers, "moved": moved}

    def _create(self, account: Account, kind: str, change: Mapping[str, Any]) -> int:
        builder, now = self._builders[account.agent_key], self._now()
        values = dict(change.get("set", {}))
        person = account.people.get(int(change["person_id"])) if change.get("person_id") else None
        row: Any
        match kind:
            case "event":
                row, table = builder.event(1000, now, person), "events"
            case "call":
                row, table = builder.call(1000, now, person), "calls"
            case "text":
                row, table = builder.text(1000, now, person), "text_messages"
            case "note":
                row, table = builder.note(1000, now, person), "notes"
            case "task":
                row, table = _call_again(account, person.id if person else None, now), "tasks"
            case _:
                row, table = builder.appointment(1000, now), "appointments"
        row = _with(row, {"updated": now, **values})
        account.table(table).put(row)
        if kind in ("call", "text"):
            self._active(account, row.person_id, now)
        return int(row.id)

    def _custom_field(self, account: Account, change: Mapping[str, Any]) -> dict[str, Any]:
        """A custom field that turns up on a person; with ``defined`` false nobody ever lists its
        definition.
        """
        name = str(change.get("name", "customNewField"))
        if change.get("defined", True):
            number = max(account.custom_fields) + 1
            label = str(change.get("label", name))
            account.custom_fields[number] = CustomField(
                number, name, label, str(change.get("type", "text")), 90
            )
        person = self._person(account, change)
        custom = {**person.custom, name: change.get("value", "new")}
        account.people.put(replace(person, custom=custom, updated=self._now()))
        return {"id": person.id, "name": name}

    def _delete_user(self, account: Account, user_id: int) -> dict[str, Any]:
        user = account.users.get(user_id)
        if user is None:
            raise ValueError(f"Account {account.id} has no user {user_id}.")
        account.users[user_id] = replace(user, status="Deleted", updated=self._now())
        account.forget_renderings()
        return {"id": user_id}

    def _add_user(self, account: Account, change: Mapping[str, Any]) -> dict[str, Any]:
        number = max(account.users) + 1
        now = self._now()
        first, last = str(change.get("first_name", "New")), str(change.get("last_name", "User"))
        email = f"user{number}.{account.domain}@example.test"
        account.users[number] = User(
            number, now, now, first, last, email, None, str(change.get("kind", "agent"))
        )
        return {"id": number}


def _call_again(account: Account, person_id: int | None, at: datetime) -> Task:
    due = (at + timedelta(days=3)).date()
    user_id = account.owner.id
    return Task(account.tasks.next_id, at, at, person_id, user_id, "Call again", "Call", due)


def _with(row: Any, values: MutableMapping[str, Any] | Mapping[str, Any]) -> Any:
    """A copy of a row with other values; instants and dates may come as ISO text. ``extra`` adds
    unknown fields.
    """
    known = {f.name: str(f.type) for f in fields(row)}
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"{type(row).__name__} has no {name!r}; it has: {', '.join(known)}.")
        if isinstance(value, str) and "datetime" in known[name] and "T" in value:
            value = datetime.fromisoformat(value)
        elif isinstance(value, str) and known[name].startswith("date"):
            value = date.fromisoformat(value)
        found[name] = value
    if "id" in found:
        raise ValueError("A row keeps its id.")
    return replace(row, **found)
