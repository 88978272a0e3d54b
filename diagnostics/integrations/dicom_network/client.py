"""The DICOM client: associations with a node for C-STORE, C-FIND, C-MOVE, C-ECHO and N-EVENT-REPORT."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from pydicom import Dataset, dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_role
from pynetdicom.association import Association
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from diagnostics.integrations.dicom_network import library as library  # before the first association
from diagnostics.integrations.dicom_network import statuses
from diagnostics.integrations.dicom_network.settings import DicomSettings
from diagnostics.integrations.errors.dicom import NodeError, NodePassingError
from diagnostics.integrations.models import DicomNode

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 30.0
SYNTAXES: Final = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
DUPLICATE: Final = 0x0111  # the node has stored this instance before
WARNINGS: Final = (0xB000, 0xBFFF)
PENDING: Final = (0xFF00, 0xFF01)
COMPLETE, WITH_FAILURES = 1, 2  # event types of storage commitment
REFUSED_BY_HTTP: Final = (400, 405, 406, 409, 415)


@dataclass(frozen=True)
class Moved:
    """The numbers of sub-operations of a C-MOVE."""

    completed: int
    failed: int


def store(node: DicomNode, instance: Dataset, own: DicomSettings) -> None:
    """Send one object by C-STORE; raises NodeError, NodePassingError."""
    with association(node, own, [instance.SOPClassUID]) as opened:
        _require_context(opened, instance.SOPClassUID)
        answer = _status(opened.send_c_store(instance))
        is_stored = answer in (statuses.SUCCESS, DUPLICATE) or WARNINGS[0] <= answer <= WARNINGS[1]
        if not is_stored:
            raise NodePassingError("node_busy") if statuses.is_passing(answer) else NodeError("node_refused")


def stow(node: DicomNode, instance: Dataset) -> None:
    """Send one object by STOW-RS (PS3.18 10.5); raises NodeError, NodePassingError."""
    boundary, content = uuid.uuid4().hex, BytesIO()
    dcmwrite(content, instance, enforce_file_format=True)
    body = b"".join(
        (
            f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode(),
            content.getvalue(),
            f"\r\n--{boundary}--\r\n".encode(),
        )
    )
    kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
    headers = {"Content-Type": kind, "Accept": "application/dicom+json"}
    request = urllib.request.Request(node.stow_url, data=body, headers=headers, method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS):  # noqa: S310 - http or https, checked
            return
    except urllib.error.HTTPError as error:
        is_refused = error.code in REFUSED_BY_HTTP
        raise (NodeError("node_refused") if is_refused else NodePassingError("node_busy")) from error
    except OSError as error:
        raise NodePassingError("node_unreachable") from error


def echo(node: DicomNode, own: DicomSettings) -> None:
    """Verify the connection to a node by C-ECHO; raises NodePassingError."""
    with association(node, own, [Verification]) as opened:
        if _status(opened.send_c_echo()) != statuses.SUCCESS:
            raise NodePassingError("node_busy")


def find_studies(node: DicomNode, query: Dataset, own: DicomSettings, *, most: int) -> list[Dataset]:
    """Return at most that many studies that match a query; raises NodeError, NodePassingError."""
    found: list[Dataset] = []
    with association(node, own, [StudyRootQueryRetrieveInformationModelFind]) as opened:
        _require_context(opened, StudyRootQueryRetrieveInformationModelFind)
        for status, study in opened.send_c_find(query, StudyRootQueryRetrieveInformationModelFind):
            answer = _status(status)
            if answer in PENDING and study is not None:
                found.append(study)
            elif answer != statuses.SUCCESS:
                raise NodeError("node_refused")
            if len(found) >= most:
                opened.abort()
                break
    return found


def move_study(node: DicomNode, study_uid: str, own: DicomSettings) -> Moved:
    """Ask a node to send a study to this listener; raises NodeError, NodePassingError."""
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", study_uid
    moved = Moved(0, 0)
    with association(node, own, [StudyRootQueryRetrieveInformationModelMove]) as opened:
        _require_context(opened, StudyRootQueryRetrieveInformationModelMove)
        model = StudyRootQueryRetrieveInformationModelMove
        for status, _identifier in opened.send_c_move(query, own.ae_title, model):
            answer = _status(status)
            moved = Moved(
                int(status.get("NumberOfCompletedSuboperations", moved.completed) or 0),
                int(status.get("NumberOfFailedSuboperations", moved.failed) or 0),
            )
            if answer not in (*PENDING, statuses.SUCCESS, 0xB000):
                raise (
                    NodePassingError("node_busy")
                    if statuses.is_passing(answer)
                    else NodeError("node_refused")
                )
    return moved


def report_commitment(
    node: DicomNode,
    transaction_uid: str,
    *,
    stored: Sequence[tuple[str, str]],
    missing: Sequence[tuple[str, str, int]],
    own: DicomSettings,
) -> None:
    """Send the answer to a request of storage commitment; raises NodeError, NodePassingError."""
    answer = Dataset()
    answer.TransactionUID = transaction_uid
    answer.ReferencedSOPSequence = [_reference(*each) for each in stored]
    if missing:
        answer.FailedSOPSequence = [_reference(*each) for each in missing]
    roles = [build_role(StorageCommitmentPushModel, scp_role=True)]
    with association(node, own, [StorageCommitmentPushModel], roles=roles) as opened:
        _require_context(opened, StorageCommitmentPushModel)
        event = WITH_FAILURES if missing else COMPLETE
        status, _reply = opened.send_n_event_report(
            answer, event, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        if _status(status) != statuses.SUCCESS:
            raise NodeError("node_refused")


@contextmanager
def association(
    node: DicomNode, own: DicomSettings, sop_classes: Iterable[UID], *, roles: Sequence[Any] = ()
) -> Iterator[Association]:
    """Open an association with a node and release it at the end; raises NodePassingError."""
    entity = AE(ae_title=own.ae_title)
    entity.connection_timeout = entity.acse_timeout = CONNECT_SECONDS
    entity.dimse_timeout = entity.network_timeout = ANSWER_SECONDS
    for sop_class in sop_classes:
        entity.add_requested_context(sop_class, SYNTAXES)
    opened = entity.associate(
        node.host,
        node.port,
        ae_title=node.ae_title,
        ext_neg=list(roles),
        tls_args=(_client_context(own), node.host) if node.uses_tls else None,
    )
    if not opened.is_established:
        raise NodePassingError("node_unreachable")
    try:
        yield opened
    finally:
        if opened.is_established:
            opened.release()


def _client_context(own: DicomSettings) -> ssl.SSLContext:
    """Return the context of TLS towards a node: its certificate is checked, and ours is shown."""
    context = ssl.create_default_context(cafile=own.tls_ca or None)
    if own.tls_certificate:
        context.load_cert_chain(own.tls_certificate, own.tls_key or None)
    return context


def _require_context(opened: Association, sop_class: UID) -> None:
    """Raise NodeError if the node does not accept objects or requests of this kind."""
    if not any(context.abstract_syntax == sop_class for context in opened.accepted_contexts):
        raise NodeError("node_refused")


def _status(response: Dataset) -> int:
    """Return the status of a response; raises NodePassingError where the node ended the association."""
    if "Status" not in response:
        raise NodePassingError("node_unreachable")
    return int(response.Status)


def _reference(sop_class_uid: str, sop_instance_uid: str, reason: int | None = None) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = sop_class_uid, sop_instance_uid
    if reason is not None:
        reference.FailureReason = reason
    return reference
