# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of single Kong releases that affect a fleet: the nodes work, but not as their settings say.

The sources are Kong's CHANGELOG.md, and the pull requests and issues that it names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.release_traps import find_release_traps
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import CONFIG
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import LOCALHOST, Listener, Report
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.versions import KongVersion, parse_version

_AT_LOOPBACK = ("0.0.0.0", "*", "127.0.0.1", LOCALHOST)
# The name of a Serf agent had no random part, or the same random part on every host (CHANGELOG of 0.9.4, issues #1255 and #1751).
_SHORT_NAMES = (((0, 6, 0), (0, 8, 2)), ((0, 9, 0), (0, 9, 3)))


def find_traps(drafts: Collection[Draft]) -> Iterator[Finding]:
    """Yield the warnings and notes about errors of Kong's releases that affect these nodes."""
    sizes: dict[str, int] = {}
    names: dict[tuple[str, str], list[Draft]] = {}
    for draft in drafts:
        if draft.generation.gossip:
            sizes[draft.node.cluster] = sizes.get(draft.node.cluster, 0) + 1
            names.setdefault((draft.node.cluster, draft.node.settings.get("cluster_listen", "")), []).append(draft)
    for draft in drafts:
        version, report = parse_version(draft.node.version), Report(draft.node.name)
        if draft.generation.gossip:
            _check_events(draft, version, report, has_peers=sizes[draft.node.cluster] > 1)
        _check_trust(draft, version, report)
        _check_http2(draft, version, report)
        yield from report.findings
        yield from find_release_traps(draft, version)
    for equal in names.values():
        yield from _find_equal_names(equal)


def _is_between(version: KongVersion, first: tuple[int, int, int], last: tuple[int, int, int]) -> bool:
    return first <= version.release <= last


def _check_events(draft: Draft, version: KongVersion, report: Report, *, has_peers: bool) -> None:
    """Warn if cluster events do not arrive (CHANGELOG of 0.9.5 and 0.9.8, issue #1687).

    Releases without this error replace 0.0.0.0 by 127.0.0.1, or leave it, but do not replace `*` (kong/cli/services/serf.lua,
    later kong/cmd/utils/prefix_handler.lua).

    A node without peers learns of its own changes by these events too: the DAO only sends an event to Serf
    (kong/dao/dao.lua, kong/core/hooks.lua).
    """
    admin = [listener for listener in draft.node.listeners if listener.name == "admin"]
    if has_peers and _is_between(version, (0, 9, 4), (0, 9, 4)):
        text = "cluster events fail in this release, so the node serves old data; upgrade to 0.9.8"
        report.add_warning("cluster-events-lost", "kong_version", version.text, text)
    elif _is_between(version, (0, 9, 0), (0, 9, 7)) and not any(found.address in _AT_LOOPBACK for found in admin):
        text = (
            f"Kong 0.9.0 to 0.9.7 sends cluster events to 127.0.0.1:{admin[0].port}, where it does not listen, so it serves "
            "old data; bind 0.0.0.0, or upgrade to 0.9.8"
        )
        report.add_warning("cluster-events-lost", "kong_admin_listen", draft.node.settings[admin[0].setting], text)
    elif not _is_between(version, (0, 9, 0), (0, 9, 7)) and any(found.address == "*" for found in admin):
        text = (
            "this release sends cluster events to the host *, which does not exist, so it serves old data; bind 0.0.0.0"
        )
        report.add_warning("cluster-events-lost", "kong_admin_listen", draft.node.settings[admin[0].setting], text)


def _find_equal_names(drafts: list[Draft]) -> Iterator[Finding]:
    """Yield a finding for each node whose Serf agent has, or may have, the name of another node's agent."""
    affected = [draft for draft in drafts if _has_short_name(parse_version(draft.node.version))]
    counts = Counter(draft.host_name for draft in affected)
    for draft in affected if len(affected) > 1 else ():
        report, value = Report(draft.node.name), draft.node.settings["cluster_listen"]
        text = (
            "another node has the same value, and this release names its gossip agent only after it and the host name"
        )
        if not draft.host_name:
            report.add_info("gossip-name", "kong_cluster_listen", value, f"{text}; the host names must differ")
        elif counts[draft.host_name] > 1:
            text += f", {draft.host_name!r} on both; rename a host, or use another port"
            report.add_warning("gossip-name", "kong_cluster_listen", value, text)
        yield from report.findings


def _has_short_name(version: KongVersion) -> bool:
    return any(_is_between(version, first, last) for first, last in _SHORT_NAMES)


def _check_trust(draft: Draft, version: KongVersion, report: Report) -> None:
    """Report a data plane that does not trust its control plane (CHANGELOG of 2.5.0, #7044)."""
    config = draft.node.config
    needs_trust = draft.node.role == "data_plane" and version.line < (2, 5)
    if needs_trust and draft.generation.hybrid and "lua_ssl_trusted_certificate" not in config:
        text = (
            "before Kong 2.5 a data_plane trusts its control plane only with lua_ssl_trusted_certificate; add it here, or leave "
            "it in Kong's file"
        )
        add = report.add_warning if "cluster_cert" in config else report.add_info
        add("control-plane-untrusted", CONFIG, list(config) or None, text)


def _check_http2(draft: Draft, version: KongVersion, report: Report) -> None:
    """Note ports that accept HTTP/2 only: nginx before 1.25.1, so Kong before 3.6 (measured with nginx 1.22)."""
    if version.line >= (3, 6) or not draft.generation.modern:
        return
    for listener in filter(_is_plain_http2, draft.node.listeners):
        text = (
            f"port {listener.port} has http2 without ssl, and Kong before 3.6 then accepts no HTTP/1.1 there; use another "
            "port for clients with HTTP/1.1"
        )
        value = draft.node.settings.get(listener.setting)
        report.add_info("http2-only", f"kong_{listener.setting}", value, text)


def _is_plain_http2(listener: Listener) -> bool:
    # Kong itself adds ssl to the listeners for data planes (kong/templates/nginx_kong.lua).
    return "http2" in listener.flags and "ssl" not in listener.flags and not listener.name.startswith("cluster")
