"""Settings of the connections to other systems."""

from __future__ import annotations

import ipaddress

import environ

from diagnostics.integrations.dicom_network.settings import dicom_settings

env = environ.FileAwareEnv()

DICOM = dicom_settings(env)  # docs/dicom.md

# E-mails about alerts of monitoring; without addresses none is sent.
ALERT_EMAILS = env.list("READROOM_ALERT_EMAILS", default=[])
vars().update(env.email_url("EMAIL_URL", default="smtp://localhost:25"))
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.str("READROOM_EMAIL_FROM", default="readroom@localhost")

# Networks, such as 10.1.0.0/16, to which webhooks may be sent although they are not public.
WEBHOOK_ALLOWED_NETWORKS = [
    ipaddress.ip_network(network) for network in env.list("READROOM_WEBHOOK_ALLOWED_NETWORKS", default=[])
]

# A folder into which other systems put radiographs and ZIPs; `manage.py watch_folder` admits them.
WATCHED_FOLDER = env.str("READROOM_WATCHED_FOLDER", default="")
WATCHED_FOLDER_USER = env.str("READROOM_WATCHED_FOLDER_USER", default="")  # in whose name they are uploaded
WATCHED_FOLDER_SECONDS = env.float("READROOM_WATCHED_FOLDER_SECONDS", default=5.0)  # without a change
