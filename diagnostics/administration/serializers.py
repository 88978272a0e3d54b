"""Input and output of the API of users, sites and the audit log."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from diagnostics.accounts.forms import StaffForm
from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role, Scope
from diagnostics.accounts.serializers import form_errors
from diagnostics.audit.models import Action, AuditEvent

MAX_TEXT = 150


class SiteSerializer(serializers.Serializer[Site]):
    """A site of the user, with its access policy."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)
    is_default = serializers.BooleanField(read_only=True)
    patient_masking = serializers.CharField(read_only=True)
    idle_minutes = serializers.IntegerField(min_value=5, max_value=120)
    second_factor_roles = serializers.ListField(child=serializers.ChoiceField(choices=Role.choices))


class MeSerializer(serializers.Serializer[Any]):
    """The user of a request, and what the token may be used for."""

    id = serializers.UUIDField()
    username = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    permissions = serializers.ListField(child=serializers.CharField())
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices), allow_null=True, help_text="Null: a session"
    )
    token_expires_at = serializers.DateTimeField(allow_null=True)
    sites = SiteSerializer(many=True)


class UserSerializer(serializers.Serializer[User]):
    """An account of the staff."""

    id = serializers.UUIDField()
    username = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    email = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    is_active = serializers.BooleanField()
    sites = serializers.SerializerMethodField(help_text="Ids")
    second_factors = serializers.IntegerField(source="factors")
    api_tokens = serializers.IntegerField(source="tokens", help_text="Valid ones")

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_sites(self, user: User) -> list[str]:
        return [str(site.pk) for site in user.sites.all()]


class NewUserSerializer(serializers.Serializer[Any]):
    """The fields of an account."""

    username = serializers.CharField(max_length=MAX_TEXT)
    first_name = serializers.CharField(max_length=MAX_TEXT, allow_blank=True, default="")
    last_name = serializers.CharField(max_length=MAX_TEXT, allow_blank=True, default="")
    email = serializers.EmailField(allow_blank=True, default="")
    role = serializers.ChoiceField(choices=Role.choices)
    sites = serializers.ListField(child=serializers.UUIDField(), min_length=1, help_text="Own sites")

    def checked(self, by: User, account: User | None = None) -> dict[str, Any]:
        """Return the cleaned values, by the rules of the page; raises ValidationError."""
        self.is_valid(raise_exception=True)
        form = StaffForm(by, self.validated_data, instance=account)
        if not form.is_valid():
            raise serializers.ValidationError(form_errors(form))
        return dict(form.cleaned_data)


class UserQuerySerializer(serializers.Serializer[Any]):
    """Filters of the list of users."""

    q = serializers.CharField(required=False, max_length=MAX_TEXT, help_text="Part of a name")
    role = serializers.ChoiceField(choices=Role.choices, required=False)
    state = serializers.ChoiceField(choices=["active", "inactive", "no-site"], required=False)


class EventQuerySerializer(serializers.Serializer[Any]):
    """Filters of the audit log."""

    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False, help_text="Included")
    action = serializers.ChoiceField(choices=Action.choices, required=False)
    who = serializers.CharField(required=False, max_length=MAX_TEXT, help_text="User name, or `system`")
    target = serializers.CharField(required=False, max_length=40, help_text="Id of a case, account or run")


class EventSerializer(serializers.Serializer[AuditEvent]):
    """An event of the audit log."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    by = serializers.CharField(source="by.username", default=None, help_text="Null: a worker")
    action = serializers.ChoiceField(choices=Action.choices)
    target_kind = serializers.CharField()
    target_id = serializers.CharField()
    site = serializers.UUIDField(allow_null=True)
    detail = serializers.DictField()
    position = serializers.IntegerField(allow_null=True, help_text="In the hash chain; null until sealed")
    hash = serializers.CharField()
