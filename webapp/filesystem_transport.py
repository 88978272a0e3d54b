"""Kombu's filesystem transport with atomic writes: a message is visible only when it is complete."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps

SCHEME = "folder"


class Channel(filesystem.Channel):
    """Write a message to a draft, then rename it: a worker that reads an incomplete message would crash."""

    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:
        name = f"{int(time.monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        draft = Path(self.data_folder_out, f"{name}.draft")
        draft.write_bytes(str_to_bytes(dumps(payload)))
        draft.rename(draft.with_suffix(""))


class Transport(filesystem.Transport):
    """The transport of broker URLs that begin with folder://."""

    Channel = Channel


TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
