from django.apps import AppConfig
from django.core import checks


class ProcessingConfig(AppConfig):
    name = "processing"

    def ready(self) -> None:
        from intake.signals import document_received
        from processing.checks import check_pipeline
        from processing.receivers import start_first_run

        checks.register(check_pipeline, "processing")
        document_received.connect(start_first_run, dispatch_uid="processing.start_first_run")
