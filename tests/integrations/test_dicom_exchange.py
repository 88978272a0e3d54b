"""Radiographs come in from dcmtk and Orthanc, and results arrive there, all of them real programs."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom import uid

from tests.integrations.dicom_peers import ENCODINGS, Orthanc, Peer, encoded, listener, orthanc, send
from tests.servers import free_port, wait_until
from tests.stack import Stack

pytestmark = pytest.mark.stack
PER_SYNTAX = 2  # 100 in the nightly test
SITE = "Test site dicom"


@pytest.fixture(scope="module")
def receiver(embedded_stack: Stack) -> Iterator[Peer]:
    with listener(embedded_stack.environment, site=SITE, port=free_port()) as peer:
        yield peer


@pytest.fixture(scope="module")
def pacs(receiver: Peer) -> Iterator[Orthanc]:
    with orthanc(listener_port=receiver.port) as server:
        yield server


def cases(stack: Stack, prefix: str) -> int:
    return int(
        stack.shell(
            "from diagnostics.cases.models import Case\n"
            f"print(Case.objects.filter(site__name={SITE!r}, patient_ref__startswith={prefix!r}).count())"
        )
    )


@pytest.mark.parametrize("count", [PER_SYNTAX, pytest.param(100, marks=pytest.mark.nightly)])
def test_radiographs_in_each_transfer_syntax_become_cases(
    count: int, embedded_stack: Stack, receiver: Peer, tmp_path: Path
) -> None:
    for number, syntax in enumerate(ENCODINGS):
        folder = tmp_path / str(number)
        folder.mkdir()
        for seed in range(count):
            content = encoded(
                syntax,
                100_000 * count + 1000 * number + seed,
                tmp_path,
                PatientID=f"D-{count}-{number}-{seed}",
            )
            (folder / f"{seed}.dcm").write_bytes(content)
        output = send(receiver.port, syntax, folder)
        assert cases(embedded_stack, f"D-{count}-") == (number + 1) * count, (syntax, output)


def add_node(stack: Stack, pacs: Orthanc, **columns: object) -> None:
    """Let the site send its results to Orthanc, from now on."""
    values = {"name": "PACS", "ae_title": "ORTHANC", "host": "127.0.0.1", "port": pacs.port} | columns
    stack.shell(
        "from django.utils import timezone\n"
        "from diagnostics.accounts.models import Site\n"
        "from diagnostics.integrations.models import DicomNode\n"
        f"site = Site.objects.get(name={SITE!r})\n"
        f"DicomNode.objects.update_or_create(site=site, ae_title='ORTHANC', "
        f"defaults={{**{values!r}, 'results_since': timezone.now()}})"
    )


def send_for_reading(stack: Stack, receiver: Peer, folder: Path, prefix: str, seeds: range) -> None:
    """Send radiographs of one patient each, and wait for their AI results."""
    source = folder / prefix
    source.mkdir()
    for seed in seeds:
        content = encoded(uid.JPEGLosslessSV1, seed, folder, (256, 256), PatientID=f"{prefix}-{seed}")
        (source / f"{seed}.dcm").write_bytes(content)
    send(receiver.port, uid.JPEGLosslessSV1, source)
    query = (
        "from diagnostics.cases.models import Prediction\n"
        f"own = Prediction.objects.filter(case__site__name={SITE!r}, status='done')\n"
        f"print(own.filter(case__patient_ref__startswith={prefix!r}).exclude(outcome='not-scored').count())"
    )
    wait_until(
        lambda: int(stack.shell(query)) == len(seeds), seconds=300, what=f"the AI results\n{stack.tail()}"
    )


def sign_all(stack: Stack, prefix: str) -> None:
    """Sign the readings of a patient's cases, long enough ago that they can no longer be undone."""
    stack.shell(
        "from datetime import timedelta\n"
        "from django.utils import timezone\n"
        "from diagnostics.accounts.models import User\n"
        "from diagnostics.cases.models import Case\n"
        "from diagnostics.integrations.models import DicomNode\n"
        "from diagnostics.review.services import readings\n"
        "at = timezone.now() - timedelta(minutes=1)\n"
        "DicomNode.objects.update(results_since=at - timedelta(minutes=1))\n"
        "reader = User.objects.get(username='dicom-radiologist')\n"
        f"own = Case.objects.filter(site__name={SITE!r}, patient_ref__startswith={prefix!r})\n"
        "for case in own.filter(finalized_at=None):\n"
        "    readings.sign_reading(case=case, by=reader, finding='normal', now=at)"
    )


def deliveries(stack: Stack) -> dict[str, int]:
    """Return the number of deliveries by status, and of those that failed an attempt as `retried`."""
    printed = stack.shell(
        "import json\n"
        "from collections import Counter\n"
        "from diagnostics.integrations.models import ResultDelivery\n"
        "rows = list(ResultDelivery.objects.values_list('status', 'failures'))\n"
        "counts = Counter(status for status, _ in rows)\n"
        "counts['retried'] = sum(failures > 0 for _, failures in rows)\n"
        "print(json.dumps(counts))"
    )
    counts: dict[str, int] = json.loads(printed)
    return counts


def test_results_commitment_and_retrieval_with_orthanc(
    embedded_stack: Stack, receiver: Peer, pacs: Orthanc, tmp_path: Path
) -> None:
    """One test, because each step finds in the archive what the one before has left."""
    results_arrive_once_although_orthanc_is_killed(embedded_stack, receiver, pacs, tmp_path)
    dsr2xml_reads_the_report_of_the_radiograph_and_its_heatmap(pacs, tmp_path)
    orthanc_is_told_which_instances_are_committed(embedded_stack, receiver, pacs, tmp_path)
    a_chosen_study_is_retrieved_with_the_earlier_ones(embedded_stack, receiver, pacs, tmp_path)


def results_arrive_once_although_orthanc_is_killed(
    embedded_stack: Stack, receiver: Peer, pacs: Orthanc, tmp_path: Path
) -> None:
    send_for_reading(embedded_stack, receiver, tmp_path, "R", range(1, 4))
    add_node(embedded_stack, pacs, result_policy="first-reading")
    assert pacs.instances() == {}  # nothing before the first blind reading

    pacs.kill9()
    sign_all(embedded_stack, "R")
    wait_until(lambda: deliveries(embedded_stack).get("retried"), seconds=60, what="a failed attempt")
    pacs.start()

    wait_until(lambda: deliveries(embedded_stack).get("done") == 6, seconds=120, what="six deliveries")
    stored = {sop: pacs.get(f"/instances/{key}/tags?simplify") for sop, key in pacs.instances().items()}
    assert sorted(tags["Modality"] for tags in stored.values()) == ["DX"] * 3 + ["SR"] * 3
    assert sorted(tags["PatientID"] for tags in stored.values()) == ["R-1", "R-1", "R-2", "R-2", "R-3", "R-3"]
    assert {tags["StudyInstanceUID"] for tags in stored.values()} == {"1.2.3.1", "1.2.3.2", "1.2.3.3"}


def dsr2xml_reads_the_report_of_the_radiograph_and_its_heatmap(pacs: Orthanc, tmp_path: Path) -> None:
    by_kind: dict[str, pydicom.Dataset] = {}
    for key in pacs.instances().values():
        dataset = pydicom.dcmread(io.BytesIO(pacs.file(key)))
        if dataset.PatientID == "R-1":
            by_kind[dataset.Modality] = dataset
    report, capture = by_kind["SR"], by_kind["DX"]
    report.save_as(tmp_path / "report.dcm", enforce_file_format=True)

    done = subprocess.run(
        ["dsr2xml", str(tmp_path / "report.dcm")], capture_output=True, text=True, check=True
    )

    assert "Calibrated probability" in done.stdout
    assert "Research use only" in done.stdout
    assert capture.SOPInstanceUID in done.stdout
    source = capture.SourceImageSequence[0].ReferencedSOPInstanceUID
    assert source in done.stdout
    assert "Research use only" in capture.ImageComments


def orthanc_is_told_which_instances_are_committed(
    embedded_stack: Stack, receiver: Peer, pacs: Orthanc, tmp_path: Path
) -> None:
    add_node(embedded_stack, pacs)
    content = encoded(uid.ExplicitVRLittleEndian, 3000, tmp_path, PatientID="S-1")
    source = tmp_path / "commitment"
    source.mkdir()
    (source / "a.dcm").write_bytes(content)
    send(receiver.port, uid.ExplicitVRLittleEndian, source)
    known = pydicom.dcmread(io.BytesIO(content))
    references = [[known.SOPClassUID, known.SOPInstanceUID], [known.SOPClassUID, "1.2.3.4.5"]]

    request = pacs.post("/modalities/readroom/storage-commitment", {"DicomInstances": references})

    report = f"/storage-commitment/{request['ID']}"
    wait_until(lambda: pacs.get(report)["Status"] != "Pending", seconds=60, what="the N-EVENT-REPORT")
    answer = pacs.get(report)
    assert [each["SOPInstanceUID"] for each in answer["Success"]] == [known.SOPInstanceUID]
    assert [each["SOPInstanceUID"] for each in answer["Failures"]] == ["1.2.3.4.5"]


def a_chosen_study_is_retrieved_with_the_earlier_ones(
    embedded_stack: Stack, receiver: Peer, pacs: Orthanc, tmp_path: Path
) -> None:
    for seed in (4001, 4002, 4003):
        patient = "Q-2" if seed == 4003 else "Q-1"
        tags = {"PatientID": patient, "StudyDate": f"20200{seed - 4000}01"}
        pacs.post("/instances", encoded(uid.JPEGLosslessSV1, seed, tmp_path, (96, 80), **tags))
    add_node(embedded_stack, pacs)

    printed = embedded_stack.shell(
        "from django.conf import settings\n"
        "from dataclasses import replace\n"
        "from django.utils import timezone\n"
        "from diagnostics.accounts.models import Site, User\n"
        "from diagnostics.integrations.models import DicomNode\n"
        "from diagnostics.integrations.services import dicom_query\n"
        f"settings.DICOM = replace(settings.DICOM, port={receiver.port})\n"
        "by = User.objects.get(username='admin')\n"
        f"by.sites.add(Site.objects.get(name={SITE!r}))\n"
        f"node = DicomNode.objects.get(ae_title='ORTHANC', site__name={SITE!r})\n"
        "criteria = dicom_query.Criteria(patient_id='Q-1')\n"
        "now = timezone.now()\n"
        "found = dicom_query.find_studies(node=node, criteria=criteria, by=by, now=now)\n"
        "print([study.study_uid for study in found])\n"
        "newest = [found[0].study_uid]\n"
        "print(dicom_query.request_retrieval("
        "node=node, study_uids=newest, with_priors=True, by=by, now=now))"
    )

    assert printed.splitlines() == ["['1.2.3.4002', '1.2.3.4001']", "2"]
    wait_until(lambda: cases(embedded_stack, "Q-1") == 2, seconds=60, what="the cases of both studies")
    assert cases(embedded_stack, "Q-2") == 0
