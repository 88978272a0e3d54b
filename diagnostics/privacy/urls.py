"""URLs of patient data and retention rules. No URL contains a patient reference."""

from __future__ import annotations

from django.urls import path

from diagnostics.privacy.views import patients, retention

app_name = "privacy"

urlpatterns = [
    path("", patients.search, name="patients"),
    path("patient/", patients.patient, name="patient"),
    path("patient/export/", patients.export_zip, name="export"),
    path("patient/erase/", patients.erase, name="erase"),
    path("erasures/<uuid:pk>/", patients.erasure_record, name="erasure"),
    path("retention/", retention.rules, name="retention"),
    path("retention/<uuid:pk>/", retention.change, name="retention-change"),
]
