#!/usr/bin/env bash
# Make a Debian 12 or 13 or an Ubuntu 24.04 that you can throw away into the workshop's machine: its packages, the
# kernel's ZFS, the workshop in /opt, `workshop` for every user with sudo, a greeting. As root; can be run again.
# Without a network it works where the packages are there already.
set -eu
[ "$(id -u)" = 0 ] || exec sudo "$0" "$@"
from=$(cd "$(dirname "$0")/.." && pwd)
to=/opt/container-workshop
export DEBIAN_FRONTEND=noninteractive

if [ "$from" != "$to" ]; then
    mkdir -p "$to"
    for part in workshop lessons checks script vm; do rm -rf "${to:?}/$part"; done
    cp -a "$from"/{workshop,lessons,checks,script,vm,pyproject.toml,README.md,LICENSE} "$to/"
    chown -R root:root "$to"
fi
# shellcheck source=../script/lib.sh
. "$to/script/lib.sh"

# Debian has ZFS as a source, in contrib.
add_contrib() {
    local file
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ ! -f "$file" ] || sed -i -E '/^deb .*debian.* main/{/contrib/!s/ main/ main contrib/}' "$file"
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        [ ! -f "$file" ] || sed -i -E '/^Components:/{/contrib/!s/$/ contrib/}' "$file"
    done
}

build_zfs() {
    local arch headers
    arch=$(dpkg --print-architecture)
    headers=linux-headers-$(uname -r)
    say "About to build the kernel's ZFS; this takes some minutes."
    add_contrib
    apt-get update -qq
    if ! apt-cache show "$headers" >/dev/null 2>&1; then
        headers=linux-headers-cloud-$arch
        apt-get install -y -qq --no-install-recommends "linux-image-cloud-$arch" >/dev/null
        say "The running kernel is older than what there are headers for: reboot, then ZFS is there."
    fi
    if ! apt-get install -y -qq --no-install-recommends "$headers" zfs-dkms zfsutils-linux >/dev/null; then
        say "The kernel's ZFS could not be built; what dpkg said stands above. zfs-fuse takes its place."
        apt-get purge -y -qq zfs-dkms zfsutils-linux >/dev/null
    fi
}

# For the kernel that runs, or for one that will after the next boot.
have_zfs() {
    local kernel
    for kernel in "$(uname -r)" /lib/modules/*; do
        if modinfo -k "${kernel##*/}" zfs >/dev/null 2>&1; then return; fi
    done
    return 1
}

. /etc/os-release
if ! have_zfs; then
    case $ID in
    debian) build_zfs ;;
    ubuntu) apt-get update -qq && apt-get install -y -qq --no-install-recommends zfsutils-linux >/dev/null ;;
    *) say "ZFS has to come by other means here; zfs-fuse takes its place." ;;
    esac
fi
install_packages required wanted machine
systemctl disable --now nginx >/dev/null 2>&1 || : # the lessons start their own
install_python ""

cat >/usr/local/bin/workshop <<WORKSHOP
#!/bin/sh
# The workshop makes namespaces, mounts and cgroups: that takes root.
if [ "\$(id -u)" = 0 ]; then exec $to/.venv/bin/workshop "\$@"; fi
exec sudo --preserve-env=LANG,LC_ALL,COLORTERM,NO_COLOR $to/.venv/bin/workshop "\$@"
WORKSHOP
chmod 755 /usr/local/bin/workshop
mkdir -p /etc/motd.d
cat >/etc/motd.d/container-workshop <<'MOTD'

  Build your own Docker out of standard Linux tools.

      workshop            begins, or goes on where you left
      workshop lessons    the map of the course
      workshop doctor     what this machine has

MOTD
/usr/local/bin/workshop doctor
