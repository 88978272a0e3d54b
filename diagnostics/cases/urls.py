"""Addresses of cases: pages under cases/, and the API under api/v1/."""

from __future__ import annotations

from django.urls import path

from diagnostics.cases import api, pictures, views

app_name = "cases"

urlpatterns = [
    path("", views.cases, name="list"),
    path("upload/", views.upload, name="upload"),
    path("<uuid:pk>/", views.case, name="case"),
    path("<uuid:pk>/state/", views.state, name="state"),
    path("<uuid:pk>/patient/", views.patient, name="patient"),
    path("<uuid:pk>/retry/", views.retry, name="retry"),
    path("<uuid:pk>/pcr/", views.pcr, name="pcr"),
    path("<uuid:pk>/film.png", pictures.film, name="film"),
    path("<uuid:pk>/film.pixels", pictures.pixels, name="pixels"),
    path("<uuid:pk>/heat/<slug:finding>.png", pictures.heat, name="heat"),
    path("<uuid:pk>/overlay.png", pictures.overlay, name="overlay"),
]

api_urlpatterns = [
    path("cases/", api.CaseList.as_view(), name="api-case-list"),
    path("cases/<uuid:pk>/", api.CaseDetail.as_view(), name="api-case"),
]
