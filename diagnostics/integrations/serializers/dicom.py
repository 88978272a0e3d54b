"""Serializers of DICOM nodes, received instances and deliveries."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from diagnostics.accounts.models import Site
from diagnostics.integrations.models import DicomNode, ReceivedInstance, ResultDelivery

NODE_FIELDS = (
    *("name", "ae_title", "host", "port", "uses_tls", "may_send"),
    *("result_policy", "result_transport", "stow_url", "is_active"),
)


class NodeSerializer(serializers.ModelSerializer[DicomNode]):
    """A node; `failures` counts failed attempts in a row, `retry_at` is the time of the next."""

    class Meta:
        model = DicomNode
        fields = ("id", "site", *NODE_FIELDS, "failures", "retry_at")
        read_only_fields = ("site", "failures", "retry_at")
        validators: ClassVar[list[object]] = []  # the service checks that AE titles are unique


class ChangedNodeSerializer(serializers.ModelSerializer[DicomNode]):
    """The values of a node that change; the others stay."""

    class Meta:
        model = DicomNode
        fields: tuple[str, ...] = NODE_FIELDS
        validators: ClassVar[list[object]] = []


class NewNodeSerializer(ChangedNodeSerializer):
    """The values of a new node."""

    site = serializers.PrimaryKeyRelatedField(queryset=Site.objects.all())

    class Meta(ChangedNodeSerializer.Meta):
        fields = ("site", *NODE_FIELDS)


class ReceivedInstanceSerializer(serializers.ModelSerializer[ReceivedInstance]):
    """A received instance and the answer to it."""

    class Meta:
        model = ReceivedInstance
        fields = (
            *("at", "site", "case", "calling_ae", "address", "sop_class_uid", "sop_instance_uid"),
            *("transfer_syntax", "size", "outcome", "code", "status"),
        )


class ResultDeliverySerializer(serializers.ModelSerializer[ResultDelivery]):
    """A delivery of one object of a result."""

    class Meta:
        model = ResultDelivery
        fields = (
            *("id", "node", "case", "kind", "sop_instance_uid", "status", "failures"),
            *("failure_code", "failure_text", "queued_at", "finished_at"),
        )
