"""The DICOM listener with TLS and client certificates."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from diagnostics.integrations.dicom_network import statuses
from tests.integrations.test_dicom_listener import Listen, associated
from tests.integrations.test_dicom_listener import listen as listen

pytestmark = pytest.mark.django_db(transaction=True)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Write a self-signed certificate for the loopback address; return the files of it and of its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


def test_with_an_authority_only_peers_with_its_certificate_are_answered(
    listen: Listen, tmp_path: Path
) -> None:
    server, client = certificate(tmp_path, "server"), certificate(tmp_path, "client")
    port = listen(tls_certificate=str(server[0]), tls_key=str(server[1]), tls_ca=str(client[0]))
    trusting = ssl.create_default_context(cafile=str(server[0]))
    with associated(port) as plain:
        assert not plain.is_established
    with associated(port, tls=trusting) as without_certificate:
        assert not without_certificate.is_established
    trusting.load_cert_chain(*client)
    with (
        socket.create_connection(("127.0.0.1", port)),  # silent: it never ends its handshake
        associated(port, tls=trusting) as known,
    ):
        assert known.send_c_echo().Status == statuses.SUCCESS
