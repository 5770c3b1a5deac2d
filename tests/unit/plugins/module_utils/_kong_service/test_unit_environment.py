# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of a unit. The texts are output and input of systemd 247, 252 and 257."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host import processes
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import Kong
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.run import Wanted, bring_up
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import (
    parse_assignments,
    read_unit_variables,
)

SHOWN = r"""Environment=KONG_A=plain "KONG_B=two words" "KONG_C=a\"b\$\$c\`d\\e" "KONG_D=x\ty" "KONG_E=it's" KONG_F=%p KONG_G=1
EnvironmentFiles=/etc/kong/kong.env (ignore_errors=yes)
EnvironmentFiles=/etc/kong/sp*.env (ignore_errors=no)
EnvironmentFiles=/etc/kong/missing.env (ignore_errors=yes)
UnsetEnvironment=KONG_A KONG_G=1 KONG_F=no
"""
FILE = (
    r"""# c
; KONG_0=c
KONG_1=plain  """
    r"""
 KONG_2 = "dq \"x\" \$y \z"  """
    r"""
KONG_3='sq \n "x"' tail
KONG_4=cont\
inued
KONG_5=back\slash \$q
KONG_6=a"b c"d
KONG_7=
export KONG_8=x
KONG_9=#no comment
KONG_10="multi
line"
KONG_11=a # b
not a line
KONG_12="trail "  """
    r"""
KONG_13=two   spaces   in
KONG_14="a" "b"
KONG_15=caf\
  indented
KONG_17=a'b'"c"d
KONG_18="dq\
cont"
KONG_19=tail\ """
    r"""
KONG_20=  lead
"""
)
# Printed by /proc/PID/environ of a process that systemd started with FILE.
READ = {
    "KONG_1": "plain",
    "KONG_2": r'dq "x" $y \z',
    "KONG_3": r'sq \n "x"tail',
    "KONG_4": "continued",
    "KONG_5": "backslash $q",
    "KONG_6": 'a"b c"d',
    "KONG_7": "",
    "export KONG_8": "x",
    "KONG_9": "#no comment",
    "KONG_10": "multi\nline",
    "KONG_11": "a # b",
    "KONG_12": "trail ",
    "KONG_13": "two   spaces   in",
    "KONG_14": "ab",
    "KONG_15": "caf  indented",
    "KONG_17": "a'b'\"c\"d",
    "KONG_18": "dqcont",
    "KONG_19": "tail ",
    "KONG_20": "lead",
}


class UnitHost(Host):
    """A host with one unit, whose settings `systemctl show` prints, and an environment of systemd itself."""

    manager = ""
    shown = SHOWN

    def run(self, *argv, **_more):
        if argv == ("systemctl", "show", "--property=Environment"):
            return f"Environment={self.manager}\n"
        assert argv[:3] == ("systemctl", "show", "kong.service")
        return self.shown


def test_the_environment_of_systemd_itself(tmp_path):
    """DefaultEnvironment= and `systemctl set-environment`, as systemd 252 prints them. Settings of the unit override them."""
    host = make_host(tmp_path, kong="KONG_FILE=file\n")
    before = read_values(host)
    host.manager = (
        r""""KONG_X=two words" "KONG_Y=b\$x\nq" KONG_B=manager KONG_FILE=manager KONG_G=1 KONG_A=z PATH=/bin HOME=/"""
    )
    assert read_values(host) == {**before, "KONG_X": "two words", "KONG_Y": "b$x\nq", "PATH": "/bin", "HOME": "/"}


def read_values(host):
    return {name: variable.value for name, variable in read_unit_variables(host, "kong.service").items()}


def make_host(tmp_path, **files):
    (tmp_path / "etc/kong").mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / f"etc/kong/{name}.env").write_text(text, encoding="utf-8")
    return UnitHost(tmp_path)


def test_a_file_is_parsed_like_in_systemd():
    assert dict(parse_assignments(FILE)) == READ


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("KONG_A='open\nKONG_B=2\n", "open\nKONG_B=2\n"),
        ('KONG_A="open\nKONG_B=2\n', "open\nKONG_B=2\n"),
        (r'KONG_A="a"' + r"""'b'"c\"d""", 'abc"d'),
        ('KONG_A="open\\', "open"),
    ],
)
def test_a_quote_that_is_not_closed_continues_to_the_end_of_the_file(text, value):
    """Read by load_env_file of systemd 252. The lines below are no variables."""
    assert dict(parse_assignments(text)) == {"KONG_A": value}


def test_wildcards_match_no_hidden_file(tmp_path):
    host = make_host(tmp_path, sp1="KONG_SP=1\n")
    host.shown = "EnvironmentFiles=/etc/kong/* (ignore_errors=no)\n"
    (tmp_path / "etc/kong/.sp1.env.swp").write_text("KONG_OLD=1\n", encoding="utf-8")
    assert read_values(host) == {"KONG_SP": "1"}


def test_the_variables_of_a_unit(tmp_path):
    """All variables: Kong reads references such as {vault://env/x}, PATH and LUA_PATH from its environment."""
    text = "KONG_B=of the file\nPATH=/opt/bin\nMY_PG_PASSWORD=for {vault://env/my-pg-password}\n"
    host = make_host(tmp_path, kong=text, sp1="KONG_SP=1\n")
    assert read_values(host) == {
        "KONG_B": "of the file",
        "KONG_C": r'a"b$$c`d\e',
        "KONG_D": "x\ty",
        "KONG_E": "it's",
        "KONG_F": "%p",
        "KONG_SP": "1",
        "PATH": "/opt/bin",
        "MY_PG_PASSWORD": "for {vault://env/my-pg-password}",
    }


def test_escapes_of_control_characters(tmp_path, monkeypatch):
    """`systemctl show` escapes values with cescape() in src/basic/escape.c of systemd."""
    shown = r"""Environment="KONG_A=\a\b\f\n\r\t\v\001\177"
"""
    monkeypatch.setattr(UnitHost, "run", lambda _host, *_argv: shown)
    assert read_values(make_host(tmp_path)) == {"KONG_A": "\x07\x08\x0c\x0a\x0d\x09\x0b\x01\x7f"}


def test_without_a_unit_there_are_no_variables(tmp_path):
    assert read_unit_variables(make_host(tmp_path), "") == {}


def test_a_process_of_the_unit_adds_no_variable_to_a_command_of_root(tmp_path, monkeypatch):
    """Any local user may have a process in the unit's cgroup, for example through a plugin or a log handler of Kong."""
    monkeypatch.setattr(processes, "find_unit", lambda _process: "kong.service")
    output, program = tmp_path / "result", tmp_path / "kong"
    program.write_text(f"#!/bin/sh\nenv | grep ^KONG_ > {output}\n", encoding="utf-8")
    program.chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/systemctl").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    host = make_host(tmp_path, kong="KONG_A=removed\nKONG_B=1\n")
    kong = Kong((1, 5), "/etc/kong/kong.conf", unit="kong.service", reload_of_unit=(("nginx",),), start_of_unit=(("kong", "start"),),
                program=str(program), variables=read_values(host))  # fmt: skip
    evil = {**os.environ, "KONG_NGINX_MAIN_LOAD_MODULE": "/tmp/evil.so"}
    with subprocess.Popen([sys.executable, "-c", "input()"], env=evil, stdin=subprocess.PIPE) as process:
        bring_up(host, kong, "reload", Wanted((), (), 0), 0)
        process.communicate(b"\n")
    names = {line.partition("=")[0] for line in output.read_text(encoding="utf-8").splitlines()}
    assert names == {"KONG_B", "KONG_C", "KONG_D", "KONG_E", "KONG_F"}


def test_variables_that_systemd_passes(tmp_path):
    """PassEnvironment= has the values of the environment of process 1; Environment= overrides them."""
    (tmp_path / "proc/1").mkdir(parents=True)
    (tmp_path / "proc/1/environ").write_text("TERM=linux\0KONG_P=of the kernel\0KONG_A=x\0KONG_Q=not passed\0")
    host = make_host(tmp_path)
    host.shown = "PassEnvironment=KONG_P KONG_A KONG_MISSING\nEnvironment=KONG_A=1\n"
    assert read_values(host) == {"KONG_P": "of the kernel", "KONG_A": "1"}
    assert read_unit_variables(host, "kong.service")["KONG_P"].origin == "PassEnvironment="
    host.shown = "Environment=KONG_A=1\n"
    assert read_values(host) == {"KONG_A": "1"}


@pytest.mark.parametrize(
    ("user", "entry", "expected"),
    [
        ("kong", ("kong", "/srv/kong", "/bin/sh"), {"HOME": "/srv/kong", "SHELL": "/bin/sh"}),
        ("993", ("kong", "/srv/kong", "/bin/sh"), {"HOME": "/srv/kong", "SHELL": "/bin/sh"}),
        ("kong", ("kong", "/", "/usr/sbin/nologin"), {}),
    ],
)
def test_variables_of_the_user_of_a_unit(tmp_path, monkeypatch, user, entry, expected):
    """HOME and SHELL are set unless they are placeholders; variables of systemd itself have a lower precedence."""
    name, home, shell = entry
    found = pwd.struct_passwd((name, "x", 993, 993, "", home, shell))
    monkeypatch.setattr(pwd, "getpwnam", {"kong": found}.__getitem__)
    monkeypatch.setattr(pwd, "getpwuid", {993: found}.__getitem__)
    host = make_host(tmp_path)
    host.manager = "USER=manager"
    host.shown = f"User={user}\nExecSearchPath=/opt/kong/bin /usr/bin\n"
    assert read_values(host) == {"USER": name, "LOGNAME": name, "PATH": "/opt/kong/bin:/usr/bin", **expected}


def test_settings_override_the_variables_of_the_user(tmp_path, monkeypatch):
    found = pwd.struct_passwd(("kong", "x", 993, 993, "", "/srv/kong", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwnam", {"kong": found}.__getitem__)
    host = make_host(tmp_path)
    host.shown = "User=kong\nExecSearchPath=/opt/bin\nEnvironment=HOME=/srv PATH=/bin\nUnsetEnvironment=SHELL\n"
    assert read_values(host) == {"USER": "kong", "LOGNAME": "kong", "HOME": "/srv", "PATH": "/bin"}
    host.shown = "User=missing\nExecSearchPath=\n"
    assert read_values(host) == {}


def test_variables_in_the_command_that_starts_kong(tmp_path):
    host = make_host(tmp_path, kong="KONG_B=of the file\n")
    argv = "argv[]=/usr/bin/env KONG_B=of_env KONG_N=1 /usr/local/bin/kong start -c /k"
    host.shown = (
        "EnvironmentFiles=/etc/kong/kong.env (ignore_errors=yes)\nUnsetEnvironment=KONG_N\n"
        f"ExecStart={{ path=/usr/bin/env ; {argv} ; ignore_errors=no ; start_time=[n/a] ; }}\n"
    )
    assert read_values(host) == {"KONG_B": "of_env", "KONG_N": "1"}
    assert read_unit_variables(host, "kong.service")["KONG_B"].origin == "the command of kong.service"


def test_the_origin_of_each_variable(tmp_path):
    """The file that has it: an EnvironmentFile=, or the last of the unit's files with this name."""
    host = make_host(tmp_path, kong="KONG_B=of the file\n")
    host.manager = "KONG_X=manager"
    drop_ins = tmp_path / "etc/systemd/system/kong.service.d"
    drop_ins.mkdir(parents=True)
    (drop_ins / "a.conf").write_text('[Service]\nEnvironment="KONG_C=1" KONG_G=1\n')
    (drop_ins / "b.conf").write_text("[Service]\nEnvironment=KONG_C=2\n")
    folder = "/etc/systemd/system/kong.service.d"
    host.shown = f"{SHOWN}FragmentPath=/lib/systemd/system/kong.service\nDropInPaths={folder}/a.conf {folder}/b.conf\n"
    found = read_unit_variables(host, "kong.service")
    assert (found["KONG_B"].origin, found["KONG_B"].file) == ("/etc/kong/kong.env", "/etc/kong/kong.env")
    assert found["KONG_C"].origin == f"Environment= in {folder}/b.conf"
    assert found["KONG_D"].origin == "Environment= of kong.service"
    assert found["KONG_X"].origin == "the environment of systemd itself"


@pytest.mark.parametrize(
    ("text", "is_origin"),
    [
        ("Environment=KONG_C=2\n", True),
        ("  Environment = KONG_A=1 KONG_C=2\n", True),
        ("Environment='KONG_C=two words'\n", True),
        ("Environment=KONG_A=1 \\\n# comment\n  KONG_C=2\n", True),
        ("# Environment=KONG_C=2\n", False),
        ("; Environment=KONG_C=2\n", False),
        ("Environment=MY_KONG_C=2\n", False),
        ("Environment='KONG_A=x KONG_C=2'\n", False),
        ("UnsetEnvironment=KONG_C=2\nExecStartPre=/bin/env KONG_C=2 true\n", False),
        ("Environment='KONG_C=2\n", False),
    ],
)
def test_only_a_file_that_sets_a_variable_is_its_origin(tmp_path, text, is_origin):
    host = make_host(tmp_path)
    for path, content in {"kong.service": "[Service]\nEnvironment=KONG_C=1\n", "a.conf": f"[Service]\n{text}"}.items():
        (tmp_path / path).write_text(content, encoding="utf-8")
    host.shown = "Environment=KONG_C=1\nFragmentPath=/kong.service\nDropInPaths=/a.conf\n"
    assert read_unit_variables(host, "kong.service")["KONG_C"].file == ("/a.conf" if is_origin else "/kong.service")


def test_wildcards_match_no_folder(tmp_path):
    host = make_host(tmp_path, kong="KONG_A=1\n")
    (tmp_path / "etc/kong/folder").mkdir()
    host.shown = "EnvironmentFiles=/etc/kong/* (ignore_errors=yes)\n"
    assert read_values(host) == {"KONG_A": "1"}
