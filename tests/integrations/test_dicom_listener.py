"""The DICOM listener with a real client over the loopback address: access, limits, hostile data sets."""

from __future__ import annotations

import io
import logging
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.sop_class import Verification
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case
from diagnostics.integrations.dicom_network import statuses
from diagnostics.integrations.dicom_network.settings import DicomSettings
from diagnostics.integrations.models import DicomNode, ReceivedInstance
from diagnostics.integrations.services import dicom_listener
from tests.radiographs import radiograph_dicom
from tests.servers import free_port

pytestmark = pytest.mark.django_db(transaction=True)
PEER = "MODALITY"
Listen = Callable[..., int]


@pytest.fixture
def listen(site: Site, settings: Settings, tmp_path: Path) -> Iterator[Listen]:
    """Return a function that starts a listener and returns its port."""
    settings.MEDIA_ROOT = tmp_path / "media"
    servers = []

    def start(**options: object) -> int:
        port = free_port()
        values = {"port": port, "peers": [f"{PEER}@127.0.0.1"]} | options
        servers.append(dicom_listener.start(DicomSettings(**values)))  # type: ignore[arg-type]
        return port

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@contextmanager
def associated(
    port: int, *, caller: str = PEER, called: str = "READROOM", tls: ssl.SSLContext | None = None
) -> Iterator[Association]:
    entity = AE(ae_title=caller)
    entity.add_requested_context(Verification)
    entity.add_requested_context(DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian)
    association = entity.associate(
        "127.0.0.1", port, ae_title=called, tls_args=(tls, "127.0.0.1") if tls else None
    )
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def instance(seed: int = 1, **tags: object) -> pydicom.FileDataset:
    every = {"PatientID": "L-1", "StudyInstanceUID": "1.2.3"} | tags
    return pydicom.dcmread(io.BytesIO(radiograph_dicom(seed, (96, 80), **every)))  # type: ignore[arg-type]


def stored(port: int, *instances: pydicom.FileDataset) -> list[tuple[int, str]]:
    """Send instances on one association; return status and error comment of each answer."""
    with associated(port) as association:
        answers = [association.send_c_store(each) for each in instances]
    return [(answer.Status, str(answer.get("ErrorComment", ""))) for answer in answers]


def test_an_allowed_peer_is_answered(listen: Listen) -> None:
    with associated(listen()) as association:
        assert association.send_c_echo().Status == statuses.SUCCESS


@pytest.mark.parametrize(
    ("peers", "caller", "called"),
    [
        ([], PEER, "READROOM"),
        ([PEER], "STRANGER", "READROOM"),
        ([f"{PEER}@192.0.2.1"], PEER, "READROOM"),
        ([f"{PEER}=No such site"], PEER, "READROOM"),
        ([PEER], PEER, "OTHER"),
    ],
)
def test_an_association_that_no_setting_allows_is_rejected(
    peers: list[str], caller: str, called: str, listen: Listen
) -> None:
    with associated(listen(peers=peers), caller=caller, called=called) as association:
        assert association.is_rejected


def test_a_node_that_may_send_is_accepted_and_its_site_gets_the_case(
    listen: Listen, other_site: Site
) -> None:
    port = listen(peers=[])
    node = DicomNode.objects.create(
        site=other_site, name="CR 1", ae_title=PEER, host="127.0.0.1", port=104, may_send=True
    )

    assert stored(port, instance()) == [(0, "")]
    assert Case.objects.get().site == other_site

    DicomNode.objects.filter(pk=node.pk).update(is_active=False)
    with associated(port) as association:
        assert association.is_rejected


def test_a_received_radiograph_is_a_case_of_an_account_with_which_no_person_can_log_in(
    listen: Listen, site: Site
) -> None:
    assert stored(listen(), instance()) == [(0, "")]

    case = Case.objects.get()
    assert (case.patient_ref, case.site, case.radiograph.study_uid) == ("L-1", site, "1.2.3")
    account = User.objects.get(pk=case.opened_by_id)
    assert (account.has_usable_password(), account.is_staff, list(account.sites.all())) == (
        False,
        False,
        [site],
    )
    row = ReceivedInstance.objects.get()
    assert (row.outcome, row.case, row.status, row.calling_ae) == ("accepted", case, 0, PEER)


def test_the_same_instance_sent_twice_is_one_case_and_two_rows(listen: Listen) -> None:
    assert stored(listen(), instance(), instance()) == [(0, ""), (0, "")]
    assert Case.objects.count() == 1
    assert list(ReceivedInstance.objects.values_list("outcome", flat=True)) == ["duplicate", "accepted"]


def without_patient() -> pydicom.FileDataset:
    return instance(2, PatientID="")


def of_another_patient() -> pydicom.FileDataset:
    return instance(1, PatientID="L-2", SOPInstanceUID="1.2.9")


def of_other_pixels() -> pydicom.FileDataset:
    known, other = instance(1), instance(3)
    known.PixelData = other.PixelData
    return known


def of_a_ct() -> pydicom.FileDataset:
    return instance(4, Modality="CT")


def with_rows_that_do_not_fit() -> pydicom.FileDataset:
    return instance(5, Rows=6000, Columns=6000)


def with_huge_header() -> pydicom.FileDataset:
    return instance(6, Rows=60_000, Columns=60_000)


def with_a_huge_element() -> pydicom.FileDataset:
    made = instance(7, PatientID="L-7")
    made.add_new("ImageComments", "UT", "x" * 5_000_000)
    return made


@pytest.mark.parametrize(
    ("made", "status", "code"),
    [
        (without_patient, 0xC001, "patient_ref_missing"),
        (of_another_patient, 0xC002, "radiograph_of_another_patient"),
        (of_other_pixels, 0xC002, "sop_instance_reused"),
        (of_a_ct, 0xA900, "not_an_xray_modality"),
        (with_rows_that_do_not_fit, 0xC000, "damaged"),
        (with_huge_header, 0xC000, "too_many_pixels"),
        (with_a_huge_element, 0x0000, ""),
    ],
)
def test_a_refusal_is_an_answer_and_a_row_and_the_association_goes_on(
    made: Callable[[], pydicom.FileDataset], status: int, code: str, listen: Listen
) -> None:
    refused = made()
    refused.file_meta.MediaStorageSOPInstanceUID = refused.SOPInstanceUID

    answers = stored(listen(), instance(), refused, instance(8, PatientID="L-8", SOPInstanceUID="1.2.8"))

    assert answers == [(0, ""), (status, code), (0, "")]
    row = ReceivedInstance.objects.order_by("pk")[1]
    assert (row.status, row.code, row.case is None) == (status, code, bool(code))


def test_a_data_set_cut_off_in_an_element_is_damaged_and_opens_no_case(listen: Listen) -> None:
    port, whole = listen(), radiograph_dicom(1, (96, 80), PatientID="L-1")
    with associated(port) as association:
        context = next(each for each in association.accepted_contexts if each.abstract_syntax != Verification)
        request = C_STORE()
        request.MessageID, request.Priority = 1, 2
        request.AffectedSOPClassUID = DigitalXRayImageStorageForPresentation
        request.AffectedSOPInstanceUID = "1.2.77"
        request.DataSet = io.BytesIO(whole[400 : len(whole) - 999])
        association._reactor_checkpoint.clear()
        association.dimse.send_msg(request, context.context_id)
        _context, answer = association.dimse.get_msg(block=True)
        association._reactor_checkpoint.set()

    assert answer is not None
    assert answer.Status in (statuses.CANNOT_UNDERSTAND, statuses.NOT_OF_SOP_CLASS)
    assert not Case.objects.exists()


def test_an_association_killed_within_a_message_leaves_no_row(listen: Listen) -> None:
    port = listen()
    with associated(port) as association:
        assert association.send_c_store(instance()).Status == 0
        raw = association.dul.socket.socket
        raw.sendall(struct.pack(">BBL", 4, 0, 100_000) + b"\0" * 5000)  # a data PDU without its end
        raw.close()
    assert stored(port, instance(2, PatientID="L-2", SOPInstanceUID="1.2.2")) == [(0, "")]
    assert (Case.objects.count(), ReceivedInstance.objects.count()) == (2, 2)


def test_a_pdu_of_an_absurd_length_ends_the_connection(listen: Listen) -> None:
    with socket.create_connection(("127.0.0.1", listen())) as raw:
        raw.settimeout(10)
        raw.sendall(struct.pack(">BBL", 1, 0, 2**32 - 1))
        assert raw.recv(100) == b""


@pytest.mark.slow
def test_a_message_longer_than_the_largest_file_ends_the_association(listen: Listen) -> None:
    with associated(listen()) as association:
        answer = association.send_c_store(instance(1, PixelData=bytes(72 * 1024 * 1024)))
        assert "Status" not in answer
    assert not ReceivedInstance.objects.exists()


def test_no_more_associations_than_the_limit_are_open(listen: Listen) -> None:
    port = listen(associations=1)
    with associated(port) as first, associated(port) as second:
        assert first.is_established
        assert second.is_rejected
        assert second.acceptor.primitive.result == 2  # transient: the peer tries again


def test_log_lines_name_no_patient(listen: Listen, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    stored(listen(), instance(PatientName="Example^Person"), with_rows_that_do_not_fit())
    assert not any(
        "L-1" in record.getMessage() or "Example" in record.getMessage() for record in caplog.records
    )
