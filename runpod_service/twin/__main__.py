"""`python -m runpod_service.twin --workers N`: RunPod on this machine, for trying it out and for tests."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import shlex
import sys
from collections.abc import Sequence

from hpo_core.errors import UsageError
from runpod_service.twin.faults import Faults, parse
from runpod_service.twin.plane import ENDPOINT_ID, Plane
from runpod_service.twin.server import HOST, listen, serve
from runpod_service.twin.workers import COMMAND, WorkerSettings

INTRODUCTION = """The twin of RunPod answers at {url}
  API key      {key}
  endpoint id  {endpoint}
  workers      {workers}
To use it, in another terminal:
  export RUNPOD_API_KEY={key}
  export RUNPOD_ENDPOINT_ID={endpoint}
  export RUNPOD_ENDPOINT_BASE_URL={url}
Ctrl-C ends it and its workers."""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m runpod_service.twin", description=__doc__)
    parser.add_argument("--workers", type=int, default=2, help="worker processes (default 2)")
    parser.add_argument("--port", type=int, default=8765, help="on 127.0.0.1; 0 takes any free one (default 8765)")
    parser.add_argument("--api-key", help="that clients must send (default: a random one)")
    parser.add_argument("--cold-start", type=float, metavar="SECONDS", help="workers start when a job waits, this late")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME=VALUE", help="see runpod_service/twin/faults.py"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the faults that are drawn (default 0)")
    parser.add_argument(
        "--command", default=shlex.join(COMMAND), help="that starts a worker (default: Onegin's handler)"
    )
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="variable for the workers")
    parser.add_argument("--verbose", action="store_true", help="show what the workers print")
    parser.add_argument("--json", action="store_true", help="say where it answers in one line of JSON")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when the standard input does")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the twin. Exit code: 0 ended by a signal, 2 an argument that cannot be used."""
    given = parser().parse_args(arguments)
    try:
        faults = Faults(dict(parse(text) for text in given.fault), seed=given.seed)
        settings = WorkerSettings(shlex.split(given.command), dict(variable(text) for text in given.env), given.verbose)
        if not 0 <= given.workers <= 256:
            raise UsageError(
                "--workers", f"must be from 0 to 256, got {given.workers}", "write for example --workers 2"
            )
        if not 0 <= given.port <= 65535:
            raise UsageError("--port", f"must be from 0 to 65535, got {given.port}", "write --port 0 for any free one")
        listener = listen(given.port)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"--port must be free, got {given.port}: {error}; write --port 0 for any free one", file=sys.stderr)
        return 2
    key = given.api_key or secrets.token_hex(16)  # never the real one of the environment: it is shown
    url = f"http://{HOST}:{listener.getsockname()[1]}/v2"

    def announce() -> None:
        about = {"url": url, "api_key": key, "endpoint_id": ENDPOINT_ID, "pid": os.getpid()}
        people = INTRODUCTION.format(url=url, key=key, endpoint=ENDPOINT_ID, workers=given.workers)
        print(json.dumps(about) if given.json else people, flush=True)

    async def run() -> None:
        plane = Plane(api_key=key, settings=settings, faults=faults)
        plane.workers.fleet.cold_start_s = given.cold_start
        plane.workers.fleet.scale(given.workers)
        await serve(plane, listener, announce, given.until_stdin_closes)

    asyncio.run(run())
    return 0


def variable(text: str) -> tuple[str, str]:
    """A variable as it is written on the command line. Raises UsageError."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise UsageError("--env", f"must be NAME=VALUE, got {text!r}", "write for example --env OMP_NUM_THREADS=1")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
