# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognises settings whose values are secrets, hides these values, and finds secrets in files."""

from __future__ import annotations

import re
from collections.abc import Mapping

HIDDEN = "<hidden>"

# Endings of the names in Kong's own list of settings that its tools do not print (CONF_SENSITIVE in
# kong/conf_loader/constants.lua, and in the Enterprise edition), the licence, and `encrypt`, the gossip key of 0.6 to 0.8.
_ENDINGS = (
    r"(?:password|secret|secret_id|token|_key|encrypt|auth_conf|session_conf|auth_header"
    r"|declarative_config_string|proxy_server|license_data)"
)
# nginx_BLOCK_DIRECTIVE adds any directive of nginx to Kong's nginx.conf, for example a header with credentials. The values
# of the directives below are a number, a size, a time, a flag, a path, or the name of a protocol, cipher or user.
_HARMLESS = (
    "conf", "daemon", "optimizations", "user", "working_dir", "pid",
    "worker_(?:processes|connections|rlimit_nofile|rlimit_core|priority|shutdown_timeout|cpu_affinity|aio_requests)",
    "multi_accept", "accept_mutex", "accept_mutex_delay", "use", "timer_resolution", "pcre_jit", "debug_points",
    "charset", "server_tokens", "sendfile", "tcp_nodelay", "tcp_nopush", "underscores_in_headers",
    "client_(?:max_body_size|body_buffer_size|body_timeout|header_buffer_size|header_timeout)",
    "large_client_header_buffers", "send_timeout", "reset_timedout_connection", "lingering_(?:close|time|timeout)",
    "keepalive", "keepalive_(?:disable|requests|time|timeout)",
    "ssl_(?:protocols|ciphers|prefer_server_ciphers|session_cache|session_tickets|session_timeout|buffer_size|dhparam)",
    "ssl_(?:ecdh_curve|conf_command|early_data)",
    "real_ip_header", "real_ip_recursive", "set_real_ip_from", "resolver", "resolver_timeout",
    "lua_(?:regex_match_limit|regex_cache_max_entries|shared_dict|socket_log_errors|max_pending_timers)",
    "proxy_(?:buffer_size|buffers|busy_buffers_size|buffering|connect_timeout|read_timeout|send_timeout)",
    "proxy_(?:request_buffering|http_version)",
    "(?:variables|server_names|types|map)_hash_(?:max_size|bucket_size)", "gzip", "gzip_(?:types|comp_level|min_length)",
)  # fmt: skip
_BLOCKS = "main|events|http|upstream|http_upstream|proxy|location|admin|admin_gui|status|debug|stream|sproxy|supstream"
# Kong reads any character between the words of a name as an underscore.
_HARMLESS_NAME = rf"(?:(?:{_BLOCKS})_)?(?:{'|'.join(_HARMLESS)})".replace("_", "[_-]")


def _make_pattern(end: str) -> str:
    """Return a pattern for the name of a secret, followed by the pattern `end`."""
    return rf"(?:[\w-]*{_ENDINGS}|(?:kong[_-])?nginx[_-](?!{_HARMLESS_NAME}{end})[\w-]+)(?={end})"


_SECRET_NAME = re.compile(r"(?:.*\.)?" + _make_pattern(r"\Z"), re.IGNORECASE)
_SIGN = r"""["']?[ \t]*[=:]"""
# A value continues after a backslash at the end of its line, even if comments and blank lines follow that line.
_SECRET_LINE = re.compile(
    rf"""(?<![\w-])({_make_pattern(_SIGN)}{_SIGN}) [ \t]*(?=\S)
    (?:[^\n]*\\[ \t\v\f\r]*\n (?:[ \t\v\f\r]*(?:[\#;][^\n]*)?\n)*)*
    [^\r\n]*""",
    re.IGNORECASE | re.VERBOSE,
)
# A path or a reference to a vault is no secret, and `#` starts a comment.
_PASSWORD = re.compile(
    rf"""^[ \t]*(?:export[ ]+)?([\w-]*{_ENDINGS})["']?[ \t]*[=:][ \t]*["']?(?![/\#"'])(?!\{{vault:)[^\s]""",
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)


def is_secret(key: str) -> bool:
    """Tell whether the value of Kong's setting `key` must not be shown."""
    return _SECRET_NAME.fullmatch(key) is not None


def mask(key: str, value: object) -> str:
    """Return the text of `value` for a message about setting `key`."""
    return HIDDEN if is_secret(key) else repr(value)


def hide_values(settings: Mapping[str, object]) -> dict[str, object]:
    """Return settings with the values of secrets replaced."""
    return {key: HIDDEN if is_secret(key) else value for key, value in settings.items()}


def hide_secrets(text: str) -> str:
    """Return the text of a configuration file with the values of secrets replaced, even in comments."""
    return _SECRET_LINE.sub(rf"\1 {HIDDEN}", text)


def find_passwords(text: str) -> list[str]:
    """Return the names of the passwords, keys and tokens in a configuration file, in the order of the file."""
    return list(dict.fromkeys(_PASSWORD.findall(text)))
