"""URLs of the audit log."""

from __future__ import annotations

from django.urls import path

from diagnostics.audit import views

app_name = "audit"

urlpatterns = [path("", views.events, name="events")]
