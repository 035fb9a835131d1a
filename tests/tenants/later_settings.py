"""The tests' settings with the later version's migrations."""

from frostbyte.settings.test import *  # noqa: F403
from frostbyte.settings.test import MIGRATION_MODULES as _MIGRATION_MODULES

MIGRATION_MODULES = {**_MIGRATION_MODULES, "search": "tests.tenants.later"}
