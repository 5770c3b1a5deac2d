# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the values of Kong's settings by meaning, not by text.

Kong splits lists at commas and removes blanks around the entries, reads `on` as `true` (kong/conf_loader.lua, infer
types), and accepts the flags of a listen entry in any order (kong/conf_loader/listeners.lua). PREFIX/.kong_env has lists without
blanks and booleans as `true` and `false` (kong/cmd/utils/prefix_handler.lua).
"""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import is_secret

_BOOLEANS = {"true": "on", "false": "off"}
_LISTEN = re.compile(r".*_listen(?:_\w+)?")
# Text of nginx, in which commas, blanks and `true` have no meaning of Kong.
_OF_NGINX = re.compile(r"nginx_.*")


def is_same(name: str, first: str, second: str) -> bool:
    """Tell whether two texts of the setting `name` mean the same for Kong. Secrets are compared as they are."""
    return normalise(name, first) == normalise(name, second)


def normalise(name: str, value: str) -> str:
    """Return a form of the value of setting `name` that is equal for all texts with one meaning."""
    text = value.replace("\\#", "#").strip()
    if is_secret(name) or _OF_NGINX.fullmatch(name):
        return text
    entries = [" ".join(entry.split()) for entry in text.split(",")]
    if _LISTEN.fullmatch(name):
        entries = [_sort_words(entry) for entry in entries]
    joined = ",".join(entries)
    return _BOOLEANS.get(joined, joined)


def parse_endpoints(value: str) -> frozenset[tuple[str, bool]]:
    """Return address and port of each entry of a listen value, and whether it is for udp; none if the value is `off`."""
    entries = [entry.split() for entry in value.split(",")]
    return frozenset((_shorten(word), "udp" in entry) for entry in entries for word in entry if _is_endpoint(word))


def _sort_words(entry: str) -> str:
    """Return a listen entry with its address first, and its flags in a fixed order."""
    words = [_shorten(word) if _is_endpoint(word) else word for word in entry.split()]
    return " ".join(sorted(words, key=lambda word: (not _is_endpoint(word), word)))


def _is_endpoint(word: str) -> bool:
    return ":" in word and "=" not in word


def _shorten(endpoint: str) -> str:
    """Return an address and port with one form of the address. nginx reads `*` as 0.0.0.0 (ngx_parse_inet_url)."""
    address, _colon, port = endpoint.rpartition(":")
    if address == "*":
        address = "0.0.0.0"
    with suppress(ValueError):
        address = f"[{ipaddress.IPv6Address(address.strip('[]'))}]"
    return f"{address}:{port}"
