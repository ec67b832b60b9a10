#!/bin/sh
# A host with systemd as a bundle: its journal, and the packages that were installed or upgraded.
# usage: journald.sh BUNDLE [SINCE [UNIT...]]        SINCE as journalctl takes it: '2 hours ago', '2026-11-26 14:00'
set -eu
bundle=${1:?usage: journald.sh BUNDLE [SINCE [UNIT...]]} since=${2:-2 hours ago}
shift; [ $# -eq 0 ] || shift
mkdir -p "$bundle/logs/journal"

# Without units the whole journal: the kernel's messages about memory and disks are part of the story.
for unit in "$@"; do set -- "$@" -u "$unit"; shift; done
journalctl --since "$since" --no-pager -o json "$@" \
    --output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_SYSTEMD_UNIT,_PID,_HOSTNAME,_TRANSPORT >"$bundle/logs/journal/journal.json"

# dpkg.log is in local time: 2026-11-26 00:05:01 upgrade nginx-light:amd64 1.22.1-9 1.22.1-9+deb12u1
if [ -r /var/log/dpkg.log ]; then
    from=$(date -d "$(printf %s "$since")" '+%Y-%m-%d %H:%M:%S')
    awk -v from="$from" -v zone="$(date +%:z)" '
        $1 " " $2 >= from && ($3 == "install" || $3 == "upgrade" || $3 == "remove") {
            split($4, name, ":"); n += 1
            printf "{\"id\":\"dpkg-%d-%s\",\"time\":\"%sT%s%s\",\"service\":\"%s\",\"kind\":\"deploy\",\"previous_version\":\"%s\",\"version\":\"%s\",\"summary\":\"dpkg %s\"}\n",
                n, name[1], $1, $2, zone, name[1], ($5 == "<none>" ? "" : $5), ($6 == "<none>" ? "" : $6), $3
        }' /var/log/dpkg.log >>"$bundle/changes.jsonl"
fi
echo "next: whatchanged analyze $bundle"
