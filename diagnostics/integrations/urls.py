"""URLs of integrations."""

from __future__ import annotations

from django.urls import path

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
