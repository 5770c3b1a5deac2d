# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our reader of certificates, with certificates from the library cryptography."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509

from ansible_collections.gatehouse.kong.plugins.module_utils._probe.certificate import (
    CertificateError,
    read_certificate,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.module_utils._probe.certificates import make

OID = x509.NameOID


def name(*attributes):
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (name((OID.COMMON_NAME, "a1.example")), "CN=a1.example"),
        (
            name((OID.COUNTRY_NAME, "DE"), (OID.STATE_OR_PROVINCE_NAME, "Bavaria"), (OID.LOCALITY_NAME, "München"),
                 (OID.ORGANIZATION_NAME, "Example"), (OID.ORGANIZATIONAL_UNIT_NAME, "Gates"), (OID.COMMON_NAME, "a1")),
            "C=DE, ST=Bavaria, L=München, O=Example, OU=Gates, CN=a1",
        ),
        (name(), ""),
        (name((OID.COMMON_NAME, "x" * 64), (OID.ORGANIZATION_NAME, "y" * 64), (OID.LOCALITY_NAME, "z" * 128)),
         f"CN={'x' * 64}, O={'y' * 64}, L={'z' * 128}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("year", [1995, 2026, 2049, 2050, 9999])
def test_subject_and_expiry(subject, text, year):
    not_after = dt.datetime(year, 12, 31, 23, 59, 59, tzinfo=dt.timezone.utc)
    many = x509.SubjectAlternativeName([x509.DNSName(f"host-{number}.example") for number in range(200)])
    for extensions in ((), (many,)):
        found = read_certificate(make(subject, not_after, extensions=extensions)[0])
        assert (found.subject, found.not_after) == (text, not_after)


def test_data_that_is_no_certificate_is_an_error():
    der = make(name((OID.COMMON_NAME, "a")), dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc))[0]
    for broken in [
        b"",
        b"\x30",
        b"\x30\x80",
        b"hello",
        *(der[:size] for size in range(0, len(der), 7)),
        der[1:],
        bytes(400),
    ]:
        with pytest.raises(CertificateError):
            read_certificate(broken)


def test_damaged_certificates_raise_no_other_error():
    der = bytearray(make(name((OID.COMMON_NAME, "a")), dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc))[0])
    for position in range(min(len(der), 220)):
        for value in (0x00, 0x30, 0x7F, 0x80, 0x84, 0xFF):
            damaged = bytes(der[:position]) + bytes([value]) + bytes(der[position + 1 :])
            try:
                read_certificate(damaged)
            except CertificateError:
                continue


@pytest.mark.parametrize(("written", "year"), [(b"00", 2000), (b"49", 2049), (b"50", 1950), (b"99", 1999)])
def test_years_of_two_digits(written, year):
    """RFC 5280, 4.1.2.5.1: 50 to 99 are 1950 to 1999, 00 to 49 are 2000 to 2049."""
    der, _pem = make(name((OID.COMMON_NAME, "a")), dt.datetime(1995, 12, 31, 23, 59, 59, tzinfo=dt.timezone.utc))
    assert der.count(b"951231235959Z") == 1
    found = read_certificate(der.replace(b"951231235959Z", written + b"1231235959Z"))
    assert found.not_after == dt.datetime(year, 12, 31, 23, 59, 59, tzinfo=dt.timezone.utc)


@pytest.mark.parametrize(
    ("encoded", "text"),
    [
        (b"\x0c\x04abcd", "abcd"),
        (b"\x13\x04abcd", "abcd"),
        (b"\x14\x04M\xfcnc", "M\N{LATIN SMALL LETTER U WITH DIAERESIS}nc"),
        (b"\x1c\x04\x00\x00\x00a", "a"),
        (b"\x1e\x04\x00a\x00b", "ab"),
    ],
    ids=["UTF8String", "PrintableString", "TeletexString", "UniversalString", "BMPString"],
)
def test_encodings_of_a_name(encoded, text):
    """The string types of X.520's DirectoryString, by their tags (X.680, 8.4)."""
    der, _pem = make(name((OID.COMMON_NAME, "abcd")), dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc))
    assert der.count(b"\x0c\x04abcd") == 1
    assert read_certificate(der.replace(b"\x0c\x04abcd", encoded)).subject == f"CN={text}"
