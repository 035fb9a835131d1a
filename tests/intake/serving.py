"""A web server on the tests' own stores, as a process that can be killed.

python -m tests.intake.serving PORT DATABASE BUCKET_PREFIX WORK_FOLDER
"""

import os
import sys

import django
import uvicorn
from django.conf import settings

from frostbyte.kernel.bodies import StreamingASGIHandler


def main() -> None:
    """Serve until killed."""
    port, database, settings.BUCKET_PREFIX, settings.WORK_FOLDER = sys.argv[1:]
    settings.DATABASES["default"]["NAME"] = database
    django.setup()
    uvicorn.run(StreamingASGIHandler(), port=int(port), lifespan="off", log_level="warning")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "frostbyte.settings.test")
    main()
