"""Windows in which pages are tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

DESKTOP, PHONE, SMALL_PHONE = (1280, 800), (390, 844), (360, 740)
Open = Callable[..., Any]
"""What the fixture `open_page` is: a page's path, the window's size, the system's colours, and whether scripts run."""


def choose_all(page: Any, of: str) -> int:
    """Choose each option of each list that can be seen in the parts `of` in turn, then the one from before; how often.

    By events within the page: by mouse it takes three times as long.
    """
    script = """async (of) => {
        let chosen = 0;
        for (const part of document.querySelectorAll(of)) {
            for (const list of part.querySelectorAll("select")) {
                if (!list.checkVisibility()) continue;
                for (const place of [...Array(list.options.length).keys(), list.selectedIndex]) {
                    list.selectedIndex = place;
                    chosen++;
                    for (const kind of ["input", "change"]) list.dispatchEvent(new Event(kind, { bubbles: true }));
                    await new Promise((shown) => setTimeout(shown));
                }
            }
        }
        return chosen;
    }"""
    chosen: int = page.evaluate(script, of)
    return chosen
