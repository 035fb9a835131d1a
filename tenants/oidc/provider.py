"""Where django-allauth looks for the providers of an app."""

from tenants.oidc.flow import TenantProvider

provider_classes = [TenantProvider]
