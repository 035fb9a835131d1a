from django.apps import AppConfig
from django.core import checks


class ProcessingConfig(AppConfig):
    name = "processing"

    def ready(self) -> None:
        from intake.signals import batch_received, document_received
        from processing.checks import check_pipeline
        from processing.embedders import check_embedders
        from processing.parsers import check_parsers
        from processing.receivers import settle_received, start_first_run

        for check in (check_pipeline, check_parsers, check_embedders):
            checks.register(check, "processing")
        document_received.connect(start_first_run, dispatch_uid="processing.start_first_run")
        batch_received.connect(settle_received, dispatch_uid="processing.settle_received")
