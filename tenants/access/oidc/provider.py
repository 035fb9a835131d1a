"""Where django-allauth looks for the providers of an app."""

from tenants.access.oidc.flow import TenantProvider

provider_classes = [TenantProvider]
