"""Files as private objects of an S3 bucket, through django-storages.

A PUT is complete or does not exist, and is visible to every reader once it was answered: it replaces the
draft, the flush and the rename of a disk. The endpoint compares the SHA-256 that comes with each object.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import ContentFile
from django.utils.translation import gettext as _
from storages.backends.s3 import S3Storage

from diagnostics.errors import StorageUnavailable
from diagnostics.stores.options import S3Options

MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound"})
MAX_DELETED: Final = 1000  # objects of one request
ONE_PUT: Final = 512 * 1024**2  # larger objects are sent in parts, invisible until the last one
CONNECT_SECONDS, READ_SECONDS = 3, 30

logger = logging.getLogger(__name__)


@lru_cache(maxsize=4)
def s3_storage(options: S3Options, pid: int) -> S3Storage:
    """Return the storage of a bucket for one process: a forked child must not share its connections."""
    return S3Storage(
        bucket_name=options.bucket,
        endpoint_url=options.endpoint or None,
        region_name=options.region or None,
        access_key=options.access_key or None,
        secret_key=options.secret_key or None,
        verify=options.ca_file or None,
        default_acl=None,
        file_overwrite=True,
        object_parameters={"ChecksumAlgorithm": "SHA256", **options.write_parameters},
        client_config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if options.endpoint else "auto"},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 2},
            max_pool_connections=32,
        ),
        transfer_config=TransferConfig(use_threads=False, multipart_threshold=ONE_PUT),
    )


@dataclass(frozen=True)
class S3Store:
    """The objects of a bucket below a prefix."""

    options: S3Options
    label: str  # the prefix, without its slash

    def write(self, name: str, content: bytes) -> str:
        """Put an object in one request."""
        with _translated(name):
            self._storage.save(self._key(name), ContentFile(content))
        return hashlib.sha256(content).hexdigest()

    def settle(self, name: str) -> None:
        """Do nothing: an answered PUT is durable."""

    def read(self, name: str) -> bytes:
        """Return the content of an object in one request."""
        with _translated(name):
            content: bytes = self._object(name).get()["Body"].read()
        return content

    def size(self, name: str) -> int | None:
        """Return the size in bytes; None when the object is missing."""
        try:
            with _translated(name):
                return int(self._object(name).content_length)
        except FileNotFoundError:
            return None

    def copy(self, name: str, *, to: str) -> None:
        """Copy an object inside the bucket."""
        source = {"Bucket": self.options.bucket, "Key": self._key(name)}
        with _translated(name):
            self._object(to).copy_from(CopySource=source, **self.options.write_parameters)

    def remove(self, name: str) -> None:
        """Delete an object; a missing one is no error."""
        with _translated(name):
            self._object(name).delete()

    def delete(self, names: Iterable[str]) -> int:
        """Delete objects, a thousand in one request, and return how many are gone."""
        keys, deleted = [{"Key": self._key(name)} for name in names], 0
        for start in range(0, len(keys), MAX_DELETED):
            part = keys[start : start + MAX_DELETED]
            try:
                with _translated("several objects"):
                    answer = self._storage.bucket.delete_objects(Delete={"Objects": part, "Quiet": True})
            except StorageUnavailable:  # logged; the objects stay for the next sweep
                continue
            deleted += len(part) - len(answer.get("Errors", []))
        return deleted

    def written_at(self, names: Sequence[str]) -> Mapping[str, datetime]:
        """Return when objects were written; one listing for those that differ after the first dot only."""
        found: dict[str, datetime] = {}
        for stem in {name.partition(".")[0] for name in names}:
            found.update(self._listed(f"{stem}."))
        return {name: found[name] for name in names if name in found}

    def folders(self, folder: str) -> list[str]:
        """Return the prefixes directly below a prefix, sorted."""
        pages = self._client.get_paginator("list_objects_v2")
        prefix = self._key(f"{folder}/" if folder else "")
        with _translated(folder):
            listed = list(pages.paginate(Bucket=self.options.bucket, Prefix=prefix, Delimiter="/"))
        found = (entry["Prefix"] for page in listed for entry in page.get("CommonPrefixes", []))
        return sorted(key.removeprefix(self._key("")).rstrip("/") for key in found)

    def old_files(self, folder: str, than: timedelta, *, now: datetime) -> list[str]:
        """Return the objects below a prefix that were written longer ago."""
        return [name for name, written in self._listed(f"{folder}/") if written < now - than]

    def names(self, folder: str) -> list[str]:
        """Return all objects below a prefix."""
        return [name for name, _written in self._listed(f"{folder}/" if folder else "")]

    def check(self) -> None:
        """Ask for the bucket; raises StorageUnavailable."""
        try:
            with _translated(self.options.bucket):
                self._client.head_bucket(Bucket=self.options.bucket)
        except FileNotFoundError as error:
            raise StorageUnavailable(_("The S3 bucket does not exist.")) from error

    def _listed(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        with _translated(prefix):
            found = list(self._storage.bucket.objects.filter(Prefix=self._key(prefix)))
        return ((entry.key.removeprefix(self._key("")), entry.last_modified) for entry in found)

    def _key(self, name: str) -> str:
        return f"{self.label}/{name}"

    def _object(self, name: str) -> Any:
        return self._storage.bucket.Object(self._key(name))

    @property
    def _client(self) -> Any:
        return self._storage.connection.meta.client

    @property
    def _storage(self) -> S3Storage:
        return s3_storage(self.options, os.getpid())


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Raise FileNotFoundError for a missing object, StorageUnavailable for all other errors of S3."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in MISSING:
            raise FileNotFoundError(errno.ENOENT, "no such object", name) from error
        raise _unavailable(code) from error
    except (BotoCoreError, Boto3Error) as error:
        raise _unavailable(type(error).__name__) from error


def _unavailable(reason: str) -> StorageUnavailable:
    logger.error("the S3 storage does not answer or refuses: %s", reason)
    return StorageUnavailable(_("The storage of the radiographs does not answer. Try again in a minute."))
