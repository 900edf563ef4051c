#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <unistd.h>

int execbus_die_with_parent(int signal_number) {
    return prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) == 0 ? 0 : errno;
}

enum { highest_signal = 64 };
// The descriptor plus one, so that 0 means that there is none.
static volatile sig_atomic_t descriptors[highest_signal + 1];

static void forward(int signal_number) {
    int saved = errno;
    int descriptor = (int)descriptors[signal_number] - 1;
    unsigned char byte = (unsigned char)signal_number;
    // A full pipe already holds signals that wait to be read; one more says nothing new.
    if (descriptor >= 0 && write(descriptor, &byte, 1) < 0) errno = 0;
    errno = saved;
}

int execbus_forward_signal(int signal_number, int descriptor) {
    if (signal_number < 1 || signal_number > highest_signal) return EINVAL;
    descriptors[signal_number] = descriptor + 1;
    struct sigaction action = {0};
    action.sa_handler = forward;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    return sigaction(signal_number, &action, 0) == 0 ? 0 : errno;
}

int execbus_pipe(int *reading, int *writing) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return errno;
    *reading = ends[0];
    *writing = ends[1];
    return 0;
}

int execbus_spawn(pid_t *pid, const char *path, char *const *arguments, char *const *environment,
                  const char *directory, const int *streams, enum execbus_group group) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);

    int error = 0;
    for (int standard = 0; standard <= 2 && error == 0; standard++)
        error = posix_spawn_file_actions_adddup2(&actions, streams[standard], standard);
    if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (error == 0 && directory) error = posix_spawn_file_actions_addchdir_np(&actions, directory);

    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (group == execbus_group_own) flags |= POSIX_SPAWN_SETPGROUP;
    if (group == execbus_group_session) flags |= POSIX_SPAWN_SETSID;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, flags);

    if (error == 0) error = posix_spawn(pid, path, &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}
