"""System calls that put a process alone: own user, mount, process, network, IPC and name namespaces, and an own root.

The new root is built from nothing: only what is named is in it, so there is no home, no secret, no socket of the host
to be hidden. What is bound into it is read-only; the only writable place is one memory file system with a quota, which
goes when the process goes. Linux 5.12 is needed (`mount_setattr` makes a whole tree of mounts read-only at once).

Everything here runs in the trusted process, before untrusted code starts, and raises `OSError` naming the step.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP = 0x10000000, 0x20000000, 0x40000000, 0x02000000
ALL = (
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP
)

_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
_MNT_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_SYS_MOUNT_SETATTR = 442  # the same number on every architecture
_SYS_KEYCTL = {"x86_64": 250, "aarch64": 219}
_KEYCTL_JOIN_SESSION_KEYRING = 1
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
_LAST_CAPABILITY = 63  # of any kernel; those it does not know are refused one by one

INNER_UID = 1000  # who the untrusted code is, inside
NOBODY = 65534  # who it is outside if we are root: never root
_SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
_ETC = ("ld.so.cache", "localtime", "alternatives")
_DEVICES = ("null", "zero", "full", "random", "urandom")
SCRATCH = ("/tmp", "/home/tester", "/dev/shm", "/repository")  # noqa: S108 (inside the new root)
"""The only writable directories inside; they share one quota."""

_libc = ctypes.CDLL(None, use_errno=True)


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd")]


def _check(result: int, step: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{step}: {os.strerror(number)}")


def _prctl(option: int, value: int) -> int:
    result: int = _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0)
    return result


def die_with_parent(parent: int) -> None:
    """The kernel kills this process when the one that started it ends. `parent`: its id, against the race."""
    _check(_prctl(_PR_SET_PDEATHSIG, 9), "prctl")
    if parent != os.getppid():
        os._exit(1)


def unshare_all() -> None:
    """Leave all namespaces of the host. The process namespace begins with the next child. Ids are mapped: an ordinary
    user becomes `INNER_UID`; root becomes root of the namespace only, and `NOBODY` of the host is `INNER_UID`.
    """
    user, group, asker = os.geteuid(), os.getegid(), os.getpid()
    if user == 0:
        maps = {"uid_map": f"0 0 1\n{INNER_UID} {NOBODY} 1", "gid_map": f"0 0 1\n{INNER_UID} {NOBODY} 1"}
    else:
        maps = {"setgroups": "deny", "uid_map": f"{INNER_UID} {user} 1", "gid_map": f"{INNER_UID} {group} 1"}
    if user != 0:
        _check(_libc.unshare(ALL), "unshare")
        _write_maps(asker, maps)
        return
    ready, told = os.pipe()  # only a process that stays outside may map two ids
    helper = os.fork()
    if helper == 0:
        os.close(told)
        status = 1
        with suppress(OSError):
            if os.read(ready, 1):
                _write_maps(asker, maps)
                status = 0
        os._exit(status)
    os.close(ready)
    try:
        _check(_libc.unshare(ALL), "unshare")
        os.write(told, b"x")
    finally:
        os.close(told)
        _, status = os.waitpid(helper, 0)
    if status != 0:
        raise OSError(1, "uid_map: root may not map an ordinary user here")


def _write_maps(process: int, maps: Mapping[str, str]) -> None:
    for name, text in maps.items():
        Path(f"/proc/{process}/{name}").write_text(text)


def drop_all_rights() -> None:
    """Become `INNER_UID` without a right, for ever; what an ordinary user has in its namespace goes with `exec`."""
    for capability in range(_LAST_CAPABILITY + 1):
        _prctl(_PR_CAPBSET_DROP, capability)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(INNER_UID, INNER_UID, INNER_UID)
        os.setresuid(INNER_UID, INNER_UID, INNER_UID)
    _check(_prctl(_PR_SET_NO_NEW_PRIVS, 1), "no_new_privs")


def hide_memory(hidden: bool = True) -> None:
    """Nobody without our rights may read this process and its children: no ptrace, no /proc/1/mem, no core file."""
    _check(_prctl(_PR_SET_DUMPABLE, 0 if hidden else 1), "dumpable")


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    _check(
        _libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode()),
        f"mount {target}",
    )


def _read_only(target: str, recursive: bool) -> None:
    attributes = _MountAttributes(_ATTR_RDONLY | _ATTR_NOSUID | _ATTR_NODEV, 0, 0, 0)
    _check(
        _libc.syscall(
            ctypes.c_long(_SYS_MOUNT_SETATTR),
            ctypes.c_int(_AT_FDCWD),
            target.encode(),
            ctypes.c_uint(_AT_RECURSIVE if recursive else 0),
            ctypes.byref(attributes),
            ctypes.c_size_t(ctypes.sizeof(attributes)),
        ),
        f"read-only {target}",
    )


def enter_new_root(
    visible: Iterable[str], copies: Mapping[str, str], files: Mapping[str, str], scratch_bytes: int
) -> None:
    """Make a root of our own and enter it; call it as process 1 of the new namespace.

    `visible`: paths of the host, seen at the same place, read-only. `copies`: path inside -> tree of the host that is
    copied there; `files`: path inside -> text, written last; both below `SCRATCH`. `scratch_bytes`: quota of `SCRATCH`.
    """
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    _mount("tmpfs", "/tmp", "tmpfs", _MS_NOSUID | _MS_NODEV, "size=1m,mode=755")  # noqa: S108
    os.chdir("/tmp")  # noqa: S108
    Path("new").mkdir()
    Path("old").mkdir()
    _check(_libc.pivot_root(b".", b"old"), "pivot_root")
    os.chdir("/")
    _mount("tmpfs", "/new", "tmpfs", _MS_NOSUID | _MS_NODEV, "size=1m,mode=755")
    _mount_system()
    _mount_scratch(scratch_bytes)
    for path in sorted(visible):
        _bind(f"/old{path}", f"/new{path}")
    for inside, host in copies.items():
        shutil.copytree(f"/old{host}", f"/new{inside}", symlinks=True, dirs_exist_ok=True)
    for inside, text in files.items():
        target = Path(f"/new{inside}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode("utf-8", "surrogateescape"))
    if os.geteuid() == 0:
        _give_away("/new/scratch")
    _read_only("/new", recursive=False)
    _check(_libc.umount2(b"/old", _MNT_DETACH), "umount old root")
    os.chdir("/new")
    _check(_libc.pivot_root(b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _MNT_DETACH), "umount")
    os.chdir("/")
    _close_doors()


def _mount_system() -> None:
    """Programs and libraries of the system, a few devices, `/proc` of the new process namespace."""
    for name in _SYSTEM:
        host, inside = Path("/old", name), Path("/new", name)
        if host.is_symlink():
            inside.symlink_to(host.readlink())
        elif host.is_dir():
            _bind(str(host), str(inside))
    Path("/new/etc").mkdir()
    for name in _ETC:
        if Path("/old/etc", name).exists() and not Path("/old/etc", name).is_symlink():
            _bind(f"/old/etc/{name}", f"/new/etc/{name}")
    user = f"tester:x:{INNER_UID}:{INNER_UID}:tester:/home/tester:/bin/sh\n"
    Path("/new/etc/passwd").write_text(user)
    Path("/new/etc/group").write_text(f"tester:x:{INNER_UID}:\n")
    Path("/new/etc/hosts").write_text("127.0.0.1 localhost sandbox\n")
    Path("/new/dev").mkdir()
    for name in _DEVICES:
        Path("/new/dev", name).touch()
        _mount(f"/old/dev/{name}", f"/new/dev/{name}", "", _MS_BIND)
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        Path("/new/dev", name).symlink_to(f"/proc/self/fd/{number}")
    Path("/new/dev/fd").symlink_to("/proc/self/fd")
    Path("/new/proc").mkdir()
    _mount("proc", "/new/proc", "proc", _MS_NOSUID | _MS_NODEV)


def _bind(host: str, inside: str) -> None:
    target = Path(inside)
    if target.exists() and Path(host).samefile(target):
        return  # lies in a tree that is bound already
    target.parent.mkdir(parents=True, exist_ok=True)
    if Path(host).is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    _mount(host, inside, "", _MS_BIND | _MS_REC)
    _read_only(inside, recursive=True)


def _mount_scratch(size: int) -> None:
    Path("/new/scratch").mkdir()
    _mount("tmpfs", "/new/scratch", "tmpfs", _MS_NOSUID | _MS_NODEV, f"size={size},nr_inodes=100k,mode=755")
    for number, inside in enumerate(SCRATCH):
        source = Path(f"/new/scratch/{number}")
        source.mkdir()
        Path(f"/new{inside}").mkdir(parents=True, exist_ok=True)
        _mount(str(source), f"/new{inside}", "", _MS_BIND)


def _give_away(folder: str) -> None:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(os.path.join(parent, name), INNER_UID, INNER_UID, follow_symlinks=False)  # noqa: PTH118
    os.chown(folder, INNER_UID, INNER_UID)


def _close_doors() -> None:
    """No further user namespaces (with them come fresh rights), no keyring of the caller, no name of the host."""
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
    name = b"sandbox"
    _check(_libc.sethostname(name, len(name)), "sethostname")
    keyctl = _SYS_KEYCTL.get(os.uname().machine)
    if keyctl is not None:  # kernels without keyrings refuse; there is nothing to hide then
        _libc.syscall(ctypes.c_long(keyctl), ctypes.c_long(_KEYCTL_JOIN_SESSION_KEYRING), None)
