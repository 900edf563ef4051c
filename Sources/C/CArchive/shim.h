#pragma once
#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

// libarchive turns UTF-8 names into the character set of the thread's locale and loses what that cannot say; in the
// C locale, which a service often has, that is everything but ASCII. These two set UTF-8 for this thread, and undo it.
// The result is what was set before; (locale_t)0 if the locale could not be had.
static inline locale_t execbus_use_utf8_names(void) {
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    return utf8 ? uselocale(utf8) : (locale_t)0;
}

static inline void execbus_restore_names(locale_t before) {
    if (!before) return;
    locale_t utf8 = uselocale(before);
    if (utf8 != LC_GLOBAL_LOCALE) freelocale(utf8);
}
