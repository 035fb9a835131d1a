"""Asking an identity provider over HTTP without being led elsewhere.

Only https, but for the loopback interface; no redirects; and the address that a name leads to is
looked at after connecting and before anything is sent, so that a name that changes its address
gains nothing. Link-local addresses, where clouds keep their metadata, are always refused.
"""

import ipaddress
import socket
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

from tenants.errors import IdentityProviderError

SECONDS: Final = 5
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class _HTTPConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(self, super()._new_conn())


class _HTTPSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(self, super()._new_conn())


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


class ProviderSession(requests.Session):
    """Requests to a provider: bounded in time, without redirects, to permitted addresses."""

    def __init__(self) -> None:
        super().__init__()
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(max_retries=0))

    def request(  # type: ignore[override]
        self, method: str, url: str, **options: Any
    ) -> requests.Response:
        """Send one request; raises `IdentityProviderError` for an address that may not be asked."""
        require_url(url)
        options = {**options, "allow_redirects": False, "timeout": SECONDS}
        return super().request(method, url, **options)


def require_url(url: str) -> str:
    """Return `url` if it is https, or http on the loopback interface; else raise."""
    parts = urlsplit(url)
    is_local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or is_local):
        raise IdentityProviderError(
            "An identity provider is asked over https only.",
            remediation="Give its issuer as https://...",
        )
    return url


def discover(issuer: str) -> dict[str, Any]:
    """Return the provider's own description (OpenID Connect Discovery 1.0).

    Raises `IdentityProviderError` when it does not answer, answers as another issuer, or names
    endpoints that are not https.
    """
    try:
        with ProviderSession() as session:
            answer = session.get(f"{issuer}/.well-known/openid-configuration")
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise IdentityProviderError(
            "The identity provider does not answer as one.",
            remediation="Check the issuer's address, and FROSTBYTE_OIDC_PRIVATE_NETWORKS.",
        ) from error
    if str(found.get("issuer", "")).rstrip("/") != issuer:
        raise IdentityProviderError(
            "The identity provider answers under another name than the issuer's.",
            remediation="Give the issuer exactly as the provider names itself.",
        )
    for endpoint in _ENDPOINTS:
        require_url(str(found.get(endpoint, "")))
    return found


def _checked(connection: HTTPConnection, opened: socket.socket) -> socket.socket:
    address = ipaddress.ip_address(opened.getpeername()[0])
    if _is_permitted(address):
        return opened
    opened.close()
    raise NewConnectionError(connection, "the address is not a public one")


def _is_permitted(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    return bool(settings.OIDC_PRIVATE_NETWORKS) or address.is_global
