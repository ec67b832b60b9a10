#!/bin/sh
# The containers of a Docker host as a bundle: their logs, and each container that was created in the time as a deploy of its image.
# usage: docker.sh BUNDLE [SINCE]                    SINCE as docker takes it: 2h, 2026-11-26T14:00:00Z
set -eu
bundle=${1:?usage: docker.sh BUNDLE [SINCE]} since=${2:-2h}
mkdir -p "$bundle/logs"

# With Compose the service is the label, and the container one of its copies.
docker ps -a --format '{{.ID}} {{.Names}} {{.Label "com.docker.compose.service"}}' |
while read -r id name service; do
    mkdir -p "$bundle/logs/${service:-$name}"
    docker logs --timestamps --since "$since" "$id" >"$bundle/logs/${service:-$name}/$name.log" 2>&1
done

docker ps -aq | xargs -r docker inspect --format '{{printf "{\"id\":\"%.12s\",\"time\":%s,\"service\":%s,\"kind\":\"deploy\",\"version\":%s,\"summary\":\"container created\"}" .Id (json .Created) (json (or (index .Config.Labels "com.docker.compose.service") (slice .Name 1))) (json .Config.Image)}}' \
    >>"$bundle/changes.jsonl"
echo "next: whatchanged analyze $bundle"
