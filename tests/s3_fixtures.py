"""Fixtures of S3: one server for all tests of a process, and a new bucket for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from diagnostics.stores.options import S3Options


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Run an S3 server and return its URL."""
    from tests.s3_server import s3_server  # boto3 takes half a second, which most tests do not need

    with s3_server() as url:
        yield url


@pytest.fixture
def bucket(s3_endpoint: str) -> S3Options:
    """Return an empty bucket."""
    from tests.s3_server import new_bucket

    return new_bucket(s3_endpoint)
