"""One message over HTTP: to the address that was checked, within a time, no further than there, reading little back."""

import asyncio
import ssl
import time
from dataclasses import dataclass
from types import TracebackType

import httpx

from central.webhooks.address import Pinned
from central.webhooks.queue import KEPT_BODY, Answer

USER_AGENT = "sgc-webhooks/1"


@dataclass(frozen=True)
class Post:
    """A message to be sent."""

    to: Pinned
    headers: dict[str, str]
    body: bytes


class Sender:
    """An HTTP client with a loop of its own, for one thread; a whole exchange takes at most ``timeout_s``.

    ``trusted`` says whose certificates are believed: by default those the world believes.
    """

    def __init__(self, timeout_s: float, trusted: ssl.SSLContext | None = None) -> None:
        self._timeout_s = timeout_s
        self._trusted = trusted or httpx.create_ssl_context(trust_env=False)
        self._runner = asyncio.Runner()
        self._name = ""
        self._client = self._new_client()

    def __enter__(self) -> "Sender":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def send(self, post: Post) -> Answer:
        """Send and wait; every way to fail is an answer without a status."""
        started = time.monotonic()
        if post.to.server_name != self._name:
            # Connections are kept by their address: one that was proved for another name there must not be used.
            self._runner.run(self._client.aclose())
            self._name, self._client = post.to.server_name, self._new_client()
        try:
            status, wait_s, body = self._runner.run(self._exchange(post))
        except TimeoutError:
            return Answer(None, error=f"no answer within {self._timeout_s:g} s", milliseconds=_since(started))
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Answer(None, error=f"{type(error).__name__}: {error}"[:500], milliseconds=_since(started))
        return Answer(status, body, milliseconds=_since(started), wait_s=wait_s)

    def _new_client(self) -> httpx.AsyncClient:
        # No proxy and no credentials from the environment, no redirects: the checked address and nothing else.
        return httpx.AsyncClient(timeout=self._timeout_s, follow_redirects=False, trust_env=False, verify=self._trusted)

    async def _exchange(self, post: Post) -> tuple[int, int | None, str]:
        fixed = {
            "Host": post.to.host,
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "Accept-Encoding": "identity",
        }
        request = self._client.build_request(
            "POST",
            post.to.url,
            content=post.body,
            headers=fixed | post.headers,
            extensions={"sni_hostname": post.to.server_name},
        )
        async with asyncio.timeout(self._timeout_s):
            answer = await self._client.send(request, stream=True)
            try:
                return answer.status_code, _asked_wait(answer), await _beginning(answer)
            finally:
                await answer.aclose()


async def _beginning(answer: httpx.Response) -> str:
    """The first bytes of a body as text; what would follow is not read."""
    read = b""
    async for chunk in answer.aiter_raw():
        read += chunk
        if len(read) >= KEPT_BODY:
            break
    return read[:KEPT_BODY].decode(errors="replace")


def _asked_wait(answer: httpx.Response) -> int | None:
    """The seconds of a Retry-After (RFC 9110, 10.2.3); its form as a date is passed over."""
    asked = answer.headers.get("retry-after", "")
    return int(asked[:9]) if asked.isdecimal() and asked.isascii() else None


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
