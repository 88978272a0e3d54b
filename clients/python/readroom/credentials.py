"""The address of the server and its API token: from the environment, or from a file of the user alone."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from gettext import gettext as _
from pathlib import Path

from readroom.errors import NoToken

DEFAULT_URL = "http://127.0.0.1:8000"


def token_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where tokens are stored: `readroom/tokens.json` in the user's folder of settings."""
    folder = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(folder) / "readroom" / "tokens.json"


def read_token(url: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the token of a server; raises NoToken, also where other users may read the file."""
    if environment.get("READROOM_TOKEN"):
        return environment["READROOM_TOKEN"].strip()
    token = stored_tokens(token_file(environment)).get(url.rstrip("/"))
    if not token:
        raise NoToken(_("There is no API token for %(url)s. Run `readroom login`.") % {"url": url})
    return token


def stored_tokens(file: Path) -> dict[str, str]:
    """Return the tokens of a file by server; raises NoToken where other users may read it."""
    if not file.exists():
        return {}
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise NoToken(
            _("Other users may read %(file)s. Run `chmod 600 %(file)s`, and replace the token.")
            % {"file": file}
        )
    return {str(url): str(token) for url, token in json.loads(file.read_text(encoding="utf-8")).items()}


def store_token(url: str, token: str, file: Path) -> None:
    """Store the token of a server, or remove it with an empty one; the file is the user's alone."""
    tokens = stored_tokens(file) | {url.rstrip("/"): token}
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_suffix(".new")
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as new:
        json.dump({name: value for name, value in tokens.items() if value}, new)
    draft.replace(file)
