"""The control API under ``/sandbox/``: ours, never part of a vendor's interface."""

from __future__ import annotations

from typing import Any

import orjson

from sandbox.box import Sandbox
from sandbox.hooks import Notice
from sandbox.http import Query, Receive, Reply, Scope, Send, read_body, send_reply
from sandbox.vendors import VENDORS


class Control:
    """Answers ``/sandbox/...``; wrong input gives 400 with one sentence under ``error``."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Plays one request."""
        body = await read_body(receive)
        try:
            data = orjson.loads(body) if body else {}
            reply = self._answer(
                str(scope["method"]),
                str(scope["path"]).removeprefix("/sandbox/").strip("/"),
                Query(scope["query_string"].decode("latin-1")),
                data,
            )
        except (ValueError, TypeError, KeyError) as error:
            reply = Reply.json({"error": str(error).strip("'")}, 400)
        await send_reply(send, reply)

    def _answer(self, method: str, path: str, query: Query, data: Any) -> Reply:
        box = self._box
        match method, path:
            case "GET", "health":
                return Reply.json(
                    {
                        "status": "ok",
                        "size": box.size.name,
                        "seed": box.seed,
                        "now": box.clock.now().isoformat(),
                        "counts": box.world.counts(),
                    }
                )
            case "GET", "accounts":
                return Reply.json([*box.accounts, box.house])
            case "GET", "settings":
                return Reply.json({n: v.told(box) for n, v in VENDORS.items()})
            case "GET", "truth":
                return Reply.json(box.truth(query.get("agent_key")))
            case "GET", "clock":
                return Reply.json(self._clock())
            case "POST", "clock":
                if "factor" in data:
                    box.clock.factor = float(data["factor"])
                box.advance(days=int(data.get("days", 0)), seconds=float(data.get("seconds", 0)))
                return Reply.json(self._clock())
            case "GET", "faults":
                return Reply.json({"rules": box.faults.describe(), "kinds": box.faults.kinds()})
            case "POST", "faults":
                return Reply.json(self._add_faults(data), 201)
            case "DELETE", "faults":
                number = query.get("id")
                box.faults.clear(int(number) if number else None)
                return Reply.json({"rules": box.faults.describe()})
            case "POST", "mutate":
                return Reply.json(box.mutate(data))
            case "GET", "hooks":
                return Reply.json(box.hooks.describe())
            case "POST", "hooks":
                box.hooks.set_flaws(data.get("flaws", {}))
                if data.get("flush"):
                    box.hooks.flush()
                return Reply.json(box.hooks.describe())
            case "POST", "emit":
                return Reply.json({"told": self._emit(data)})
            case "POST", "reset":
                box.reset()
                return Reply.json({"status": "ok"})
            case "GET", "requests":
                return Reply.json(box.requests.describe(int(query.get("recent") or 0)))
            case "DELETE", "requests":
                box.requests.clear()
                return Reply.json({"status": "ok"})
            case "GET", "limits":
                return Reply.json(box.limits.describe())
            case "POST", "limits":
                self._set_limits(data)
                return Reply.json(box.limits.describe())
            case _:
                return Reply.json(
                    {"error": f"The control API has no {method} /sandbox/{path}."}, 404
                )

    def _clock(self) -> dict[str, Any]:
        clock = self._box.clock
        return {
            "now": clock.now().isoformat(),
            "reporting_day": clock.reporting_today.isoformat(),
            "factor": clock.factor,
        }

    def _emit(self, data: dict[str, Any]) -> int:
        """Tell subscribers something that did not happen: `body` is delivered as it is."""
        notice = Notice(
            str(data["agent_key"]), str(data["topic"]), dict(data["body"]),
            str(data.get("target", "")),
        )  # fmt: skip
        return self._box.hooks.tell(str(data["vendor"]), notice)

    def _add_faults(self, data: dict[str, Any]) -> dict[str, Any]:
        faults = self._box.faults
        fields = dict(data)
        if "profile" in fields:
            rules = faults.profile(
                str(fields.get("vendor", "rezen")),
                str(fields["profile"]),
                agent_key=fields.get("agent_key"),
            )
            return {"ids": [rule.id for rule in rules]}
        kind = str(fields.pop("kind", ""))
        fields.update(fields.pop("params", {}))
        return {"ids": [faults.add(kind, **fields).id]}

    def _set_limits(self, data: dict[str, Any]) -> None:
        box = self._box
        if "enabled" in data:
            box.limits.enabled = bool(data["enabled"])
        if "factor" in data:
            box.clock.factor = float(data["factor"])
        if "vendor" in data:
            box.limits.set(
                str(data["vendor"]),
                str(data.get("context", "global")),
                int(data["requests"]),
                float(data["window"]),
            )
