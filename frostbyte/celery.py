"""The Celery application: workers and beat find their tasks and settings here."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "frostbyte.settings.dev")
app = Celery("frostbyte")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
