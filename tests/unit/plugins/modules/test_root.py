# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module that needs root fails with a message that names become, even in check mode."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT_ONLY = {
    "kong_adopt_info": {},
    "kong_apply": {"node": {}, "found": {}},
    "kong_complete": {"state": "absent"},
    "kong_firewall": {"state": "absent"},
    "kong_firewall_info": {"ruleset": {"allow": [], "sets": {}}},
    "kong_gateway": {"state": "absent"},
    "kong_listen_info": {"listeners": []},
    "kong_node_info": {"node": {}},
    "kong_restore_point": {"state": "found"},
    "kong_service": {"version": "3.9", "conf": "/etc/kong/kong.conf", "listeners": []},
    "kong_placeholder": {"listeners": []},
    "kong_transparent": {"interception": []},
}
# Modules for any user: kong_probe only connects, and kong_conf may change a file of the user.
ANY_USER = {"kong_conf", "kong_probe"}
USER = "nobody"
RUN = """
import json, os, sys
sys.path[:0] = {path!r}
from importlib import import_module
from ansible_collections.gatehouse.kong.tests.unit.plugins.module_arguments import provide_options
plugins = "ansible_collections.gatehouse.kong.plugins."
module = import_module(plugins + "modules." + {name!r})
# The unprivileged user may not be able to read these files.
import_module(plugins + "module_utils._modules." + {name!r})
if os.geteuid() == 0:
    os.setuid({uid})
with provide_options({arguments!r}):
    module.main()
"""


def run(name, arguments, *, check=False):
    """Run a module as an unprivileged user, and return its result."""
    given = {**arguments, "_ansible_check_mode": check, "_ansible_remote_tmp": "/tmp"}
    uid = pwd.getpwnam(USER).pw_uid
    script = RUN.format(path=sys.path, name=name, uid=uid, arguments=given)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd="/", env={"HOME": "/"}
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def get_user():
    """Return the name of the user for the modules."""
    return USER if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def test_every_module_is_listed():
    modules = Path(__file__).parents[4] / "plugins" / "modules"
    on_hosts = {path.stem for path in modules.glob("*.py") if "AnsibleModule(" in path.read_text()}
    assert on_hosts == {*ROOT_ONLY, *ANY_USER}


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("name", sorted(ROOT_ONLY))
def test_without_root(name, check):
    answer = run(name, ROOT_ONLY[name], check=check)
    assert answer["failed"]
    assert answer["msg"] == f"{name} needs root, and this task runs as {get_user()}: set become: true"


@pytest.fixture
def open_folder():
    """Return a folder that any user can enter, unlike the folders of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="a file of another user is needed")
@pytest.mark.parametrize("check", [False, True])
def test_a_file_of_kong_that_the_user_cannot_replace(open_folder, check):
    path = open_folder / "kong.conf"
    path.write_text("")
    path.chmod(0o644)
    answer = run("kong_conf", {"path": str(path), "settings": {"a": "b"}}, check=check)
    assert answer["msg"] == f"a change of {path} needs root, and this task runs as nobody: set become: true"
    assert path.read_text() == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="a file of another user is needed")
def test_a_file_of_kong_that_the_user_cannot_read(open_folder):
    path = open_folder / "kong.conf"
    path.write_text("")
    path.chmod(0o600)
    answer = run("kong_conf", {"path": str(path), "settings": {"a": "b"}})
    assert answer["msg"] == f"kong_conf with {path} needs root, and this task runs as nobody: set become: true"


@pytest.mark.skipif(os.geteuid() != 0, reason="a file of another user is needed")
def test_a_file_of_kong_that_is_correct_needs_no_root(open_folder):
    path = open_folder / "kong.conf"
    path.write_text("a = b\n")
    path.chmod(0o644)
    answer = run("kong_conf", {"path": str(path), "settings": {"a": "b"}})
    assert answer["changed"] is False
