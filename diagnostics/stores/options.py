"""How the S3 bucket of this installation is reached."""

from __future__ import annotations

from dataclasses import dataclass, field


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
    def write_parameters(self) -> dict[str, str]:
        """Return what each new object is written with: its encryption at rest."""
        chosen = {"ServerSideEncryption": self.encryption, "SSEKMSKeyId": self.kms_key}
        return {name: value for name, value in chosen.items() if value}
