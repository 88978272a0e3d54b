"""URLs of the audit log."""

from __future__ import annotations

from django.urls import path

from diagnostics.audit import views

app_name = "audit"

urlpatterns = [
    path("", views.events, name="events"),
    path("events.csv", views.export_csv, name="export-csv"),
    path("events.jsonl", views.export_json_lines, name="export-json-lines"),
]
