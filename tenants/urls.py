"""Addresses of sign-in, on a tenant's host (`urlpatterns`) and on the public one (`public`)."""

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from tenants import views
from tenants.admin import console

urlpatterns = [
    path("login/", views.StaffLoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("password/", views.StaffPasswordView.as_view(), name="password"),
]
public: list[URLPattern | URLResolver] = [
    path("", views.landing, name="landing"),
    path("login/", RedirectView.as_view(pattern_name="admin:login"), name="login"),
    path("console/", console.urls),
]
