# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import stat
from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service import kong_file
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.running import Running
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import Variable
from ansible_collections.gatehouse.kong.plugins.module_utils._modules import kong_conf
from ansible_collections.gatehouse.kong.plugins.modules import kong_conf as entry
from ansible_collections.gatehouse.kong.tests.unit.plugins.module_arguments import provide_options


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Return a function that runs the module with options and returns its result."""
    monkeypatch.setattr("ansible.module_utils.basic.AnsibleModule.tmpdir", str(tmp_path))

    def call(**options):
        internal = {"_ansible_check_mode": options.pop("check", False), "_ansible_diff": options.pop("diff", False)}
        with provide_options({**options, **internal}), pytest.raises(SystemExit):
            entry.main()
        return json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def conf(tmp_path):
    path = tmp_path / "kong.conf"
    path.write_bytes(b"# caf\xe9\r\na = 1 # c\r\npg_password = s3cret\r\n")
    path.chmod(0o604)
    return path


def test_a_change_keeps_mode_and_other_bytes(run, conf):
    result = run(path=str(conf), settings={"a": "2", "b": "3"})
    assert result["changed"]
    assert result["changed_settings"] == ["a", "b"]
    assert result["path"] == str(conf)
    assert "backup_file" not in result
    assert "diff" not in result
    assert conf.read_bytes() == b"# caf\xe9\r\na = 2 # c\r\npg_password = s3cret\r\nb = 3\r\n"
    assert stat.S_IMODE(conf.stat().st_mode) == 0o604
    assert run(path=str(conf), settings={"a": "2", "b": "3"})["changed"] is False


def test_check_mode_returns_the_same_and_writes_nothing(run, conf):
    before = conf.read_bytes(), conf.stat().st_mode
    options = {"path": str(conf), "settings": {"a": "2"}, "mode": "0600", "diff": True}
    checked = run(**options, check=True)
    assert (conf.read_bytes(), conf.stat().st_mode) == before
    real = run(**options)
    for name in ("changed", "changed_settings", "diff"):
        assert checked[name] == real[name]
    assert real["diff"][1]["after"] == {"mode": "0600"}
    assert stat.S_IMODE(conf.stat().st_mode) == 0o600


@pytest.fixture
def warned(monkeypatch):
    """Return the warnings of the module; Ansible would collect the warnings of all runs in a process."""
    found = []
    monkeypatch.setattr("ansible.module_utils.basic.AnsibleModule.warn", lambda _module, text: found.append(text))
    return found


@pytest.mark.parametrize("check", [False, True])
def test_a_password_that_every_user_can_read_is_a_warning(run, conf, warned, check):
    conf.chmod(0o644)
    expected = f"{conf} contains pg_password, and every user of the host can read it (mode 0644): set mode to '0640'"
    run(path=str(conf), settings={"a": "1"}, check=check)
    assert [warning for warning in warned if "contains" in warning] == [expected]
    run(path=str(conf), settings={"a": "1"}, mode="0640")
    assert [warning for warning in warned if "contains" in warning] == [expected]


def test_a_new_file_with_a_password_is_no_warning(run, tmp_path, warned):
    run(path=str(tmp_path / "new.conf"), settings={"pg_password": "s3cret"})
    assert [warning for warning in warned if "contains" in warning] == []


def test_the_diff_hides_directives_of_nginx_that_may_contain_secrets(run, conf):
    settings = {"nginx_proxy_proxy_set_header": "Authorization s3cret", "license_data": "s3cret", "nginx_user": "kong"}
    result = run(path=str(conf), settings=settings, diff=True)
    assert "s3cret" not in str(result)
    assert "nginx_user = kong" in result["diff"][0]["after"]
    assert "nginx_proxy_proxy_set_header = <hidden>" in result["diff"][0]["after"]


def test_mode_alone_is_a_change(run, conf):
    result = run(path=str(conf), settings={"a": "1"}, mode="0600", backup=True)
    assert result["changed"]
    assert result["changed_settings"] == []
    assert "backup_file" not in result


def test_the_backup_has_the_previous_content(run, conf):
    before = conf.read_bytes()
    result = run(path=str(conf), settings={"a": "2"}, backup=True)
    backup = conf.parent / result["backup_file"]
    assert backup.read_bytes() == before
    assert stat.S_IMODE(backup.stat().st_mode) == 0o604


@pytest.mark.parametrize(("options", "mode"), [({}, 0o640), ({"mode": "0644"}, 0o644)])
def test_new_file(run, tmp_path, options, mode):
    path = tmp_path / "new.yml"
    options = {
        "path": str(path),
        "format": "yaml",
        "settings": {"cluster.advertise": "1.2.3.4:5"},
        "diff": True,
        **options,
    }
    checked = run(**options, check=True)
    assert not path.exists()
    real = run(**options)
    assert real["diff"] == checked["diff"]
    assert path.read_text() == 'cluster:\n  advertise: "1.2.3.4:5"\n'
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert run(**options)["changed"] is False


def test_a_symbolic_link_is_preserved(run, conf):
    link = conf.with_name("link.conf")
    link.symlink_to(conf.name)
    run(path=str(link), settings={"a": "2"})
    assert link.is_symlink()
    assert b"a = 2 # c" in conf.read_bytes()


def test_secrets_are_not_shown(run, conf):
    result = run(path=str(conf), settings={"pg_password": "n3w", "a": "2"}, diff=True)
    assert b"pg_password = n3w" in conf.read_bytes()
    assert result["changed_settings"] == ["pg_password", "a"]
    assert "s3cret" not in json.dumps(result)
    assert "n3w" not in json.dumps(result)
    if "invocation" in result:  # up to ansible-core 2.20
        assert result["invocation"]["module_args"]["settings"] == {"pg_password": "<hidden>", "a": "2"}


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("none/kong.conf", {"a": "1"}, "none' does not exist: create it first"),
        (".", {"a": "1"}, "cannot be read: Is a directory"),
        ("kong.conf", {"a": "1\\"}, "kong.conf: setting 'a'"),
        ("kong.conf", {"pg_password": "n3w\\"}, "<hidden>"),
    ],
)
def test_after_a_failure_the_file_is_unchanged(run, conf, name, settings, message):
    before = conf.read_bytes()
    result = run(path=str(conf.parent / name), settings=settings)
    assert result["failed"]
    assert message in result["msg"]
    assert "n3w" not in json.dumps(result)
    assert conf.read_bytes() == before


def test_if_the_validation_fails_the_file_is_unchanged(run, conf):
    before, names = conf.read_bytes(), set(conf.parent.iterdir())
    refuse = 'sh -c \'grep -q "a = 2" %s && echo "no such value" >&2 && exit 1\''
    result = run(path=str(conf), settings={"a": "2"}, validate=refuse, backup=True)
    assert result["failed"]
    assert result["msg"].startswith(f"{conf} is unchanged, because `sh -c ")
    assert result["msg"].endswith("failed for the new file: no such value")
    assert conf.read_bytes() == before
    assert not any("~" in path.name for path in {*conf.parent.iterdir()} - names)


def test_if_the_validation_succeeds_the_file_is_replaced(run, conf):
    assert run(path=str(conf), settings={"a": "2"}, validate="grep -q 'a = 2' %s")["changed"]
    assert b"a = 2" in conf.read_bytes()


def test_a_validation_with_an_open_quote_is_an_error(run, conf):
    result = run(path=str(conf), settings={"a": "2"}, validate="grep 'a %s")
    assert "it cannot be split into words: No closing quotation" in result["msg"]
    assert b"a = 2" not in conf.read_bytes()


def test_a_validation_without_the_path_is_an_error(run, conf):
    assert "must contain %s" in run(path=str(conf), settings={"a": "2"}, validate="true")["msg"]


def test_the_command_of_validate_is_searched_as_systemd_does(run, conf, monkeypatch):
    monkeypatch.setenv("PATH", "/bin")
    command = """sh -c 'case $PATH in /bin:*/usr/local/bin:*) ;; *) exit 1;; esac' %s"""
    assert run(path=str(conf), settings={"a": "2"}, validate=command)["changed"]


@pytest.fixture
def unit(monkeypatch):
    """Replace Kong's unit; return its user, and the file that has its variable."""
    found = SimpleNamespace(user="", file="")
    for part in (kong_conf, kong_file):
        monkeypatch.setattr(part, "find_running", lambda _host, name, _prefix, **_: Running(None, f"{name}.service"))
    monkeypatch.setattr(
        kong_file, "find_fallbacks", lambda _host, _running, file, _settings: {**file.defaults, "b": "of the unit"}
    )
    monkeypatch.setattr(kong_conf, "read_user", lambda _host, _unit: found.user)
    monkeypatch.setattr(
        kong_conf, "read_unit_variables", lambda _host, unit: {"MY_PASSWORD": Variable(unit, "e", found.file)}
    )
    return found


def test_the_command_of_validate_gets_exactly_the_variables_of_a_start(run, conf, unit, monkeypatch):
    """A variable may override the file, and `kong check` resolves references such as {vault://env/my-password}."""
    monkeypatch.setenv("KONG_ADMIN_LISTEN", "off")
    monkeypatch.setenv("MY_OTHER", "1")
    command = f"sh -c 'env >{conf.parent}/result' %s"
    assert run(path=str(conf), settings={"a": "2"}, validate=command, service="api")["changed"]
    environment = dict(line.split("=", 1) for line in (conf.parent / "result").read_text().splitlines())
    assert (environment["MY_PASSWORD"], {*environment} & {"KONG_ADMIN_LISTEN", "MY_OTHER"}) == ("api.service", set())


def test_a_user_who_can_change_the_variables_gets_no_command_of_root(run, conf, unit):
    unit.user, unit.file = "kong", "/no/such/file"
    assert run(path=str(conf), settings={"a": "2"}, validate="false %s", service="kong")["changed"]


def test_values_that_kong_uses_without_a_line_need_no_line(run, conf, unit):
    settings = {"b": "of the unit", "c": "default"}
    assert run(path=str(conf), settings=settings, defaults={"c": "default"}, check=True)["changed_settings"] == ["b"]
    result = run(path=str(conf), settings=settings, defaults={"c": "default"}, service="kong")
    assert (result["changed"], result["changed_settings"]) == (False, [])
    # A line with another value stays a difference: Kong would use it without the variable.
    assert run(path=str(conf), settings={"a": "2"}, defaults={"a": "2"}, service="kong")["changed_settings"] == ["a"]


def test_a_value_that_systemd_reads_from_quotes_is_no_change(run, tmp_path, monkeypatch):
    path = tmp_path / "kong.env"
    path.write_text('KONG_A="1"\nKONG_B="1"\nKONG_C="1"\n')
    monkeypatch.setattr(kong_file, "find_running", lambda *_given, **_more: Running(None, "kong.service"))
    monkeypatch.setattr(kong_file, "find_fallbacks", lambda *_given: {})
    monkeypatch.setattr(kong_file, "read_quoted", lambda _host, _running, _file, _names: {"a": "1", "b": "1"})
    options = {"path": str(path), "format": "env", "settings": {"a": 1, "b": "2", "c": "1"}}
    assert run(**options, service="kong", check=True)["changed_settings"] == ["b", "c"]
    assert run(**options, check=True)["changed_settings"] == ["a", "b", "c"]


def test_a_user_who_may_not_read_the_variables_gets_the_lines(run, conf, unit, monkeypatch):
    def refuse(*_given):
        raise PermissionError

    monkeypatch.setattr(kong_file, "find_fallbacks", refuse)
    assert run(path=str(conf), settings={"b": "1", "c": "2"}, defaults={"c": "2"}, service="kong")[
        "changed_settings"
    ] == ["b"]


def test_an_unchanged_file_is_not_validated(run, conf):
    assert not run(path=str(conf), settings={"a": "1"}, validate="false %s").get("failed")


def test_the_previous_values_are_returned_without_secrets(run, conf):
    assert run(path=str(conf), settings={"a": "2", "b": "3", "pg_password": "new"})["before"] == {
        "a": "1",
        "b": None,
        "pg_password": "<hidden>",
    }


@pytest.mark.parametrize("form, expected", [("conf", ["a"]), ("env", [])])
def test_unknown_settings_are_a_warning(run, tmp_path, monkeypatch, form, expected):
    warnings = []
    monkeypatch.setattr(kong_file, "find_unknown_settings", lambda text: ["a"] if "a = 1" in text else [])
    monkeypatch.setattr("ansible.module_utils.basic.AnsibleModule.warn", lambda _module, text: warnings.append(text))
    assert run(path=str(tmp_path / "new"), format=form, settings={"a": "1"}, check=True)["unknown"] == expected
    assert warnings == [
        f"{tmp_path / 'new'}: the installed Kong does not know {name}, and ignores it: remove it" for name in expected
    ]


def test_a_new_file_gets_the_group_of_its_directory(run, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(kong_conf.os, "chown", lambda *arguments: given.append(arguments))
    path = tmp_path / "new.conf"
    run(path=str(path), settings={"a": "1"}, check=True)
    assert given == []
    run(path=str(path), settings={"a": "1"})
    run(path=str(path), settings={"a": "2"})
    assert [arguments for arguments in given if arguments[1] == -1] == [(path, -1, tmp_path.stat().st_gid)]


def test_a_user_who_cannot_set_the_group_can_create_the_file(run, tmp_path, monkeypatch):
    def refuse(*_arguments):
        raise PermissionError

    monkeypatch.setattr(kong_conf.os, "chown", refuse)
    assert run(path=str(tmp_path / "new.conf"), settings={"a": "1"})["changed"]


def test_a_missing_line_whose_default_is_wanted_is_no_change(run, conf):
    before = conf.read_bytes()
    options = {"path": str(conf), "settings": {"a": "1", "role": "traditional"}}
    assert run(**options, defaults={"role": "traditional"})["changed"] is False
    assert conf.read_bytes() == before
    assert run(**options, defaults={"role": "data_plane"})["changed_settings"] == ["role"]


def test_a_missing_file_is_not_created_without_a_line(run, tmp_path):
    options = {"path": str(tmp_path / "new.conf"), "settings": {"role": "traditional"}, "mode": "0600"}
    result = run(**options, defaults={"role": "traditional"})
    assert (result["changed"], result["before"]) == (False, {})
    assert not (tmp_path / "new.conf").exists()


def test_the_old_values_of_a_kong_yml(run, tmp_path):
    path = tmp_path / "kong.yml"
    path.write_text("proxy_listen: '0.0.0.0:8000'\n")
    settings = {"proxy_listen": "0.0.0.0:80", "cluster.advertise": "10.0.0.1:7946"}
    result = run(path=str(path), format="yaml", settings=settings)
    assert result["before"] == {"proxy_listen": "0.0.0.0:8000", "cluster.advertise": None}
