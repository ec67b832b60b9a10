#!/bin/sh
# nginx as (part of) a bundle: its logs, the rotated ones too, and its configuration as it runs.
# usage: nginx.sh BUNDLE [MINUTES [FOLDER-OF-LOGS]]
set -eu
bundle=${1:?usage: nginx.sh BUNDLE [MINUTES [FOLDER-OF-LOGS]]} minutes=${2:-120} folder=${3:-/var/log/nginx}
mkdir -p "$bundle/logs/nginx" "$bundle/configs/nginx"
find "$folder" -type f -name '*log*' -mmin "-$minutes" -exec cp -p {} "$bundle/logs/nginx/" \;
# Is allowed to fail: it needs the rights of the server, and the logs say most without it.
nginx -T >"$bundle/configs/nginx/now.conf" 2>/dev/null || rm -f "$bundle/configs/nginx/now.conf"
echo "next: whatchanged analyze $bundle"
# Times per request let slow upstreams be told from failing ones:
#   log_format timed '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" rt=$request_time urt=$upstream_response_time';
