"""The WSGI entry point, for servers that want it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "frostbyte.settings.dev")
application = get_wsgi_application()


from tenants.database.pooling import refuse_pooling_proxy  # noqa: E402 - settings come first

refuse_pooling_proxy()
