# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variant of iptables on a host (nft or legacy) and its programs. Rules of the other variant are an error."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES, FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_tables import has_iptables_nft

_IPV6_ADDRESSES = "/proc/net/if_inet6"
# A rule, or a chain with another policy than ACCEPT. A chain without a policy has "-".
_RULE = re.compile(r"^-A |^:\S+ (?!ACCEPT|-)", re.MULTILINE)
_OTHER = {"nft": "legacy", "legacy": "nft"}


def read_variant(host: Host) -> str:
    """Return the variant of the program iptables: "nft" or "legacy". Before 1.8, legacy was the only variant."""
    found = host.which("iptables")
    if found is None:
        raise HostError("iptables is not installed on this host: install the package iptables")
    # The target of the link shows the variant without running a program.
    for variant in _OTHER:
        if Path(found).resolve().name == f"xtables-{variant}-multi":
            return variant
    return "nft" if "nf_tables" in host.run("iptables", "-V") else "legacy"


def find_program(host: Host, family: str, variant: str) -> str:
    """Return the absolute path of iptables or ip6tables of a variant. Its -save and -restore are in the same directory.

    If it is the host's own variant, the path is the general name, such as /usr/sbin/iptables. Scripts that keep the path
    then use the other variant after the host changed to it, for example by an upgrade.
    """
    plain = FAMILY[family].iptables
    own = host.which(plain)
    if own and Path(own).resolve().name == f"xtables-{variant}-multi" and _is_complete(host, own):
        return own
    for name in (f"{plain}-{variant}", plain):
        save = host.which(f"{name}-save")
        if save and host.which(f"{name}-restore"):
            return save[: -len("-save")]
    return f"/usr/sbin/{plain}-{variant}"


def _is_complete(host: Host, path: str) -> bool:
    return all(host.which(f"{path}-{action}") for action in ("save", "restore"))


def list_families(host: Host) -> tuple[str, ...]:
    """Return the address families that the kernel supports."""
    return FAMILIES if host.locate(_IPV6_ADDRESSES).exists() else ("ipv4",)


def require_programs(host: Host, variant: str) -> None:
    """Check that iptables is installed for each address family that the kernel supports. Raises HostError."""
    for family in list_families(host):
        missing = find_program(host, family, variant)
        if host.which(f"{missing}-restore") is None:
            raise HostError(
                f"{missing}-restore is missing on this host, so its {family} packets would not be filtered. Install it, "
                f"or boot the host without {family}"
            )


def refuse_mixture(host: Host, variant: str) -> None:
    """Check that no rules of the other variant are loaded, because the kernel evaluates both. Raises HostError."""
    other = _OTHER[variant]
    if other == "nft" and not host.call(has_iptables_nft):
        return
    for family in FAMILY.values():
        plain = family.iptables
        # Most hosts have no table of iptables-legacy. No program is run then.
        if other == "legacy" and not host.read(family.legacy_tables):
            continue
        save = f"{plain}-{other}-save"
        if host.which(save) and _RULE.search(host.run(save)):
            raise HostError(
                f"this host uses {plain}-{variant}, but rules of {plain}-{other} are loaded too, and packets must pass "
                f"both. List them with `{save}`, and remove them or convert them to {plain}-{variant}"
            )
