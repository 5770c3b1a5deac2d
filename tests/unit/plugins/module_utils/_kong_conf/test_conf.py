# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.conf import edit_conf, read_conf_values
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import ConfError

_SPEC = importlib.util.spec_from_file_location("kong_conf_reader", Path(__file__).with_name("kong_conf_reader.py"))
reader = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(reader)

SAMPLE = """\
# -----------------------
# Kong configuration file
# -----------------------

#prefix = /usr/local/kong/       # Working directory. Equivalent to Nginx's
                                 # prefix path.

#proxy_listen = 0.0.0.0:8000, 0.0.0.0:8443 ssl
                         # Comma-separated list of addresses and ports on
                         # which the proxy server should listen.

database = postgres              # Which database
 pg_password =  s3cret
admin_listen=127.0.0.1:8001
"""


def test_only_the_value_is_replaced():
    new, changed = edit_conf(SAMPLE, {"database": "off", "admin_listen": "127.0.0.1:8001, 127.0.0.1:8444 ssl"})
    assert new == SAMPLE.replace("postgres    ", "off    ").replace(
        "n=127.0.0.1:8001", "n=127.0.0.1:8001, 127.0.0.1:8444 ssl"
    )
    assert changed == ["database", "admin_listen"]


def test_same_value_changes_nothing():
    assert edit_conf(SAMPLE, {"database": "postgres", "pg_password": " s3cret "}) == (SAMPLE, [])


def test_new_setting_follows_its_sample():
    new, changed = edit_conf(SAMPLE, {"proxy_listen": "0.0.0.0:80"})
    sample = "#proxy_listen = 0.0.0.0:8000, 0.0.0.0:8443 ssl\n"
    assert new == SAMPLE.replace(sample, sample + "proxy_listen = 0.0.0.0:80\n")
    assert changed == ["proxy_listen"]


def test_new_setting_without_sample_comes_last():
    new, _changed = edit_conf(SAMPLE, {"status_listen": "off", "role": "data_plane"})
    assert new == SAMPLE + "status_listen = off\nrole = data_plane\n"


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        ("", {"a": "1"}, "a = 1\n"),
        ("a = 1", {"a": "2"}, "a = 2"),
        ("x = 1", {"a": "2"}, "x = 1\na = 2\n"),
        ("x = 1\r\na = 1 \r\n", {"a": "2", "b": "3"}, "x = 1\r\na = 2 \r\nb = 3\r\n"),
        ("a =", {"a": "2"}, "a =2"),
        ("a = 1#c\n", {"a": "2"}, "a = 2 #c\n"),
        ("a =  # c\n", {"a": "2"}, "a =  2 # c\n"),
        ("a = 1 # c\n", {"a": ""}, "a =\n      # c\n"),
        ("a = 1 # c\r\nx = 1", {"a": ""}, "a =\r\n      # c\r\nx = 1"),
        ("a = 1\n", {"a": ""}, "a = \n"),
        ("x = 1\n", {"a": ""}, "x = 1\na =\n"),
        (r"a = x\#y # c" + "\n", {"a": r"x\#z"}, r"a = x\#z # c" + "\n"),
        ("a = 'x'\n", {"a": '"y"'}, 'a = "y"\n'),
        ("a = x=y\n", {"a": "z=y"}, "a = z=y\n"),
        # Kong reads the last line; earlier lines get the same value
        ("a = 1\nb = 1\na = 2 # c\n", {"a": "2"}, "a = 2\nb = 1\na = 2 # c\n"),
        ("a-b = 1\n", {"a_b": "2"}, "a-b = 2\n"),
        # lines joined by a backslash
        ("a = 1, \\\n# c\n  2 # d\nb = 1\n", {"a": "3"}, "a = 3 # d\n# c\nb = 1\n"),
        ("a = 1, \\\n  2\n", {"a": "1,   2"}, "a = 1, \\\n  2\n"),
        ("b = 1 \\\n#a = 0\n  2\nc = 1\n", {"a": "3"}, "b = 1 \\\n#a = 0\n  2\na = 3\nc = 1\n"),
        ("a = 1 \\\n# c\n  2", {"a": "3"}, "a = 3\n# c\n"),
        ("; x \\\na = 1\n", {"a": "2"}, "; x \\\na = 2\n"),
        ("; a = 0\n# A = 0\n  #  a = 0\nx = 1\n", {"a": "3"}, "; a = 0\n# A = 0\n  #  a = 0\na = 3\nx = 1\n"),
        ("# caf\udce9\x0c\na = 1\n", {"a": "2"}, "# caf\udce9\x0c\na = 2\n"),
        ("junk without a sign\n\na = 1\n", {"a": "2"}, "junk without a sign\n\na = 2\n"),
        ("a = 1\n", {"a": 4}, "a = 4\n"),
    ],
)
def test_edits(text, settings, expected):
    new, _changed = edit_conf(text, settings)
    assert new == expected
    assert edit_conf(new, settings) == (new, [])


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("", {"a": "1\n2"}, "line break"),
        ("", {"a": "1\x002"}, "control character"),
        ("", {"a": "x\\"}, "ends in a backslash"),
        ("", {"a": "x_blank_y"}, "_blank_"),
        ("", {"a": True}, r"True is a bool, not text: quote it"),
        ("", {"a": None}, "NoneType"),
        ("", {"a": 0.1}, "float"),
        ("", {"cluster.advertise": "x"}, "'cluster.advertise': the name of a setting in kong.conf"),
        ("", {"pg_password": "x # y\\"}, "<hidden> ends in a backslash"),
        ("", {"pg_password": ["x"]}, "<hidden> is a list"),
        ("x = 1\n[kong]\na = 1\n", {"a": "2"}, r"line 2: '\[kong\]' starts a section"),
        ("x = 1\na = 1 \\\n\n# c", {"a": "2"}, "line 2 ends in a backslash"),
    ],
)
def test_invalid_files_and_values_are_errors(text, settings, message):
    with pytest.raises(ConfError, match=message) as error:
        edit_conf(text, settings)
    assert "x # y" not in str(error.value) or "pg_password" not in settings


WORD = st.text(alphabet="ab9._:/[]-", min_size=1, max_size=6)
BLANK = st.sampled_from(["", " ", "\t", "   "])
KEY = st.sampled_from(["a", "b_c", "b-c", "pg_x", "ä", "a b"])
VALUE = st.lists(WORD | st.sampled_from([r"\#", "#", "b#", ","]), min_size=0, max_size=3).map(" ".join)
COMMENT = st.sampled_from(["", "# c", "#c", "# a = 1", "  # ; b_c = 2", r"\# x", "\\ "])
SETTING = st.tuples(BLANK, KEY, BLANK, st.just("="), BLANK, VALUE, BLANK, COMMENT).map("".join)
OTHER = st.sampled_from(["", "# a = 5", "#b_c = 6", "  #pg_x = 1", "; a = 1", "\t", "junk", "# \udce9 \u2028 \x0b"])
FILES = st.builds(
    lambda lines, ending, last: ending.join(lines) + last,
    st.lists(SETTING | OTHER, max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n"]),
)
SETTINGS = st.dictionaries(st.sampled_from(["a", "b_c", "pg_x", "new_one"]), VALUE, max_size=3)


@given(text=FILES, settings=SETTINGS, version=st.sampled_from(sorted(reader.COMMENTS)))
def test_kong_reads_our_settings_and_the_other_settings_unchanged(text, settings, version):
    try:
        new, changed = edit_conf(text, settings)
    except ConfError as error:
        assert "section" in str(error) or "backslash" in str(error)  # noqa: PT017 (most examples must not raise)
        return
    before, after = reader.read_as_kong(text, version), reader.read_as_kong(new, version)
    for key, value in settings.items():
        before.pop(key, None)
        read = after.pop(key)
        # Kong 0.9 does not support an escaped '#'
        assert read == value.replace("\\#", "#") or (version == "0.9" and "#" in value)
    assert after == before
    assert edit_conf(new, settings) == (new, [])
    assert set(changed) <= set(settings)


def select_other_lines(text, settings):
    """Return the file without the lines of our settings."""
    names = {key.encode() for key in settings}
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    return "".join(line for line in lines if not names & set(reader.read_config(line.encode(errors="surrogateescape"))))


@given(text=FILES.filter(lambda text: "\\ " not in text), settings=SETTINGS)
def test_other_lines_keep_their_bytes(text, settings):
    settings = {key: value or "x" for key, value in settings.items()}
    try:
        new, _changed = edit_conf(text, settings)
    except ConfError as error:
        assert "section" in str(error)  # noqa: PT017 (most examples must not raise)
        return
    kept = select_other_lines(text, settings)
    # An appended line may add an ending to the previous line.
    assert select_other_lines(new, settings) in (kept, kept + "\n", kept + "\r\n")


def test_values_are_read_as_kong_reads_them():
    text = "proxy-listen = 0.0.0.0:1\nproxy_listen = 0.0.0.0:8000, \\\n  0.0.0.0:8443 ssl # why\n#admin_listen = off\nx =\n"
    assert read_conf_values(text, ["proxy_listen", "admin_listen", "x"]) == {
        "proxy_listen": "0.0.0.0:8000,   0.0.0.0:8443 ssl",
        "admin_listen": None,
        "x": "",
    }


def test_the_value_of_a_setting_contains_no_comment():
    text = "pg_password = x # old\n"
    new = "pg_password = a\\#b\\#c # old\n"
    assert edit_conf(text, {"pg_password": "a#b\\#c"}) == (new, ["pg_password"])
    assert edit_conf(new, {"pg_password": "a#b#c"}) == (new, [])


def test_a_missing_line_is_not_added_if_the_default_means_the_same():
    defaults = {
        "proxy_listen": "0.0.0.0:8000 reuseport backlog=1, 0.0.0.0:8443 http2 ssl",
        "role": "traditional",
        "ssl": "on",
    }
    same = {
        "proxy_listen": "0.0.0.0:8000 backlog=1 reuseport,0.0.0.0:8443 ssl http2",
        "role": "traditional",
        "ssl": "true",
    }
    assert edit_conf("", same, defaults) == ("", [])
    assert edit_conf("", {"role": "data_plane"}, defaults) == ("role = data_plane\n", ["role"])
    assert edit_conf("", {"log_level": "info"}, defaults) == ("log_level = info\n", ["log_level"])


def test_a_line_with_another_value_is_rewritten_to_the_default():
    assert edit_conf("role = data_plane\n", {"role": "traditional"}, {"role": "traditional"})[1] == ["role"]


def test_a_value_that_means_the_same_is_not_rewritten():
    text = "proxy_listen = 0.0.0.0:80,0.0.0.0:443 ssl http2 # public\nadmin_ssl=true\n"
    assert edit_conf(text, {"proxy_listen": "0.0.0.0:80, 0.0.0.0:443 http2 ssl", "admin_ssl": "on"}) == (text, [])


def test_each_of_several_lines_is_compared_by_meaning():
    text, changed = edit_conf("ssl = off\nssl = true\n", {"ssl": "on"})
    assert (text, changed) == ("ssl = on\nssl = true\n", ["ssl"])


def test_a_value_that_means_the_same_still_gets_a_blank_before_its_comment():
    assert edit_conf("ssl = true# x\n", {"ssl": "on"}) == ("ssl = true # x\n", ["ssl"])
