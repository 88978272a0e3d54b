"""The pages of DICOM as text."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from pydicom.uid import UID

from diagnostics.integrations.dicom_network.settings import DicomSettings
from diagnostics.integrations.errors.dicom import failure_text
from diagnostics.integrations.models import DicomNode, ReceivedInstance, ResultDelivery
from diagnostics.jobs.models import JobStatus


@dataclass(frozen=True)
class ListenerLine:
    """Whether the listener runs, in one sentence."""

    tone: str
    text: str


@dataclass(frozen=True)
class ReceivedRow:
    """One received instance."""

    instance: ReceivedInstance
    kind: str
    syntax: str
    outcome: str
    status: str  # a key of the status labels
    code: str
    answer: str  # DICOM status


@dataclass(frozen=True)
class DeliveryRow:
    """One delivery."""

    delivery: ResultDelivery
    status: str
    note: str  # why it waits or failed
    may_retry: bool


def listener_line(dicom: DicomSettings) -> ListenerLine:
    """Return where the listener listens, or how to start it."""
    if not dicom.port:
        return ListenerLine(
            "info", _("The DICOM listener is off. Set READROOM_DICOM_PORT to receive radiographs.")
        )
    text = _("The DICOM listener is %(ae)s on port %(port)d, %(tls)s.") % {
        "ae": dicom.ae_title,
        "port": dicom.port,
        "tls": _("with TLS") if dicom.tls_certificate else _("without TLS"),
    }
    return ListenerLine("info", text)


def node_note(node: DicomNode) -> str:
    """Return since when a node does not answer; empty where it does."""
    if not node.failures:
        return ""
    return _("Not answering: %(count)d failed attempts in a row.") % {"count": node.failures}


def received_row(instance: ReceivedInstance) -> ReceivedRow:
    """Return a received instance as text."""
    statuses = {"accepted": "done", "duplicate": "imported", "refused": "failed"}
    return ReceivedRow(
        instance=instance,
        kind=UID(instance.sop_class_uid).name.removesuffix(" Storage"),
        syntax=UID(instance.transfer_syntax).name,
        outcome=str(instance.get_outcome_display()),
        status=statuses[instance.outcome],
        code=instance.code,
        answer=f"{instance.status:04X}",
    )


def delivery_row(delivery: ResultDelivery) -> DeliveryRow:
    """Return a delivery as text."""
    return DeliveryRow(
        delivery=delivery,
        status=delivery.status,
        note=failure_text(delivery.failure_code) if delivery.failure_code else "",
        may_retry=delivery.status == JobStatus.FAILED,
    )
