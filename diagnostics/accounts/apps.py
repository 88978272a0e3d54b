"""The Django app of accounts, and that of Django's admin with its site."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class AccountsConfig(AppConfig):
    name = "diagnostics.accounts"
    label = "accounts"
    default = True


class StaffAdminConfig(admin_apps.AdminConfig):
    default_site = "diagnostics.accounts.admin_site.StaffAdminSite"
    default = False
