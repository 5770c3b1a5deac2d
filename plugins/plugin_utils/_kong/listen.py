# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kong's listen values: text to entries and back, for each generation.

All generations have one grammar, the list of 0.13 and later. Older generations can express a part of it. A value that the
Kong of a version accepts is accepted, except if its loader accepts the value and nginx or Serf then rejects it. Each such
case has its own code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import explain_hostless
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import make_plain
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import (
    Generation,
    Setting,
    format_known,
    format_versions_where,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen_address import (
    ANY_IPV4,
    ListenError,
    parse_address,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import quote_value

_FLAG_WORDS = frozenset(
    {
        *("ssl", "http2", "proxy_protocol", "transparent", "deferred", "bind", "reuseport", "udp"),
        *("ipv6only=on", "ipv6only=off", "so_keepalive=on", "so_keepalive=off"),
    }
)
_FLAG_FORMS = {
    "backlog=N": re.compile(r"backlog=[0-9]+"),
    "so_keepalive=T": re.compile(r"so_keepalive=[A-Za-z0-9]*:[A-Za-z0-9]*:[0-9]*"),
}
# The times in so_keepalive of nginx, in seconds and larger units.
_KEEPALIVE = re.compile(r"so_keepalive=(?!::$)(?:[0-9]+[yMwdhms]?)*:(?:[0-9]+[yMwdhms]?)*:[0-9]*")
_NOT_WITH_UDP = frozenset({"ssl", "proxy_protocol", "backlog", "so_keepalive"})
# With these options nginx opens a socket for an address although a wildcard of its family is on the same port.
_OWN_SOCKET = ("bind", "reuseport", "deferred", "transparent", "backlog=", "ipv6only=", "so_keepalive=")
_ADDRESS_LIKE = re.compile(r"[0-9]+|.*:[0-9]+|\[.*|unix:.*")


@dataclass(frozen=True, slots=True)
class ListenEntry:
    """An address and port, with the flags of nginx in the given order.

    ``address`` is canonical: IPv4 without leading zeros, IPv6 in its shortest form without brackets, ``*`` and names
    unchanged.
    """

    address: str
    port: int
    flags: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The family: ``ipv4``, ``ipv6`` or ``name``. For nginx ``*`` is the IPv4 wildcard."""
        return classify_address(self.address)

    @property
    def ssl(self) -> bool:
        """Whether the entry has TLS."""
        return "ssl" in self.flags


@cache
def classify_address(address: str) -> str:
    """Return ``ipv4``, ``ipv6`` or ``name`` for a canonical address of an entry."""
    if ":" in address:
        return "ipv6"
    return "ipv4" if address == "*" or address.replace(".", "").isdigit() else "name"


@cache
def has_own_socket(flags: tuple[str, ...]) -> bool:
    """Return whether nginx always opens a socket for an entry with these flags.

    Without such a flag, an address shares the socket of a wildcard on its port (measured with nginx 1.22).
    """
    return any(flag.startswith(_OWN_SOCKET) for flag in flags)


def render_entry(entry: ListenEntry) -> str:
    """Return the entry as text for Kong, IPv6 in brackets: ``[::1]:8001 ssl``."""
    address = f"[{entry.address}]" if ":" in entry.address else entry.address
    return " ".join((f"{address}:{entry.port}", *entry.flags))


@lru_cache(maxsize=8192)
def render_entries(entries: tuple[ListenEntry, ...]) -> str:
    """Return the entries as one value for Kong; ``off`` without entries."""
    return ", ".join(render_entry(entry) for entry in entries) or "off"


def parse_listen(value: object, generation: Generation, setting: Setting) -> tuple[ListenEntry, ...]:
    """Read a listen value: text, a port, or a list of entries. ``off`` (in YAML also false) has no entry.

    Raises ``ListenError`` with the code of a finding. Its message has the value, and the grammar of this generation.
    """
    try:
        return _parse_parts(_split(value), generation, setting)
    except ListenError as error:
        reason = (
            f"{error.reason}. {setting.name} of Kong {generation.versions} is {describe_grammar(generation, setting)}"
        )
        raise ListenError(error.code, reason, make_plain(value)) from None


def parse_advertise(value: object, generation: Generation) -> ListenEntry:
    """Read a ``cluster_advertise`` value, an IPv4 address and port. Raises ``ListenError``."""
    name = generation.advertise or "cluster_advertise"
    _require_host(value)
    return parse_listen(value, generation, _make_pseudo_setting(name, "ipv4:port"))[0]


def parse_endpoint(value: str, generation: Generation, name: str) -> str:
    """Return the address of a control plane, ``HOST:PORT``, in Kong's form. Raises ``ListenError``."""
    if len(value.replace(",", " ").split()) > 1:
        raise ListenError("too-many-entries", "it is several addresses, and Kong connects to one")
    _require_host(value)
    host, port = parse_address(value, generation, _make_pseudo_setting(name, "host:port"))
    if host in (ANY_IPV4, "*", "::"):
        raise _make_hostless()
    if classify_address(host) != "name" and (reason := explain_hostless(host)):
        raise ListenError("address-invalid", f"it is {reason}, to which no connection is possible")
    return render_entry(ListenEntry(host, port))


def _require_host(value: object) -> None:
    """Raise ListenError for a port alone. A listener then listens on every address, but no client can connect to that."""
    if str(value).strip().startswith(":"):
        raise _make_hostless()


def _make_hostless() -> ListenError:
    return ListenError("address-missing", "it has no host to connect to")


@cache
def _make_pseudo_setting(name: str, grammar: str) -> Setting:
    """Return a setting that is an address, not a listener."""
    return Setting(name, "cluster", "", grammar)


def describe_grammar(generation: Generation, setting: Setting) -> str:
    """Return the grammar of the setting in this generation, as text for people."""
    if setting.grammar == "ipv4:port":
        return "IPV4:PORT"
    forms: dict[str, list[str]] = {}
    for flag in _list_allowed_flags(generation, setting):
        name, equals, value = flag.partition("=")
        forms.setdefault(name + equals, []).append(value)
    flags = "".join(f" [{name}{'|'.join(values)}]" for name, values in forms.items())
    if setting.grammar == "list":
        return f"off | ADDRESS:PORT{flags}, ..."
    return f"ADDRESS:PORT, ADDRESS:PORT{flags}" if flags else "ADDRESS:PORT"


def _split(value: object) -> tuple[str, ...]:
    if isinstance(value, (list, tuple)):
        return tuple(part for item in value for part in _split_item(item, quote_value(make_plain(item), 40))) or ("",)
    return _split_item(value, "None" if value is None else "it")


def _split_item(value: object, shown: str) -> tuple[str, ...]:
    if value is False:
        # YAML reads an unquoted `off` as false.
        return ("off",)
    if isinstance(value, str):
        return tuple(part.strip() for part in str.__str__(value).split(","))
    if isinstance(value, int) and value is not True:
        return (str(int(value)),)
    raise ListenError("listen-type", f"{shown} is neither text, a port, nor a list of entries")


@lru_cache(maxsize=8192)
def _parse_parts(parts: tuple[str, ...], generation: Generation, setting: Setting) -> tuple[ListenEntry, ...]:
    if parts[0] == "off":
        if setting.grammar != "list":
            raise ListenError(
                "off-unsupported", "this version cannot turn it off; bind 127.0.0.1 to close it to other hosts"
            )
        return ()
    entries = tuple(_parse_entry(part, generation, setting) for part in parts)
    if setting.grammar != "list":
        _check_pair(entries, generation, setting)
    return entries


def _check_pair(entries: tuple[ListenEntry, ...], generation: Generation, setting: Setting) -> None:
    tls = sum(entry.ssl for entry in entries)
    if len(entries) - tls > 1 or tls > 1:
        limit = "one plain entry and one with ssl" if _list_allowed_flags(generation, setting) else "one entry"
        raise ListenError("too-many-entries", f"this version can express only {limit}")
    if tls and len(entries) == tls:
        raise ListenError("plain-entry-missing", "this version always opens a plain port: add an entry without ssl")


def _parse_entry(text: str, generation: Generation, setting: Setting) -> ListenEntry:
    if not text:
        fix = "write `off` to close the listener" if setting.grammar == "list" else "remove it for Kong's default"
        raise ListenError("listen-empty", f"an entry is empty; {fix}")
    if text == "off":
        raise ListenError("off-not-first", "`off` must be the first entry")
    words = text.split()
    forms = [_format_flag(word) for word in words]
    address = _find_address([word for word, form in zip(words, forms, strict=True) if not form], text)
    flags = tuple(word for word, form in zip(words, forms, strict=True) if form)
    _check_flags(flags, [form for form in forms if form], generation, setting)
    host, port = parse_address(address, generation, setting)
    return ListenEntry(host, port, flags)


@lru_cache(maxsize=1024)
def _format_flag(word: str) -> str:
    if word in _FLAG_WORDS:
        return word
    return next((form for form, pattern in _FLAG_FORMS.items() if pattern.fullmatch(word)), "")


def _find_address(words: list[str], text: str) -> str:
    if not words:
        raise ListenError("address-missing", f"no address in {quote_value(text)}")
    place = next((place for place, word in enumerate(words) if _ADDRESS_LIKE.fullmatch(word)), 0)
    if place:
        raise ListenError("junk-before-address", f"{quote_value(words[0])} before the address is not a flag")
    if len(words) > 1:
        raise ListenError("flag-unknown", f"{quote_value(words[1])} is not a flag of any version")
    return words[0]


def _check_flags(flags: tuple[str, ...], forms: list[str], generation: Generation, setting: Setting) -> None:
    if not flags:
        return
    allowed = _list_allowed_flags(generation, setting)
    for flag, form in zip(flags, forms, strict=True):
        if form not in allowed:
            known = _format_versions_with_flag(setting.name, form)
            where = format_known(known) if known else "no version has it for this setting"
            raise ListenError("flag-unsupported", f"flag {quote_value(flag)} is not known to this version ({where})")
        _check_flag_value(flag, form)
    names = [flag.partition("=")[0] for flag in flags]
    if len(names) > len(set(names)):
        raise ListenError("flag-repeated", f"a flag is repeated in {quote_value(' '.join(flags))}")
    rejected = sorted(_NOT_WITH_UDP.intersection(names)) if "udp" in names else []
    if rejected:
        raise ListenError("udp-incompatible-flag", f"a port with 'udp' cannot have {quote_value(rejected[0])}")
    if setting.grammar != "list" and "http2" in names and "ssl" not in names:
        raise ListenError("flag-needs-ssl", "this version has http2 only on its TLS port")


def _check_flag_value(flag: str, form: str) -> None:
    if form == "backlog=N" and not 0 < int(flag[8:][:12]) < 2**31:
        raise ListenError("flag-value", f"nginx rejects {quote_value(flag)}: the backlog is 1 to 2147483647")
    if form == "so_keepalive=T" and not _KEEPALIVE.fullmatch(flag):
        raise ListenError(
            "flag-value", f"nginx rejects {quote_value(flag)}: write idle:interval:count, for example 30m::10"
        )


@cache
def _list_allowed_flags(generation: Generation, setting: Setting) -> tuple[str, ...]:
    if setting.grammar == "list":
        return setting.flags
    tls = generation.find_tls_setting(setting)
    if tls is None:
        return ()
    return ("ssl", "http2") if tls.http2_switch else ("ssl",)


@cache
def _format_versions_with_flag(name: str, form: str) -> str:
    def allows(generation: Generation) -> bool:
        setting = generation.find_setting(name)
        return setting is not None and form in _list_allowed_flags(generation, setting)

    return format_versions_where(allows)
