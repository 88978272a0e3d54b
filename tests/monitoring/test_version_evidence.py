"""The evidence pack of a version: members, checksums, equal bytes, pseudonyms, approval."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.errors import NotAllowed
from diagnostics.monitoring.models import ShadowRun
from diagnostics.monitoring.services import shadow, version_evidence
from diagnostics.registry import selectors as registry_selectors
from diagnostics.registry import services as registry
from diagnostics.registry.models import ModelVersion
from diagnostics.training.models import Part, SnapshotLabel, TrainingRun
from diagnostics.training.selectors import runs
from tests.cases.conftest import Login
from tests.monitoring.conftest import REASON, Classified, register
from tests.monitoring.shadow import add_case, score, scores
from tests.registry.tiny_network import FAILED, trust_json

REFERENCE = "CANARY-4711"
COMPARISON = {
    "active": "v1",
    "rules": [{"name": "sensitivity", "outcome": "broken", "detail": "0.000 against 1.000", "n": 3}],
}


@pytest.fixture
def trained(active: ModelVersion, bundle_store: Path, administrator: User, now: datetime) -> ModelVersion:
    """Return a candidate that failed the gate, with a run, a snapshot and a trust report."""
    version = register(bundle_store / "tiny", now, by=None, comparison=COMPARISON, verdict="reject")
    report = registry_selectors.bundle_path(version) / "trust_report.json"
    report.write_text(json.dumps(trust_json(*FAILED)))
    run = TrainingRun.objects.create(
        number=1,
        status="done",
        candidate=version,
        parent=active,
        queued_at=now,
        started_by=administrator,
        snapshot_sha256="5" * 64,
        parameters={"recipe": "vgg16-finetune", "seed": 7},
    )
    runs.folder(run).mkdir(parents=True)
    (runs.folder(run) / "snapshot.jsonl").write_text('{"patient": "keyed"}\n')
    return version


@pytest.fixture
def tested(trained: ModelVersion, site: Site, technician: User, now: datetime) -> list[Case]:
    """Return two cases of the test set and store one of the training set."""
    cases = [add_case(site, technician, now, patient_ref=f"{REFERENCE}-{number}") for number in range(3)]
    for case, part in zip(cases, (Part.TEST, Part.TEST, Part.TRAIN), strict=True):
        SnapshotLabel.objects.create(
            run=trained.run,
            case=case,
            label=case.pk,
            imported=False,
            finding="normal",
            part=part,
            candidate=scores(0.25),
            active=scores(0.75),
        )
    return cases[:2]


def pack(version: ModelVersion, by: User, now: datetime) -> bytes:
    return b"".join(version_evidence.export(version=version, by=by, now=now).chunks())


def opened(content: bytes) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_manifest_lists_the_sha256_and_the_length_of_each_other_member(
    trained: ModelVersion, tested: list[Case], administrator: User, now: datetime
) -> None:
    files = opened(pack(trained, administrator, now))
    manifest = json.loads(files.pop("manifest.json"))
    assert {each["name"]: (each["sha256"], each["bytes"]) for each in manifest["members"]} == {
        name: (hashlib.sha256(content).hexdigest(), len(content)) for name, content in files.items()
    }
    assert sorted(files) == [
        *("approval.json", "comparison.json", "config.json", "metrics.json", "model_card" + ".md"),
        *("predictions.csv", "shadow.json", "snapshot.jsonl", "trust_report.json"),
    ]
    assert manifest["absent"] == {"trust_report.html": "no stored trust report"}
    assert manifest["weights_sha256"] == hashlib.sha256(b"tiny").hexdigest()


def test_the_same_facts_give_the_same_bytes_a_day_later(
    trained: ModelVersion, tested: list[Case], administrator: User, now: datetime
) -> None:
    first = pack(trained, administrator, now)
    assert pack(trained, administrator, now + timedelta(days=1)) == first
    with ZipFile(io.BytesIO(first)) as archive:  # no time of the export: the first day of the format
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_predictions_are_those_of_the_test_set_under_keyed_pseudonyms(
    trained: ModelVersion, tested: list[Case], site: Site, administrator: User, now: datetime
) -> None:
    content = pack(trained, administrator, now)
    files = opened(content)
    rows = list(csv.DictReader(io.StringIO(files["predictions.csv"].decode())))
    key = settings.SECRET_KEY.encode()
    expected = {
        case.radiograph.pixel_sha256: hmac.new(
            key, f"{site.pk}\n{case.patient_ref}".encode(), hashlib.sha256
        ).hexdigest()
        for case in tested
    }
    assert {row["radiograph_sha256"]: row["patient"] for row in rows} == expected
    assert {(row["candidate_covid-19"], row["active_covid-19"]) for row in rows} == {("0.25", "0.75")}
    assert all(REFERENCE.encode() not in each for each in files.values())


def test_the_approval_holds_deployments_overrides_and_events_with_their_hashes(
    trained: ModelVersion, administrator: User, now: datetime
) -> None:
    registry.promote(
        version=trained,
        by=administrator,
        reason=REASON,
        now=now,
        override=True,
        acknowledged=["sensitivity", *FAILED],
    )
    trained.refresh_from_db()
    approval = json.loads(opened(pack(trained, administrator, now))["approval.json"])
    (deployment,) = approval["deployments"]
    assert deployment["override"] is True
    assert deployment["acknowledged"] == ["sensitivity", *FAILED]
    assert deployment["by"] == {"username": "administrator", "role": "administrator"}
    assert approval["gate_overridden_at"] == now.isoformat()
    assert [each["action"] for each in approval["events"]] == ["version-registered", "version-promoted"]
    card = opened(pack(trained, administrator, now))["model_card" + ".md"].decode()
    assert "**Promoted in spite of the gate.** Acknowledged: sensitivity, A4, A5, B4" in card


def test_the_gate_and_the_settings_of_the_run_are_in_the_pack(
    trained: ModelVersion, administrator: User, now: datetime
) -> None:
    files = opened(pack(trained, administrator, now))
    gate = json.loads(files["comparison.json"])["gate"]
    assert (gate["outcome"], gate["passed"], gate["to_acknowledge"]) == (
        "reject",
        False,
        ["sensitivity", *FAILED],
    )
    run: dict[str, Any] = json.loads(files["config.json"])["training_run"]
    assert (run["number"], run["parameters"]["seed"], run["snapshot_sha256"]) == (1, 7, "5" * 64)


def test_shadow_runs_are_summarised(
    trained: ModelVersion, classified: Classified, administrator: User, now: datetime
) -> None:
    run: ShadowRun = shadow.start(version=trained, by=administrator, now=now)
    score(run, classified(0.9), scores(0.2))
    (stored,) = json.loads(opened(pack(trained, administrator, now))["shadow.json"])
    assert stored["matrix"] == [{"active": "covid-19", "shadow": "normal", "cases": 1}]
    assert (stored["against"], stored["counts"]["done"], stored["ended_at"]) == ("v1", 1, None)


def test_a_version_without_a_run_says_what_is_absent(
    active: ModelVersion, administrator: User, now: datetime
) -> None:
    manifest = json.loads(opened(pack(active, administrator, now))["manifest.json"])
    assert set(manifest["absent"]) == {
        "predictions.csv",
        "snapshot.jsonl",
        "trust_report.json",
        "trust_report.html",
    }


def test_page_and_api_stream_the_same_pack_and_audit_each_export(
    client: Client, candidate: ModelVersion, administrator: User, api_client: Login
) -> None:
    client.force_login(administrator)
    address = reverse("monitoring:version-evidence", args=[candidate.pk])
    assert address in client.get(reverse("registry:version", args=[candidate.pk])).content.decode()
    by_page = client.get(address)
    by_api = api_client(administrator).get(reverse("api-version-evidence", args=[candidate.pk]))
    assert by_page.streaming
    assert by_page["Content-Disposition"] == 'attachment; filename="evidence-v2.zip"'
    assert b"".join(by_page) == b"".join(by_api)
    events = AuditEvent.objects.filter(action=Action.VERSION_EVIDENCE_EXPORTED)
    assert [(each.by, each.target_id) for each in events] == [(administrator, str(candidate.pk))] * 2


def test_a_radiologist_may_not_export_it(trained: ModelVersion, radiologist: User, now: datetime) -> None:
    with pytest.raises(NotAllowed):
        version_evidence.export(version=trained, by=radiologist, now=now)
    assert not AuditEvent.objects.filter(action=Action.VERSION_EVIDENCE_EXPORTED).exists()
