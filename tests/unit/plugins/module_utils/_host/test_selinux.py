# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux contexts of files that a host writes, with a fake libselinux that records its calls."""

from __future__ import annotations

import ctypes
import errno
import os
import stat

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host import selinux
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.selinux import restore_context

POLICY = {b"/etc/sysconfig/iptables": b"system_conf_t", b"/etc/sysconfig": b"etc_t", b"/etc": b"etc_t", b"/a": b"a_t"}


class Library:
    """A fake libselinux with a policy of a few paths. It records the kind and the context of each file."""

    def __init__(self, *, enabled=1, error=0):
        self._enabled, self._error = enabled, error
        self.set, self.freed = [], 0

    def is_selinux_enabled(self):
        return self._enabled

    def matchpathcon(self, path, mode, found):
        context = POLICY.get(path)
        if context is None:
            return -1
        self.kind = stat.S_IFMT(mode)
        found._obj.value = context
        return 0

    def lsetfilecon(self, path, context):
        ctypes.set_errno(self._error)
        self.set.append((os.fsdecode(path).rpartition("/")[2].partition(".iptables.")[0], self.kind, context.value))
        return -1 if self._error else 0

    def freecon(self, _context):
        self.freed += 1


@pytest.fixture
def library(monkeypatch):
    found = Library()
    monkeypatch.setattr(selinux, "_load_library", lambda: found)
    return found


def test_a_new_file_has_its_context_before_it_is_renamed(library, tmp_path):
    Host(tmp_path).write("/etc/sysconfig/iptables", "", 0o600)
    assert library.set == [
        ("etc", stat.S_IFDIR, b"etc_t"),
        ("sysconfig", stat.S_IFDIR, b"etc_t"),
        ("", stat.S_IFREG, b"system_conf_t"),  # the temporary file, .iptables.RANDOM
    ]
    assert library.freed == 3


def test_a_directory_and_a_link(library, tmp_path):
    host = Host(tmp_path)
    host.make_directory("/etc", 0o700)
    host.make_directory("/etc", 0o700)
    host.link("/a", "/nowhere")
    assert library.set == [("etc", stat.S_IFDIR, b"etc_t"), ("a", stat.S_IFLNK, b"a_t")]


@pytest.mark.parametrize("found", [None, Library(enabled=0), Library(enabled=-1)])
def test_without_selinux(monkeypatch, tmp_path, found):
    monkeypatch.setattr(selinux, "_load_library", lambda: found)
    Host(tmp_path).write("/a", "text", 0o600)
    assert (tmp_path / "a").read_text() == "text"
    assert found is None or found.set == []


def test_a_location_that_the_policy_does_not_contain(library, tmp_path):
    Host(tmp_path).write("/b", "text", 0o600)
    assert library.set == []


def test_a_file_system_without_contexts(monkeypatch, tmp_path):
    monkeypatch.setattr(selinux, "_load_library", lambda: Library(error=errno.ENOTSUP))
    Host(tmp_path).write("/a", "text", 0o600)
    assert (tmp_path / "a").read_text() == "text"


def test_a_context_that_the_kernel_rejects(monkeypatch, tmp_path):
    found = Library(error=errno.EPERM)
    monkeypatch.setattr(selinux, "_load_library", lambda: found)
    with pytest.raises(HostError, match="cannot write /a: Operation not permitted"):
        Host(tmp_path).write("/a", "text", 0o600)
    assert [*tmp_path.iterdir()] == []
    assert found.freed == 1


def test_the_library_of_this_machine(tmp_path):
    """Only check that the call works: SELinux is disabled on most machines that run these tests."""
    (tmp_path / "a").write_text("")
    restore_context(str(tmp_path / "a"), "/a")
