"""Nodes are saved with a beginning of their policy, and a search of a node names no patient elsewhere."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import pytest

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.integrations.errors.dicom import InvalidNode
from diagnostics.integrations.services import dicom_nodes, dicom_query
from tests.integrations.dicom_archive import Archive, node_of
from tests.integrations.dicom_archive import archive as archive


def test_a_policy_begins_when_it_is_set_and_a_change_of_the_address_keeps_its_beginning(
    site: Site, administrator: User, now: datetime
) -> None:
    values = {"name": "PACS", "ae_title": "PACS", "host": "pacs.example.org", "result_policy": "final"}
    node = dicom_nodes.save_node(node=None, site=site, values=values, by=administrator, now=now)
    later = now + timedelta(days=1)
    moved = dicom_nodes.save_node(
        node=node, site=site, values={"host": "pacs2.example.org"}, by=administrator, now=later
    )
    assert moved.results_since == now
    assert AuditEvent.objects.filter(action=Action.DICOM_NODE_CHANGED).count() == 2


@pytest.mark.parametrize("url", ["", "ftp://pacs.example.org/", "file:///etc/passwd", "https://"])
def test_a_stow_address_that_is_no_web_address_is_refused(
    url: str, site: Site, administrator: User, now: datetime
) -> None:
    values = {"name": "PACS", "ae_title": "PACS", "host": "h", "result_transport": "stow", "stow_url": url}
    with pytest.raises(InvalidNode):
        dicom_nodes.save_node(node=None, site=site, values=values, by=administrator, now=now)


def test_a_search_is_audited_and_no_log_line_names_the_patient(
    site: Site, archive: Archive, administrator: User, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    node = node_of(site, archive.port, now)
    criteria = dicom_query.Criteria(patient_id="SECRET-7")

    found = dicom_query.find_studies(node=node, criteria=criteria, by=administrator, now=now)

    assert [(study.study_uid, study.patient_id) for study in found] == [("1.2.3", "SECRET-7")]
    assert "SECRET-7" not in caplog.text
    assert AuditEvent.objects.get(action=Action.NODE_QUERIED).detail == {"studies": 1}


def test_the_patient_reference_of_a_search_may_hold_no_wildcard(
    site: Site, archive: Archive, administrator: User, now: datetime
) -> None:
    node, criteria = node_of(site, archive.port, now), dicom_query.Criteria(patient_id="*7?\\8")
    found = dicom_query.find_studies(node=node, criteria=criteria, by=administrator, now=now)
    assert found[0].patient_id == "78"
