from django.apps import AppConfig


class OidcConfig(AppConfig):
    name = "tenants.access.oidc"
    label = "oidc"
