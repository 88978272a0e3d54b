"""Settings of the S3 bucket for radiographs, heatmaps and bundles; without one they lie in the home."""

from __future__ import annotations

import environ

from diagnostics.stores.options import S3Options

env = environ.FileAwareEnv()


def _text(name: str) -> str:
    return env.str(f"READROOM_S3_{name}", default="").strip()


def s3_options() -> S3Options | None:
    """Return how the bucket is reached; None without a bucket."""
    if not _text("BUCKET"):
        return None
    return S3Options(
        bucket=_text("BUCKET"),
        endpoint=_text("ENDPOINT"),
        region=_text("REGION"),
        access_key=_text("ACCESS_KEY"),
        secret_key=_text("SECRET_KEY"),
        encryption=_text("ENCRYPTION"),
        kms_key=_text("KMS_KEY"),
        ca_file=_text("CA_FILE"),
    )


S3 = s3_options()
