/* DescribeDBLogFiles, DownloadDBLogFilePortion: what upgrades wrote, below DIR/logs/<cluster>/<time>/. A file
 * is shown as "error/<file>.<time>"; names in requests are only compared with that listing, never used as
 * paths. */
#include "acceptance-tests/sandbox/describe.h"
#include "internal/base/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PORTION_MAX = 1024 * 1024, LINES_MAX = 10000, FILE_MAX = 64 * 1024 * 1024, FILES_SHOWN_MAX = 2000 };

static const struct member FILES_IN[] = {STR_REQUIRED("DBInstanceIdentifier"),
                                         STR("FilenameContains"),
                                         INT("FileLastWritten"),
                                         INT("FileSize"),
                                         DESCRIBE_MEMBERS,
                                         SHAPE_END_ROW};
static const struct member FILE_OUT[] = {STR("LogFileName"), INT("LastWritten"), INT("Size"), SHAPE_END_ROW};
static const struct member FILES_OUT[] = {
    LIST_OF("DescribeDBLogFiles", "DescribeDBLogFilesDetails", FILE_OUT), STR("Marker"), SHAPE_END_ROW};
static const struct member PORTION_IN[] = {STR_REQUIRED("DBInstanceIdentifier"), STR_REQUIRED("LogFileName"),
                                           STR("Marker"), INT("NumberOfLines"), SHAPE_END_ROW};
static const struct member PORTION_OUT[] = {STR("LogFileData"), STR("Marker"), BOOL("AdditionalDataPending"),
                                            SHAPE_END_ROW};

static void add_file(json_t *list, const char *path, const char *shown)
{
    struct stat st;
    if (json_array_size(list) >= FILES_SHOWN_MAX || lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return;
    json_t *file = json_pack("{s:s, s:s, s:I, s:I}", "_path", path, "LogFileName", shown, "LastWritten",
                             (json_int_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000, "Size",
                             (json_int_t)st.st_size);
    if (file)
        (void)json_array_append_new(list, file);
}

static void add_folder(struct arena *a, json_t *list, const char *folder, const char *run)
{
    DIR *dir = opendir(arena_printf(a, "%s/%s", folder, run));
    struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            add_file(list, arena_printf(a, "%s/%s/%s", folder, run, entry->d_name),
                     arena_printf(a, "error/%s.%s", entry->d_name, run));
    if (dir)
        (void)closedir(dir);
}

static int by_name(const void *x, const void *y)
{
    const json_t *const *a = x, *const *b = y;
    return strcmp(rec_str(*a, "LogFileName"), rec_str(*b, "LogFileName"));
}

static json_t *sorted(json_t *list)
{
    size_t n = json_array_size(list);
    json_t **items = calloc(n + 1, sizeof *items), *out = json_array();
    for (size_t i = 0; items && i < n; i++)
        items[i] = json_array_get(list, i);
    if (items)
        qsort(items, n, sizeof(json_t *), by_name);
    for (size_t i = 0; items && i < n; i++)
        (void)json_array_append(out, items[i]);
    free(items);
    json_decref(list);
    return out;
}

/* Every log file of the instance; servers and upgrades write for the writer only. Without the lock, because
 * the engine is asked; NULL with a fault: no such instance. */
static json_t *files_of(struct call *c)
{
    struct err none = ERR_INIT;
    const char *log = NULL;
    sandbox_lock(c->sb);
    const json_t *instance = need(c, KIND_INSTANCE, "DBInstanceIdentifier");
    const char *cluster = instance ? arena_strdup(c->arena, rec_str(instance, "_cluster")) : NULL;
    bool writer = rec_bool(instance, "_writer");
    sandbox_unlock(c->sb);
    if (!cluster)
        return NULL;
    json_t *list = json_array();
    const char *folder = arena_printf(c->arena, "%s/logs/%s", c->sb->state_dir, cluster);
    DIR *dir = writer ? opendir(folder) : NULL;
    struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            add_folder(c->arena, list, folder, entry->d_name);
    if (dir)
        (void)closedir(dir);
    if (writer && volume_log_file(c->sb->engine, c->arena, cluster, &log, &none))
        add_file(list, log, "error/postgresql.log");
    return sorted(list);
}

static bool describe_files(struct call *c)
{
    const char *contains = rec_str(c->in, "FilenameContains");
    size_t i;
    json_t *file, *all = files_of(c), *kept = json_array();
    if (!all) {
        json_decref(kept);
        return false;
    }
    json_array_foreach(all, i, file)
    {
        if (strstr(rec_str(file, "LogFileName"), contains) &&
            rec_int(file, "LastWritten") >= rec_int(c->in, "FileLastWritten") &&
            rec_int(file, "Size") >= rec_int(c->in, "FileSize"))
            (void)json_array_append(kept, file);
    }
    json_decref(all);
    return paginate(c, kept, "DescribeDBLogFiles");
}

/* Where a portion starts: at the marker's byte, or so that the last `lines` lines are in it. */
static size_t portion_start(const struct call *c, struct str text, int64_t lines)
{
    const char *marker = rec_str(c->in, "Marker"), *colon = strchr(marker, ':');
    if (*marker) {
        unsigned long long at = strtoull(colon ? colon + 1 : marker, NULL, 10);
        return at < text.n ? (size_t)at : text.n;
    }
    size_t at = text.n;
    while (at > 0 && (text.p[at - 1] != '\n' || at == text.n || --lines > 0))
        at--;
    return at;
}

static size_t portion_end(struct str text, size_t from, int64_t lines)
{
    size_t at = from;
    while (at < text.n && at - from < PORTION_MAX && lines > 0)
        lines -= text.p[at++] == '\n';
    return at;
}

static bool give_portion(struct call *c, const char *path)
{
    struct str text;
    struct err e = ERR_INIT;
    int64_t lines = rec_has(c->in, "NumberOfLines") ? rec_int(c->in, "NumberOfLines") : LINES_MAX;
    if (lines < 1 || lines > LINES_MAX)
        return fault_set(&c->fault, "InvalidParameterValue", "NumberOfLines must be between 1 and %d.",
                         LINES_MAX);
    if (!file_read(c->arena, path, FILE_MAX, &text, &e))
        return fault_set(&c->fault, "InternalFailure", "%s", e.text);
    size_t from = portion_start(c, text, lines), to = portion_end(text, from, lines);
    char *data = arena_memdup(c->arena, text.p + from, to - from);
    for (size_t i = 0; i < to - from; i++)
        if ((unsigned char)data[i] >= 0x80 || data[i] == '\0')
            data[i] = '?';
    rec_set_str(c->out, "LogFileData", data);
    rec_printf(c->out, "Marker", "0:%zu", to);
    rec_set_bool(c->out, "AdditionalDataPending", to < text.n);
    return true;
}

static bool download_portion(struct call *c)
{
    const char *wanted = rec_str(c->in, "LogFileName"), *path = NULL;
    size_t i;
    json_t *file, *all = files_of(c);
    if (!all)
        return false;
    json_array_foreach(all, i, file)
    {
        if (rec_is(file, "LogFileName", wanted))
            path = arena_strdup(c->arena, rec_str(file, "_path"));
    }
    json_decref(all);
    if (!path)
        return fault_set(&c->fault, "DBLogFileNotFoundFault",
                         "DBLog File: %.200s is not found on the DB instance", wanted);
    return give_portion(c, path);
}

const struct op OPS_LOGS[] = {
    {"rds", "DescribeDBLogFiles", FILES_IN, FILES_OUT, .run = describe_files,
     .flags = OP_READS | OP_UNLOCKED},
    {"rds", "DownloadDBLogFilePortion", PORTION_IN, PORTION_OUT, .run = download_portion,
     .flags = OP_READS | OP_UNLOCKED},
    {0},
};
