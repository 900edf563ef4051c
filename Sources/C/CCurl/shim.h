#pragma once
#include <curl/curl.h>

// Options are set and results read by variadic functions, which Swift cannot call: one function for each type.
static inline CURLcode execbus_curl_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode execbus_curl_set_size(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode execbus_curl_set_text(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode execbus_curl_set_pointer(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode execbus_curl_set_list(CURL *easy, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(easy, option, value);
}
// For CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION, which take the same kind of function.
typedef size_t (*execbus_curl_receiver)(char *bytes, size_t size, size_t count, void *context);
static inline CURLcode execbus_curl_set_receiver(CURL *easy, CURLoption option, execbus_curl_receiver receiver) {
    return curl_easy_setopt(easy, option, receiver);
}
static inline CURLcode execbus_curl_get_long(CURL *easy, CURLINFO info, long *value) {
    return curl_easy_getinfo(easy, info, value);
}
static inline CURLcode execbus_curl_get_text(CURL *easy, CURLINFO info, const char **value) {
    return curl_easy_getinfo(easy, info, (char **)value);
}
// The result of a transfer stands in a union.
static inline CURLcode execbus_curl_message_result(const CURLMsg *message) { return message->data.result; }
