from django.apps import AppConfig


class OidcConfig(AppConfig):
    name = "tenants.oidc"
    label = "oidc"
