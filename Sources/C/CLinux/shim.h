#pragma once
// System calls of Linux that Swift cannot reach by itself: variadic, without a wrapper in glibc 2.36, or hidden by a
// structure of the same name.
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

// openat2(2), Linux 5.6: the file descriptor, or -1 with errno.
static inline int execbus_openat2(int folder, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

// flock(2): 0, or -1 with errno.
static inline int execbus_flock(int file, int operation) { return (int)syscall(SYS_flock, file, operation); }

// syncfs(2), which glibc declares for _GNU_SOURCE only: 0, or -1 with errno.
static inline int execbus_syncfs(int file) { return (int)syscall(SYS_syncfs, file); }

// fsetxattr(2) without flags: 0, or -1 with errno.
static inline int execbus_fsetxattr(int file, const char *name, const void *value, unsigned long size) {
    return (int)syscall(SYS_fsetxattr, file, name, value, size, 0);
}

// eventfd(2): a counter that poll(2) can wait for, non-blocking and closed on exec; or -1 with errno.
static inline int execbus_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
