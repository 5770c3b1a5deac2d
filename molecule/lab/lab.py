# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The container lab: sites, gateways and hosts of a scenario, as its lab.yml defines them.

    python3 lab.py up|down|status SCENARIO_FOLDER
    python3 lab.py reboot|stop SCENARIO_FOLDER HOST...
    python3 lab.py exec SCENARIO_FOLDER HOST COMMAND...
    python3 lab.py build SCENARIO_FOLDER...

Kong is a placeholder, unless KONG_PACKAGE or KONG_IMAGE has a real Kong of the host's version: see README.md.

Needs root and the packages that ./install installs. The lab has its own network namespaces and folders. `down` removes all
of them. An empty lock file and the images stay, so the next `up` need not build the images again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import _container
import _image
import _inotify
import _real_kong
import _topology
from _podman import (
    LABEL,
    LABEL_RECIPE,
    RUN,
    LabError,
    Paths,
    enter,
    hold_lock,
    list_containers,
    list_networks,
    run,
    run_podman,
)

BOOT_SECONDS = 60


def bring_up(scenario: Path) -> None:
    """Create or replace hosts that are missing or differ from lab.yml; the other hosts are unchanged."""
    topology = _topology.load(scenario)
    with hold_lock():
        _make(topology)
    _wait_for_boot(topology, [host.name for host in topology.hosts])


def _make(topology: _topology.Topology) -> None:
    paths = Paths(topology.scenario)
    offered = _real_kong.read_environment(os.environ)
    chosen = {host.name: _real_kong.choose(host.kong, offered) for host in topology.hosts}
    recipes = {host.name: _image.Recipe(host.suite, chosen[host.name].kong) for host in topology.hosts}
    for tag in _image.ensure(recipes.values()):
        print(f"image {tag}: built")
    _inotify.raise_limit(topology)
    _ensure_namespace(paths)
    _ensure_networks(topology, paths)
    records = _read_records(topology.scenario)
    for name in sorted(set(records) - {host.name for host in topology.hosts}):
        run_podman("rm", "--force", "--time", "0", paths.name_container(name), netns=paths.netns)
        print(f"{name}: removed")
    for host in topology.hosts:
        links = topology.list_links(host)
        done = _container.ensure(host, links, recipes[host.name], paths, records.get(host.name))
        print(f"{host.name}: {done}{chosen[host.name].note}")
        if host.boots_before_others:
            _wait_for_boot(topology, [host.name])


def build(scenarios: list[Path]) -> None:
    """Build the missing images of the scenarios, with the placeholder. Later `up` builds none, so no other lab waits for it."""
    hosts = [host for scenario in scenarios for host in _topology.load(scenario).hosts]
    with hold_lock():
        built = _image.ensure(_image.Recipe(host.suite) for host in hosts)
    print("\n".join(f"image {tag}: built" for tag in built) or "every image exists")


def tear_down(scenario: Path) -> None:
    """Remove the scenario's lab in any state; lab.yml is not read."""
    with hold_lock():
        _remove(Paths(scenario.resolve().name))


def _remove(paths: Paths) -> None:
    netns = paths.netns if _is_mounted(paths.netns) else None
    records = list_containers(paths.scenario)
    if records:
        run_podman("rm", "--force", "--time", "0", *(record["Id"] for record in records), netns=netns)
    if found := list_networks(paths.scenario):
        run_podman("network", "rm", "--force", *found, netns=netns)
    if netns:
        run(["umount", str(netns)])
    shutil.rmtree(paths.root, ignore_errors=True)
    _inotify.restore_limit()
    if RUN.is_dir() and not any(RUN.iterdir()):
        RUN.rmdir()
    print(f"{paths.scenario}: {len(records)} containers and {len(found)} networks removed")


def print_status(scenario: Path) -> None:
    """Print a line for each host: state, process id, addresses."""
    topology = _topology.load(scenario)
    records = _read_records(topology.scenario)
    for host in topology.hosts:
        record = records.get(host.name, {})
        addresses = " ".join(address for network in host.addresses.values() for address in network)
        print(f"{host.name:12} {record.get('State', 'absent'):10} {record.get('Pid', '-')!s:8} {addresses}")


def reboot(scenario: Path, names: list[str]) -> None:
    topology = _topology.load(scenario)
    paths = Paths(topology.scenario)
    run_podman("restart", *(paths.name_container(topology.find_host(name).name) for name in names), netns=paths.netns)
    _wait_for_boot(topology, names)


def stop(scenario: Path, names: list[str]) -> None:
    """Shut hosts down; ``reboot`` starts them again."""
    paths = Paths(scenario.resolve().name)
    run_podman("stop", *(paths.name_container(name) for name in names), netns=paths.netns)


def execute(scenario: Path, host: str, command: list[str]) -> int:
    """Run the command in the host's namespaces and return its exit status."""
    return subprocess.run([*enter(Paths(scenario.resolve().name), host), *command], check=False).returncode


def _read_records(scenario: str) -> dict[str, dict[str, Any]]:
    return {record["Labels"][f"{LABEL}.host"]: record for record in list_containers(scenario)}


def _ensure_namespace(paths: Paths) -> None:
    """Create the namespace of the bridges, see `run_podman`."""
    if _is_mounted(paths.netns):
        return
    paths.root.mkdir(parents=True, exist_ok=True)
    paths.netns.touch()
    run(["unshare", f"--net={paths.netns}", "true"])
    run(["nsenter", f"--net={paths.netns}", "ip", "link", "set", "lo", "up"])


def _is_mounted(file: Path) -> bool:
    return f" {file} " in Path("/proc/self/mounts").read_text(encoding="utf-8")


def _ensure_networks(topology: _topology.Topology, paths: Paths) -> None:
    found = list_networks(topology.scenario)
    wanted = {paths.name_network(name): subnets for name, subnets in topology.networks.items()}
    for name in [name for name, recipe in found.items() if recipe != " ".join(wanted.get(name, ()))]:
        # This also removes the containers on the network; they are created again later.
        run_podman("network", "rm", "--force", "--time", "0", name, netns=paths.netns)
        del found[name]
    for name in [name for name in wanted if name not in found]:
        subnets = [option for subnet in wanted[name] for option in ("--subnet", subnet)]
        ipv6 = ["--ipv6"] if any(":" in subnet for subnet in wanted[name]) else []
        labels = ["--label", f"{LABEL}={topology.scenario}", "--label", f"{LABEL_RECIPE}={' '.join(wanted[name])}"]
        run_podman(
            "network", "create", "--internal", "--disable-dns", *ipv6, *subnets, *labels, name, netns=paths.netns
        )


def _wait_for_boot(topology: _topology.Topology, names: list[str]) -> None:
    """Wait until systemd has started all units, including the placeholder."""
    paths = Paths(topology.scenario)
    deadline = time.monotonic() + BOOT_SECONDS
    for name in [name for name in names if topology.find_host(name).init == "systemd"]:
        state = "starting"
        while state not in ("running", "degraded"):
            if time.monotonic() > deadline:
                raise LabError(f"{name}: systemd is still {state!r} after {BOOT_SECONDS} s")
            time.sleep(0.1)
            ask = [*enter(paths, name), "systemctl", "is-system-running"]
            state = subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip() or "starting"
        if state == "degraded":
            failed = run([*enter(paths, name), "systemctl", "list-units", "--failed", "--plain", "--no-legend"])
            print(f"{name}: up, but failed: {failed.strip()}")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="The container lab of a Molecule scenario.")
    parser.add_argument("command", choices=("up", "down", "status", "reboot", "stop", "exec", "build"))
    parser.add_argument("scenario", type=Path, help="folder with lab.yml")
    parser.add_argument(
        "rest",
        nargs=argparse.REMAINDER,
        help="hosts to reboot or stop, a host and a command for exec, or more folders for build",
    )
    options = parser.parse_args(arguments)
    if os.geteuid() != 0:
        parser.error("the lab needs root, because it creates network namespaces and containers")
    try:
        if options.command in ("reboot", "stop"):
            {"reboot": reboot, "stop": stop}[options.command](options.scenario, options.rest)
        elif options.command == "exec":
            return execute(options.scenario, options.rest[0], options.rest[1:])
        elif options.command == "build":
            build([options.scenario, *(Path(name) for name in options.rest)])
        else:
            {"up": bring_up, "down": tear_down, "status": print_status}[options.command](options.scenario)
    except (LabError, _topology.TopologyError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
