#!/usr/bin/env bash
# Builds FerretDB, a server that speaks MongoDB's wire protocol and keeps its data in SQLite, from its Go module; no build
# of mongod itself may be had from a package registry. Does nothing when it is there already. Prints errors only.
# Needs go 1.22 or later. Takes about a minute and 700 MB of Go's caches; the program itself is 40 MB.
set -euo pipefail
version=v1.24.0
lab=${FIREBREAK_LAB:-$HOME/.cache/firebreak-lab}
program=$lab/ferretdb-$version/ferretdb
[ -x "$program" ] && exit 0
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
export GOTOOLCHAIN=local GOFLAGS=-mod=mod CGO_ENABLED=0
# `go install …@version` asks for the list of all versions as well, which not every proxy has.
module=$(go mod download -json "github.com/FerretDB/FerretDB@$version" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
[ -d "$module" ] || { echo "install-mongo: the Go module proxy has no FerretDB $version" >&2; exit 1; }
cp -r "$module" src
chmod -R u+w src
cd src
# Its release build writes this file; without it the program refuses to start.
echo "$version" >build/version/version.txt
GOFLAGS=-mod=readonly go build -trimpath -tags ferretdb_no_postgresql,ferretdb_no_mysql -o ../ferretdb ./cmd/ferretdb 2>../log || { cat ../log >&2; exit 1; }
mkdir -p "${program%/*}"
# Moved last, so that a build that was cut short leaves nothing that looks complete.
mv ../ferretdb "$program.$$" && mv "$program.$$" "$program"
