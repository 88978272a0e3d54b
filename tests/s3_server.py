"""An S3 server on loopback: moto as a process of its own, and a connection that breaks in the middle."""

from __future__ import annotations

import socket
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3

from diagnostics.stores.options import S3Options
from tests.servers import Server, free_port, is_listening, wait_until

START_SECONDS = 60.0
KEYS = {"access_key": "readroom-tests", "secret_key": "canary-secret-key"}


@contextmanager
def s3_server() -> Iterator[str]:
    """Run an S3 server and yield its URL."""
    port = free_port()
    server = Server([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port, None)
    try:
        wait_until(lambda: is_listening(port), seconds=START_SECONDS, what="the start of the S3 server")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()


def new_bucket(endpoint: str) -> S3Options:
    """Create an empty bucket and return how it is reached."""
    options = S3Options(bucket=f"readroom-{uuid.uuid4().hex}", endpoint=endpoint, region="us-east-1", **KEYS)
    client_of(options).create_bucket(Bucket=options.bucket)
    return options


def client_of(options: S3Options) -> Any:
    """Return a client of the bucket's server that is independent of Readroom."""
    return boto3.client(
        "s3",
        endpoint_url=options.endpoint,
        region_name=options.region,
        aws_access_key_id=options.access_key,
        aws_secret_access_key=options.secret_key,
    )


def keys_in(options: S3Options) -> set[str]:
    """Return the names of all objects of a bucket."""
    pages = client_of(options).get_paginator("list_objects_v2").paginate(Bucket=options.bucket)
    return {entry["Key"] for page in pages for entry in page.get("Contents", [])}


def environment_of_bucket(options: S3Options) -> dict[str, str]:
    """Return the environment variables of an installation with this bucket."""
    return {
        "READROOM_S3_BUCKET": options.bucket,
        "READROOM_S3_ENDPOINT": options.endpoint,
        "READROOM_S3_REGION": options.region,
        "READROOM_S3_ACCESS_KEY": options.access_key,
        "READROOM_S3_SECRET_KEY": options.secret_key,
    }


@contextmanager
def breaking_connection(endpoint: str, *, after: int) -> Iterator[str]:
    """Yield the URL of a relay to a server that breaks each connection after so many bytes to the server."""
    host, _colon, port = endpoint.removeprefix("http://").partition(":")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = threading.Thread(target=_relay, args=(listener, (host, int(port)), after), daemon=True)
        relay.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    relay.join()


def _relay(listener: socket.socket, target: tuple[str, int], after: int) -> None:
    while True:
        try:
            client, _address = listener.accept()
        except OSError:  # the end of the test
            return
        with client, socket.create_connection(target) as server:
            left = after
            while left > 0 and (block := client.recv(min(left, 65536))):
                server.sendall(block)
                left -= len(block)
