"""Ends processes that outlive whoever is responsible for them.

A worker's training processes have sessions of their own, so ending its process group is not enough. All descendants
inherit its environment, though, and are known by a variable there.

`python -m runpod_service.twin.orphans VARIABLE VALUE` waits until its standard input ends, which it does when the
twin is gone for whatever reason, and then ends all processes with this variable.
"""

from __future__ import annotations

import os
import sys
import time

import psutil

SWEEPS, PAUSE_S = 50, 0.1


def marked(variable: str, value: str) -> list[psutil.Process]:
    """The processes of this user that were started with this variable in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(variable) == value and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # it has ended meanwhile, or belongs to somebody else
    return found


def end_marked(variable: str, value: str) -> None:
    """Kill these processes until there are none, also those that are being started meanwhile."""
    for _ in range(SWEEPS):
        processes = marked(variable, value)
        if not processes:
            return
        for process in processes:
            try:
                process.kill()
            except psutil.Error:
                continue
        psutil.wait_procs(processes, timeout=PAUSE_S)


def main(variable: str, value: str) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    end_marked(variable, value)
    # One that was about to be started when the twin was killed carries the variable only now.
    time.sleep(3 * PAUSE_S)
    end_marked(variable, value)


if __name__ == "__main__":
    main(*sys.argv[1:])
