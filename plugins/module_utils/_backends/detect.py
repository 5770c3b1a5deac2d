# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who rules a host's firewall, by what is enabled and loaded on it (docs/design.md, section 6, has the table).

Rules alone are no evidence: Docker, fail2ban and others put theirs into iptables on hosts of any kind. Nor are rules of
our own; the files of a backend that was used before only keep the choice from changing without a cause.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.place import FILE
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import UNIT_DIRECTORY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import iptables_accepts

# systemd keeps such a link for each unit that runs, for its journal; reading it takes no process.
_FIREWALLD_RUNS = "/run/systemd/units/invocation:firewalld.service"
_UFW_CONF = "/etc/ufw/ufw.conf"
# A shell reads the file, so a comment may follow.
_UFW_ENABLED = re.compile(r"""^\s*ENABLED=(["']?)yes\1\s*(?:\s#.*)?$""", re.IGNORECASE | re.MULTILINE)

# The services that load rules of iptables at boot, and the files they load: Debian's, and those of iptables-services.
IPTABLES_SERVICES = (
    ("netfilter-persistent", ("/etc/iptables/rules.v4", "/etc/iptables/rules.v6")),
    ("iptables", ("/etc/sysconfig/iptables",)),
    ("ip6tables", ("/etc/sysconfig/ip6tables",)),
)

# Tables of iptables-legacy that are loaded, one a line, and the programs that tell what is in them and beside them.
_FAMILIES = (("/proc/net/ip_tables_names", "iptables"), ("/proc/net/ip6_tables_names", "ip6tables"))
# A chain with another policy than ACCEPT counts as a rule; chains without a policy are listed with "-".
_RULE = re.compile(r"^-A |^:\S+ (?!ACCEPT|-)", re.MULTILINE)


@dataclass(frozen=True)
class Ruler:
    """The firewall system that rules a host, by its name, and why."""

    name: str
    reason: str


def ruler_of(host: Host) -> Ruler:
    """Who rules the host. HostError where two do, and where rules of old and new iptables are mixed."""
    managers = [Ruler(name, reason) for name, tell in _MANAGERS for reason in [tell(host)] if reason]
    nftables = Ruler("nftables", "nftables.service is enabled") if is_enabled(host, "nftables") else None
    # Rules that nftables.service loads leave room for firewalld and ufw, which keep theirs in chains of their own.
    rulers = [*managers, nftables] if nftables and "iptables" in {one.name for one in managers} else managers
    if len(rulers) > 1:
        raise HostError(
            f"{' and '.join(one.reason for one in rulers)}: two programs manage this host's firewall, and each undoes "
            "the other's work. Turn one of them off (`systemctl disable --now firewalld`, `netfilter-persistent` or the "
            "like, or `ufw disable`), or name the backend, which then goes beside both"
        )
    _refuse_mixture(host)
    found = managers or ([nftables] if nftables else [])
    return found[0] if found else _by_use(host)


def ufw(host: Host) -> str | None:
    """Why ufw rules the host, or None."""
    enabled = host.which("ufw") and _UFW_ENABLED.search(host.read(_UFW_CONF) or "")
    return f"ufw is enabled in {_UFW_CONF}" if enabled else None


def _firewalld(host: Host) -> str | None:
    if host.path(_FIREWALLD_RUNS).is_symlink():
        return "firewalld is active"
    # Its rules return at the next boot, so the late part has to be for it: that part requires a firewalld that is active.
    return "firewalld is enabled" if host.which("firewall-cmd") and is_enabled(host, "firewalld") else None


def _iptables(host: Host) -> str | None:
    for service, files in IPTABLES_SERVICES:
        loaded = next((file for file in files if host.path(file).exists()), None)
        if loaded and is_enabled(host, service):
            return f"{service}.service is enabled and loads {loaded}"
    return None


_MANAGERS: tuple[tuple[str, t.Callable[[Host], str | None]], ...] = (
    ("firewalld", _firewalld),
    ("ufw", ufw),
    ("iptables", _iptables),
)


def _by_use(host: Host) -> Ruler:
    """Where nothing that is enabled tells: what was used before, and then what is loaded."""
    if iptables_accepts(host):
        return Ruler("iptables", "rules of this collection for iptables are on the host already")
    if not host.path(FILE).exists() and _uses_legacy(host):
        return Ruler("iptables", "its iptables is iptables-legacy, whose rules are loaded")
    return Ruler("nftables", "no other firewall rules this host")


def is_enabled(host: Host, service: str) -> bool:
    """Whether some target or service wants it at boot; no process is needed to know that."""
    masked = host.path(f"{UNIT_DIRECTORY}/{service}.service").resolve() == Path("/dev/null")
    wants = host.path(UNIT_DIRECTORY).glob("*.wants")
    return not masked and any((folder / f"{service}.service").is_symlink() for folder in wants)


def _uses_legacy(host: Host) -> bool:
    # Without a table of the old kind, which is how nearly all hosts are, this starts no process.
    loaded = [program for names, program in _FAMILIES if host.read(names)]
    if not loaded or host.which("iptables") is None:
        return False
    from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_programs import variant_of  # noqa: PLC0415

    return variant_of(host) == "legacy" and any(_has_rules(host, f"{program}-legacy-save") for program in loaded)


def _refuse_mixture(host: Host) -> None:
    """HostError where rules of iptables-legacy and of iptables-nft are loaded at once: the kernel asks both."""
    loaded = [program for names, program in _FAMILIES if host.read(names)]
    if not loaded:
        return
    from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_tables import (  # noqa: PLC0415
        iptables_nft_is_loaded,
    )

    for program in loaded if host.call(iptables_nft_is_loaded) else ():
        if all(_has_rules(host, f"{program}-{kind}-save") for kind in ("legacy", "nft")):
            raise HostError(
                f"rules of {program}-legacy and of {program}-nft are loaded at once, and a packet must pass both. "
                f"Compare `{program}-legacy-save` with `{program}-nft-save` and remove the rules of one, or name the "
                "backend, which then goes beside them"
            )


def _has_rules(host: Host, program: str) -> bool:
    return host.which(program) is not None and bool(_RULE.search(host.run(program)))
