#!/bin/sh
# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Third-party rules of a host: own_rules.sh set|note|show|fault SYSTEM. `set` loads them and saves a listing, `note` only saves
# a listing, `show` lists them without our rules, and `fault` breaks our rules.
set -eu

without_accept_rule() {
    sed '/comment "\{0,1\}gatehouse\.kong"\{0,1\}/d'
}

set_nftables() {
    nft -f - <<'NFT'
table ip fail2ban {
  set banned { type ipv4_addr; elements = { 203.0.113.9 } }
  chain input {
    type filter hook input priority -1;
    tcp dport 22 ip saddr @banned reject
  }
}
table ip docker {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    tcp dport 7070 dnat to 172.30.0.2:80
  }
  chain forward {
    type filter hook forward priority filter;
    ip daddr 172.30.0.2 tcp dport 80 accept
  }
}
NFT
}

show_nftables() {
    nft --stateless list ruleset | sed '/^table inet gatehouse_kong {$/,/^}$/d' | without_accept_rule
}

set_iptables() {
    iptables-restore --noflush <<'IPTABLES'
*filter
:f2b-sshd -
:DOCKER -
-A INPUT -p tcp -m tcp --dport 22 -j f2b-sshd
-A INPUT -p tcp -m tcp --dport 10050 -m comment --comment "monitoring" -j ACCEPT
-A FORWARD -j DOCKER
-A f2b-sshd -s 203.0.113.9/32 -j REJECT
-A f2b-sshd -j RETURN
-A DOCKER -d 172.30.0.2/32 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
*nat
:DOCKER -
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER -p tcp -m tcp --dport 7070 -j DNAT --to-destination 172.30.0.2:80
COMMIT
IPTABLES
    ipset create banned hash:ip
    ipset add banned 203.0.113.9
}

# An empty table is not a rule: listing a table creates it.
show_iptables() {
    for family in ip ip6; do
        "${family}tables-save" | sed -n 's/ \[[0-9]*:[0-9]*\]$//; /^-A/p; /^:.* -$/p; /^:.* DROP$/p' | without_accept_rule
    done
    ipset save
}

# Rules with --permanent, and rules that the next reload removes. An interface in a zone that drops by default.
set_firewalld() {
    systemctl enable --now firewalld
    firewall-cmd --quiet --permanent --new-zone=plant
    firewall-cmd --quiet --permanent --zone=plant --add-source=10.99.0.0/16
    firewall-cmd --quiet --permanent --zone=drop --change-interface=lan
    firewall-cmd --quiet --permanent --zone=drop --add-service=ssh
    firewall-cmd --quiet --reload
    firewall-cmd --quiet --zone=drop --add-port=10050/tcp
    firewall-cmd --quiet --zone=drop --add-rich-rule='rule family=ipv4 source address=203.0.113.9 reject'
    firewall-cmd --quiet --zone=drop --add-forward-port=port=7070:proto=tcp:toport=80:toaddr=172.30.0.2
    firewall-cmd --quiet --zone=public --add-interface=not-there-yet
    firewall-cmd --quiet --direct --add-chain ipv4 filter f2b-sshd
    firewall-cmd --quiet --direct --add-rule ipv4 filter INPUT 0 -p tcp --dport 22 -j f2b-sshd
}

# Shows zone files without our rules. A zone file that is only a copy of firewalld's own file did not exist before.
show_firewalld() {
    firewall-cmd --list-all-zones | sed '/source ipset="gkfwd[46]-/d'
    firewall-cmd --direct --get-all-chains
    firewall-cmd --direct --get-all-rules
    iptables-save | grep -E 'f2b|CONTAINER' | sed 's/ \[[0-9]*:[0-9]*\]$//'
    for file in $(find /etc/firewalld -type f ! -name 'gkfwd*' | sort); do
        ! grep -q 'gatehouse.kong: a copy of' "$file" || continue
        echo "$file"
        sed '/<source ipset="gkfwd[46]-/d' "$file"
    done
}

set_ufw() {
    ufw --force enable
    systemctl enable --now ufw
    ufw allow 22/tcp comment "way of the admins"
    ufw limit 2222/tcp
    ufw route allow proto tcp to 172.30.0.2 port 80
    ufw prepend deny from 203.0.113.9
    ufw prepend deny from 2001:db8::9
    iptables-restore --noflush <<'IPTABLES'
*filter
:f2b-sshd -
-A INPUT -p tcp -m tcp --dport 22 -j f2b-sshd
-A f2b-sshd -j RETURN
COMMIT
*nat
:DOCKER -
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER -p tcp -m tcp --dport 7070 -j DNAT --to-destination 172.30.0.2:80
COMMIT
IPTABLES
}

show_ufw() {
    for family in ip ip6; do
        "${family}tables-save" | sed 's/ \[[0-9]*:[0-9]*\]$//; /^#/d' | without_accept_rule
    done
    for file in $(find /etc/ufw /etc/default/ufw -type f | sort); do
        echo "$file"
        without_accept_rule <"$file"
    done
    ufw status verbose
}

note_firewalld() { :; }
note_ufw() { :; }

# Stops the early part from dropping tcp 8001, or the published port of a container.
fault() {
    nft insert rule inet gatehouse_kong published meta l4proto tcp ct original proto-dst 8101 accept 2>/dev/null ||
        nft insert rule inet gatehouse_kong input tcp dport 8001 accept
}

case $1 in
fault) fault ;;
show) "show_$2" ;;
*)
    "$1_$2"
    "show_$2" >/root/own_rules
    ;;
esac
