"""An OpenID provider on loopback whose ID tokens a test can spoil; it checks PKCE as RFC 7636 demands."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils import timezone

CLIENT_ID, CODE = "readroom", "a-code"


@dataclass
class Provider:
    """The provider's state and what it was asked."""

    issuer: str = ""
    groups: list[str] = field(default_factory=lambda: ["radiology"])
    extra: dict[str, Any] = field(default_factory=dict)  # claims that replace the usual ones
    metadata: dict[str, Any] = field(default_factory=dict)  # that replaces the usual one
    challenge: str = ""  # of the last login page
    nonce: str = ""
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    sign: Callable[[Provider, dict[str, Any]], str] | None = None

    def visit(self, url: str) -> str:
        """Remember what a login page is given, and return the state."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert query["code_challenge_method"] == "S256"
        self.challenge, self.nonce = query["code_challenge"], query["nonce"]
        return query["state"]

    def id_token(self) -> str:
        """Return the ID token of the last login."""
        now: datetime = timezone.now()
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "subject-1",
            "iat": now,
            "exp": now + timedelta(minutes=5),
            "nonce": self.nonce,
            "preferred_username": "dr.lee",
            "groups": self.groups,
        } | self.extra
        claims = {name: value for name, value in claims.items() if value is not None}
        return self.sign(self, claims) if self.sign else self.signed(claims)

    def signed(self, claims: dict[str, Any]) -> str:
        """Return claims signed with the provider's key."""
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "1"})

    def respond(self, path: str, form: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """Return status and body of a request."""
        if path == "/.well-known/openid-configuration":
            usual = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
            return 200, usual | self.metadata
        if path == "/keys":
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
            return 200, {"keys": [public | {"kid": "1", "use": "sig", "alg": "RS256"}]}
        verifier = form.get("code_verifier", [""])[0]
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
        if digest.decode() != self.challenge or form.get("code") != [CODE]:
            return 400, {"error": "invalid_grant"}
        return 200, {"id_token": self.id_token(), "access_token": "x", "token_type": "Bearer"}


def other_key(provider: Provider, claims: dict[str, Any]) -> str:
    """Sign with a key that is not the provider's."""
    return jwt.encode(claims, rsa.generate_private_key(65537, 2048), algorithm="RS256", headers={"kid": "1"})


def unsigned(provider: Provider, claims: dict[str, Any]) -> str:
    """Leave the signature out."""
    return jwt.encode(claims, "", algorithm="none", headers={"kid": "1"})


def client_secret_as_key(provider: Provider, claims: dict[str, Any]) -> str:
    """Sign with a secret that the client knows too."""
    return jwt.encode(
        claims, "the secret of this client, long enough", algorithm="HS256", headers={"kid": "1"}
    )


@contextmanager
def openid_provider() -> Iterator[Provider]:
    """Run a provider until the block ends."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            status, body = provider.respond(self.path, parse_qs(self.rfile.read(length).decode()))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
