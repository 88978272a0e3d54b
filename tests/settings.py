"""Settings of the tests: those of the product, in a temporary home."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

_pid = os.getpid()
_home = tempfile.mkdtemp(prefix="readroom-tests-")


@atexit.register
def _remove_home() -> None:
    if os.getpid() == _pid:  # a forked child must not remove the home of its parent
        shutil.rmtree(_home, ignore_errors=True)


os.environ["READROOM_HOME"] = _home
os.environ.setdefault("READROOM_SERVING_ENGINE", "tensorflow")  # an export takes longer than most tests
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads spin, which delays the other processes

from webapp.settings import *  # noqa: E402, F403
from webapp.settings import CACHES, DATABASES, INSTALLED_APPS, READROOM_HOME, STORAGES  # noqa: E402

INSTALLED_APPS = [*INSTALLED_APPS, "tests"]  # its command `flush`
SECRET_KEY = "for-tests-" + "x" * 50  # pseudonyms, and so the split of a data set, are the same each time
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # argon2 is slow on purpose
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
CACHES = CACHES | {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory, so that threads meet the locks of the product; without waiting for the disk.
    _default = DATABASES["default"]
    _unsynced = _default["OPTIONS"]["init_command"].replace("synchronous=FULL", "synchronous=OFF")
    DATABASES = {
        "default": _default
        | {
            "TEST": {"NAME": READROOM_HOME / "test.sqlite3"},
            "OPTIONS": _default["OPTIONS"] | {"init_command": _unsynced},
        }
    }
