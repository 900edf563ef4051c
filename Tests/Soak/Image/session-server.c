// A session for the scenarios, small enough to be pulled in no time: it answers as a notebook server does, to who has
// the token alone, and lists what lies in the session's area.
//
//   {base}api/status           200 {}, as a sign of life that proves the token
//   {base}api/contents/data    the files of the session's data and their sizes
//   {base}quit                 ends the server, as a person does who logs out
#include <arpa/inet.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void answer(int client, const char *status, const char *body) {
    char head[256];
    int count = snprintf(head, sizeof head,
                         "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                         status, strlen(body));
    if (write(client, head, count) != count || write(client, body, strlen(body)) < 0) return;
}

static void list(const char *folder, char *body, size_t size) {
    size_t used = snprintf(body, size, "{\"content\":[");
    DIR *entries = opendir(folder);
    int first = 1;
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        char path[1024];
        struct stat file;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (stat(path, &file) != 0 || !S_ISREG(file.st_mode)) continue;
        used += snprintf(body + used, size - used, "%s{\"name\":\"%s\",\"size\":%lld}", first ? "" : ",", entry->d_name,
                         (long long)file.st_size);
        first = 0;
    }
    if (entries) closedir(entries);
    snprintf(body + used, size - used, "]}");
}

static void leave(int number) { _exit(128 + number); }

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "fail") == 0) {
        fprintf(stderr, "this image cannot start\n");
        return 3;
    }
    // The first process of a container ends by a signal only if it says so.
    signal(SIGTERM, leave);
    const char *token = getenv("JUPYTER_TOKEN"), *port = getenv("SESSION_PORT"), *id = getenv("SESSION_ID");
    if (!token || !port || !id) return 4;
    char base[256];
    snprintf(base, sizeof base, "/session/%s/", id);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int server = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0 || listen(server, 16) != 0) return 5;
    // A child, so that ending the session has more than one process to end.
    if (fork() == 0) for (;;) pause();
    for (;;) {
        int client = accept(server, NULL, NULL);
        if (client < 0) continue;
        char request[8192] = {0}, path[4096] = {0}, wanted[512], body[65536];
        if (read(client, request, sizeof request - 1) > 0 && sscanf(request, "%*s %4095s", path) == 1) {
            snprintf(wanted, sizeof wanted, "token=%s", token);
            char header[512];
            snprintf(header, sizeof header, "Authorization: token %s", token);
            int known = strstr(path, wanted) || strstr(request, header);
            if (strncmp(path, base, strlen(base)) != 0) answer(client, "404 Not Found", "{}");
            else if (!known) answer(client, "403 Forbidden", "{}");
            else if (strstr(path, "api/contents/data")) {
                list("/session/data", body, sizeof body);
                answer(client, "200 OK", body);
            } else if (strstr(path, "/quit")) {
                answer(client, "200 OK", "{}");
                close(client);
                return 0;
            } else answer(client, "200 OK", "{}");
        }
        close(client);
    }
}
