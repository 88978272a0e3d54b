"""Addresses of the model versions."""

from django.urls import path

from diagnostics.registry import views

app_name = "registry"

urlpatterns = [
    path("", views.versions, name="versions"),
    path("roll-back/", views.roll_back, name="roll-back"),
    path("<uuid:pk>/", views.version, name="version"),
    path("<uuid:pk>/trust/", views.trust, name="trust"),
    path("<uuid:pk>/promote/", views.promote, name="promote"),
]
