# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of administrators and daemons on the hosts of this scenario, by firewall manager.

@4 and @6 are replaced by the addresses of the banned source.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """A command that changes third-party rules, and the command that undoes it."""

    name: str
    do: str
    undo: str


@dataclass(frozen=True)
class Reload:
    """A command that loads or flushes rules, and the command that loads the host's rules again.

    `early` and `late`: whether these parts of our rules are loaded afterwards, without a run. `gap`: whether connections of
    allowed sources are lost during the command, as the table of docs/guides/existing-hosts.md states.
    """

    command: str
    again: str = ":"
    early: bool = True
    late: bool = True
    gap: bool = True

    @property
    def stays(self) -> bool:
        """Whether both parts are loaded afterwards."""
        return self.early and self.late


@dataclass(frozen=True)
class System:
    """The commands on the host of a firewall manager.

    `prepare` and `restore` run before and after all steps. `defaults` make the host drop packets by default; the last of them
    is not undone. `appended` is a ban after our late part.
    """

    banaction: str
    opened: tuple[Step, ...]
    bans: tuple[Step, ...]
    reloads: tuple[Reload, ...]
    defaults: tuple[Step, ...]
    prepare: str = ":"
    restore: str = ":"
    appended: tuple[Step, ...] = ()


_IPTABLES_BAN = Step(
    "iptables -I INPUT 1 -s ... -j DROP",
    "iptables -I INPUT 1 -s @4 -j DROP; ip6tables -I INPUT 1 -s @6 -j DROP",
    "iptables -D INPUT -s @4 -j DROP; ip6tables -D INPUT -s @6 -j DROP",
)
_IPSET_BAN = Step(
    "ipset in INPUT 1",
    "ipset create ban4 hash:ip; ipset create ban6 hash:ip family inet6; ipset add ban4 @4; ipset add ban6 @6;"
    "iptables -I INPUT 1 -m set --match-set ban4 src -j DROP; ip6tables -I INPUT 1 -m set --match-set ban6 src -j DROP",
    "iptables -D INPUT -m set --match-set ban4 src -j DROP; ip6tables -D INPUT -m set --match-set ban6 src -j DROP;"
    "sleep 0.2; ipset destroy ban4; ipset destroy ban6",
)
_LIMIT_BAN = Step(
    "hashlimit that drops",
    "for f in iptables ip6tables; do $f -I INPUT 1 -s $([ $f = iptables ] && echo @4 || echo @6) -p tcp"
    " --dport 8000 -m hashlimit --hashlimit-name ban --hashlimit-above 1/hour --hashlimit-burst 1 -j DROP; done",
    "iptables -D INPUT 1; ip6tables -D INPUT 1",
)
_IPTABLES_OPENED = Step(
    "iptables -I INPUT 1 ... -j ACCEPT",
    "for f in iptables ip6tables; do $f -I INPUT 1 -p tcp --dport 8001 -j ACCEPT; done",
    "for f in iptables ip6tables; do $f -D INPUT -p tcp --dport 8001 -j ACCEPT; done",
)

_NFT_AGAIN = "systemctl reset-failed nftables; systemctl restart nftables"
_NFT_FILE = (
    """cat >/etc/nftables.conf <<'NFT'
#!/usr/sbin/nft -f
flush ruleset
table inet host {
  set banned4 { type ipv4_addr; }
  set banned6 { type ipv6_addr; }
  chain input {
    type filter hook input priority filter; policy POLICY;
    iif "lo" accept
    ct state established,related accept
    meta l4proto ipv6-icmp accept
    ip saddr @banned4 drop
    ip6 saddr @banned6 drop
    tcp dport 22 accept
LAST
  }
}
NFT
"""
    + _NFT_AGAIN
)


def _set_nft_default(name: str, policy: str, last: str) -> Step:
    return Step(name, _NFT_FILE.replace("POLICY", policy).replace("LAST", last), ":")


_NFTABLES = System(
    banaction="nftables-multiport",
    prepare="cp -p /etc/nftables.conf /root",
    restore="mv /root/nftables.conf /etc; nft delete table inet host",
    defaults=(
        _set_nft_default("a last rule that drops", "accept", "    counter drop"),
        _set_nft_default("policy drop", "drop", ""),
    ),
    opened=(
        Step("nft insert rule ... accept", "nft insert rule inet host input tcp dport 8001 accept", _NFT_AGAIN),
        Step(
            "a third party sets our mark",
            "nft 'table inet marks { chain c { type filter hook prerouting priority raw; meta mark set 0x10000000; }; }'",
            "nft delete table inet marks",
        ),
    ),
    bans=(
        Step(
            "nft insert rule ... drop",
            "nft insert rule inet host input ip saddr @4 drop; nft insert rule inet host input ip6 saddr @6 drop",
            _NFT_AGAIN,
        ),
        Step(
            "element of a set",
            "nft add element inet host banned4 '{ @4 }'; nft add element inet host banned6 '{ @6 }'",
            "nft flush set inet host banned4; nft flush set inet host banned6",
        ),
        Step(
            "a table of its own",
            "nft 'table inet ban { chain c { type filter hook input priority -1; ip saddr @4 drop; ip6 saddr @6 drop;"
            " }; }'",
            "nft delete table inet ban",
        ),
        Step(
            "a limit that drops",
            "nft insert rule inet host input ip saddr @4 tcp dport 8000 limit rate over 1/hour burst 1 packets drop;"
            "nft insert rule inet host input ip6 saddr @6 tcp dport 8000 limit rate over 1/hour burst 1 packets drop",
            _NFT_AGAIN,
        ),
    ),
    appended=(
        Step(
            "nft add rule ... drop",
            "nft add rule inet host input ip saddr @4 drop; nft add rule inet host input ip6 saddr @6 drop",
            _NFT_AGAIN,
        ),
    ),
    reloads=(
        Reload("systemctl reload nftables", gap=False),
        Reload("systemctl restart nftables", gap=False),
        Reload("systemctl restart fail2ban", gap=False),
        Reload("nft -f /etc/nftables.conf", early=False, late=False),
    ),
)
_IPTABLES = System(
    banaction="iptables-multiport",
    prepare=(
        "export DEBIAN_FRONTEND=noninteractive; dpkg --purge ufw; dpkg --install /opt/iptables-persistent/*.deb;"
        "for f in iptables ip6tables; do $f -A INPUT -i lo -j ACCEPT;"
        "$f -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; done; ip6tables -A INPUT -p ipv6-icmp -j ACCEPT"
    ),
    restore="netfilter-persistent save",
    defaults=(
        Step(
            "a last rule that rejects",
            "for f in iptables ip6tables; do $f -A INPUT -j REJECT; done; netfilter-persistent save",
            "for f in iptables ip6tables; do $f -D INPUT -j REJECT; done",
        ),
        Step(
            "policy DROP",
            "for f in iptables ip6tables; do $f -P INPUT DROP; done; netfilter-persistent save",
            "for f in iptables ip6tables; do $f -P INPUT ACCEPT; done",
        ),
    ),
    opened=(_IPTABLES_OPENED,),
    bans=(_IPTABLES_BAN, _IPSET_BAN, _LIMIT_BAN),
    appended=(
        Step(
            "iptables -A INPUT -s ... -j DROP",
            "iptables -A INPUT -s @4 -j DROP; ip6tables -A INPUT -s @6 -j DROP",
            "iptables -D INPUT -s @4 -j DROP; ip6tables -D INPUT -s @6 -j DROP",
        ),
    ),
    reloads=(
        Reload("netfilter-persistent reload"),
        Reload("netfilter-persistent start"),
        Reload("systemctl restart netfilter-persistent"),
        Reload("systemctl restart fail2ban", gap=False),
        Reload("iptables -F; ip6tables -F", "netfilter-persistent reload", late=False),
        Reload("netfilter-persistent flush", "netfilter-persistent reload", gap=False),
    ),
)
_FIREWALLD = System(
    banaction="firewallcmd-ipset",
    defaults=(
        *(
            Step(
                f"an interface in zone {zone}, target {target}",
                f"firewall-cmd --zone={zone} --change-interface=lan",
                "firewall-cmd --zone=drop --change-interface=lan",
            )
            for zone, target in (("public", "default"), ("block", "%%REJECT%%"), ("trusted", "ACCEPT"))
        ),
        Step("an interface in zone drop", ":", ":"),
    ),
    opened=(
        Step(
            "firewall-cmd --add-port",
            "firewall-cmd --zone=drop --add-port=8001/tcp",
            "firewall-cmd --zone=drop --remove-port=8001/tcp",
        ),
        Step(
            "a source in zone trusted",
            "firewall-cmd --zone=trusted --add-source=@4 --add-source=@6",
            "firewall-cmd --zone=trusted --remove-source=@4 --remove-source=@6",
        ),
        _IPTABLES_OPENED,
    ),
    bans=(
        Step(
            "rich rule that drops",
            "firewall-cmd --zone=drop --add-rich-rule='rule family=ipv4 source address=@4 drop'"
            " --add-rich-rule='rule family=ipv6 source address=@6 drop'",
            "firewall-cmd --zone=drop --remove-rich-rule='rule family=ipv4 source address=@4 drop'"
            " --remove-rich-rule='rule family=ipv6 source address=@6 drop'",
        ),
        Step(
            "a source in zone block",
            "firewall-cmd --zone=block --add-source=@4 --add-source=@6",
            "firewall-cmd --zone=block --remove-source=@4 --remove-source=@6",
        ),
        Step(
            "direct rule",
            "firewall-cmd --direct --add-rule ipv4 filter INPUT 0 -s @4 -j DROP;"
            "firewall-cmd --direct --add-rule ipv6 filter INPUT 0 -s @6 -j DROP",
            "firewall-cmd --direct --remove-rule ipv4 filter INPUT 0 -s @4 -j DROP;"
            "firewall-cmd --direct --remove-rule ipv6 filter INPUT 0 -s @6 -j DROP",
        ),
        _IPTABLES_BAN,
        _IPSET_BAN,
    ),
    reloads=(
        Reload("firewall-cmd --reload"),
        Reload("firewall-cmd --complete-reload"),
        Reload("systemctl restart fail2ban", gap=False),
        Reload("systemctl restart firewalld", gap=False),
    ),
)
_UFW = System(
    banaction="ufw",
    defaults=(
        Step("ufw default reject", "ufw default reject incoming", "ufw default deny incoming"),
        Step("ufw default deny", ":", ":"),
    ),
    opened=(
        Step("ufw allow 8001/tcp", "ufw allow 8001/tcp", "ufw delete allow 8001/tcp"),
        _IPTABLES_OPENED,
    ),
    bans=(
        Step(
            "ufw insert 1 deny from ...",
            "ufw insert 1 deny from @4; ufw prepend deny from @6",
            "ufw delete deny from @4; ufw delete deny from @6",
        ),
        Step(
            "ufw deny from ... to any port 8000",
            "ufw deny from @4 to any port 8000; ufw deny from @6 to any port 8000",
            "ufw delete deny from @4 to any port 8000; ufw delete deny from @6 to any port 8000",
        ),
        _IPTABLES_BAN,
        _IPSET_BAN,
        _LIMIT_BAN,
    ),
    reloads=(
        Reload("ufw reload"),
        Reload("ufw disable; ufw --force enable"),
        Reload("systemctl restart fail2ban", gap=False),
    ),
)

SYSTEMS = {"nftables": _NFTABLES, "iptables": _IPTABLES, "firewalld": _FIREWALLD, "ufw": _UFW}
