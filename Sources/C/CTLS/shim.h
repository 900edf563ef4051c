#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

// What OpenSSL has as macros, which Swift does not import.

// TLS 1.2 and 1.3; nobody may change the keys or the peer in the middle of a 1.2 connection.
static inline int ctls_restrict(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

static inline int ctls_set_server_name(SSL *session, const char *name) {
    return (int)SSL_set_tlsext_host_name(session, name);
}

// Without this OpenSSL would ask for the key's passphrase on the terminal.
static inline int ctls_passphrase(char *buffer, int size, int is_writing, void *text) {
    (void)is_writing;
    size_t length = text ? strlen((const char *)text) : 0;
    if (length == 0 || length > (size_t)size) return -1;
    memcpy(buffer, text, length);
    return (int)length;
}

// The text must live until the key has been read.
static inline void ctls_set_passphrase(SSL_CTX *context, char *text) {
    SSL_CTX_set_default_passwd_cb(context, ctls_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(context, text);
}

static inline int ctls_reason(unsigned long error) { return ERR_GET_REASON(error); }

static inline void ctls_set_owner(SSL *session, void *owner) { SSL_set_app_data(session, owner); }
static inline void *ctls_owner(X509_STORE_CTX *store) {
    SSL *session = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    return session ? SSL_get_app_data(session) : NULL;
}

static inline void ctls_print_issuer(BIO *out, X509 *certificate) {
    X509_NAME_print_ex(out, X509_get_issuer_name(certificate), 0, XN_FLAG_ONELINE);
}

// Writes the hosts and addresses that a certificate is for: "DNS:a.example, IP Address:127.0.0.1".
static inline void ctls_print_subjects(BIO *out, X509 *certificate) {
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        if (i > 0) BIO_puts(out, ", ");
        GENERAL_NAME_print(out, sk_GENERAL_NAME_value(names, i));
    }
    GENERAL_NAMES_free(names);
}
