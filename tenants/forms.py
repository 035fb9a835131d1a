"""Sign-in, and what an operator fills in."""

from datetime import UTC, datetime, time
from typing import Any

import structlog
from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.utils import timezone
from redis.exceptions import RedisError

from tenants.access.lockout import record_failure
from tenants.access.oidc.config import password_allowed
from tenants.access.roles import TENANT_ROLES
from tenants.models import Scope, Tenant

log = structlog.get_logger("frostbyte.tenants")


class SignInForm(AuthenticationForm):
    """Django's sign-in; each failure is an audit event, without the name that was typed."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "User name and password do not fit together. Capital letters matter.",
    }

    def clean(self) -> dict[str, Any]:
        """Check the password; raises `ValidationError` after recording the failure."""
        tenant: Tenant | None = getattr(self.request, "tenant", None)
        if not password_allowed(tenant):
            raise ValidationError("Passwords are not in use here.")
        try:
            return super().clean()
        except ValidationError:
            if self.request is not None:
                record_failure(self.request, component="pages", resource="sign-in")
            raise
        except (RedisError, OSError) as error:
            log.warning("sign-in without the cache", error=type(error).__name__)
            raise ValidationError(
                "Nobody can sign in at this moment. Try again in a minute."
            ) from error


class OperatorSignInForm(SignInForm):
    """Sign-in at the console: only for operators."""

    def confirm_login_allowed(self, user: Any) -> None:
        """Refuse people who are no operators as if the password were wrong."""
        super().confirm_login_allowed(user)
        if not user.is_staff:
            raise self.get_invalid_login_error()


class CodeForm(forms.Form):
    """A code of the second factor, or a recovery code."""

    code = forms.CharField(
        label="Code",
        max_length=40,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )


class RoleForm(forms.Form):
    """A role to give."""

    role = forms.ChoiceField(
        choices=[(name, name) for name in TENANT_ROLES],
        help_text="tenant_user: search, own receipts. tenant_admin: all of it, and the people. "
        "auditor: the audit record alone.",
    )


class PersonForm(RoleForm):
    """A person to create; they set their own password."""

    username = forms.CharField(
        label="User name",
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off"}),
    )
    email = forms.EmailField(
        label="E-mail address",
        required=False,
        help_text="Needed where they sign in by the organisation's own identity provider.",
    )
    field_order = ("username", "email", "role")


class TenantForm(forms.Form):
    """A tenant to onboard."""

    slug = forms.CharField(
        max_length=100,
        help_text="Becomes its address. 3 to 31 characters: a-z, 0-9 and single hyphens.",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    name = forms.CharField(max_length=200, help_text="As its own people write it.")


class RemovalForm(forms.Form):
    """The confirmation that a removal needs."""

    confirm = forms.CharField(
        label="The tenant's slug",
        max_length=100,
        help_text="Type it exactly as it is shown above.",
        strip=False,
        widget=forms.TextInput(
            attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}
        ),
    )


class KeyForm(forms.Form):
    """An API key to issue."""

    name = forms.CharField(max_length=100, help_text="What it is for, to tell it apart.")
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        initial=[Scope.INGEST, Scope.QUERY],
        widget=forms.CheckboxSelectMultiple,
    )
    groups = forms.CharField(
        required=False,
        help_text="Names of the tenant's groups whose restricted collections it reads, separated "
        "by spaces. Empty: open collections only.",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    expires_on = forms.DateField(
        required=False,
        help_text="The last day on which it works, in UTC. Empty: until it is revoked.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def clean_groups(self) -> list[str]:
        """Return the names."""
        names: str = self.cleaned_data["groups"]
        return names.replace(",", " ").split()

    def clean_expires_on(self) -> datetime | None:
        """Return the end of the chosen day; raises `ValidationError` for a day that is over."""
        day = self.cleaned_data["expires_on"]
        if day is None:
            return None
        end = datetime.combine(day, time.max, tzinfo=UTC)
        if end <= timezone.now():
            raise ValidationError("That day is over.")
        return end
