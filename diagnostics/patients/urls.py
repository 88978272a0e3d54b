"""URLs of patients."""

from __future__ import annotations

from django.urls import path

from diagnostics.patients import api, views

app_name = "patients"

urlpatterns = [
    path("conflicts/", views.conflicts, name="conflicts"),
    path("conflicts/<uuid:pk>/resolve/", views.resolve, name="resolve"),
]

api_urlpatterns = [
    path("identity-conflicts/", api.IdentityConflicts.as_view(), name="api-identity-conflicts"),
    path(
        "identity-conflicts/<uuid:pk>/resolve/",
        api.IdentityConflictResolve.as_view(),
        name="api-identity-conflict-resolve",
    ),
]
