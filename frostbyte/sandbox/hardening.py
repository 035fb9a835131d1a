"""What a child gives up before it looks at a file: privileges, files, network, programs, signals.

Linux. Landlock (`man 7 landlock`) leaves it the libraries to read and nothing to write; a
seccomp filter (`man 2 seccomp`) refuses the system calls that reach out of the process. A kernel
without one of the two leaves the other, and the limits and the empty environment in any case.
"""

import ctypes
import os
import platform
import signal
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2

_LANDLOCK_CREATE: Final = 444
_LANDLOCK_ADD_RULE: Final = 445
_LANDLOCK_RESTRICT: Final = 446
_LANDLOCK_VERSION: Final = 1
_LANDLOCK_PATH_BENEATH: Final = 1
_READ: Final = 0b1101
"""LANDLOCK_ACCESS_FS_EXECUTE (to map libraries), READ_FILE and READ_DIR."""
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights over files each version of Landlock knows; all are given up."""
_TCP_RIGHTS: Final = 0b11
_SCOPES: Final = 0b11

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Be killed when the process that forked this one ends: `man 2 PR_SET_PDEATHSIG`."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() == 1:
        os._exit(1)


def give_up_rights() -> None:
    """Leave this process its memory, its open descriptors and the libraries, and little else."""
    os.chdir("/")
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return
    with suppress(OSError):
        _restrict_files()
    with suppress(OSError):
        _filter_calls()


def landlock_version() -> int:
    """Return the version of Landlock that the kernel has, 0 for none."""
    return max(0, int(_libc.syscall(_LANDLOCK_CREATE, None, 0, _LANDLOCK_VERSION)))


def _restrict_files() -> None:
    version = landlock_version()
    if not version:
        return
    # struct landlock_ruleset_attr: handled_access_fs, handled_access_net, scoped.
    files = (1 << _FILE_RIGHTS[min(version, max(_FILE_RIGHTS))]) - 1
    attributes = struct.pack(
        "=QQQ", files, _TCP_RIGHTS if version >= 4 else 0, _SCOPES if version >= 6 else 0
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _checked(_libc.syscall(_LANDLOCK_CREATE, attributes, size, 0))
    try:
        for path in _readable():
            _allow_reading(ruleset, path)
        _checked(_libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0))
    finally:
        os.close(ruleset)


def _allow_reading(ruleset: int, path: Path) -> None:
    try:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rule = struct.pack("=Qi", _READ, folder)
        _checked(_libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_PATH_BENEATH, rule, 0))
    finally:
        os.close(folder)


def _readable() -> set[Path]:
    """Return the folders of the interpreter, the system's libraries, and the packages in use.

    Not the project's folder as a whole: its `.env` and its data are no library.
    """
    system = {Path(sys.prefix), Path(sys.base_prefix), Path("/usr"), Path("/lib"), Path("/lib64")}
    packages = {
        Path(folder)
        for name, module in list(sys.modules.items())
        if "." not in name
        for folder in getattr(module, "__path__", ())
    }
    return system | packages


@dataclass(frozen=True, slots=True)
class _Architecture:
    """Numbers of system calls, by name, as the kernel's tables for one machine give them."""

    audit: int
    refused: tuple[int, ...]
    clone: int
    prlimit: int


_COMMON: Final = (425, 434, 438, 424, 435)
"""io_uring_setup, pidfd_open, pidfd_getfd, pidfd_send_signal, clone3: the same everywhere."""
_ARCHITECTURES: Final = {
    "x86_64": _Architecture(
        audit=0xC000003E,
        # socket connect bind listen accept accept4 fork vfork execve execveat kill tkill tgkill
        # rt_sigqueueinfo ptrace process_vm_readv/writev setsid setpgid unshare setns mount bpf
        # perf_event_open keyctl add_key request_key userfaultfd open_by_handle_at chroot
        refused=(41, 42, 49, 50, 43, 288, 57, 58, 59, 322, 62, 200, 234, 129, 101, 310, 311, 112,
                 109, 272, 308, 165, 321, 298, 250, 248, 249, 323, 304, 161),
        clone=56,
        prlimit=302,
    ),
    "aarch64": _Architecture(
        audit=0xC00000B7,
        refused=(198, 203, 200, 201, 202, 242, 221, 281, 129, 130, 131, 138, 117, 270, 271, 157,
                 154, 97, 268, 40, 280, 241, 219, 217, 218, 282, 265, 51),
        clone=220,
        prlimit=261,
    ),
}  # fmt: skip
_CLONE_THREAD: Final = 0x00010000
_X32: Final = 0x40000000

# Classic BPF, as struct sock_filter of linux/filter.h; offsets are those of struct seccomp_data.
_LOAD: Final = 0x20
_EQUAL: Final = 0x15
_AT_LEAST: Final = 0x35
_BITS: Final = 0x45
_RETURN: Final = 0x06
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16
_KILL: Final = 0x80000000
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | 1
_ABSENT: Final = 0x00050000 | 38
"""SECCOMP_RET_ERRNO with EPERM, and with ENOSYS, on which the C library takes the older call."""
_CLONE3: Final = 435


class _ShortProgram(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def _filter_calls() -> None:
    machine = _ARCHITECTURES.get(platform.machine())
    if machine is None:
        return
    code = b"".join(_program(machine))
    program = _ShortProgram(len(code) // 8, code)
    _checked(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0))


def _program(machine: _Architecture) -> list[bytes]:
    """Return the filter: refuse what is listed, threads may be made, own limits may be read."""
    program = [
        _step(_LOAD, _MACHINE),
        _step(_EQUAL, machine.audit, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        _step(_AT_LEAST, _X32, 0, 1),
        _step(_RETURN, _KILL),
        _step(_EQUAL, _CLONE3, 0, 1),
        _step(_RETURN, _ABSENT),
    ]
    for number in (*machine.refused, *_COMMON):
        program += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _REFUSE)]
    program += [
        _step(_EQUAL, machine.clone, 0, 3),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_BITS, _CLONE_THREAD, 0, 4),
        _step(_RETURN, _ALLOW),
        _step(_EQUAL, machine.prlimit, 0, 3),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_EQUAL, 0, 1, 0),
        _step(_RETURN, _REFUSE),
        _step(_RETURN, _ALLOW),
    ]
    return program


def _step(operation: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, if_true, if_false, value)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "the kernel refused to restrict the process")
    return int(result)
