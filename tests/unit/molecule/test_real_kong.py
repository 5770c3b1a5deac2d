# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import _image
import _kong_unit
import _real_kong
import pytest
from _podman import LabError
from _real_kong import PACKAGE, Choice, RealKong, choose

KONG39 = RealKong(PACKAGE, "/k39.deb", "3.9.1", ("libyaml-0-2", "perl"), "39")
KONG28 = RealKong(PACKAGE, "/k28.deb", "2.8.5", (), "28")
KONG014 = RealKong(PACKAGE, "/k014.deb", "0.14.1", (), "014")


@pytest.mark.parametrize(
    ("kong", "offered", "expected"),
    [
        ({"KONG_VERSION": "3.9.0"}, (KONG28, KONG39), KONG39),
        ({"KONG_VERSION": "2.8.5"}, (KONG28, KONG39), KONG28),
        ({"KONG_VERSION": "3.8.0"}, (KONG28, KONG39), None),
        ({"KONG_VERSION": "2.8.5", "KONG_DATABASE": "postgres"}, (KONG28,), None),
        ({"KONG_VERSION": "0.14.1"}, (KONG014,), None),
    ],
)
def test_a_host_gets_the_kong_of_its_release_if_it_runs_without_a_database(kong, offered, expected):
    chosen = choose(kong, offered)
    assert chosen.kong == expected
    assert ("with the placeholder" in chosen.note) is (expected is None)


def test_there_is_no_note_without_a_real_kong_or_without_kong():
    assert choose({"KONG_VERSION": "3.9.1"}, ()) == Choice() == choose({}, (KONG39,))


def test_the_base_image_has_the_dependencies_of_the_package():
    assert ",libyaml-0-2," in next(
        option for option in _image.Recipe("bookworm", KONG39).options if "include" in option
    )
    assert _image.Recipe("bookworm", KONG28).lab == _image.Recipe("bookworm").lab


def test_each_kong_has_its_own_image():
    kongs = (None, KONG28, KONG014)
    assert len({_image.Recipe("bookworm", kong).image for kong in kongs}) == len(kongs)


def test_a_real_kong_is_started_by_hand_only_if_its_package_has_no_unit():
    assert "ConditionPathExists=!/lib/systemd/system/kong.service" in _kong_unit.render_unit({}, real=True)[1]
    assert "Condition" not in _kong_unit.render_unit({"KONG_UNIT": "none"}, real=False)[1]


def test_the_first_of_alternative_dependencies_is_installed():
    text = "ca-certificates, libpcre3 (>= 1:8.35) | libpcre2-8-0, perl:any, "
    assert _real_kong._parse_depends(text) == ("ca-certificates", "libpcre3", "perl")


@pytest.mark.parametrize("version", ["", "nightly"])
def test_an_invalid_version_is_an_error(version):
    with pytest.raises(LabError, match="is not a version of Kong"):
        choose({"KONG_VERSION": "3.9.1"}, [RealKong(PACKAGE, "/k.deb", version, (), "")])
