#!/usr/bin/env bash
# fetch-zookeeper.sh: fetches ZooKeeper 3.9.3 for the tests, which is that of Debian's suite trixie, and prints the folder.
# Nothing is installed: the package is extracted below the cache, $ZK_CACHE or ~/.cache/zk-conn, where the tests look for it
# (test/support/zookeeper-jars.ts). The other jars are those of the machine's own libzookeeper-java.
#
# apt downloads it, with lists of its own: the suite's signature is checked against Debian's keys, the package against the
# signed list, and the machine's apt is left as it is. Needs no root.
set -euo pipefail

version=3.9.3
suite=trixie
package=libzookeeper-java
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
cache=${ZK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/zk-conn}
folder=$cache/zookeeper-$version

fail() {
  printf 'fetch-zookeeper.sh: %s\n' "$*" >&2
  exit 1
}

if [ -f "$folder/usr/share/java/zookeeper-$version.jar" ]; then
  echo "$folder"
  exit 0
fi

command -v apt-get >/dev/null && command -v dpkg >/dev/null || fail 'this works on Debian and its relatives alone'
[ -f "$keyring" ] || fail "no $keyring (apt-get install debian-archive-keyring)"

# the mirror that the machine itself uses, if it is a Debian
mirror=$(sed -n -E 's,^(URIs:[[:space:]]*|deb[[:space:]]+(\[[^]]*\][[:space:]]+)?)(https?://[^[:space:]]*/debian/?)([[:space:]].*)?$,\3,p' \
  /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -n 1 || true)
mirror=${mirror:-http://deb.debian.org/debian}

mkdir -p "$cache"
work=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/download" "$work/root"
echo "deb [signed-by=$keyring] $mirror $suite main" >"$work/sources.list"

apt=(apt-get --quiet
  -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
  -o "Dir::State::Lists=$work/lists" -o "Dir::Cache::Archives=$work/archives"
  -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
  -o Acquire::Languages=none -o Acquire::Retries=3 -o "APT::Sandbox::User=$(id -un)")

"${apt[@]}" update >"$work/log" 2>&1 || fail "apt-get update of $suite at $mirror failed: $(cat "$work/log")"
# apt warns of lists that it could not get or believe, and goes on
if grep -q '^[WE]:' "$work/log"; then fail "apt-get update of $suite at $mirror: $(cat "$work/log")"; fi
(cd "$work/download" && "${apt[@]}" download "$package/$suite" >>"$work/log" 2>&1) ||
  fail "apt-get download of $package failed: $(cat "$work/log")"
dpkg -x "$work/download/$package"_*.deb "$work/root"
[ -f "$work/root/usr/share/java/zookeeper-$version.jar" ] ||
  fail "$suite has another version by now: $(ls "$work/download")"

# two who fetch at once get in each other's way no further than here: one of them wins
rm -rf "$folder"
mv -T "$work/root" "$folder" 2>/dev/null || [ -d "$folder" ] || fail "cannot write $folder"
echo "$folder"
