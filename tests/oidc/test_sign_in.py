"""Sign-in by a real provider: who comes in, as what, and every way that must not lead in."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client

from audit.models import AuditEvent
from frostbyte.kernel.errors import ValidationError
from tenants.access.lockout import NOISE_LIMIT
from tenants.access.oidc.config import (
    identity_provider_of,
    identity_provider_remove,
    identity_provider_set,
)
from tenants.access.oidc.flow import WAY_SECONDS
from tenants.access.oidc.http import ProviderSession, discover
from tenants.access.people import staff_create, staff_set_active
from tenants.access.roles import AUDITOR, TENANT_ADMIN, TENANT_ROLES, TENANT_USER, role_of
from tenants.context import tenant_context
from tenants.errors import IdentityProviderError
from tenants.models import Tenant
from tests.oidc.conftest import (
    SECRET,
    Between,
    Provider,
    Rewrite,
    begin,
    browser,
    come_back,
    configure,
    sign_in,
)

PASSWORD = "correct-horse-battery"


def is_in(client: Client) -> bool:
    return client.get("/", follow=True).request["PATH_INFO"] in ("/", "/audit/")


def people(tenant: Tenant) -> dict[str, str]:
    """The tenant's people and their roles."""
    with tenant_context(tenant):
        return {
            user.get_username(): role_of(user, roles=TENANT_ROLES) for user in User.objects.all()
        }


def refusals(tenant: Tenant) -> int:
    events = AuditEvent.objects.filter(tenant=tenant.slug, event_type="LOGIN_FAILED")
    return events.filter(details__component="oidc").count()


def test_a_new_person_comes_in_with_the_default_role(
    acme: Tenant, globex: Tenant, provider: Provider
) -> None:
    configure(acme, provider.issuer)
    client = browser(acme)
    sub = provider.person("new", preferred_username="Nia Ng")
    answer = sign_in(client, provider, sub)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert is_in(client)
    assert people(acme) == {"NiaNg": "tenant_user"}
    assert people(globex) == {}
    with tenant_context(acme):
        account = SocialAccount.objects.get()
        assert (account.provider, account.uid, account.extra_data) == ("oidc", "new", {})
        assert not User.objects.get().has_usable_password()
    with tenant_context(globex):
        assert not SocialAccount.objects.exists()
    again = browser(acme)
    sign_in(again, provider, sub)
    assert is_in(again)
    assert len(people(acme)) == 1


def test_the_way_there_has_state_nonce_and_pkce_and_goes_where_it_is_sent(
    acme: Tenant, globex: Tenant, provider: Provider
) -> None:
    configure(acme, provider.issuer)
    client = browser(acme)
    hostile = (
        "/oidc/login/?scope=admin&auth_params=redirect_uri%3Dhttps://evil.example&process=connect"
    )
    parts = urlsplit(begin(client, hostile))
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert f"{parts.scheme}://{parts.netloc}" == provider.issuer
    assert asked["redirect_uri"] == "http://acme.localhost/oidc/callback/"
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert len(asked["nonce"]) >= 32
    assert asked["state"]
    other = parse_qs(urlsplit(begin(client)).query)
    assert other["nonce"][0] != asked["nonce"]
    assert other["state"][0] != asked["state"]


def test_the_page_that_was_asked_for_is_where_it_ends(
    acme: Tenant, globex: Tenant, provider: Provider
) -> None:
    configure(acme, provider.issuer)
    client, sub = browser(acme), provider.person("nxt")
    page = client.get("/login/?next=/search/").text
    assert "Sign in with Example ID" in page
    assert "/oidc/login/?next=/search/" in page
    address = provider.consent(begin(client, "/oidc/login/?next=/search/"), sub)
    assert come_back(client, address).headers["Location"] == "/search/"
    for hostile in ("https://evil.example/", "//evil.example/", "http://globex.localhost/"):
        elsewhere = browser(acme)
        address = provider.consent(begin(elsewhere, f"/oidc/login/?next={hostile}"), sub)
        assert come_back(elsewhere, address).headers["Location"] == "/"


def test_a_person_who_is_known_by_verified_e_mail_is_linked(
    acme: Tenant, globex: Tenant, provider: Provider
) -> None:
    configure(acme, provider.issuer, default_role="")
    staff_create(tenant=acme, username="ada", role=TENANT_ADMIN, email="Ada@example.com")
    client = browser(acme)
    sub = provider.person("ada")
    sign_in(client, provider, sub)
    assert is_in(client)
    assert people(acme) == {"ada": "tenant_admin"}
    told = AuditEvent.objects.filter(tenant="acme", event_type="STAFF_CHANGED").get()
    assert (told.resource_id, told.details["changed"]) == ("ada", "identity linked")
    assert "example.com" not in str(told.details)
    provider.person("ada", email="moved@example.com", email_verified=False)
    again = browser(acme)
    sign_in(again, provider, sub)
    assert is_in(again)


@pytest.mark.parametrize(
    "claims",
    [{"email_verified": False}, {"email_verified": "true"}, {"email": ""}, {"email": None}],
)
def test_an_e_mail_that_is_not_verified_opens_nobodys_account(
    acme: Tenant, globex: Tenant, provider: Provider, claims: dict[str, Any]
) -> None:
    configure(acme, provider.issuer)
    staff_create(tenant=acme, username="vic", role=TENANT_ADMIN, email="vic@example.com")
    client = browser(acme)
    answer = sign_in(client, provider, provider.person("vic", **claims))
    assert answer.status_code == 403
    assert "has not verified" in answer.text
    assert not is_in(client)
    with tenant_context(acme):
        assert not SocialAccount.objects.exists()
    assert (refusals(acme), refusals(globex)) == (1, 0)


def test_other_e_mail_domains_are_refused(acme: Tenant, globex: Tenant, provider: Provider) -> None:
    configure(acme, provider.issuer, email_domains=["example.com", "@Example.org"])
    for email, status in (
        ("a@example.com", 302),
        ("b@EXAMPLE.ORG", 302),
        ("c@evil.example", 403),
        ("d@example.com.evil.example", 403),
        ("e@sub.example.com", 403),
    ):
        sub = provider.person(f"dom-{email[0]}", email=email)
        assert sign_in(browser(acme), provider, sub).status_code == status, email
    assert len(people(acme)) == 2


def test_unknown_people_are_refused_where_no_role_is_given(
    acme: Tenant, globex: Tenant, provider: Provider
) -> None:
    configure(acme, provider.issuer, default_role="")
    answer = sign_in(browser(acme), provider, provider.person("stranger"))
    assert answer.status_code == 403
    assert "not known here" in answer.text
    assert people(acme) == {}


def test_groups_decide_the_role_at_each_sign_in(
    acme: Tenant, globex: Tenant, provider: Provider
) -> None:
    rules = [("fb-admins", TENANT_ADMIN), ("fb-audit", AUDITOR)]
    configure(acme, provider.issuer, default_role="", role_claim="groups", roles=rules)
    sub = provider.person("gil", groups=["staff", "fb-audit"])
    sign_in(browser(acme), provider, sub)
    assert people(acme) == {"gil": "auditor"}
    provider.person("gil", groups=["fb-admins", "fb-audit"])
    client = browser(acme)
    sign_in(client, provider, sub)
    assert people(acme) == {"gil": "tenant_admin"}
    staff_create(tenant=acme, username="ada", role=TENANT_ADMIN)
    provider.person("gil", groups="staff")
    answer = sign_in(browser(acme), provider, sub)
    assert answer.status_code == 403
    assert "None of your groups" in answer.text


def test_a_deactivated_person_stays_out(acme: Tenant, globex: Tenant, provider: Provider) -> None:
    configure(acme, provider.issuer)
    sub = provider.person("dee")
    client = browser(acme)
    sign_in(client, provider, sub)
    with tenant_context(acme):
        user = User.objects.get()
        staff_set_active(tenant=acme, user=user, is_active=False, actor="user:ada")
    assert not is_in(client)
    answer = sign_in(client, provider, sub)
    assert answer.status_code == 403
    assert "deactivated" in answer.text
    assert not is_in(client)


def test_signing_in_changes_the_sessions_name(
    acme: Tenant, globex: Tenant, provider: Provider
) -> None:
    configure(acme, provider.issuer)
    client = browser(acme)
    address = provider.consent(begin(client), provider.person("rot"))
    before = client.cookies["sessionid"].value
    come_back(client, address)
    assert client.cookies["sessionid"].value != before


@pytest.mark.parametrize("state", ["", "another", None])
def test_a_wrong_state_leads_nowhere(
    acme: Tenant, globex: Tenant, provider: Provider, state: str | None
) -> None:
    configure(acme, provider.issuer)
    client = browser(acme)
    address = provider.consent(begin(client), provider.person("sta"))
    right = parse_qs(urlsplit(address).query)["state"][0]
    forged = address.replace(right, state) if state is not None else address.split("&state=")[0]
    answer = come_back(client, forged)
    assert answer.status_code == 403
    assert "was not completed" in answer.text
    assert not is_in(client)
    assert refusals(acme) == 1


def test_a_state_counts_once_and_in_its_own_browser(
    acme: Tenant, globex: Tenant, provider: Provider
) -> None:
    configure(acme, provider.issuer)
    client, thief = browser(acme), browser(acme)
    address = provider.consent(begin(client), provider.person("one"))
    begin(thief)
    assert come_back(thief, address).status_code == 403
    assert come_back(client, address).status_code == 302
    client.post("/logout/")
    assert come_back(client, address).status_code == 403
    assert not is_in(thief)


def test_a_wrong_nonce_is_refused(acme: Tenant, globex: Tenant, provider: Provider) -> None:
    configure(acme, provider.issuer)
    client = browser(acme)
    address = provider.consent(begin(client), provider.person("non"))
    with tenant_context(acme):
        session = SessionStore(client.cookies["sessionid"].value)
        for state, _at, _provider in session["socialaccount_states"].values():
            assert len(state["nonce"]) >= 32
            state["nonce"] = "another"
        session.save()
    assert come_back(client, address).status_code == 403
    assert not is_in(client)


def test_a_code_of_another_walk_is_refused(
    acme: Tenant, globex: Tenant, provider: Provider
) -> None:
    configure(acme, provider.issuer)
    victim, thief = browser(acme), browser(acme)
    stolen = parse_qs(urlsplit(provider.consent(begin(victim), provider.person("vim"))).query)
    own = provider.consent(begin(thief), provider.person("thf"))
    code = parse_qs(urlsplit(own).query)["code"][0]
    answer = come_back(thief, own.replace(code, stolen["code"][0]))
    assert answer.status_code == 403
    assert not is_in(thief)


def test_one_tenants_walk_is_nothing_at_the_other(
    acme: Tenant, globex: Tenant, provider: Provider
) -> None:
    for tenant in (acme, globex):
        configure(tenant, provider.issuer)
    at_acme, at_globex = browser(acme), browser(globex)
    sub = provider.person("hop")
    address = provider.consent(begin(at_acme), sub)
    begin(at_globex)
    at_globex.cookies["sessionid"] = at_acme.cookies["sessionid"].value
    assert come_back(at_globex, address).status_code == 403
    own = browser(globex)
    asked = begin(own)
    mixed = provider.consent(asked, sub)
    code = parse_qs(urlsplit(address).query)["code"][0]
    mine = parse_qs(urlsplit(mixed).query)["code"][0]
    assert come_back(own, mixed.replace(mine, code)).status_code == 403
    assert people(globex) == {}
    assert not is_in(own)


def test_one_tenants_account_is_not_the_others(
    acme: Tenant, globex: Tenant, provider: Provider
) -> None:
    configure(acme, provider.issuer)
    configure(globex, provider.issuer, default_role="")
    sub = provider.person("two")
    assert sign_in(browser(acme), provider, sub).status_code == 302
    assert sign_in(browser(globex), provider, sub).status_code == 403
    assert (len(people(acme)), len(people(globex))) == (1, 0)


def test_a_person_who_refuses_there_is_told(
    acme: Tenant, globex: Tenant, provider: Provider
) -> None:
    configure(acme, provider.issuer)
    client = browser(acme)
    answer = come_back(client, provider.deny(begin(client)))
    assert answer.status_code == 403
    assert "was not completed" in answer.text


def renamed(provider: Provider, name: Callable[[], str]) -> Rewrite:
    """Let the description name another issuer, and leave all else as it is."""

    def rewrite(path: str, content: bytes) -> bytes:
        if not path.endswith("openid-configuration"):
            return content
        return json.dumps({**json.loads(content), "issuer": name()}).encode()

    return rewrite


def test_a_provider_of_another_name_is_refused_when_set_and_later(
    acme: Tenant, globex: Tenant, provider: Provider, between: Callable[[Rewrite], Between]
) -> None:
    server = between(lambda _path, content: content)
    with pytest.raises(IdentityProviderError, match="another name"):
        configure(acme, server.issuer)
    assert identity_provider_of(Tenant.objects.get(slug="acme")) is None
    configure(acme, provider.issuer)
    acme.sign_in = {**acme.sign_in, "issuer": server.issuer}
    acme.save()
    answer = browser(acme).get("/oidc/login/")
    assert answer.status_code == 502
    assert "IDENTITY_PROVIDER_FAILED" in answer.text


def test_an_identity_token_of_another_issuer_is_refused(
    acme: Tenant, globex: Tenant, provider: Provider, between: Callable[[Rewrite], Between]
) -> None:
    server: Between
    server = between(renamed(provider, lambda: server.issuer))
    configure(acme, server.issuer)
    client = browser(acme)
    answer = come_back(client, provider.consent(begin(client), provider.person("iss")))
    assert answer.status_code == 403
    assert not is_in(client)


def test_a_name_at_another_issuer_is_another_person(
    acme: Tenant, globex: Tenant, provider: Provider, between: Callable[..., Between]
) -> None:
    configure(acme, provider.issuer)
    sign_in(browser(acme), provider, provider.person("one", preferred_username="Ada"))
    with tenant_context(acme):
        ada = User.objects.get(username="Ada")
    configure(globex, provider.issuer)
    sign_in(browser(globex), provider, "one")

    elsewhere = Provider(between(lambda _path, content: content, keep_host=True).issuer)
    identity_provider_set(tenant=acme, values={"issuer": elsewhere.issuer}, actor="tester")
    found = identity_provider_of(acme)
    assert found is not None
    assert found.secret == ""
    configure(acme, elsewhere.issuer)
    provider.person("one", email="mallory@example.org", preferred_username="Mallory")
    client = browser(acme)
    sign_in(client, elsewhere, "one")
    assert is_in(client)
    with tenant_context(acme):
        assert client.session["_auth_user_id"] != str(ada.pk)
        assert SocialAccount.objects.get().user.get_username() == "Mallory"
    with tenant_context(globex):
        assert SocialAccount.objects.count() == 1


def test_taking_the_provider_away_forgets_its_people(
    acme: Tenant, globex: Tenant, provider: Provider
) -> None:
    for tenant in (acme, globex):
        configure(tenant, provider.issuer)
        sign_in(browser(tenant), provider, provider.person("one"))
    identity_provider_remove(tenant=acme, actor="tester")
    for tenant, left in ((acme, 0), (globex, 1)):
        with tenant_context(tenant):
            assert SocialAccount.objects.count() == left
            assert User.objects.count() == 1


def test_someone_who_comes_back_from_nowhere_is_told_to_wait(
    acme: Tenant, globex: Tenant, provider: Provider
) -> None:
    """Each refusal is an event in the chain for good, and anybody may send such requests."""
    for tenant in (acme, globex):
        configure(tenant, provider.issuer)
    answers = [browser(acme).get("/oidc/callback/").status_code for _ in range(NOISE_LIMIT + 3)]
    assert set(answers[: NOISE_LIMIT - 1]) == {403}
    assert set(answers[NOISE_LIMIT:]) == {429}
    told = AuditEvent.objects.filter(tenant="acme", event_type__startswith="LOGIN_")
    assert told.count() == NOISE_LIMIT
    assert browser(globex).get("/oidc/callback/").status_code == 403


def test_a_session_on_the_way_to_the_provider_is_short(
    acme: Tenant, globex: Tenant, provider: Provider
) -> None:
    configure(acme, provider.issuer)
    client = browser(acme)
    begin(client)
    with tenant_context(acme):
        assert client.session.get_expiry_age() == WAY_SECONDS
    come_back(client, provider.consent(begin(client), provider.person("one")))
    with tenant_context(acme):
        assert client.session.get_expiry_age() > WAY_SECONDS
    with tenant_context(globex):
        assert not Session.objects.exists()


def unsigned(id_token: str) -> str:
    head = urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    return f"{head}.{id_token.split('.')[1]}."


def by_the_client_secret(id_token: str) -> str:
    claims = jwt.decode(id_token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(id_token)["kid"]
    return jwt.encode(claims, SECRET, algorithm="HS256", headers={"kid": kid})


def broken(id_token: str) -> str:
    head, body, signature = id_token.split(".")
    return f"{head}.{body}.{signature[:-8]}AAAAAAAA"


def over(id_token: str) -> str:
    return id_token.replace(".", "", 1)


FORGERS: dict[str, Callable[[str], str] | None] = {
    "none at all": lambda _token: "",
    "unsigned": unsigned,
    "signed by the client secret": by_the_client_secret,
    "a broken signature": broken,
    "no token": over,
    "the provider's own": None,
}


@pytest.mark.parametrize("kind", FORGERS)
def test_an_identity_token_must_be_signed_by_the_provider(
    acme: Tenant,
    globex: Tenant,
    provider: Provider,
    between: Callable[..., Between],
    kind: str,
) -> None:
    forge = FORGERS[kind]

    def rewrite(path: str, content: bytes) -> bytes:
        if forge is None or not path.endswith("/token"):
            return content
        told = json.loads(content)
        return json.dumps({**told, "id_token": forge(told["id_token"])}).encode()

    server = between(rewrite, keep_host=True)
    configure(acme, server.issuer)
    client = browser(acme)
    answer = come_back(client, provider.consent(begin(client), provider.person("sig")))
    assert answer.status_code == (302 if forge is None else 403), answer.text
    assert is_in(client) == (forge is None)


def test_a_redirect_of_the_provider_is_not_followed(
    provider: Provider, between: Callable[[Rewrite], Between]
) -> None:
    server = between(lambda _path, content: content)
    server.status["/.well-known/openid-configuration"] = 302
    with pytest.raises(IdentityProviderError):
        discover(server.issuer)


@pytest.mark.parametrize(
    "issuer",
    ["http://example.com", "ftp://127.0.0.1", "file:///etc/passwd", "https://", "http://10.0.0.1"],
)
def test_only_https_is_asked(acme: Tenant, globex: Tenant, issuer: str) -> None:
    with pytest.raises(IdentityProviderError, match="over https only"):
        configure(acme, issuer)


def test_private_addresses_are_asked_only_where_that_is_allowed(
    provider: Provider, settings: Any
) -> None:
    assert discover(provider.issuer)["issuer"] == provider.issuer
    settings.OIDC_PRIVATE_NETWORKS = False
    with pytest.raises(IdentityProviderError, match="does not answer"):
        discover(provider.issuer)
    with ProviderSession() as session, pytest.raises(IdentityProviderError):
        session.get("http://169.254.169.254/latest/meta-data")


def test_a_provider_that_is_away_is_told(acme: Tenant, globex: Tenant, provider: Provider) -> None:
    configure(acme, provider.issuer)
    acme.sign_in = {**acme.sign_in, "issuer": "http://127.0.0.1:1"}
    acme.save()
    answer = browser(acme).get("/oidc/login/")
    assert answer.status_code == 502
    assert browser(globex).get("/oidc/login/").status_code == 404
    assert browser(globex).get("/oidc/callback/?code=a&state=b").status_code == 404


def test_passwords_can_be_put_out_of_use(acme: Tenant, globex: Tenant, provider: Provider) -> None:
    for tenant in (acme, globex):
        staff_create(tenant=tenant, username="kim", password=PASSWORD)
    configure(acme, provider.issuer, password_allowed=False)
    client = browser(acme)
    page = client.get("/login/").text
    assert "Sign in with Example ID" in page
    assert 'name="password"' not in page
    answer = client.post("/login/", {"username": "kim", "password": PASSWORD})
    assert answer.status_code == 200
    assert not is_in(client)
    other = browser(globex)
    assert "Sign in with" not in other.get("/login/").text
    other.post("/login/", {"username": "kim", "password": PASSWORD})
    assert is_in(other)


def test_the_secret_is_sealed_and_told_to_nobody(
    acme: Tenant, globex: Tenant, provider: Provider, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    out = StringIO()
    call_command(
        "oidc", "set", "acme", "--name", "Example ID", "--issuer", f"{provider.issuer}/",
        "--client-id", "frostbyte", "--client-secret-file", str(tmp_path / "secret"),
        "--email-domain", "example.com", "--role-claim", "groups",
        "--role", "cn=admins,dc=example=tenant_admin", "--default-role", "tenant_user",
        "--passwords", "off", stdout=out,
    )  # fmt: skip
    row = Tenant.objects.get(slug="acme")
    found = identity_provider_of(row)
    assert found is not None
    assert found.secret == SECRET
    assert found.roles == (("cn=admins,dc=example", TENANT_ADMIN),)
    assert found.password_allowed is False
    assert "https://acme.localhost/oidc/callback/" in out.getvalue()
    event = AuditEvent.objects.filter(tenant="acme", event_type="SIGN_IN_CONFIGURED").get()
    for told in (out.getvalue(), str(row.sign_in), str(event.details)):
        assert SECRET not in told
    call_command("oidc", "set", "acme", "--passwords", "on", stdout=out)
    kept = identity_provider_of(Tenant.objects.get(slug="acme"))
    assert kept is not None
    assert (kept.secret, kept.password_allowed) == (SECRET, True)
    call_command("oidc", "remove", "acme", stdout=out)
    assert "Sign in with" not in browser(acme).get("/login/").text
    call_command("oidc", "show", "globex", stdout=out)
    assert "globex has no identity provider" in out.getvalue()


@pytest.mark.parametrize(
    "values",
    [
        {"name": ""},
        {"client_id": ""},
        {"default_role": "operator"},
        {"roles": [("a", "root")], "role_claim": "groups"},
        {"roles": [("a", TENANT_USER)]},
        {"unknown": 1},
    ],
)
def test_rules_that_cannot_be_are_told(
    acme: Tenant, globex: Tenant, provider: Provider, values: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        configure(acme, provider.issuer, **values)
    with pytest.raises(ValidationError):
        identity_provider_set(tenant=globex, values={"name": "x"}, actor="tester")


def test_the_command_says_what_is_wrong(acme: Tenant, globex: Tenant) -> None:
    with pytest.raises(CommandError, match="IDENTITY_PROVIDER_FAILED"):
        call_command(
            "oidc", "set", "acme", "--name", "x", "--issuer", "http://example.com",
            "--client-id", "x",
        )  # fmt: skip
