"""A PACS within the process of a test, and a node that names it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pydicom
import pytest
from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    ComprehensiveSRStorage,
    SecondaryCaptureImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
)

from diagnostics.accounts.models import Site
from diagnostics.integrations.models import DicomNode
from tests.servers import free_port


class Archive:
    """A PACS within the test: what it stored, and how it answers."""

    def __init__(self) -> None:
        self.port, self.stored, self.answer = free_port(), [], 0x0000
        entity = AE(ae_title="PACS")
        for kind in (ComprehensiveSRStorage, SecondaryCaptureImageStorage):
            entity.add_supported_context(kind)
        entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_C_FIND, self._find)]
        self.server = entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    stored: list[Dataset]

    def _store(self, event: evt.Event) -> int:
        if self.answer == 0:
            self.stored.append(pydicom.dcmread(io.BytesIO(event.encoded_dataset())))
        return self.answer

    def _find(self, event: evt.Event) -> Iterator[tuple[int, Dataset]]:
        found = Dataset()
        found.StudyInstanceUID, found.ModalitiesInStudy = "1.2.3", "DX"
        found.PatientID = event.identifier.PatientID
        yield 0xFF00, found


@pytest.fixture
def archive() -> Iterator[Archive]:
    running = Archive()
    yield running
    assert running.server is not None
    running.server.shutdown()
    running.server.server_close()


def node_of(site: Site, port: int, now: datetime, **columns: Any) -> DicomNode:
    values = {"name": "PACS", "ae_title": "PACS", "host": "127.0.0.1", "result_policy": "first-reading"}
    return DicomNode.objects.create(site=site, port=port, results_since=now, **(values | columns))
