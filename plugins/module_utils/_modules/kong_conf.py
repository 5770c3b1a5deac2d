# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module kong_conf."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import (
    SECONDS,
    Host,
    HostError,
    needs_root,
    require_root,
    run_program,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import (
    hide_secrets,
    hide_values,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import ConfError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.code import is_roots
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.commands import make_environment
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.kong_file import (
    compare_file,
    warn_of_readers,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.running import (
    find_running,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit import read_user
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import read_unit_variables


def stage(module: AnsibleModule, params: Mapping[str, Any], text: str) -> str:
    """Write `text` to a new file, validate it if requested, and return its path. Raises HostError if it is not valid."""
    # The mode of atomic_move for a new file; a secret in the file is never readable for every user.
    os.umask(0o027)
    handle, name = tempfile.mkstemp(dir=str(module.tmpdir))
    with os.fdopen(handle, "wb") as temporary:
        temporary.write(text.encode("utf-8", "surrogateescape"))
    validate(params, name)
    return name


def validate(params: Mapping[str, Any], path: str) -> None:
    """Run the command of the option validate on a file. Raises HostError with its output if it fails."""
    command = params["validate"]
    if not command:
        return
    if "%s" not in command:
        raise HostError(f"validate is {command!r}; it must contain %s for the path of the new file")
    try:
        words = [word.replace("%s", path) for word in shlex.split(command)]
    except ValueError as error:
        raise HostError(f"validate is {command!r}; it cannot be split into words: {error}. Close its quotes") from error
    try:
        environment = read_environment(params)
        if environment is None:
            return
        done = run_program(words, SECONDS, environment=environment)
    except HostError as error:
        raise HostError(f"{params['path']} is unchanged: {error}") from error
    if done.returncode:
        output = hide_secrets((done.stderr or done.stdout).strip())
        raise HostError(f"{params['path']} is unchanged, because `{command}` failed for the new file: {output}")


def read_environment(params: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the environment of a command that checks the file.

    Returns None if a user other than root can change it. Raises HostError.
    """
    host = Host()
    unit = find_running(host, params["service"], params["prefix"] or PREFIX).unit if params["service"] else ""
    variables = read_unit_variables(host, unit)
    files = [path for path in (params["path"], *params["search"]) if Path(path).exists()]
    if not is_roots(host, read_user(host, unit), variables, files):
        return None
    return make_environment(unit, {name: variable.value for name, variable in variables.items()})


def set_attributes(
    module: AnsibleModule, params: Mapping[str, Any], target: Path, *, created: bool
) -> tuple[bool, dict[str, Any]]:
    """Set the requested file attributes. Return whether the file has changed, and the diff.

    The attributes of a new file are not in the diff.
    """
    diff: dict[str, Any] = {}
    arguments = module.load_file_common_arguments(params, path=str(target))
    if not created:
        return module.set_fs_attributes_if_different(arguments, changed=False, diff=diff), diff
    if not module.check_mode:
        # In Kong's packages, the group of /etc/kong is Kong's group. Only root may be able to set it.
        with suppress(PermissionError):
            os.chown(target, -1, target.parent.stat().st_gid)
        module.set_fs_attributes_if_different(arguments, changed=True)
    return True, diff


def make_content_diff(path: str, before: str | None, after: str) -> dict[str, str]:
    """Return the diff of the content, without secrets."""
    header = f"{path} (content)"
    return {
        "before": make_printable(hide_secrets(before or "")),
        "after": make_printable(hide_secrets(after)),
        "before_header": header,
        "after_header": header,
    }


def make_printable(text: str) -> str:
    """Return `text` with a replacement character for every byte that is not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def hide_in_invocation(module: AnsibleModule) -> None:
    """Hide secrets in the options, which Ansible returns with the result. no_log would hide all settings."""
    module.params["settings"] = hide_values(module.params["settings"])


def write_settings(module: AnsibleModule, params: Mapping[str, Any]) -> dict[str, Any]:
    """Write the settings into the file, and return the result of the module. Raises HostError."""
    try:
        return _write(module, params)
    except ConfError as error:
        raise HostError(str(error)) from error
    except PermissionError as error:
        raise HostError(needs_root(f"kong_conf with {error.filename}") if os.geteuid() else str(error)) from error


def _write(module: AnsibleModule, params: Mapping[str, Any]) -> dict[str, Any]:
    found = compare_file(params, module.warn)
    target, before, result = found.target, found.before, found.as_dict()
    if found.differs and not (params["unsafe_writes"] or os.access(target.parent, os.W_OK)):
        require_root(f"a change of {found.path}")
    if found.differs and not module.check_mode:
        staged = stage(module, params, found.after)
        if params["backup"] and before is not None:
            result["backup_file"] = module.backup_local(str(target))
        module.atomic_move(staged, str(target), unsafe_writes=params["unsafe_writes"])
    exists = found.differs or before is not None
    attributes_changed, attributes_diff = (
        set_attributes(module, params, target, created=before is None) if exists else (False, {})
    )
    result["changed"] = found.differs or attributes_changed
    warn_of_readers(target, found.after, module.warn)
    if module._diff:
        header = f"{found.path} (file attributes)"
        attributes_diff.update(before_header=header, after_header=header)
        result["diff"] = [make_content_diff(found.path, before, found.after), attributes_diff]
    return result


def run(module: AnsibleModule) -> None:
    """Write the settings into the file, and exit with the result."""
    options = dict(module.params)
    hide_in_invocation(module)
    try:
        result = write_settings(module, options)
    except HostError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)
