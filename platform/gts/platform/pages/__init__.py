"""The web pages: rendered on the server, usable without scripts, better with them."""

from gts.platform.pages.errors import error_page
from gts.platform.pages.router import pages_router

__all__ = ["error_page", "pages_router"]
