// The ceiling: what a program in C gets out of librabbitmq and one RabbitMQ, with nothing in between.
//
//     messaging publish|consume|ask|respond HOST PORT USER PASSWORD QUEUE COUNT
//
// Writes one line of JSON. `respond` writes "ready" and answers until it is killed.
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { body_size = 1024, window = 1000, ack_every = 100, channel = 1 };

static amqp_connection_state_t connection;

static void fail(const char *what) {
    fprintf(stderr, "messaging: %s failed\n", what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void check(const char *what) {
    if (amqp_get_rpc_reply(connection).reply_type != AMQP_RESPONSE_NORMAL) fail(what);
}

static void log_in(const char *host, int port, const char *user, const char *password) {
    connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    if (!socket || amqp_socket_open(socket, host, port)) fail("connecting");
    amqp_rpc_reply_t reply =
        amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, user, password);
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) fail("the login");
    amqp_channel_open(connection, channel);
    check("opening a channel");
}

static void next_frame(amqp_frame_t *frame) {
    amqp_maybe_release_buffers_on_channel(connection, channel);
    if (amqp_simple_wait_frame(connection, frame) != AMQP_STATUS_OK) fail("reading");
}

static void publish(const char *exchange, amqp_bytes_t key, const amqp_basic_properties_t *properties,
                    amqp_bytes_t body) {
    if (amqp_basic_publish(connection, channel, amqp_cstring_bytes(exchange), key, 0, 0, properties, body) !=
        AMQP_STATUS_OK)
        fail("publishing");
}

static void consume(amqp_bytes_t queue, int no_ack) {
    amqp_basic_consume(connection, channel, queue, amqp_empty_bytes, 0, no_ack, 0, amqp_empty_table);
    check("consuming");
}

static void make_properties(amqp_basic_properties_t *properties, int is_persistent) {
    memset(properties, 0, sizeof *properties);
    properties->_flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG;
    properties->content_type = amqp_cstring_bytes("application/json");
    properties->delivery_mode = is_persistent ? 2 : 1;
    properties->message_id = amqp_cstring_bytes("a3d0c5c2-6d3e-4b6f-9a51-0d7f3f2b8c11");
}

static void report(long count, double seconds, double cpu_seconds) {
    printf("{\"count\": %ld, \"seconds\": %.6f, \"cpu\": %.6f}\n", count, seconds, cpu_seconds);
}

// As many as the window allows, then whatever confirms have come.
static void publish_confirmed(const char *queue, long count) {
    amqp_confirm_select(connection, channel);
    check("confirm.select");
    char body[body_size];
    memset(body, 'x', sizeof body);
    amqp_basic_properties_t properties;
    make_properties(&properties, 1);
    double start = now(), start_cpu = cpu();
    long sent = 0, confirmed = 0;
    while (confirmed < count) {
        while (sent < count && sent - confirmed < window) {
            publish("", amqp_cstring_bytes(queue), &properties, (amqp_bytes_t){sizeof body, body});
            sent++;
        }
        do {
            amqp_frame_t frame;
            next_frame(&frame);
            if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
                fail("a confirm");
            amqp_basic_ack_t *ack = frame.payload.method.decoded;
            // A quorum queue confirms in order, several at once or one by one.
            confirmed = ack->multiple ? (long)ack->delivery_tag : confirmed + 1;
        } while (amqp_frames_enqueued(connection) || amqp_data_in_buffer(connection));
    }
    report(count, now() - start, cpu() - start_cpu);
}

// A whole message by its frames; its delivery tag.
static uint64_t next_delivery(amqp_basic_properties_t **properties) {
    amqp_frame_t frame;
    do {
        next_frame(&frame);
    } while (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_DELIVER_METHOD);
    uint64_t tag = ((amqp_basic_deliver_t *)frame.payload.method.decoded)->delivery_tag;
    if (amqp_simple_wait_frame(connection, &frame) != AMQP_STATUS_OK || frame.frame_type != AMQP_FRAME_HEADER)
        fail("a header");
    if (properties) *properties = frame.payload.properties.decoded;
    uint64_t missing = frame.payload.properties.body_size;
    while (missing > 0) {
        if (amqp_simple_wait_frame(connection, &frame) != AMQP_STATUS_OK || frame.frame_type != AMQP_FRAME_BODY)
            fail("a body");
        missing -= frame.payload.body_fragment.len;
    }
    return tag;
}

static void consume_acknowledged(const char *queue, long count) {
    amqp_basic_qos(connection, channel, 0, 1000, 0);
    check("basic.qos");
    double start = now(), start_cpu = cpu();
    consume(amqp_cstring_bytes(queue), 0);
    for (long got = 1; got <= count; got++) {
        uint64_t tag = next_delivery(NULL);
        if (got % ack_every == 0 || got == count) amqp_basic_ack(connection, channel, tag, 1);
    }
    report(count, now() - start, cpu() - start_cpu);
}

static void ask(const char *queue, long count) {
    amqp_queue_declare_ok_t *mine =
        amqp_queue_declare(connection, channel, amqp_empty_bytes, 0, 0, 1, 1, amqp_empty_table);
    check("declaring a queue");
    amqp_bytes_t reply_to = amqp_bytes_malloc_dup(mine->queue);
    amqp_queue_bind(connection, channel, reply_to, amqp_cstring_bytes("replies"), reply_to, amqp_empty_table);
    check("binding a queue");
    consume(reply_to, 1);
    char body[body_size];
    memset(body, 'x', sizeof body);
    amqp_basic_properties_t properties;
    make_properties(&properties, 1);
    properties._flags |= AMQP_BASIC_REPLY_TO_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG;
    properties.reply_to = reply_to;
    printf("{\"microseconds\": [");
    for (long i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "%ld", i);
        properties.correlation_id = amqp_cstring_bytes(id);
        double start = now();
        publish("commands", amqp_cstring_bytes(queue), &properties, (amqp_bytes_t){sizeof body, body});
        amqp_basic_properties_t *answer;
        next_delivery(&answer);
        if (answer->correlation_id.len != strlen(id) || memcmp(answer->correlation_id.bytes, id, strlen(id)))
            fail("the right answer");
        printf("%s%.1f", i ? ", " : "", (now() - start) * 1e6);
    }
    printf("]}\n");
}

static void respond(const char *queue) {
    amqp_basic_qos(connection, channel, 0, 100, 0);
    check("basic.qos");
    consume(amqp_cstring_bytes(queue), 0);
    puts("ready");
    fflush(stdout);
    char body[body_size];
    memset(body, 'y', sizeof body);
    amqp_basic_properties_t properties;
    make_properties(&properties, 0);
    properties._flags |= AMQP_BASIC_CORRELATION_ID_FLAG;
    for (;;) {
        amqp_basic_properties_t *question;
        uint64_t tag = next_delivery(&question);
        properties.correlation_id = question->correlation_id;
        publish("replies", question->reply_to, &properties, (amqp_bytes_t){sizeof body, body});
        amqp_basic_ack(connection, channel, tag, 0);
    }
}

int main(int count, char **words) {
    if (count != 8) {
        fprintf(stderr, "usage: messaging publish|consume|ask|respond HOST PORT USER PASSWORD QUEUE COUNT\n");
        return 2;
    }
    log_in(words[2], atoi(words[3]), words[4], words[5]);
    const char *what = words[1], *queue = words[6];
    long number = atol(words[7]);
    if (!strcmp(what, "publish")) publish_confirmed(queue, number);
    else if (!strcmp(what, "consume")) consume_acknowledged(queue, number);
    else if (!strcmp(what, "ask")) ask(queue, number);
    else if (!strcmp(what, "respond")) respond(queue);
    else fail(what);
    return 0;
}
