"""What can go wrong with the store, told to people without a word that the store or its library wrote.

::

    S3Error (an OneginError)
    ├── S3RefusedError       the keys are wrong, or may not do this
    ├── S3MissingError       the object is not there
    └── S3UnreachableError   no answer, or only errors of the server, however often it was asked
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hpo_core.errors import OneginError
from hpo_core.settings import S3Settings

PASSING_STATUSES = frozenset({408, 429})
# "Not implemented" and "no space left" stay so.
LASTING_STATUSES = frozenset({501, 507})
PASSING_CODES = frozenset(
    {"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "InternalError"}
)


class S3Error(OneginError):
    """The store cannot do what it was asked; the text never holds a key."""


class S3RefusedError(S3Error):
    """401 or 403: wrong keys, or keys without the right to do this."""


class S3MissingError(S3Error):
    """404: the object is not there."""


class S3UnreachableError(S3Error):
    """Asked several times without an answer that counts."""


@dataclass(frozen=True)
class _Advice:
    """What to raise for an answer that has one of these codes, or one of these statuses."""

    raises: type[S3Error]
    text: str
    codes: Collection[str] = ()
    statuses: Collection[int] = ()

    def fits(self, status: int, code: str) -> bool:
        return code in self.codes or status in self.statuses


_SET_KEYS = "set both to an S3 key that may read and write {bucket!r}"
_KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
# The first that fits counts: a code says more than a status.
_ADVICE = (
    _Advice(
        S3Error,
        "ONEGIN_S3_BUCKET must be a bucket at {place}, got {bucket!r}; for a RunPod network volume write its id",
        codes=["NoSuchBucket"],
    ),
    _Advice(
        S3Error,
        "{place} refuses to {request}: the clock of this machine is wrong; set it",
        codes=["RequestTimeTooSkewed", "RequestExpired"],
    ),
    _Advice(
        S3Error,
        "AWS_REGION must be the region of {bucket!r} at {place}, got {region!r}; "
        "for a RunPod network volume write its data centre",
        codes=["AuthorizationHeaderMalformed", "PermanentRedirect"],
        statuses=[301, 307],
    ),
    _Advice(
        S3RefusedError,
        f"{_KEYS} are refused at {{place}} ({{status}}); {_SET_KEYS}",
        codes=["InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"],
        statuses=[401],
    ),
    _Advice(S3RefusedError, f"{_KEYS} may not {{request}} at {{place}} ({{status}}); {_SET_KEYS}", statuses=[403]),
    _Advice(
        S3MissingError,
        "{place} cannot {request}: it is not in the bucket {bucket!r}; it was removed, or never written",
        statuses=[404],
    ),
    _Advice(
        S3Error,
        "{place} cannot {request}: {bucket!r} is full; remove files from it or enlarge it",
        statuses=[507],
    ),
)
_OTHER_ANSWER = _Advice(
    S3Error, "{place} refuses to {request} ({status}); check ONEGIN_S3_ENDPOINT_URL and ONEGIN_S3_BUCKET"
)
_UNREACHABLE = _Advice(
    S3UnreachableError,
    "{place} does not {request} ({reason}); try again later, or check ONEGIN_S3_ENDPOINT_URL and the network",
)
_BAD_NAME = _Advice(S3Error, "ONEGIN_S3_BUCKET must be the name of a bucket, got {bucket!r}; write the name alone")
_NO_S3 = _Advice(
    S3Error, "what {place} answers is not S3 ({reason}); check that ONEGIN_S3_ENDPOINT_URL is an S3 service"
)


def place_of(settings: S3Settings) -> str:
    """Host of the store; a user and a password in its URL are left out."""
    scheme_or_host, _, host = settings.endpoint_url.partition("://")
    return (host or scheme_or_host).rpartition("@")[2].strip("/") or "Amazon S3"


def foreign_errors() -> tuple[type[Exception], ...]:
    """What boto3 raises of its own and lets through from below."""
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    return (ClientError, BotoCoreError, HTTPError)


def may_pass(error: Exception) -> bool:
    """Whether the same request may work a moment later."""
    from botocore import exceptions as botocore
    from urllib3.exceptions import HTTPError

    status, code = _status_and_code(error)
    if status:
        passing = status >= 500 and status not in LASTING_STATUSES
        return passing or status in PASSING_STATUSES or code in PASSING_CODES
    lost = (botocore.ConnectionError, botocore.ReadTimeoutError, botocore.ConnectionClosedError)
    cut = (botocore.ResponseStreamingError, botocore.IncompleteReadError, HTTPError)
    return isinstance(error, lost + cut)


def translated(error: Exception, request: str, settings: S3Settings) -> S3Error:
    """What to tell people: variable, value and fix. `request` is a verb with its object, such as 'read a/b.png'."""
    status, code = _status_and_code(error)
    if may_pass(error):
        advice = _UNREACHABLE
    elif status:
        advice = next((item for item in _ADVICE if item.fits(status, code)), _OTHER_ANSWER)
    else:
        from botocore.exceptions import ParamValidationError

        advice = _BAD_NAME if isinstance(error, ParamValidationError) else _NO_S3
    text = advice.text.format(
        place=place_of(settings),
        bucket=settings.bucket,
        region=settings.region,
        request=request,
        status=status,
        reason=status or type(error).__name__,
    )
    return advice.raises(text)


def _status_and_code(error: Exception) -> tuple[int, str]:
    """What a server answered; 0 where it was no answer."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return 0, ""
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return int(status), str(response.get("Error", {}).get("Code", ""))
