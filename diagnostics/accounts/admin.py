"""Staff and sites, for administrators."""

from __future__ import annotations

from typing import Any

import rest_framework.authtoken.admin  # noqa: F401 - registers what is taken away below
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, resolve_url
from django.utils.translation import gettext_lazy as _
from rest_framework.authtoken.models import TokenProxy

from diagnostics.accounts import services
from diagnostics.accounts.forms import CreateStaffForm
from diagnostics.accounts.models import Site, User


class SamePost(HttpResponseRedirect):
    """Lead a POST elsewhere as a POST."""

    status_code = 307


def _log_in(request: HttpRequest, extra_context: object = None) -> HttpResponse:
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next", resolve_url("admin:index")))


def _log_out(request: HttpRequest, extra_context: object = None) -> HttpResponse:
    return SamePost(resolve_url("accounts:logout"))


def _change_password(request: HttpRequest, extra_context: object = None) -> HttpResponse:
    return redirect("accounts:password")


# One door for everybody: it counts wrong passwords and keeps the record, the admin's own would not.
admin.site.login = _log_in  # type: ignore[method-assign]
admin.site.logout = _log_out  # type: ignore[method-assign,assignment]
admin.site.password_change = _change_password  # type: ignore[method-assign,assignment]
admin.site.site_header = admin.site.site_title = "Readroom"
admin.site.index_title = _("Staff and sites")
admin.site.unregister(Group)  # roles say who may do what
admin.site.unregister(TokenProxy)  # its list shows other people's keys


@admin.register(User)
class StaffAdmin(UserAdmin):
    """Accounts with their roles and sites."""

    add_form = CreateStaffForm
    list_display = ("username", "role", "is_active", "last_login")
    list_filter = ("role", "is_active", "sites")
    filter_horizontal = ("sites",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password", "first_name", "last_name")}),
        (_("Work"), {"fields": ("role", "sites", "is_active")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "role", "sites", "password1", "password2")}),)

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm[User], change: bool) -> None:
        """Save an account; its role decides whether this admin opens for it."""
        services.open_admin_to_administrators(obj)
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keep everybody: what they signed and did names them; 'active' locks them out."""
        return False


@admin.register(Site)
class SiteAdmin(admin.ModelAdmin):
    """Sites; who belongs to one is said at the person."""

    list_display = ("name", "is_default")
