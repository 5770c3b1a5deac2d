# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import marshal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PACKAGES = Path(__file__).resolve().parents[3] / "molecule/lab/image/usr/lib/python3/dist-packages"
IMPORT = """
import sys
sys.path[:0] = [{packages!r}, {archive!r}]
import lab_compiled
lab_compiled.keep_compiled({folder!r})
{code}
"""
ARCHIVED = """
from importlib.abc import ExecutionLoader
from importlib.util import module_from_spec, spec_from_loader
import zipped

class Loader(ExecutionLoader):
    def get_source(self, name):
        return "def call():\\n    raise ValueError(zipped)\\n" + "import zipped\\n"

    def get_filename(self, name):
        return "archive/" + name

module = module_from_spec(spec_from_loader("archived", Loader()))
module.__loader__.exec_module(module)
"""


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "compiled"
    path.mkdir()
    return path


def run(tmp_path, folder, code, source, archive="first.zip"):
    """Import the module `zipped` with this source from a zip file; return the output and the errors of a program."""
    path = tmp_path / archive
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("zipped.py", source)
    program = IMPORT.format(packages=str(PACKAGES), archive=str(path), folder=str(folder), code=code)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    return done.stdout.strip(), done.stderr


def replace_code(folder, source):
    """Replace the only kept code, so that a test sees whether it is used."""
    (file,) = folder.iterdir()
    file.write_bytes(marshal.dumps(compile(source, "old.py", "exec")))


def test_the_code_of_a_zipped_module_is_kept_and_used(tmp_path, folder):
    code = "import zipped; print(zipped.VALUE)"
    assert run(tmp_path, folder, code, "VALUE = 1\n")[0] == "1"
    replace_code(folder, "VALUE = 'kept'")
    assert run(tmp_path, folder, code, "VALUE = 1\n", "second.zip")[0] == "kept"


def test_a_changed_module_is_compiled_again(tmp_path, folder):
    code = "import zipped; print(zipped.VALUE)"
    assert [run(tmp_path, folder, code, f"VALUE = {number}\n")[0] for number in (1, 2, 1)] == ["1", "2", "1"]


def test_the_code_of_an_archived_module_is_kept_and_used(tmp_path, folder):
    run(tmp_path, folder, "import zipped", "")
    before = {*folder.iterdir()}
    assert run(tmp_path, folder, ARCHIVED, "") == ("", "")
    (added,) = {*folder.iterdir()} - before
    added.write_bytes(marshal.dumps(compile("print('kept')", "old.py", "exec")))
    assert run(tmp_path, folder, ARCHIVED, "") == ("kept", "")


def test_a_traceback_names_the_file_of_the_run(tmp_path, folder):
    source = "def fail():\n    raise ValueError\n"
    code = "import zipped; zipped.fail()"
    for archive in ("first.zip", "second.zip"):
        assert (
            f'File "{tmp_path / archive}/zipped.py", line 2, in fail' in run(tmp_path, folder, code, source, archive)[1]
        )
    archived = [run(tmp_path, folder, f"{ARCHIVED}\nmodule.call()", "")[1] for _run in range(2)]
    assert all('File "archive/archived", line 2, in call' in errors for errors in archived)


def test_modules_run_without_the_folder(tmp_path):
    assert run(tmp_path, tmp_path / "none", "import zipped; print(zipped.VALUE)", "VALUE = 1\n") == ("1", "")


def test_every_python_of_a_host_keeps_compiled_files():
    *_header, line = (PACKAGES / "lab-compiled.pth").read_text(encoding="utf-8").splitlines()
    assert line == 'import lab_compiled; lab_compiled.keep_compiled("/var/cache/gatehouse-lab")'
