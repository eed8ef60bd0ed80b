"""Whether an address still answers: opened, nothing of it fetched."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from safebench.weights.fetch.downloads import CONNECT, PAUSE, TIMEOUT, DownloadError
from safebench.weights.fetch.sources import address, parse

if TYPE_CHECKING:
    from requests import Response, Session

TRIES = 3
"""How often a server that is busy or out of reach is asked."""
_ASKED_FOR_THE_HEAD = (403, 405, 501)
"""Answers of servers that want the file to be asked for, and may give it then."""
_LOGIN = "https://accounts.google.com/"


class UnreachableError(DownloadError):
    """A server did not answer, so that nothing is known of what lies there."""


def check_answers(text: str, *, size: int = 0, page: bool = False) -> None:
    """Open what a card names, without fetching it: a source (`hf://...`, `gdrive://ID`, `https://...`), or a page.

    size: of the file in bytes, 0 where it is not known; compared with what the server says of it.
    page: whether a web page is what belongs there.  Raises DownloadError where another thing answers than belongs
    there, or nothing for good (not found, another size, a login); UnreachableError where there is no telling.
    """
    import requests

    url, headers = address(parse(text))
    with requests.Session() as session:
        for again in range(TRIES):
            try:
                with _opened(session, url, dict(headers)) as response:
                    if not _is_busy(response):
                        _judge(response, text, size=size, page=page or text.startswith("gdrive://"))
                        return
                    reason = f"the server answered with an error ({response.status_code})"
            except requests.exceptions.RequestException as error:
                reason = f"no answer from the server ({type(error).__name__})"
            time.sleep(PAUSE * 2**again)
    raise UnreachableError(f"{text}: {reason}, {TRIES} times in a row")


def _opened(session: Session, url: str, headers: dict[str, str]) -> Response:
    """The answer of a server, its body unread: to HEAD, or to the file's first byte where HEAD is not answered."""
    headers["Accept-Encoding"] = "identity"
    timeout = (CONNECT, TIMEOUT)
    response = session.head(url, headers=headers, timeout=timeout, allow_redirects=True)
    if response.status_code not in _ASKED_FOR_THE_HEAD:
        return response
    response.close()
    return session.get(url, headers={**headers, "Range": "bytes=0-0"}, timeout=timeout, stream=True)


def _is_busy(response: Response) -> bool:
    return response.status_code == 429 or response.status_code >= 500


def _judge(response: Response, text: str, *, size: int, page: bool) -> None:
    status = response.status_code
    if status not in (200, 206):
        raise DownloadError(f"{text}: {'not found' if status in (404, 410) else 'the server refuses it'} ({status})")
    if response.url.startswith(_LOGIN):
        raise DownloadError(f"{text}: only for those who log in")
    if page:
        return
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise DownloadError(f"{text}: a web page is there instead of the file")
    said = response.headers.get("Content-Range", "").rpartition("/")[2] or response.headers.get("Content-Length", "")
    if size and said.isdecimal() and int(said) != size:
        raise DownloadError(f"{text}: the file there has {said} bytes, not {size}")
