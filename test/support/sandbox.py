# SPDX-License-Identifier: Apache-2.0
"""sandbox.py UNIT PROGRAM [ARGUMENT…]: runs a program with what a systemd unit allows, where no systemd runs.

The file systems of ProtectSystem=strict and PrivateDevices=yes, the runtime directory, the user, the capabilities, the address
families and the filter of system calls are those of the unit; what else it has is not applied.
"""
import ctypes
import os
import subprocess
import sys

import seccomp  # Debian: python3-seccomp

CLONE_NEWNS = 0x20000
NOBODY = "65534"
CLONE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))


def settings(path):
    """All values of each setting, in their order."""
    values = {}
    for line in open(path, encoding="utf-8"):
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            values.setdefault(name, []).append(value)
    return values


def system_calls(words):
    """Expands groups (@system-service) as systemd does."""
    names = set()
    for word in words:
        if not word.startswith("@"):
            names.add(word)
            continue
        listed = subprocess.run(["systemd-analyze", "syscall-filter", word], check=True, capture_output=True, text=True)
        inner = [line.strip() for line in listed.stdout.splitlines() if line.startswith("    ")]
        names |= system_calls([one for one in inner if not one.startswith("#")])
    return names


def allowed(filters):
    names = system_calls(["@default"])
    for line in filters:
        if line.startswith("~"):
            names -= system_calls(line[1:].split())
        else:
            names |= system_calls(line.split())
    return names


def hide_temporary_files():
    """/tmp is empty, but for the clone, if that is below it."""
    if not CLONE.startswith("/tmp/"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/tmp"], check=True)
        return
    subprocess.run(["mount", "-n", "--bind", CLONE, "/mnt"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/tmp"], check=True)
    os.makedirs(CLONE)
    subprocess.run(["mount", "-n", "--move", "/mnt", CLONE], check=True)
    subprocess.run(["mount", "-n", "-o", "remount,bind,ro", CLONE], check=True)


def read_only_mounts():
    """All that is mounted becomes read-only for us alone, and /dev has what every program has."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        sys.exit("cannot unshare mounts: run as root")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    for line in open("/proc/self/mounts", encoding="utf-8").read().splitlines():
        target = line.split()[1].encode().decode("unicode_escape")
        if not target.startswith(("/dev", "/proc")):
            subprocess.run(["mount", "-o", "remount,bind,ro", target], check=False, stderr=subprocess.DEVNULL)
    hide_temporary_files()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/dev"], check=True)
    for name, minor in (("null", 3), ("zero", 5), ("random", 8), ("urandom", 9)):
        subprocess.run(["mknod", "-m", "666", f"/dev/{name}", "c", "1", str(minor)], check=True)


def runtime_directory(unit):
    """That of RuntimeDirectory=, which the user may write to, in a /run of our own."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
    path = os.path.join("/run", unit["RuntimeDirectory"][0])
    os.mkdir(path)
    os.chmod(path, int(unit["RuntimeDirectoryMode"][0], 8))
    os.chown(path, int(NOBODY), int(NOBODY))


def load_filter(unit):
    families = unit["RestrictAddressFamilies"][0].split()
    calls = seccomp.SyscallFilter(seccomp.ERRNO(1))
    numbers = sorted(getattr(__import__("socket"), family) for family in families)
    for name in sorted(allowed(unit["SystemCallFilter"]) - {"socket"}):
        try:
            calls.add_rule(seccomp.ALLOW, name)
        except (RuntimeError, OSError):
            pass  # Not of this architecture.
    for number in numbers:
        calls.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, number))
    calls.load()


def main():
    unit = settings(sys.argv[1])
    # setpriv changes the user, which the filter forbids: so the filter is loaded after it, by this script again.
    if sys.argv[2] == "--filter":
        load_filter(unit)
        os.execvp(sys.argv[3], sys.argv[3:])
    read_only_mounts()
    runtime_directory(unit)
    granted = "".join(f",+{name.lower().removeprefix('cap_')}" for name in unit["AmbientCapabilities"][0].split())
    sets = [f"--{name}=-all{granted}" for name in ("inh-caps", "ambient-caps", "bounding-set")]
    ids = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    again = [sys.executable, os.path.abspath(__file__), sys.argv[1], "--filter"]
    os.execvp("setpriv", ["setpriv", *ids, *sets, *again, *sys.argv[2:]])


main()
