#pragma once
#include <netinet/in.h>
#include <microhttpd.h>

// Variadic functions are not imported into Swift.

/// Serves `address` with a thread of the library's own; NULL and errno where that is not possible.
static inline struct MHD_Daemon *execbus_http_start(
    const struct sockaddr_in *address, MHD_AccessHandlerCallback handler, void *context, unsigned int connections,
    unsigned int seconds) {
    return MHD_start_daemon(
        MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, handler, context, MHD_OPTION_SOCK_ADDR, address,
        MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_TIMEOUT, seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(16 << 10), MHD_OPTION_END);
}

static inline uint16_t execbus_http_port(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}
