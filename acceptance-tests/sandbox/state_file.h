/* state_file.h — a JSON document on disk that is cheap to change: the whole document once, then one line for
 * every saved change, until those are many; then a new file with the whole document takes the name.
 *
 * A record is one line: the length of its text and a CRC-32 of length and text (eight hexadecimal digits and
 * a blank each), and {"seq":N,"whole":DOCUMENT} or {"seq":N,"changes":LIST} (change.h). The first is whole,
 * the numbers have no gap. JSON holds no line feed, so one that is not a record's end is damage.
 *
 * What is there after a SIGKILL at any moment: every record whose write had returned. A record is one
 * write, and one that was cut short has no line feed: it is left out at the next start, with all of its
 * changes. A whole document is written beside the file and takes its name in one step, so that there is
 * always one or the other. What a full disk left half written is cut off at once, or, failing that, the next
 * save writes the whole document.
 * What is there after a loss of power: nothing is forced to the disk, as with the servers' data, so it may be
 * an earlier state, or a damaged file.
 * Damage is refused with the byte where it begins and never repaired, because a document with a part missing
 * looks like one where somebody deleted it: a record that is whole but does not match its sum, that is out of
 * number, or whose changes do not fit; an empty file; a first record that is cut short.
 *
 * One process per path (the sandbox locks the state's folder), one thread at a time.
 */
#ifndef SANDBOX_STATE_FILE_H
#define SANDBOX_STATE_FILE_H

#include "internal/base/err.h"

#include <jansson.h>

struct state_file;

/* Reads what is there into *ret_document (a new reference); ERR_NOT_FOUND: there is no file. */
MUST_CHECK bool state_file_read(const char *path, json_t **ret_document, struct err *e);

/* Puts a file with this document in the place of whatever is there. */
MUST_CHECK bool state_file_create(const char *path, const json_t *document, struct state_file **ret,
                                  struct err *e);
void state_file_close(struct state_file *f); /* NULL allowed */

/* Saves `changes`, which lead from what is saved to `document`; whether as a line or by writing the whole
 * document is decided here. On failure nothing of it is saved. */
MUST_CHECK bool state_file_save(struct state_file *f, const json_t *changes, const json_t *document,
                                struct err *e);

#endif
