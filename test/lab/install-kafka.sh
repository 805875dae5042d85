#!/usr/bin/env bash
# Fetches the jars of a Kafka broker from Maven Central, once: they stay in $FIREBREAK_LAB (by default ~/.cache/firebreak-lab).
# Prints the folder of the jars. Needs java 17 and mvn.
set -euo pipefail

VERSION=3.9.1
lab="${FIREBREAK_LAB:-$HOME/.cache/firebreak-lab}"
jars="$lab/kafka-$VERSION"

# The last thing that is made, so that a folder that was cut short is not taken for a whole one.
if [ ! -e "$jars/complete" ]; then
  command -v mvn >/dev/null || { echo "install-kafka: mvn is not installed: apt-get install maven" >&2; exit 1; }
  rm -rf "$jars"
  mkdir -p "$jars"
  cat >"$jars/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>lab</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$VERSION</version></dependency>
  </dependencies>
</project>
POM
  mvn -q -B -f "$jars/pom.xml" dependency:copy-dependencies -DoutputDirectory="$jars/jars" >"$jars/mvn.log" 2>&1 ||
    { echo "install-kafka: mvn failed:" >&2; tail -20 "$jars/mvn.log" >&2; exit 1; }
  touch "$jars/complete"
fi
echo "$jars/jars"
