# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of a module has all its code, and the module runs with it where only its own files and Ansible's are."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zlib
from base64 import b64decode
from importlib.util import module_from_spec
from pathlib import Path

import ansible
import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import NAMES
from ansible_collections.gatehouse.kong.plugins.module_utils._entry.firewall import BACKENDS
from ansible_collections.gatehouse.kong.plugins.module_utils._entry.run import ArchiveLoader
from ansible_collections.gatehouse.kong.plugins.plugin_utils import _run
from ansible_collections.gatehouse.kong.plugins.plugin_utils._archive import ROOT, make_archive
from ansible_collections.gatehouse.kong.tests.unit.plugins import module_arguments

PACKAGE = "ansible_collections/gatehouse/kong/plugins"
MODULES = sorted(path.stem for path in (ROOT / "_modules").glob("*.py"))
# Runs a module as Ansible does: only the file of the module and the folder _entry can be imported without the archive.
RUN = """
import sys
sys.path[:0] = {path!r}
from importlib import import_module
from module_arguments import provide_options
module = import_module("ansible_collections.gatehouse.kong.plugins.modules." + {name!r})
with provide_options({arguments!r}):
    module.main()
"""


def read_archive(module):
    """Return the text of each file in the archive of a module, by path."""
    return json.loads(zlib.decompress(b64decode(make_archive(module))))


def run(tmp_path, name, arguments):
    """Run a module on a host that has only Ansible and the files that Ansible finds; return the ended process."""
    for part in (f"modules/{name}.py", "module_utils/_entry"):
        source, target = ROOT.parent / part, tmp_path / PACKAGE / part
        copy = shutil.copytree if source.is_dir() else shutil.copy
        target.parent.mkdir(parents=True, exist_ok=True)
        copy(source, target)
    shutil.copy(module_arguments.__file__, tmp_path)
    path = [str(tmp_path), str(Path(ansible.__path__[0]).parent)]
    given = {**arguments, "_ansible_check_mode": True, "_ansible_remote_tmp": str(tmp_path)}
    script = RUN.format(path=path, name=name, arguments=given)
    return subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False)


def test_every_module_that_runs_on_a_host_has_an_archive():
    on_hosts = {path.stem for path in (ROOT.parent / "modules").glob("*.py") if "AnsibleModule(" in path.read_text()}
    assert on_hosts == {*MODULES}


@pytest.mark.parametrize("module", MODULES)
def test_every_file_of_an_archive_can_be_imported_from_it(module, tmp_path):
    texts = read_archive(module)
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    files = [name for name in texts if not name.endswith("__init__.py")]
    assert f"_modules/{module}.py" in files
    script = (
        "import importlib, sys, types\n"
        f"sys.path.insert(0, {str(Path(ansible.__path__[0]).parent)!r})\n"
        f"names = {PACKAGE.replace('/', '.') + '.module_utils'!r}.split('.')\n"
        "for end in range(1, len(names) + 1):\n"
        "    package = sys.modules['.'.join(names[:end])] = types.ModuleType('.'.join(names[:end]))\n"
        f"    package.__path__ = [{str(tmp_path)!r}] if end == len(names) else []\n"
        f"for file in {files!r}:\n"
        "    importlib.import_module('.'.join(names) + '.' + file[:-3].replace('/', '.'))\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_module_runs_from_its_archive(tmp_path):
    arguments = {"path": str(tmp_path / "kong.conf"), "settings": {"admin_listen": "off"}}
    done = run(tmp_path, "kong_conf", {**arguments, "archive": make_archive("kong_conf")})
    assert json.loads(done.stdout)["changed_settings"] == ["admin_listen"], done.stderr
    without = run(tmp_path / "2", "kong_conf", arguments)
    assert "No module named" in without.stderr


def test_each_file_of_an_archive_is_compiled_once(monkeypatch):
    compiled = []
    loader = ArchiveLoader(make_archive("kong_conf"))
    monkeypatch.setattr(
        loader, "source_to_code", lambda source, path: compiled.append(path) or compile(source, path, "exec")
    )
    name = f"{PACKAGE.replace('/', '.')}.module_utils._host.text"
    module = module_from_spec(loader.find_spec(name))
    module.__spec__.loader.exec_module(module)
    assert compiled == ["module_utils/_host/text.py"]


def test_an_archive_does_not_show_in_the_result(tmp_path):
    archive = make_archive("kong_conf")
    done = run(tmp_path, "kong_conf", {"path": str(tmp_path / "a"), "settings": {"a": "b"}, "archive": archive})
    assert archive[:40] not in done.stdout


def test_an_archive_is_made_once_in_a_run(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(_run.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(_run, "make_archive", lambda module: made.append(module) or "code")
    assert [_run.provide_archive(module) for module in ("kong_conf", "kong_conf", "kong_probe")] == ["code"] * 3
    assert made == ["kong_conf", "kong_probe"]


def test_the_backends_of_the_option_are_those_of_the_registry():
    assert BACKENDS == NAMES
