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

/usr/sbin/nft -f - <<'RULES'
add table inet gatehouse_kong_transparent
delete table inet gatehouse_kong_transparent
table inet gatehouse_kong_transparent {
	chain prerouting {
		type filter hook prerouting priority mangle; policy accept;
		iifname "lo" return comment "the host reaches itself"
		fib daddr type local return comment "packets to the host itself"
		ip daddr 10.0.0.1/32 tcp dport 80 ip saddr 10.20.0.0/16 accept comment "proxy"
		ip daddr 10.0.0.1/32 tcp dport 80 drop comment "proxy"
	}
	chain forward {
		type filter hook forward priority mangle; policy accept;
		ct status dnat return
		ip daddr 10.0.0.1/32 tcp dport 80 drop comment "proxy"
		ip6 daddr fd00::1/128 tcp dport 80 drop comment "proxy"
	}
	chain redirected {
		type nat hook prerouting priority dstnat - 5; policy accept;
		iifname "lo" return comment "the host reaches itself"
		ip daddr 10.20.0.1/32 tcp dport 80 redirect to :8000 comment "proxy"
		fib daddr type local return comment "packets to the host itself"
		ip daddr 10.0.0.1/32 tcp dport 80 redirect to :8000 comment "proxy"
		ip6 daddr fd00::1/128 tcp dport 80 dnat ip6 to [fd20::1]:8000 comment "proxy"
	}
}
RULES
no_route -4
no_route -6
