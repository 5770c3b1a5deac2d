# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The running nginx of Kong, in a copy of /proc."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.nginx import Nginx, find_nginx

MASTER = "nginx: master process /usr/local/openresty/nginx/sbin/nginx -p /srv/kong -c nginx.conf"


@pytest.fixture
def proc(tmp_path):
    """Return a function that adds a process to a folder like /proc."""
    folder = tmp_path / "proc"

    def add(pid, cmdline, parent=1, root="/", log=None):
        process = folder / str(pid)
        for name in ("fd", "ns"):
            (process / name).mkdir(parents=True)
        (process / "cmdline").write_text(cmdline + "\0" * 9)
        (process / "stat").write_text(f"{pid} (nginx) S {parent} 1")
        (process / "cgroup").write_text(f"0::/libpod-{'a' * 64}/system.slice/kong.service\n")
        (process / "root").symlink_to(root)
        (process / "exe").symlink_to("/opt/sbin/nginx (deleted)")
        (process / "fd/2").symlink_to(log or "/dev/null")
        (process / "ns/net").symlink_to("net:[1]")

    add.folder = folder
    (folder / "self/ns").mkdir(parents=True)
    (folder / "self/ns/net").symlink_to("net:[1]")
    return add


def test_the_nginx_of_a_prefix(proc, tmp_path):
    log = tmp_path / "error.log"
    log.touch()
    proc(9, MASTER.replace("/srv/kong", "/usr/local/kong/"), log="pipe:[1]")
    proc(10, MASTER, log=log)
    proc(11, "nginx: worker process", 10)
    proc(12, "nginx: worker process is shutting down", 10)
    proc(13, "nginx: worker process", 9)
    proc(14, "nginx: cache manager process", 10)
    found = find_nginx("/srv/kong", proc=proc.folder)
    assert found == Nginx("/srv/kong", "10", frozenset({"11"}), "/opt/sbin/nginx", str(log))
    found = find_nginx("", proc=proc.folder)
    assert (found.prefix, found.master, found.workers, found.error_log) == ("/usr/local/kong", "9", {"13"}, "")


def test_a_log_that_cannot_be_read_is_unknown(proc, monkeypatch):
    def fail(_path):
        raise PermissionError

    proc(10, MASTER)
    monkeypatch.setattr(Path, "is_file", fail)
    assert find_nginx("/srv/kong", proc=proc.folder).error_log == ""


def test_no_nginx_runs_or_it_has_the_files_of_a_container(proc, tmp_path):
    assert find_nginx("", proc=proc.folder) == Nginx("/usr/local/kong")
    log = tmp_path / "error.log"
    log.touch()
    proc(10, MASTER, root=tmp_path, log=log)
    found = find_nginx("/srv/kong", proc=proc.folder)
    # The program of a container must not run on the host.
    assert (found.master, found.program) == ("10", "/usr/local/openresty/nginx/sbin/nginx")
    root = proc.folder / "10/root"
    assert (found.root, found.folder, found.error_log) == (root, root / "srv/kong", f"{root}{log}")
    assert find_nginx("/srv/kong", in_container=True, proc=proc.folder) == Nginx("/srv/kong")


def test_an_unknown_prefix_on_this_host_has_no_nginx():
    assert find_nginx("/no/such/prefix").master == ""
