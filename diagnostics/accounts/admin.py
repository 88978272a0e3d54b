"""Staff and sites, for the administrators of these sites; every change is audited."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import ManyToManyField, Model, QuerySet
from django.forms import ModelForm, ModelMultipleChoiceField
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts import selectors, services
from diagnostics.accounts.forms import CreateStaffForm
from diagnostics.accounts.models import Site, User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action

admin.site.unregister(Group)  # roles hold the permissions


class AuditedAdmin(admin.ModelAdmin):
    """Admin pages that record what was created and changed, and delete nothing."""

    created: ClassVar[Action]
    changed: ClassVar[Action]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the related rows, then record old and new values, in the transaction of the page."""
        super().save_related(request, form, formsets, change)
        changes = _changes(form)
        if changes or not change:
            self.record(request, form.instance, self.changed if change else self.created, changes=changes)

    def record(self, request: HttpRequest, target: Model, action: Action, **detail: object) -> None:
        """Record an action of the administrator."""
        audit.record(action=action, by=_by(request), target=target, detail=detail, now=timezone.now())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: cases, readings and audit events refer to accounts and sites."""
        return False


class OwnSiteFilter(admin.SimpleListFilter):
    """Filters accounts by one of the administrator's sites."""

    title = _("site")
    parameter_name = "site"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Return the administrator's sites."""
        return [(str(site.pk), site.name) for site in _by(request).sites.all()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        """Return the accounts of the selected site."""
        chosen = [site for site in _by(request).sites.all() if str(site.pk) == self.value()]
        return queryset.filter(sites=chosen[0]) if chosen else queryset


@admin.register(User)
class StaffAdmin(AuditedAdmin, UserAdmin):
    """Accounts with roles and sites. To lock an account, clear "active"."""

    created, changed = Action.ACCOUNT_CREATED, Action.ACCOUNT_CHANGED
    add_form = CreateStaffForm
    list_display = ("username", "role", "is_active", "last_login")
    list_filter = ("role", "is_active", OwnSiteFilter)
    filter_horizontal = ("sites",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password", "first_name", "last_name")}),
        (_("Role and sites"), {"fields": ("role", "sites", "is_active")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "role", "sites", "password1", "password2")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Return the accounts of the administrator's sites, and those without a site."""
        return selectors.staff_visible_to(_by(request)).order_by("username")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False for an account that also belongs to a site of other administrators."""
        return super().has_change_permission(request, obj) and (
            obj is None or selectors.may_administer(_by(request), obj)
        )

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **options: Any
    ) -> ModelMultipleChoiceField[Any] | None:
        """Offer the administrator's own sites only."""
        return super().formfield_for_manytomany(
            db_field, request, **options | {"queryset": _by(request).sites.all()}
        )

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm[User], change: bool) -> None:
        """Save an account; its role decides whether it may open this admin site."""
        services.set_admin_flags(obj)
        super().save_model(request, obj, form, change)

    @transaction.atomic
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Set the password of an account and record that it was set, never the password or its hash."""
        before = self.get_object(request, id)
        response = super().user_change_password(request, id, form_url)
        after = self.get_object(request, id)
        if before and after and before.password != after.password:
            self.record(request, after, Action.ACCOUNT_CHANGED, password="set")  # noqa: S106 - a word of the audit record
        return response


@admin.register(Site)
class SiteAdmin(AuditedAdmin):
    """The administrator's sites; membership is edited on the account."""

    created, changed = Action.SITE_CREATED, Action.SITE_CHANGED
    list_display = ("name", "is_default")
    exclude = ("idle_minutes", "second_factor_roles")  # the page of staff access changes them, with audit

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        """Return the administrator's sites."""
        return _by(request).sites.all()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Make the administrator a member of a new site: no other user could change it."""
        if not change:
            form.instance.staff.add(_by(request))
        super().save_related(request, form, formsets, change)


def _by(request: HttpRequest) -> User:
    """Return the administrator; the admin site admits no other user."""
    if not isinstance(request.user, User):
        raise TypeError("The admin site admitted a user without an account.")
    return request.user


def _changes(form: Any) -> dict[str, dict[str, object]]:
    """Return old and new values of the changed fields, without passwords."""
    return {
        name: {"old": _plain(form.initial.get(name)), "new": _plain(form.cleaned_data.get(name))}
        for name in form.changed_data
        if "password" not in name
    }


def _plain(value: object) -> object:
    """Return a value of a form as JSON can store it."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    return sorted(map(str, value)) if isinstance(value, Iterable) else str(value)
