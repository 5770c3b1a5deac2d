# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node of the lab with a firewall manager, its chains and its files, and a simulated boot."""

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
# The units in the order of a boot, with the program and the file that each unit runs.
UNITS = (
    ("gatehouse-kong-rollback.service", "sh", "/var/lib/gatehouse_kong/pending/undo"),
    ("gatehouse-kong-firewall.service", "nft", "/etc/gatehouse_kong/ruleset.nft"),
    ("gatehouse-kong-iptables.service", "sh", "/etc/gatehouse_kong_iptables/load.sh"),
    ("gatehouse-kong-accept.service", "sh", "/etc/gatehouse_kong_accept/accept.sh"),
)
# The chains that ufw-init loads, for IPv4 and IPv6. The rules of after.rules are read from the host's file.
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

    A kind is "nftables", "ufw", or "iptables", a hyphen and the variant of iptables. The kind "mangle" is iptables on a host
    without nft.
    """

    def __init__(self, lab, kind):
        self.lab = lab
        kind, _hyphen, self.variant = kind.partition("-")
        self.name = "iptables" if kind == "mangle" else kind
        self.has_nft = kind != "mangle"
        lab.backend = lambda host: choose(host, self.name).backend
        # A test decides which programs the host has.
        self.which = lab.host.which
        lab.host.which = self._find_program
        addresses = lab.host.locate("/proc/net/if_inet6")
        addresses.parent.mkdir(parents=True, exist_ok=True)
        addresses.touch()
        self.clean()

    def _find_program(self, program):
        if program == "nft" and not self.has_nft:
            return None
        if program == "ufw":
            return "/usr/sbin/ufw"
        return self.which(f"iptables-{self.variant or 'nft'}" if program == "iptables" else program)

    def clean(self, *, start=True):
        """Remove all rules and sets. With `start`, load the rules of ufw from its files."""
        self.lab.run_nft("flush ruleset")
        for program in FAMILIES:
            self.lab.host.run(f"{program}-legacy-restore", stdin=EMPTY)
        for attempt in range(50):
            # The kernel releases the sets of removed rules a moment later.
            with suppress(HostError):
                self.lab.host.run("ipset", "destroy")
                break
            time.sleep(attempt / 100)
        else:
            raise AssertionError("sets are in use although no rule uses them")
        if start and self.name == "ufw":
            self._start_ufw()

    def _start_ufw(self):
        """Load the chains of ufw that lead to the user's rules. Write its files if they are missing."""
        files = {"/usr/sbin/ufw": f"#!{sys.executable}\n", "/etc/default/ufw": "IPV6=yes\n", "/run/ufw.lock": ""}
        for number in UFW.values():
            files[f"/etc/ufw/user{number}.rules"] = UFW_USER_RULES.format(number)
            files[f"/etc/ufw/after{number}.rules"] = UFW_AFTER_RULES.format(number)
        for path, text in files.items():
            if self.lab.host.read(path) is None:
                self.lab.host.write(path, text, 0o640)
        enabled = self.lab.host.locate("/etc/systemd/system/multi-user.target.wants/ufw.service")
        enabled.parent.mkdir(parents=True, exist_ok=True)
        if not enabled.is_symlink():
            enabled.symlink_to("/lib/systemd/system/ufw.service")
            self.lab.host.write("/lib/systemd/system/ufw.service", "[Service]\n", 0o644)
        for program, number in UFW.items():
            texts = [UFW_CHAINS.format(number, "v6" if number else "")]
            texts += [self.lab.host.read(f"/etc/ufw/{file}{number}.rules") for file in ("user", "after")]
            for text in texts:
                self.lab.host.run(f"{program}-restore", "--noflush", stdin=text)

    def reboot(self):
        """Remove all rules, load the rules of the host's own firewall, and run the enabled units."""
        self.clean()
        self.load()

    def load(self):
        for unit, program, file in UNITS:
            path = self.lab.host.locate(file)
            if self._is_enabled(unit) and path.exists():
                self.lab.host.run(program, *(("-f",) if program == "nft" else ()), str(path))

    def _is_enabled(self, unit):
        folder = self.lab.host.locate(UNITS_FOLDER)
        return any((wants / unit).is_symlink() for wants in folder.glob("*.wants")) and (folder / unit).exists()

    def restore(self, text, program="iptables"):
        """Add third-party iptables rules in the host's variant; on hosts with nftables, in the variant nft."""
        self.lab.host.run(f"{program}-{self.variant or 'nft'}-restore", "--noflush", stdin=text)

    def list_third_party_rules(self):
        """Return all third-party rules as their programs list them, without counters and handles."""
        saves = [self.lab.host.run(f"{program}-{kind}-save") for program in FAMILIES for kind in ("nft", "legacy")]
        lines = [line for text in (*saves, self.lab.host.run("ipset", "save")) for line in text.splitlines()]
        kept = [
            re.sub(r"\[\d+:\d+\]", "", line) for line in lines if not re.search("^#|GATEHOUSE|gkong|gatehouse", line)
        ]
        native = self.lab.host.run("nft", "-s", "list", "tables")
        return kept, [line for line in native.splitlines() if "gatehouse_kong" not in line]
