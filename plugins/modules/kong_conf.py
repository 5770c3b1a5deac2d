# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_conf
short_description: Write settings into Kong's configuration or environment file, in place
version_added: 0.1.0
author:
  - gatehouse.kong contributors (@gatehouse-kong)
description:
  - Sets values in C(kong.conf) (Kong 0.9 and later), in C(kong.yml) (Kong 0.6 to 0.8) or in a file of C(KONG_…) variables.
    All other bytes of the file are unchanged, including comments, order and line endings.
  - The file is replaced atomically. An existing file keeps its owner, group, mode and SELinux context.
  - The module neither reloads nor restarts Kong, and it does not check the values. M(gatehouse.kong.kong_plan) checks
    listen settings, and C(kong check) checks the file on the host.
extends_documentation_fragment:
  - gatehouse.kong.attributes
  - gatehouse.kong.archive
  - ansible.builtin.files
options:
  path:
    description:
      - The configuration file. A symbolic link is followed and preserved.
      - A missing file is created. Unless O(mode), O(owner) and O(group) are given, its mode is V(0640), its owner is the
        user who runs the module, and its group is the group of the directory. If Kong does not run as V(root), its user must
        be in that group; the packages of Kong 2.3 and later ensure this. The directory must exist.
      - A missing file is not created if no line has to be written.
    type: path
    required: true
  search:
    description:
      - The paths at which Kong searches its file, in Kong's order. The first existing file is changed instead of O(path),
        because Kong reads no other file. If several files exist, a warning names the files that Kong does not read.
    type: list
    elements: path
    default: []
  format:
    description:
      - V(conf) for C(key = value) lines, V(yaml) for C(kong.yml).
      - V(env) for C(KONG_KEY=value) lines, which systemd reads as C(EnvironmentFile) and docker and podman as C(--env-file).
        O(settings) has Kong's own names. The lines are written so that all three programs read the same value. A value with
        a quote or a backslash is an error, because the programs read it differently. docker compose also expands C($) in
        such a file.
    type: str
    choices: [conf, yaml, env]
    default: conf
  settings:
    description:
      - Kong's settings and their values as text, as in Kong's documentation. Quote V(on), V(off), V(true) and V(false),
        because YAML reads them as booleans otherwise. Blanks around a value are removed.
      - With O(format=yaml), the name of a nested setting has a dot, such as V(cluster.advertise).
      - If a setting is not in the file, its line is added after the commented-out sample line (C(#proxy_listen = ...)), or
        at the end.
      - An empty value in C(kong.conf) unsets a setting, including Kong's default.
      - Values of settings whose names end in C(password), C(secret), C(secret_id), C(token), C(_key), C(encrypt),
        C(auth_conf), C(session_conf), C(auth_header), C(declarative_config_string), C(proxy_server) or C(license_data) are
        shown neither in the diff nor in the module's result, messages and log. Values of C(nginx_*) settings are hidden too,
        unless the directive takes a size, a time, a flag, a protocol or a similar value. The diff hides these values
        everywhere in the file, so only RV(changed_settings) shows that such a setting has a new value.
      - If the file has a password, key or token, and every user of the host can read the file, the module warns.
    type: dict
    required: true
  defaults:
    description:
      - The values, as text, that Kong uses for settings of O(settings) that the file does not have. If the value of a setting
        means the same as its default, no line is added.
      - Without O(service), leave it out if another file can set these values, such as a C(kong.conf) below the variables of
        O(format=env).
    type: dict
    default: {}
  backup:
    description:
      - Whether to copy the file before it is changed. The name of the copy has a timestamp.
    type: bool
    default: false
  validate:
    description:
      - A command that checks the new file before it replaces the old file, such as V(kong check %s). C(%s) is replaced by the
        path of the new file.
      - If the command fails, the module fails with its output, and the file is unchanged.
    type: str
  service:
    description:
      - Kong's systemd unit. If it is given, the module takes into account how this host runs Kong. The unit of a running Kong
        has priority over this name.
      - No line is added if Kong uses the same value without a line, because a variable of its unit or container has it, or
        because it is the default of the installed Kong. A variable that the next boot removes does not count. With
        O(format=env), the C(kong.conf) of the unit counts too.
      - The command of O(validate) gets exactly the variables of a start of the unit, because variables override the file. If
        the unit runs as another user than V(root), and this user can change the file, a file of variables, or code that they
        name, such as modules in C(lua_package_path), O(validate) is not used, because the command runs as the user of the
        module.
    type: str
  prefix:
    description: The prefix of the running Kong, by default V(/usr/local/kong).
    type: path
  container:
    description: Whether Kong runs in a container with a network of its own.
    type: bool
    default: false
  unsafe_writes:
    description:
      - Whether the file may be overwritten if it cannot be replaced, for example in some container mounts.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
notes:
  - "C(kong.conf) and variables: a value that means the same for Kong is not rewritten, for example a list with other blanks, the
    flags of a listen entry in another order, or V(true) for V(on). Secrets and C(nginx_*) settings are compared as text."
  - "C(kong.conf): if several lines have the same key, Kong reads the last line. All these lines get the value, so that
    none misleads a reader. Kong reads every character of a key that is no letter or digit as C(_), so C(proxy-listen) is
    C(proxy_listen) here too. A value on several lines, joined by backslashes, becomes one line. A file with a
    C([section]) is an error, because Kong ignores all settings below it."
  - "C(kong.conf): C(#) starts a comment in a value. A C(#) in O(settings) belongs to the value and is written as
    C(\\#), which Kong reads from 2.0.5 on; older Kong ends the value there. A C(\\#) in O(settings) stays. A comment after a
    value is preserved, with a blank before it. If a value becomes empty, the comment moves to the next line, because Kong 0.10
    to 2.x would read it as the value."
  - "C(kong.yml): values are written in quotes, except for the few settings for which Kong expects a number or a boolean. The
    file must consist of plain blocks. It is an error, with the number of the line, if a setting is in a flow mapping
    (C({})), is a block of lines or a list, is present twice, has an anchor, or is indented with tabs."
seealso:
  - module: ansible.builtin.lineinfile
"""

EXAMPLES = r"""
- name: Set Kong's listeners
  gatehouse.kong.kong_conf:
    path: /etc/kong/kong.conf
    settings:
      proxy_listen: 0.0.0.0:8000, 0.0.0.0:8443 ssl
      admin_listen: 127.0.0.1:8001
      status_listen: 'off'
    backup: true

- name: Set the advertised address of a Kong 0.8 behind NAT
  gatehouse.kong.kong_conf:
    path: /etc/kong/kong.yml
    format: yaml
    settings:
      cluster_listen: 192.168.23.45:80
      cluster.advertise: 192.168.10.5:9000

- name: Create a file that an unprivileged Kong can read
  gatehouse.kong.kong_conf:
    path: /etc/kong/kong.conf
    settings:
      pg_password: '{{ kong_pg_password }}'
    owner: root
    group: kong
    mode: '0640'
"""

RETURN = r"""
path:
  description: The file. If O(path) is a symbolic link, its target.
  returned: success
  type: str
  sample: /etc/kong/kong.conf
changed_settings:
  description: Names of the settings whose lines changed, in the order given.
  returned: success
  type: list
  elements: str
  sample: [proxy_listen, admin_listen]
before:
  description:
    - The previous values of the changed settings by name. Null if the file did not have the setting.
    - Secrets are hidden.
  returned: success
  type: dict
  sample: {proxy_listen: "0.0.0.0:8000", admin_listen: null}
unknown:
  description:
    - Names of settings in the file that the installed Kong does not know and ignores without a warning. All settings of the
      file are checked, not only O(settings). The module warns about them.
    - Empty if no Kong is installed below C(/usr/local/share/lua), and with another O(format) than V(conf).
  returned: success
  type: list
  elements: str
  sample: [cluster_advertise]
backup_file:
  description: The copy of the previous file.
  returned: when O(backup) is set and the content of an existing file changed
  type: str
  sample: /etc/kong/kong.conf.4242.2026-11-22@10:00:00~
diff:
  description: The file and its attributes before and after. Secrets are hidden.
  returned: in diff mode
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._entry.run import ARCHIVE_SPEC, run_module

_SPEC = {
    **ARCHIVE_SPEC,
    "path": {"type": "path", "required": True},
    "search": {"type": "list", "elements": "path", "default": []},
    "format": {"type": "str", "choices": ["conf", "yaml", "env"], "default": "conf"},
    "settings": {"type": "dict", "required": True},
    "defaults": {"type": "dict", "default": {}},
    "backup": {"type": "bool", "default": False},
    "validate": {"type": "str"},
    "service": {"type": "str"},
    "prefix": {"type": "path"},
    "container": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    run_module(
        "kong_conf",
        AnsibleModule(
            _SPEC,
            add_file_common_args=True,
            supports_check_mode=True,
            # Otherwise the log of the host would get the options, including secrets.
            no_log=True,
        ),
    )


if __name__ == "__main__":
    main()
