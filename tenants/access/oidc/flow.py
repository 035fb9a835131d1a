"""The walk to the provider and back: authorization code with PKCE, state, nonce, pinned issuer.

django-allauth keeps the state and exchanges the code; what it leaves open is closed here: the
issuer must be the configured one, the signature of the identity token is always verified, its
nonce must be the one that was sent, and nothing of the walk is taken from the request's address.
"""

import secrets
from typing import Any, Final

import jwt
import requests
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from frostbyte.kernel.errors import FrostbyteError, NotFoundError
from tenants.access.lockout import PROVIDER, count_failure, record_failure, require_unlocked
from tenants.access.oidc.config import identity_provider_of
from tenants.access.oidc.http import ProviderSession, discover
from tenants.access.oidc.policy import link, person_of
from tenants.errors import IdentityProviderError, SignInRefusedError
from tenants.models import Tenant

PROVIDER_ID: Final = "oidc"
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
                     "ES256", "ES384", "ES512", "EdDSA")  # fmt: skip
LEEWAY_SECONDS: Final = 30
WAY_SECONDS: Final = 600
"""How long the session of someone lasts who is on the way to the provider."""


class TenantProvider(OpenIDConnectProvider):  # type: ignore[misc]
    """The provider of the request's tenant; keeps nothing of what it tells but who it is."""

    def extract_extra_data(self, data: Any) -> dict[str, Any]:
        """Store no claims beside the account."""
        del data
        return {}

    def get_oauth2_adapter(self, request: HttpRequest) -> "TenantOidcAdapter":
        """Return our adapter."""
        return TenantOidcAdapter(request)


class TenantOidcAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """Speaks to the provider of the request's tenant."""

    expected_nonce: str = ""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request, PROVIDER_ID)

    @property
    def openid_config(self) -> dict[str, Any]:
        """The provider's description, of the configured issuer and no other."""
        if not hasattr(self, "_openid_config"):
            self._openid_config = discover(self.get_provider().app.settings["server_url"])
        return self._openid_config

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """Return where the provider sends people back to: on the tenant's own host."""
        del app
        return request.build_absolute_uri(reverse("oidc_callback"))

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any
    ) -> SocialLogin:
        """Return who came back, by an identity token that holds in every respect."""
        claims = self._verified(app, kwargs["response"].get("id_token") or "")
        if "userinfo_endpoint" in self.openid_config:
            told = self._fetch_user_info(token.token)
            if told.get("sub") != claims["sub"]:
                raise OAuth2Error("userinfo tells of someone else")
            claims = {**told, **claims}
        request.oidc_claims = claims  # type: ignore[attr-defined]
        return self.get_provider().sociallogin_from_response(request, {"id_token": claims})

    def _verified(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                id_token,
                self._key_of(id_token),
                algorithms=ALGORITHMS,
                audience=app.client_id,
                issuer=self.openid_config["issuer"],
                leeway=LEEWAY_SECONDS,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except (jwt.PyJWTError, KeyError, RecursionError) as error:
            raise OAuth2Error("the identity token does not hold") from error
        if not secrets.compare_digest(str(claims.get("nonce", "")), self.expected_nonce):
            raise OAuth2Error("the identity token is for another sign-in")
        return claims

    def _key_of(self, id_token: str) -> Any:
        with ProviderSession() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
            keys = jwt.PyJWKSet.from_dict(answer.json())
        header = jwt.get_unverified_header(id_token)
        if "kid" not in header and len(keys.keys) == 1:
            return keys.keys[0]
        return keys[header["kid"]]


class TenantCallbackView(OAuth2CallbackView):  # type: ignore[misc]
    """The way back; hands the nonce of the state on to the adapter."""

    def _get_state(self, request: HttpRequest, provider: Any) -> Any:
        state, response = super()._get_state(request, provider)
        self.adapter.expected_nonce = (state or {}).get("nonce") or secrets.token_hex(16)
        return state, response


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """What django-allauth asks of us: the tenant's provider, its people, our pages."""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """Return the one provider of the request's tenant, made from its row."""
        del provider, client_id
        tenant: Tenant | None = getattr(request, "tenant", None)
        found = identity_provider_of(tenant) if tenant else None
        if found is None:
            return []
        return [
            SocialApp(
                provider=TenantProvider.id,
                provider_id=PROVIDER_ID,
                name=found.name,
                client_id=found.client_id,
                secret=found.secret,
                settings={"server_url": found.issuer, "oauth_pkce_enabled": True},
            )
        ]

    def get_requests_session(self) -> requests.Session:
        """Return the session that goes to permitted addresses only."""
        return ProviderSession()

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Decide who this is and whether they may come in, before anyone is signed in."""
        tenant: Tenant = request.tenant  # type: ignore[attr-defined]
        provider = identity_provider_of(tenant)
        if provider is None:
            raise NotFoundError("There is no identity provider here.")
        linked = sociallogin.user if sociallogin.is_existing else None
        claims = request.oidc_claims  # type: ignore[attr-defined]
        user = person_of(tenant=tenant, provider=provider, claims=claims, linked=linked)
        if linked is None:
            link(tenant=tenant, user=user, account=sociallogin.account)
        sociallogin.user = user

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, *_args: Any, **_kwargs: Any
    ) -> None:
        """Tell that sign-in by the provider failed; why is nobody else's concern."""
        del provider
        raise ImmediateHttpResponse(refused(request, _not_completed()))


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """django-allauth's own account pages are not in use: nobody signs up, no messages are told."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody makes an account by themselves."""
        del request
        return False

    def add_message(self, *_args: Any, **_kwargs: Any) -> None:
        """Tell nothing on the next page."""

    def is_safe_url(self, url: str | None) -> bool:
        """Whether the address is on the host of the request; other tenants' hosts are not."""
        host = self.request.get_host() if self.request else None
        return url_has_allowed_host_and_scheme(url, allowed_hosts={host} if host else None)


def start(request: HttpRequest) -> HttpResponse:
    """Lead to the tenant's provider; the way is fixed here, none of it read from the address."""
    adapter = TenantOidcAdapter(request)
    try:
        provider = adapter.get_provider()
    except SocialApp.DoesNotExist as error:
        raise NotFoundError("There is no identity provider here.") from error
    if not request.user.is_authenticated:
        request.session.set_expiry(WAY_SECONDS)
    nonce, target = secrets.token_urlsafe(24), request.GET.get("next", "")
    is_safe = url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()})
    response: HttpResponse = provider.redirect(
        request,
        "login",
        next_url=target if is_safe else None,
        auth_params={"nonce": nonce},
        nonce=nonce,
    )
    return response


def callback(request: HttpRequest) -> HttpResponse:
    """Take who comes back from the provider, or tell why not; refusals are recorded.

    Past a number of them an address is told to wait: each is an event in the tenant's chain, and
    anybody may come here. Raises `SignInLockedError` then.
    """
    require_unlocked(request, PROVIDER)
    try:
        response: HttpResponse = TenantCallbackView.adapter_view(TenantOidcAdapter(request))(
            request
        )
    except SocialApp.DoesNotExist as error:
        raise NotFoundError("There is no identity provider here.") from error
    except (SignInRefusedError, IdentityProviderError) as error:
        return refused(request, error)
    return response


def refused(request: HttpRequest, error: FrostbyteError) -> HttpResponse:
    """Record a refusal in the tenant's chain, and tell it."""
    count_failure(request, PROVIDER)
    record_failure(request, component="oidc", resource="sign-in")
    return render(request, "error.html", {"error": error}, status=error.http_status)


def _not_completed() -> SignInRefusedError:
    return SignInRefusedError(
        "The sign-in at the identity provider was not completed.",
        remediation="Begin again at the sign-in page.",
    )
