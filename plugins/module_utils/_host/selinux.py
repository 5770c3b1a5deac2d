# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SELinux contexts of files, through the host's own libselinux.

A new file has the context of its directory and keeps it when it is renamed. Its final path can require another context:
/etc/sysconfig/iptables is system_conf_t. A confined service cannot read a file with a wrong context.
Sources: is_selinux_enabled(3), matchpathcon(3), lsetfilecon(3).
"""

from __future__ import annotations

import ctypes
import errno
import os
import typing as t
from functools import lru_cache

_LIBRARY = "libselinux.so.1"


def restore_context(path: str, location: str) -> None:
    """Give a file, directory or link the context that the policy has for a location. Raises OSError.

    Nothing is done if SELinux is disabled, if the policy has no context for it, or if the file system does not store it.
    """
    library = _load_library()
    if library is None or library.is_selinux_enabled() != 1:
        return
    context = ctypes.c_char_p()
    if library.matchpathcon(os.fsencode(location), os.lstat(path).st_mode, ctypes.byref(context)) != 0:
        return
    try:
        if library.lsetfilecon(os.fsencode(path), context) != 0 and ctypes.get_errno() != errno.ENOTSUP:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    finally:
        library.freecon(context)


@lru_cache(maxsize=None)
def _load_library() -> t.Any:
    """Return libselinux, or None if the host lacks it."""
    try:
        library = ctypes.CDLL(_LIBRARY, use_errno=True)
    except OSError:
        return None
    library.matchpathcon.argtypes = (ctypes.c_char_p, ctypes.c_uint, ctypes.POINTER(ctypes.c_char_p))
    library.lsetfilecon.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
    library.freecon.argtypes = (ctypes.c_char_p,)
    library.freecon.restype = None
    return library
