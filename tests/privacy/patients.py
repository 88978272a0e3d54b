"""A patient with a row in every table that can hold one, image files and a training run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from uuid import uuid4

from django.conf import settings

from diagnostics.accounts.models import Site, User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import storage
from diagnostics.cases.models import (
    Case,
    Correction,
    DamagedFile,
    PcrResult,
    Prediction,
    PredictionShown,
    Radiograph,
)
from diagnostics.imports.models import Import, ImportedFile, ImportedLabel
from diagnostics.integrations.models import DicomNode, ReceivedInstance, ResultDelivery
from diagnostics.jobs.models import JobStatus
from diagnostics.monitoring.models import ShadowPrediction, ShadowRun
from diagnostics.patients.models import IdentityConflict
from diagnostics.patients.models import Patient as Record
from diagnostics.registry.models import ModelVersion, Promotion
from diagnostics.review.models import (
    Assignment,
    AssistedReading,
    Claim,
    Consensus,
    ControlCase,
    Reading,
    ReferenceCase,
    SelectedCase,
)
from diagnostics.training.models import SnapshotLabel, TrainingRun
from diagnostics.training.selectors import runs
from diagnostics.training.snapshot import FILE
from diagnostics.uploads import storage as staged_files
from diagnostics.uploads.models import StagedStatus, StagedUpload

NOTE = "opacity, compare with "


@dataclass
class Patient:
    """The reference, and the rows that tests compare with."""

    reference: str
    case: Case
    copy: Case
    reading: Reading
    files: list[str] = field(default_factory=list)


class Ward:
    """A site with staff, an import and model versions, in which patients are admitted."""

    def __init__(self, site: Site, reader: User, administrator: User, now: datetime) -> None:
        self.site, self.reader, self.administrator, self.now = site, reader, administrator, now
        self._positions = count()
        self.version = self._version(1)
        deployment = Promotion.objects.create(version=self.version, reason="for a test", since=now)
        self.shadow_run = ShadowRun.objects.create(
            version=self._version(900),
            against=deployment,
            started_by=administrator,
            started_at=now,
            covers_from=now,
        )
        self.import_job = Import.objects.create(
            number=1,
            requested_by=administrator,
            site=site,
            origin="set",
            base_folder="/nowhere",
            collection="set",
            importer="folders",
            queued_at=now,
            status=JobStatus.DONE,
        )

    def admit(self, reference: str, *, opened_at: datetime | None = None) -> Patient:
        """Store a patient with a row in every table."""
        case = self._case(reference, opened_at or self.now)
        copy = self._case("SYN-" + uuid4().hex[:8], opened_at or self.now, copy_of=case)
        self._read(copy, "a repeat")
        reading = self._read(case, NOTE + reference)
        amended = Reading.objects.create(
            case=case, by=self.reader, finding="normal", signed_at=self.now, supersedes=reading
        )
        Reading.objects.create(
            case=case, by=self.reader, finding="covid-19", signed_at=self.now, supersedes=amended
        )
        ControlCase.objects.create(case=copy, purpose="repeat")
        ReferenceCase.objects.create(
            case=case, finding="normal", basis="ct", by=self.administrator, at=self.now
        )
        SelectedCase.objects.create(case=case, by=self.administrator, at=self.now)
        PcrResult.objects.create(case=case, result="positive", by=self.reader, entered_at=self.now)
        Assignment.objects.create(case=case, to=self.reader, by=self.administrator, at=self.now)
        DamagedFile.objects.create(
            case=case,
            name=case.radiograph.display,
            kind="display",
            problem="damaged",
            found_at=self.now,
            restored_at=self.now,
        )
        self._identify(case, reference)
        self._import(case, reference)
        self._stage(case, reference)
        self._exchange(case)
        audit.record(action=Action.CASE_OPENED, by=self.reader, target=case, now=self.now)
        names = [name for each in (case, copy) for name in self._files(each)]
        return Patient(reference, case, copy, reading, names)

    def train(
        self, number: int, readings: list[Reading], *, parent: ModelVersion | None = None
    ) -> TrainingRun:
        """Store a finished run whose snapshot contains these readings, and its candidate."""
        candidate = self._version(number + 1, parent)
        run = TrainingRun.objects.create(
            number=number,
            status=JobStatus.DONE,
            queued_at=self.now,
            candidate=candidate,
            snapshot_sha256="0" * 64,
        )
        lines = [
            json.dumps({"reading": str(one.pk), "patient": "p", "radiograph": "r", "label": one.finding})
            for one in readings
        ]
        runs.folder(run).mkdir(parents=True)
        (runs.folder(run) / FILE).write_text("".join(f"{line}\n" for line in lines))
        return run

    def _version(self, number: int, parent: ModelVersion | None = None) -> ModelVersion:
        return ModelVersion.objects.create(
            number=number,
            bundle=f"v{number}",
            weights_sha256="0" * 64,
            manifest={},
            registered_at=self.now,
            parent=parent,
        )

    def _case(self, reference: str, opened_at: datetime, copy_of: Case | None = None) -> Case:
        case = Case.objects.create(
            site=self.site,
            patient_ref=reference,
            accession_number=f"A-{reference}",
            opened_by=self.reader,
            opened_at=opened_at,
            copy_of=copy_of,
            shown_only_to=self.reader if copy_of else None,
        )
        radiograph = Radiograph(case=case, site=self.site, is_control_copy=copy_of is not None)
        names = storage.radiograph_files(radiograph.pk)
        radiograph.original, radiograph.display = names.original, names.display
        radiograph.file_sha256 = radiograph.pixel_sha256 = radiograph.pk.hex * 2
        radiograph.width = radiograph.height = radiograph.bits = 8
        radiograph.source_format = "DICOM"
        radiograph.save()
        self._predict(case)
        return case

    def _identify(self, case: Case, reference: str) -> None:
        Correction.objects.create(
            case=case,
            kind="patient",
            old=f"EARLIER-{reference[:3]}",
            new=reference,
            reason="wrong patient",
            by=self.administrator,
            at=self.now,
        )
        Record.objects.create(site=self.site, reference=reference, name=f"Name of {reference}")
        IdentityConflict.objects.create(
            site=self.site, kind="name", reference=reference, found=f"Other {reference}", found_at=self.now
        )

    def _predict(self, case: Case) -> None:
        prediction = Prediction(case=case, version=self.version, status=JobStatus.DONE, queued_at=self.now)
        names = storage.prediction_files(prediction.pk, uuid4())
        prediction.heatmap_file, prediction.overlay_file = names.heatmaps, names.overlay
        prediction.finished_at = self.now
        prediction.save()
        PredictionShown.objects.create(case=case, to=self.reader, prediction=prediction, at=self.now)
        ShadowPrediction.objects.create(
            run=self.shadow_run, case=case, prediction=prediction, queued_at=self.now
        )

    def _exchange(self, case: Case) -> None:
        """Store that the radiograph came by DICOM and that its result was sent."""
        node, _created = DicomNode.objects.get_or_create(
            site=self.site, ae_title="PACS", defaults={"name": "PACS", "host": "pacs.example.org"}
        )
        ReceivedInstance.objects.create(
            site=self.site,
            case=case,
            at=self.now,
            calling_ae="PACS",
            address="192.0.2.1",
            sop_class_uid="1.2.840.10008.5.1.4.1.1.1",
            sop_instance_uid="1.2.3",
            transfer_syntax="1.2.840.10008.1.2.1",
            size=1,
            outcome="accepted",
            status=0,
        )
        ResultDelivery.objects.create(
            case=case, prediction=case.predictions.all()[0], node=node, kind="sr", queued_at=self.now
        )

    def _read(self, case: Case, note: str) -> Reading:
        Claim.objects.create(
            case=case, by=self.reader, since=self.now, until=self.now + timedelta(minutes=10)
        )
        reading = Reading.objects.create(
            case=case, by=self.reader, finding="normal", note=note, signed_at=self.now
        )
        Consensus.objects.create(case=case, readers_needed=1, status="final", finding="normal")
        AssistedReading.objects.create(
            reading=reading, prediction=case.predictions.get(), finding="normal", at=self.now
        )
        self._freeze(reading)
        return reading

    def _freeze(self, reading: Reading) -> None:
        """Store the label of a run that failed before it had written its snapshot."""
        run, _created = TrainingRun.objects.get_or_create(
            number=1000, defaults={"status": "failed", "queued_at": self.now}
        )
        SnapshotLabel.objects.create(
            run=run, case=reading.case, label=reading.pk, imported=False, finding="normal", part="train"
        )

    def _import(self, case: Case, reference: str) -> None:
        listed = {"import_job": self.import_job, "finding": "normal", "patient_ref": reference, "source": ""}
        file = ImportedFile.objects.create(
            position=next(self._positions), path=f"{reference}.png", case=case, status="imported", **listed
        )
        ImportedFile.objects.create(
            position=next(self._positions),
            path=f"{reference}-2.png",
            status="unusable",
            code="damaged",
            **listed,
        )
        ImportedLabel.objects.create(
            case=case,
            finding="normal",
            collection="set",
            import_job=self.import_job,
            file=file,
            opened_case=False,
            imported_at=self.now,
        )

    def _files(self, case: Case) -> list[str]:
        names = storage.radiograph_files(case.radiograph.pk)
        prediction = case.predictions.get()
        stored = [names.original, names.display, names.grey, names.depth, names.thumbnail]
        stored += [prediction.heatmap_file, prediction.overlay_file]
        for name in stored:
            storage.store_file(name, f"pixels of {name}".encode())
        return stored

    def _stage(self, case: Case, reference: str) -> None:
        """Store a sent upload of the patient, and two that are not sent: by reference and by file name."""
        sent = {"case": case, "status": StagedStatus.SENT, "patient_ref": reference}
        for values in (sent, {"patient_ref": reference}, {"name": f"export/{reference}.dcm"}):
            upload = StagedUpload.objects.create(
                **{"owner": self.reader, "site": self.site, "name": "a.dcm", "size": 3, "staged_at": self.now}
                | values
            )
            staged_files.store(upload.pk, [b"x" * 3])
            staged_files.store_thumbnail(upload.pk, b"x")


def stored_bytes() -> dict[str, bytes]:
    """Return the content of every file below the media and run folders."""
    roots = (settings.MEDIA_ROOT, settings.RUNS)
    return {str(path): path.read_bytes() for root in roots for path in root.rglob("*") if path.is_file()}
