"""URLs of integrations: pages, API, DICOMweb and FHIR."""

from __future__ import annotations

from django.urls import path

from diagnostics.integrations.api import dicom as dicom_api
from diagnostics.integrations.api import fhir
from diagnostics.integrations.api import webhooks as webhooks_api
from diagnostics.integrations.views import (
    deidentification,
    dicom_log,
    dicom_nodes,
    dicom_query,
    dicomweb,
    wado,
    webhooks,
)

STUDY = "dicomweb/studies/<str:study>"
SERIES = f"{STUDY}/series/<str:series>"
INSTANCE = f"{SERIES}/instances/<str:instance>"

dicom_urlpatterns = [
    path("", dicom_nodes.nodes, name="nodes"),
    path("new/", dicom_nodes.new_node, name="new-node"),
    path("nodes/<uuid:pk>/", dicom_nodes.node, name="node"),
    path("nodes/<uuid:pk>/verify/", dicom_nodes.verify, name="verify"),
    path("received/", dicom_log.received, name="received"),
    path("results/", dicom_log.results, name="results"),
    path("results/<uuid:pk>/retry/", dicom_log.retry, name="retry"),
    path("query/", dicom_query.query, name="query"),
    path("query/retrieve/", dicom_query.retrieve, name="retrieve"),
]

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

app_name = "integrations"

urlpatterns = [
    path("deidentification/", deidentification.policies, name="deidentification"),
    path("deidentification/<uuid:pk>/", deidentification.change, name="deidentification-change"),
    path("webhooks/", webhooks.endpoints, name="webhooks"),
    path("webhooks/<uuid:pk>/", webhooks.endpoint, name="webhook"),
    path("webhooks/<uuid:pk>/test/", webhooks.send_test, name="webhook-test"),
    path("webhooks/<uuid:pk>/secret/", webhooks.renew_secret, name="webhook-secret"),
    path("webhooks/deliveries/<uuid:pk>/redeliver/", webhooks.redeliver, name="webhook-redeliver"),
]

webhook_api = [
    path("webhooks/", webhooks_api.WebhookList.as_view(), name="api-webhooks"),
    path("webhooks/<uuid:pk>/", webhooks_api.WebhookDetail.as_view(), name="api-webhook"),
    path("webhooks/<uuid:pk>/test/", webhooks_api.WebhookTest.as_view(), name="api-webhook-test"),
    path("webhooks/<uuid:pk>/secret/", webhooks_api.WebhookSecret.as_view(), name="api-webhook-secret"),
    path(
        "webhooks/<uuid:pk>/deliveries/",
        webhooks_api.WebhookDeliveries.as_view(),
        name="api-webhook-deliveries",
    ),
    path(
        "webhook-deliveries/<uuid:pk>/redeliver/",
        webhooks_api.WebhookRedelivery.as_view(),
        name="api-webhook-redeliver",
    ),
]

fhir_urlpatterns = [
    path("metadata", fhir.Metadata.as_view(), name="fhir-metadata"),
    path("<str:kind>", fhir.ResourceSearch.as_view(), name="fhir-search"),
    path("<str:kind>/_search", fhir.BodySearch.as_view(), name="fhir-body-search"),
    path("<str:kind>/<str:pk>", fhir.ResourceRead.as_view(), name="fhir-read"),
]
api_urlpatterns = [
    *dicomweb_urlpatterns,
    *webhook_api,
    path(
        "cases/<uuid:pk>/deidentified/", deidentification.DeidentifiedCase.as_view(), name="api-deidentified"
    ),
]

dicom_api_urlpatterns = [
    path("dicom/nodes/", dicom_api.Nodes.as_view(), name="api-dicom-nodes"),
    path("dicom/nodes/<uuid:pk>/", dicom_api.Node.as_view(), name="api-dicom-node"),
    path("dicom/received/", dicom_api.Received.as_view(), name="api-dicom-received"),
    path("dicom/results/", dicom_api.Results.as_view(), name="api-dicom-results"),
    path("dicom/results/<uuid:pk>/retry/", dicom_api.Retry.as_view(), name="api-dicom-retry"),
]
