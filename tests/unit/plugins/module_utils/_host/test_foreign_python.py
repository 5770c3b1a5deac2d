# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scripts for a Python that has no other file of the collection."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session import session
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.ufw import late_session
from ansible_collections.gatehouse.kong.plugins.module_utils._host.foreign_python import find_interpreter, make_script
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._probe import placeholder_session

# A D-Bus library on whose bus firewalld does not run.
DBUS = """
class DBusException(Exception):
    pass


class SystemBus:
    def name_has_owner(self, name):
        return {owned}
"""


def run(script, folder):
    """Run a script as `late.py` runs it, with a library in a folder and without the collection."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, "-"], input=script, text=True, capture_output=True, check=False, env=environment
    )


def test_a_script_has_every_file_of_the_session(tmp_path):
    (tmp_path / "dbus.py").write_text(DBUS.format(owned=False))
    done = run(make_script(session, {"prefixes": ["quoted ' \" \\ {}"], "lenient": True}), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{}", "")
    done = run(make_script(session, {"prefixes": []}), tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "it does not answer on D-Bus. See `systemctl status firewalld dbus`\n"


def test_a_traceback_names_file_and_line(tmp_path):
    (tmp_path / "dbus.py").write_text(DBUS.format(owned="name.lacks"))
    done = run(make_script(session, {"prefixes": []}), tmp_path)
    name = "plugins/module_utils/_backends/firewalld/session/bus.py"
    lines = Path(session.__file__).with_name("bus.py").read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "if not bus.name_has_owner" in text)
    assert f'File "ansible_collections/gatehouse/kong/{name}", line {line}, in connect\n' in done.stderr


def read_sources(script):
    (line,) = (line for line in script.splitlines() if line.startswith("for name, source in"))
    return json.loads(ast.literal_eval(line.partition("json.loads(")[2].rpartition("):")[0]))


@pytest.mark.parametrize("module", [session, late_session, placeholder_session])
def test_imports_precede_the_files_that_import_them(module):
    sources = read_sources(make_script(module, {}))
    names = [name for name, _source in sources]
    assert names[-1] == module.__name__
    for place, (_name, source) in enumerate(sources):
        imported = [name for name in names if f"from {name} import" in source]
        assert {*imported} <= {*names[:place]}
        assert source.count("from ansible_collections.") == len(imported)


@pytest.mark.parametrize("module", [session, late_session])
def test_python_3_6_can_parse_the_files_for_the_distributions_python(module):
    """RHEL 8 runs firewalld and ufw with Python 3.6."""
    for name, source in read_sources(make_script(module, {})):
        ast.parse(source, name, feature_version=(3, 6))
        assert "from __future__ import annotations" not in source


@pytest.mark.parametrize(
    "first_line, command",
    [("#!/usr/bin/python3 -sP", ("/usr/bin/python3", "-sP", "-")), ("#!/usr/bin/python3", ("/usr/bin/python3", "-"))],
)
def test_the_interpreter_is_in_the_first_line_of_the_program(tmp_path, monkeypatch, first_line, command):
    host = Host(tmp_path)
    host.write("/usr/bin/firewall-cmd", f"{first_line}\nimport dbus\n", 0o755)
    monkeypatch.setattr(host, "which", lambda program: f"/usr/bin/{program}")
    assert find_interpreter(host, "firewall-cmd") == command
