# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create, start or replace a container of the lab, as lab.yml defines it."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from pathlib import Path
from typing import Any

import _boot
import _kong_unit
from _image import Recipe
from _podman import LABEL, LABEL_RECIPE, Paths, list_ulimits, run_podman
from _topology import Host

BOOT = "/etc/gatehouse-lab/boot"
UNITS = "/etc/systemd/system"
PLACES = {"boot": BOOT, "kong.env": "/etc/kong-placeholder.env"}  # in the container; all other files are units


def ensure(
    host: Host, links: dict[str, tuple[str, ...]], made_of: Recipe, paths: Paths, record: dict[str, Any] | None
) -> str:
    """Make the container run as lab.yml defines it, and return a word for the change.

    `links` are its addresses by network, and `record` is podman's record of it.
    """
    files, image = _render_files(host, real=made_of.kong is not None), made_of.image
    options = _render_options(host, links, paths, files)
    recipe = _compute_recipe([image, *options, *files.values()])
    name = paths.name_container(host.name)
    if record and record["Labels"].get(LABEL_RECIPE) == recipe:
        if record["State"] == "running":
            return "unchanged"
        run_podman("start", name, netns=paths.netns)
        return "started"
    _write_files(files, paths.locate_files(host.name), paths)
    command = ["/sbin/init"] if host.init == "systemd" else ["sh", "-c", f"sh {BOOT} && exec sleep infinity"]
    run_podman(
        "run",
        "--detach",
        "--replace",
        "--name",
        name,
        "--label",
        f"{LABEL_RECIPE}={recipe}",
        *options,
        image,
        *command,
        netns=paths.netns,
    )
    return "replaced" if record else "created"


def _compute_recipe(parts: list[str]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _render_options(host: Host, links: dict[str, tuple[str, ...]], paths: Paths, files: dict[str, str]) -> list[str]:
    options = ["--label", f"{LABEL}={paths.scenario}", "--label", f"{LABEL}.host={host.name}"]
    options += [
        "--hostname",
        host.name,
        "--pidfile",
        str(paths.locate_pidfile(host.name)),
        "--dns",
        "none",
        *list_ulimits(),
    ]
    for network, addresses in links.items():
        given = ",".join(f"ip={address}" for address in addresses)
        link = f"mac={_compute_mac(addresses[0])},interface_name={network}"
        options += ["--network", f"{paths.name_network(network)}:{given},{link}"]
    for name in files:
        options += ["--volume", f"{paths.locate_files(host.name) / name}:{PLACES.get(name, f'{UNITS}/{name}')}:ro"]
    if host.kong:
        options += ["--volume", f"{paths.database}:/var/lib/kong-database"]
    options += ["--volume", f"{paths.compiled}:/var/cache/gatehouse-lab"]
    # Kong binds low ports, and the firewalls load rules. systemd needs SYS_ADMIN for its own namespaces.
    if host.init == "systemd":
        return [
            *options,
            "--systemd=always",
            "--cap-add",
            "NET_ADMIN,NET_RAW,SYS_ADMIN",
            *_list_forwarding_options(host),
        ]
    options += ["--systemd=false", "--stop-signal", "SIGKILL", "--cap-add", "NET_ADMIN,NET_RAW"]
    return [*options, *_list_forwarding_options(host)]


def _compute_mac(address: str) -> str:
    """Return a fixed hardware address, so that a reboot does not invalidate the neighbours' caches."""
    digest = hashlib.sha256(address.encode()).hexdigest()
    return ":".join(["02", *(digest[start : start + 2] for start in range(0, 10, 2))])


def _list_forwarding_options(host: Host) -> list[str]:
    if not host.forwarding:
        return []
    addresses = [address for network in host.addresses.values() for address in network]
    switches = {4: "net.ipv4.ip_forward=1", 6: "net.ipv6.conf.all.forwarding=1"}
    return [
        f"--sysctl={switches[family]}"
        for family in sorted({ipaddress.ip_address(address).version for address in addresses})
    ]


def _render_files(host: Host, *, real: bool) -> dict[str, str]:
    files = {"boot": _boot.render_script(host)}
    if host.kong and not real:
        files["kong.env"] = "".join(f"{key}={value}\n" for key, value in host.kong.items())
    if host.kong:
        files |= [_kong_unit.render_unit(host.kong, real=real)]
    return files


def _write_files(files: dict[str, str], folder: Path, paths: Paths) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for shared in (paths.database, paths.compiled):
        shared.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
