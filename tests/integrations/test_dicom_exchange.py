"""Radiographs come in from dcmtk and Orthanc, and results arrive there, all of them real programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integrations.dicom_peers import ENCODINGS, Orthanc, Peer, encoded, listener, orthanc, send
from tests.servers import free_port, wait_until
from tests.stack import Stack

pytestmark = pytest.mark.stack
PER_SYNTAX = 5
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


def test_radiographs_in_each_transfer_syntax_become_cases(
    embedded_stack: Stack, receiver: Peer, tmp_path: Path
) -> None:
    for number, syntax in enumerate(ENCODINGS):
        folder = tmp_path / str(number)
        folder.mkdir()
        for seed in range(PER_SYNTAX):
            content = encoded(syntax, 1000 + 10 * number + seed, tmp_path)
            (folder / f"{seed}.dcm").write_bytes(content)
        output = send(receiver.port, syntax, folder)
        sent = (number + 1) * PER_SYNTAX
        assert cases(embedded_stack, "D-1") == sent, (syntax, output)
