"""OpenID Connect, authorization code flow: discovery, a request with PKCE, state and nonce, the ID token.

https://openid.net/specs/openid-connect-core-1_0.html; the names of its fields are kept.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import urllib.request
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import jwt
from django.conf import settings
from django.core.cache import cache
from django.utils.crypto import constant_time_compare

TIMEOUT: Final = 5.0  # seconds
MAX_BYTES: Final = 512 * 1024  # of a response
CACHED: Final = 3600  # seconds
LEEWAY: Final = 60  # seconds that the clocks may differ
# Asymmetric ones only: with HS256 or "none" a token could be made without the provider's key.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
REQUIRED: Final = ("exp", "iat", "iss", "aud", "sub")
ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")

Claims = dict[str, Any]


class ProviderError(Exception):
    """The provider did not respond, or its response cannot be used; the text is for the log."""


@dataclass(frozen=True)
class Request:
    """A login that was begun: what the callback compares and needs."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> Request:
        """Return a request of random values."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48))


def is_configured() -> bool:
    """Return whether an identity provider is set."""
    return bool(settings.OIDC_ISSUER and settings.OIDC_CLIENT_ID)


def authorization_url(request: Request, *, redirect_uri: str, again: bool) -> str:
    """Return the provider's login page; `again` asks for the credentials also of a logged-in user."""
    challenge = hashlib.sha256(request.verifier.encode()).digest()
    parameters = {
        "response_type": "code",
        "scope": settings.OIDC_SCOPES,
        "client_id": settings.OIDC_CLIENT_ID,
        "redirect_uri": redirect_uri,
        "state": request.state,
        "nonce": request.nonce,
        "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    if again:
        parameters |= {"prompt": "login", "max_age": "0"}
    return _with_query(provider()["authorization_endpoint"], parameters)


def logout_url(*, redirect_uri: str) -> str:
    """Return the provider's logout page, or an empty text where it has none or does not respond."""
    try:
        endpoint = provider().get("end_session_endpoint", "")
    except ProviderError:
        return ""
    parameters = {"client_id": settings.OIDC_CLIENT_ID, "post_logout_redirect_uri": redirect_uri}
    return _with_query(endpoint, parameters) if _is_web_address(endpoint) else ""


def claims_of(*, code: str, request: Request, redirect_uri: str) -> Claims:
    """Exchange an authorization code and return the verified claims of the user; raises ProviderError."""
    given = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "client_id": settings.OIDC_CLIENT_ID,
        "code_verifier": request.verifier,
    }
    if settings.OIDC_CLIENT_SECRET:
        given["client_secret"] = settings.OIDC_CLIENT_SECRET
    tokens = _json(provider()["token_endpoint"], data=urlencode(given).encode())
    claims = verified(str(tokens.get("id_token", "")), nonce=request.nonce)
    return _user_info(str(tokens.get("access_token", "")), claims) | claims


def verified(id_token: str, *, nonce: str) -> Claims:
    """Return the claims of an ID token of the provider for this client and login; raises ProviderError."""
    try:
        claims: Claims = jwt.decode(
            id_token,
            _signing_key(id_token),
            algorithms=list(ALGORITHMS),
            audience=settings.OIDC_CLIENT_ID,
            issuer=settings.OIDC_ISSUER,
            leeway=LEEWAY,
            options={"require": list(REQUIRED)},
        )
    except jwt.PyJWTError as error:
        raise ProviderError(f"the ID token is not valid: {type(error).__name__}") from error
    if not constant_time_compare(str(claims.get("nonce", "")), nonce):
        raise ProviderError("the ID token belongs to another login: nonce")
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    party = claims.get("azp", settings.OIDC_CLIENT_ID if len(audiences) == 1 else "")
    if party != settings.OIDC_CLIENT_ID:
        raise ProviderError("the ID token was issued for another client: azp")
    return claims


def provider() -> dict[str, Any]:
    """Return the provider's metadata; raises ProviderError."""
    key = f"openid-provider:{settings.OIDC_ISSUER}"
    known = cache.get(key)
    if known is None:
        known = _json(f"{settings.OIDC_ISSUER.rstrip('/')}/.well-known/openid-configuration")
        if known.get("issuer") != settings.OIDC_ISSUER:
            raise ProviderError("the provider's metadata names another issuer")
        if not all(_is_web_address(known.get(name)) for name in ENDPOINTS):
            raise ProviderError("the provider's metadata lacks an endpoint, or one is not https")
        cache.set(key, known, CACHED)
    return dict(known)


def _user_info(access_token: str, claims: Claims) -> Claims:
    """Return the claims of the userinfo endpoint, which count only for the subject of the ID token."""
    endpoint = provider().get("userinfo_endpoint")
    if not endpoint or not access_token or settings.OIDC_GROUPS_CLAIM in claims:
        return {}
    found = _json(str(endpoint), headers={"Authorization": f"Bearer {access_token}"})
    if found.get("sub") != claims["sub"]:
        raise ProviderError("the userinfo endpoint describes another user")
    return found


def _signing_key(id_token: str) -> Any:
    """Return the provider's key that a token names; keys are fetched again for an unknown one."""
    header = jwt.get_unverified_header(id_token)
    if header.get("alg") not in ALGORITHMS:
        raise jwt.InvalidAlgorithmError
    for fetch_again in (False, True):
        for key in _keys(fetch_again=fetch_again):
            if header.get("kid") in (None, key.get("kid")) and key.get("use", "sig") == "sig":
                return jwt.PyJWK(key, algorithm=header["alg"]).key
    raise jwt.InvalidKeyError


def _keys(*, fetch_again: bool) -> list[dict[str, Any]]:
    name = f"openid-keys:{settings.OIDC_ISSUER}"
    known = None if fetch_again else cache.get(name)
    if known is None:
        known = _json(provider()["jwks_uri"]).get("keys", [])
        cache.set(name, known, CACHED)
    return [key for key in known if isinstance(key, dict)]


def _json(url: str, *, data: bytes | None = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
    if not _is_web_address(url):
        raise ProviderError("an address of the provider is not https")
    request = urllib.request.Request(url, data=data, headers={"Accept": "application/json"} | (headers or {}))  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310 - checked above
            content = json.loads(response.read(MAX_BYTES))
    except (OSError, ValueError) as error:  # the body of an error may hold the code
        raise ProviderError(f"{urlsplit(url).path}: {type(error).__name__}") from error
    if not isinstance(content, dict):
        raise ProviderError(f"{urlsplit(url).path}: no JSON object")
    return content


def _is_web_address(url: object) -> bool:
    """Return whether an address may be used: https, or the scheme of the issuer itself."""
    return isinstance(url, str) and urlsplit(url).scheme in ("https", urlsplit(settings.OIDC_ISSUER).scheme)


def _with_query(url: str, parameters: dict[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(parameters)}"
