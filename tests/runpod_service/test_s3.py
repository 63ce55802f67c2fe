"""Tests of the store: genuine boto3 against moto's server, through a relay that can behave badly."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from hpo_core.settings import S3Settings
from runpod_service.s3 import PART_BYTES, S3Error, S3MissingError, S3RefusedError, S3Store, S3UnreachableError
from tests.runpod_service.s3_relay import (
    Answer,
    Asked,
    Relay,
    cut_off,
    damaged,
    everything,
    fails,
    free_port,
    genuine,
    refusal,
    relayed,
    shortened,
    times,
)

ACCESS_KEY, SECRET_KEY = "PLANTEDACCESSKEY", "planted+secret/key"
KEY = "run_1/trial_3/weights.h5"


@pytest.fixture(scope="module")
def moto() -> Iterator[tuple[str, int]]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield server.get_host_and_port()
    server.stop()
    assert server._server is not None
    server._server.server_close()


@pytest.fixture
def relay(moto: tuple[str, int]) -> Iterator[Relay]:
    with relayed(*moto) as relay:
        yield relay


@pytest.fixture
def settings(moto: tuple[str, int], relay: Relay) -> S3Settings:
    """Of a bucket of the test's own."""
    bucket = f"volume-{uuid.uuid4().hex}"
    host, port = moto
    genuine(f"http://{host}:{port}").create_bucket(Bucket=bucket)
    return S3Settings(
        endpoint_url=relay.url, bucket=bucket, region="us-east-1", access_key=ACCESS_KEY, secret_key=SECRET_KEY
    )


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def store(settings: S3Settings, pauses: list[float]) -> S3Store:
    return S3Store(settings, sleep=pauses.append)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights.h5"
    path.write_bytes(bytes(range(256)) * 400)
    return path


def fetched(store: S3Store, target: Path, told: tuple[int, str], key: str = KEY) -> bytes:
    store.download(key, target, size=told[0], sha256=told[1])
    return target.read_bytes()


def test_nothing_of_amazon_is_loaded_before_it_is_needed() -> None:
    code = "import sys, runpod_service.s3; print(sorted({'boto3', 'botocore', 'urllib3'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_there_and_back(store: S3Store, file: Path, tmp_path: Path) -> None:
    content = file.read_bytes()
    told = store.upload(file, KEY)
    assert told == (len(content), hashlib.sha256(content).hexdigest())
    assert store.list("run_1/trial_3/") == [(KEY, len(content))]
    assert fetched(store, tmp_path / "new" / "folder" / "weights.h5", told) == content
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["weights.h5"]
    store.delete(KEY)
    assert store.list("run_1/") == []
    store.delete(KEY)


def test_an_empty_file_and_a_name_with_signs(store: S3Store, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    key = "run é #1/trial_0/a+b %.txt"
    told = store.upload(tmp_path / "empty", key)
    assert told[0] == 0 and store.list("run é #1/") == [(key, 0)]
    assert fetched(store, tmp_path / "back", told, key) == b""


def test_only_what_a_runpod_volume_can_do_is_asked(
    store: S3Store, settings: S3Settings, relay: Relay, file: Path, tmp_path: Path
) -> None:
    store.check()
    told = store.upload(file, KEY)
    S3Store(settings, multipart_above=10).upload(file, "run_1/trial_3/large")
    fetched(store, tmp_path / "back", told)
    assert store.delete_prefix("run_1/trial_3/") == 2
    for asked in relay.asked:
        assert asked.path.startswith(f"/{settings.bucket}"), "path-style"
        names = {name.lower() for name in asked.headers}
        assert not any(word in name for name in names for word in ("checksum", "trailer", "acl", "tagging"))
        assert "aws-chunked" not in asked.headers.get("Content-Encoding", "")
        assert not any(word in asked.path for word in ("?delete", "?acl", "?tagging", "X-Amz-Signature"))


def test_large_files_go_up_in_parts_and_a_part_that_fails_alone_again(
    settings: S3Settings, relay: Relay, pauses: list[float], tmp_path: Path
) -> None:
    content = b"onegin" * (PART_BYTES // 6 + 1000)
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    relay.faults = [times(2, fails(502), "PUT", "partNumber=2")]
    store = S3Store(settings, sleep=pauses.append, multipart_above=PART_BYTES)
    told = store.upload(path, KEY)
    assert [relay.count("PUT", f"partNumber={number}") for number in (1, 2, 3)] == [1, 3, 0]
    assert fetched(store, tmp_path / "back", told) == content


def test_parts_of_an_upload_that_is_given_up_are_removed(settings: S3Settings, relay: Relay, file: Path) -> None:
    relay.faults = [times(1, fails(403, "AccessDenied"), "PUT", "partNumber")]
    with pytest.raises(S3RefusedError, match=KEY):
        S3Store(settings, multipart_above=10).upload(file, KEY)
    assert "Uploads" not in genuine(relay.url).list_multipart_uploads(Bucket=settings.bucket)


def test_parts_whose_joining_was_answered_by_nobody(settings: S3Settings, relay: Relay, file: Path) -> None:
    def lost(_asked: Asked, passed_on: Callable[[], Answer]) -> Answer:
        assert passed_on().status == 200
        return refusal(502)

    relay.faults = [times(1, lost, "POST", "uploadId"), times(1, fails(404, "NoSuchUpload"), "POST", "uploadId")]
    told = S3Store(settings, multipart_above=10, sleep=lambda _s: None).upload(file, KEY)
    assert relay.count("POST", "uploadId") == 2 and told[0] == file.stat().st_size


def test_an_upload_that_did_not_arrive_is_noticed(store: S3Store, relay: Relay, file: Path) -> None:
    store.upload(file, KEY)
    file.write_bytes(b"newer")
    relay.faults = [times(1, lambda _asked, _passed_on: Answer(200, {}, b""), "PUT")]
    with pytest.raises(S3Error, match=rf"{KEY} has 102400 bytes at 127.* after 5 were written; check that ONEGIN_S3"):
        store.upload(file, KEY)


@pytest.mark.parametrize(
    "answer",
    [
        refusal(502),
        refusal(500, "InternalError"),
        refusal(503, "SlowDown"),
        refusal(429, "TooManyRequests"),
        refusal(400, "RequestTimeout"),
        Answer(200, {}, b"", drop=True),
    ],
    ids=["502", "500", "slow down", "429", "request timeout", "dropped"],
)
def test_what_passes_is_tried_again(
    store: S3Store, relay: Relay, pauses: list[float], file: Path, tmp_path: Path, answer: Answer
) -> None:
    relay.faults = [times(3, lambda _asked, _passed_on: answer, method) for method in ("PUT", "GET", "DELETE")]
    told = store.upload(file, KEY)
    assert fetched(store, tmp_path / "back", told) == file.read_bytes()
    store.delete(KEY)
    assert store.list("") == []
    assert [relay.count(method) for method in ("PUT", "GET", "DELETE")] == [4, 5, 4]
    assert all(
        low <= pause <= high for pause, (low, high) in zip(pauses, [(0.25, 0.5), (0.5, 1), (1, 2)] * 3, strict=True)
    )
    assert len(pauses) == 9 and len(set(pauses)) == 9


def test_what_lasts_too_long_ends_with_a_message(store: S3Store, relay: Relay, pauses: list[float], file: Path) -> None:
    relay.faults = [times(99, fails(502))]
    with pytest.raises(S3UnreachableError, match=rf"does not write {KEY} \(502\); try again later, or check ONEGIN_S3"):
        store.upload(file, KEY)
    assert relay.count("PUT") == 4 and len(pauses) == 3


def test_an_answer_that_never_comes(settings: S3Settings, relay: Relay, pauses: list[float], file: Path) -> None:
    over = threading.Event()

    def stalled(_asked: Asked, passed_on: Callable[[], Answer]) -> Answer:
        over.wait(20)
        return passed_on()

    relay.faults = [times(1, stalled, "PUT")]
    store = S3Store(settings, sleep=pauses.append, client=genuine(relay.url, read_timeout=3.0))
    store.upload(file, KEY)
    over.set()
    assert len(pauses) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 501, 507])
def test_what_lasts_is_not_tried_again(
    store: S3Store, relay: Relay, pauses: list[float], file: Path, status: int
) -> None:
    relay.faults = [times(99, fails(status, "Whatever"))]
    with pytest.raises(S3Error, match=KEY):
        store.upload(file, KEY)
    assert relay.count("PUT") == 1 and pauses == []


def test_an_object_that_is_gone_leaves_all_as_it_was(store: S3Store, tmp_path: Path, pauses: list[float]) -> None:
    target = tmp_path / "back"
    target.write_text("before")
    with pytest.raises(S3MissingError, match=rf"cannot read {KEY}: it is not in the bucket"):
        store.download(KEY, target, size=3, sha256="0" * 64)
    assert target.read_text() == "before" and [path.name for path in tmp_path.iterdir()] == ["back"]
    assert pauses == []


@pytest.mark.parametrize(("change", "n"), [(cut_off, 3), (shortened, 1), (damaged, 1)])
def test_a_body_that_does_not_arrive_whole_is_read_again(
    store: S3Store, relay: Relay, file: Path, tmp_path: Path, change: Callable[..., Answer], n: int
) -> None:
    told = store.upload(file, KEY)
    relay.faults = [times(n, change, "GET")]
    assert fetched(store, tmp_path / "back", told) == file.read_bytes()
    assert relay.count("GET") == n + 1


@pytest.mark.parametrize(
    ("change", "told", "asked"),
    [
        (cut_off, "does not read", 4),
        (shortened, "is not what its writer reported: 102300 bytes of 102400", 2),
        (damaged, "is not what its writer reported: 102400 bytes of 102400", 2),
    ],
)
def test_a_body_that_never_arrives_whole_leaves_no_file(
    store: S3Store, relay: Relay, file: Path, change: Callable[..., Answer], told: str, asked: int
) -> None:
    size, sha256 = store.upload(file, KEY)
    relay.faults = [times(99, change, "GET")]
    with pytest.raises(S3Error, match=told):
        store.download(KEY, file.with_name("back"), size=size, sha256=sha256)
    assert relay.count("GET") == asked and [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_replaced_object_that_is_larger_is_not_read_to_its_end(store: S3Store, file: Path, tmp_path: Path) -> None:
    file.write_bytes(b"x" * 5_000_000)
    store.upload(file, KEY)
    with pytest.raises(S3Error, match=r"1048576 bytes of 10, SHA-256"):
        store.download(KEY, tmp_path / "back", size=10, sha256="0" * 64)


def test_a_place_that_cannot_be_written(store: S3Store, file: Path) -> None:
    told = store.upload(file, KEY)
    with pytest.raises(OSError, match="weights"):
        fetched(store, file / "back", told)


def test_a_trial_is_not_taken_for_another(store: S3Store, relay: Relay, file: Path) -> None:
    keys = [f"run_1/{name}" for name in ("trial_1/a", "trial_1/b/c", "trial_1", "trial_10/a", "trial_2/a")]
    for key in keys:
        store.upload(file, key)
    assert store.delete_prefix("run_1/trial_1/") == 2
    assert [asked.path[-1] for asked in relay.asked if asked.method == "DELETE"] == ["c", "a"], "folders come last"
    assert sorted(key for key, _ in store.list("run_1/")) == sorted(keys[2:])
    assert store.delete_prefix("run_1/trial_1/") == 0


@pytest.mark.parametrize("prefix", ["run_1/trial_1", "", "/", "/run/", "run//trial/", "../", "run/../other/"])
def test_only_folders_are_removed(store: S3Store, relay: Relay, prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix must be a folder"):
        store.delete_prefix(prefix)
    assert relay.asked == []


def test_a_list_of_several_pages(store: S3Store, relay: Relay, file: Path) -> None:
    keys = sorted(f"run_1/trial_{number}/a" for number in range(7))
    for key in keys:
        store.upload(file, key)

    def by_twos(asked: Asked, _passed_on: Callable[[], Answer]) -> Answer | None:
        if asked.method != "GET" or "max-keys" in asked.path:
            return None
        return relay.answer(dataclasses.replace(asked, path=f"{asked.path}&max-keys=2"), b"")

    relay.faults = [by_twos]
    assert [key for key, _ in store.list("run_1/")] == keys
    assert relay.count("GET", "max-keys=2") == 4


def test_a_list_that_does_not_end_and_one_that_is_none(store: S3Store, relay: Relay) -> None:
    page = b"<R><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></R>"
    relay.faults = [times(99, lambda _asked, _passed_on: Answer(200, {"Content-Type": "application/xml"}, page))]
    with pytest.raises(S3Error, match="does not end its list of run/"):
        store.list("run/")
    relay.faults = [times(4, fails(200, text="<br>"))]
    with pytest.raises(S3UnreachableError, match=r"does not list run/ \(500\); .* check ONEGIN_S3_ENDPOINT_URL"):
        store.list("run/")


def test_a_check_that_passes_leaves_nothing(store: S3Store, settings: S3Settings) -> None:
    assert store.check().startswith(f"The bucket {settings.bucket} at 127.0.0.1:")
    assert store.list("") == []


SIGNATURE, TOO_OLD = fails(403, "SignatureDoesNotMatch"), fails(403, "RequestTimeTooSkewed")


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (times(9, SIGNATURE), r"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are refused at .* \(403\); set both"),
        (times(9, fails(401)), r"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are refused at .* \(401\); set both"),
        (times(9, fails(403, "AccessDenied"), "PUT"), r"can be read but not written; set AWS_ACCESS_KEY_ID and"),
        (times(9, fails(403, "AccessDenied")), r"AWS_SECRET_ACCESS_KEY may not write onegin-check-.* \(403\); set"),
        (times(9, fails(403, "AccessDenied"), "DELETE"), r"AWS_SECRET_ACCESS_KEY may not delete onegin-check-"),
        (times(9, TOO_OLD), "the clock of this machine is wrong; set it"),
        (times(9, fails(400, "AuthorizationHeaderMalformed")), "AWS_REGION must be the region of .* got 'us-east-1'"),
        (times(9, fails(507)), r"is full; remove files"),
        (times(9, fails(502)), r"does not write onegin-check-.* \(502\); try again later"),
        (times(9, fails(405)), r"refuses to write .* \(405\); check ONEGIN_S3_ENDPOINT_URL and ONEGIN_S3_BUCKET"),
        (times(9, fails(200)), "check that ONEGIN_S3_ENDPOINT_URL is an S3 service"),
    ],
)
def test_a_check_tells_what_is_wrong(store: S3Store, relay: Relay, fault: Any, text: str) -> None:
    relay.faults = [fault]
    with pytest.raises(S3Error, match=text):
        store.check()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"bucket": "volume-none"}, "ONEGIN_S3_BUCKET must be a bucket at 127.*, got 'volume-none'; for a RunPod"),
        ({"bucket": "two words"}, "ONEGIN_S3_BUCKET must not hold spaces"),
        ({"bucket": "s3://volume"}, "ONEGIN_S3_BUCKET must be the name of a bucket, got 's3://volume'"),
        ({"bucket": "", "secret_key": ""}, "ONEGIN_S3_BUCKET and AWS_SECRET_ACCESS_KEY must be set"),
        ({"access_key": f"{ACCESS_KEY}\r"}, "AWS_ACCESS_KEY_ID must not hold spaces or line ends"),
        ({"endpoint_url": "s3api.example"}, "ONEGIN_S3_ENDPOINT_URL must begin with https://, got 's3api.example'"),
        ({"endpoint_url": "http://a b"}, "ONEGIN_S3_ENDPOINT_URL at a b with AWS_REGION .* cannot be used"),
        ({"region": "EU RO 1"}, "AWS_REGION 'EU RO 1' cannot be used"),
        ({"endpoint_url": "http://127.0.0.1:PORT"}, r"does not write .* \(EndpointConnectionError\); try again"),
    ],
)
def test_settings_that_cannot_be_used(settings: S3Settings, change: dict[str, str], text: str) -> None:
    changed = {name: value.replace("PORT", str(free_port())) for name, value in change.items()}
    with pytest.raises(S3Error, match=text) as caught:
        S3Store(dataclasses.replace(settings, **changed), sleep=lambda _s: None).check()
    assert_clean(everything(caught.value))


def test_no_region_is_needed(settings: S3Settings) -> None:
    assert S3Store(dataclasses.replace(settings, region="")).check()


def assert_clean(text: str) -> None:
    assert ACCESS_KEY not in text and SECRET_KEY not in text


def test_keys_that_change_in_the_middle_are_told_once_and_never_shown(
    store: S3Store, relay: Relay, pauses: list[float], file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    told = store.upload(file, KEY)
    relay.faults = [times(99, fails(403, "InvalidAccessKeyId", f"{ACCESS_KEY} and {SECRET_KEY} are unknown"))]
    relay.asked.clear()
    for call in (
        lambda: store.upload(file, KEY),
        lambda: fetched(store, tmp_path / "back", told),
        lambda: store.delete(KEY),
        lambda: store.list("run_1/"),
        store.check,
    ):
        with pytest.raises(S3RefusedError, match=r"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are refused") as caught:
            call()
        assert_clean(everything(caught.value))
    assert pauses == [] and len(relay.asked) == 6, "each asked once; the check asks whether it may read"
    relay.faults = [times(1, fails(502, "Bad", f"{ACCESS_KEY} {SECRET_KEY}"), "HEAD")]
    store.upload(file, KEY)
    assert len(pauses) == 1
    assert_clean(caplog.text + repr(store))
