/* log.h — one JSON object per line on stderr, as Terraform's plugin host reads it (go-plugin: @level,
 * @message,
 * @timestamp must be strings, the time with exactly six fraction digits; anything else crashes Terraform
 * itself).
 *
 * Secrets registered with log_secret() are masked in every line, whoever writes it. Nothing else of ours may
 * write to stderr but the crash handler. Thread-safe; a line is one write(2). Silent unless TF_LOG_PROVIDER
 * or TF_LOG asks for the level, so building a message nobody reads costs one comparison.
 */
#ifndef AURORA_LOG_H
#define AURORA_LOG_H

#include "internal/base/base.h"

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

void log_init(const char *tf_log); /* value of TF_LOG_PROVIDER or TF_LOG; NULL or unknown: off */
bool log_enabled(enum log_level level);
void log_line(enum log_level level, const char *module, const char *fmt, ...) PRINTF(3, 4);

#define log_debug(module, ...)                                                                               \
    do {                                                                                                     \
        if (log_enabled(LOG_DEBUG))                                                                          \
            log_line(LOG_DEBUG, module, __VA_ARGS__);                                                        \
    } while (0)

/* Masks every later occurrence of this text. Values under 6 bytes are ignored (they would mask half the log).
 * At most 256 are kept; the one that was registered longest ago is forgotten first, so whoever still uses an
 * old secret registers it again. */
void log_secret(const char *value);

/* Replaces registered secrets in a text of ours that leaves by another way (journal, diagnostics). In place.
 */
void log_mask(char *text);

#endif
