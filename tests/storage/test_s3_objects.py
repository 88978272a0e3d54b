"""How objects are written to S3: private, encrypted on request, complete, with their checksum."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from diagnostics.cases.errors import StorageUnavailable
from diagnostics.stores.on_s3 import S3Store, s3_storage
from diagnostics.stores.options import S3Options
from tests.s3_server import breaking_connection, client_of, keys_in
from tests.servers import free_port

pytestmark = pytest.mark.slow
NAME = "radiographs/61/6133e240.png"
A_DAY = timedelta(days=1)


def test_objects_and_their_copies_are_encrypted_as_the_settings_say(bucket: S3Options) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-4000-8000-000000000001"
    store = S3Store(replace(bucket, encryption="aws:kms", kms_key=key), "media")

    store.write(NAME, b"abc")
    store.copy(NAME, to="radiographs/62/copy.png")

    for name in (f"media/{NAME}", "media/radiographs/62/copy.png"):
        head = client_of(bucket).head_object(Bucket=bucket.bucket, Key=name)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_an_object_belongs_to_its_owner_alone(bucket: S3Options) -> None:
    S3Store(bucket, "media").write(NAME, b"abc")

    rights = client_of(bucket).get_object_acl(Bucket=bucket.bucket, Key=f"media/{NAME}")

    assert [grant["Grantee"]["ID"] for grant in rights["Grants"]] == [rights["Owner"]["ID"]]


def test_the_checksum_travels_with_the_object(bucket: S3Options) -> None:
    S3Store(bucket, "media").write(NAME, b"abc")

    client = client_of(bucket)
    head = client.head_object(Bucket=bucket.bucket, Key=f"media/{NAME}", ChecksumMode="ENABLED")

    # SHA-256 of "abc" (FIPS 180-2, appendix B.1) in base64
    assert head["ChecksumSHA256"] == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="


def test_a_put_that_breaks_in_the_middle_leaves_what_was_there(bucket: S3Options) -> None:
    whole = S3Store(bucket, "media")
    whole.write(NAME, b"abc")
    with breaking_connection(bucket.endpoint, after=600_000) as url:
        broken = S3Store(replace(bucket, endpoint=url), "media")
        with pytest.raises(StorageUnavailable):
            broken.write(NAME, b"\x00\x01" * 1_000_000)
        with pytest.raises(StorageUnavailable):
            broken.write("radiographs/61/new.png", b"\x00\x01" * 1_000_000)

    assert keys_in(bucket) == {f"media/{NAME}"}
    assert whole.read(NAME) == b"abc"


def test_a_request_deletes_at_most_a_thousand_objects(bucket: S3Options) -> None:
    store, sizes = S3Store(bucket, "media"), []
    store.write("radiographs/00/first.png", b"abc")
    store.write("radiographs/ff/last.png", b"abc")
    events = s3_storage(bucket, os.getpid()).connection.meta.client.meta.events
    name = "provide-client-params.s3.DeleteObjects"
    events.register(name, lambda params, **others: sizes.append(len(params["Delete"]["Objects"])))
    between = [f"radiographs/61/{number}.png" for number in range(1200)]

    assert store.delete(["radiographs/00/first.png", *between, "radiographs/ff/last.png"]) == 1202

    assert sizes == [1000, 202]
    assert keys_in(bucket) == set()


def test_every_request_to_an_endpoint_that_is_away_raises_storage_unavailable(bucket: S3Options) -> None:
    store = S3Store(replace(bucket, endpoint=f"http://127.0.0.1:{free_port()}"), "media")

    for request in (
        lambda: store.write(NAME, b"abc"),
        lambda: store.read(NAME),
        lambda: store.size(NAME),
        lambda: store.copy(NAME, to="b"),
        lambda: store.remove(NAME),
        lambda: store.written_at([NAME]),
        lambda: store.folders("radiographs"),
        lambda: store.old_files("radiographs", A_DAY, now=timezone.now()),
        store.check,
    ):
        with pytest.raises(StorageUnavailable) as raised:
            request()
        assert (raised.value.code, raised.value.status, raised.value.retry_after) == (
            "storage_unavailable",
            503,
            60,
        )
    assert store.delete([NAME]) == 0  # stays for the next sweep


def test_a_bucket_that_does_not_exist_is_no_missing_file(bucket: S3Options) -> None:
    store = S3Store(replace(bucket, bucket="another-bucket"), "media")

    for request in (lambda: store.read(NAME), lambda: store.write(NAME, b"abc"), store.check):
        with pytest.raises(StorageUnavailable):
            request()


def test_the_keys_are_in_no_text_of_the_options_or_the_store(bucket: S3Options) -> None:
    assert bucket.secret_key not in f"{bucket!r} {S3Store(bucket, 'media')!r}"
    assert bucket.access_key not in f"{bucket!r}"
