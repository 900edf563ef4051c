#pragma once
// What Linux offers and Swift's Glibc module does not import: other headers, functions with variable arguments, and
// system calls without a wrapper in glibc 2.36.
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/// openat2(2), Linux 5.6: the file descriptor, or -1 with errno.
static inline int execbus_openat2(int folder, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

/// syncfs(2), which glibc declares for _GNU_SOURCE only: 0, or -1 with errno.
static inline int execbus_syncfs(int file) { return (int)syscall(SYS_syncfs, file); }

/// fsetxattr(2) without flags: 0, or -1 with errno.
static inline int execbus_fsetxattr(int file, const char *name, const void *value, unsigned long size) {
    return (int)syscall(SYS_fsetxattr, file, name, value, size, 0);
}

/// pidfd_open(2), Linux 5.3, whose header would bring half of the C library along: the file descriptor, closed on exec, or
/// -1 with errno.
static inline int execbus_pidfd_open(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }

/// Has the kernel send this process a signal once the thread that started it has ended. 0, or an errno.
int execbus_die_with_parent(int signal_number);

/// From now on each such signal writes its number, as one byte, to `descriptor`. 0, or an errno.
///
/// The handler is C, since in a handler nothing may allocate, lock or initialise, and Swift promises none of this.
int execbus_forward_signal(int signal_number, int descriptor);

/// Makes a pipe, its reading and its writing end, which no program that this process starts inherits. 0, or an errno.
int execbus_pipe(int *reading, int *writing);

enum execbus_group { execbus_group_inherited, execbus_group_own, execbus_group_session };

/// Starts a program by posix_spawn(3). 0, or an errno.
///
/// It gets `streams` as its descriptors 0, 1 and 2 and no other, no signal is blocked or ignored, and it starts in
/// `directory` where that is not null.
int execbus_spawn(pid_t *pid, const char *path, char *const *arguments, char *const *environment,
                  const char *directory, const int *streams, enum execbus_group group);
