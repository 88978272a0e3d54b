"""Input and output of the API of training."""

from __future__ import annotations

from typing import Any

from django.db.models import TextChoices
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from diagnostics.jobs.models import JobStatus
from diagnostics.training import errors
from diagnostics.training.models import Phase, TrainingRun
from diagnostics.training.policy import MAX_BATCH_SIZE, MAX_EPOCHS, Parameters, Recipe
from diagnostics.training.presenters import progress

STOPPED_WITHOUT_RESULT = "stopped_without_result"


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

    def parameters(self) -> Parameters:
        """Return the parameters of valid input; raises InvalidParameters."""
        return Parameters.of(**self.validated_data)


class TrustChecksSerializer(serializers.Serializer[Any]):
    """How many checks of the trust report are done."""

    done = serializers.IntegerField()
    total = serializers.IntegerField(help_text="0: not yet known")


class ProgressSerializer(serializers.Serializer[Any]):
    """What a run has done so far."""

    phase = serializers.ChoiceField(choices=Phase.choices, allow_blank=True)
    text = serializers.CharField()
    epoch = serializers.IntegerField(help_text="Completed epochs")
    epochs = serializers.IntegerField(help_text="Planned epochs")
    trust_checks = TrustChecksSerializer()


class RunFailureSerializer(serializers.Serializer[Any]):
    """Why a run failed, and what to do."""

    code = serializers.CharField()
    text = serializers.CharField()


class RunSerializer(serializers.Serializer[TrainingRun]):
    """A training run."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    status = serializers.SerializerMethodField(help_text="`stopped`: by a user; its best epoch is kept")
    parameters = serializers.DictField(help_text="Recipe, epochs, batch size, learning rate and seed")
    progress = serializers.SerializerMethodField()
    snapshot = serializers.CharField(source="snapshot_sha256", help_text="SHA-256; empty until it is frozen")
    version = serializers.SerializerMethodField(help_text="Id of the candidate; null before the end")
    failure = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(choices=RunStatus.choices))
    def get_status(self, run: TrainingRun) -> str:
        ended = run.status == JobStatus.DONE or run.failure_code == STOPPED_WITHOUT_RESULT
        return RunStatus.STOPPED.value if run.stop_requested and ended else str(run.status)

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, run: TrainingRun) -> dict[str, Any]:
        shown = progress.progress_of(run, list(run.epochs.all()))
        checks = {"done": run.checks_done, "total": run.checks_total}
        values = {"phase": run.phase, "text": shown.label, "epoch": shown.epoch, "epochs": shown.epochs}
        return values | {"trust_checks": checks}

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_version(self, run: TrainingRun) -> str | None:
        return str(run.candidate_id) if run.candidate_id else None

    @extend_schema_field(RunFailureSerializer(allow_null=True))
    def get_failure(self, run: TrainingRun) -> dict[str, str] | None:
        code = run.failure_code
        return {"code": code, "text": errors.failure_text(code)} if code else None
