"""Which RunPod endpoint this process uses: the environment's, one that was typed in, or the twin on this machine.

What is typed in stays in the memory of this process and is gone when it ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum
from urllib.parse import urlsplit

from hpo_core.errors import UsageError
from hpo_core.settings import RunPodSettings
from runpod_service.twin.launch import Twin

TWIN_WORKERS = 2


class Source(StrEnum):
    """Where the endpoint's settings come from, as a person reads it."""

    ENVIRONMENT = "the environment"
    TYPED = "what was typed in here, for this process only"
    TWIN = "the twin on this machine"


class Remote:
    """The endpoint in use. Its methods may be called from any thread.

    Args:
        environment: what the environment said.
        start_twin: starts a twin with so many workers.
    """

    def __init__(self, environment: RunPodSettings, start_twin: Callable[[int], Twin] = Twin.start) -> None:
        self._environment = environment
        self._start_twin = start_twin
        self._typed: RunPodSettings | None = None
        self._twin: Twin | None = None
        self._lock = threading.Lock()

    @property
    def settings(self) -> RunPodSettings:
        """Where remote trials of a run that is started now go."""
        twin = self._twin
        if twin is not None:
            return RunPodSettings(twin.api_key, twin.endpoint_id, twin.url)
        return self._typed or self._environment

    @property
    def source(self) -> Source:
        if self._twin is not None:
            return Source.TWIN
        return Source.TYPED if self._typed is not None else Source.ENVIRONMENT

    def use(self, *, api_key: str = "", endpoint_id: str = "", address: str = "") -> None:
        """Use another endpoint from now on; what is empty stays as it is.

        Raises:
            UsageError: a value that cannot be used. It never holds the key.
        """
        with self._lock:
            before = self._typed or self._environment
            base_url = address.strip().rstrip("/") or before.base_url
            if base_url != before.base_url:
                _check_address(base_url)
                if not api_key.strip() and before.api_key:
                    raise UsageError(
                        "API key", "must be given again for another address",
                        "type the key of that service: the present one is not sent to it",
                    )  # fmt: skip
            self._typed = RunPodSettings(
                api_key=_checked_key(api_key.strip()) or before.api_key,
                endpoint_id=_checked_id(endpoint_id.strip()) or before.endpoint_id,
                base_url=base_url,
            )
            twin, self._twin = self._twin, None
        if twin is not None:
            twin.close()

    def use_environment(self) -> None:
        """Forget what was typed in."""
        with self._lock:
            self._typed = None

    def start_twin(self) -> None:
        """Start the twin and use it; a twin that runs stays. Raises TwinError."""
        with self._lock:
            if self._twin is None:
                self._twin = self._start_twin(TWIN_WORKERS)

    def stop_twin(self) -> None:
        """End the twin, and use again what was used before."""
        with self._lock:
            twin, self._twin = self._twin, None
        if twin is not None:
            twin.close()

    def close(self) -> None:
        """End what this process started."""
        self.stop_twin()


def shown_address(settings: RunPodSettings) -> str:
    """The address of the service without a user and a password that somebody may have written into it."""
    scheme, _, rest = settings.base_url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}" if rest else settings.base_url


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is none, a bracket that does not close
        raise UsageError("address", "must be an address such as https://api.runpod.ai/v2", "correct it") from None
    if not usable:
        raise UsageError("address", "must begin with https:// or http://", "for example https://api.runpod.ai/v2")
    if parts.username or parts.password:
        raise UsageError("address", "must not hold a user or a password", "leave out what stands before the @")


def _checked_key(key: str) -> str:
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise UsageError("API key", "must be printable ASCII characters without spaces", "copy it once more")
    return key


def _checked_id(endpoint_id: str) -> str:
    if endpoint_id and not (endpoint_id.isascii() and all(char.isalnum() or char in "-_" for char in endpoint_id)):
        raise UsageError(
            "endpoint id", f"must be letters, digits, '-' or '_', got {endpoint_id[:40]!r}",
            "copy it from the endpoint's page",
        )  # fmt: skip
    return endpoint_id
