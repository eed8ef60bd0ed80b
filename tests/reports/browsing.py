"""Windows in which pages are tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

DESKTOP, PHONE, SMALL_PHONE = (1280, 800), (390, 844), (360, 740)
Open = Callable[..., Any]
"""What the fixture `open_page` is: a page's path, the window's size, the system's colours, and whether scripts run."""
