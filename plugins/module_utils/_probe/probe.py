# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connects from this host to many addresses and ports concurrently, and returns a result for each of them."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import random
import resource
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import is_port
from ansible_collections.gatehouse.kong.plugins.module_utils._probe.errors import (
    FILTERED,
    OPEN,
    REFUSED,
    SILENT,
    Answer,
    ask_for_icmp,
    classify,
    take_queued_icmp,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._probe.memberlist import (
    MessageError,
    make_marked_ping,
    make_ping,
    read_acks,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._probe.talk import Said, talk

if TYPE_CHECKING:
    from collections.abc import Sequence

# Open files of Python, asyncio and Ansible, in addition to the sockets of the probes.
_SPARE_FILES = 48

_LARGEST_DATAGRAM = 65535


class ProbeError(ValueError):
    """An invalid probe, or an error of this host that does not depend on the target."""


@dataclass(frozen=True)
class Probe:
    """A probe. `name` is the caller's label, `address` IPv4 or IPv6 text, `sockaddr` the target for a socket.

    `mark` identifies the datagrams of a `udp` probe; no other datagram contains it.
    """

    name: str
    kind: str
    address: str
    port: int
    family: socket.AddressFamily
    sockaddr: tuple[Any, ...]
    mark: int = field(default_factory=lambda: random.getrandbits(64) or 1)


@dataclass(frozen=True)
class Limits:
    """The limits: seconds for each try, tries for each probe, and number of concurrent probes."""

    timeout: float
    tries: int
    workers: int

    def __post_init__(self) -> None:
        if not 0 < self.timeout <= 60:
            raise ProbeError(f"timeout is {self.timeout!r}; it must be more than 0 and at most 60 seconds")
        if not 1 <= self.tries <= 10:
            raise ProbeError(f"tries is {self.tries!r}; it must be 1 to 10")
        if self.workers < 1:
            raise ProbeError(f"workers is {self.workers!r}; it must be at least 1")


def parse_probe(raw: Mapping[str, Any]) -> Probe:
    """Return a probe from an element of the module's option: name, kind, address (text), port (number).

    Raises ProbeError for an invalid value; the message names the probe and the value.
    """
    name, kind, text, port = raw["name"], raw["kind"], raw["address"], raw["port"]
    if kind not in _KINDS:
        raise ProbeError(f"probe {name!r}: kind is {kind!r}; it must be one of {', '.join(_KINDS)}")
    if not is_port(port):
        raise ProbeError(f"probe {name!r}: port is {port!r}; it must be 1 to 65535")
    family, sockaddr = _parse_target(name, text, port)
    return Probe(name, kind, text, port, family, sockaddr)


def _parse_target(name: str, text: str, port: int) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    try:
        # In Python 3.8 an address has no zone.
        address = ipaddress.ip_address(text.partition("%")[0])
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        # Only getaddrinfo converts the zone of a link-local address (%eth0) to the number that connect() needs.
        found = socket.getaddrinfo(text, port, family, socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (ValueError, socket.gaierror) as error:
        raise ProbeError(
            f"probe {name!r}: address is {text!r}; it must be an IPv4 or IPv6 address without a port, "
            f"host names are not looked up ({error})"
        ) from error
    # A connection to a wildcard reaches this host itself. A mapped address uses IPv4, although it looks like IPv6.
    if address.is_unspecified or address.is_multicast or getattr(address, "ipv4_mapped", None):
        raise ProbeError(f"probe {name!r}: address is {text!r}; it must be the address of one host")
    return family, found[0][4]


def run_probes(probes: Sequence[Probe], limits: Limits) -> list[dict[str, Any]]:
    """Run all probes and return a plain mapping for each, in the same order.

    At most `limits.workers` probes run concurrently, so each group of `workers` probes takes at most `tries * timeout`
    seconds. Raises ProbeError for an error of this host that does not depend on the target.
    """
    return asyncio.run(_run_all(probes, limits))


async def _run_all(probes: Sequence[Probe], limits: Limits) -> list[dict[str, Any]]:
    workers = asyncio.Semaphore(_limit_workers(limits.workers))

    async def run(probe: Probe) -> dict[str, Any]:
        async with workers:
            answer = await _run(probe, limits)
        return {
            "name": probe.name,
            "kind": probe.kind,
            "address": probe.address,
            "port": probe.port,
            "result": answer.result,
            "detail": answer.detail,
            "certificate": base64.b64encode(answer.certificate).decode() if answer.certificate else None,
            "status": answer.status,
            "mark": f"{probe.mark:016x}" if probe.kind == "udp" else None,
        }

    return list(await asyncio.gather(*map(run, probes)))


def _limit_workers(workers: int) -> int:
    """Return the number of probes that may run concurrently: each needs a socket, and the host limits open files."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return workers if files == resource.RLIM_INFINITY else max(1, min(workers, files - _SPARE_FILES))


async def _run(probe: Probe, limits: Limits) -> Answer:
    """Try until an answer arrives; each try has a new socket and so a new source port. Any answer is final."""
    for _attempt in range(limits.tries):
        answer = await _try(probe, limits.timeout)
        if answer is not None:
            return answer
    return Answer(SILENT if probe.kind == "udp" else FILTERED, f"no answer in {limits.tries} x {limits.timeout:g} s")


async def _try(probe: Probe, timeout: float) -> Answer | None:
    socket_type, exchange, talks = _KINDS[probe.kind]
    sock = None
    try:
        sock = socket.socket(probe.family, socket_type)
        sock.setblocking(False)
        ask_for_icmp(sock)
        answer = await asyncio.wait_for(exchange(sock, probe), timeout)
        return await _add_talk(answer, sock, probe, talks, timeout) if talks else answer
    # Before Python 3.11 these are two exceptions. The built-in exception is the kernel's ETIMEDOUT.
    except (asyncio.TimeoutError, TimeoutError):
        return None
    except OSError as error:
        failure = classify(error, take_queued_icmp(sock) if sock else None, tcp=socket_type == socket.SOCK_STREAM)
        if failure is None:
            raise ProbeError(f"probe {probe.name!r} cannot be made from this host: {error}") from error
        return failure
    finally:
        if sock:
            sock.close()


async def _add_talk(
    answer: Answer, sock: socket.socket, probe: Probe, talks: Mapping[str, bool], timeout: float
) -> Answer:
    """Return the answer with the results of TLS and HTTP. If these fail, the port is open nevertheless."""
    try:
        said = await asyncio.wait_for(talk(sock, probe.address, **talks), timeout)
    except (asyncio.TimeoutError, TimeoutError):
        said = Said(trouble=f"no answer to {'TLS' if talks['tls'] else 'HTTP'} in {timeout:g} s")
    detail = f"{answer.detail}; {said.trouble}" if said.trouble else answer.detail
    return Answer(answer.result, detail, said.certificate, said.status)


async def _connect(sock: socket.socket, probe: Probe) -> Answer:
    await asyncio.get_running_loop().sock_connect(sock, probe.sockaddr)
    return Answer(OPEN, "connected")


async def _ping(sock: socket.socket, probe: Probe) -> Answer:
    """Ping the target: a datagram from its address and port is an answer; other messages of memberlist are ignored."""
    loop, sequence = asyncio.get_running_loop(), random.getrandbits(32)
    sock.connect(probe.sockaddr)
    await loop.sock_sendall(sock, make_ping(sequence))
    while True:
        packet = await loop.sock_recv(sock, _LARGEST_DATAGRAM)
        try:
            if sequence in read_acks(packet):
                return Answer(OPEN, "ack")
        except MessageError as error:
            return Answer(REFUSED, f"the answer is no message of memberlist: {error}")


async def _knock(sock: socket.socket, probe: Probe) -> Answer:
    """Send a marked datagram: any datagram from the target's address and port is an answer."""
    loop = asyncio.get_running_loop()
    sock.connect(probe.sockaddr)
    await loop.sock_sendall(sock, make_marked_ping(probe.mark))
    count = len(await loop.sock_recv(sock, _LARGEST_DATAGRAM))
    return Answer(OPEN, f"answered with {count} byte{'' if count == 1 else 's'}")


# By kind of probe: the socket's type, the function that tells whether the port is open, and the options for `talk`.
_KINDS: Mapping[str, tuple[socket.SocketKind, Callable[..., Awaitable[Answer]], Mapping[str, bool]]] = {
    "tcp": (socket.SOCK_STREAM, _connect, {}),
    "tls": (socket.SOCK_STREAM, _connect, {"tls": True, "http": False}),
    "http": (socket.SOCK_STREAM, _connect, {"tls": False, "http": True}),
    "https": (socket.SOCK_STREAM, _connect, {"tls": True, "http": True}),
    "memberlist": (socket.SOCK_DGRAM, _ping, {}),
    "udp": (socket.SOCK_DGRAM, _knock, {}),
}
