# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which iptables a host has: the programs of its variant, and what must not be beside it."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_tables import iptables_nft_is_loaded

PROGRAM = {"ipv4": "iptables", "ipv6": "ip6tables"}

# Tables of iptables-legacy that are loaded, one a line.
_LEGACY_TABLES = {"ipv4": "/proc/net/ip_tables_names", "ipv6": "/proc/net/ip6_tables_names"}
_IPV6_ADDRESSES = "/proc/net/if_inet6"
# A rule, or a chain with another policy than ACCEPT; chains without a policy are listed with "-".
_RULE = re.compile(r"^-A |^:\S+ (?!ACCEPT|-)", re.MULTILINE)
_OTHER = {"nft": "legacy", "legacy": "nft"}


def variant_of(host: Host) -> str:
    """Return the variant that `iptables -V` names: "nft" or "legacy". Before 1.8 there was only the latter."""
    found = host.which("iptables")
    if found is None:
        raise HostError("iptables is not installed on this host: install the package iptables")
    # The name of the program behind the links says the same without a process.
    for variant in _OTHER:
        if Path(found).resolve().name == f"xtables-{variant}-multi":
            return variant
    return "nft" if "nf_tables" in host.run("iptables", "-V") else "legacy"


def program(host: Host, family: str, variant: str) -> str:
    """Return the absolute path of iptables or ip6tables of the variant; its -save and -restore are in the same directory.

    It is the program by which the host calls its own variant, because scripts keep the path: if the host gets the other
    variant later, as by an upgrade, they follow.
    """
    plain = PROGRAM[family]
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


def families_of(host: Host) -> tuple[str, ...]:
    """Return the families that the kernel has."""
    return ("ipv4", "ipv6") if host.path(_IPV6_ADDRESSES).exists() else ("ipv4",)


def require_programs(host: Host, variant: str) -> None:
    """Raise HostError if iptables is missing for a family that the kernel has."""
    for family in families_of(host):
        missing = program(host, family, variant)
        if host.which(f"{missing}-restore") is None:
            raise HostError(
                f"{missing}-restore is not on this host, and its kernel has {family}, whose packets nothing would "
                f"judge: install it, or boot without {family}"
            )


def refuse_mixture(host: Host, variant: str) -> None:
    """Raise HostError if rules of the other variant are loaded: the kernel asks both, and may ask the other first."""
    other = _OTHER[variant]
    if other == "nft" and not host.call(iptables_nft_is_loaded):
        return
    for family, plain in PROGRAM.items():
        # Without a table of the other kind, which is how nearly all hosts are, this starts no process.
        if other == "legacy" and not host.read(_LEGACY_TABLES[family]):
            continue
        save = f"{plain}-{other}-save"
        if host.which(save) and _RULE.search(host.run(save)):
            raise HostError(
                f"this host uses {plain}-{variant}, and rules of {plain}-{other} are loaded as well, so that a packet "
                f"must pass both: look at them with `{save}`, and remove them or make them rules of {plain}-{variant}"
            )
