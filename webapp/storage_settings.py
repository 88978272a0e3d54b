"""Settings of the S3 bucket for radiographs, heatmaps and bundles; without one they lie in the home."""

from __future__ import annotations

import environ

from diagnostics.stores.options import S3Options

env = environ.FileAwareEnv()


def s3_options() -> S3Options | None:
    """Return how the bucket is reached; None without a bucket."""
    if not _text("READROOM_S3_BUCKET"):
        return None
    return S3Options(
        bucket=_text("READROOM_S3_BUCKET"),
        endpoint=_text("READROOM_S3_ENDPOINT"),
        region=_text("READROOM_S3_REGION"),
        access_key=_text("READROOM_S3_ACCESS_KEY"),
        secret_key=_text("READROOM_S3_SECRET_KEY"),
        encryption=_text("READROOM_S3_ENCRYPTION"),
        kms_key=_text("READROOM_S3_KMS_KEY"),
        ca_file=_text("READROOM_S3_CA_FILE"),
    )


def _text(name: str) -> str:
    return env.str(name, default="").strip()


S3 = s3_options()
