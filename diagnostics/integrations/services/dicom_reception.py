"""What the DICOM listener does with a request: receive a radiograph, or queue a storage commitment."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction

from diagnostics.accounts.models import Site
from diagnostics.accounts.services.service_accounts import service_account
from diagnostics.integrations.dicom_network import statuses
from diagnostics.integrations.models import DicomNode, ReceivedInstance, StorageCommitment
from diagnostics.integrations.models.dicom_instances import InstanceOutcome
from diagnostics.integrations.services import receiving
from diagnostics.integrations.services.dicom_requeue import enqueue_commitment_on_commit

SYSTEM: Final = "dicom"
MAX_REFERENCES: Final = 1000  # instances of one request of storage commitment
UNEXPECTED: Final = "internal"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sender:
    """Who opened the association, and the site that receives what it sends."""

    ae_title: str
    address: str
    site: Site


@dataclass(frozen=True)
class SentInstance:
    """One C-STORE request; the content is a DICOM file."""

    content: bytes
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax: str


@dataclass(frozen=True)
class Answer:
    """The status of the response and the code of a refusal."""

    status: int
    code: str


def receive(instance: SentInstance, *, sender: Sender, now: datetime) -> Answer:
    """Open the case of an instance, log it, and return the answer.

    Everything is committed before the answer, so what was acknowledged is stored.
    """
    account = service_account(system=SYSTEM, site=sender.site, now=now)
    source = f"C-STORE {sender.ae_title}"
    received = receiving.receive_instance(
        instance.content, site=sender.site, by=account, source=source, now=now
    )
    answer = Answer(statuses.status_of(received.code), received.code)
    ReceivedInstance.objects.create(
        site=sender.site,
        case=received.case,
        outcome=InstanceOutcome(received.outcome.value),
        **_columns(instance, sender, answer, now),
    )
    return answer


def record_failure(instance: SentInstance, *, sender: Sender, now: datetime) -> Answer:
    """Log an instance whose reception raised an unexpected error, and return the answer."""
    answer = Answer(statuses.status_of(UNEXPECTED), UNEXPECTED)
    ReceivedInstance.objects.create(
        site=sender.site, outcome=InstanceOutcome.REFUSED, **_columns(instance, sender, answer, now)
    )
    return answer


@transaction.atomic
def request_commitment(
    *, transaction_uid: str, references: Sequence[tuple[str, str]], sender: Sender, now: datetime
) -> int:
    """Queue the answer to a request of storage commitment; return the status of the response.

    The answer needs an association to the sender, so the sender must be a node of the site.
    """
    node = DicomNode.objects.filter(site=sender.site, ae_title=sender.ae_title, is_active=True).first()
    if node is None:
        logger.warning("storage commitment for an AE title that is no node of the site is refused")
        return statuses.NOT_AUTHORISED
    if not transaction_uid or not 0 < len(references) <= MAX_REFERENCES:
        return statuses.PROCESSING_FAILURE
    try:
        with transaction.atomic():
            request = StorageCommitment.objects.create(
                node=node,
                transaction_uid=transaction_uid[:64],
                instances=[list(reference) for reference in references],
                queued_at=now,
            )
    except IntegrityError:  # the same request came twice
        return statuses.SUCCESS
    enqueue_commitment_on_commit(request.pk)
    return statuses.SUCCESS


def _columns(instance: SentInstance, sender: Sender, answer: Answer, now: datetime) -> dict[str, object]:
    return {
        "at": now,
        "calling_ae": sender.ae_title,
        "address": str(ipaddress.ip_address(sender.address.partition("%")[0])),
        "sop_class_uid": instance.sop_class_uid[:64],
        "sop_instance_uid": instance.sop_instance_uid[:64],
        "transfer_syntax": instance.transfer_syntax[:64],
        "size": len(instance.content),
        "code": answer.code,
        "status": answer.status,
    }
