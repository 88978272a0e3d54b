"""Settings of the DICOM listener."""

from __future__ import annotations

from dataclasses import dataclass, field

import environ


@dataclass(frozen=True)
class DicomSettings:
    """Where the DICOM listener listens, whom it accepts, and its limits."""

    port: int = 0  # 0: no listener
    host: str = "127.0.0.1"
    ae_title: str = "READROOM"
    peers: list[str] = field(default_factory=list)  # AE, AE@address or AE@address=site
    associations: int = 8  # at the same time
    tls_certificate: str = ""  # PEM files
    tls_key: str = ""
    tls_ca: str = ""  # then every peer must show a certificate of this authority


def dicom_settings(env: environ.Env) -> DicomSettings:
    """Return the settings that the environment states."""
    return DicomSettings(
        port=env.int("READROOM_DICOM_PORT", default=0),
        host=env.str("READROOM_DICOM_HOST", default="127.0.0.1"),
        ae_title=env.str("READROOM_DICOM_AE", default="READROOM"),
        peers=env.list("READROOM_DICOM_PEERS", default=[]),
        associations=env.int("READROOM_DICOM_ASSOCIATIONS", default=8),
        tls_certificate=env.str("READROOM_DICOM_TLS_CERTIFICATE", default=""),
        tls_key=env.str("READROOM_DICOM_TLS_KEY", default=""),
        tls_ca=env.str("READROOM_DICOM_TLS_CA", default=""),
    )
