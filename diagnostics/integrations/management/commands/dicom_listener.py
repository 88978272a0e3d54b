"""`manage.py dicom_listener`: receive radiographs by DICOM until a signal arrives."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from diagnostics.integrations.dicom_network.peers import parse_peer
from diagnostics.integrations.dicom_network.settings import DicomSettings
from diagnostics.integrations.services import dicom_listener


class Command(BaseCommand):
    help = "Accept DICOM associations on READROOM_DICOM_PORT; docs/dicom.md explains the settings."

    def handle(self, *args: Any, **options: Any) -> None:
        """Check the settings, listen, and end in order at SIGTERM or SIGINT."""
        dicom: DicomSettings = settings.DICOM
        _check(dicom)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            server = dicom_listener.start(dicom)
        except OSError as error:
            raise CommandError(
                f"Port {dicom.port} of {dicom.host} cannot be used: {error.strerror}"
            ) from error
        self.stdout.write(f"DICOM listener {dicom.ae_title} on {dicom.host}:{dicom.port}")
        self.stdout.flush()
        stop.wait()
        server.shutdown()
        server.server_close()


def _check(dicom: DicomSettings) -> None:
    if not dicom.port:
        raise CommandError(
            "READROOM_DICOM_PORT is not set: choose the port of the listener, for example 11112."
        )
    if not 1 <= len(dicom.ae_title) <= 16:
        raise CommandError("READROOM_DICOM_AE must have 1 to 16 characters.")
    for name in filter(None, (dicom.tls_certificate, dicom.tls_key, dicom.tls_ca)):
        if not Path(name).is_file():
            raise CommandError(f"The TLS file {name} does not exist.")
    for peer in dicom.peers:
        try:
            parse_peer(peer)
        except ValueError as error:
            raise CommandError(f"READROOM_DICOM_PEERS: {error}") from error
