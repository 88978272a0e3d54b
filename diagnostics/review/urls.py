"""Addresses of the worklist and the reading page."""

from __future__ import annotations

from django.urls import path

from diagnostics.review import api
from diagnostics.review.views import reader_quality, reading, reference_cases, worklist

app_name = "review"

urlpatterns = [
    path("", worklist.worklist, name="worklist"),
    path("bulk/", worklist.bulk, name="bulk"),
    path("radiographs.csv", worklist.export, name="export"),
    path("views/", worklist.save_view, name="keep-view"),
    path("views/counts/", worklist.view_counts, name="view-counts"),
    path("views/<uuid:pk>/drop/", worklist.delete_view, name="drop-view"),
    path("next/", reading.take_next, name="next"),
    path("readers/", reader_quality.reader_quality, name="readers"),
    path("readers/policy/", reader_quality.policy, name="policy"),
    path("readers/first-readings.csv", reader_quality.export, name="readers-export"),
    path("readers/gold/", reference_cases.reference_case_list, name="gold"),
    path("readers/gold/<uuid:pk>/", reference_cases.reference_case, name="gold-case"),
    path("readers/gold/<uuid:pk>/retire/", reference_cases.retire, name="gold-retire"),
    path("<uuid:pk>/", reading.case, name="case"),
    path("<uuid:pk>/ahead/", reading.ahead, name="ahead"),
    path("<uuid:pk>/claim/", reading.claim, name="claim"),
    path("<uuid:pk>/renew/", reading.renew, name="renew"),
    path("<uuid:pk>/release/", reading.release, name="release"),
    path("<uuid:pk>/sign/", reading.sign, name="sign"),
    path("<uuid:pk>/take-back/", reading.take_back, name="take-back"),
    path("<uuid:pk>/amend/", reading.amend, name="amend"),
    path("<uuid:pk>/keep/", reading.keep, name="keep"),
    path("<uuid:pk>/second-opinion/", reading.second_opinion, name="second-opinion"),
]

api_urlpatterns = [
    path("cases/<uuid:pk>/readings/", api.Readings.as_view(), name="api-readings"),
]
