# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The masters of nginx in a copy of /proc; the texts are from Kong 2.8.5 with a unit, by hand and in podman."""

from __future__ import annotations

import os

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.masters import (
    Container,
    find_kongs,
    find_master,
    find_start,
)

PROGRAM = "nginx: master process /usr/local/openresty/nginx/sbin/nginx"
NUMBER = "0123456789abcdef" * 4
BOOT = 1_700_000_000


class Proc:
    """A copy of /proc, in which processes start some seconds after the boot."""

    def __init__(self, path):
        self.path = path
        (path / "stat").write_text(f"cpu  1 2\nbtime {BOOT}\n")
        (path / "self/ns").mkdir(parents=True)
        (path / "self/ns/net").symlink_to("net:[1]")

    def add(self, pid, title, *, parent=1, cgroup="0::/user.slice/session-1.scope", network=1, start=10):
        process = self.path / str(pid)
        (process / "ns").mkdir(parents=True)
        (process / "ns/net").symlink_to(f"net:[{network}]")
        (process / "cmdline").write_text(f"{title}{chr(0) * 40}")
        (process / "cgroup").write_text(f"{cgroup}\n")
        words = ["S", str(parent), *["0"] * 17, str(start * os.sysconf("SC_CLK_TCK")), "0"]
        (process / "stat").write_text(f"{pid} (ng) inx) {' '.join(words)}\n")


@pytest.fixture
def proc(tmp_path):
    return Proc(tmp_path)


def test_the_master_of_a_unit(proc):
    proc.add(7, f"{PROGRAM} -p /usr/local/kong -c nginx.conf", cgroup="0::/system.slice/kong.service")
    proc.add(8, "nginx: master process /usr/sbin/nginx -g daemon on; master_process on;")
    proc.add(9, "vi nginx: master process -p /usr/local/kong")
    found = find_master("/usr/local/kong/", proc=proc.path)
    assert (found.process.name, found.unit, found.container, found.root.name) == ("7", "kong.service", None, "root")


def test_the_master_of_a_unit_with_another_prefix(proc):
    """The command or the file of a unit may have a prefix that the inventory does not state."""
    proc.add(7, f"{PROGRAM} -p /srv/kong -c nginx.conf", cgroup="0::/system.slice/kong.service")
    proc.add(8, f"{PROGRAM} -p /srv/dp -c nginx.conf", cgroup="0::/system.slice/dp.service")
    assert find_master("/usr/local/kong", proc=proc.path) is None
    assert find_master("/usr/local/kong", unit="kong.service", proc=proc.path).prefix == "/srv/kong"
    assert find_master("/srv/dp", unit="kong.service", proc=proc.path).process.name == "8"
    assert find_master("/usr/local/kong", unit="other.service", proc=proc.path) is None


def test_several_kongs_differ_by_prefix_and_two_with_one_prefix_cannot_be_told_apart(proc):
    proc.add(7, f"{PROGRAM} -p /usr/local/kong -c nginx.conf")
    proc.add(8, f"{PROGRAM} -p /srv/dp/ -c nginx.conf")
    assert find_master("/srv/dp", proc=proc.path).process.name == "8"
    assert find_master("/none", proc=proc.path) is None
    proc.add(9, f"{PROGRAM} -p /srv/dp -c nginx.conf")
    assert find_master("/srv/dp", proc=proc.path) is None
    (proc.path / "9/status").write_text("Name:\tnginx\nUid:\t1000\t1000\t1000\t1000\n")
    (proc.path / "8/status").write_text("Name:\tnginx\nUid:\t0\t0\t0\t0\n")
    assert find_master("/srv/dp", proc=proc.path).process.name == "8"


def test_all_kongs_on_the_network_of_this_host(proc):
    """nginx.conf in the prefix tells a Kong from another nginx that has a prefix."""
    for pid, conf, network in ((7, "include 'nginx-kong.conf';", 1), (8, "include sites;", 1), (9, "kong", 2)):
        proc.add(pid, f"{PROGRAM} -p /srv/{pid} -c nginx.conf", network=network)
        folder = proc.path / f"{pid}/root/srv/{pid}"
        folder.mkdir(parents=True)
        (folder / "nginx.conf").write_text(conf)
    proc.add(10, "nginx: master process /usr/sbin/nginx -g daemon on; master_process on;")
    proc.add(11, f"{PROGRAM} -p /srv/11 -c nginx.conf")
    assert find_kongs(proc.path) == {"7"}


@pytest.mark.parametrize(
    ("cgroup", "container"),
    [
        (f"0::/libpod_parent/libpod-{NUMBER}", Container("podman", NUMBER)),
        (f"0::/machine.slice/libpod-{NUMBER}.scope/container", Container("podman", NUMBER)),
        (f"0::/system.slice/docker-{NUMBER}.scope", Container("docker", NUMBER)),
        (f"12:memory:/docker/{NUMBER}", Container("docker", NUMBER)),
        ("0::/lxc/kong", None),
    ],
)
def test_a_kong_in_a_container_has_a_network_of_its_own(proc, cgroup, container):
    proc.add(7, f"{PROGRAM} -p /usr/local/kong -c nginx.conf", cgroup=cgroup, network=2)
    assert find_master("/usr/local/kong", proc=proc.path) is None
    assert find_master("/usr/local/kong", in_container=True, proc=proc.path).container == container


def test_a_host_that_is_a_container_itself(proc):
    """Without cgroup namespaces, each process shows the path of the host's container."""
    outer = f"0::/libpod_parent/libpod-{NUMBER}"
    proc.add(1, "/sbin/init", cgroup=f"{outer}/init.scope")
    proc.add(7, f"{PROGRAM} -p /usr/local/kong -c nginx.conf", cgroup=f"{outer}/system.slice/kong.service")
    found = find_master("/usr/local/kong", proc=proc.path)
    assert (found.container, found.unit) == (None, "kong.service")
    inner = "f" * 64
    proc.add(8, f"{PROGRAM} -p /srv/kong -c nginx.conf", cgroup=f"{outer}/system.slice/docker-{inner}.scope", network=2)
    assert find_master("/srv/kong", in_container=True, proc=proc.path).container == Container("docker", inner)


def test_a_reload_starts_workers_later_than_the_master(proc):
    proc.add(7, f"{PROGRAM} -p /usr/local/kong -c nginx.conf", start=10)
    master = find_master("/usr/local/kong", proc=proc.path)
    assert find_start(master) == BOOT + 10
    proc.add(8, "nginx: worker process", parent=7, start=50)
    proc.add(9, "nginx: worker process is shutting down", parent=7, start=90)
    proc.add(10, "nginx: worker process", parent=6, start=95)
    proc.add(11, "nginx: worker process", parent=7, start=60)  # in place of one that crashed
    assert find_start(master) == BOOT + 50


def test_a_master_that_has_ended(proc):
    proc.add(7, f"{PROGRAM} -p /usr/local/kong -c nginx.conf")
    master = find_master("/usr/local/kong", proc=proc.path)
    (proc.path / "7/stat").unlink()
    assert find_start(master) == BOOT
