"""How the S3 bucket of this installation is reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

KMS: Final = "aws:kms"
ENCRYPTIONS: Final = ("", "AES256", KMS)


@dataclass(frozen=True)
class S3Options:
    """The settings READROOM_S3_*; docs/storage.md explains each."""

    bucket: str
    endpoint: str = ""  # empty: Amazon's
    region: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    encryption: str = ""  # AES256, aws:kms, or that of the bucket
    kms_key: str = ""
    ca_file: str = ""  # certificates of the endpoint's authority

    @property
    def mistake(self) -> str:
        """Return what is wrong with these settings; empty if they fit together."""
        if self.encryption not in ENCRYPTIONS:
            return f"READROOM_S3_ENCRYPTION must be one of {', '.join(filter(None, ENCRYPTIONS))}, or unset."
        if self.kms_key and self.encryption != KMS:
            return f"READROOM_S3_KMS_KEY needs READROOM_S3_ENCRYPTION={KMS}."
        if bool(self.access_key) != bool(self.secret_key):
            return "READROOM_S3_ACCESS_KEY and READROOM_S3_SECRET_KEY belong together: set both or none."
        if self.endpoint and urlsplit(self.endpoint).scheme not in ("http", "https"):
            return "READROOM_S3_ENDPOINT must begin with https:// or http://."
        return ""

    @property
    def is_in_clear_text(self) -> bool:
        """Return whether objects leave this host unencrypted."""
        parts = urlsplit(self.endpoint)
        return parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost")

    @property
    def write_parameters(self) -> dict[str, str]:
        """Return what each new object is written with: its encryption at rest."""
        chosen = {"ServerSideEncryption": self.encryption, "SSEKMSKeyId": self.kms_key}
        return {name: value for name, value in chosen.items() if value}
