# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of a host that change the firewall at the next boot, although our files are in place."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.place import FILE
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.services import is_enabled
from ansible_collections.gatehouse.kong.plugins.module_utils._host.units import Units
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.boot_losses import (
    BootRules,
    find_losses,
    list_rollback_units,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict

# The first unit loads the table of nftables.
_UNITS = ("gatehouse-kong-firewall.service", "gatehouse-kong-accept.service", "gatehouse-kong-iptables.service")
_RULES = BootRules(
    (*_UNITS, *list_rollback_units("gatehouse-kong-rollback")),
    after=("nftables.service",),
    command=f"nft -f {FILE}",
    lost="every managed port",
    effect="boot",
)
_MANAGERS = {"firewalld": "firewalld", "ufw": "ufw"}


def find_boot_conflicts(host: Host, manager: str) -> tuple[Conflict, ...]:
    """Return warnings about units and scripts that remove our rules at boot, changed units, and a disabled manager."""
    units = Units(host)
    return (*find_losses(host, units, _RULES), *_check_manager(units, manager))


def _check_manager(units: Units, manager: str) -> Iterator[Conflict]:
    service = _MANAGERS.get(manager)
    if service and not is_enabled(units, service):
        reason = f"{manager} is in use, but {service}.service is not enabled, so its rules are not loaded at boot"
        advice = f"Run `systemctl enable {service}`, or disable {manager}"
        yield _RULES.warn(f"{service}.service", reason, advice)
