# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of Kong releases that a node's own variables show, as a table.

The sources are Kong's CHANGELOG.md, and the pull requests and issues that it names.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.settings_file import CONF, ENV
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import CONFIG, VAULTED
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Report
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.versions import KongVersion

Release = tuple[float, float, float]
_NEWEST = (inf, inf, inf)
_VERSION = "kong_version"
# By cluster_mtls: the setting with the certificate that a data plane trusts (#7044), besides the default of 3.0 and later.
_TRUSTED = {"shared": "cluster_cert", "pki": "cluster_ca_cert"}
_SYSTEM_TRUST = "system"
# Text that Lua converts to a number, if it begins with a digit or a sign. A number with a point is harmless: settings with fractions are
# numbers.
_INTEGER = re.compile(r"[+-]?(?:0x[0-9a-f]+|\d+\.?(?:\d*e[+-]?\d+)?)", re.IGNORECASE)
_WORKERS = ("nginx_worker_processes", "nginx_main_worker_processes")


@dataclass(frozen=True, slots=True)
class _Trap:
    """An error of the releases ``first`` to ``last``.

    ``find`` returns the value of ``variable`` if a node has the error, else None. ``text`` is the fault and its fix.
    """

    code: str
    first: Release
    last: Release
    variable: str
    find: Callable[[Draft], Any]
    text: str


def find_release_traps(draft: Draft, version: KongVersion) -> Iterator[Finding]:
    """Yield a warning for each error of its release that affects a node."""
    report = Report(draft.node.name)
    for trap in _TRAPS:
        value = trap.find(draft) if trap.first <= version.release <= trap.last else None
        if value is not None:
            report.add_warning(trap.code, trap.variable, value, trap.text)
    yield from report.findings


def _read_config(draft: Draft) -> Mapping[str, Any]:
    """Return kong_config as it is given."""
    config = draft.given.get(CONFIG)
    return config if isinstance(config, Mapping) else {}


def _find_other_file(draft: Draft) -> str | None:
    """Return the given file if Kong does not search it (CHANGELOG of 0.9.6, issue #1831)."""
    file = draft.node.settings_file
    is_given = file["format"] == CONF and not file["search"]
    return file["path"] if is_given and file["path"] != draft.generation.path else None


def _find_workers(draft: Draft) -> str | None:
    """Return the version of a control plane with several workers (CHANGELOG of 2.0.2, #5612).

    Their number may be encrypted, so unknown.
    """
    workers = [str(_read_config(draft).get(name)) for name in _WORKERS]
    has_several = draft.node.role == "control_plane" and {"1", VAULTED}.isdisjoint(workers)
    return draft.node.version if has_several else None


def _find_streams(draft: Draft) -> str | None:
    """Return the version of a data plane with streams, for which it has no routes (CHANGELOG of 2.0.4, #5786 and #5656)."""
    has_streams = any(listener.name == "stream" for listener in draft.node.listeners)
    return draft.node.version if draft.node.role == "data_plane" and has_streams else None


def _find_stream_alone(draft: Draft) -> str | None:
    """Return stream_listen if it is the only listener (CHANGELOG of 1.0.1, #4195).

    The fix also creates a certificate for streams, so a node with its own certificate may start.
    """
    settings = draft.node.settings
    is_alone = (
        settings.get("proxy_listen") == settings.get("admin_listen") == "off" and "ssl_cert" not in draft.node.config
    )
    stream = settings.get("stream_listen", "off")
    return stream if is_alone and stream != "off" else None


def _find_inline_certificate(draft: Draft) -> str | None:
    """Return the name of the setting that a data plane trusts if its value is a certificate in base64 (CHANGELOG of 3.5.0, #11385).

    The data plane then trusts the text before it is decoded, so no certificate. A setting has one line, so it cannot be PEM text. It is not
    known which releases of Kong Enterprise have the fix.
    """
    config = _read_config(draft)
    name = _TRUSTED.get(str(config.get("cluster_mtls", "shared")), "")
    trusts_itself = config.get("lua_ssl_trusted_certificate", _SYSTEM_TRUST) == _SYSTEM_TRUST
    is_affected = draft.node.role == "data_plane" and trusts_itself and not draft.generation.enterprise
    return name if is_affected and _is_certificate(str(config.get(name))) else None


def _is_certificate(text: str) -> bool:
    """Tell whether a text is a certificate in base64."""
    try:
        return b64decode(text, validate=True).startswith(b"-----BEGIN CERTIFICATE-----")
    except ValueError:
        return False


def _find_real_ip_header(draft: Draft) -> dict[str, str] | None:
    """Return real_ip_header if it is proxy_protocol, and no client can send the PROXY protocol.

    Kong 0.11 and 0.12 add the flag to their ports themselves (`compile_env.proxy_protocol` in kong/cmd/utils/prefix_handler.lua). From 0.13
    on at least one entry of proxy_listen must have it (kong.conf.default).
    """
    header = str(_read_config(draft).get("real_ip_header"))
    proxy = draft.node.settings.get("proxy_listen", "off")
    is_unused = header == "proxy_protocol" and proxy != "off" and "proxy_protocol" not in proxy
    return {"real_ip_header": header} if is_unused else None


def _find_cut_settings(file_format: str, draft: Draft) -> list[str] | None:
    r"""Return the names of the settings with '#' in their value, if the settings file of a node has this format.

    A release ends a value at '#' as the start of a comment. In kong.conf it may be written as `\#` from 0.10.4 and 0.11.0 on (CHANGELOG,
    #2411). But nginx reads PREFIX/.kong_env, which has it unescaped, and these releases end the value there (issue #5761, CHANGELOG of
    2.0.5, #5822; `check_and_infer` in kong/conf_loader.lua). In variables Kong escapes it itself (CHANGELOG of 1.4.0, #5062).
    """
    has_format = draft.node.settings_file["format"] == file_format
    names = [str(name) for name, value in _read_config(draft).items() if has_format and "#" in str(value)]
    return names or None


def _find_numbers(draft: Draft) -> list[str] | None:
    """Return the names of the settings whose text becomes another text as a number of Lua.

    Penlight converts each value that `tonumber` accepts (`convert_numbers` in lua/pl/config.lua), and Kong writes it as text with 14
    digits (`tostring`; forced for passwords since #2083). nginx reads PREFIX/.kong_env in the same way, so variables change too.
    """
    names = [
        str(name)
        for name, value in _read_config(draft).items()
        if isinstance(value, str) and _is_changed_as_number(value.strip())
    ]
    return names or None


def _is_changed_as_number(text: str) -> bool:
    return bool(_INTEGER.fullmatch(text)) and ("x" in text.lower() or f"{float(text):.14g}" != text)


_TRAPS = (
    _Trap(
        "settings-file-ignored",
        (0, 9, 0),
        (0, 9, 5),
        "kong_listen_file",
        _find_other_file,
        "Kong 0.9.0 to 0.9.5 reads /etc/kong.conf or /etc/kong/kong.conf instead, if one of them exists; delete them, or "
        "upgrade to 0.9.6 or later",
    ),
    _Trap(
        "value-cut",
        (0, 9, 0),
        (2, 0, 4),
        CONFIG,
        partial(_find_cut_settings, CONF),
        "Kong before 2.0.5 ends a value at '#', even if it is written as '\\#'; use a value without it, or upgrade to 2.0.5 or later",
    ),
    _Trap(
        "value-cut",
        (0, 9, 0),
        (1, 3, inf),
        CONFIG,
        partial(_find_cut_settings, ENV),
        "Kong before 1.4 ends the value of a variable at '#'; use a value without it, or upgrade to 1.4.0 or later",
    ),
    _Trap(
        "value-number",
        (0, 9, 0),
        _NEWEST,
        CONFIG,
        _find_numbers,
        "Kong reads this text as a number, so leading zeros and a plus sign are lost, and hexadecimal numbers, exponents and more than 14 "
        "digits are changed; use another value",
    ),
    _Trap(
        "stream-alone",
        (0, 15, 0),
        (1, 0, 0),
        "kong_stream_listen",
        _find_stream_alone,
        "Kong 0.15.0 and 1.0.0 do not start with a stream listener alone; upgrade to 1.0.1 or later",
    ),
    _Trap(
        "control-plane-workers",
        (2, 0, 0),
        (2, 0, 1),
        _VERSION,
        _find_workers,
        "a control plane of Kong 2.0.0 or 2.0.1 does not work with several nginx workers; upgrade to 2.0.2 or later, or "
        f"set nginx_worker_processes: 1 in {CONFIG}",
    ),
    _Trap(
        "stream-without-routes",
        (2, 0, 0),
        (2, 0, 3),
        _VERSION,
        _find_streams,
        "a data_plane of Kong 2.0.0 to 2.0.3 gets no routes for its stream listeners, so they close every connection; "
        "upgrade to 2.0.4 or later",
    ),
    _Trap(
        "certificate-inline",
        (3, 1, 0),
        (3, 4, 2),
        CONFIG,
        _find_inline_certificate,
        "a data_plane of Kong 3.1.0 to 3.4.2 does not trust its control plane if this setting is a certificate in base64; write "
        "the path of a file, or upgrade to 3.5.0 or later",
    ),
    _Trap(
        "real-ip-header",
        (0, 13, 0),
        _NEWEST,
        CONFIG,
        _find_real_ip_header,
        "no entry of proxy_listen has the flag proxy_protocol, so Kong does not learn the addresses of clients; add it to the entries "
        "that a balancer uses, or remove real_ip_header",
    ),
)
