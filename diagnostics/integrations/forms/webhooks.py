"""The form of a webhook endpoint."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site, User
from diagnostics.integrations.models.webhooks import MAX_URL, WebhookEvent


class EndpointForm(forms.Form):
    """Name, URL and events of an endpoint."""

    name = forms.CharField(label=_("Name, for example the receiving system"), max_length=60)
    url = forms.CharField(label=_("URL"), max_length=MAX_URL)
    events = forms.MultipleChoiceField(
        label=_("Events"), choices=WebhookEvent.choices, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in ("name", "url"):
            self.fields[field].widget.attrs["class"] = "form-control"
        self.fields["url"].widget.attrs |= {
            "inputmode": "url",
            "placeholder": "https://",
            "spellcheck": "false",
        }


class NewEndpointForm(EndpointForm):
    """The same for a new endpoint, with its site."""

    site: Any = forms.ModelChoiceField(label=_("Site"), queryset=Site.objects.none(), empty_label=None)

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["site"].queryset = user.sites.all()  # type: ignore[attr-defined]
        self.fields["site"].widget.attrs["class"] = "form-select"
        self.order_fields(["name", "url", "site", "events"])


class ChangedEndpointForm(EndpointForm):
    """The same for an existing endpoint, with its activity."""

    is_active = forms.BooleanField(
        label=_("Send events to this endpoint"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )
