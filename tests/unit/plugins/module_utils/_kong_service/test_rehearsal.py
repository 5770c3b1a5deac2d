# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rehearsal of a changed file, with a program in place of Kong."""

from __future__ import annotations

import tempfile

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.nginx import Nginx
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import Kong, ServiceError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.rehearsal import rehearse

# Like `kong prepare`: it writes the settings into the folder after -p, and fails for a file with `bad`.
PROGRAM = """#!/bin/sh
echo "$0 $* $KONG_X" >>{log}
while [ "$1" != -p ]; do [ "$1" = -c ] && conf=$2; shift; done
stat -c %a "$2" >>{log}
grep -q bad "$conf" && {{ echo "Error: no directive bad in $2/nginx.conf" >&2; exit 1; }}
printf '# made\\nprefix = %s\\nworkers = 1\\n' "$2" >"$2/.kong_env"
"""


@pytest.fixture
def kong(tmp_path, monkeypatch):
    """Return a function that makes a Kong, with a program that records its calls."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "kong.conf").write_text("fine")
    for name in ("kong", "nginx"):
        (tmp_path / name).write_text(PROGRAM.format(log=tmp_path / "log"))
        (tmp_path / name).chmod(0o755)

    def make(version=(3, 9), **more):
        return Kong(version, str(tmp_path / "kong.conf"), program=str(tmp_path / "kong"), **more)

    make.log = lambda: (tmp_path / "log").read_text().splitlines() if (tmp_path / "log").exists() else []
    make.left = lambda: [*(tmp_path / "scratch").iterdir()]
    return make


def test_the_file_is_prepared_in_a_private_folder_with_the_variables_of_the_unit(kong, tmp_path):
    start = (("kong", "start", "-c", str(tmp_path / "kong.conf")),)
    variables = {"KONG_X": "of the unit"}
    found = rehearse(kong(unit="kong.service", start_of_unit=start, variables=variables), Nginx("/usr/local/kong"))
    assert found == {"prefix": "/usr/local/kong", "workers": "1"}
    call, mode = kong.log()
    assert call.startswith(f"{tmp_path}/kong prepare -c {tmp_path}/kong.conf -p {tmp_path}/scratch/gatehouse-kong.")
    assert (call.endswith(" of the unit"), mode, kong.left()) == (True, "700", [])


def test_the_prefix_of_kong_is_not_touched(kong, tmp_path):
    rehearse(kong(prefix="/srv/kong"), Nginx("/srv/kong"))
    assert "/srv/kong" not in kong.log()[0]


@pytest.mark.parametrize("version, calls", [((0, 10), 0), ((0, 11), 2), ((0, 13), 2), ((0, 14), 1), ((3, 9), 1)])
def test_nginx_tests_the_file_if_kong_does_not(kong, tmp_path, version, calls):
    rehearse(kong(version), Nginx("/usr/local/kong", program=str(tmp_path / "nginx")))
    called = [line for line in kong.log() if line != "700"]
    assert len(called) == calls
    assert all(" -t -p " in line and line.rstrip().endswith("-c nginx.conf") for line in called[1:])


def test_logs_that_nginx_creates_for_the_test_are_removed(kong, tmp_path):
    """A log of root would keep a Kong with a user of its own from starting."""
    own = [tmp_path / name for name in ("new.log", "present.log", "full.log")]
    own[1].touch()
    with (tmp_path / "kong").open("a") as program:
        program.write(f"touch {own[0]} {own[1]}; echo x >{own[2]}\n")
    settings = {"proxy_access_log": f"{own[0]} combined", "admin_error_log": "logs/error.log", "status_error_log": " "}
    variables = {"KONG_ADMIN_ACCESS_LOG": str(own[1]), "KONG_PROXY_ERROR_LOG": str(own[2])}
    rehearse(kong(settings=settings, variables=variables), Nginx("/usr/local/kong"))
    assert [file.exists() for file in own] == [False, True, True]


def test_a_program_of_another_user_is_not_run(kong, tmp_path, change_owner):
    """Any user can run a process with the title of nginx's master."""
    change_owner(tmp_path / "nginx")
    assert rehearse(kong((0, 13)), Nginx("/usr/local/kong", program=str(tmp_path / "nginx")))
    assert len(kong.log()) == 2  # the call of Kong's program, and the mode of the folder


def test_files_that_the_user_of_the_unit_can_change_are_not_prepared_by_root(kong):
    start = (("kong", "start"),)
    assert rehearse(kong(unit="kong.service", start_of_unit=start, is_roots=False), Nginx("/usr/local/kong")) is None
    assert kong.log() == []


def test_without_its_nginx_the_file_is_only_prepared(kong):
    assert rehearse(kong((0, 13)), Nginx("/usr/local/kong", program="/no/such/nginx"))


def test_the_folder_is_removed_after_a_rejected_file(kong, tmp_path):
    (tmp_path / "kong.conf").write_text("bad")
    with pytest.raises(ServiceError) as error:
        rehearse(kong(), Nginx("/usr/local/kong"))
    reason = "Error: no directive bad in /usr/local/kong/nginx.conf"
    assert str(error.value) == f"it rejects the changed {tmp_path}/kong.conf: {reason}"
    assert kong.left() == []


def test_a_file_that_only_the_prefix_has_is_no_rejection(kong, tmp_path):
    """nginx looks for a relative `include` in the folder, and not in the prefix."""
    (tmp_path / "kong.conf").write_text("bad")
    (tmp_path / "nginx.conf").touch()
    assert rehearse(kong(), Nginx(str(tmp_path))) is None
    assert kong.left() == []


def test_without_the_options_of_the_start_the_file_is_not_tested(kong):
    scripts = (("/opt/start",),)
    for how_run in (
        kong(restart_command="docker restart kong"),
        kong(reload_command="docker exec kong kong reload"),
        kong(unit="kong.service", start_of_unit=scripts),
        Kong((3, 9), "/kong.conf"),
    ):
        assert rehearse(how_run, Nginx("/usr/local/kong")) is None
    assert kong.log() == []
