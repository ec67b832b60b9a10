#!/bin/sh
# A namespace as a bundle: logs of every container, also of those that were restarted, and what was rolled out when.
# usage: kubernetes.sh BUNDLE NAMESPACE [SINCE]      SINCE as kubectl takes it: 2h, 30m
set -eu
bundle=${1:?usage: kubernetes.sh BUNDLE NAMESPACE [SINCE]} namespace=${2:?name a namespace} since=${3:-2h}
mkdir -p "$bundle/logs" "$bundle/changes"

# One line a pod: its name, the two usual labels of its application, its containers with their restarts.
kubectl -n "$namespace" get pods -o jsonpath='{range .items[*]}{.metadata.name}|{.metadata.labels.app\.kubernetes\.io/name}|{.metadata.labels.app}|{range .status.containerStatuses[*]}{.name}:{.restartCount} {end}{"\n"}{end}' |
while IFS='|' read -r pod name app containers; do
    # Without a label the service is the pod without the hashes that its ReplicaSet gave it.
    service=${name:-${app:-$(echo "$pod" | sed -E 's/(-[a-z0-9]{6,10})?-[a-z0-9]{5}$//')}}
    mkdir -p "$bundle/logs/$service"
    for each in $containers; do
        container=${each%:*} log="$bundle/logs/$service/$pod.${each%:*}"
        kubectl -n "$namespace" logs "$pod" -c "$container" --timestamps --since="$since" </dev/null >"$log.log" ||
            echo "no log of $pod $container" >&2
        [ "${each##*:}" = 0 ] && continue # else why it died stands in the log of the container before
        kubectl -n "$namespace" logs "$pod" -c "$container" --timestamps --previous </dev/null >"$log.previous.log" ||
            rm -f "$log.previous.log"
    done
done

# Roll-outs with what they edited (variables, arguments, resources), scaling, nodes taken out.
for kind in replicasets events; do
    kubectl -n "$namespace" get "$kind" -o json >"$bundle/changes/$kind.json"
    grep -q '"items": \[\]' "$bundle/changes/$kind.json" && rm "$bundle/changes/$kind.json" # there are none
done
echo "next: whatchanged analyze $bundle"
