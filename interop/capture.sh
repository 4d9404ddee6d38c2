#!/usr/bin/env bash
# Takes one call of each kind off the loopback, as docs/SIP.md explains them: interop/capture.sh [KIND…]
# Needs tcpdump, tshark, sipp, and the right to listen on the loopback (root). Writes target/captures/KIND.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
cordboard=${CORDBOARD:-target/debug/cordboard}
out=$PWD/target/captures
mkdir -p "$out"
work=$(mktemp -d)
running=()
trap 'for id in "${running[@]}"; do kill "$id" 2>/dev/null || true; done; rm -rf "$work"' EXIT
scenarios=$PWD/interop/sipp
server=127.0.0.1:5060

call() { "$cordboard" call "$@" >"$work/answer" || { cat "$work/answer" >&2; return 1; }; }
background() { "$@" >>"$work/log" 2>&1 & running+=($!); last=$!; }
stop() { kill "$@" 2>/dev/null || true; wait "$@" 2>/dev/null || true; }
# phone SCENARIO PORT: SIPp answers one call there.
phone() { background sipp -sf "$scenarios/$1.xml" -i 127.0.0.1 -p "$2" -mp $(($2 + 2000)) -m 1 -nostdin; }
register() {
    sipp "$server" -sf "$scenarios/register.xml" -s 8006 -au 8006 -ap demo-8006 -i 127.0.0.1 -p 5066 -m 1 -nostdin >>"$work/log" 2>&1
}
# serve TRUNK…: the server of interop/trunk.toml with these trunk addresses, with a mobile as a second agent.
serve() {
    local trunks
    trunks=$(printf '"127.0.0.1:%s", ' "$@")
    sed -e "s|^addresses = .*|addresses = [${trunks%, }]|" -e "s|\"../target/interop\"|\"$work/data\"|" \
        -e 's|licences = 1|licences = 9|' interop/trunk.toml >"$work/trunk.toml"
    printf '\n[[account.agent]]\nnumber = "8000"\nmobile = "13800008000"\nwrap_up_s = 0\n' >>"$work/trunk.toml"
    background "$cordboard" serve --config "$work/trunk.toml"
    serving=$last
    until curl -sf http://127.0.0.1:8080/readyz >/dev/null 2>&1; do kill -0 "$serving" && sleep 0.1; done
}
network() { background "$cordboard" lab --listen 127.0.0.1:5080; network=$last; }
listen() { tcpdump -q -i lo -s 0 -U -w "$work/$1.pcap" 'port 5060' 2>>"$work/log" & tap=$!; sleep 1; }
# tell KIND: what was said, message by message, in order, as plain text.
tell() {
    sleep 1
    stop "$tap"
    tshark -r "$work/$1.pcap" -Y 'sip' -T fields -e frame.time_relative -e udp.srcport -e tcp.srcport -e udp.dstport \
        -e tcp.dstport -e udp.payload -e tcp.payload -E 'separator=|' 2>/dev/null |
        while IFS='|' read -r at us ts ud td up tp; do
            printf '\n---- %.3f s  %s > %s\n' "$at" "$us$ts" "$ud$td"
            printf '%s' "$up$tp" | xxd -r -p | tr -d '\r'
        done >"$out/$1.txt"
    rm -rf "$work/data"
    echo "$out/$1.txt: $(grep -c '^----' "$out/$1.txt") messages"
}

of_lab() { # KIND NUMBER SECONDS [hang up]
    network; serve 5080; listen "$1"
    call online --agent 8000
    call dialOut --agent 8000 --to "$2"
    sleep "$3"
    [ -z "${4:-}" ] || call hangup --agent 8000
    sleep 1
    stop "$serving" "$network"; tell "$1"
}
of_customer() { # KIND SCENARIO SECONDS: SIPp is the customer, the agent a phone that registered
    serve 5080; listen "$1"
    register; call online --agent 8006
    phone answers_until_bye 5066; phone "$2" 5080
    call dialOut --agent 8006 --to 13912345678
    sleep "$3"
    call hangup --agent 8006 || true
    sleep 1
    stop "$serving"; tell "$1"
}
of_agent() { # KIND SCENARIO SECONDS: SIPp is the agent's phone, the customer is the lab's
    network; serve 5080; listen "$1"
    register; call online --agent 8006
    phone "$2" 5066
    call dialOut --agent 8006 --to 13900000016
    sleep "$3"
    stop "$serving" "$network"; tell "$1"
}

registration() { serve 5080; listen registration; register; stop "$serving"; tell registration; }
dialout() { of_lab dialout 13900000008 10; }
busy() { of_lab busy 13900000002 4; }
cancel() { of_lab cancel 13900000003 5 hangup; }
forked() { of_lab forked 13900000015 6 hangup; }
early() { of_customer early customer_reliable 3; }
hold() { of_agent hold agent_holds 9; }
# Both must be heard all the time, else the call is ended for silence.
session() {
    serve 5080
    background "$cordboard" lab --listen 127.0.0.1:5090 --phone 8006=demo-8006; network=$last
    sleep 1
    listen session
    call online --agent 8006
    background sipp -sf "$scenarios/customer_short_session.xml" -i 127.0.0.1 -p 5080 -mp 7080 -rtp_echo -m 1 -nostdin
    call dialOut --agent 8006 --to 13912345678
    sleep 50
    call hangup --agent 8006
    sleep 1
    stop "$serving" "$network"; tell session
}
refer() { of_agent refer agent_refers 5; }
failover() {
    network; serve 5081 5080; listen failover
    register; call online --agent 8006
    phone answers_until_bye 5066; phone trunk_unavailable 5081
    call dialOut --agent 8006 --to 13900000002
    sleep 4
    stop "$serving" "$network"; tell failover
}
crash() {
    network; serve 5080; listen crash
    call online --agent 8000
    call dialOut --agent 8000 --to 13900000001
    sleep 4
    kill -9 "$serving"; wait "$serving" 2>/dev/null || true
    background "$cordboard" serve --config "$work/trunk.toml"; serving=$last
    sleep 3
    stop "$serving" "$network"; tell crash
}
tcp() {
    network; serve 5080; listen tcp
    background sipp "$server" -sf "$scenarios/register_and_stay.xml" -t t1 -oocsn uas -s 8006 -au 8006 -ap demo-8006 \
        -i 127.0.0.1 -p 5066 -mp 7066 -m 1 -nostdin
    local phone=$last
    sleep 1
    call online --agent 8006
    call dialOut --agent 8006 --to 13900000008
    sleep 10
    stop "$phone" "$serving" "$network"; tell tcp
}

[ $# -gt 0 ] || set -- registration dialout busy cancel forked early hold session refer failover crash tcp
for kind in "$@"; do "$kind"; done
