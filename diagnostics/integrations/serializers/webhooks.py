"""Webhook endpoints and deliveries in the API."""

from __future__ import annotations

from rest_framework import serializers

from diagnostics.integrations.models import WebhookDelivery, WebhookEndpoint, WebhookTry
from diagnostics.integrations.models.webhooks import MAX_URL, WebhookEvent


class EndpointSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    """An endpoint without its secret."""

    events = serializers.MultipleChoiceField(choices=WebhookEvent.choices)

    class Meta:
        model = WebhookEndpoint
        fields = ("id", "site", "name", "url", "events", "is_active", "created_at", "paused_until")
        read_only_fields = fields


class NewEndpointSerializer(serializers.Serializer[WebhookEndpoint]):
    """Input of a new endpoint; without a site it is that of the user's uploads."""

    site = serializers.UUIDField(required=False)
    name = serializers.CharField(max_length=60)
    url = serializers.CharField(max_length=MAX_URL)
    events = serializers.MultipleChoiceField(choices=WebhookEvent.choices, allow_empty=False)


class ChangedEndpointSerializer(serializers.Serializer[WebhookEndpoint]):
    """Input of a change."""

    name = serializers.CharField(max_length=60, required=False)
    url = serializers.CharField(max_length=MAX_URL, required=False)
    events = serializers.MultipleChoiceField(choices=WebhookEvent.choices, allow_empty=False, required=False)
    is_active = serializers.BooleanField(required=False)


class EndpointWithSecretSerializer(EndpointSerializer):
    """An endpoint with its secret, which is shown once."""

    secret = serializers.SerializerMethodField()

    class Meta:
        model = WebhookEndpoint
        fields = (*EndpointSerializer.Meta.fields, "secret")
        read_only_fields = fields

    def get_secret(self, endpoint: WebhookEndpoint) -> str:
        """Return the secret that the caller was given by the service."""
        return str(self.context["secret"])


class TrySerializer(serializers.ModelSerializer[WebhookTry]):
    """One request of a delivery."""

    class Meta:
        model = WebhookTry
        fields = ("at", "response_code", "problem", "seconds")
        read_only_fields = fields


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    """A delivery and its tries."""

    log = TrySerializer(many=True, read_only=True)

    class Meta:
        model = WebhookDelivery
        fields = (
            *(
                "id",
                "endpoint",
                "event",
                "event_id",
                "subject",
                "subject_id",
                "occurred_at",
                "status",
                "tries",
            ),
            *("queued_at", "finished_at", "failure_code", "failure_text", "log"),
        )
        read_only_fields = fields
