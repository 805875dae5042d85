#!/usr/bin/env bash
# Installs Toxiproxy's own server and command line from its Go module. Does nothing when they are there already. Prints
# errors only. Needs go 1.18 or later; takes about half a minute.
set -euo pipefail
# The newest whose module any go since 1.18 builds.
version=v2.5.0
lab=${FIREBREAK_LAB:-$HOME/.cache/firebreak-lab}
folder=$lab/toxiproxy-$version
[ -x "$folder/cli" ] && [ -x "$folder/server" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GOTOOLCHAIN=local GOFLAGS=-mod=mod CGO_ENABLED=0 GOBIN=$work/bin
for program in cli server; do
  go install "github.com/Shopify/toxiproxy/v2/cmd/$program@$version" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
done
mkdir -p "$folder"
# Moved last, so that a build that was cut short leaves nothing that looks complete.
mv "$work/bin/server" "$folder/server" && mv "$work/bin/cli" "$folder/cli"
