#include "acceptance-tests/sandbox/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Wire codes whose HTTP status is not 400 (aws-apis: Common errors, and the numbers behind each operation's
 * errors). */
static const struct status_row {
    const char *code;
    int status;
} STATUS[] = {
    {"AccessDenied", 403},
    {"AccessDeniedException", 400},
    {"BlueGreenDeploymentNotFoundFault", 404},
    {"DBClusterEndpointNotFoundFault", 400},
    {"DBClusterNotFoundFault", 404},
    {"DBClusterSnapshotNotFoundFault", 404},
    {"DBInstanceNotFound", 404},
    {"DBLogFileNotFoundFault", 404},
    {"DBParameterGroupNotFound", 404},
    {"DBSubnetGroupNotFoundFault", 404},
    {"ExpiredToken", 403},
    {"DBProxyNotFoundFault", 404},
    {"GlobalClusterNotFoundFault", 404},
    {"HostedZoneAlreadyExists", 409},
    {"InternalFailure", 500},
    {"InvalidClientTokenId", 403},
    {"MissingAuthenticationToken", 403},
    {"NoSuchChange", 404},
    {"NoSuchHostedZone", 404},
    {"RequestEntityTooLarge", 413},
    {"ResourceNotFoundFault", 404},
    {"ServiceUnavailable", 503},
    {"SignatureDoesNotMatch", 403},
};

bool fault_set(struct fault *f, const char *code, const char *fmt, ...)
{
    if (!f || f->code)
        return false;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
    f->code = code;
    return false;
}

int fault_status(const char *code)
{
    for (size_t i = 0; i < ARRAY_LEN(STATUS); i++)
        if (strcmp(STATUS[i].code, code) == 0)
            return STATUS[i].status;
    return 400;
}

bool fault_is_receiver(const char *code)
{
    return fault_status(code) >= 500;
}

static const char *escape_of(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\r':
        return "&#xD;";
    default:
        return c < 0x20 && c != '\t' && c != '\n' ? "?" : NULL;
    }
}

/* Character data: markup escaped, what XML 1.0 cannot hold replaced by '?'. */
static void xml_escape(struct buf *b, const char *text)
{
    size_t from = 0, i = 0;
    for (; text[i]; i++) {
        const char *escape = escape_of((unsigned char)text[i]);
        if (!escape)
            continue;
        (void)buf_add(b, text + from, i - from);
        (void)buf_puts(b, escape);
        from = i + 1;
    }
    (void)buf_add(b, text + from, i - from);
}

static void tag(struct buf *b, const char *open, const char *name)
{
    (void)buf_puts(b, open);
    (void)buf_puts(b, name);
    (void)buf_puts(b, ">");
}

static void write_rows(struct buf *b, const struct member *rows, const json_t *object);

static void write_real(struct buf *b, double value)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%.10g", value);
    (void)buf_printf(b, "%s%s", text, strpbrk(text, ".e") ? "" : ".0"); /* AWS prints 16.0, never 16 */
}

static void write_list(struct buf *b, const struct member *row, const json_t *list)
{
    size_t i;
    json_t *element;
    json_array_foreach(list, i, element)
    {
        tag(b, "<", row->element);
        if (row->fields)
            write_rows(b, row->fields, element);
        else if (json_is_string(element))
            xml_escape(b, json_string_value(element));
        tag(b, "</", row->element);
    }
}

static void write_value(struct buf *b, const struct member *row, const json_t *value)
{
    if (row->kind == SHAPE_LIST)
        write_list(b, row, value);
    else if (row->kind == SHAPE_STRUCT)
        write_rows(b, row->fields, value);
    else if (json_is_string(value))
        xml_escape(b, json_string_value(value));
    else if (json_is_boolean(value))
        (void)buf_puts(b, json_is_true(value) ? "true" : "false");
    else if (json_is_integer(value) && row->kind != SHAPE_REAL)
        (void)buf_printf(b, "%lld", (long long)json_integer_value(value));
    else
        write_real(b, json_number_value(value));
}

static void write_rows(struct buf *b, const struct member *rows, const json_t *object)
{
    for (const struct member *row = rows; row->kind != SHAPE_END; row++) {
        const json_t *value = json_object_get(object, row->name);
        if (!value || json_is_null(value))
            continue;
        tag(b, "<", row->name);
        write_value(b, row, value);
        tag(b, "</", row->name);
    }
}

void reply_xml(struct buf *b, const char *xmlns, const char *action, const struct member *rows,
               const json_t *result, const char *request_id)
{
    (void)buf_printf(b, "<%sResponse xmlns=\"%s\">", action, xmlns);
    if (rows) {
        (void)buf_printf(b, "<%sResult>", action);
        write_rows(b, rows, result);
        (void)buf_printf(b, "</%sResult>", action);
    }
    (void)buf_printf(b, "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>",
                     request_id, action);
}

void reply_rest(struct buf *b, const char *xmlns, const char *action, const struct member *rows,
                const json_t *result)
{
    (void)buf_printf(b, "<?xml version=\"1.0\"?>\n<%sResponse xmlns=\"%s\">", action, xmlns);
    write_rows(b, rows, result);
    (void)buf_printf(b, "</%sResponse>", action);
}

void reply_xml_fault(struct buf *b, const char *xmlns, const struct fault *f, const char *request_id)
{
    (void)buf_printf(b, "<ErrorResponse xmlns=\"%s\"><Error><Type>%s</Type><Code>%s</Code><Message>", xmlns,
                     fault_is_receiver(f->code) ? "Receiver" : "Sender", f->code);
    xml_escape(b, f->text);
    (void)buf_printf(b, "</Message></Error><RequestId>%s</RequestId></ErrorResponse>", request_id);
}

void reply_json(struct buf *b, const json_t *result)
{
    char *text = json_dumps(result, JSON_COMPACT);
    (void)buf_puts(b, text ? text : "{}");
    free(text);
}

void reply_json_fault(struct buf *b, const struct fault *f)
{
    json_t *object = json_pack("{s:s, s:s}", "__type", f->code, "message", f->text);
    reply_json(b, object);
    json_decref(object);
}
