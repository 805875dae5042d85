#!/usr/bin/env bash
# Fetches Debian's cloud kernel, which has what many test machines lack (netem), for the guest that test/lab/guest.ts boots.
# Does nothing when it is there already, nor where there is no apt for amd64. Prints errors only. Needs no root; takes some seconds and 100 MB.
set -euo pipefail
lab=${FIREBREAK_LAB:-$HOME/.cache/firebreak-lab}
[ -e "$lab/guest/vmlinuz" ] && exit 0
command -v apt-get >/dev/null && [ "$(dpkg --print-architecture)" = amd64 ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\).*/\1/p' | head -1)
[ -n "$package" ] || { echo 'install-guest: apt knows no linux-image-cloud-amd64 (apt-get update)' >&2; exit 1; }
apt-get download -qq "$package" 2>log || { cat log >&2; exit 1; }
dpkg -x "$package"_*.deb .
version=${package#linux-image-}
mkdir -p guest/modules
mv "boot/vmlinuz-$version" guest/vmlinuz
echo "$version" >guest/version
# Only what has to do with networks, virtual disks and file systems: the drivers of real machines are most of it.
(cd "lib/modules/$version" && cp --parents -r modules.order modules.builtin kernel/net kernel/lib kernel/crypto kernel/fs/overlayfs kernel/fs/fuse kernel/drivers/net kernel/drivers/virtio kernel/drivers/block kernel/drivers/md "$work/guest/modules")
mkdir -p tree/lib/modules && mv guest/modules "tree/lib/modules/$version"
depmod=$(command -v depmod || echo /usr/sbin/depmod)
if [ -x "$depmod" ]; then "$depmod" -b tree "$version" 2>/dev/null; else busybox depmod -b "$work/tree" "$version"; fi
mv tree/lib/modules guest/modules
mkdir -p "$lab"
# Moved last, so that what was cut short leaves nothing that looks complete.
rm -rf "$lab/guest" && mv guest "$lab/guest"
