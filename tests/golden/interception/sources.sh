#!/bin/sh
# Written by gatehouse.kong. The next run replaces manual changes.
set -eu
ip=/usr/sbin/ip

rule() {
    family=$1 number=$2 shown=$3
    shift 3
    case $("$ip" "$family" rule show pref "$number") in
        "$number:"*"$shown"*) return ;;
    esac
    no_rule "$family" "$number"
    "$ip" "$family" rule add pref "$number" protocol kernel "$@"
}

no_rule() {
    while "$ip" "$1" rule del pref "$2" 2>/dev/null; do :; done
}

route() {
    "$ip" "$1" route replace local default dev lo table 711 proto kernel
    rule "$1" 713 nop nop
    rule "$1" 711 'iif lo goto 713' iif lo fwmark 0x20000000/0x20000000 goto 713
    rule "$1" 712 'fwmark 0x20000000/0x20000000 lookup 711' fwmark 0x20000000/0x20000000 lookup 711
}

no_route() {
    [ -e /proc/net/if_inet6 ] || [ "$1" = -4 ] || return 0
    for number in 712 711 713; do no_rule "$1" "$number"; done
    "$ip" "$1" route flush table 711 2>/dev/null || true
}

route -4
route -6
/usr/sbin/nft -f - <<'RULES'
add table inet gatehouse_kong_transparent
delete table inet gatehouse_kong_transparent
table inet gatehouse_kong_transparent {
	chain prerouting {
		type filter hook prerouting priority mangle; policy accept;
		iifname "lo" return comment "the host reaches itself"
		meta mark set meta mark & 0xcfffffff comment "only rules below set these bits"
		fib daddr type local return comment "packets to the host itself"
		ip daddr 10.5.0.0/16 tcp dport { 80, 81 } ip saddr { 10.20.0.0/16, 10.21.0.7/32 } tproxy ip to 127.0.0.1:8000 meta mark set meta mark | 0x20000000 accept comment "proxy"
		ip daddr 10.5.0.0/16 tcp dport { 80, 81 } drop comment "proxy"
		ip daddr 10.6.0.0/16 tcp dport 80 drop comment "proxy"
		iifname { "eth1", "eth2" } meta nfproto ipv6 tcp dport 80 ip6 saddr fd20::/64 tproxy ip6 to :8000 meta mark set meta mark | 0x20000000 accept comment "proxy"
		iifname { "eth1", "eth2" } meta nfproto ipv6 tcp dport 80 drop comment "proxy"
	}
	chain forward {
		type filter hook forward priority mangle; policy accept;
		meta mark & 0x20000000 == 0x20000000 drop
	}
	chain input {
		type filter hook input priority filter - 9; policy accept;
		iifname "lo" return comment "the host reaches itself"
		fib daddr type local return comment "packets to the host itself"
		ip daddr 10.5.0.0/16 tcp dport { 80, 81 } ip saddr { 10.20.0.0/16, 10.21.0.7/32 } meta mark & 0x20000000 == 0x20000000 meta mark set meta mark | 0x10000000 comment "proxy"
		iifname { "eth1", "eth2" } meta nfproto ipv6 tcp dport 80 ip6 saddr fd20::/64 meta mark & 0x20000000 == 0x20000000 meta mark set meta mark | 0x10000000 comment "proxy"
	}
}
RULES
