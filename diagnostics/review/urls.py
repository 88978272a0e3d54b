"""Addresses of the worklist and the reading page."""

from __future__ import annotations

from django.urls import path

from diagnostics.review import api, gold_pages, readers, table, views

app_name = "review"

urlpatterns = [
    path("", table.worklist, name="worklist"),
    path("bulk/", table.bulk, name="bulk"),
    path("films.csv", table.export, name="export"),
    path("views/", table.keep_view, name="keep-view"),
    path("views/counts/", table.view_counts, name="view-counts"),
    path("views/<uuid:pk>/drop/", table.drop_view, name="drop-view"),
    path("next/", views.take_next, name="next"),
    path("readers/", readers.readers, name="readers"),
    path("readers/policy/", readers.policy, name="policy"),
    path("readers/first-readings.csv", readers.export, name="readers-export"),
    path("readers/gold/", gold_pages.gold_cases, name="gold"),
    path("readers/gold/<uuid:pk>/", gold_pages.gold_case, name="gold-case"),
    path("readers/gold/<uuid:pk>/retire/", gold_pages.retire, name="gold-retire"),
    path("<uuid:pk>/", views.case, name="case"),
    path("<uuid:pk>/ahead/", views.ahead, name="ahead"),
    path("<uuid:pk>/claim/", views.claim, name="claim"),
    path("<uuid:pk>/renew/", views.renew, name="renew"),
    path("<uuid:pk>/release/", views.release, name="release"),
    path("<uuid:pk>/sign/", views.sign, name="sign"),
    path("<uuid:pk>/take-back/", views.take_back, name="take-back"),
    path("<uuid:pk>/amend/", views.amend, name="amend"),
    path("<uuid:pk>/keep/", views.keep, name="keep"),
    path("<uuid:pk>/second-opinion/", views.second_opinion, name="second-opinion"),
]

api_urlpatterns = [
    path("cases/<uuid:pk>/readings/", api.Readings.as_view(), name="api-readings"),
]
