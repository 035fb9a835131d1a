"""Addresses of sign-in, on a tenant's host (`urlpatterns`) and on the public one (`public`)."""

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from tenants import group_views, views
from tenants.console.site import console

urlpatterns = [
    path("login/", views.StaffLoginView.as_view(), name="login"),
    path("oidc/login/", views.oidc_start, name="oidc_login"),
    path("oidc/callback/", views.oidc_callback, name="oidc_callback"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("sign-out-everywhere/", views.sign_out_everywhere, name="sign_out_everywhere"),
    path("password/", views.OwnPasswordView.as_view(), name="password"),
    path("invitation/<uidb64>/<token>/", views.InvitationView.as_view(), name="invitation"),
    path("audit/", views.audit, name="audit"),
    path("audit/verify/", views.audit_verify, name="audit_verify"),
    path("people/", views.people, name="people"),
    path("people/new/", views.person_new, name="person_new"),
    path("people/<str:username>/role/", views.person_role, name="person_role"),
    path("people/<str:username>/active/", views.person_active, name="person_active"),
    path("people/<str:username>/invite/", views.person_invite, name="person_invite"),
    path("groups/", group_views.groups, name="groups"),
    path("groups/<slug:group>/", group_views.group_page, name="group"),
    path("groups/<slug:group>/members/", group_views.group_member, name="group_member"),
    path("groups/<slug:group>/delete/", group_views.group_remove_page, name="group_remove"),
]
public: list[URLPattern | URLResolver] = [
    path("", views.landing, name="landing"),
    path("login/", RedirectView.as_view(pattern_name="admin:login"), name="login"),
    path("sign-out-everywhere/", views.sign_out_everywhere, name="sign_out_everywhere"),
    path("console/", console.urls),
]
