"""A relay on loopback in front of an S3 service, which can be told to behave badly."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import socket
import struct
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
from botocore.config import Config

SESSION = boto3.session.Session()  # making one takes a while


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    drop: bool = False  # close the connection in the middle of the body


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]


Fault = Callable[[Asked, Callable[[], Answer]], Answer | None]
"""Answers in place of the service, or passes on: None leaves a request to the next fault."""


@dataclass
class Relay:
    """What was asked, and what is to go wrong."""

    upstream: tuple[str, int]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def answer(self, asked: Asked, body: bytes) -> Answer:
        self.asked.append(asked)

        def passed_on() -> Answer:
            connection = http.client.HTTPConnection(*self.upstream, timeout=20)
            try:
                connection.request(asked.method, asked.path, body, asked.headers)
                response = connection.getresponse()
                return Answer(response.status, dict(response.getheaders()), response.read())
            finally:
                connection.close()

        for fault in self.faults:
            if (answer := fault(asked, passed_on)) is not None:
                return answer
        return passed_on()

    def count(self, method: str, part: str = "") -> int:
        return sum(asked.method == method and part in asked.path for asked in self.asked)


def refusal(status: int, code: str = "", text: str = "no") -> Answer:
    """An error as S3 services write it, or a gateway's page where there is no code."""
    body = f"<html><body>{text}</body></html>"
    if code:
        body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{text}</Message></Error>'
    return Answer(status, {"Content-Type": "application/xml" if code else "text/html"}, body.encode())


def times(n: int, change: Callable[[Asked, Callable[[], Answer]], Answer], method: str = "", part: str = "") -> Fault:
    """`change` for the first `n` requests of that method and with `part` in their path."""
    left = [n]

    def fault(asked: Asked, passed_on: Callable[[], Answer]) -> Answer | None:
        if left[0] and method in ("", asked.method) and part in asked.path:
            left[0] -= 1
            return change(asked, passed_on)
        return None

    return fault


def fails(status: int, code: str = "", text: str = "no") -> Callable[[Asked, Callable[[], Answer]], Answer]:
    return lambda _asked, _passed_on: refusal(status, code, text)


def cut_off(_asked: Asked, passed_on: Callable[[], Answer]) -> Answer:
    return dataclasses.replace(passed_on(), drop=True)


def shortened(_asked: Asked, passed_on: Callable[[], Answer]) -> Answer:
    answer = passed_on()
    return dataclasses.replace(answer, body=answer.body[:-100])


def damaged(_asked: Asked, passed_on: Callable[[], Answer]) -> Answer:
    answer = passed_on()
    return dataclasses.replace(answer, body=b"?" + answer.body[1:])


def genuine(url: str, **config: Any) -> Any:
    """A client with the defaults of boto3."""
    return SESSION.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="k",
        aws_secret_access_key="s",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, **config),
    )


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def everything(error: BaseException) -> str:
    """All that a log or a page could show of an error, its causes and contexts included."""
    found, texts = [error], []
    for one in found:
        texts += [str(one), repr(one), "".join(traceback.format_exception(one))]
        found += [inner for inner in (one.__cause__, one.__context__) if inner is not None]
    return "\n".join(texts)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    relay: Relay

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.relay.answer(Asked(self.command, self.path, dict(self.headers.items())), body)
        if answer.body or not answer.drop:
            with contextlib.suppress(ConnectionError):  # who asked did not wait
                self.tell(answer)
        if answer.drop:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def tell(self, answer: Answer) -> None:
        self.send_response(answer.status)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        of_head = headers.pop("content-length", "0")
        for name in headers.keys() - {"connection", "transfer-encoding", "date", "server"}:
            self.send_header(name, headers[name])
        self.send_header("Content-Length", of_head if self.command == "HEAD" else str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) // 2] if answer.drop else answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def relayed(host: str, port: int) -> Iterator[Relay]:
    """A relay in front of the service there."""
    relay = Relay((host, port))
    server = ThreadingHTTPServer((host, 0), type("RelayHandler", (Handler,), {"relay": relay}))
    server.daemon_threads = True
    relay.url = f"http://{host}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
