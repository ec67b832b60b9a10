#!/bin/sh
# Manual pages and completions for a package: the program writes them itself, so they cannot be behind it.
# usage: assets.sh PROGRAM FOLDER
set -eu
program=${1:?usage: assets.sh PROGRAM FOLDER} folder=${2:?name a folder}
mkdir -p "$folder/completions"
"$program" man "$folder/man1"
for shell in bash zsh fish; do "$program" completions "$shell" >"$folder/completions/whatchanged.$shell"; done
