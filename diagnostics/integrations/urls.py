"""URLs of integrations: pages and API."""

from __future__ import annotations

from django.urls import path

from diagnostics.integrations.api import fhir
from diagnostics.integrations.api import webhooks as webhooks_api
from diagnostics.integrations.views import webhooks

app_name = "integrations"

urlpatterns = [
    path("webhooks/", webhooks.endpoints, name="webhooks"),
    path("webhooks/<uuid:pk>/", webhooks.endpoint, name="webhook"),
    path("webhooks/<uuid:pk>/test/", webhooks.send_test, name="webhook-test"),
    path("webhooks/<uuid:pk>/secret/", webhooks.renew_secret, name="webhook-secret"),
    path("webhooks/deliveries/<uuid:pk>/redeliver/", webhooks.redeliver, name="webhook-redeliver"),
]

api_urlpatterns = [
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
