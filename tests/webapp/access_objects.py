"""One object of each kind, and the form fields of each URL, for the tests of access."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from pytest_django import Settings

from diagnostics.accounts.models import User
from diagnostics.accounts.services import tokens
from diagnostics.cases.models import Case
from diagnostics.cases.services import admission as cases
from diagnostics.imports.models import Import
from diagnostics.imports.options import ImportOptions
from diagnostics.imports.services import scans as exchange
from diagnostics.integrations.instance_uids import uids_of
from diagnostics.integrations.models import DicomNode, ResultDelivery, WebhookDelivery, WebhookEndpoint
from diagnostics.monitoring.models import Alert
from diagnostics.patients.models import IdentityConflict
from diagnostics.privacy.models import Erasure
from diagnostics.registry import services as registry
from diagnostics.registry.models import ModelVersion
from diagnostics.registry.selectors import bundle_path
from diagnostics.review.models import SavedView
from diagnostics.training.models import TrainingRun
from diagnostics.training.selectors.runs import folder
from diagnostics.uploads.services import checking, staging
from tests.cases.predictions import finish_prediction
from tests.radiographs import radiograph_png
from tests.registry.stub_bundle import stub_bundle
from tests.webapp.url_patterns import named_patterns

NAMESPACES_OF_DJANGO: Final = {"admin"}
SHADOW_PAGES: Final = ("shadow", "shadow-start", "shadow-end", "shadow-select")
REASON: Final = "Better on the radiographs of our own site."


@dataclass(frozen=True)
class AccessObjects:
    """URL arguments and POST fields by URL name."""

    args: dict[str, list[Any]]
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)

    def url(self, name: str) -> str:
        """Return the URL of a name, with the object where it takes one."""
        return reverse(name, args=self.args[name] if url_names()[name] else [])


def create_access_objects(
    *, technician: User, radiologist: User, administrator: User, home: Path, settings: Settings, now: datetime
) -> AccessObjects:
    """Create one object of each kind at the site of the technician."""
    settings.MEDIA_ROOT, settings.BUNDLES = home / "media", home / "bundles"
    settings.RUNS, settings.DEFAULT_BUNDLE = home / "runs", stub_bundle(home / "default")
    settings.INCOMING, settings.IMPORTS = home / "incoming", home / "imports"
    settings.STAGED = home / "staged"
    first = registry.adopt_default(now=now)
    assert first is not None
    second, third = (_candidate(home / name, now) for name in ("second", "third"))
    report = '{"verdict": "passed", "failed": [], "checks": []}'
    (bundle_path(third) / "trust_report.json").write_text(report)
    (bundle_path(third) / "trust_report.html").write_text("<svg></svg>")
    registry.promote(version=second, by=administrator, reason=REASON, now=now)
    case = cases.open_case(radiograph=radiograph_png(1), patient_ref="P-1", by=technician, now=now).case
    finish_prediction(case, second)
    run = _training_run(first, now)
    scanned = _scanned_import(home / "radiographs", case, administrator, now)
    view = SavedView.objects.create(owner=radiologist, name="STAT", query="priority=stat")
    conflict = IdentityConflict.objects.create(site=case.site, kind="sex", reference="P-1", found_at=now)
    args = _arguments(
        case=case.pk,
        run=run.pk,
        scanned=scanned.pk,
        view=view.pk,
        version=third.pk,
        conflict=conflict.pk,
    )
    staged = _staged_upload(technician, now)
    args |= {name: [staged] for name in url_names() if name.startswith("uploads:")}
    tokens.create_token(by=technician, now=timezone.now())
    erasure = Erasure.objects.create(site=case.site, cause="request", by=administrator, at=now)
    args |= {"privacy:erasure": [erasure.pk], "privacy:retention-change": [case.site.pk]}
    args |= _account_arguments(technician, case.site.pk) | _integration_arguments(case, administrator, now)
    return AccessObjects(args=args, bodies=_bodies(case.pk) | _account_bodies(case.site.pk))


def _integration_arguments(case: Case, administrator: User, now: datetime) -> dict[str, list[Any]]:
    alert = Alert.objects.create(
        site=case.site, rule="failed", value=1, limit=0, cases=30, hours=1, opened_at=now, last_met_at=now
    )
    return (
        {name: [alert.pk] for name in ("monitoring:acknowledge", "api-monitoring-acknowledge")}
        | {"integrations:deidentification-change": [case.site.pk]}
        | _dicomweb_arguments(case)
        | _webhook_arguments(administrator, now)
        | _dicom_arguments(case, now)
    )


def url_names() -> dict[str, bool]:
    """Return the name of every URL, and whether it takes an object."""
    return dict(_walk(get_resolver(), ""))


def _walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, bool]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            assert entry.name, f"{entry.pattern} has no name"
            yield f"{prefix}{entry.name}", bool(entry.pattern.converters)
        elif entry.namespace not in NAMESPACES_OF_DJANGO:
            yield from _walk(entry, f"{prefix}{entry.namespace}:" if entry.namespace else prefix)


def _arguments(
    *, case: UUID, run: UUID, scanned: UUID, view: Any, version: UUID, conflict: UUID
) -> dict[str, list[Any]]:
    names = list(url_names())
    return (
        {"patients:resolve": [conflict]}
        | {name: [case] for name in names if name.startswith(("cases:", "review:", "reports:", "api-"))}
        | {name: [run] for name in names if name.startswith("training:")}
        | {name: [scanned] for name in names if name.startswith("imports:")}
        | {"review:delete-view": [view]}
        | {"cases:heatmap": [case, "covid-19"], "training:plot": [run, "curves"]}
        | {f"registry:{page}": [version] for page in ("version", "promote", "trust-report")}
        | {name: [version] for name in ("training:flips", "api-version", "api-version-promote")}
        | {"fhir-search": ["DiagnosticReport"], "fhir-body-search": ["DiagnosticReport"]}
        | {"fhir-read": ["DiagnosticReport", case]}
        | {"api-training-run": [run], "training:lineage": [case]}
        | {f"monitoring:{page}": [version] for page in SHADOW_PAGES}
        | {f"api-version-{name}": [version] for name in ("shadow", "shadow-end", "evidence")}
        | {"monitoring:version-evidence": [version]}
        | {f"monitoring:case-evidence{form}": [case] for form in ("", "-pdf")}
        | {f"api-case-evidence{form}": [case] for form in ("", "-pdf")}
        | {"registry:trust-figure": [version, 0, "dark"]}
        | {name: [run] for name in names if name.startswith("api-training-run-")}
        | {name: [scanned] for name in names if name.startswith("api-import")}
        | {"api-version-trust-report": [version], "api-saved-view": [view]}
        | {"api-identity-conflict-resolve": [conflict], "api-reading-amend": [case, case]}
    )


def _dicomweb_arguments(case: Case) -> dict[str, list[Any]]:
    """Return the UIDs of an address, as many as its pattern takes; its only frame is the first."""
    found = uids_of(case.radiograph)
    values = {"study": found.study, "series": found.series, "instance": found.instance, "frames": "1"}
    patterns = {name: pattern for name, pattern in named_patterns().items() if name.startswith("dicomweb-")}
    return {
        name: [value for key, value in values.items() if f"<str:{key}>" in pattern]
        for name, pattern in patterns.items()
    }


def _account_arguments(technician: User, site: UUID) -> dict[str, list[Any]]:
    return {
        "accounts:reset": ["no-user", "no-token"],
        "accounts:token-revoke-one": [technician.api_tokens.get().pk],
        "accounts:factor-remove": [technician.pk],
        "accounts:staff-password-link": [technician.pk],
        "accounts:staff-change": [technician.pk, "unlock"],
        "administration:account": [technician.pk],
        "administration:account-activity": [technician.pk, "deactivate"],
        "accounts:site-policy": [site],
        **{name: [site] for name in ("api-access-policy", "api-reading-policy")},
        "api-user": [technician.pk],
        "api-user-action": [technician.pk, "unlock"],
    }


def _dicom_arguments(case: Case, now: datetime) -> dict[str, list[Any]]:
    """Return a node on which nothing listens, and a delivery that is queued."""
    node = DicomNode.objects.create(site=case.site, name="PACS", ae_title="PACS", host="127.0.0.1", port=1)
    delivery = ResultDelivery.objects.create(
        case=case, prediction=case.predictions.get(), node=node, kind="sc", queued_at=now
    )
    return {
        **{name: [node.pk] for name in ("dicom:node", "dicom:verify", "api-dicom-node")},
        **{name: [delivery.pk] for name in ("dicom:retry", "api-dicom-retry")},
    }


def _account_bodies(site: UUID) -> dict[str, dict[str, Any]]:
    return {
        "administration:account": {"username": "technician", "role": "technician", "sites": [str(site)]},
        "api-user": {"username": "technician", "role": "technician", "sites": [str(site)]},
        "api-access-policy": {"idle_minutes": 20, "second_factor_roles": ["administrator"]},
        "accounts:token": {"name": "Script", "scopes": ["read"], "days": "30"},
        "accounts:site-policy": {f"{site}-idle_minutes": 20, f"{site}-second_factor_roles": []},
    }


def _webhook_arguments(administrator: User, now: datetime) -> dict[str, list[Any]]:
    endpoint = WebhookEndpoint.objects.create(
        site=administrator.sites.get(),
        name="Bus",
        url="https://8.8.8.8/",
        created_by=administrator,
        created_at=now,
    )
    delivery = WebhookDelivery.objects.create(
        endpoint=endpoint, event_id=endpoint.pk, occurred_at=now, queued_at=now, status="done"
    )
    names = [name for name in url_names() if name.startswith(("integrations:webhook", "api-webhook"))]
    return {name: [delivery.pk if name.endswith("redeliver") else endpoint.pk] for name in names}


def _bodies(case: UUID) -> dict[str, dict[str, Any]]:
    policy = {"double_read_percent": 20, "reference_percent": 0, "repeat_percent": 0}
    policy |= {"stat_minutes": 30, "urgent_minutes": 60, "routine_minutes": 240}
    policy |= {"uncertain_percent": 1, "contradicted_percent": 1, "novel_percent": 1}
    return _api_bodies(case, policy) | {
        "cases:upload": {"patient_ref": "P-2", "priority": "routine"},
        "cases:correct": {"kind": "accession", "value": "A-7", "reason": REASON},
        "uploads:edit": {"patient_ref": "P-4"},
        "uploads:send": {"patient_ref": "P-4"},
        "api-case-list": {"patient_ref": "P-3"},
        "api-corrections": {"kind": "accession", "value": "A-7", "reason": REASON},
        "patients:resolve": {"resolution": "settled", "reason": REASON},
        "review:sign": {"finding": "normal", "confidence": "sure", "then": "stay"},
        "api-readings": {"finding": "normal", "confidence": "sure"},
        "review:policy": policy,
        "api-selected-cases": {"cases": str(case)},
        "review:save-view": {"name": "Mine", "here": "mine=yes"},
        "review:export": {"case": str(case)},
        "review:bulk": {"act": "urgent", "case": str(case)},
        "registry:promote": {"reason": REASON},
        "registry:roll-back": {"reason": REASON},
        "api-version-promote": {"reason": REASON},
        "api-version-rollback": {"reason": REASON},
        "training:schedule": {"every_days": 7, "at_hour": 2, "minimum_new_readings": 20},
    }


def _api_bodies(case: UUID, policy: dict[str, Any]) -> dict[str, dict[str, Any]]:
    one = {"cases": [str(case)]}
    site = {"technicians_see_predictions": True, "administrators_see_predictions": True}
    return {
        "api-cases-priority": one | {"priority": "urgent"},
        "api-cases-retry": one,
        "api-cases-withdraw": one | {"reason": REASON},
        "api-case-quality-override": {"reason": REASON},
        "api-case-pcr": {"result": "not-detected"},
        "api-reference-standard": {"finding": "normal", "basis": "ct"},
        "api-worklist-assign": one,
        "api-worklist-end-claims": one,
        "api-saved-views": {"name": "Mine", "query": "status=mine"},
        "api-reading-policy": policy | site | {"triage_by_score": False, "has_active_learning_queue": False},
        "api-identity-conflict-resolve": {"resolution": "settled", "reason": REASON},
        "api-training-schedule": {
            "enabled": True,
            "every_days": 7,
            "at_hour": 2,
            "minimum_new_readings": 20,
        },
    }


def _staged_upload(technician: User, now: datetime) -> UUID:
    radiograph = radiograph_png(4)
    upload = staging.stage_file(
        name="a.png", size=len(radiograph), chunks=[radiograph], by=technician, now=now
    )
    checking.check(upload=upload)
    return upload.pk


def _training_run(parent: ModelVersion, now: datetime) -> TrainingRun:
    run = TrainingRun.objects.create(number=1, parent=parent, queued_at=now)
    folder(run).mkdir(parents=True)
    (folder(run) / "snapshot.jsonl").write_text("")
    (folder(run) / "curves.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return run


def _scanned_import(collection: Path, case: Case, by: User, now: datetime) -> Import:
    (collection / "normal").mkdir(parents=True)
    (collection / "normal" / "a.png").write_bytes(radiograph_png(3))
    return exchange.scan_path(
        collection=collection, origin="x", options=ImportOptions(), site=case.site, by=by, now=now
    )


def _candidate(directory: Path, now: datetime) -> ModelVersion:
    return registry.register_candidate(
        bundle=stub_bundle(directory),
        comparison={},
        verdict="accept",
        verdict_reason="A reason.",
        parent=None,
        by=None,
        now=now,
    )
