"""URLs of training."""

from django.urls import path

from diagnostics.training import api
from diagnostics.training.views import compare, flips, lineage, runs, snapshots

app_name = "training"

urlpatterns = [
    path("", runs.run_list, name="runs"),
    path("compare/", compare.compare, name="compare"),
    path("start/", runs.start, name="start"),
    path("schedule/", runs.schedule, name="schedule"),
    path("versions/<uuid:pk>/flips/", flips.flips, name="flips"),
    path("cases/<uuid:pk>/lineage/", lineage.lineage, name="lineage"),
    path("<uuid:pk>/", runs.run_detail, name="run"),
    path("<uuid:pk>/snapshot/", snapshots.snapshot, name="snapshot"),
    path("<uuid:pk>/snapshot.jsonl", snapshots.manifest, name="manifest"),
    path("<uuid:pk>/state/", runs.run_state, name="state"),
    path("<uuid:pk>/stop/", runs.stop, name="stop"),
    path("<uuid:pk>/resume/", runs.resume, name="resume"),
    path("<uuid:pk>/discard-checkpoints/", runs.discard_checkpoints, name="discard_checkpoints"),
    path("<uuid:pk>/<str:name>.svg", runs.plot, name="plot"),
]

api_urlpatterns = [
    path("training/runs/", api.Runs.as_view(), name="api-training-runs"),
    path("cases/<uuid:pk>/lineage/", api.CaseLineage.as_view(), name="api-case-lineage"),
    path("training/runs/<uuid:pk>/", api.Run.as_view(), name="api-training-run"),
    path("training/runs/<uuid:pk>/stop/", api.RunStop.as_view(), name="api-training-run-stop"),
    path("training/runs/<uuid:pk>/resume/", api.RunResume.as_view(), name="api-training-run-resume"),
    path(
        "training/runs/<uuid:pk>/discard-checkpoints/",
        api.RunDiscardCheckpoints.as_view(),
        name="api-training-run-discard",
    ),
    path("training/runs/<uuid:pk>/snapshot/", api.RunSnapshot.as_view(), name="api-training-run-snapshot"),
    path("training/schedule/", api.TrainingSchedule.as_view(), name="api-training-schedule"),
]
