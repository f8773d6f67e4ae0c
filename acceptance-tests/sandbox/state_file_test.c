/* The state's file: read back after every cut, flip and shuffle of its bytes, after a kill between any two of
 * the system calls that write it, and after a disk that was full. The linker puts our own open, write,
 * rename, unlink, ftruncate and close in front of the real ones. */
#include "acceptance-tests/sandbox/state_file.h"

#include "acceptance-tests/sandbox/change.h"
#include "acceptance-tests/sandbox/state_folder.h"
#include "internal/base/file.h"
#include "internal/base/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- in front of the system ---- */

static struct {
    int kill_in;   /* moments until the process kills itself; 0: never */
    int fail_in;   /* writes until one fails; 0: never */
    bool keep_end; /* what a failed write left cannot be cut off */
    bool slowly;   /* writes are interrupted, and take one byte at a time */
    bool turn;     /* of being interrupted */
} trouble;

static void moment(void)
{
    if (trouble.kill_in > 0 && --trouble.kill_in == 0)
        (void)raise(SIGKILL);
}

int __real_open(const char *path, int flags, int mode);
int __wrap_open(const char *path, int flags, int mode);
ssize_t __real_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size);
int __real_close(int fd);
int __wrap_close(int fd);

int __wrap_open(const char *path, int flags, int mode)
{
    moment();
    int fd = __real_open(path, flags, mode);
    moment();
    return fd;
}

/* A kill can come while some of the bytes are written. */
static ssize_t write_slice(int fd, const char *data, size_t n)
{
    const size_t slices[] = {1, 8, 17, 18, n / 2, n - 1};
    for (size_t i = 0; i < ARRAY_LEN(slices) && trouble.kill_in > 0; i++)
        if (--trouble.kill_in == 0) {
            (void)__real_write(fd, data, slices[i] < n ? slices[i] : n);
            (void)raise(SIGKILL);
        }
    return __real_write(fd, data, n);
}

ssize_t __wrap_write(int fd, const void *data, size_t n)
{
    moment();
    if (trouble.fail_in > 0 && --trouble.fail_in == 0) {
        (void)__real_write(fd, data, n / 2);
        errno = ENOSPC;
        return -1;
    }
    if (trouble.slowly && (trouble.turn = !trouble.turn)) {
        errno = EINTR;
        return -1;
    }
    ssize_t done = trouble.slowly ? __real_write(fd, data, 1) : write_slice(fd, data, n);
    moment();
    return done;
}

int __wrap_rename(const char *from, const char *to)
{
    moment();
    int status = __real_rename(from, to);
    moment();
    return status;
}

int __wrap_unlink(const char *path)
{
    moment();
    int status = __real_unlink(path);
    moment();
    return status;
}

int __wrap_ftruncate(int fd, off_t size)
{
    if (trouble.keep_end) {
        errno = EIO;
        return -1;
    }
    return __real_ftruncate(fd, size);
}

int __wrap_close(int fd)
{
    moment();
    int status = __real_close(fd);
    moment();
    return status;
}

/* ---- a file ---- */

struct fixture {
    struct state_folder folder;
    struct state_file *file;
    json_t *document; /* as saved */
};

static int open_folder(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    memset(&trouble, 0, sizeof trouble);
    state_folder_open(&f->folder);
    *state = f;
    return 0;
}

static int close_folder(void **state)
{
    struct fixture *f = *state;
    memset(&trouble, 0, sizeof trouble);
    state_file_close(f->file);
    json_decref(f->document);
    state_folder_close(&f->folder);
    free(f);
    return 0;
}

/* What save number n leads to: {"n":n,"text":"…","l":[…]}. */
static json_t *document_of(int n, size_t text)
{
    json_t *document = json_object(), *list = json_array();
    char *filler = malloc(text + 1);
    assert_non_null(filler);
    memset(filler, 'a' + n % 26, text);
    filler[text] = '\0';
    (void)json_object_set_new(document, "n", json_integer(n));
    (void)json_object_set_new(document, "text", json_string(filler));
    for (int i = n % 4; i < n; i++)
        (void)json_array_append_new(list, json_pack("{s:i, s:s}", "i", i, "line", "a\nb"));
    (void)json_object_set_new(document, "l", list);
    free(filler);
    return document;
}

static void create(struct fixture *f, json_t *document)
{
    struct err e = ERR_INIT;
    f->document = document;
    if (!state_file_create(f->folder.path, document, &f->file, &e))
        fail_msg("%s", e.text);
}

/* Steals the document. */
static bool save(struct fixture *f, json_t *next, struct err *e)
{
    json_t *changes = change_find(f->document, next);
    bool ok = state_file_save(f->file, changes, next, e);
    if (ok) {
        json_decref(f->document);
        f->document = json_incref(next);
    }
    json_decref(changes);
    json_decref(next);
    return ok;
}

static void must_save(struct fixture *f, json_t *next)
{
    struct err e = ERR_INIT;
    if (!save(f, next, &e))
        fail_msg("%s", e.text);
}

static size_t file_size(struct fixture *f)
{
    struct stat is;
    assert_int_equal(stat(f->folder.path, &is), 0);
    return (size_t)is.st_size;
}

static void put(struct fixture *f, struct str text)
{
    (void)__real_unlink(f->folder.path); /* what replaces a file is flushed, which takes its time */
    int fd = __real_open(f->folder.path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(__real_write(fd, text.p, text.n), text.n);
    assert_int_equal(__real_close(fd), 0);
}

static void assert_holds(struct fixture *f, json_t *wanted, const char *what, size_t n)
{
    struct err e = ERR_INIT;
    json_t *is = NULL;
    if (!state_file_read(f->folder.path, &is, &e))
        fail_msg("%s %zu: %s", what, n, e.text);
    if (!json_equal(is, wanted))
        fail_msg("%s %zu: another document", what, n);
    json_decref(is);
}

static void assert_damaged(struct fixture *f, const char *what, size_t n)
{
    struct err e = ERR_INIT;
    json_t *is = NULL;
    if (state_file_read(f->folder.path, &is, &e) || e.code != ERR_INVALID ||
        !strstr(e.text, "damaged from byte"))
        fail_msg("%s %zu: not refused (%s)", what, n, e.text);
    assert_null(is);
}

enum { RECORDS = 5, TEXT = 10 };

/* Where each record ends. */
static struct str some_records(struct fixture *f, size_t ends[RECORDS])
{
    create(f, document_of(0, TEXT));
    ends[0] = file_size(f);
    for (int i = 1; i < RECORDS; i++) {
        must_save(f, document_of(i, TEXT));
        ends[i] = file_size(f);
    }
    return state_folder_content(&f->folder);
}

/* ---- bytes that are missing or wrong ---- */

static void test_torn_at_every_byte(void **state)
{
    struct fixture *f = *state;
    size_t ends[RECORDS];
    struct str all = some_records(f, ends);
    for (size_t n = 0; n <= all.n; n++) {
        int last = RECORDS - 1;
        while (last >= 0 && ends[last] > n)
            last--;
        put(f, (struct str){all.p, n});
        if (last < 0) {
            assert_damaged(f, "cut in the first record at", n);
            continue;
        }
        json_t *wanted = document_of(last, TEXT);
        assert_holds(f, wanted, "cut at", n);
        json_decref(wanted);
    }
}

static void test_every_bit(void **state)
{
    struct fixture *f = *state;
    size_t ends[RECORDS];
    struct str all = some_records(f, ends);
    char *copy = arena_memdup(f->folder.arena, all.p, all.n);
    for (size_t i = 0; i < all.n * 8; i++) {
        copy[i / 8] = (char)(copy[i / 8] ^ (1 << i % 8));
        put(f, (struct str){copy, all.n});
        assert_damaged(f, "bit", i);
        copy[i / 8] = (char)(copy[i / 8] ^ (1 << i % 8));
    }
}

/* Records by number, then a tail. */
static const struct shuffled {
    const char *order, *tail;
    size_t tail_n;
    int holds; /* the last save that counts; -1: damaged */
} SHUFFLED[] = {
    {"01234", "", 0, 4},
    {"0", "", 0, 0},
    {"", "", 0, -1},
    {"1", "", 0, -1},
    {"1234", "", 0, -1},
    {"0134", "", 0, -1},
    {"0124", "", 0, -1},
    {"01123", "", 0, -1},
    {"0121", "", 0, -1},
    {"00", "", 0, -1},
    {"01230", "", 0, -1},
    {"0213", "", 0, -1},
    {"012", "\0\0\0", 3, -1},
    {"012", "\n", 1, -1},
    {"012", "0000001", 7, 2},
    {"012", "00000010", 8, 2},
    {"012", "00000010 ", 9, 2},
    {"012", "00000010x", 9, -1},
    {"012", "00000010 0123456g", 17, -1},
    {"012", "00000010 01234567x", 18, -1},
    {"012", "00000010 01234567 {", 19, 2},
    {"012", "00000010 01234567 {\n", 20, -1},
    {"012", "00000001 01234567 {", 19, 2},
    {"012", "00000001 01234567 {}", 20, -1},
    {"012", "ffffffff 01234567 {", 19, 2},
    {"012", "0000001G", 8, -1},
    {"", "{\"format\":1}", 12, -1},
    {"", "0000", 4, -1},
};

static void test_shuffled(void **state)
{
    struct fixture *f = *state;
    size_t ends[RECORDS];
    struct str all = some_records(f, ends);
    for (size_t i = 0; i < ARRAY_LEN(SHUFFLED); i++) {
        const struct shuffled *s = &SHUFFLED[i];
        struct buf b = BUF_INIT(65536);
        for (const char *p = s->order; *p; p++) {
            size_t from = *p > '0' ? ends[*p - '1'] : 0;
            assert_true(buf_add(&b, all.p + from, ends[*p - '0'] - from));
        }
        assert_true(buf_add(&b, s->tail, s->tail_n));
        put(f, buf_view(&b));
        json_t *wanted = document_of(s->holds, TEXT);
        if (s->holds < 0)
            assert_damaged(f, "row", i);
        else
            assert_holds(f, wanted, "row", i);
        json_decref(wanted);
        buf_done(&b);
    }
}

/* Whole records with the right sums that make no sense. */
static void test_senseless(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    json_t *changes = json_pack("[[s, [s]]]", "cut", "nothing"), *list = json_array();
    create(f, document_of(0, TEXT));
    assert_true(state_file_save(f->file, changes, f->document, &e));
    assert_damaged(f, "a change that does not fit", 0);
    state_file_close(STEAL(f->file));
    assert_true(state_file_create(f->folder.path, list, &f->file, &e));
    assert_damaged(f, "a document that is a list", 0);
    json_decref(changes);
    json_decref(list);
}

static void test_absent(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    json_t *is = NULL;
    assert_false(state_file_read(f->folder.path, &is, &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
    (void)memset(&e, 0, sizeof e);
    assert_false(
        state_file_read(f->folder.dir, &is, &e)); /* there, but not to be read: not the same as absent */
    assert_int_not_equal(e.code, ERR_NOT_FOUND);
}

/* ---- kills ---- */

enum { SAVES = 6, LONG_TEXT = 80 * 1024 }; /* so that the file is written anew in between */

struct witness {
    int begun, saved; /* numbers of saves; -1: none */
};

static void be_killed(struct fixture *f, int moments, struct witness *w)
{
    struct err e = ERR_INIT;
    trouble.kill_in = moments;
    w->begun = 0;
    create(f, document_of(0, LONG_TEXT));
    w->saved = 0;
    for (int n = 1; n <= SAVES; n++) {
        json_t *next = document_of(n, LONG_TEXT);
        w->begun = n;
        if (!save(f, next, &e))
            _exit(2);
        w->saved = n;
    }
    _exit(trouble.kill_in > 0 ? 1 : 2);
}

/* False: it was through before its moment came. */
static bool kill_one(struct fixture *f, int moments, struct witness *w)
{
    int status;
    *w = (struct witness){-1, -1};
    (void)unlink(f->folder.path);
    pid_t child = fork();
    if (child == 0)
        be_killed(f, moments, w);
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!killed && (!WIFEXITED(status) || WEXITSTATUS(status) != 1))
        fail_msg("moment %d: status %x", moments, (unsigned)status);
    return killed;
}

static void look_after(struct fixture *f, int moments, const struct witness *w)
{
    struct err e = ERR_INIT;
    json_t *is = NULL;
    bool there = state_file_read(f->folder.path, &is, &e);
    if (!there && (w->saved >= 0 || e.code != ERR_NOT_FOUND))
        fail_msg("moment %d: save %d is lost: %s", moments, w->saved, e.text);
    int n = there ? (int)json_integer_value(json_object_get(is, "n")) : 0;
    json_t *wanted = document_of(n, LONG_TEXT);
    if (there && (!json_equal(is, wanted) || n < w->saved || n > w->begun))
        fail_msg("moment %d: holds %d, saved was %d, begun %d", moments, n, w->saved, w->begun);
    create(f, STEAL(wanted)); /* what was left behind is in nobody's way */
    must_save(f, document_of(n + 1, LONG_TEXT));
    assert_holds(f, f->document, "after a kill at moment", (size_t)moments);
    state_file_close(STEAL(f->file));
    json_decref(STEAL(f->document));
    json_decref(is);
}

static void test_killed_at_every_moment(void **state)
{
    struct fixture *f = *state;
    struct witness *w = mmap(NULL, sizeof *w, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int moments = 1;
    assert_true(w != MAP_FAILED);
    for (; kill_one(f, moments, w); moments++)
        look_after(f, moments, w);
    assert_int_equal(w->saved, SAVES);
    assert_in_range(moments, 60, 200); /* seven saves of eight moments or more, renamings besides */
    (void)munmap(w, sizeof *w);
}

/* ---- growth ---- */

static void test_stays_small(void **state)
{
    enum { LIMIT = 256 * 1024 + 8192, ROUNDS = 1000 };
    struct fixture *f = *state;
    size_t before = 0, shrunk = 0;
    create(f, document_of(0, 1000));
    for (int n = 1; n <= ROUNDS; n++) {
        must_save(f, document_of(n % 7, 1000));
        size_t size = file_size(f);
        shrunk += size < before;
        before = size;
        assert_true(size < LIMIT);
    }
    assert_in_range(shrunk, 1, 10);
    assert_holds(f, f->document, "round", ROUNDS);
}

static void test_nothing_new(void **state)
{
    struct fixture *f = *state;
    create(f, document_of(3, TEXT));
    size_t size = file_size(f);
    must_save(f, document_of(3, TEXT));
    assert_int_equal(file_size(f), size);
}

/* ---- full disks ---- */

static void test_full(void **state)
{
    struct fixture *f = *state;
    for (int keep = 0; keep < 2; keep++) {
        struct err e = ERR_INIT;
        create(f, document_of(0, TEXT));
        must_save(f, document_of(1, TEXT));
        trouble.keep_end = keep;
        trouble.fail_in = 1;
        assert_false(save(f, document_of(2, TEXT), &e));
        assert_non_null(strstr(e.text, "No space left"));
        assert_holds(f, f->document, "a failed save, end kept", (size_t)keep);
        must_save(f, document_of(3, TEXT));
        must_save(f, document_of(4, TEXT));
        assert_holds(f, f->document, "later saves, end kept", (size_t)keep);
        trouble.keep_end = false;
        state_file_close(STEAL(f->file));
        json_decref(STEAL(f->document));
    }
}

/* No room for a second file, but for a line; and none for either while the end is spoilt. */
static void test_full_while_rewriting(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    create(f, document_of(0, LONG_TEXT));
    for (int n = 1; n < 5; n++)
        must_save(f, document_of(n, LONG_TEXT));
    size_t size = file_size(f);
    trouble.fail_in = 1;
    must_save(f, document_of(5, LONG_TEXT));
    assert_true(file_size(f) > size);
    assert_holds(f, f->document, "no room to rewrite", 0);
    must_save(f, document_of(6, LONG_TEXT));
    assert_true(file_size(f) < size);
    trouble.keep_end = true;
    trouble.fail_in = 1;
    assert_false(save(f, document_of(7, LONG_TEXT), &e));
    trouble.fail_in = 1;
    assert_false(save(f, document_of(8, LONG_TEXT), &e));
    assert_holds(f, f->document, "no room at all", 0);
    must_save(f, document_of(9, LONG_TEXT));
    assert_holds(f, f->document, "room again", 0);
}

static void test_slowly(void **state)
{
    struct fixture *f = *state;
    trouble.slowly = true;
    create(f, document_of(0, TEXT));
    must_save(f, document_of(1, TEXT));
    trouble.slowly = false;
    assert_holds(f, f->document, "byte by byte", 0);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, open_folder, close_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(test_torn_at_every_byte),
        ROW(test_every_bit),
        ROW(test_shuffled),
        ROW(test_senseless),
        ROW(test_absent),
        ROW(test_killed_at_every_moment),
        ROW(test_stays_small),
        ROW(test_nothing_new),
        ROW(test_full),
        ROW(test_full_while_rewriting),
        ROW(test_slowly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
