"""All settings, joined from one module a concern."""

from frostbyte.settings.database import *  # noqa: F403
from frostbyte.settings.env import PROJECT_DIR, environment
from frostbyte.settings.logs import *  # noqa: F403
from frostbyte.settings.queue import *  # noqa: F403
from frostbyte.settings.rest import *  # noqa: F403
from frostbyte.settings.stores import *  # noqa: F403
from frostbyte.settings.web import *  # noqa: F403

DEBUG = False
FROSTBYTE_HOME = environment().home
__all__ = [name for name in dir() if name.isupper()]
