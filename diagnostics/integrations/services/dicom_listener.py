"""The DICOM listener: accepts associations of allowed peers and answers C-ECHO, C-STORE and N-ACTION."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.db import DatabaseError, InterfaceError, connections
from django.utils import timezone
from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification
from pynetdicom.transport import ThreadedAssociationServer

from diagnostics.integrations.dicom_network import library as library  # before the first association
from diagnostics.integrations.dicom_network import limits, statuses
from diagnostics.integrations.dicom_network.contexts import RADIOGRAPHS, TRANSFER_SYNTAXES
from diagnostics.integrations.dicom_network.peers import site_of_caller
from diagnostics.integrations.dicom_network.settings import DicomSettings
from diagnostics.integrations.services import dicom_reception
from diagnostics.integrations.services.dicom_reception import Sender, SentInstance

REJECTED: Final = (0x01, 0x01, 0x03)  # permanent, by the service user, calling AE title not recognised
BUSY: Final = (0x02, 0x03, 0x01)  # transient, by the provider, temporary congestion
logger = logging.getLogger(__name__)


def start(options: DicomSettings) -> ThreadedAssociationServer:
    """Start the listener in threads of this process and return its server; `shutdown()` ends it."""
    server = application_entity(options).start_server(
        (options.host, options.port),
        block=False,
        ssl_context=tls_context(options),
        evt_handlers=[
            (evt.EVT_CONN_OPEN, limits.limit_connection),
            (evt.EVT_DIMSE_RECV, limits.message_ended),
            (evt.EVT_REQUESTED, _check_caller, [options]),
            (evt.EVT_C_ECHO, _echo),
            (evt.EVT_C_STORE, _store),
            (evt.EVT_N_ACTION, _commitment),
        ],
    )
    assert server is not None
    return server


def application_entity(options: DicomSettings) -> AE:
    """Return the application entity with its presentation contexts and limits."""
    entity = AE(ae_title=options.ae_title)
    entity.require_called_aet = True
    entity.maximum_pdu_size = limits.ACCEPTED_PDU
    entity.maximum_associations = options.associations
    entity.network_timeout = limits.NETWORK_TIMEOUT
    entity.add_supported_context(Verification)
    entity.add_supported_context(StorageCommitmentPushModel)
    for sop_class in RADIOGRAPHS:
        entity.add_supported_context(sop_class, list(TRANSFER_SYNTAXES))
    return entity


def tls_context(options: DicomSettings) -> ssl.SSLContext | None:
    """Return the context of TLS 1.2 or later; with an authority every peer must show its certificate."""
    if not options.tls_certificate:
        return None
    context = _LaterHandshake(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(options.tls_certificate, options.tls_key or None)
    if options.tls_ca:
        context.load_verify_locations(options.tls_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class _LaterHandshake(ssl.SSLContext):
    """A context whose sockets shake hands at their first read, in the thread of their association.

    pynetdicom wraps them in the thread that accepts: a silent peer would stop all others.
    """

    def wrap_socket(self, sock: socket.socket, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """Return a socket that has not shaken hands."""
        return super().wrap_socket(sock, *arguments, **{**options, "do_handshake_on_connect": False})


def _with_database(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Close the connections that the thread of an association has opened: the thread will not be reused."""

    @wraps(handler)
    def wrapped(*arguments: Any) -> Any:
        try:
            return handler(*arguments)
        finally:
            connections.close_all()

    return wrapped


@_with_database
def _check_caller(event: Event, options: DicomSettings) -> None:
    """Reject an association of a caller that is not allowed; remember the sender of any other."""
    caller, address = event.assoc.requestor.primitive.calling_ae_title.strip(), event.assoc.requestor.address
    try:
        site = site_of_caller(caller, address, setting=options.peers)
    except (DatabaseError, InterfaceError):
        return _reject(event, BUSY, "the database is unavailable")
    if site is None:
        return _reject(event, REJECTED, "the calling AE title is not allowed from this address")
    event.assoc.sender = Sender(caller, address, site)
    return None


def _reject(event: Event, reason: tuple[int, int, int], text: str) -> None:
    logger.warning("a DICOM association from %s was rejected: %s", event.assoc.requestor.address, text)
    event.assoc.acse.send_reject(*reason)
    event.assoc.kill()


def _echo(_event: Event) -> int:
    return statuses.SUCCESS


@_with_database
def _store(event: Event) -> Dataset:
    """Answer a C-STORE request; whatever fails is an answer, and the association goes on."""
    instance, sender = _sent_instance(event), event.assoc.sender
    try:
        answer = dicom_reception.receive(instance, sender=sender, now=timezone.now())
    except (DatabaseError, InterfaceError):
        logger.warning("the database is unavailable: a received instance was not stored")
        answer = dicom_reception.Answer(statuses.OUT_OF_RESOURCES, "storage_unavailable")
    except Exception as error:  # the message may quote the file, which names the patient
        logger.error("a received instance raised %s", type(error).__name__)
        answer = dicom_reception.record_failure(instance, sender=sender, now=timezone.now())
    response = Dataset()
    response.Status = answer.status
    if answer.code:
        response.ErrorComment = answer.code
    return response


def _sent_instance(event: Event) -> SentInstance:
    request = event.request
    return SentInstance(
        content=event.encoded_dataset(),
        sop_class_uid=str(request.AffectedSOPClassUID or ""),
        sop_instance_uid=str(request.AffectedSOPInstanceUID or ""),
        transfer_syntax=str(event.context.transfer_syntax),
    )


@_with_database
def _commitment(event: Event) -> tuple[int, Dataset | None]:
    """Answer a request of storage commitment; its result follows on an association of its own."""
    request = event.action_information
    references = [
        (str(item.get("ReferencedSOPClassUID", "")), str(item.get("ReferencedSOPInstanceUID", "")))
        for item in request.get("ReferencedSOPSequence", [])
    ]
    status = dicom_reception.request_commitment(
        transaction_uid=str(request.get("TransactionUID", "")),
        references=references,
        sender=event.assoc.sender,
        now=timezone.now(),
    )
    return status, None
