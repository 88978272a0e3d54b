"""Input and output of the API of training."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import TextChoices
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from diagnostics.accounts.roles import Role
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.training import errors
from diagnostics.training.models import Part, Phase, Schedule, TrainingRun
from diagnostics.training.policy import MAX_BATCH_SIZE, MAX_EPOCHS, Parameters, Recipe
from diagnostics.training.presenters import progress
from diagnostics.training.selectors.lineage import (
    Lineage,
    Origin,
    Signature,
    Taught,
    TrainingLabel,
    Use,
)
from diagnostics.training.selectors.snapshots import Change, SnapshotSummary
from diagnostics.training.services.schedule import MAX_DAYS

STOPPED_WITHOUT_RESULT = "stopped_without_result"

LEAK_CODES: Final = ("duplicates", "sources", "header", "border")


class RunStatus(TextChoices):
    """The status of a run for scripts; a stopped one may have a version."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


class NewRunSerializer(serializers.Serializer[Any]):
    """The parameters of a run; without a value the recipe's own."""

    recipe = serializers.ChoiceField(choices=Recipe.choices, default=Recipe.FINE_TUNE)
    epochs = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=MAX_EPOCHS)
    batch_size = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_BATCH_SIZE
    )
    learning_rate = serializers.FloatField(required=False, allow_null=True)
    seed = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=2**31 - 1)

    leak_reason = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=1000,
        default="",
        help_text="Why to train in spite of what the leak and shortcut checks find; without it they stop the "
        "run. At least 10 characters; stored with the run and the version",
    )

    def parameters(self) -> Parameters:
        """Return the parameters of valid input; raises InvalidParameters."""
        values = dict(self.validated_data)
        values.pop("leak_reason")
        return Parameters.of(**values)


class TrustChecksSerializer(serializers.Serializer[Any]):
    """How many checks of the trust report are done."""

    done = serializers.IntegerField()
    total = serializers.IntegerField(help_text="0: not yet known")
    running = serializers.CharField(allow_blank=True, help_text="Name of the check that runs; may be empty")


class ProgressSerializer(serializers.Serializer[Any]):
    """What a run has done so far."""

    phase = serializers.ChoiceField(choices=Phase.choices, allow_blank=True)
    text = serializers.CharField()
    epoch = serializers.IntegerField(help_text="Completed epochs")
    epochs = serializers.IntegerField(help_text="Planned epochs")
    batch = serializers.IntegerField(help_text="Completed batches of the current epoch")
    batches = serializers.IntegerField(help_text="Of an epoch; 0: not yet known")
    seconds_remaining = serializers.FloatField(
        allow_null=True, help_text="Estimate for the training; null before the end of the first epoch"
    )
    trust_checks = TrustChecksSerializer()


class LeakCheckSerializer(serializers.Serializer[Any]):
    """A check before the training; `FAIL` stops the run unless it has a reason."""

    code = serializers.ChoiceField(choices=LEAK_CODES)
    status = serializers.ChoiceField(choices=["PASS", "WARN", "FAIL", "NOT_POSSIBLE"])
    value = serializers.FloatField(allow_null=True, help_text="Pairs, smallest mixed-source share, or AUROC")
    low = serializers.FloatField(allow_null=True, help_text="95 % interval of the AUROC")
    high = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField(help_text="Radiographs")
    findings = serializers.ListField(child=serializers.CharField())
    groups = serializers.ListField(
        child=serializers.ListField(child=serializers.UUIDField()),
        help_text="Ids of the cases to inspect: of one image, or of one finding",
    )


class RunFailureSerializer(serializers.Serializer[Any]):
    """Why a run failed, and what to do."""

    code = serializers.CharField()
    text = serializers.CharField()


class RunSerializer(serializers.Serializer[TrainingRun]):
    """A training run."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    status = serializers.SerializerMethodField(
        help_text="`stopped`: by a user, keeping the best epoch, or by the leak and shortcut checks"
    )
    parameters = serializers.DictField(help_text="Recipe, epochs, batch size, learning rate and seed")
    progress = serializers.SerializerMethodField()
    snapshot = serializers.CharField(source="snapshot_sha256", help_text="SHA-256; empty until it is frozen")
    leak_checks = LeakCheckSerializer(many=True, help_text="Empty until they were run")
    leak_reason = serializers.CharField(help_text="Why to train in spite of them; may be empty")
    version = serializers.SerializerMethodField(help_text="Id of the candidate; null before the end")
    failure = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(choices=RunStatus.choices))
    def get_status(self, run: TrainingRun) -> str:
        if run.failure_code == errors.LEAKS_FOUND:
            return RunStatus.STOPPED.value
        ended = run.status == JobStatus.DONE or run.failure_code == STOPPED_WITHOUT_RESULT
        return RunStatus.STOPPED.value if run.stop_requested and ended else str(run.status)

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, run: TrainingRun) -> dict[str, Any]:
        epochs = list(run.epochs.all())
        shown = progress.progress_of(run, epochs)
        running = progress.CHECK_NAMES.get(run.check_running, "")
        return {
            "phase": run.phase,
            "text": shown.label,
            "epoch": shown.epoch,
            "epochs": shown.epochs,
            "batch": run.batch,
            "batches": run.batches,
            "seconds_remaining": progress.remaining_seconds(run, epochs),
            "trust_checks": {"done": run.checks_done, "total": run.checks_total, "running": running},
        }

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_version(self, run: TrainingRun) -> str | None:
        return str(run.candidate_id) if run.candidate_id else None

    @extend_schema_field(RunFailureSerializer(allow_null=True))
    def get_failure(self, run: TrainingRun) -> dict[str, str] | None:
        code = run.failure_code
        return {"code": code, "text": errors.failure_text(code)} if code else None


class LineageQuerySerializer(serializers.Serializer[Any]):
    """Whose labels are listed, and which page of them."""

    prediction = serializers.UUIDField(
        required=False, help_text="Whose version's labels are listed; without it those of the newest"
    )
    page = serializers.IntegerField(required=False, min_value=1, help_text="Of the labels, 100 a page")


class SignatureSerializer(serializers.Serializer[Signature]):
    """A label and who signed or imported it; `by` and `case` are withheld for cases of other sites."""

    id = serializers.UUIDField(source="label")
    kind = serializers.SerializerMethodField()
    finding = serializers.CharField()
    by = serializers.CharField(allow_blank=True)
    role = serializers.ChoiceField(choices=Role.choices)
    at = serializers.DateTimeField()
    case = serializers.UUIDField(allow_null=True)

    @extend_schema_field(serializers.ChoiceField(choices=["reading", "imported"]))
    def get_kind(self, signature: Signature) -> str:
        return "imported" if signature.imported else "reading"


class TrainingLabelSerializer(serializers.Serializer[TrainingLabel]):
    """A label of a snapshot."""

    part = serializers.ChoiceField(choices=Part.choices)
    signature = SignatureSerializer()


class VersionReferenceSerializer(serializers.Serializer[ModelVersion]):
    """A version by id and number."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    gate_overridden = serializers.SerializerMethodField(help_text="Promoted in spite of the gate")

    def get_gate_overridden(self, version: ModelVersion) -> bool:
        return version.overridden_at is not None


class RunReferenceSerializer(serializers.Serializer[TrainingRun]):
    """A run with its snapshot."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    snapshot = serializers.CharField(source="snapshot_sha256")


class OriginSerializer(serializers.Serializer[Origin]):
    """A prediction, its version, the run that trained the version, and the size of its snapshot by part."""

    id = serializers.UUIDField(source="prediction.pk")
    finished_at = serializers.DateTimeField(source="prediction.finished_at")
    version = VersionReferenceSerializer()
    fine_tuned_from = VersionReferenceSerializer(source="version.parent", allow_null=True)
    run = RunReferenceSerializer(allow_null=True)
    labels = serializers.DictField(source="counts", child=serializers.IntegerField())


class UseSerializer(serializers.Serializer[Use]):
    """A run that used a label."""

    run = RunReferenceSerializer()
    part = serializers.CharField(help_text="Empty for runs of earlier releases")
    version = VersionReferenceSerializer(allow_null=True)
    predictions = serializers.IntegerField(help_text="Of that version")


class TaughtSerializer(serializers.Serializer[Taught]):
    """A label of the case and what it taught."""

    signature = SignatureSerializer()
    taught = UseSerializer(source="uses", many=True)


class LineageSerializer(serializers.Serializer[Lineage]):
    """Where the predictions of a case come from, and what its labels have taught."""

    case = serializers.UUIDField(source="case.pk")
    predictions = OriginSerializer(source="origins", many=True)
    training_labels = TrainingLabelSerializer(source="labels", many=True, help_text="One page")
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    labels = TaughtSerializer(source="taught", many=True, help_text="Labels of this case")


class ScheduleSerializer(serializers.Serializer[Schedule]):
    """When a run is started, and from how many new findings on."""

    enabled = serializers.BooleanField()
    every_days = serializers.IntegerField(min_value=1, max_value=MAX_DAYS)
    at_hour = serializers.IntegerField(min_value=0, max_value=23)
    minimum_new_readings = serializers.IntegerField(min_value=1, max_value=1_000_000)
    after_findings = serializers.IntegerField(
        min_value=0,
        max_value=1_000_000,
        default=0,
        help_text="New final findings that start a run at any time; 0: none",
    )
    recipe = serializers.ChoiceField(choices=Recipe.choices, default=Recipe.FINE_TUNE)


class SnapshotChangeSerializer(serializers.Serializer[Change]):
    """The labels that came and went since an earlier run."""

    since_run = serializers.IntegerField(source="since.number")
    added = serializers.IntegerField()
    removed = serializers.IntegerField()


class SnapshotSerializer(serializers.Serializer[SnapshotSummary]):
    """The snapshot of a run in numbers, without its cases."""

    sha256 = serializers.SerializerMethodField(help_text="Empty until the snapshot is frozen")
    counts = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        help_text="Labels by `part`, `finding`, `source`, `view`, `sex`, `age` and `month`",
    )
    change = SnapshotChangeSerializer(allow_null=True)

    def get_sha256(self, summary: SnapshotSummary) -> str:
        return str(self.context["run"].snapshot_sha256)
