# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the certificate of a TLS listener and the status of an HTTP listener over an open connection."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

_CHUNK = 16384
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_GET = "GET / HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Said:
    """The result: the certificate in DER, the HTTP status, and an error as text."""

    certificate: bytes | None = None
    status: int | None = None
    trouble: str = ""


async def talk(sock: socket.socket, host: str, *, tls: bool, http: bool) -> Said:
    """Make a TLS handshake and send an HTTP request, each only if asked for. An error is returned, not raised."""
    stream = _Stream(sock, tls=tls)
    certificate, status = None, None
    try:
        if tls:
            await stream.shake_hands()
            certificate = stream.read_certificate()
        if http:
            status = await _get(stream, host)
    except (OSError, EOFError) as error:
        return Said(certificate, status, f"{'TLS' if tls and not certificate else 'HTTP'} failed: {_describe(error)}")
    return Said(certificate, status)


def _describe(error: Exception) -> str:
    return getattr(error, "reason", None) or str(error) or type(error).__name__


async def _get(stream: _Stream, host: str) -> int | None:
    await stream.send(_GET.format(f"[{host}]" if ":" in host else host).encode())
    head = b""
    while b"\r\n" not in head and len(head) < _CHUNK:
        received = await stream.receive()
        if not received:
            break
        head += received
    found = _STATUS.match(head)
    return int(found[1]) if found else None


class _Stream:
    """A connected socket, with or without TLS. Names and signatures are not verified, because no secret is sent."""

    def __init__(self, sock: socket.socket, *, tls: bool) -> None:
        self._sock = sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _make_context().wrap_bio(self._in, self._out) if tls else None

    async def shake_hands(self) -> None:
        while self._tls is not None:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            else:
                await self._flush()
                return

    def read_certificate(self) -> bytes | None:
        return self._tls.getpeercert(binary_form=True) if self._tls else None

    async def send(self, data: bytes) -> None:
        if self._tls is None:
            await asyncio.get_running_loop().sock_sendall(self._sock, data)
            return
        self._tls.write(data)
        await self._flush()

    async def receive(self) -> bytes:
        while self._tls is not None:
            try:
                return self._tls.read(_CHUNK)
            except ssl.SSLWantReadError:
                await self._fill()
        return await asyncio.get_running_loop().sock_recv(self._sock, _CHUNK)

    async def _flush(self) -> None:
        pending = self._out.read()
        if pending:
            await asyncio.get_running_loop().sock_sendall(self._sock, pending)

    async def _fill(self) -> None:
        received = await asyncio.get_running_loop().sock_recv(self._sock, _CHUNK)
        if not received:
            raise EOFError("the connection was closed")
        self._in.write(received)


@lru_cache(maxsize=1)
def _make_context() -> ssl.SSLContext:
    """Return the context that all connections share, because a new context takes 0.1 ms."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # Old versions of Kong offer protocols and ciphers that current OpenSSL disables by default.
    with suppress(ssl.SSLError):
        context.set_ciphers("ALL:@SECLEVEL=0")
    with suppress(ValueError):
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    return context
