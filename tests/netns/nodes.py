# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The node of the lab with one of the backends, and what its owner has of that system."""

from __future__ import annotations

import re
import sys
import time
from contextlib import suppress

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.boot import UNIT as IPTABLES_UNIT
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.place import BESIDE, WHOLE
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import SYSTEMS
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import SCRIPT_FILE
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import NAME, PENDING

FAMILIES = ("iptables", "ip6tables")
EMPTY = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n*raw\nCOMMIT\n*nat\nCOMMIT\n*mangle\nCOMMIT\n"
WANTS = "/etc/systemd/system/sysinit.target.wants"
UFW = {"iptables": "", "ip6tables": "6"}  # what its names have behind "ufw"
UFW_CHAINS = """\
*filter
:ufw{0}-before-input - [0:0]
:ufw{0}-user-input - [0:0]
-A INPUT -j ufw{0}-before-input
-A ufw{0}-before-input -i lo -j ACCEPT
-A ufw{0}-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw{0}-before-input -j ufw{0}-user-input
COMMIT
"""
UFW_RULES = """\
*filter
:ufw{0}-user-input - [0:0]
### RULES ###

### END RULES ###
COMMIT
"""


class Node:
    """The lab with one backend; `variant` is that of iptables, or None."""

    def __init__(self, lab, kind):
        self.lab = lab
        self.name, _hyphen, self.variant = kind.partition("-")
        lab.backend = next(system.make for system in SYSTEMS if system.name == self.name)
        # Its own, so that it can be told which iptables is the host's.
        self.which = lab.host.which
        lab.host.which = self._which
        addresses = lab.host.path("/proc/net/if_inet6")
        addresses.parent.mkdir(parents=True, exist_ok=True)
        addresses.touch()
        self.clean()

    def _which(self, program):
        if program == "ufw":
            return "/usr/sbin/ufw"
        return self.which(f"iptables-{self.variant or 'nft'}" if program == "iptables" else program)

    def clean(self, *, start=True):
        """No rules and no sets, but with `start` what ufw has before anybody adds a rule."""
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
            raise AssertionError("sets that nobody names are in use")
        if start and self.name == "ufw":
            self._start_ufw()

    def _start_ufw(self):
        """The chains of ufw through which packets come to its owner's rules, and its files; nothing else of it."""
        for program, number in UFW.items():
            self.lab.host.run(f"{program}-restore", "--noflush", stdin=UFW_CHAINS.format(number))
        files = {"/usr/sbin/ufw": f"#!{sys.executable}\n", "/etc/default/ufw": "IPV6=yes\n", "/run/ufw.lock": ""}
        rules = {"/etc/ufw/user.rules": UFW_RULES.format(""), "/etc/ufw/user6.rules": UFW_RULES.format("6")}
        for path, text in {**files, **rules}.items():
            if self.lab.host.read(path) is None:
                self.lab.host.write(path, text, 0o640)

    def reboot(self):
        """What a boot does: the kernel is empty, and systemd starts what is linked and there; a way back comes first."""
        self.clean(start=False)
        if self._is_enabled(f"{NAME}.service") and self.lab.host.path(f"{PENDING}/undo").exists():
            self.lab.host.run("sh", str(self.lab.host.path(f"{PENDING}/undo")))
        if self.name == "ufw":
            self._start_ufw()
            self.load()
        elif self._is_enabled(IPTABLES_UNIT if self.variant else WHOLE.unit):
            self.load()
        if self._is_enabled(BESIDE.unit):
            self.lab.nft(self.lab.host.read(BESIDE.file))

    def _is_enabled(self, unit):
        linked = self.lab.host.path(f"{WANTS}/{unit}").is_symlink()
        return linked and self.lab.host.path(f"/etc/systemd/system/{unit}").exists()

    def load(self):
        if self.name == "ufw":
            for program, number in UFW.items():
                self.lab.host.run(f"{program}-restore", "-n", stdin=self.lab.host.read(f"/etc/ufw/user{number}.rules"))
        elif self.variant:
            self.lab.host.run("sh", str(self.lab.host.path(SCRIPT_FILE)))
        else:
            self.lab.nft(self.lab.host.read(WHOLE.file))

    def restore(self, text, program="iptables"):
        """Add rules of iptables as the host's owner, in the variant that is his; with nftables it is the new one."""
        self.lab.host.run(f"{program}-{self.variant or 'nft'}-restore", "--noflush", stdin=text)

    def foreign(self):
        """What is not ours, as its programs list it, without counters, which packets change, and handles."""
        saves = [self.lab.host.run(f"{program}-{kind}-save") for program in FAMILIES for kind in ("nft", "legacy")]
        lines = [line for text in (*saves, self.lab.host.run("ipset", "save")) for line in text.splitlines()]
        ours = "^#|GATEHOUSE|gkong" + ("|ufw6?-user-input .*--dport" if self.name == "ufw" else "")
        kept = [re.sub(r"\[\d+:\d+\]", "", line) for line in lines if not re.search(ours, line)]
        native = self.lab.host.run("nft", "-s", "list", "tables")
        return kept, [line for line in native.splitlines() if "gatehouse_kong" not in line]
