"""The operators' console: Django's admin site, with pages of our own for what operators do."""

from typing import Any, ClassVar

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path, reverse

from tenants.access import second_step
from tenants.access.second_step import OperatorLoginView
from tenants.console import pages
from tenants.pages import shown_errors
from tenants.views import OwnPasswordView


class FrostbyteConsole(AdminSite):
    """Sign-in for operators and the pages behind it; shows no document of any tenant."""

    site_header = site_title = "Frostbyte console"
    password_change_done_template = "console/password_done.html"  # noqa: S105
    pages: ClassVar = (
        ("tenants/new/", pages.tenant_new, "tenant_new"),
        ("tenants/<slug:slug>/", pages.tenant_detail, "tenant"),
        ("tenants/<slug:slug>/suspend/", pages.tenant_suspend_page, "tenant_suspend"),
        ("tenants/<slug:slug>/resume/", pages.tenant_resume_page, "tenant_resume"),
        ("tenants/<slug:slug>/retry/", pages.tenant_retry_page, "tenant_retry"),
        ("tenants/<slug:slug>/remove/", pages.tenant_remove_page, "tenant_remove"),
        ("tenants/<slug:slug>/settings/", pages.tenant_settings_page, "tenant_settings"),
        ("tenants/<slug:slug>/keys/new/", pages.key_new, "key_new"),
        ("keys/<str:key_id>/revoke/", pages.key_revoke, "key_revoke"),
        ("audit/", pages.audit_events, "audit_events"),
        ("audit/<str:chain>/verify/", pages.audit_chain, "audit_chain"),
    )

    steps: ClassVar = (
        ("code/", second_step.code_page, "code"),
        ("second-factor/", second_step.totp_page, "totp"),
        ("second-factor/qr.svg", second_step.totp_picture, "totp_picture"),
    )
    """Pages that come before sign-in is complete."""

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponseBase:
        """Change one's own password, as a tenant's people do."""
        page = OwnPasswordView.as_view(
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return page(request)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Put our pages before the site's own."""
        ours = [path(at, self.admin_view(page), name=name) for at, page, name in self.pages]
        steps = [path(at, shown_errors(page), name=name) for at, page, name in self.steps]
        return [*ours, *steps, *super().get_urls()]

    def login(  # type: ignore[override]
        self, request: HttpRequest, extra_context: object = None
    ) -> HttpResponseBase:
        """Take the password, the first of two steps; who is in is led to the tenants."""
        del extra_context
        if request.method == "GET" and self.has_permission(request):
            return redirect("admin:index")
        return OperatorLoginView.as_view()(request)

    def index(  # type: ignore[override]
        self, request: HttpRequest, extra_context: object = None
    ) -> HttpResponse:
        """Show the tenants."""
        return pages.tenants_page(request)


console = FrostbyteConsole(name="console")
