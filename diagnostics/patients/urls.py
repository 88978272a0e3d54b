"""URLs of patients."""

from __future__ import annotations

from django.urls import path

from diagnostics.patients import views

app_name = "patients"

urlpatterns = [
    path("conflicts/", views.conflicts, name="conflicts"),
    path("conflicts/<uuid:pk>/resolve/", views.resolve, name="resolve"),
]
