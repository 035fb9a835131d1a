"""Addresses below `/api/v1/`: of tokens on any host (`tokens`), of a tenant's administrators
(`staff`), of operators on the public one.
"""

from typing import Final

from django.urls import path

from tenants.api import groups, keys, quotas, views

tokens: Final = [path("auth/token", views.TokenView.as_view(), name="token")]
staff: Final = [
    path("groups", groups.GroupsView.as_view(), name="groups"),
    path("groups/<slug:group>", groups.GroupView.as_view(), name="group"),
    path(
        "groups/<slug:group>/members/<str:username>",
        groups.MemberView.as_view(),
        name="group-member",
    ),
]
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
    path("admin/tenants/<slug:slug>/retry", views.TenantRetryView.as_view(), name="tenant-retry"),
    path(
        "admin/tenants/<slug:slug>/deprovision",
        views.TenantDeprovisionView.as_view(),
        name="tenant-deprovision",
    ),
    path("admin/tenants/<slug:slug>/keys", keys.TenantKeysView.as_view(), name="tenant-keys"),
    path(
        "admin/tenants/<slug:slug>/keys/<slug:key_id>/revoke",
        keys.TenantKeyRevokeView.as_view(),
        name="tenant-key-revoke",
    ),
]
