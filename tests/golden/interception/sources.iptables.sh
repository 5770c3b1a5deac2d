#!/bin/sh
# Written by gatehouse.kong. The next run replaces what is changed here.
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

ours() {
    "$1-save" -t "$2" | sed -n         -e 's/^:\(GATEHOUSE-KONG-[A-Z]*\) .*/:\1 - [0:0]/p' -e 's/^-A \(.* -j GATEHOUSE-KONG-[A-Z]*\)$/-D \1/p'
}

load() {
    {
        echo "*$2"
        ours "$1" "$2"
        cat
        echo COMMIT
    } | "$1-restore" --wait 10 --noflush
}

unload() {
    ours=$(ours "$1" "$2")
    [ -z "$ours" ] || printf '%s\n' "$ours" | sed -n 's/^:\([^ ]*\) .*/-X \1/p' | load "$1" "$2"
}

# The chain of the firewall rules, if it is there, stays the first.
place() {
    case $("$1-save" -t filter | sed -n '/^-A INPUT /{p;q;}') in
        '-A INPUT -j GATEHOUSE-KONG') echo 2 ;;
        *) echo 1 ;;
    esac
}

route -4
route -6
load /usr/sbin/iptables-nft filter <<RULES
:GATEHOUSE-KONG-IN - [0:0]
-I INPUT $(place /usr/sbin/iptables-nft) -j GATEHOUSE-KONG-IN
-A GATEHOUSE-KONG-IN -m mark --mark 0x20000000/0x20000000 -j ACCEPT
RULES
load /usr/sbin/iptables-nft mangle <<RULES
:GATEHOUSE-KONG-CATCH - [0:0]
-I PREROUTING 1 -j GATEHOUSE-KONG-CATCH
-A GATEHOUSE-KONG-CATCH -i lo -j RETURN
-A GATEHOUSE-KONG-CATCH -m addrtype --dst-type LOCAL -j RETURN
-A GATEHOUSE-KONG-CATCH -s 10.20.0.0/16 -d 10.5.0.0/16 -p tcp -m multiport --dports 80,81 -j TPROXY --on-port 8000 --on-ip 127.0.0.1 --tproxy-mark 0x30000000/0x30000000
-A GATEHOUSE-KONG-CATCH -s 10.21.0.7/32 -d 10.5.0.0/16 -p tcp -m multiport --dports 80,81 -j TPROXY --on-port 8000 --on-ip 127.0.0.1 --tproxy-mark 0x30000000/0x30000000
-A GATEHOUSE-KONG-CATCH -d 10.5.0.0/16 -p tcp -m multiport --dports 80,81 -j DROP
-A GATEHOUSE-KONG-CATCH -d 10.6.0.0/16 -p tcp -m multiport --dports 80 -j DROP
:GATEHOUSE-KONG-PAST - [0:0]
-I FORWARD 1 -j GATEHOUSE-KONG-PAST
-A GATEHOUSE-KONG-PAST -m mark --mark 0x20000000/0x20000000 -j DROP
RULES
load /usr/sbin/iptables-nft nat <<RULES
:GATEHOUSE-KONG-REDIRECT - [0:0]
-I PREROUTING 1 -j GATEHOUSE-KONG-REDIRECT
-A GATEHOUSE-KONG-REDIRECT -i lo -j RETURN
-A GATEHOUSE-KONG-REDIRECT -m addrtype --dst-type LOCAL -j RETURN
RULES
[ ! -e /proc/net/if_inet6 ] || load /usr/sbin/ip6tables-nft filter <<RULES
:GATEHOUSE-KONG-IN - [0:0]
-I INPUT $(place /usr/sbin/ip6tables-nft) -j GATEHOUSE-KONG-IN
-A GATEHOUSE-KONG-IN -m mark --mark 0x20000000/0x20000000 -j ACCEPT
RULES
[ ! -e /proc/net/if_inet6 ] || load /usr/sbin/ip6tables-nft mangle <<RULES
:GATEHOUSE-KONG-CATCH - [0:0]
-I PREROUTING 1 -j GATEHOUSE-KONG-CATCH
-A GATEHOUSE-KONG-CATCH -i lo -j RETURN
-A GATEHOUSE-KONG-CATCH -m addrtype --dst-type LOCAL -j RETURN
-A GATEHOUSE-KONG-CATCH -s fd20::/64 -i eth1 -p tcp -m multiport --dports 80 -j TPROXY --on-port 8000 --on-ip :: --tproxy-mark 0x30000000/0x30000000
-A GATEHOUSE-KONG-CATCH -s fd20::/64 -i eth2 -p tcp -m multiport --dports 80 -j TPROXY --on-port 8000 --on-ip :: --tproxy-mark 0x30000000/0x30000000
-A GATEHOUSE-KONG-CATCH -i eth1 -p tcp -m multiport --dports 80 -j DROP
-A GATEHOUSE-KONG-CATCH -i eth2 -p tcp -m multiport --dports 80 -j DROP
:GATEHOUSE-KONG-PAST - [0:0]
-I FORWARD 1 -j GATEHOUSE-KONG-PAST
-A GATEHOUSE-KONG-PAST -m mark --mark 0x20000000/0x20000000 -j DROP
RULES
[ ! -e /proc/net/if_inet6 ] || load /usr/sbin/ip6tables-nft nat <<RULES
:GATEHOUSE-KONG-REDIRECT - [0:0]
-I PREROUTING 1 -j GATEHOUSE-KONG-REDIRECT
-A GATEHOUSE-KONG-REDIRECT -i lo -j RETURN
-A GATEHOUSE-KONG-REDIRECT -m addrtype --dst-type LOCAL -j RETURN
RULES
