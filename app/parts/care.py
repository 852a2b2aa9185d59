"""The net under every block of a page: what a person caused is told, a bug is logged without anybody's data."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from app.parts import theme
from medcore.errors import Refused
from medcore.i18n import _

LOG = logging.getLogger("app")


@contextmanager
def guarded() -> Iterator[None]:
    """Whatever goes wrong inside becomes one strip, and the page goes on beneath it."""
    try:
        yield
    except Refused as refused:
        theme.refused(refused)
    except Exception as error:
        # Where and what kind, never the message: it may hold what a person typed or uploaded.
        places = "".join(traceback.format_tb(error.__traceback__))
        LOG.error("%s\n%s", type(error).__name__, places)
        theme.refused(
            _("Something went wrong; nothing was lost."), _("Try again. If it stays, the log says where it happened.")
        )
