# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs real firewall managers on hosts that no other check uses: managers.py [HOST...]

The host `controller` connects from its two addresses of each family: the first is in the ruleset, the second is not. Exit
status 1, with a line for each failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "lab"))
from _lab_host import LabHost

HERE = Path(__file__).resolve().parent
SCENARIO = HERE.name
PATIENCE = 60
TIMEOUT = 15  # seconds for the confirmation of a change; a slow machine must connect before they end
FRIEND = ("10.92.0.30", "fd92:6761:7465::30")
OUTSIDER = ("10.92.0.40", "fd92:6761:7465::40")
ADDRESSES = {
    "fresh-firewalld": ("10.92.0.16", "fd92:6761:7465::16"),
    "fresh-ufw": ("10.92.0.17", "fd92:6761:7465::17"),
}
# The ruleset of the cases, and one with another port and another source.
SETS = {"friends": {"ipv4": [f"{FRIEND[0]}/32"], "ipv6": [f"{FRIEND[1]}/128"]}}
RULES = {
    "allow": [
        {"listener": "admin", "protocol": "tcp", "port": 8001, "address": None, "sources": ["friends"]},
        {"listener": "cluster", "protocol": "tcp", "port": 7946, "address": None, "sources": ["friends"]},
        {"listener": "cluster", "protocol": "udp", "port": 7946, "address": None, "sources": ["friends"]},
        {"listener": "proxy", "protocol": "tcp", "port": 8000, "address": None, "sources": "any"},
    ],
    "sets": SETS,
}
OTHER = {
    "allow": [{**RULES["allow"][0], "sources": ["friends", "others"]}, *RULES["allow"][1:]],
    "sets": {**SETS, "others": {"ipv4": [f"{OUTSIDER[0]}/32"], "ipv6": [f"{OUTSIDER[1]}/128"]}},
}
# The ports that answer to each client if RULES are effective. Port 22 is of the host, and port 9000 is open at no host.
OPEN = {"friend": {8001, 7946, 8000}, "outsider": {8000}}
WITH_SSH = {name: {22, *ports} for name, ports in OPEN.items()}
# firewalld loads its rules after its unit has started.
LOADED = "for f in ip ip6; do until ${f}tables-save | grep -q 'INPUT -j REJECT'; do sleep 0.1; done; done"
# Lines that were written by hand. The tools of ufw write a line `### tuple ###` before each rule.
USER_RULES = """\
*filter
:ufw-user-input - [0:0]
:ufw-user-output - [0:0]
:ufw-user-forward - [0:0]
:ufw-user-limit - [0:0]
:ufw-user-limit-accept - [0:0]
### RULES ###
# a comment
-A ufw-user-input -p tcp --dport 22 -j ACCEPT
-A ufw-user-input -p tcp --dport 80 -j ACCEPT

### END RULES ###
COMMIT
"""
_ZONE = "firewall-cmd --quiet --zone=bans --{}-source=@4 --{}-source=@6"
_RICH = "firewall-cmd --quiet --zone=public --{}-rich-rule='rule family={} source address={} drop limit value=1000/s'"
_DIRECT = (
    "firewall-cmd --quiet --direct --{}-rule {} filter INPUT 0 -s {} -p tcp --dport 8000 -m hashlimit"
    " --hashlimit-name ban --hashlimit-upto 1000/sec -j DROP"
)
_MARKS = (("ipv4", "@4"), ("ipv6", "@6"))
# The command that adds a ban, the command that removes it, and the ports that it closes.
BANS = (
    (_ZONE.format("add", "add"), _ZONE.format("remove", "remove"), {22, 8000}),
    *(
        (*("; ".join(command.format(verb, *mark) for mark in _MARKS) for verb in ("add", "remove")), closed)
        for command, closed in ((_RICH, {22, 8000}), (_DIRECT, {8000}))
    ),
)
# Rules of the host that accept up to a limit, or that drop behind the zones: they have no effect on allowed packets.
_LIMITED = "firewall-cmd --quiet --zone=public --{0}-rich-rule='rule family={1} port port=8000 protocol=tcp accept limit value=1/m'"
_POLICY = "firewall-cmd --quiet --permanent --policy=late"
_ADD_POLICY = (
    f"firewall-cmd --quiet --permanent --new-policy=late; {_POLICY} --set-priority=10;"
    f"{_POLICY} --add-ingress-zone=ANY; {_POLICY} --add-egress-zone=HOST;"
    f"{_POLICY} --add-rich-rule='rule family=ipv4 source address=@4 drop';"
    f"{_POLICY} --add-rich-rule='rule family=ipv6 source address=@6 drop'; firewall-cmd --quiet --reload"
)
EXEMPT = (
    (*("; ".join(_LIMITED.format(verb, family) for family, _mark in _MARKS) for verb in ("add", "remove")), "public"),
    (
        _ADD_POLICY,
        "firewall-cmd --quiet --permanent --delete-policy=late; firewall-cmd --quiet --reload",
        "policy late",
    ),
)
PORTS = (22, 80, 7946, 8000, 8001, 9000)
LISTEN = """
import selectors, socket
ready = selectors.DefaultSelector()
for port in PORTS:
    ready.register(socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True), selectors.EVENT_READ)
while True:
    for key, _events in ready.select():
        key.fileobj.accept()[0].close()
"""
DIAL = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def dial(target):
    source, address, port, patience = target
    try:
        socket.create_connection((address, port), patience, (source, 0)).close()
    except OSError:
        return False
    return True
targets = json.loads(sys.argv[1])
with ThreadPoolExecutor(len(targets)) as pool:
    print(json.dumps([*pool.map(dial, targets)]))
"""

Open = dict[str, set[int]]


class Host:
    """A host with a real firewall manager, and the client that connects to it."""

    def __init__(self, name: str) -> None:
        self.lab = LabHost(SCENARIO, name)
        self._addresses = ADDRESSES[name]
        self.lab.install()

    def run(self, command: str) -> str:
        """Return the output of a command that must succeed."""
        done = subprocess.run(self.lab.make_command(command), capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(f"{command}: exit {done.returncode} {done.stdout}{done.stderr}")
        return done.stdout

    def change(self, state: str = "present", *, rules: Any = None, confirm: bool = True) -> dict[str, Any]:
        """Run kong_firewall like its action, with RULES by default, and return the result of its first phase; it may fail."""
        arguments = {"state": state, "rollback_timeout": 600 if confirm else TIMEOUT}
        arguments |= {} if state == "absent" else {"ruleset": rules or RULES}
        done = self._run_module("kong_firewall", arguments)
        if confirm and "_transaction" in done:
            confirmed = self._run_module("kong_firewall", {**arguments, "confirm": done["_transaction"]})
            check(not confirmed.get("failed"), confirmed)
        return done

    def apply(self, state: str = "present") -> None:
        """Apply RULES, or remove them. Raises AssertionError for a failure, a warning, and if the host does not change."""
        done = self.change(state)
        check(not done.get("failed") and not done.get("warnings") and done["changed"], done)

    def find_difference(self) -> list[str]:
        """Return the differences that kong_firewall_info reports."""
        found = self._read_info()
        return found["report"] if found["differs"] else []

    def list_warnings(self) -> list[tuple[str, str]]:
        """Return the place and the effect of each conflict that kong_firewall_info reports."""
        return [(conflict["where"], conflict["effect"]) for conflict in self._read_info()["conflicts"]]

    def check_unchanged(self) -> None:
        """Check that nothing differs from RULES, and that a run changes nothing."""
        check(not (found := self.find_difference()), found)
        check(not (done := self.change()).get("changed", True), done)

    def start_listeners(self) -> None:
        """Start listeners on PORTS; the host's boot ends them."""
        program = LISTEN.replace("PORTS", f"{PORTS}")
        self.run(f"systemd-run --quiet --unit=listeners python3 -c '{program}'")
        self.run("until ss -Hltn 'sport = :8001' | grep -q .; do sleep 0.1; done")

    def check_packets(self, expected: Open) -> None:
        """Connect from each address of the client to each port. Raises AssertionError if other ports are open."""
        ends = {"friend": FRIEND, "outsider": OUTSIDER}
        targets = [
            (name, (source, address, port, 5 if port in expected[name] else 0.7))
            for name, sources in ends.items()
            for source, address in zip(sources, self._addresses, strict=True)
            for port in PORTS
        ]
        command = LabHost(SCENARIO, "controller").make_command(
            f"python3 -c '{DIAL}' '{json.dumps([target for _name, target in targets])}'"
        )
        done = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        wrong = [target for (name, target), is_open in zip(targets, done, strict=True)
                 if is_open != (target[2] in expected[name])]  # fmt: skip
        check(not wrong, f"not as expected: {wrong}")

    def boot(self) -> None:
        """Boot the host, and start the listeners again."""
        lab = [sys.executable, str(HERE.parent / "lab" / "lab.py"), "reboot", str(HERE), self.lab.name]
        subprocess.run(lab, check=True, capture_output=True)
        self.start_listeners()

    def _read_info(self) -> dict[str, Any]:
        found = self._run_module("kong_firewall_info", {"ruleset": RULES})
        check(not found.get("failed"), found)
        return found

    def _run_module(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = self.lab.run_modules({"task": (name, arguments)})["task"]
        return result


def check(holds: object, found: object) -> None:
    """Raise AssertionError with the actual result if a condition does not hold."""
    if not holds:
        raise AssertionError(str(found))


def wait(holds: Callable[[], object], event: str) -> None:
    """Wait until a condition holds. Raises AssertionError if it does not hold for too long."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        check(time.monotonic() < deadline, f"not so after {PATIENCE} s: {event}")
        time.sleep(0.2)


def try_iptables_backend(host: Host) -> None:
    """Apply RULES to a fresh firewalld that loads its rules with iptables: its own chains are no conflict."""
    host.run("sed -i 's/^FirewallBackend=.*/FirewallBackend=iptables/' /etc/firewalld/firewalld.conf")
    host.run("systemctl enable --quiet --now firewalld; " + LOADED)
    host.check_packets({"friend": {22}, "outsider": {22}})
    host.apply()
    host.check_packets(WITH_SSH)
    host.check_unchanged()
    host.run("firewall-cmd --quiet --reload")
    host.check_packets(WITH_SSH)
    host.boot()
    host.run(LOADED)
    host.check_packets(WITH_SSH)
    host.check_unchanged()


def try_stopped(host: Host) -> None:
    """Stop a firewalld that is enabled: a run is refused before it changes anything."""
    state = "nft --stateless list ruleset; find /etc/firewalld /etc/gatehouse_kong -type f -exec sha256sum {} + | sort"
    host.run("systemctl stop firewalld")
    before = host.run(state)
    done = host.change(rules=OTHER)
    check(done.get("failed") and "firewalld.service is not active" in done["msg"], done)
    check(host.run(state) == before, "the refused run changed the host")
    host.run("systemctl start firewalld; " + LOADED)


def try_hung_rollback(host: Host) -> None:
    """Suspend firewalld while a change is unconfirmed: the rollback does not wait for firewalld, and a boot completes it."""
    check(not host.change(rules=OTHER, confirm=False).get("failed"), "the change failed")
    host.run("systemctl kill --signal=STOP firewalld; [ -d /var/lib/gatehouse_kong/pending ]")
    host.check_packets({"friend": {22, *OPEN["friend"]}, "outsider": {22, 8001, *OPEN["outsider"]}})
    wait(lambda: OUTSIDER[0] not in host.run("nft list table inet gatehouse_kong"), "the rollback")
    host.check_packets(WITH_SSH)
    check(host.run("ps -o stat= -C firewalld").startswith("T"), "firewalld runs")
    wait(
        lambda: not host.run("systemctl list-units --quiet --state=active 'gatehouse-kong-rollback-*'"),
        "the end of the rollback",
    )
    host.run("systemctl kill --signal=CONT firewalld")
    host.boot()
    host.run(LOADED)
    host.check_packets(WITH_SSH)
    host.check_unchanged()


def try_bans(host: Host) -> None:
    """Ban a source that RULES allow, with a zone of target DROP and with limits that drop; then remove the ban."""
    host.run(
        "firewall-cmd --quiet --permanent --new-zone=bans; firewall-cmd --quiet --permanent --zone=bans --set-target=DROP"
    )
    host.run("sed -i 's/^FirewallBackend=.*/FirewallBackend=nftables/' /etc/firewalld/firewalld.conf")
    host.run("systemctl restart firewalld; until nft list chain inet firewalld filter_IN_public; do sleep 0.1; done")
    host.check_packets(WITH_SSH)
    host.check_unchanged()
    for add, remove, closed in BANS:
        host.run(fill(add))
        host.check_packets({**WITH_SSH, "outsider": WITH_SSH["outsider"] - closed})
        host.check_unchanged()
        host.run(fill(remove))
        host.check_packets(WITH_SSH)


def try_exempt(host: Host) -> None:
    """Limit or ban allowed sources with rules that do not hold: the connections open, and kong_firewall_info warns."""
    for add, remove, place in EXEMPT:
        host.run(fill(add))
        found = host.list_warnings()
        check(found and all(place in where and effect == "accept" for where, effect in found), found)
        host.check_packets(WITH_SSH)
        host.check_packets(WITH_SSH)
        host.check_unchanged()
        host.run(fill(remove))
    check(not (found := host.list_warnings()), found)


def fill(command: str) -> str:
    """Return a command for the addresses of the banned source, @4 and @6."""
    return command.replace("@4", OUTSIDER[0]).replace("@6", OUTSIDER[1])


def try_foreign_lines(host: Host) -> None:
    """Apply RULES to a ufw whose user.rules has lines that ufw did not write: no line is lost, in the files and in the kernel.

    `ufw reload` itself removes such lines from the files, also without our rules. So it is the last change.
    """
    read = "cat /etc/ufw/user*.rules; { iptables-save; ip6tables-save; } | grep -- '-A ufw6*-user-input'"
    own = {name: {22, 80} for name in OPEN}
    both = {name: {22, 80, *ports} for name, ports in OPEN.items()}
    host.run(
        f"cat >/etc/ufw/user.rules <<'EOF'\n{USER_RULES}EOF\nsed s/ufw-/ufw6-/ /etc/ufw/user.rules >/etc/ufw/user6.rules"
    )
    host.run(
        "sed -i s/ENABLED=no/ENABLED=yes/ /etc/ufw/ufw.conf; systemctl enable --quiet ufw; /lib/ufw/ufw-init force-reload"
    )
    lines = host.run(read)
    check(lines.count("--dport 80 -j ACCEPT") == 4, lines)
    host.check_packets(own)
    for change, expected in (
        (host.apply, both), (host.boot, both), (host.check_unchanged, both), (partial(host.apply, "absent"), own),
        (host.boot, own), (host.apply, both),
    ):  # fmt: skip
        change()
        check(host.run(read) == lines, host.run(read))
        host.check_packets(expected)
    host.run("ufw reload")
    host.check_packets(both)
    host.check_unchanged()


TRIALS = {
    "fresh-firewalld": (try_iptables_backend, try_stopped, try_hung_rollback, try_bans, try_exempt),
    "fresh-ufw": (try_foreign_lines,),
}


def try_host(name: str) -> list[str]:
    """Run the trials of a host; return the failures."""
    host, failures = Host(name), []
    host.start_listeners()
    for trial in TRIALS[name]:
        began = time.monotonic()
        try:
            trial(host)
            outcome = "holds"
        except AssertionError as failure:
            outcome = f"FAILED: {failure}"
            failures.append(f"{name}: {trial.__name__}: {failure}")
        print(f"{name}: {trial.__name__}: {outcome} ({time.monotonic() - began:.1f} s)", flush=True)
    return failures


def main(names: list[str]) -> int:
    hosts = names or [*TRIALS]
    with ThreadPoolExecutor(len(hosts)) as pool:
        failures = [line for lines in pool.map(try_host, hosts) for line in lines]
    print(*failures, f"{len(failures)} failures", sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
