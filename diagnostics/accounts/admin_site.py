"""Django's admin site with the login, logout and password pages of Readroom."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, resolve_url
from django.utils.translation import gettext_lazy as _

# They find rows by content type or field, not through the sites of the administrator.
REMOVED_URLS: Final = frozenset({"view_on_site", "autocomplete"})


class RedirectPost(HttpResponseRedirect):
    """A redirect that keeps the method and the body."""

    status_code = 307


class StaffAdminSite(admin.AdminSite):
    """The admin of staff and sites.

    Readroom's own login counts wrong passwords and writes the audit log; the login of the admin does neither.
    """

    site_header = site_title = "Readroom"
    index_title = _("Staff and sites")

    def get_urls(self) -> list[Any]:
        """Return the URLs of the admin, without those that no page of it needs."""
        return [url for url in super().get_urls() if getattr(url, "name", "") not in REMOVED_URLS]

    def login(self, request: HttpRequest, extra_context: object = None) -> HttpResponse:
        """Redirect to the login page; a logged-in user who is no administrator gets 403."""
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next", resolve_url("admin:index")))

    def logout(self, request: HttpRequest, extra_context: object = None) -> HttpResponse:  # type: ignore[override]
        """Redirect to the logout page."""
        return RedirectPost(resolve_url("accounts:logout"))

    def password_change(self, request: HttpRequest, extra_context: object = None) -> HttpResponse:  # type: ignore[override]
        """Redirect to the password page."""
        return redirect("accounts:password")
