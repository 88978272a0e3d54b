"""Two corrections of pynetdicom, made before its first use: its log lines, and a socket left open."""

from __future__ import annotations

import contextlib
import logging
import socket

from pynetdicom.transport import AssociationSocket


def _close(own: AssociationSocket) -> None:
    """Shut a socket down and close it, also where the peer was faster.

    The method of the library skips the closing when the shutdown fails.
    """
    if own.socket is not None:
        with contextlib.suppress(OSError):
            own.socket.shutdown(socket.SHUT_RDWR)
        own.socket.close()


AssociationSocket._shutdown_socket = _close
# Its lines of lower levels quote identifiers of a search, which name the patient.
logging.getLogger("pynetdicom").setLevel(logging.WARNING)
