#!/bin/sh
# Deployments and releases of a repository on GitHub for a bundle, by the gh command line, which must be logged in.
# usage: github.sh BUNDLE OWNER/REPOSITORY [SERVICE]
set -eu
bundle=${1:?usage: github.sh BUNDLE OWNER/REPOSITORY [SERVICE]} repository=${2:?name OWNER/REPOSITORY}
service=${3:-${repository#*/}}
mkdir -p "$bundle/changes/$service"
# The statuses say when a deployment was done, and whether it failed.
gh api "repos/$repository/deployments?per_page=30" >"$bundle/changes/$service/deployments.json"
gh api "repos/$repository/deployments?per_page=30" --jq '.[].id' |
while read -r id; do
    gh api "repos/$repository/deployments/$id/statuses" >"$bundle/changes/$service/statuses-$id.json"
done
gh release list --repo "$repository" --limit 30 --json tagName,publishedAt,name >"$bundle/changes/$service/releases.json"
echo "next: whatchanged analyze $bundle"
