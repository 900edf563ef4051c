#pragma once
// What Linux offers and Swift's Glibc module does not import: other headers, and functions with variable arguments.
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/types.h>
#include <sys/wait.h>

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
