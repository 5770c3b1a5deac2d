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
  - Sets values in C(kong.conf) (Kong 0.9 and later), in C(kong.yml) (Kong 0.6 to 0.8) or in a file of C(KONG_…) variables,
    and keeps every other byte of the file, comments, order and line endings included.
  - The file is replaced in one step. A file that exists keeps its owner, group, mode and SELinux context.
  - Kong is neither reloaded nor restarted, and the values are not checked. For a listen setting the module
    M(gatehouse.kong.kong_plan) does that, and C(kong check) does it on the host.
extends_documentation_fragment:
  - gatehouse.kong.attributes
  - ansible.builtin.files
options:
  path:
    description:
      - The configuration file. A symbolic link is followed, and stays one.
      - A file that does not exist is created with mode V(0640), owned by the user who runs the module and by the group of
        the directory, where O(mode), O(owner) and O(group) do not say otherwise. A Kong that runs as another user than
        V(root) has to be in that group, as after Kong's packages of 2.3 and later it is. The directory must exist.
    type: path
    required: true
  search:
    description:
      - Where Kong looks for its file, in its order. The first of them that exists is the one that is changed, in place of
        O(path), because Kong reads no other. If more than one exists, a warning names those that Kong does not read.
    type: list
    elements: path
    default: []
  format:
    description:
      - V(conf) for C(key = value) lines, V(yaml) for C(kong.yml).
      - V(env) for C(KONG_KEY=value) lines, which systemd reads as C(EnvironmentFile) and docker and podman as C(--env-file).
        Settings are given by Kong's own names. They are written so that all three read the same, and a value with a quote or
        a backslash, which they do not, is refused. docker compose also expands C($) in such a file.
    type: str
    choices: [conf, yaml, env]
    default: conf
  settings:
    description:
      - Kong's settings and their values, as text, exactly as Kong's documentation writes them. Quote V(on), V(off),
        V(true) and V(false), which YAML would otherwise take for something else. Blanks around a value are dropped.
      - With O(format=yaml) a nested setting is given with a dot, such as V(cluster.advertise).
      - Where a setting is not in the file, its line is put after the commented-out sample line (C(#proxy_listen = ...)),
        or at the end.
      - An empty value in C(kong.conf) unsets a setting, Kong's default included.
      - Values of settings whose names end in C(password), C(secret), C(secret_id), C(token), C(_key), C(encrypt),
        C(auth_conf), C(session_conf), C(auth_header), C(declarative_config_string), C(proxy_server) or C(license_data) are
        shown neither in the diff nor in the module's result, messages and log. Neither are those of C(nginx_*) settings,
        unless the directive takes a size, a time, a flag, a protocol or the like. The diff hides them wherever they stand in
        the file, so a new value for such a setting is seen in RV(changed_settings) only.
      - If the file holds a password, key or token and every user of the host can read the file, the module warns.
    type: dict
    required: true
  backup:
    description:
      - Copy the file as it was, with a timestamp in the name, before it is changed.
    type: bool
    default: false
  validate:
    description:
      - A command that checks the new file before it takes the place of the old one, such as V(kong check %s). C(%s) is
        where the new file lies then.
      - Where it fails, the module fails with what it says, and the file stays as it is.
    type: str
  unsafe_writes:
    description:
      - Whether the file may be written over where it cannot be replaced, as in some container mounts.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    description: Run again with the same options, it changes nothing.
    support: full
notes:
  - "C(kong.conf): where a key stands in the file more than once, Kong reads the last. All of them get the value, so
    that none misleads a reader. Kong reads any character of a key but letters and digits as C(_), so C(proxy-listen)
    is C(proxy_listen) here too. A value that goes on over several lines, joined by backslashes, becomes one line. A
    file with a C([section]) is refused, because Kong sees no setting below it."
  - "C(kong.conf): C(#) starts a comment in a value. A C(#) that belongs to the value is written as C(\\#), which Kong
    understands from 0.10 on. A comment after a value stays, with a blank before it; where a value becomes empty, the
    comment moves to the next line, because Kong 0.10 to 2.x would read it as the value."
  - "C(kong.yml): values are written in quotes, but for the few settings of which Kong wants a number or a boolean. The
    file must be made of plain blocks. A setting of yours that stands in a flow mapping (C({})), is a block of lines or
    a list, is there twice, has an anchor, or is indented with tabs is refused with the line's number."
seealso:
  - module: ansible.builtin.lineinfile
"""

EXAMPLES = r"""
- name: Set where Kong listens
  gatehouse.kong.kong_conf:
    path: /etc/kong/kong.conf
    settings:
      proxy_listen: 0.0.0.0:8000, 0.0.0.0:8443 ssl
      admin_listen: 127.0.0.1:8001
      status_listen: 'off'
    backup: true

- name: Set what a Kong 0.8 behind NAT tells its peers
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
  description: The file. Where a symbolic link was given, what it points to.
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
    - What the settings that changed were, by name. Null where the file did not have them, and always with O(format=yaml).
    - Secrets are hidden.
  returned: success
  type: dict
  sample: {proxy_listen: "0.0.0.0:8000", admin_listen: null}
unknown:
  description:
    - Names of settings in the file that the Kong of this host does not know and drops without a word, those that nobody
      asked for too. There is a warning for them.
    - Empty where no Kong is installed below C(/usr/local/share/lua), and with another O(format) than V(conf).
  returned: success
  type: list
  elements: str
  sample: [cluster_advertise]
backup_file:
  description: The copy of the file as it was.
  returned: when O(backup) is set and the content of an existing file changed
  type: str
  sample: /etc/kong/kong.conf.4242.2026-11-22@10:00:00~
diff:
  description: The file and its attributes before and after. Secrets are hidden.
  returned: in diff mode
  type: list
  elements: dict
"""

import os
import shlex
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import (
    SECONDS,
    HostError,
    completed,
    needs_root,
    require_root,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.conf import conf_values, edit_conf
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.env import edit_env, env_values
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import (
    HIDDEN,
    hide_secrets,
    is_secret,
    passwords_in,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import ConfError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.unknown import unknown_settings
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.yaml import edit_yaml

EDITORS = {"conf": edit_conf, "yaml": edit_yaml, "env": edit_env}
READERS = {"conf": conf_values, "env": env_values}


def before_of(form: str, text: str, names: list[str]) -> dict[str, str | None]:
    """What settings were in a file's text, without secrets. Before 0.9 (yaml) nobody needs to know."""
    values = READERS[form](text, names) if form in READERS else dict.fromkeys(names)
    return {name: HIDDEN if is_secret(name) and value else value for name, value in values.items()}


def chosen(module: AnsibleModule) -> str:
    """The path of the file to change, as it was given."""
    there = [path for path in module.params["search"] if Path(path).exists()]
    if len(there) > 1:
        module.warn(f"Kong reads {there[0]} and not {', '.join(there[1:])}, which may mislead its reader")
    return str(there[0] if there else module.params["path"])


def read(target: Path) -> str | None:
    """The file's text, with bytes that are not UTF-8 kept as surrogates; None where there is no file."""
    if not target.parent.is_dir():
        raise ConfError(f"the directory {str(target.parent)!r} does not exist: create it first")
    try:
        return target.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except PermissionError:
        raise
    except OSError as error:
        raise ConfError(f"the file cannot be read: {error.strerror}") from error


def stage(module: AnsibleModule, text: str) -> str:
    """Write `text` to a new file, have it checked if the options say so, and return its path."""
    # What atomic_move gives a new file, so that a secret in it is at no moment open to everybody.
    os.umask(0o027)
    handle, name = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(handle, "wb") as temporary:
        temporary.write(text.encode("utf-8", "surrogateescape"))
    validate(module, name)
    return name


def validate(module: AnsibleModule, path: str) -> None:
    """Have the command of the options check a file, and fail with its words if it refuses it."""
    command = module.params["validate"]
    if not command:
        return
    if "%s" not in command:
        module.fail_json(msg=f"validate is {command!r}; expected is %s in it, where the path of the new file goes")
    words = [word.replace("%s", path) for word in shlex.split(command)]
    try:
        done = completed(words, SECONDS, environment=os.environ)
    except HostError as error:
        module.fail_json(msg=f"{module.params['path']} is unchanged: {error}")
    if done.returncode:
        said = hide_secrets((done.stderr or done.stdout).strip())
        module.fail_json(msg=f"{module.params['path']} stays as it was, as `{command}` refuses the new one: {said}")


def set_attributes(module: AnsibleModule, target: Path, *, created: bool) -> tuple[bool, dict[str, Any]]:
    """Set owner, group, mode and so on where asked. Returns whether that changed something, and the diff.

    What a new file gets belongs to its creation and is no difference.
    """
    diff: dict[str, Any] = {}
    arguments = module.load_file_common_arguments(module.params, path=str(target))
    if not created:
        return module.set_fs_attributes_if_different(arguments, changed=False, diff=diff), diff
    if not module.check_mode:
        # Kong's packages give /etc/kong to the group that Kong is in. Who is not root may not be able to.
        with suppress(PermissionError):
            os.chown(target, -1, target.parent.stat().st_gid)
        module.set_fs_attributes_if_different(arguments, changed=True)
    return True, diff


def content_diff(path: str, before: str | None, after: str) -> dict[str, str]:
    """The diff of the content, without secrets."""
    header = f"{path} (content)"
    return {
        "before": printable(hide_secrets(before or "")),
        "after": printable(hide_secrets(after)),
        "before_header": header,
        "after_header": header,
    }


def printable(text: str) -> str:
    """`text` with a question mark for every byte that is not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def warn_of_readers(module: AnsibleModule, target: Path, text: str) -> None:
    """Warn if every user of the host can read passwords in the file."""
    names = passwords_in(text)
    if names and target.exists() and target.stat().st_mode & stat.S_IROTH:
        module.warn(
            f"{target} holds {', '.join(names)}, and every user of the host can read it (mode "
            f"{stat.S_IMODE(target.stat().st_mode):04o}): set mode to '0640'"
        )


def hide_in_invocation(module: AnsibleModule) -> None:
    """Ansible returns the options with the result. no_log is all or nothing, and would blot out harmless text too."""
    settings = module.params["settings"]
    module.params["settings"] = {key: HIDDEN if is_secret(key) else value for key, value in settings.items()}


def run(module: AnsibleModule) -> dict[str, Any]:
    """Make the file hold the settings; what was done, as the module returns it."""
    path, settings = chosen(module), module.params["settings"]
    hide_in_invocation(module)
    target = Path(os.path.realpath(path))
    try:
        before = read(target)
        after, changed_settings = EDITORS[module.params["format"]](before or "", settings)
        values = before_of(module.params["format"], before or "", changed_settings)
        unknown = unknown_settings(after) if module.params["format"] == "conf" else []
    except ConfError as error:
        module.fail_json(msg=f"{path}: {error}")
    if unknown:
        module.warn(f"{path}: this Kong does not know {', '.join(unknown)}, and drops it without a word")
    result: dict[str, Any] = {
        "path": str(target),
        "changed_settings": changed_settings,
        "before": values,
        "unknown": unknown,
    }
    changed = after != before
    if changed and not (module.params["unsafe_writes"] or os.access(target.parent, os.W_OK)):
        require_root(f"a change of {path}")
    if changed and not module.check_mode:
        staged = stage(module, after)
        if module.params["backup"] and before is not None:
            result["backup_file"] = module.backup_local(str(target))
        module.atomic_move(staged, str(target), unsafe_writes=module.params["unsafe_writes"])
    attributes_changed, attributes_diff = set_attributes(module, target, created=before is None)
    result["changed"] = changed or attributes_changed
    warn_of_readers(module, target, after)
    if module._diff:
        header = f"{path} (file attributes)"
        attributes_diff.update(before_header=header, after_header=header)
        result["diff"] = [content_diff(path, before, after), attributes_diff]
    return result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "search": {"type": "list", "elements": "path", "default": []},
            "format": {"type": "str", "choices": ["conf", "yaml", "env"], "default": "conf"},
            "settings": {"type": "dict", "required": True},
            "backup": {"type": "bool", "default": False},
            "validate": {"type": "str"},
        },
        add_file_common_args=True,
        supports_check_mode=True,
        # The log of the host would get the options as they are, secrets included.
        no_log=True,
    )
    try:
        result = run(module)
    except HostError as error:
        module.fail_json(msg=str(error))
    except PermissionError as error:
        module.fail_json(msg=needs_root(f"kong_conf with {error.filename}") if os.geteuid() else str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
