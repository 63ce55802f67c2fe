"""A worker for the twin's tests: counts, waits, fails and is deaf as its input says."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import runpod


async def count(job: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """Yields `steps` chunks, one each `pause_s`."""
    data = job["input"]
    if "child" in data:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        Path(data["child"]).write_text(str(child.pid))
    try:
        for step in range(data.get("steps", 3)):
            yield {"chunk": step, "pid": os.getpid(), "text": "x" * data.get("bytes", 0)}
            if data.get("deaf"):
                time.sleep(600)
            await asyncio.sleep(data.get("pause_s", 0.0))
        if "fails" in data:
            raise ValueError(data["fails"])
    finally:
        if "left" in data:
            Path(data["left"]).write_text("cleaned up")


if __name__ == "__main__":
    runpod.serverless.start({"handler": count, "return_aggregate_stream": True})
