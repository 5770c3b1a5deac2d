# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node of the lab with one firewall manager, its chains and its files, and what a boot does with them."""

from __future__ import annotations

import re
import sys
import time
from contextlib import suppress

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError

FAMILIES = ("iptables", "ip6tables")
EMPTY = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n*raw\nCOMMIT\n*nat\nCOMMIT\n*mangle\nCOMMIT\n"
UNITS_FOLDER = "/etc/systemd/system"
# In the order in which a boot starts them, with the program and the file that each one runs.
UNITS = (
    ("gatehouse-kong-rollback.service", "sh", "/var/lib/gatehouse_kong/pending/undo"),
    ("gatehouse-kong-firewall.service", "nft", "/etc/gatehouse_kong/ruleset.nft"),
    ("gatehouse-kong-iptables.service", "sh", "/etc/gatehouse_kong_iptables/load.sh"),
    ("gatehouse-kong-accept.service", "sh", "/etc/gatehouse_kong_accept/accept.sh"),
)
# What ufw-init loads of ufw's own chains, for IPv4 and IPv6; after.rules come from the host's file.
UFW = {"iptables": "", "ip6tables": "6"}
UFW_CHAINS = """\
*filter
:INPUT DROP
:ufw{0}-before-input - [0:0]
:ufw{0}-user-input - [0:0]
:ufw{0}-after-input - [0:0]
-A INPUT -j ufw{0}-before-input
-A INPUT -j ufw{0}-after-input
-A ufw{0}-before-input -i lo -j ACCEPT
-A ufw{0}-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw{0}-before-input -p icmp{1} -j ACCEPT
-A ufw{0}-before-input -j ufw{0}-user-input
COMMIT
"""
UFW_USER_RULES = """\
*filter
:ufw{0}-user-input - [0:0]
### RULES ###

### tuple ### allow any 22 0.0.0.0/0 any 0.0.0.0/0 in
-A ufw{0}-user-input -p tcp --dport 22 -j ACCEPT
-A ufw{0}-user-input -p udp --dport 53 -j ACCEPT

### END RULES ###
COMMIT
"""
UFW_AFTER_RULES = """\
# rules.input-after
*filter
:ufw{0}-after-input - [0:0]
# don't log noisy services by default
-A ufw{0}-after-input -p udp --dport 137 -j DROP
# don't delete the 'COMMIT' line or these rules won't be processed
COMMIT
"""


class Node:
    """The lab with one firewall manager.

    A kind is "nftables", "ufw", or "iptables" with the variant of iptables behind a hyphen; "mangle" is iptables on a host
    without nft.
    """

    def __init__(self, lab, kind):
        self.lab = lab
        kind, _hyphen, self.variant = kind.partition("-")
        self.name = "iptables" if kind == "mangle" else kind
        self.has_nft = kind != "mangle"
        lab.backend = lambda host: choose(host, self.name).backend
        # Its own, so that a test decides which programs the host has.
        self.which = lab.host.which
        lab.host.which = self._which
        addresses = lab.host.path("/proc/net/if_inet6")
        addresses.parent.mkdir(parents=True, exist_ok=True)
        addresses.touch()
        self.clean()

    def _which(self, program):
        if program == "nft" and not self.has_nft:
            return None
        if program == "ufw":
            return "/usr/sbin/ufw"
        return self.which(f"iptables-{self.variant or 'nft'}" if program == "iptables" else program)

    def clean(self, *, start=True):
        """Remove all rules and sets; with `start`, load the rules of ufw as its user left them."""
        self.lab.nft("flush ruleset")
        for program in FAMILIES:
            self.lab.host.run(f"{program}-legacy-restore", stdin=EMPTY)
        for attempt in range(50):
            # The kernel lets go of the sets of removed rules a moment later.
            with suppress(HostError):
                self.lab.host.run("ipset", "destroy")
                break
            time.sleep(attempt / 100)
        else:
            raise AssertionError("sets that no rule names are in use")
        if start and self.name == "ufw":
            self._start_ufw()

    def _start_ufw(self):
        """Load the chains of ufw through which packets come to its user's rules, and write its files if they are missing."""
        files = {"/usr/sbin/ufw": f"#!{sys.executable}\n", "/etc/default/ufw": "IPV6=yes\n", "/run/ufw.lock": ""}
        for number in UFW.values():
            files[f"/etc/ufw/user{number}.rules"] = UFW_USER_RULES.format(number)
            files[f"/etc/ufw/after{number}.rules"] = UFW_AFTER_RULES.format(number)
        for path, text in files.items():
            if self.lab.host.read(path) is None:
                self.lab.host.write(path, text, 0o640)
        enabled = self.lab.host.path("/etc/systemd/system/multi-user.target.wants/ufw.service")
        enabled.parent.mkdir(parents=True, exist_ok=True)
        if not enabled.is_symlink():
            enabled.symlink_to("/lib/systemd/system/ufw.service")
        for program, number in UFW.items():
            texts = [UFW_CHAINS.format(number, "v6" if number else "")]
            texts += [self.lab.host.read(f"/etc/ufw/{file}{number}.rules") for file in ("user", "after")]
            for text in texts:
                self.lab.host.run(f"{program}-restore", "--noflush", stdin=text)

    def reboot(self):
        """Empty the kernel, load what the host's own firewall loads, and start the units that are enabled."""
        self.clean()
        self.load()

    def load(self):
        for unit, program, file in UNITS:
            path = self.lab.host.path(file)
            if self._is_enabled(unit) and path.exists():
                self.lab.host.run(program, *(("-f",) if program == "nft" else ()), str(path))

    def _is_enabled(self, unit):
        folder = self.lab.host.path(UNITS_FOLDER)
        return any((wants / unit).is_symlink() for wants in folder.glob("*.wants")) and (folder / unit).exists()

    def restore(self, text, program="iptables"):
        """Add rules of iptables as a third party, in the host's variant; with nftables it is the new one."""
        self.lab.host.run(f"{program}-{self.variant or 'nft'}-restore", "--noflush", stdin=text)

    def third_party(self):
        """Return all that is not ours, as its programs list it, without counters, which packets change, and handles."""
        saves = [self.lab.host.run(f"{program}-{kind}-save") for program in FAMILIES for kind in ("nft", "legacy")]
        lines = [line for text in (*saves, self.lab.host.run("ipset", "save")) for line in text.splitlines()]
        kept = [
            re.sub(r"\[\d+:\d+\]", "", line) for line in lines if not re.search("^#|GATEHOUSE|gkong|gatehouse", line)
        ]
        native = self.lab.host.run("nft", "-s", "list", "tables")
        return kept, [line for line in native.splitlines() if "gatehouse_kong" not in line]
