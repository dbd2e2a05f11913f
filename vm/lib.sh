# Shared by the scripts in vm/: what the VM is made of, and where it is kept. Sourced by bash with `set -eu`.
#   VM_DEBIAN=12|13    the release in the VM
#   VM_SOURCES=FILE    apt's sources for it, one a line; else the machine's own
# shellcheck shell=bash source-path=SCRIPTDIR
# shellcheck source=../script/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../script/lib.sh"

release=${VM_DEBIAN:-12}
case $release in
12) codename=bookworm ;;
13) codename=trixie ;;
*) die "There is no VM with Debian $release." "VM_DEBIAN=12 or VM_DEBIAN=13." ;;
esac
arch=$(dpkg --print-architecture)
vm=$root/vm
cache=${XDG_CACHE_HOME:-$HOME/.cache}/container-workshop/vm

# apart SCRIPT WORD…: the script once more, as root, in mount and pid namespaces of its own: however it ends, no mount of
# it is left below what is then removed. What an earlier one left goes now; one at a time.
apart() {
    if [ "$(id -u)" != 0 ]; then exec sudo --preserve-env=VM_DEBIAN,VM_SOURCES,XDG_CACHE_HOME "$@"; fi
    if [ "${VM_APART:-}" != 1 ]; then
        VM_APART=1 exec unshare --mount --pid --fork --kill-child --mount-proc "$@"
    fi
    unset VM_APART
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9
    rm -rf --one-file-system "$cache"/new.*
    work=$(mktemp -d "$cache/new.XXXXXX")
    trap 'rm -rf --one-file-system "$work"' EXIT
}

# The machine's own Debian mirrors as apt's sources for the VM's release, with these components.
sources() {
    local found own
    if [ -n "${VM_SOURCES:-}" ]; then
        cat "$VM_SOURCES"
        return
    fi
    own=$(. /etc/os-release && [ "$ID" = debian ] && printf '%s' "$VERSION_CODENAME") || own=
    # shellcheck disable=SC2016 # apt fills these in
    found=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
        awk -v own="$own" -v to="$codename" -v components="$*" '
            own && ($2 == own || index($2, own "-") == 1) {
                print "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]", $1,
                    to substr($2, length(own) + 1), components
            }' | sort -u)
    [ -n "$found" ] || die "This machine's apt knows no Debian to make a VM from." \
        "VM_SOURCES=FILE names a file with lines such as: deb MIRROR $codename main contrib"
    printf '%s\n' "$found"
}

# debootstrap TARGET PACKAGE…: a new Debian in a folder, by the machine's own settings for apt.
debootstrap() {
    local target=$1 options=() option log=$cache/debootstrap.log
    shift
    while read -r option; do options+=("--aptopt=$option"); done < <(
        apt-config dump | grep -E '^Acquire::(Check-|Retries|https?::)' || :
    )
    sources main contrib | mmdebstrap --quiet --mode=root --variant=minbase --format=directory \
        --include="$(IFS=, && printf '%s' "$*")" ${options[@]+"${options[@]}"} \
        "$codename" "$target" - >"$log" 2>&1 && return
    tail -n 20 "$log" >&2
    die "Debian $release could not be put together; what mmdebstrap said stands above, all of it in $log." \
        "Once the cause is gone, the same command goes on from here."
}

# debian NAME TARGET PACKAGE…: the same, from the cache where it is there, whole.
debian() {
    local name=$1 target=$2 tar
    shift 2
    tar=$cache/$name-$release-$({ printf '%s\n' "$@" && sources main contrib; } | sha256sum | cut -c 1-16).tar
    if [ -e "$tar" ]; then
        mkdir "$target"
        if tar -C "$target" --numeric-owner --xattrs -xf "$tar" 2>/dev/null; then return; fi
        say "$tar is damaged; it is made anew."
        rm -rf --one-file-system "$target"
    fi
    rm -f "$cache/$name-$release-"*.tar*
    debootstrap "$target" "$@"
    tar -C "$target" --one-file-system --numeric-owner --xattrs -cf "$tar.new" .
    mv "$tar.new" "$tar"
}

# The packages of the workshop in the VM's release, with the kernel's ZFS.
guest_packages() (
    # shellcheck disable=SC2317 # both are called by `named`
    column() { echo $((release - 9)); }
    # shellcheck disable=SC2317
    other_zfs() { echo zfs-fuse; }
    named "$@"
)

# All packages of a VM.
vm_packages() {
    printf '%s\n' systemd-sysv systemd-resolved libpam-systemd dbus-user-session udev dbus kmod login passwd \
        bash-completion man-db nano openssh-server "linux-image-cloud-$arch"
    guest_packages required wanted machine tests
}

# QEMU's accelerator. That /dev/kvm opens does not say that a guest gets going: where the processor has no virtualization
# of its own, it starts only guests made for it; and a boot sector is tried, which says so by QEMU's exit status.
accelerator() {
    local sector status=0
    if [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then
        sector=$(mktemp)
        # mov al, 16; out 0xf4, al; hlt
        { printf '\260\020\346\364\364' && head -c 505 /dev/zero && printf '\125\252'; } >"$sector"
        timeout 5 qemu-system-x86_64 -accel kvm -cpu "${VM_CPU:-max}" -nodefaults -display none -m 16 \
            -device isa-debug-exit,iobase=0xf4,iosize=1 -drive "file=$sector,format=raw" >/dev/null 2>&1 || status=$?
        rm -f "$sector"
        if [ "$status" = 33 ]; then
            echo kvm
            return
        fi
    fi
    echo tcg,thread=multi,tb-size=512
}

# copy_checkout FOLDER: what there is of the checkout but what was made in it.
copy_checkout() {
    mkdir -p "$1"
    tar -C "$root" -c --exclude=./.git --exclude=./.venv --exclude=./.vagrant --exclude=./build --exclude=./.hypothesis \
        --exclude='.*_cache' . | tar -C "$1" -x
}

# Units that a VM of a minute needs not.
unneeded=(
    getty.target apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service
    fstrim.timer man-db.timer systemd-tmpfiles-clean.timer systemd-udev-settle.service
    zfs-import-cache.service zfs-import-scan.service zfs-mount.service zfs-share.service zfs-volume-wait.service
    zfs-zed.service systemd-timesyncd.service nftables.service
)

room() {
    local free
    free=$(df --output=avail -m "$1" | tail -n 1)
    [ "$free" -ge "$2" ] || die "There are $free MB free in $1; $2 MB are needed." "XDG_CACHE_HOME moves it."
}
