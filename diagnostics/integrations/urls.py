"""URLs of integrations."""

from __future__ import annotations

from django.urls import path

from diagnostics.integrations.views import deidentification, dicomweb, wado

app_name = "integrations"

STUDY = "dicomweb/studies/<str:study>"
SERIES = f"{STUDY}/series/<str:series>"
INSTANCE = f"{SERIES}/instances/<str:instance>"

dicomweb_urlpatterns = [
    path("dicomweb/studies", dicomweb.Studies.as_view(), name="dicomweb-studies"),
    path("dicomweb/series", dicomweb.SeriesSearch.as_view(), name="dicomweb-all-series"),
    path("dicomweb/instances", dicomweb.InstanceSearch.as_view(), name="dicomweb-all-instances"),
    path(STUDY, wado.StudyRetrieval.as_view(), name="dicomweb-study"),
    path(f"{STUDY}/metadata", wado.Metadata.as_view(), name="dicomweb-study-metadata"),
    path(f"{STUDY}/thumbnail", wado.Thumbnail.as_view(), name="dicomweb-study-thumbnail"),
    path(f"{STUDY}/series", dicomweb.SeriesSearch.as_view(), name="dicomweb-study-series"),
    path(f"{STUDY}/instances", dicomweb.InstanceSearch.as_view(), name="dicomweb-study-instances"),
    path(SERIES, wado.Retrieval.as_view(), name="dicomweb-series"),
    path(f"{SERIES}/metadata", wado.Metadata.as_view(), name="dicomweb-series-metadata"),
    path(f"{SERIES}/thumbnail", wado.Thumbnail.as_view(), name="dicomweb-series-thumbnail"),
    path(f"{SERIES}/instances", dicomweb.InstanceSearch.as_view(), name="dicomweb-series-instances"),
    path(INSTANCE, wado.Retrieval.as_view(), name="dicomweb-instance"),
    path(f"{INSTANCE}/metadata", wado.Metadata.as_view(), name="dicomweb-metadata"),
    path(f"{INSTANCE}/rendered", wado.Rendered.as_view(), name="dicomweb-rendered"),
    path(f"{INSTANCE}/thumbnail", wado.Thumbnail.as_view(), name="dicomweb-thumbnail"),
    path(f"{INSTANCE}/bulkdata/7FE00010", wado.Frames.as_view(), name="dicomweb-bulk-data"),
    path(f"{INSTANCE}/frames/<str:frames>", wado.Frames.as_view(), name="dicomweb-frames"),
    path(f"{INSTANCE}/frames/1/rendered", wado.Rendered.as_view(), name="dicomweb-frame-rendered"),
]
urlpatterns = [
    path("deidentification/", deidentification.policies, name="deidentification"),
    path("deidentification/<uuid:pk>/", deidentification.change, name="deidentification-change"),
]

api_urlpatterns = [
    *dicomweb_urlpatterns,
    path(
        "cases/<uuid:pk>/deidentified/", deidentification.DeidentifiedCase.as_view(), name="api-deidentified"
    ),
]
