"""URLs of integrations."""

from __future__ import annotations

from django.urls import path

from diagnostics.integrations.api import dicom as dicom_api
from diagnostics.integrations.views import dicom_log, dicom_nodes, dicom_query

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

dicom_api_urlpatterns = [
    path("dicom/nodes/", dicom_api.Nodes.as_view(), name="api-dicom-nodes"),
    path("dicom/nodes/<uuid:pk>/", dicom_api.Node.as_view(), name="api-dicom-node"),
    path("dicom/received/", dicom_api.Received.as_view(), name="api-dicom-received"),
    path("dicom/results/", dicom_api.Results.as_view(), name="api-dicom-results"),
    path("dicom/results/<uuid:pk>/retry/", dicom_api.Retry.as_view(), name="api-dicom-retry"),
]
