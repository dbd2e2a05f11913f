"""The names of the capabilities, by their bits in the sets of `/proc/PID/status` (capabilities(7))."""

from __future__ import annotations

NAMES = (
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
)
"""`NAMES[n]` is bit n. A kernel that is newer than this list may have more."""

DOCKER = (
    "audit_write chown dac_override fowner fsetid kill mknod net_bind_service net_raw setfcap setgid setpcap "
    "setuid sys_chroot"
)
"""What Docker leaves to a container's root, if nobody says otherwise."""


def bits(names: str) -> int:
    """The set of these capabilities (a list by spaces); ValueError for a name that is none."""
    return sum(1 << NAMES.index(name) for name in names.split())


def names(found: int) -> tuple[str, ...]:
    """The capabilities in a set; one that has no name here is its number."""
    numbers = [number for number in range(found.bit_length()) if found >> number & 1]
    return tuple(NAMES[number] if number < len(NAMES) else str(number) for number in numbers)
