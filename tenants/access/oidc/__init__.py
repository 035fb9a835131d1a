"""Sign-in by an organisation's own identity provider (OpenID Connect), through django-allauth."""
