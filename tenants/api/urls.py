"""Addresses of the operators' part of the API, below `/api/v1/` on the public host."""

from django.urls import path

from tenants.api import views

urlpatterns = [
    path("admin/tenants", views.TenantsView.as_view(), name="tenants"),
    path("admin/tenants/<slug:slug>", views.TenantView.as_view(), name="tenant"),
    path(
        "admin/tenants/<slug:slug>/suspend",
        views.TenantSuspendView.as_view(),
        name="tenant-suspend",
    ),
    path(
        "admin/tenants/<slug:slug>/resume", views.TenantResumeView.as_view(), name="tenant-resume"
    ),
]
