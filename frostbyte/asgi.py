"""The ASGI entry point."""

import os
import threading
import warnings

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "frostbyte.settings.dev")
# WhiteNoise streams from disk in blocks, which Django reads in a thread: as it should be.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous")
application = get_asgi_application()


def _load_model() -> None:
    """Load the embedding model before the first question asks for it."""
    from processing.embedders import get_embedder

    get_embedder()


threading.Thread(target=_load_model, name="load-model", daemon=True).start()
