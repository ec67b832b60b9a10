#!/bin/sh
# Changes of a configuration repository (etckeeper's /etc, GitOps manifests, Ansible) for a bundle. Whose a change is follows from the
# file's path: postgresql/15/main/postgresql.conf is of postgresql.
# usage: git.sh BUNDLE REPOSITORY [SINCE]            SINCE as git takes it: '1 day ago', 2026-11-26
set -eu
bundle=${1:?usage: git.sh BUNDLE REPOSITORY [SINCE]} repository=${2:?name a repository} since=${3:-1 day ago}
mkdir -p "$bundle/changes"
# Fuller: the time at which a commit was put in place, which is nearer to the roll-out than when it was written.
git -C "$repository" log -p --no-color --no-ext-diff --pretty=fuller --date=iso-strict --since="$since" >"$bundle/changes/git.log"
echo "next: whatchanged analyze $bundle"
