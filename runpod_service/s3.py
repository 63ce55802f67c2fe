"""The store that remote trials leave their files in: a RunPod network volume, or any other S3-compatible bucket.

Only what RunPod's volumes can do is used: single objects are put, read, looked at, listed and deleted, large ones go
up in parts. There are no presigned URLs, no batch delete, no access lists and no tags.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from hpo_core.files import remove_quietly, with_part
from hpo_core.settings import S3Settings
from runpod_service.s3_errors import (
    S3Error,
    S3MissingError,
    S3RefusedError,
    S3UnreachableError,
    foreign_errors,
    may_pass,
    place_of,
    translated,
)

__all__ = ["S3Error", "S3MissingError", "S3RefusedError", "S3Store", "S3UnreachableError"]

# RunPod takes up to 500 MB at once; a smaller piece is sent again sooner where a connection drops.
MULTIPART_ABOVE_BYTES = 100_000_000
PART_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 10, 60
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 20.0
# As many as trials may run at once.
CONNECTIONS = 64

logger = logging.getLogger(__name__)
T = TypeVar("T")


class S3Store:
    """One bucket. May be used by several threads at once.

    Args:
        settings: where it is, and the keys.
        attempts: how often a request is made in all, where it fails for a reason that may pass; at least 1.
        sleep: waits for so many seconds.
        client: of boto3 for S3; made at the first request where it is None.
        multipart_above: size in bytes above which a file goes up in parts.

    Every method but `__init__` raises S3Error.
    """

    def __init__(
        self,
        settings: S3Settings,
        *,
        attempts: int = 4,
        sleep: Callable[[float], None] = time.sleep,
        client: Any = None,
        multipart_above: int = MULTIPART_ABOVE_BYTES,
    ) -> None:
        self._settings = settings
        self._attempts = attempts
        self._sleep = sleep
        self._client = client
        self._multipart_above = multipart_above
        self._making = threading.Lock()

    def check(self) -> str:
        """Put a tiny object, look at it and delete it; one sentence for people where all of that worked."""
        key = f"onegin-check-{uuid.uuid4().hex}"
        bucket, place = self._settings.bucket, place_of(self._settings)
        try:
            self._call("write", lambda client: client.put_object(Bucket=bucket, Key=key, Body=b"onegin"), key)
        except S3RefusedError as error:
            if not self._can_list(key):
                raise
            raise S3RefusedError(
                f"ONEGIN_S3_BUCKET {bucket!r} at {place} can be read but not written; "
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to keys with the right to write"
            ) from error
        try:
            self._verify(key, len(b"onegin"))
        finally:
            self.delete(key)
        return f"The bucket {bucket} at {place} can be reached and written."

    def upload(self, path: Path, key: str) -> tuple[int, str]:
        """Put a file under `key`; its size in bytes and its SHA-256 in hex.

        Raises OSError where the file cannot be read.
        """
        size, sha256 = _digest(path)
        if size > self._multipart_above:
            self._upload_parts(path, key)
        else:
            self._call("write", lambda client: self._put(client, path, key), key)
        self._verify(key, size)
        return size, sha256

    def download(self, key: str, target: Path, *, size: int, sha256: str) -> None:
        """Read an object into a file that is whole or absent; one that differs is read once more.

        Args:
            key: of the object.
            target: file to make or to replace; its folder is made too.
            size: in bytes, as its writer reported it.
            sha256: likewise, in hex.

        Raises S3MissingError where it is gone, S3Error where it differs, OSError where `target` cannot be written.
        """

        def fetch(part: Path) -> None:
            try:
                self._fetch_verified(key, part, size, sha256.lower())
            except BaseException:
                remove_quietly(part)
                raise

        with_part(target, fetch)

    def delete(self, key: str) -> None:
        """Remove an object; one that is absent already is fine."""
        with contextlib.suppress(S3MissingError):
            self._call("delete", lambda client: client.delete_object(Bucket=self._settings.bucket, Key=key), key)

    def list(self, prefix: str) -> list[tuple[str, int]]:
        """Key and size in bytes of every object whose key begins with `prefix`."""
        found: list[tuple[str, int]] = []
        token = ""
        while True:
            answer = self._page(prefix, token)
            found += [(item["Key"], item["Size"]) for item in answer.get("Contents", ())]
            following = answer.get("NextContinuationToken", "") if answer.get("IsTruncated") else ""
            if not following:
                return [(key, size) for key, size in found if key.startswith(prefix)]
            if following == token:
                raise S3Error(f"{place_of(self._settings)} does not end its list of {prefix}; check the bucket by hand")
            token = following

    def delete_prefix(self, prefix: str) -> int:
        """Remove every object below `prefix`, one by one; how many there were.

        Raises ValueError for a prefix that is no folder: 'run/trial_1' would remove trial_10 too, and keys are paths on
        a RunPod volume.
        """
        folders = prefix.removesuffix("/").split("/")
        if not prefix.endswith("/") or not {"", ".", ".."}.isdisjoint(folders):
            raise ValueError(f"prefix must be a folder such as 'run_1/trial_1/', got {prefix!r}")
        # A volume lists folders as well, and they must be empty when they are removed.
        keys = sorted((key for key, _ in self.list(prefix)), reverse=True)
        for key in keys:
            self.delete(key)
        return len(keys)

    def _put(self, client: Any, path: Path, key: str) -> None:
        with path.open("rb") as file:
            client.put_object(Bucket=self._settings.bucket, Key=key, Body=file)

    def _verify(self, key: str, size: int) -> None:
        answer = self._call("look at", lambda client: client.head_object(Bucket=self._settings.bucket, Key=key), key)
        if (found := answer.get("ContentLength")) != size:
            raise S3Error(
                f"{key} has {found} bytes at {place_of(self._settings)} after {size} were written; "
                "check that ONEGIN_S3_ENDPOINT_URL is an S3 service and that nothing else writes this key"
            )

    def _upload_parts(self, path: Path, key: str) -> None:
        address = {"Bucket": self._settings.bucket, "Key": key}
        address["UploadId"] = self._call("write", lambda client: client.create_multipart_upload(**address), key)[
            "UploadId"
        ]
        try:
            parts = [
                {"PartNumber": number, "ETag": self._send_part(address, number, content)}
                for number, content in enumerate(_pieces(path, PART_BYTES), 1)
            ]
            # Where the first answer was lost, the upload is no longer known; whether it arrived is verified anyway.
            with contextlib.suppress(S3MissingError):
                self._call(
                    "write",
                    lambda client: client.complete_multipart_upload(**address, MultipartUpload={"Parts": parts}),
                    key,
                )
        except BaseException:
            # Parts of an upload that was given up take space until they are removed.
            with contextlib.suppress(S3Error):
                self._call("write", lambda client: client.abort_multipart_upload(**address), key)
            raise

    def _send_part(self, address: dict[str, str], number: int, content: bytes) -> str:
        answer = self._call(
            "write",
            lambda client: client.upload_part(**address, PartNumber=number, Body=content),
            address["Key"],
        )
        return str(answer["ETag"])

    def _fetch_verified(self, key: str, part: Path, size: int, sha256: str) -> None:
        for attempt in ("first", "second"):
            found = self._call("read", lambda client: self._fetch(client, key, part, size), key)
            if found == (size, sha256):
                return
            logger.warning("%s differs from what was written (%s download)", key, attempt)
        raise S3Error(
            f"{key} is not what its writer reported: {found[0]} bytes of {size}, SHA-256 {found[1][:12]}... "
            f"instead of {sha256[:12]}...; it was read twice, so it was damaged or replaced in the bucket"
        )

    def _fetch(self, client: Any, key: str, part: Path, size: int) -> tuple[int, str]:
        digest, received = hashlib.sha256(), 0
        content = client.get_object(Bucket=self._settings.bucket, Key=key)["Body"]
        with contextlib.closing(content), part.open("wb") as file:
            for chunk in content.iter_chunks(CHUNK_BYTES):
                digest.update(chunk)
                received += len(chunk)
                file.write(chunk)
                if received > size:  # it differs already, and must not fill the disk
                    break
        return received, digest.hexdigest()

    def _can_list(self, prefix: str) -> bool:
        try:
            self._page(prefix, "")
        except S3Error:
            return False
        return True

    def _page(self, prefix: str, token: str) -> Any:
        following = {"ContinuationToken": token} if token else {}
        return self._call(
            "list",
            lambda client: client.list_objects_v2(Bucket=self._settings.bucket, Prefix=prefix, **following),
            prefix,
        )

    def _call(self, action: str, operation: Callable[[Any], T], key: str) -> T:
        """Do it, again where what went wrong may pass. `action` is a verb, for the message."""
        client = self._connected()
        passing, attempt = True, 0
        while passing:
            attempt += 1
            try:
                return operation(client)
            except foreign_errors() as problem:
                # Only this is kept of it: what a server wrote, or a request that was printed, may hold a key.
                passing = may_pass(problem) and attempt < self._attempts
                error = translated(problem, f"{action} {key}", self._settings)
            if passing:
                logger.warning("try %d of %d: %s", attempt, self._attempts, error)
                self._sleep(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0))
        raise error

    def _connected(self) -> Any:
        with self._making:
            if self._client is None:
                self._client = _client(self._settings)
            return self._client


def _client(settings: S3Settings) -> Any:
    """A client of boto3 that neither retries by itself nor asks for what only Amazon's own service has."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    _validate(settings)
    failure = ""
    try:
        return boto3.session.Session().client(
            "s3",
            endpoint_url=settings.endpoint_url or None,
            region_name=settings.region or None,
            aws_access_key_id=settings.access_key,
            aws_secret_access_key=settings.secret_key,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 1},
                connect_timeout=CONNECT_TIMEOUT_S,
                read_timeout=READ_TIMEOUT_S,
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                max_pool_connections=CONNECTIONS,
            ),
        )
    except (BotoCoreError, ValueError) as error:
        failure = type(error).__name__
    raise S3Error(
        f"ONEGIN_S3_ENDPOINT_URL at {place_of(settings)} with AWS_REGION {settings.region!r} cannot be used "
        f"({failure}); "
        "for a RunPod network volume they are https://s3api-DATACENTRE.runpod.io and DATACENTRE"
    )


def _validate(settings: S3Settings) -> None:
    values = {
        "ONEGIN_S3_BUCKET": settings.bucket,
        "AWS_ACCESS_KEY_ID": settings.access_key,
        "AWS_SECRET_ACCESS_KEY": settings.secret_key,
    }
    if missing := [name for name, value in values.items() if not value]:
        raise S3Error(f"{' and '.join(missing)} must be set; without them remote trials keep their numbers only")
    if spaced := [name for name, value in values.items() if value.split() != [value]]:
        raise S3Error(f"{' and '.join(spaced)} must not hold spaces or line ends; set the value again without them")
    if settings.endpoint_url and not settings.endpoint_url.startswith(("https://", "http://")):
        raise S3Error(f"ONEGIN_S3_ENDPOINT_URL must begin with https://, got {place_of(settings)!r}; write it in full")


def _digest(path: Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(path, CHUNK_BYTES):
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()


def _pieces(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(size):
            yield piece
