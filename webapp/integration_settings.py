"""Settings of the connections to other systems."""

from __future__ import annotations

import ipaddress

import environ

from diagnostics.integrations.dicom_network.settings import dicom_settings

env = environ.FileAwareEnv()


def pairs(name: str) -> list[tuple[str, str]]:
    """Return the pairs of a setting of the form left=right,left=right, in its order."""
    entries = (entry.partition("=") for entry in env.list(name, default=[]))
    return [(left.strip(), right.strip()) for left, _equals, right in entries if right.strip()]


# Networks, such as 10.1.0.0/16, to which webhooks may be sent although they are not public.
WEBHOOK_ALLOWED_NETWORKS = [
    ipaddress.ip_network(network) for network in env.list("READROOM_WEBHOOK_ALLOWED_NETWORKS", default=[])
]

# A folder into which other systems put radiographs and ZIPs; `manage.py watch_folder` admits them.
WATCHED_FOLDER = env.str("READROOM_WATCHED_FOLDER", default="")
WATCHED_FOLDER_USER = env.str("READROOM_WATCHED_FOLDER_USER", default="")  # in whose name they are uploaded
WATCHED_FOLDER_SECONDS = env.float("READROOM_WATCHED_FOLDER_SECONDS", default=5.0)  # without a change

# Login at an identity provider (OpenID Connect), off by default; docs/sign_on.md
OIDC_ISSUER = env.str("READROOM_OIDC_ISSUER", default="")
OIDC_CLIENT_ID = env.str("READROOM_OIDC_CLIENT_ID", default="")
OIDC_CLIENT_SECRET = env.str("READROOM_OIDC_CLIENT_SECRET", default="").strip()
OIDC_NAME = env.str("READROOM_OIDC_NAME", default="hospital account")  # on the login page
OIDC_SCOPES = env.str("READROOM_OIDC_SCOPES", default="openid profile email")
OIDC_GROUPS_CLAIM = env.str("READROOM_OIDC_GROUPS_CLAIM", default="groups")
OIDC_ROLES = pairs("READROOM_OIDC_ROLES")  # role=group; the first that matches counts
OIDC_SITES = pairs("READROOM_OIDC_SITES")  # site=group; empty: sites are set in Readroom
OIDC_LINK_EXISTING = env.bool("READROOM_OIDC_LINK_EXISTING", default=False)  # by user name
OIDC_SECOND_FACTOR = env.list("READROOM_OIDC_SECOND_FACTOR", default=[])  # values of `amr`, such as mfa
LOCAL_LOGIN = env.bool("READROOM_LOCAL_LOGIN", default=True)  # with user name and password

DICOM = dicom_settings(env)  # docs/dicom.md

# E-mails about alerts of monitoring; without addresses none is sent.
ALERT_EMAILS = env.list("READROOM_ALERT_EMAILS", default=[])
vars().update(env.email_url("EMAIL_URL", default="smtp://localhost:25"))
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.str("READROOM_EMAIL_FROM", default="readroom@localhost")
