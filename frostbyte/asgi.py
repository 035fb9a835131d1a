"""The ASGI entry point."""

import os
import warnings

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "frostbyte.settings.dev")
# WhiteNoise streams from disk in blocks, which Django reads in a thread: as it should be.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous")
django.setup(set_prefix=False)


from frostbyte.kernel.bodies import StreamingASGIHandler  # noqa: E402 - the settings come first
from processing.warm import warm_up_questions  # noqa: E402 - the settings have to be read first
from tenants.database.pooling import refuse_pooling_proxy  # noqa: E402

refuse_pooling_proxy()
warm_up_questions()
application = StreamingASGIHandler()
