# Set-up shared by script/start and script/test: packages of the system, then Python's in a virtual environment.
# Sourced by bash with `set -eu`. Everything can be run again at any time; what is there already is left alone.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
packages=$root/workshop/packages.txt

say() { printf '%s\n' "$*" >&2; }

die() {
    say "$1"
    shift
    for line in "$@"; do say "  $line"; done
    exit 3
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# The column of packages.txt for this release; an unknown one is read as the newest Debian.
column() {
    case "$(. /etc/os-release && printf '%s-%s' "${ID:-}" "${VERSION_ID:-}")" in
    debian-12) echo 3 ;;
    ubuntu-24.04) echo 5 ;;
    *) echo 4 ;;
    esac
}

# The kernel's own ZFS where there is a module for it, else zfs-fuse: the two exclude each other.
other_zfs() {
    if command -v zfs-fuse >/dev/null; then
        echo zfs-kernel
    elif grep -qw zfs /proc/filesystems || command -v zpool >/dev/null || modinfo zfs >/dev/null 2>&1; then
        echo zfs-fuse
    else
        echo zfs-kernel
    fi
}

# named KIND…: the packages of these kinds, by the table of packages.txt.
named() {
    awk -v kinds=" $* " -v column="$(column)" -v other="$(other_zfs)" '
        /^#/ || NF < 5 || $2 == other { next }
        index(kinds, " " $1 " ") && $column != "-" { print $column }
        $2 == "zfs-kernel" && index(kinds, " wanted ") { print $column }' "$packages"
}

missing_packages() {
    # shellcheck disable=SC2016 # dpkg-query fills these in
    named "$@" | grep -vxF -f <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p') || :
}

# An ordinary account installs nothing for the system; the workshop goes without, and so do some lessons.
name_missing() {
    local missing
    command -v dpkg-query >/dev/null || return 0
    missing=$(missing_packages "$@")
    if [ -n "$missing" ]; then say "Not installed, and missed by some lessons: $(echo $missing)"; fi
}

install_packages() {
    local missing wanted=() name list
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        say "This is neither Debian nor Ubuntu: please install the packages of workshop/packages.txt by your own means."
        return
    fi
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        die "These packages are missing, and neither root nor sudo is at hand:" "$(echo $missing)" \
            "As root: apt-get install --no-install-recommends $(echo $missing)"
    fi
    say "About to install these packages of the system: $(echo $missing)"
    list=$(mktemp)
    trap 'rm -f "$list"' RETURN
    as_root apt-get update -qq >"$list" 2>&1 || say "apt-get update failed; going on with the lists that are there."
    for name in $missing; do
        if [ -n "$(apt-cache policy "$name" 2>/dev/null | sed -n 's/^  Candidate: \(.*\)/\1/p' | grep -v '(none)')" ]; then
            wanted+=("$name")
        else
            say "  $name is not to be had on this system; 'workshop doctor' says what it would give."
        fi
    done
    [ ${#wanted[@]} -gt 0 ] || return 0
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" \
        >"$list" 2>&1; then
        tail -n 20 "$list" >&2
        die "The packages could not be installed; what apt-get said stands above." \
            "By hand: apt-get install --no-install-recommends ${wanted[*]}"
    fi
    case " ${wanted[*]} " in
    *' zfs-fuse '*)
        # The package starts a daemon at every boot; the workshop starts its own, inside the lab.
        if [ -d /run/systemd/system ]; then as_root systemctl disable --now zfs-fuse >/dev/null 2>&1 || true; fi
        ;;
    esac
}

# A Python of 3.11 or later that can make virtual environments.
find_python() {
    local python
    for python in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do
        if "$python" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$python"
            return
        fi
    done
    die "No Python of version 3.11 or later with venv was found (found: $(python3 --version 2>&1))." \
        "Debian 12 and Ubuntu 24.04 have one: apt-get install python3 python3-venv"
}

# install_python [EXTRA]: the virtual environment with the workshop (editable), and an extra such as `test`.
install_python() {
    local extra=${1:-} stamp want python log
    stamp=$venv/.stamp${extra:+-$extra}
    want=$(cksum <"$root/pyproject.toml")" $root"
    if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then return; fi
    python=$(find_python)
    say "About to install Python's packages into $venv: the workshop${extra:+ with what its tests need}"
    log=$(mktemp)
    trap 'rm -f "$log"' RETURN
    if ! { "$venv/bin/python" -c '' 2>/dev/null || "$python" -m venv --clear "$venv"; } >"$log" 2>&1 ||
        ! "$venv/bin/python" -m pip install -q --disable-pip-version-check -e "$root${extra:+[$extra]}" >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "Python's packages could not be installed; what pip said stands above." \
            "With the network back, the same command goes on from here."
    fi
    printf '%s\n' "$want" >"$stamp"
}
