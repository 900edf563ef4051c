#pragma once
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

// prctl is variadic too.
static inline void crabbitmq_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

// The library's login is variadic, which Swift does not import. This one logs in with PLAIN and announces what we
// handle: without consumer_cancel_notify a consumer whose queue goes away would wait for ever, without
// connection.blocked a publisher would not learn that the broker holds it back.
static inline amqp_rpc_reply_t crabbitmq_login_plain(amqp_connection_state_t state, const char *virtual_host,
                                                     int channel_max, int frame_max, int heartbeat,
                                                     const char *connection_name, const char *user,
                                                     const char *password) {
    const char *names[] = {"consumer_cancel_notify", "connection.blocked", "basic.nack", "publisher_confirms"};
    enum { count = sizeof names / sizeof names[0] };
    amqp_table_entry_t capability[count];
    for (int i = 0; i < count; i++) {
        capability[i].key = amqp_cstring_bytes(names[i]);
        capability[i].value.kind = AMQP_FIELD_KIND_BOOLEAN;
        capability[i].value.value.boolean = 1;
    }
    amqp_table_entry_t entry[2];
    entry[0].key = amqp_cstring_bytes("capabilities");
    entry[0].value.kind = AMQP_FIELD_KIND_TABLE;
    entry[0].value.value.table.num_entries = count;
    entry[0].value.value.table.entries = capability;
    entry[1].key = amqp_cstring_bytes("connection_name");
    entry[1].value.kind = AMQP_FIELD_KIND_UTF8;
    entry[1].value.value.bytes = amqp_cstring_bytes(connection_name);
    amqp_table_t properties = {2, entry};
    return amqp_login_with_properties(state, virtual_host, channel_max, frame_max, heartbeat, &properties,
                                      AMQP_SASL_METHOD_PLAIN, user, password);
}
