"""DICOM clients within the process of a test."""

from __future__ import annotations

import contextlib

import pytest
from pynetdicom.transport import AssociationSocket


def _close(own: AssociationSocket) -> None:
    """Shut a socket down and close it, also where the peer was faster."""
    assert own.socket is not None
    with contextlib.suppress(OSError):
        own.socket.shutdown(2)
    own.socket.close()


@pytest.fixture(autouse=True)
def sockets_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """pynetdicom leaves a socket that the peer has closed to the garbage collection, which is a warning."""
    monkeypatch.setattr(AssociationSocket, "_shutdown_socket", _close)
