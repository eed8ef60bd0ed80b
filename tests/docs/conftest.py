"""The browser of the reports' tests, for the documentation's pages."""

from tests.reports.conftest import chromium, open_page

__all__ = ["chromium", "open_page"]
