# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Failures of a host: the error names the problem, and the host is not changed."""

from __future__ import annotations

import ctypes
import os
import sys
import traceback
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import RESERVED
from ansible_collections.gatehouse.kong.tests.netns.nodes import Node
from ansible_collections.gatehouse.kong.tests.netns.test_transaction import (
    ONE,
    OTHER,
    has_rules,
    parse_rules,
    read_files,
)

KINDS = ["nftables", "iptables-nft", "ufw"]
CLONE_NEWNS = 0x20000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
PAGE = 4096
WITHOUT = RESERVED // PAGE - 3  # with so few free pages, a change does not begin
LIBC = ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind, flags, data=""):
    words = (None if word is None else str(word).encode() for word in (source, target, kind))
    assert LIBC.mount(*words, flags, data.encode()) == 0, os.strerror(ctypes.get_errno())


def run_with_own_mounts(act):
    """Run a function in a process with its own mounts, which can also drop its privileges."""
    child = os.fork()
    if not child:
        try:
            assert LIBC.unshare(CLONE_NEWNS) == 0
            mount(None, "/", None, MS_REC | MS_PRIVATE)
            act()
            os._exit(0)
        except BaseException:  # noqa: BLE001 -- exceptions of pytest too, because this process ends here
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def read_only(path):
    mount(path, path, None, MS_BIND)
    mount(None, path, None, MS_REMOUNT | MS_BIND | MS_RDONLY)


@pytest.mark.parametrize("folder", ["etc", "var/lib"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_read_only_file_system(lab, kind, folder):
    node = Node(lab, kind)
    lab.converge(ONE)
    before = read_files(node)

    def act():
        read_only(lab.host.root / folder)
        with pytest.raises(HostError, match=rf"/{folder}.*(read-only file system|Read-only file system)"):
            lab.converge(OTHER)

    run_with_own_mounts(act)
    assert (has_rules(lab, ONE), read_files(node)) == (True, before)
    node.clean()


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk(lab, tmp_path, kind):
    """Fill the disk at every moment of a change: each attempt has another free page, until the change succeeds."""

    def act():
        root = tmp_path / "disk"
        root.mkdir()
        mount("tmpfs", root, "tmpfs", 0, "size=4m")
        lab.start(root)
        node = Node(lab, kind)
        failures = 0
        for pages in [*range(6), *range(WITHOUT, WITHOUT + 99)]:
            lab.converge(ONE)
            before = read_files(node)
            fill(root, pages)
            error = try_change(lab)
            (root / "fill").unlink()
            if not error:
                break
            assert "No space left on device" in error
            assert "rollback failed" not in error
            assert has_rules(lab, ONE), pages
            assert read_files(node) == before, pages
            failures += 1
        assert has_rules(lab, OTHER)
        assert failures >= 10
        node.clean()

    run_with_own_mounts(act)


def try_change(lab):
    """Return the error of the change, or "" if it succeeds."""
    try:
        lab.converge(OTHER)
    except HostError as error:
        return str(error)
    return ""


def fill(root, pages):
    """Fill the disk except for some free pages."""
    free = os.statvfs(root)
    size = free.f_bavail * free.f_frsize - pages * PAGE
    (root / "fill").write_bytes(b"0" * max(size, 0))


def drop_net_admin():
    """Drop the capability NET_ADMIN, as in a container without it (capset(2))."""
    kept = 0xFFFFFFFF & ~(1 << 12)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    assert LIBC.capget(header, sets) == 0
    sets[0], sets[1] = sets[0] & kept, sets[1] & kept  # effective and permitted, of the first 32 capabilities
    assert LIBC.capset(header, sets) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_no_privilege_to_change_the_firewall(lab, kind):
    node = Node(lab, kind)
    lab.converge(ONE)
    before = read_files(node)

    def act():
        drop_net_admin()
        with pytest.raises(HostError, match=r"lacks CAP_NET_ADMIN.*become: true"):
            lab.converge(OTHER)

    run_with_own_mounts(act)
    assert (has_rules(lab, ONE), read_files(node)) == (True, before)
    node.clean()


@pytest.mark.parametrize("kind", KINDS)
def test_missing_programs(lab, tmp_path, kind, monkeypatch):
    """Remove each program in turn: the error names it, or the host does not need it."""
    node = Node(lab, kind)
    lab.converge(ONE)
    lab.converge(OTHER)
    programs = sorted({Path(call[0]).name for call in lab.host.calls} - {"sh", "python3", "python"})
    # Only the boot needs ipset; a run queries the kernel.
    programs += ["ipset"] if kind.startswith("iptables") else []
    assert programs
    failed = []
    for number, missing in enumerate(programs):
        lab.start(tmp_path / str(number))
        node = Node(lab, kind)
        lab.converge(ONE)
        before = read_files(node)
        with monkeypatch.context() as patch:
            remove_program(patch, lab.host, missing)
            error = try_change(lab)
        if error:
            assert missing in error
            failed.append(missing)
            assert (has_rules(lab, ONE), read_files(node)) == (True, before), missing
        else:
            assert lab.read().ruleset == parse_rules(OTHER), missing
        node.clean()
    assert failed


def remove_program(patch, host, missing):
    which, run = host.which, host.run

    def without(*argv, stdin="", **limits):
        if Path(argv[0]).name == missing:
            raise HostError(f"cannot run {argv[0]}: No such file or directory")
        return run(*argv, stdin=stdin, **limits)

    patch.setattr(host, "which", lambda program: None if Path(program).name == missing else which(program))
    patch.setattr(host, "run", without)
