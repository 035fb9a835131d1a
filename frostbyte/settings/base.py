"""All settings, joined from one module a concern."""

from frostbyte.settings.access import *  # noqa: F403
from frostbyte.settings.database import *  # noqa: F403
from frostbyte.settings.env import environment
from frostbyte.settings.logs import *  # noqa: F403
from frostbyte.settings.queue import *  # noqa: F403
from frostbyte.settings.rest import *  # noqa: F403
from frostbyte.settings.stores import *  # noqa: F403
from frostbyte.settings.web import *  # noqa: F403

DEBUG = False
FROSTBYTE_HOME = environment().home
