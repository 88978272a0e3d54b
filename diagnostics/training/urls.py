"""URLs of training."""

from django.urls import path

from diagnostics.training import views

app_name = "training"

urlpatterns = [
    path("", views.run_list, name="runs"),
    path("start/", views.start, name="start"),
    path("schedule/", views.schedule, name="schedule"),
    path("<uuid:pk>/", views.run_detail, name="run"),
    path("<uuid:pk>/state/", views.run_state, name="state"),
    path("<uuid:pk>/stop/", views.stop, name="stop"),
    path("<uuid:pk>/resume/", views.resume, name="resume"),
    path("<uuid:pk>/discard-checkpoints/", views.discard_checkpoints, name="discard_checkpoints"),
    path("<uuid:pk>/<str:name>.svg", views.plot, name="plot"),
]
