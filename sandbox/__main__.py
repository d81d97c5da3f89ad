"""``python -m sandbox``: serves the imitated vendors until interrupted."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields, replace
from datetime import date

from sandbox.box import Sandbox
from sandbox.server import listen, make_server
from sandbox.world.sizes import SIZES


def limit(text: str) -> tuple[str, str, int]:
    """``lofty.key=100`` as vendor, context and requests. Raises ValueError for anything else."""
    place, _, requests = text.partition("=")
    vendor, _, context = place.partition(".")
    if not vendor or not context:
        raise ValueError("A limit is written vendor.context=requests.")
    return vendor, context, int(requests)


def main(arguments: list[str] | None = None) -> int:
    """Parses the command line and serves. Returns 2 when the port is taken."""
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8900, help="0 takes a free port")
    parser.add_argument("--size", choices=sorted(SIZES), default="demo")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--today", type=date.fromisoformat, default=date(2026, 6, 15), help="YYYY-MM-DD"
    )
    parser.add_argument("--fast", action="store_true", help="no rate limits, no latency")
    parser.add_argument("--rezen-per-minute", type=int, default=600, help="limit per reZEN key")
    parser.add_argument(
        "--limit",
        type=limit,
        action="append",
        default=[],
        metavar="VENDOR.CONTEXT=REQUESTS",
        help="requests per minute in a context of a vendor; may be given again",
    )
    for name in sorted(f.name for f in fields(SIZES["demo"]) if f.type in ("int", int)):
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=int, help="overrides the size's figure"
        )
    options = parser.parse_args(arguments)
    size = SIZES[options.size]
    overrides = {f.name: getattr(options, f.name, None) for f in fields(size) if f.name != "name"}
    size = replace(size, **{k: v for k, v in overrides.items() if v is not None})
    try:
        sock = listen(options.host, options.port)
    except OSError as error:
        sys.stderr.write(
            f"The sandbox cannot listen on port {options.port}: {error.strerror}. Give --port.\n"
        )
        return 2
    box = Sandbox(
        size=size,
        seed=options.seed,
        today=options.today,
        limited=not options.fast,
        latency=0.0 if options.fast else 0.001,
        rezen_per_minute=options.rezen_per_minute,
    )
    for vendor, context, requests in options.limit:
        box.limits.set(vendor, context, requests, 60.0)
    box.url = f"http://{options.host}:{sock.getsockname()[1]}"
    sys.stdout.write(f"sandbox: {box.url} ({box.size.name}, seed {box.seed}, today {box.start})\n")
    sys.stdout.flush()
    make_server(box).run(sockets=[sock])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
