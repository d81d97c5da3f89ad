"""Faults that can be switched on: rules that a request is matched against.

The frame itself plays the *transport* kinds (what happens to any answer) and the *row* kinds (what
happens to
one row of a JSON page). Every other kind is handed to the vendor's app, which looks for it with
``call.fault("shift_page")``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

BEFORE = frozenset(
    {
        "status",
        "html",
        "reset",
        "timeout",
        "429_with_retry_after",
        "429_without",
        "empty_403",
        "no_content",
    }
)
AFTER = frozenset({"truncated_json", "empty_body", "slow", "garbage", "bare"})
ROW = frozenset(
    {
        "edit_row",
        "missing_id",
        "string_for_number",
        "unknown_enum",
        "unknown_field",
        "null_field",
        "drop_row",
        "duplicate_row",
        "wrong_total",
        "drop_field",
        "rename_field",
    }
)


@dataclass(slots=True)
class Rule:
    """One fault.

    ``match`` is a regular expression searched in ``path?query`` below the vendor's prefix. ``skip``
    matching
    requests pass first, then every ``every``-th one is hit, at most ``times`` times (None: for
    ever).
    ``params`` depends on the kind (see sandbox/README.md).
    """

    kind: str
    vendor: str | None = None
    match: str = ""
    agent_key: str | None = None
    api_key: str | None = None
    skip: int = 0
    times: int | None = 1
    every: int = 1
    params: dict[str, Any] = field(default_factory=dict)
    id: int = 0
    seen: int = 0
    hits: int = 0

    def applies(self, vendor: str, target: str, agent_key: str | None, api_key: str | None) -> bool:
        """Whether the rule looks at this request (skip, every and times aside)."""
        return (
            (self.vendor is None or self.vendor == vendor)
            and (self.agent_key is None or self.agent_key == agent_key)
            and (self.api_key is None or self.api_key == api_key)
            and re.search(self.match, target) is not None
        )

    def strike(self) -> bool:
        """Counts one matching request and says whether it is hit."""
        self.seen += 1
        if self.seen <= self.skip or (self.times is not None and self.hits >= self.times):
            return False
        if (self.seen - self.skip) % self.every:
            return False
        self.hits += 1
        return True


class Faults:
    """The rules in force and the vendors' profiles (named groups of rules)."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._next_id = 1
        self._profiles: dict[tuple[str, str], Callable[[], list[Rule]]] = {}
        self._kinds: dict[str, set[str]] = {}

    def register(
        self,
        vendor: str,
        kinds: set[str],
        profiles: Mapping[str, Callable[[], list[Rule]]] | None = None,
    ) -> None:
        """Makes a vendor's own kinds and profiles known."""
        self._kinds.setdefault(vendor, set()).update(kinds)
        for name, build in (profiles or {}).items():
            self._profiles[vendor, name] = build

    def kinds(self) -> dict[str, list[str]]:
        """All known kinds: the frame's under ``any``, the vendors' own under their names."""
        own = {vendor: sorted(kinds) for vendor, kinds in sorted(self._kinds.items())}
        return {"any": sorted(BEFORE | AFTER | ROW), **own}

    def add(
        self,
        kind: str,
        *,
        vendor: str | None = None,
        match: str = "",
        agent_key: str | None = None,
        api_key: str | None = None,
        skip: int = 0,
        times: int | None = 1,
        every: int = 1,
        **params: Any,
    ) -> Rule:
        """Adds a rule. Raises ValueError for a kind that nobody plays and for a bad pattern."""
        own = set().union(*(k for v, k in self._kinds.items() if vendor in (None, v)))
        if kind not in BEFORE | AFTER | ROW | own:
            raise ValueError(
                f"Unknown fault kind {kind!r}; GET /sandbox/faults lists the known ones."
            )
        try:
            re.compile(match)
        except re.error as error:
            raise ValueError(
                f"The pattern {match!r} is not a regular expression: {error}."
            ) from error
        return self._append(
            Rule(kind, vendor, match, agent_key, api_key, skip, times, max(1, every), params)
        )

    def profile(self, vendor: str, name: str, *, agent_key: str | None = None) -> list[Rule]:
        """Adds all rules of a vendor's profile, for one agent or all. Raises ValueError for an
        unknown name.
        """
        build = self._profiles.get((vendor, name))
        if build is None:
            known = sorted(n for v, n in self._profiles if v == vendor)
            raise ValueError(
                f"{vendor} has no profile {name!r}; it has: {', '.join(known) or 'none'}."
            )
        rules = build()
        for rule in rules:
            rule.agent_key = agent_key
            self._append(rule)
        return rules

    def _append(self, rule: Rule) -> Rule:
        rule.id = self._next_id
        self._next_id += 1
        self._rules.append(rule)
        return rule

    def clear(self, rule_id: int | None = None) -> None:
        """Removes one rule, or all."""
        self._rules = [] if rule_id is None else [r for r in self._rules if r.id != rule_id]

    def strike(
        self, vendor: str, target: str, agent_key: str | None, api_key: str | None
    ) -> list[Rule]:
        """The rules that hit this request, in the order they were added."""
        if not self._rules:
            return []
        return [
            r for r in self._rules if r.applies(vendor, target, agent_key, api_key) and r.strike()
        ]

    def describe(self) -> list[dict[str, Any]]:
        """JSON-able list of the rules with their counters."""
        return [asdict(rule) for rule in self._rules]


def spoil_rows(body: bytes, rule: Rule) -> bytes:
    """Applies a row kind to a JSON answer and returns the new body.

    The rows are the first array of objects at top level (or ``params["array"]``), else the object
    itself.
    ``params["row"]`` picks the row (default 0), ``field`` and ``value`` what to put there. A field
    is renamed (``to``) in all rows, as vendors do.
    """
    data = orjson.loads(body) if body else None
    rows = _rows_of(data, rule.params.get("array"))
    if rule.kind == "wrong_total":
        return orjson.dumps(_shift_total(data, int(rule.params.get("by", 1))))
    if not rows:
        return body
    index = min(int(rule.params.get("row", 0)), len(rows) - 1)
    row = rows[index]
    name = str(rule.params.get("field", ""))
    value = rule.params.get("value")
    match rule.kind:
        case "drop_row":
            rows.pop(index)
        case "duplicate_row":
            rows.append(row)
        case "missing_id":
            row.pop(name or "id", None)
        case "drop_field":
            row.pop(name, None)
        case "rename_field":
            for each in rows:
                if name in each:
                    each[str(rule.params.get("to", f"{name}V2"))] = each.pop(name)
        case "null_field":
            row[name] = None
        case "string_for_number":
            row[name or _first_number(row)] = value if value is not None else "not-a-number"
        case "unknown_enum":
            row[name or "status"] = value if value is not None else "SOMETHING_NEW"
        case "unknown_field":
            row[name or "surpriseField"] = value if value is not None else "surprise"
        case _:
            row.update(rule.params.get("set", {}))
    return orjson.dumps(data)


def _rows_of(data: Any, array: Any) -> list[dict[str, Any]]:
    if isinstance(data, list):
        return data
    if not isinstance(data, dict):
        return []
    if array is not None:
        found = data.get(str(array))
        return found if isinstance(found, list) else []
    if "id" not in data:
        for value in data.values():
            if isinstance(value, list) and value and isinstance(value[0], dict):
                return value
    return [data]


def _first_number(row: dict[str, Any]) -> str:
    for name, value in row.items():
        if name != "id" and isinstance(value, int | float) and not isinstance(value, bool):
            return name
    return "id"


def _shift_total(data: Any, by: int) -> Any:
    if isinstance(data, dict):
        holder = data.get("_metadata", data.get("meta", data))
        for name in ("totalCount", "total"):
            if isinstance(holder, dict) and isinstance(holder.get(name), int):
                holder[name] += by
    return data
