"""What can go wrong between here and RunPod, told by what may be done about it.

::

    RunPodError (an OneginError)
    ├── RefusedError         this will not get better by itself: key, endpoint, request
    │   ├── WrongKeyError
    │   └── WrongEndpointError
    ├── JobGoneError         the platform does not know the job (any more)
    ├── PassingError         the same request may be made again later
    │   ├── UnreachableError     it never left this machine
    │   ├── TooManyRequestsError the platform said 429
    │   ├── NotNowError          the platform did not take it this time
    │   └── CircuitOpenError     nothing was asked: the service has not answered for a while
    └── UnknownAnswerError   it may have been carried out: no answer, or an error of the server
        └── NotRunPodError   a web page, or something else that is no JSON
"""

from __future__ import annotations

from hpo_core.errors import OneginError


class RunPodError(OneginError):
    """Base of what the client raises; the text never holds a key."""


class RefusedError(RunPodError):
    """The platform refuses, and would again."""


class WrongKeyError(RefusedError):
    """401 or 403."""

    def __init__(self) -> None:
        super().__init__(
            "RUNPOD_API_KEY is refused by RunPod; make a new key in RunPod's settings and set the variable to it"
        )


class WrongEndpointError(RefusedError):
    """404 for something that must be there."""

    def __init__(self, endpoint_id: str) -> None:
        super().__init__(
            f"RUNPOD_ENDPOINT_ID must be an endpoint of this account, got {endpoint_id!r}; "
            "copy the id from the endpoint's page"
        )


class JobGoneError(RunPodError):
    """404 for a job: its result was kept for half an hour only, or its time to live is over."""


class PassingError(RunPodError):
    """May be asked again."""


class UnreachableError(PassingError):
    """No connection was made."""


class TooManyRequestsError(PassingError):
    """429."""


class NotNowError(PassingError):
    """408 or 425: nothing was carried out."""


class CircuitOpenError(PassingError):
    """Not asked at all."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__(f"RunPod has not answered for a while; next try in {wait_s:.0f} s")


class UnknownAnswerError(RunPodError):
    """It cannot be known whether the request was carried out."""


class NotRunPodError(UnknownAnswerError):
    """An answer without an error that is no JSON. Where every answer is one, the address is another service's."""
