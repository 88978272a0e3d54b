"""Addresses of training."""

from django.urls import path

from diagnostics.training import views

app_name = "training"

urlpatterns = [
    path("", views.runs, name="runs"),
    path("start/", views.start, name="start"),
    path("schedule/", views.schedule, name="schedule"),
    path("<uuid:pk>/", views.run, name="run"),
    path("<uuid:pk>/state/", views.state, name="state"),
    path("<uuid:pk>/stop/", views.stop, name="stop"),
    path("<uuid:pk>/<str:name>.svg", views.picture, name="picture"),
]
