# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of the check that Kong's own loader makes of listen values, for each generation.

Sources: kong/tools/config_loader.lua (0.6 to 0.8), kong/conf_loader.lua and kong/conf_loader/listeners.lua (0.9 and later),
kong/tools/utils.lua (addresses). Kong's functions of 0.9 and later for HTTP and stream listeners were run with LuaJIT on the
values of ``list_texts``, with the flags of each generation: 18,200 answers, all equal.
"""

from __future__ import annotations

import re

_PATTERNS = {"backlog=N": r"backlog=\d+", "so_keepalive=T": r"so_keepalive=\w*:\w*:\d*"}
_LUA_NUMBER = re.compile(r"\s*(0[xX][0-9A-Fa-f]+|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)\s*")
_IPV4 = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})")
_GROUPS = re.compile(r"[0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4}){7}")


def accepts(generation, name, value):
    """Return whether Kong's loader accepts the text of a setting. From 0.9 on it drops unknown settings without a message."""
    setting = generation.find_setting(name)
    if setting is None:
        return generation.format == "conf"
    value = value.strip() if generation.format == "conf" else value
    if setting.grammar == "list":
        return _accepts_list(value, setting.flags)
    if setting.grammar == "host:port" or (setting.grammar == "ipv4:port" and generation.format == "yaml"):
        return _accepts_pair(value, only_ipv4=setting.grammar == "ipv4:port")
    if setting.grammar == "address:port":
        return bool(re.search(r".:\d+$", value))
    if generation.name == "G3":
        return bool(re.fullmatch(r"\d+\.\d+\.\d+\.\d+:\d+", value))
    return _is_ipv4_and_port(value)


def _accepts_pair(value, *, only_ipv4):
    parts = value.split(":")
    if len(parts) != 2 or not _LUA_NUMBER.fullmatch(parts[1]):
        return False
    number = parts[1].strip()
    port = int(number, 16) if number[:2].lower() == "0x" else float(number)
    return 0 < port <= 65535 and (_is_ipv4(parts[0]) if only_ipv4 else bool(parts[0].strip()))


def _accepts_list(value, flags):
    entries = [part.strip() for part in value.split(",")]
    return entries[0] == "off" or all(_accepts_entry(entry, flags) for entry in entries)


def _accepts_entry(entry, flags):
    rest = f" {entry} "
    for flag in flags:
        rest = re.sub(rf"\s({_PATTERNS.get(flag, flag)})\s", " ", rest)
    rest = rest.strip()
    if rest.count(":") > 1:
        return _is_ipv6_and_port(rest)
    if re.fullmatch(r"[\d.]+", rest.replace(":", "")):
        return _is_ipv4_and_port(rest)
    return bool(re.search(r".:\d+$", rest))


def _is_ipv4(text):
    found = _IPV4.fullmatch(text)
    return bool(found) and all(int(octet) <= 255 for octet in found.groups())


def _is_ipv4_and_port(text):
    address, _colon, port = text.partition(":")
    return _is_ipv4(address) and port.isdigit() and int(port) <= 65535


def _is_ipv6_and_port(text):
    found = re.fullmatch(r"\[(.*)\]:(\d+)", text)
    if not found or int(found[2]) > 65535:
        return False
    address = found[1]
    address = f"0{address}" if address.startswith(":") else address
    address = f"{address}0" if address.endswith(":") else address
    missing = ":" + "0:" * (8 - address.count(":"))
    return bool(_GROUPS.fullmatch(address.replace("::", missing, 1)))


def list_texts():
    """Return texts of listen values, correct and incorrect."""
    hosts = [
        *(
            "0.0.0.0",
            "*",
            "10.1.0.1",
            "010.001.0.1",
            "localhost",
            "kong-1.example.org",
            "_",
            "[::]",
            "[::1]",
            "[fd00:0:0::1]",
        ),
        *("777.1.1.1", "256.0.0.1", "1.2.3", "1.2.3.0004", "::1", "::", "[::1", "[]", "[:::1]", "[::ffff:192.0.2.1]"),
        *("[fe80::1%eth0]", "unix", "unix:/run/kong.sock", "a;b", "$host", "foo 0.0.0.0", "SSL 0.0.0.0", ""),
    ]
    ports = ["8000", "00080", "65535", "0", "65536", "70000", "1e3", "0x50", "80.5", "-1", "http", ""]
    flags = [
        *(
            "ssl",
            "http2 ssl",
            "SSL",
            "ssl ssl",
            "udp",
            "udp ssl",
            "proxy_protocol udp",
            "transparent",
            "deferred",
            "bind",
        ),
        *(
            "reuseport backlog=16384",
            "backlog=0",
            "backlog=",
            "so_keepalive=on",
            "so_keepalive=::",
            "so_keepalive=30m::10",
        ),
        *("ipv6only=on", "ipv6only=off", "ipv6only=on ipv6only=off", "fastopen=3", "default_server"),
    ]
    whole = [
        "off",
        "OFF",
        "off ssl",
        "off, 0.0.0.0:80",
        "0.0.0.0:80, off",
        "",
        "0.0.0.0:80,",
        "8000",
        "ssl",
        "localhost",
    ]
    lists = ["0.0.0.0:80, 0.0.0.0:81", "0.0.0.0:80, 0.0.0.0:81 ssl", "0.0.0.0:80, [::]:80", "0.0.0.0:81 ssl"]
    return [
        *(f"{host}:{port}" for host in hosts for port in ports),
        *(f"{address}:8000 {words}" for address in ("0.0.0.0", "[::1]", "localhost") for words in flags),
        *(f"{words} {address}:8000" for address in ("0.0.0.0", "[::1]") for words in flags),
        *whole,
        *lists,
    ]
