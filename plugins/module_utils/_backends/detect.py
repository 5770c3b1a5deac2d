# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detection of a host's firewall manager from its enabled services and loaded rules (the table is in docs/design.md).

Third-party rules do not show the firewall manager: Docker and fail2ban, for example, add rules of iptables on all kinds
of hosts. Our own rules do not show it either. Files of a backend decide only if nothing else does, so that the choice
does not change without a reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.place import FILE
from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import has_iptables_accepts
from ansible_collections.gatehouse.kong.plugins.module_utils._host.services import IPTABLES_SERVICES, is_enabled
from ansible_collections.gatehouse.kong.plugins.module_utils._host.units import Units

# systemd creates such a link for each active unit, for the journal. Reading it is faster than running systemctl.
_FIREWALLD_RUNS = "/run/systemd/units/invocation:firewalld.service"
_UFW_CONF = "/etc/ufw/ufw.conf"
# The file is a shell script, so the line can end with a comment.
_UFW_ENABLED = re.compile(r"""^\s*ENABLED=(["']?)yes\1\s*(?:\s#.*)?$""", re.IGNORECASE | re.MULTILINE)

# A rule, or a chain with another policy than ACCEPT. A chain without a policy has "-".
_RULE = re.compile(r"^-A |^:\S+ (?!ACCEPT|-)", re.MULTILINE)


@dataclass(frozen=True)
class Manager:
    """The name of a host's firewall manager, and the reason for the choice."""

    name: str
    reason: str


def find_manager(host: Host) -> Manager:
    """Return the firewall manager of a host.

    Raises HostError if two managers are enabled, or if rules of iptables-legacy and of iptables-nft are loaded.
    """
    units = Units(host)
    reasons = {
        "firewalld": _explain_firewalld(host, units),
        "ufw": explain_ufw(host),
        "iptables": _explain_iptables(host, units),
    }
    managers = [Manager(name, reason) for name, reason in reasons.items() if reason]
    nftables = Manager("nftables", "nftables.service is enabled") if is_enabled(units, "nftables") else None
    # firewalld and ufw store their rules in their own chains, so nftables.service can load rules on the same host.
    in_conflict = [*managers, nftables] if nftables and "iptables" in {found.name for found in managers} else managers
    if len(in_conflict) > 1:
        raise HostError(
            f"{' and '.join(found.reason for found in in_conflict)}: two programs manage the firewall of this host, and "
            "each overwrites the rules of the other. Disable one of them (for example `systemctl disable --now firewalld` "
            "or `ufw disable`), or set the backend, which is then used together with both"
        )
    _refuse_mixture(host)
    found = managers or ([nftables] if nftables else [])
    return found[0] if found else _find_default(host)


def explain_ufw(host: Host) -> str | None:
    """Return the reason why ufw is the firewall manager, or None."""
    enabled = host.which("ufw") and _UFW_ENABLED.search(host.read(_UFW_CONF) or "")
    return f"ufw is enabled in {_UFW_CONF}" if enabled else None


def _explain_firewalld(host: Host, units: Units) -> str | None:
    if host.locate(_FIREWALLD_RUNS).is_symlink():
        return "firewalld is active"
    # Its rules are loaded at the next boot, so the late part must be for firewalld. That part requires an active firewalld.
    return "firewalld is enabled" if host.which("firewall-cmd") and is_enabled(units, "firewalld") else None


def _explain_iptables(host: Host, units: Units) -> str | None:
    for service, files in IPTABLES_SERVICES:
        loaded = next((file for file in files if host.locate(file).exists()), None)
        if loaded and is_enabled(units, service):
            return f"{service}.service is enabled and loads {loaded}"
    return None


def _find_default(host: Host) -> Manager:
    """Return the manager of a host without an enabled manager: the previous backend, or else by the loaded rules."""
    if has_iptables_accepts(host):
        return Manager("iptables", "this collection has rules for iptables on the host already")
    if not host.locate(FILE).exists() and _uses_legacy(host):
        return Manager("iptables", "its iptables is iptables-legacy, and rules of it are loaded")
    return Manager("nftables", "no other firewall manager is enabled")


def _uses_legacy(host: Host) -> bool:
    # Most hosts have no table of iptables-legacy. No program is run then.
    loaded = [family.iptables for family in FAMILY.values() if host.read(family.legacy_tables)]
    if not loaded or host.which("iptables") is None:
        return False
    from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_programs import read_variant  # noqa: PLC0415

    return read_variant(host) == "legacy" and any(_has_rules(host, f"{program}-legacy-save") for program in loaded)


def _refuse_mixture(host: Host) -> None:
    """Check that only one variant of iptables has rules, because the kernel evaluates both variants. Raises HostError."""
    loaded = [family.iptables for family in FAMILY.values() if host.read(family.legacy_tables)]
    if not loaded:
        return
    from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_tables import (  # noqa: PLC0415
        has_iptables_nft,
    )

    for program in loaded if host.call(has_iptables_nft) else ():
        if all(_has_rules(host, f"{program}-{kind}-save") for kind in ("legacy", "nft")):
            raise HostError(
                f"rules of {program}-legacy and of {program}-nft are loaded, and packets must pass both. Compare the "
                f"output of `{program}-legacy-save` and `{program}-nft-save`, and remove the rules of one of them, or "
                "set the backend, which is then used together with both"
            )


def _has_rules(host: Host, program: str) -> bool:
    return host.which(program) is not None and bool(_RULE.search(host.run(program)))
