from django.apps import AppConfig


class FrostbyteConfig(AppConfig):
    name = "frostbyte"

    def ready(self) -> None:
        # Whatever process this is, `shared_task` finds the configured Celery application.
        from frostbyte import celery  # noqa: F401
