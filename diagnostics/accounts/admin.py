"""Staff and sites, for administrators."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, resolve_url
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts import services
from diagnostics.accounts.forms import CreateStaffForm
from diagnostics.accounts.models import Site, User


class RedirectPost(HttpResponseRedirect):
    """A redirect that keeps the method and the body."""

    status_code = 307


def _log_in(request: HttpRequest, extra_context: object = None) -> HttpResponse:
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next", resolve_url("admin:index")))


def _log_out(request: HttpRequest, extra_context: object = None) -> HttpResponse:
    return RedirectPost(resolve_url("accounts:logout"))


def _change_password(request: HttpRequest, extra_context: object = None) -> HttpResponse:
    return redirect("accounts:password")


# The site's own login counts wrong passwords and writes the audit log; the admin's login would do neither.
admin.site.login = _log_in  # type: ignore[method-assign]
admin.site.logout = _log_out  # type: ignore[method-assign,assignment]
admin.site.password_change = _change_password  # type: ignore[method-assign,assignment]
admin.site.site_header = admin.site.site_title = "Readroom"
admin.site.index_title = _("Staff and sites")
admin.site.unregister(Group)  # roles hold the permissions


@admin.register(User)
class StaffAdmin(UserAdmin):
    """Accounts with roles and sites."""

    add_form = CreateStaffForm
    list_display = ("username", "role", "is_active", "last_login")
    list_filter = ("role", "is_active", "sites")
    filter_horizontal = ("sites",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password", "first_name", "last_name")}),
        (_("Role and sites"), {"fields": ("role", "sites", "is_active")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "role", "sites", "password1", "password2")}),)

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm[User], change: bool) -> None:
        """Save an account; its role decides whether it may open this admin site."""
        services.set_admin_flags(obj)
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: signed readings and audit events refer to the account. Clear "active" to lock it."""
        return False


@admin.register(Site)
class SiteAdmin(admin.ModelAdmin):
    """Sites; membership is edited on the account."""

    list_display = ("name", "is_default")
    exclude = ("idle_minutes", "second_factor_roles")  # the page of staff access changes them, with audit
