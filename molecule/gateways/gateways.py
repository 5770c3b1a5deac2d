# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes the translations of each gateway, kills changes, reloads third-party rules, and removes everything: gateways.py PLAN PART

The parts: `change` moves a forward while flows are open, replaces the outside address, and kills changes; at its end a change
of each gateway waits for its confirmation, so that a reboot rolls it back. `boot` checks the gateways after that reboot. Both
parts restart the data plane of each gateway. `remove` removes our rules. After each part the third-party rules and files are
unchanged. Exit status 1, with a line for each failure.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "lab"))
from _lab_host import PLACE, LabHost

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import select_gateway

HERE = Path(__file__).resolve().parent
SCENARIO = HERE.name
# A gateway and its address on the LAN. Its branch has the nodes b-GATEWAY and c-GATEWAY, and d-GATEWAY connects to c-GATEWAY.
GATEWAYS = {
    "nftables": "10.80.0.1",
    "iptables": "10.80.0.2",
    "firewalld": "10.80.0.3",
    "ufw": "10.80.0.4",
}
GOSSIP, GOSSIP_INSIDE, OTHER_INSIDE, CLUSTER = 9000, 7946, 7947, 8005
# The address of a1, and a port on which it echoes packets from inside.
CALLER, OUTSIDE_ECHO = "10.80.0.11", 5300
# The seconds after which a run of the module is killed. A whole run takes about half a second.
KILLS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7)
OUTSIDE_INTERFACE = "lan"
PATIENCE = 60
SIGKILLED = 128 + 9
RELOADS = {
    "nftables": "systemctl reload nftables",
    "iptables": "netfilter-persistent reload",
    "firewalld": "firewall-cmd --reload",
    "ufw": "ufw reload",
}
PENDING = "/var/lib/gatehouse_kong_nat/pending"
TRACES = "find /etc /var/lib /usr /run/systemd -name '*gatehouse*nat*'; nft list tables | grep gatehouse || true"

# Answers each datagram `ping`, so gossip gets no answer. Ends with its input, like the other programs.
ECHO = """
import select, socket, sys
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.bind(("0.0.0.0", int(sys.argv[1])))
print("ready", flush=True)
while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
    data, source = listener.recvfrom(99)
    if data == b"ping":
        listener.sendto(source[0].encode(), source)
"""
# Opens a flow over udp. For each line of the input it prints the answer to its next packet.
FLOWS = """
import contextlib, socket, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.connect((sys.argv[1], int(sys.argv[2])))
udp.send(b"ping")
print("open", flush=True)
for _line in sys.stdin:
    udp.setblocking(False)
    with contextlib.suppress(OSError):
        while udp.recv(99):
            pass
    udp.settimeout(2)
    udp.send(b"ping")
    answer = "none"
    with contextlib.suppress(OSError):
        answer = udp.recv(99).decode()
    print(answer, flush=True)
"""
# Opens a connection, and prints after a line of the input whether a request has an answer.
TCP = """
import socket, sys
stream = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
print("open", flush=True)
sys.stdin.readline()
stream.send(b"GET / HTTP/1.0\\r\\n\\r\\n")
print("answer" if stream.recv(99) else "none", flush=True)
"""

Trial = tuple[str, Callable[[], None]]


class TrialError(Exception):
    """A trial failed; the message says why."""


class Program:
    """A Python program on a host of the lab, with which this process exchanges lines."""

    def __init__(self, host: str, text: str, argument: str) -> None:
        command = LabHost(SCENARIO, host).make_command(f"exec python3 -uc '{text}' {argument}")
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def close(self) -> None:
        """End the program, which ends with its input."""
        self._process.communicate(timeout=PATIENCE)

    def read(self) -> str:
        """Return the next line that the program prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def ask(self) -> str:
        """Send a line, and return the next line that the program prints."""
        assert self._process.stdin is not None
        self._process.stdin.write("next\n")
        self._process.stdin.flush()
        return self.read()


def run_on(host: LabHost, command: str) -> str:
    """Return the output of a command that must succeed."""
    done = subprocess.run(host.make_command(command), capture_output=True, text=True, check=False)
    if done.returncode:
        raise TrialError(f"{host.name}: {command}: exit {done.returncode} {done.stdout}{done.stderr}")
    return done.stdout


class Gateway:
    """A gateway and the node behind it."""

    def __init__(self, name: str, plan: dict[str, Any]) -> None:
        self.name = name
        self.address = GATEWAYS[name]
        self.inside = f"10.80.{self.address[-1]}.45"
        self.planned = select_gateway(plan, name)
        self._host = LabHost(SCENARIO, name)
        self._host.install()

    @property
    def moved(self) -> dict[str, Any]:
        """The translations with another port inside for gossip."""
        forwards = [
            {**item, "inside_port": OTHER_INSIDE if item["outside_port"] == GOSSIP else item["inside_port"]}
            for item in self.planned["forwards"]
        ]
        return {**self.planned, "forwards": forwards}

    def replace_address(self, old: str, new: str) -> None:
        """Replace the address of the outside interface."""
        self.run(f"ip address delete {old}/24 dev {OUTSIDE_INTERFACE}; ip address add {new}/24 dev {OUTSIDE_INTERFACE}")

    def run(self, command: str) -> str:
        """Return the output of a command on the gateway, which must succeed."""
        return run_on(self._host, command)

    def start(self, options: dict[str, Any], timeout: int = 600) -> dict[str, Any]:
        """Run the first phase of a change, without its confirmation."""
        return self._run_module({**options, "rollback_timeout": timeout})

    def apply(self, options: dict[str, Any]) -> None:
        """Run kong_gateway like its action, and confirm the change."""
        if transaction := self.start(options).get("_transaction"):
            self._run_module({**options, "confirm": transaction})

    def kill(self, options: dict[str, Any], seconds: float) -> bool:
        """Run the first phase of a change and kill it; tell whether it was still running."""
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {**options, "rollback_timeout": 1}})
        module = f"PYTHONPATH={PLACE} python3 -m ansible_collections.gatehouse.kong.plugins.modules.kong_gateway"
        command = f"timeout --signal=KILL {seconds} env {module} >/dev/null <<'ARGUMENTS'\n{arguments}\nARGUMENTS\n"
        done = subprocess.run(self._host.make_command(command), capture_output=True, text=True, check=False)
        if done.returncode not in (0, SIGKILLED, SIGKILLED - 128, -9):
            raise TrialError(f"the killed run: exit {done.returncode} {done.stderr}")
        return done.returncode != 0

    def wait_for_rollback(self) -> None:
        """Wait until no change waits for its confirmation."""
        deadline = time.monotonic() + PATIENCE
        while self.run(f"ls -d {PENDING} 2>/dev/null || true").strip():
            if time.monotonic() > deadline:
                raise TrialError("the change was not rolled back")
            time.sleep(0.2)

    def check_planned(self) -> None:
        """Check that the gateway has exactly the planned translations, and that third-party rules are unchanged."""
        self.check(self.planned)

    def check(self, options: dict[str, Any]) -> None:
        """Check that the gateway has exactly these translations, and that third-party rules are unchanged."""
        found = self._run_module({**options, "_ansible_check_mode": True})
        if found["changed"] or found["conflicts"]:
            raise TrialError(f"differs from the plan: {found['report']} {found['conflicts']}")
        self.check_third_party()

    def check_third_party(self) -> None:
        """Check that third-party rules and files are as before the first run."""
        self.run("sh /root/third_party.sh show >/root/now; diff /root/third_party /root/now")

    def _run_module(self, arguments: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = self._host.run_modules({"task": ("kong_gateway", arguments)})["task"]
        if result.get("failed"):
            raise TrialError(f"kong_gateway: {result['msg']}")
        return result


def try_data_plane(gateway: Gateway) -> None:
    """Restart the data plane: its next connection through the gateway arrives at the control plane from its own address."""
    data_plane, control_plane = (LabHost(SCENARIO, f"{kind}-{gateway.name}") for kind in "dc")
    run_on(data_plane, "systemctl restart kong")
    deadline = time.monotonic() + PATIENCE
    own: set[str] = set()
    while not own or not own <= list_sockets(control_plane, f"sport = :{CLUSTER}", peers=True):
        if time.monotonic() > deadline:
            raise TrialError(f"the control plane has no connection of the data plane, which has {own or 'none'}")
        time.sleep(0.2)
        own = list_sockets(data_plane, f"dst {gateway.address}:{CLUSTER}")


def list_sockets(host: LabHost, condition: str, *, peers: bool = False) -> set[str]:
    """Return the own ends of established connections over tcp that meet a condition of ss, or the ends of their peers."""
    lines = run_on(host, f"ss --no-header --tcp --numeric state established '( {condition} )'").splitlines()
    return {line.split()[3 if peers else 2] for line in lines}


def try_move(gateway: Gateway) -> None:
    """Move a forward to another port: the next packet of an open flow arrives there, and a flow of another forward stays open."""
    inside = f"b-{gateway.name}"
    with (
        closing(Program(inside, ECHO, str(OTHER_INSIDE))) as echo,
        closing(Program("a1", FLOWS, f"{gateway.address} {GOSSIP}")) as udp,
        closing(Program(f"d-{gateway.name}", TCP, f"{gateway.address} {CLUSTER}")) as tcp,
    ):
        for program in (echo, udp, tcp):
            program.read()
        gateway.apply(gateway.moved)
        answers = udp.ask(), tcp.ask()
        if answers != (CALLER, "answer"):
            raise TrialError(f"the answers over udp and tcp are {answers}")
        flows = gateway.run(f"conntrack -L -p udp --orig-dst {gateway.address} --orig-port-dst {GOSSIP} 2>/dev/null")
        if re.search(rf"src={gateway.inside} dst=\S+ sport={GOSSIP_INSIDE} ", flows):
            raise TrialError(f"a flow leads to the old port: {flows}")
        gateway.apply({"state": "rolled_back"})
        if udp.ask() != "none":
            raise TrialError("after the rollback an open flow still leads to the other port")
    gateway.check_planned()


def try_new_address(gateway: Gateway) -> None:
    """Replace the address of the outside interface: its forwards serve the new address, and no flow keeps the old address."""
    options = {**gateway.moved, "outside_interfaces": {gateway.address: OUTSIDE_INTERFACE}}
    inside, new, port = f"b-{gateway.name}", f"10.80.0.10{gateway.address[-1]}", OUTSIDE_ECHO + int(gateway.address[-1])
    with (
        closing(Program(inside, ECHO, str(OTHER_INSIDE))) as echo,
        closing(Program("a1", ECHO, str(port))) as outside,
    ):
        echo.read()
        outside.read()
        gateway.apply(options)
        with closing(Program(inside, FLOWS, f"{CALLER} {port}")) as leaving:
            leaving.read()
            before = leaving.ask(), ask_forward(gateway.address)
            gateway.replace_address(gateway.address, new)
            try:
                after = leaving.ask(), ask_forward(new)
                gateway.check(options)
                flows = gateway.run(f"conntrack -L -p udp --orig-dst {CALLER} --orig-port-dst {port} 2>/dev/null")
            finally:
                gateway.replace_address(new, gateway.address)
    if (before, after) != ((gateway.address, CALLER), (new, CALLER)):
        raise TrialError(f"the answers are {before} before and {after} after the change of the address")
    if f"dst={gateway.address} " in flows:
        raise TrialError(f"a flow keeps the old address: {flows}")
    gateway.apply(gateway.planned)
    gateway.check_planned()


def ask_forward(address: str) -> str:
    """Return the answer to a packet of a new flow from a1 to the forward for gossip at an address."""
    with closing(Program("a1", FLOWS, f"{address} {GOSSIP}")) as arriving:
        arriving.read()
        return arriving.ask()


def try_kills(gateway: Gateway) -> None:
    """Kill the first phase at several points, and never confirm it: the host rolls back."""
    killed = 0
    for seconds in KILLS:
        killed += gateway.kill(gateway.moved, seconds)
        gateway.wait_for_rollback()
        gateway.apply(gateway.planned)
        gateway.check_planned()
    if not killed:
        raise TrialError("no run was killed")
    gateway.start(gateway.moved, 1)
    gateway.wait_for_rollback()
    gateway.check_planned()


def try_reload(gateway: Gateway) -> None:
    """Reload the third-party rules: our table stays, or is loaded again."""
    gateway.run(RELOADS[gateway.name])
    gateway.check_planned()


def leave_pending(gateway: Gateway) -> None:
    """Start a change that a reboot has to roll back."""
    if "_transaction" not in gateway.start(gateway.moved):
        raise TrialError("the change was not started")


def try_removal(gateway: Gateway) -> None:
    """Remove all our rules and files."""
    gateway.apply({"state": "absent"})
    gateway.check_third_party()
    if traces := gateway.run(TRACES):
        raise TrialError(f"left: {traces}")


def list_trials(gateway: Gateway, part: str) -> Iterator[Trial]:
    """Yield the trials of a part in their order, with their names."""
    if part == "remove":
        yield "a removal", partial(try_removal, gateway)
        return
    yield "the planned translations", gateway.check_planned
    yield "the connection of a data plane", partial(try_data_plane, gateway)
    if part == "change":
        yield "a moved forward", partial(try_move, gateway)
        yield "a new outside address", partial(try_new_address, gateway)
        yield "kills", partial(try_kills, gateway)
        yield "a reload of third-party rules", partial(try_reload, gateway)
        yield "a change before the reboot", partial(leave_pending, gateway)


def try_gateway(name: str, plan: dict[str, Any], part: str) -> list[str]:
    """Run all trials of a part on a gateway; return the failures."""
    failures = []
    for trial, act in list_trials(Gateway(name, plan), part):
        began = time.monotonic()
        try:
            act()
        except TrialError as failed:
            failures.append(f"{name}: {trial}: {failed}")
        print(f"{name}: {trial}: {time.monotonic() - began:.1f} s", flush=True)
    return failures


def main(arguments: list[str]) -> int:
    plan = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    with ThreadPoolExecutor(len(GATEWAYS)) as pool:
        found = pool.map(lambda name: try_gateway(name, plan, arguments[1]), GATEWAYS)
        failures = [line for lines in found for line in lines]
    print(*failures, f"{len(failures)} failures", sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
