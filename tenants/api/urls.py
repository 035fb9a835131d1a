"""Addresses below `/api/v1/`: of tokens on any host (`tokens`), of operators on the public one."""

from typing import Final

from django.urls import path

from tenants.api import quotas, views

tokens: Final = [path("auth/token", views.TokenView.as_view(), name="token")]
urlpatterns = [
    path("admin/tenants", views.TenantsView.as_view(), name="tenants"),
    path("admin/tenants/<slug:slug>", views.TenantView.as_view(), name="tenant"),
    path(
        "admin/tenants/<slug:slug>/suspend",
        views.TenantSuspendView.as_view(),
        name="tenant-suspend",
    ),
    path(
        "admin/tenants/<slug:slug>/quotas",
        quotas.TenantQuotasView.as_view(),
        name="tenant-quotas",
    ),
    path(
        "admin/tenants/<slug:slug>/configuration-history",
        quotas.ConfigurationHistoryView.as_view(),
        name="configuration-history",
    ),
    path(
        "admin/configuration-schema",
        quotas.ConfigurationSchemaView.as_view(),
        name="configuration-schema",
    ),
    path(
        "admin/tenants/<slug:slug>/resume", views.TenantResumeView.as_view(), name="tenant-resume"
    ),
]
